import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';

/**
 * Where the stack of the app deviates from the AwsSolutions rules of cdk-nag, and why: one entry
 * for one rule on one resource (paths below the RakutenPostback). docs/security.md tells the same
 * to the reader who deploys it.
 */
export const ACKNOWLEDGED: readonly {
  readonly path: string;
  readonly rule: string;
  readonly reason: string;
}[] = [
  {
    path: 'IngestionApi/Api/Default/postback/GET',
    rule: 'AwsSolutions-APIG4',
    reason:
      'Rakuten sends a plain GET: it has no credentials to be authorized by. The secret in the URL is checked by the consumer, after the answer.',
  },
  {
    path: 'IngestionApi/Api/Default/postback/GET',
    rule: 'AwsSolutions-COG4',
    reason: 'As APIG4: Rakuten cannot sign in to a user pool.',
  },
  {
    path: 'IngestionApi/Api',
    rule: 'AwsSolutions-APIG2',
    reason:
      'A validator answers 400 to what it does not like, and Rakuten never sends a line again. Every GET is stored first and judged afterwards.',
  },
  {
    path: 'IngestionApi/Api/DeploymentStage.prod',
    rule: 'AwsSolutions-APIG1',
    reason:
      'Access logs need the CloudWatch role that the whole account and region share, which is not for a library to set.',
  },
  {
    path: 'IngestionApi/Api/DeploymentStage.prod',
    rule: 'AwsSolutions-APIG6',
    reason:
      'Execution logs need the same role of the account, and would show the query string with its secret.',
  },
  {
    path: 'IngestionApi/Api/DeploymentStage.prod',
    rule: 'AwsSolutions-APIG3',
    reason:
      'A firewall that takes a postback for an attack loses the line for good, and Rakuten publishes no source addresses to let through.',
  },
  {
    path: 'RegistrationProvider/ProviderRole/DefaultPolicy',
    rule: 'AwsSolutions-IAM5[Resource::<PostbackRegistrationProviderFunction3F88B594.Arn>:*]',
    reason:
      "CDK's provider framework may invoke any version of the one function it stands in front of; the star is behind that function's ARN.",
  },
  {
    path: 'Publisher/UrlSecret',
    rule: 'AwsSolutions-SMG4',
    reason:
      'The secret is part of a URL that is registered at Rakuten: it is rotated by registering the URL anew, not by a function on a timer.',
  },
];

/**
 * Turns the AwsSolutions rules on for an app, with each deviation acknowledged on the one resource
 * that it is of. Synthesis fails on any other.
 */
export function checkWithNag(app: App, postback: IConstruct): void {
  for (const { path, rule, reason } of ACKNOWLEDGED) {
    const resource = [...path.split('/'), 'Resource'].reduce<IConstruct>(
      (scope, id) => scope.node.findChild(id),
      postback,
    );
    Validations.of(resource).acknowledge({ id: `AwsSolutions::${rule}`, reason });
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

interface Finding {
  readonly ruleName: string;
  readonly violatingConstructs: readonly { readonly constructPath: string }[];
}

/**
 * What the rules found, as `rule at path`, sorted: the unexplained and the acknowledged findings of
 * a synthesized app.
 */
export function nagFindings(
  directory: string,
  postback: IConstruct,
): { readonly unexplained: string[]; readonly acknowledged: string[] } {
  const report = JSON.parse(readFileSync(join(directory, 'validation-report.json'), 'utf8'));
  const { violations, suppressedViolations } = report.pluginReports.find(
    (p: { pluginName: string }) => p.pluginName === 'AwsSolutions',
  );
  const inWords = (findings: readonly Finding[]): string[] =>
    findings
      .flatMap(({ ruleName, violatingConstructs }) =>
        violatingConstructs.map(
          ({ constructPath }) =>
            `${ruleName} at ${constructPath.replace(`${postback.node.path}/`, '').replace(/\/Resource$/, '')}`,
        ),
      )
      .sort();
  return { unexplained: inWords(violations), acknowledged: inWords(suppressedViolations) };
}
