import { Duration } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ENVIRONMENT } from '../core/names';
import {
  FAILURE_KIND,
  FORGOTTEN_KIND,
  PROBE_KIND,
  PUBLISHER_KIND,
} from '../core/state/publisher-state';
import { BundledFunction } from './private/bundled-function';
import { processMessages } from './private/queues';
import { type RowSettings, rowEnvironment } from './private/row-environment';
import { onStateItems } from './private/state-items';

/**
 * Messages in one invocation. The writes of a batch run side by side, so a larger one costs little
 * more time than one message.
 */
const BATCH_SIZE = 50;
/** How long Lambda may collect messages for a batch; more than ten in a batch need some. */
const BATCHING_WINDOW = Duration.seconds(1);
/** How long one batch may take. */
const TIMEOUT = Duration.seconds(30);

/** The delivery stream that archives raw messages. */
export interface ArchiveStream {
  readonly deliveryStreamName: string;
  readonly deliveryStreamArn: string;
}

export interface ConsumerProps extends RowSettings {
  readonly queue: sqs.IQueue;
  readonly transactionTable: dynamodb.ITable;
  readonly stateTable: dynamodb.ITable;
  /** Groups the metrics of one installation. */
  readonly metricsService: string;
  readonly metricsNamespace: string;
  /** How many invocations may run at once, 2 to 1000. */
  readonly maxConcurrency: number;
  /** @default - raw messages are not archived */
  readonly archive?: ArchiveStream;
  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;
  /** Whether log lines carry what a postback said. @default false */
  readonly logPayloads?: boolean;
  /** Whether X-Ray records invocations. @default false */
  readonly tracing?: boolean;
}

/**
 * The function that turns messages into rows. A message that fails is tried again alone; the rest
 * of its batch is done.
 */
export class Consumer extends Construct {
  /**
   * How long the queue must hide a message that this function has: six timeouts and the batching
   * window, as AWS recommends.
   */
  public static readonly VISIBILITY_TIMEOUT = Duration.seconds(
    TIMEOUT.toSeconds() * 6 + BATCHING_WINDOW.toSeconds(),
  );

  /** The Lambda function. */
  public readonly function: BundledFunction;

  constructor(scope: Construct, id: string, props: ConsumerProps) {
    super(scope, id);
    this.function = new BundledFunction(this, 'Function', {
      bundle: props.archive ? 'archiving-consumer' : 'consumer',
      description:
        'Writes Rakuten postbacks from the queue to the transaction table, each exactly once',
      timeout: TIMEOUT,
      environment: {
        [ENVIRONMENT.tableName]: props.transactionTable.tableName,
        [ENVIRONMENT.stateTableName]: props.stateTable.tableName,
        ...rowEnvironment(props),
        ...(props.archive === undefined
          ? {}
          : { [ENVIRONMENT.archiveStreamName]: props.archive.deliveryStreamName }),
        ...(props.logPayloads ? { [ENVIRONMENT.logPayloads]: 'true' } : {}),
        [ENVIRONMENT.metricsNamespace]: props.metricsNamespace,
        [ENVIRONMENT.metricsService]: props.metricsService,
      },
      logRetention: props.logRetention,
      tracing: props.tracing,
    });
    processMessages(this.function, props.queue, {
      batchSize: BATCH_SIZE,
      maxBatchingWindow: BATCHING_WINDOW,
      maxConcurrency: props.maxConcurrency,
    });
    this.allowTables(props);
  }

  private allowTables({ transactionTable, stateTable, archive }: ConsumerProps): void {
    const statements: iam.PolicyStatementProps[] = [
      {
        actions: ['dynamodb:PutItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
        resources: [transactionTable.tableArn],
      },
      onStateItems(stateTable, ['dynamodb:Query'], PUBLISHER_KIND, FORGOTTEN_KIND),
      // It notes that a probe arrived or why a message failed. It cannot change which secrets are
      // accepted.
      onStateItems(stateTable, ['dynamodb:PutItem'], PROBE_KIND, FAILURE_KIND),
    ];
    if (archive !== undefined)
      statements.push({
        actions: ['firehose:PutRecordBatch'],
        resources: [archive.deliveryStreamArn],
      });
    for (const statement of statements)
      this.function.addToRolePolicy(new iam.PolicyStatement(statement));
    // A table that the user brought may be encrypted with a key of the user's own.
    transactionTable.encryptionKey?.grantEncryptDecrypt(this.function);
  }
}
