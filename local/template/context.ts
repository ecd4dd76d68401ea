import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Gateway } from '../gateway/gateway';
import type { ServiceEndpoints } from '../lambda/environment';
import type { EventSource } from '../lambda/event-source';
import type { FunctionError } from '../lambda/function-error';
import type { LocalFunction } from '../lambda/local-function';
import type { ResourceValues } from './intrinsics';

/** What the makers of resources work on. */
export interface ProvisionContext {
  readonly stackName: string;
  readonly endpoints: ServiceEndpoints;
  readonly clients: {
    readonly dynamodb: DynamoDBClient;
    readonly sqs: SQSClient;
    readonly secretsManager: SecretsManagerClient;
  };
  readonly gateway: Gateway;
  readonly assetPath: (objectKey: string) => string | undefined;
  /** Functions by ARN. */
  readonly functions: Map<string, LocalFunction>;
  readonly eventSources: EventSource[];
  /** Queue URLs by ARN. */
  readonly queues: Map<string, string>;
  /** Replaces the queues' own visibility timeout, so that a test need not wait for the real one. */
  readonly visibilityTimeoutSeconds?: number;
  /** Most batches of one mapping at once, whatever the template allows. */
  readonly maxConcurrency: number;
  readonly onOutput?: (functionName: string, line: string) => void;
  readonly onBatch?: (outcome: BatchOutcome) => void;
  readonly onTrouble?: (message: string) => void;
  readonly signal?: AbortSignal;
}

export interface BatchOutcome {
  readonly functionName: string;
  readonly deleted: number;
  readonly left: number;
  readonly error?: FunctionError;
}

/** A resource of the template with its properties resolved. */
export interface ResolvedResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Makes one resource on the embedded parts. */
export type Maker = (
  resource: ResolvedResource,
  context: ProvisionContext,
) => Promise<ResourceValues> | ResourceValues;

/**
 * A physical name for a resource: its own, else the stack's and the logical id's, shortened to what
 * every service accepts.
 */
export function physicalName(
  { logicalId }: ResolvedResource,
  { stackName }: ProvisionContext,
  own: unknown,
): string {
  if (typeof own === 'string') return own;
  return `${stackName}-${logicalId}`.slice(0, 63);
}
