import { usageError } from './errors';

/** Options that every command understands. */
export interface GlobalOptions {
  readonly stack?: string;
  readonly construct?: string;
  readonly table?: string;
  readonly local?: boolean;
  readonly region?: string;
  readonly profile?: string;
  readonly dayShards?: number;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** The known parts of an installation, with the names of their stack outputs. */
export const RESOURCES = {
  tableName: 'TableName',
  stateTableName: 'StateTableName',
  queueUrl: 'QueueUrl',
  deadLetterQueueUrl: 'DeadLetterQueueUrl',
  endpointUrl: 'EndpointUrl',
  registrationStatus: 'RegistrationStatus',
  registrationFunctionName: 'RegistrationFunctionName',
  statusWatchFunctionName: 'StatusWatchFunctionName',
  reconciliationFunctionName: 'ReconciliationFunctionName',
  archiveStreamName: 'ArchiveStreamName',
  urlSecretArn: 'UrlSecretArn',
  sid: 'Sid',
  dayShards: 'DayShards',
} as const;

export type ResourceName = keyof typeof RESOURCES;
export type Resources = { readonly [R in ResourceName]?: string };

/** The services that commands call. */
export type Service =
  | 'dynamodb'
  | 'sqs'
  | 'secretsManager'
  | 'lambda'
  | 'cloudFormation'
  | 'cloudWatch'
  | 'eventBridge'
  | 'firehose'
  | 's3';

/** Configuration that every AWS SDK client accepts. */
export interface AwsConfig {
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The installation of a command: a deployed stack, a table alone, or the local run. */
export interface Installation {
  /** For messages: `stack RakutenPostback`. */
  readonly name: string;
  readonly kind: 'stack' | 'table' | 'local';
  readonly resources: Resources;
  /** The RakutenPostbacks of the stack, if its resources were read. */
  readonly constructs?: readonly string[];
  /** Configuration for an SDK client of that service. */
  readonly aws: (service: Service) => AwsConfig;
}

/** A resource that a command requires. */
export function requireResource(installation: Installation, resource: ResourceName): string {
  const value = installation.resources[resource];
  if (value !== undefined && value !== '') return value;
  const fix =
    installation.kind === 'table'
      ? 'name the stack with --stack instead'
      : `give the stack an output ${RESOURCES[resource]}`;
  const { constructs = [] } = installation;
  if (constructs.length > 1)
    throw usageError(`${installation.name} has ${severalConstructs(constructs)}`);
  if (resource === 'sid')
    throw usageError(
      `${installation.name}: the publisher is unknown (there is none, or several): give it with --sid`,
    );
  throw usageError(`${installation.name}: its ${RESOURCES[resource]} is unknown; ${fix}`);
}

/** Completes "the stack has …". */
export const severalConstructs = (constructs: readonly string[]): string =>
  `${constructs.length} RakutenPostbacks (${constructs.join(', ')}): choose one with --construct, such as --construct ${constructs[0]}`;
