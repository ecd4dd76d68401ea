import { App } from 'aws-cdk-lib';
import { ENVIRONMENT } from '../../core/names';
import { addMatrix } from '../template/matrix';
import { END_OF_DEPLOYMENT, STACK_ID } from './known-events';
import type { Pipe } from './pipes';
import type { Rule } from './rules';

interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template has any shape
  readonly Properties: any;
}

/** The patterns of the stacks that together use every option. */
export function templatePatterns(): { pipes: Pipe[]; rules: Rule[] } {
  const app = new App();
  const names = addMatrix(app);
  const assembly = app.synth();
  const pipes: Pipe[] = [];
  const rules: Rule[] = [];
  for (const name of names) {
    const resources: Record<string, Resource> = assembly.getStackByName(name).template.Resources;
    for (const [id, { Type, Properties }] of Object.entries(resources)) {
      const where = `${name}/${id}`;
      if (Type === 'AWS::Pipes::Pipe') pipes.push(pipeOf(where, Properties, resources));
      if (Type === 'AWS::Events::Rule' && Properties.EventPattern !== undefined)
        rules.push(ruleOf(where, Properties.EventPattern));
    }
  }
  return { pipes, rules };
}

function pipeOf(
  where: string,
  properties: Resource['Properties'],
  resources: Record<string, Resource>,
): Pipe {
  const { Variables } =
    resources[properties.Enrichment['Fn::GetAtt'][0]]?.Properties.Environment ?? {};
  const { Filters } = properties.SourceParameters.FilterCriteria;
  return {
    where,
    patterns: Filters.map(({ Pattern }: { Pattern: string }) => JSON.parse(Pattern)),
    filter: JSON.parse(Variables[ENVIRONMENT.transactionFilter]),
  };
}

/** The only rules with a pattern start the reconciliation after a deployment. */
const ruleOf = (where: string, pattern: object): Rule => ({
  where,
  pattern: JSON.parse(
    JSON.stringify(pattern).replaceAll('{"Ref":"AWS::StackId"}', JSON.stringify(STACK_ID)),
  ),
  topics: [END_OF_DEPLOYMENT],
});
