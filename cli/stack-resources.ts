import {
  type CloudFormationClient,
  GetTemplateCommand,
  paginateListStackResources,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { REGISTRATION_ID_PREFIX, REGISTRATION_RESOURCE_TYPE } from '../core/names';
import type { ResourceName, Resources } from './installation';

type Sought = readonly [name: ResourceName, type: RegExp, logicalId: RegExp];

/**
 * The construct's names of its parts. A logical ID is the path in the stack without slashes, and a
 * hash of eight digits.
 */
const SOUGHT: readonly Sought[] = [
  ['stateTableName', /^AWS::DynamoDB::(Global)?Table$/, /StateTable$/],
  ['queueUrl', /^AWS::SQS::Queue$/, /PostbackQueue$/],
  ['deadLetterQueueUrl', /^AWS::SQS::Queue$/, /PostbackQueueDeadLetterQueue$/],
  ['registrationFunctionName', /^AWS::Lambda::Function$/, /RegistrationProviderFunction$/],
  ['statusWatchFunctionName', /^AWS::Lambda::Function$/, /StatusWatchFunction$/],
  ['reconciliationFunctionName', /^AWS::Lambda::Function$/, /ReconciliationFunction$/],
  ['archiveStreamName', /^AWS::KinesisFirehose::DeliveryStream$/, /ArchiveStream$/],
];

/** Parts that a RakutenPostback may not have. */
const OPTIONAL: readonly ResourceName[] = [
  'statusWatchFunctionName',
  'reconciliationFunctionName',
  'archiveStreamName',
];

/**
 * Resources that need no outputs: they are found by type and name, if the stack has one
 * RakutenPostback.
 */
export const FOUND_IN_STACK: readonly ResourceName[] = [...SOUGHT.map(([name]) => name), 'sid'];

/**
 * The resources of a stack and its nested stacks.
 *
 * Logical IDs that the application chose itself are replaced by those that the CDK would have
 * generated, if the template has the construct paths (`aws:cdk:path`).
 */
export async function listResources(
  client: CloudFormationClient,
  stackName: string,
): Promise<StackResourceSummary[]> {
  const found: StackResourceSummary[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName: stackName }))
    found.push(...(page.StackResourceSummaries ?? []));
  const own = hasUnusualIds(found) ? await withGeneratedIds(client, stackName, found) : found;
  const nested: StackResourceSummary[] = [];
  for (const { ResourceType, PhysicalResourceId, ResourceStatus } of found) {
    if (
      ResourceType !== 'AWS::CloudFormation::Stack' ||
      PhysicalResourceId === undefined ||
      ResourceStatus === 'DELETE_COMPLETE'
    )
      continue;
    nested.push(...(await listResources(client, PhysicalResourceId)));
  }
  return [...own, ...nested];
}

/**
 * A registration whose construct cannot be found with all of its parts under names that the CDK
 * generates.
 */
function hasUnusualIds(summaries: readonly StackResourceSummary[]): boolean {
  const complete = constructsIn(summaries).filter((construct) => {
    const found = readResources(summaries, construct);
    return SOUGHT.every(([name]) => found[name] !== undefined);
  });
  return summaries.some(
    ({ ResourceType, LogicalResourceId = '' }) =>
      ResourceType === REGISTRATION_RESOURCE_TYPE &&
      !complete.some((construct) => LogicalResourceId.startsWith(`${construct}Publisher`)),
  );
}

async function withGeneratedIds(
  client: CloudFormationClient,
  stackName: string,
  summaries: readonly StackResourceSummary[],
): Promise<StackResourceSummary[]> {
  const { TemplateBody = '{}' } = await client.send(
    new GetTemplateCommand({ StackName: stackName, TemplateStage: 'Original' }),
  );
  const { Resources = {} } = parseTemplate(TemplateBody);
  return summaries.map((summary) => {
    const path = Resources[summary.LogicalResourceId ?? '']?.Metadata?.['aws:cdk:path'];
    return path === undefined ? summary : { ...summary, LogicalResourceId: generatedId(path) };
  });
}

interface TemplateWithPaths {
  readonly Resources?: Readonly<
    Record<string, { readonly Metadata?: Readonly<Record<string, string>> }>
  >;
}

/** The CDK writes templates as JSON. Another one has no construct paths. */
function parseTemplate(text: string): TemplateWithPaths {
  try {
    return JSON.parse(text) as TemplateWithPaths;
  } catch {
    return {};
  }
}

/**
 * `PostbackStateTableTable00000000` for `Stack/Postback/StateTable/Table/Resource`, as the CDK
 * names it, with another hash.
 */
function generatedId(path: string): string {
  const names = path
    .split('/')
    .slice(1)
    .filter((name) => name !== 'Resource' && name !== 'Default');
  const withoutRepetition = names.filter((name, i) => i === 0 || !names[i - 1]?.endsWith(name));
  return `${withoutRepetition.map((name) => name.replace(/[^A-Za-z0-9]/g, '')).join('')}00000000`;
}

/**
 * The RakutenPostbacks in a stack, by the prefix of their logical IDs: `Postback`, or
 * `ShopPostback` inside a construct `Shop`.
 */
export function constructsIn(summaries: readonly StackResourceSummary[]): string[] {
  const functions = summaries
    .filter(({ ResourceType }) => ResourceType === 'AWS::Lambda::Function')
    .map(({ LogicalResourceId }) => withoutHash(LogicalResourceId));
  return [
    ...new Set(
      functions.flatMap((name) => /^(.*)RegistrationProviderFunction$/.exec(name)?.[1] ?? []),
    ),
  ].sort();
}

/**
 * The parts among the resources of a stack. A part that exists twice is unknown. A part that the
 * construct was created without is empty, as in an output.
 *
 * @param construct which RakutenPostback, if the stack has several
 */
export function readResources(
  summaries: readonly StackResourceSummary[],
  construct?: string,
): Resources {
  const found: Partial<Record<ResourceName, string>> = {};
  const keep = (name: ResourceName, [value, ...more]: readonly string[]): void => {
    if (value !== undefined && more.length === 0) found[name] = value;
    else if (
      value === undefined &&
      found.registrationFunctionName !== undefined &&
      OPTIONAL.includes(name)
    )
      found[name] = '';
  };
  for (const [name, type, logicalId] of SOUGHT) {
    const whole =
      construct === undefined ? logicalId : new RegExp(`^${construct}${logicalId.source}`);
    const those = summaries.filter(
      (summary) =>
        type.test(summary.ResourceType ?? '') && whole.test(withoutHash(summary.LogicalResourceId)),
    );
    keep(
      name,
      those.flatMap(({ PhysicalResourceId }) => PhysicalResourceId ?? []),
    );
  }
  const registrations = summaries.filter(
    ({ ResourceType, LogicalResourceId = '' }) =>
      ResourceType === REGISTRATION_RESOURCE_TYPE &&
      LogicalResourceId.startsWith(construct === undefined ? '' : `${construct}Publisher`),
  );
  keep(
    'sid',
    registrations.flatMap(({ PhysicalResourceId: id = '' }) =>
      id.startsWith(REGISTRATION_ID_PREFIX) ? id.slice(REGISTRATION_ID_PREFIX.length) : [],
    ),
  );
  return found;
}

/** A logical id, or the key of an output, without the hash at its end. */
export const withoutHash = (logicalId = ''): string => logicalId.replace(/[0-9A-F]{8}$/, '');
