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

/** What is sent to a target of `onTransaction`, and how. */
export interface TransactionOptions {
  /**
   * Which lines are sent, and of what happens to them.
   * @default - every new line and every changed one
   */
  readonly filter?: TransactionFilter;

  /**
   * How many events the target gets at once, at most: 1 to 10 for a queue or an event bus, 1 to 100 for a function, 1 to 20 for a state machine.
   * @default - 10; 1 for a state machine
   */
  readonly batchSize?: number;

  /**
   * How long to collect changes for a batch, up to 5 minutes.
   * @default - not at all
   */
  readonly batchWindow?: Duration;

  /**
   * How many batches of a shard of the stream are worked on side by side, 1 to 10. The lines of one order stay in their order.
   * @default 1
   */
  readonly parallelization?: number;

  /**
   * How often an event is tried again before it is given up, 0 to 10,000. Whatever comes after it in its shard of the stream waits meanwhile.
   * @default - 20 for a function or a state machine; for a queue or an event bus, which refuse no event by itself, until `maxEventAge`
   */
  readonly retryAttempts?: number;

  /**
   * How old an event may become before it is given up, 1 minute to 24 hours, for which the stream keeps it. What is left of the 24 hours then is the time to fetch it by hand.
   * @default Duration.hours(12)
   */
  readonly maxEventAge?: Duration;

  /**
   * Whether events are sent. One that is stopped goes on, once started again, where it stopped, as far as the stream's 24 hours reach.
   * @default true
   */
  readonly enabled?: boolean;
}

/** Properties of TransactionPipe, which `RakutenPostback.onTransaction` makes. */
export interface TransactionPipeProps extends TransactionOptions {
  /** The table whose changes are told. */
  readonly table: ITable;
  /** Where they are told. */
  readonly target: TransactionTarget;
  /** What the function is called in its log: the same for all functions of an installation. */
  readonly service: string;
  /**
   * KMS key of the dead-letter queue.
   * @default - SQS's own key
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * How long the logs are kept.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
}

/** The way of new and changed lines to one target: the table's stream, a pipe, the function that makes events of its records, and a dead-letter queue. */
export class TransactionPipe extends Construct {
  /** Where the pipe notes what it gave up: not the events, but where in the stream they stand. */
  public readonly deadLetterQueue: sqs.Queue;
  /** The function that makes the events. */
  public readonly function: lambda.Function;
  /** The pipe's name: the dimension `PipeName` of its metrics in the namespace `AWS/EventBridge/Pipes`. */
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
      description: "Makes the events of new and changed lines out of the table's stream",
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
      description: 'Sends new and changed lines of Rakuten transactions on',
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
      // Why the target refused an event stands nowhere else. The event itself stays out of the log.
      logConfiguration: { level: 'ERROR', cloudwatchLogsLogDestination: { logGroupArn: log.logGroupArn } },
    });
    // A pipe tries its rights when it is made.
    pipe.node.addDependency(role);
    this.pipeName = pipe.ref;
    this.pipeArn = pipe.attrArn;
  }

  private source(options: TransactionOptions, target: TargetBinding): pipes.CfnPipe.PipeSourceDynamoDBStreamParametersProperty {
    return {
      // From the oldest record on, so that none is missed which is written while the pipe is made.
      startingPosition: 'TRIM_HORIZON',
      batchSize: options.batchSize ?? target.defaultBatchSize,
      maximumBatchingWindowInSeconds: options.batchWindow?.toSeconds(),
      parallelizationFactor: options.parallelization ?? 1,
      maximumRetryAttempts: options.retryAttempts ?? (target.mayRefuseOne ? 20 : -1),
      maximumRecordAgeInSeconds: (options.maxEventAge ?? Duration.hours(12)).toSeconds(),
      // So that one event that cannot be sent does not take its whole batch with it.
      onPartialBatchItemFailure: 'AUTOMATIC_BISECT',
      deadLetterConfig: { arn: this.deadLetterQueue.queueArn },
    };
  }

  private streamOf(table: ITable): string {
    const viewType = streamViewType(table);
    if (table.tableStreamArn === undefined || viewType === 'none') {
      refuse(
        this,
        'the table has no stream that the app knows of, and events are made from it; switch its stream on with the view type NEW_AND_OLD_IMAGES, and import the ' +
          'table with it: TableV2.fromTableAttributes(this, id, { tableArn, tableStreamArn })',
      );
    }
    if (viewType !== undefined && viewType !== 'none' && viewType !== StreamViewType.NEW_AND_OLD_IMAGES) {
      refuse(this, `the table's stream has the view type ${viewType}, which does not show what changed; give it NEW_AND_OLD_IMAGES`);
    }
    return table.tableStreamArn ?? '';
  }

  /** A role that can read the stream, have events made, note what was given up, and whatever the target adds. */
  private pipeRole(table: ITable, streamArn: string): iam.Role {
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('pipes.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: "Lets a pipe send new and changed lines from the table's stream to their target",
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

/** The view type of the stream of a table that is made in this app; undefined for one that was imported, `none` for one without a stream. */
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
