import {
  type CloudFormationClient,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';

/** Resources that keep data or a position, or are part of a URL: no upgrade may replace one. */
const STATEFUL_TYPES = [
  'AWS::ApiGateway::RestApi',
  'AWS::DynamoDB::GlobalTable',
  'AWS::DynamoDB::Table',
  'AWS::KinesisFirehose::DeliveryStream',
  'AWS::Logs::LogGroup',
  'AWS::Pipes::Pipe',
  'AWS::S3::Bucket',
  'AWS::SecretsManager::Secret',
  'AWS::SQS::Queue',
];

/** Physical IDs of the stateful resources, by type and logical ID. */
export type PhysicalIds = ReadonlyMap<string, string>;

export async function physicalIds(
  client: CloudFormationClient,
  StackName: string,
): Promise<PhysicalIds> {
  const ids = new Map<string, string>();
  for await (const { StackResourceSummaries = [] } of paginateListStackResources(
    { client },
    { StackName },
  )) {
    for (const {
      ResourceType = '',
      LogicalResourceId,
      PhysicalResourceId = '',
    } of StackResourceSummaries) {
      if (STATEFUL_TYPES.includes(ResourceType))
        ids.set(`${ResourceType} ${LogicalResourceId}`, PhysicalResourceId);
    }
  }
  return ids;
}

/** The resources of `before` that are not in `after`, or that are others there. */
export const replacedResources = (before: PhysicalIds, after: PhysicalIds): string[] =>
  [...before].filter(([name, id]) => after.get(name) !== id).map(([name]) => name);

/**
 * The stateful resources that CloudFormation would replace or delete, from the output of `cdk
 * diff`.
 *
 * An emulator updates in place what CloudFormation replaces, so physical IDs alone prove less.
 */
export const replacedInDiff = (diff: string): string[] =>
  diff
    .split('\n')
    .filter((line) => /^\[-\]|(replaced?|destroy|orphan)$/.test(line.trim()))
    .filter((line) => STATEFUL_TYPES.some((type) => line.includes(`] ${type} `)));
