import { Duration, Stack } from 'aws-cdk-lib';
import { CfnGlobalTable, CfnTable, type ITable, StreamViewType } from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import * as pipes from 'aws-cdk-lib/aws-pipes';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { EventFilter } from '../core/events/event-filter';
import { pipePatterns } from '../core/events/pipe-patterns';
import { ENVIRONMENT } from '../core/names';
import { BundledFunction, functionLogGroup } from './private/bundled-function';
import { durationProblem, type Problem, rangeProblem, refuse } from './private/checks';
import { allowSending, deadLetterQueue } from './private/queues';
import { filterProblem, type TransactionFilter, toEventFilter } from './transaction-filter';
import type { TargetBinding, TransactionTarget } from './transaction-target';

/** What `onTransaction` sends to a target, and how. */
export interface TransactionOptions {
  /**
   * Which lines and which changes are sent.
   * @default - every new and every changed line
   */
  readonly filter?: TransactionFilter;

  /**
   * Maximum number of events per batch.
   *
   * 1 to 10 for a queue or an event bus, 1 to 100 for a function, 1 to 20 for a state machine.
   * @default - 10; 1 for a state machine
   */
  readonly batchSize?: number;

  /**
   * Maximum time to collect changes for a batch, up to 5 minutes.
   * @default - batches are sent immediately
   */
  readonly batchWindow?: Duration;

  /**
   * Number of batches per shard of the stream that are processed concurrently, 1 to 10.
   *
   * Changes of one line keep their order.
   * @default 1
   */
  readonly parallelization?: number;

  /**
   * Maximum number of retries of an event, 0 to 10,000.
   *
   * Later events of its shard of the stream wait meanwhile.
   * @default - 20 for a function or a state machine; until `maxEventAge` for a queue or a bus
   */
  readonly retryAttempts?: number;

  /**
   * Maximum age of an event, 1 minute to 24 hours. The pipe then discards it.
   *
   * The stream keeps an event for 24 hours. The remaining time allows you to fetch it manually.
   * @default Duration.hours(12)
   */
  readonly maxEventAge?: Duration;

  /**
   * Whether events are sent.
   *
   * A pipe that is started again continues where it stopped, within the stream's 24 hours.
   * @default true
   */
  readonly enabled?: boolean;
}

/** Properties of TransactionPipe, which `RakutenPostback.onTransaction` creates. */
export interface TransactionPipeProps extends TransactionOptions {
  /** The table whose changes are sent. */
  readonly table: ITable;
  /** The target of the events. */
  readonly target: TransactionTarget;
  /** Service name in the function's log, the same for all functions of an installation. */
  readonly service: string;
  /**
   * KMS key of the dead-letter queue.
   * @default - the key of SQS
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Retention time of the logs.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
}

/**
 * Sends new and changed lines to one target.
 *
 * Consists of a pipe from the table's stream, the function that creates the events, and a
 * dead-letter queue.
 */
export class TransactionPipe extends Construct {
  /** Receives the position in the stream of discarded events, not the events themselves. */
  public readonly deadLetterQueue: sqs.Queue;
  /** The function that creates the events. */
  public readonly function: lambda.Function;
  /** Dimension `PipeName` of the pipe's metrics in the namespace `AWS/EventBridge/Pipes`. */
  public readonly pipeName: string;
  /** ARN of the pipe. */
  public readonly pipeArn: string;

  constructor(scope: Construct, id: string, props: TransactionPipeProps) {
    super(scope, id);
    const { table } = props;
    refuse(this, filterProblem(props.filter));
    const streamArn = this.streamOf(table);
    const filter = toEventFilter(props.filter);

    this.deadLetterQueue = deadLetterQueue(this, 'DeadLetterQueue', props.encryptionKey);
    this.function = new BundledFunction(this, 'Function', {
      bundle: 'transaction-event',
      description: "Creates the events of new and changed lines from the table's stream",
      timeout: Duration.seconds(30),
      environment: {
        [ENVIRONMENT.transactionFilter]: Stack.of(this).toJsonString(filter),
        [ENVIRONMENT.metricsService]: props.service,
      },
      logRetention: props.logRetention,
      memorySize: 256,
    });

    const role = this.pipeRole(table, streamArn);
    const target = props.target._bind(role);
    for (const problem of optionProblems(props, target)) refuse(this, problem);
    const log = functionLogGroup(this, 'Logs', props.logRetention);
    log.grantWrite(role);
    const pipe = new pipes.CfnPipe(this, 'Pipe', {
      description: 'Sends new and changed lines of Rakuten transactions',
      desiredState: props.enabled === false ? 'STOPPED' : 'RUNNING',
      roleArn: role.roleArn,
      source: streamArn,
      sourceParameters: {
        dynamoDbStreamParameters: this.source(props, target),
        filterCriteria: { filters: patterns(this, filter) },
      },
      enrichment: this.function.functionArn,
      target: target.arn,
      targetParameters: target.parameters,
      // The only place with the target's error messages. The events themselves are not logged.
      logConfiguration: { level: 'ERROR', cloudwatchLogsLogDestination: { logGroupArn: log.logGroupArn } },
    });
    // A pipe checks its permissions when it is created.
    pipe.node.addDependency(role);
    this.pipeName = pipe.ref;
    this.pipeArn = pipe.attrArn;
  }

