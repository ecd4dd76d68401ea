import type { Assembly, TemplateResource } from './assembly';
import type { Maker, ProvisionContext } from './context';
import { Resolver, type ResourceValues } from './intrinsics';
import { creationOrder } from './order';
import { makeCustomResource } from './resources/custom-resource';
import { makeEventSourceMapping, makeFunction } from './resources/function';
import { makeQueue } from './resources/queue';
import { RestApiMakers } from './resources/rest-api';
import { makeSecret } from './resources/secret';
import { makeTable } from './resources/table';

const MAKERS: Readonly<Record<string, Maker>> = {
  'AWS::SQS::Queue': makeQueue,
  'AWS::DynamoDB::GlobalTable': makeTable,
  'AWS::SecretsManager::Secret': makeSecret,
  'AWS::Lambda::Function': makeFunction,
  'AWS::Lambda::EventSourceMapping': makeEventSourceMapping,
};

/**
 * Types that do nothing for the way of a postback: rights, logs, watching, schedules. A reference
 * to one gives its logical id.
 */
const IGNORED_TYPES = new Set([
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Events::Rule',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::Logs::QueryDefinition',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
]);

/** What stands after a template was provisioned. */
export interface Provisioned {
  /** The template's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  /** What `Ref` and `Fn::GetAtt` give, by logical id. */
  readonly resources: ReadonlyMap<string, ResourceValues>;
}

/**
 * Makes the resources of a synthesized stack on the embedded parts, each after all that it depends
 * on.
 */
export async function provision(
  assembly: Assembly,
  given: Omit<ProvisionContext, 'assetPath'>,
): Promise<Provisioned> {
  const context: ProvisionContext = { ...given, assetPath: assembly.assetPath };
  const { template, stackName } = assembly;
  const made = new Map<string, ResourceValues>();
  const resolver = new Resolver(stackName, made);
  const makers = { ...MAKERS, ...new RestApiMakers().makers };
  for (const logicalId of creationOrder(template)) {
    context.signal?.throwIfAborted();
    const resource = template.Resources[logicalId];
    if (resource === undefined) continue;
    made.set(logicalId, await make(logicalId, resource));
  }
  return { outputs: outputs(), resources: made };

  async function make(
    logicalId: string,
    { Type: type, Properties = {} }: TemplateResource,
  ): Promise<ResourceValues> {
    if (IGNORED_TYPES.has(type)) {
      return { ref: logicalId, attributes: { Arn: `arn:aws:local:::${logicalId}` } };
    }
    const maker = type.startsWith('Custom::') ? makeCustomResource : makers[type];
    if (maker === undefined) {
      throw new Error(
        `${logicalId}: the local run does not know the resource type ${type}; ` +
          'add a maker to local/template/resources, or name the type among the ignored ones in local/template/provision.ts',
      );
    }
    const properties = resolver.resolve(Properties) as Record<string, unknown>;
    return maker({ logicalId, type, properties }, context);
  }

  function outputs(): Record<string, string> {
    const values = Object.entries(template.Outputs ?? {}).map(([name, { Value }]) => [
      name,
      resolver.text(Value),
    ]);
    return Object.fromEntries(values);
  }
}