  private source(options: TransactionOptions, target: TargetBinding): pipes.CfnPipe.PipeSourceDynamoDBStreamParametersProperty {
    return {
      // Includes the records that are written while the pipe is being created.
      startingPosition: 'TRIM_HORIZON',
      batchSize: options.batchSize ?? target.defaultBatchSize,
      maximumBatchingWindowInSeconds: options.batchWindow?.toSeconds(),
      parallelizationFactor: options.parallelization ?? 1,
      maximumRetryAttempts: options.retryAttempts ?? (target.canRejectEvent ? 20 : -1),
      maximumRecordAgeInSeconds: (options.maxEventAge ?? Duration.hours(12)).toSeconds(),
      // One event that cannot be sent must not fail its whole batch.
      onPartialBatchItemFailure: 'AUTOMATIC_BISECT',
      deadLetterConfig: { arn: this.deadLetterQueue.queueArn },
    };
  }

  private streamOf(table: ITable): string {
    const viewType = streamViewType(table);
    if (table.tableStreamArn === undefined || viewType === 'none') {
      refuse(
        this,
        'the table has no stream that the app knows of, and events are created from it; enable its stream with the view type NEW_AND_OLD_IMAGES, and import the ' +
          'table with it: TableV2.fromTableAttributes(this, id, { tableArn, tableStreamArn })',
      );
    }
    if (viewType !== undefined && viewType !== 'none' && viewType !== StreamViewType.NEW_AND_OLD_IMAGES) {
      refuse(this, `the table's stream has the view type ${viewType}, which does not show what changed; give it NEW_AND_OLD_IMAGES`);
    }
    return table.tableStreamArn ?? '';
  }

  /** The pipe's permissions, without those for its target. */
  private pipeRole(table: ITable, streamArn: string): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('pipes.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: "Allows a pipe to send new and changed lines from the table's stream to their target",
    });
    const allow = (actions: string[], resource: string): unknown =>
      role.addToPolicy(new iam.PolicyStatement({ actions, resources: [resource] }));
    allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'], streamArn);
    allow(['lambda:InvokeFunction'], this.function.functionArn);
    allowSending(role, this.deadLetterQueue);
    if (table.encryptionKey) allow(['kms:Decrypt'], table.encryptionKey.keyArn);
    return role;
  }
}

const patterns = (scope: Construct, filter: EventFilter): pipes.CfnPipe.FilterProperty[] =>
  pipePatterns(filter).map((pattern) => ({ pattern: Stack.of(scope).toJsonString(pattern) }));

/** The view type of a table's stream; `none` without a stream, undefined for an imported table. */
function streamViewType(table: ITable): string | undefined {
  const resource = table.node.defaultChild;
  if (!(resource instanceof CfnTable) && !(resource instanceof CfnGlobalTable)) return undefined;
  const specification = resource.streamSpecification as { streamViewType?: string } | undefined;
  return specification === undefined ? 'none' : specification.streamViewType;
}

function optionProblems(options: TransactionOptions, target: TargetBinding): Problem[] {
  const day = Duration.hours(24);
  return [
    rangeProblem('batchSize', options.batchSize, 1, target.maxBatchSize),
    durationProblem('batchWindow', options.batchWindow, Duration.seconds(0), Duration.minutes(5)),
    rangeProblem('parallelization', options.parallelization, 1, 10),
    rangeProblem('retryAttempts', options.retryAttempts, 0, 10_000),
    durationProblem('maxEventAge', options.maxEventAge, Duration.minutes(1), day),
  ];
}
