import { Annotations, CfnOutput, type Duration, Names, Stack, Token } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct, type IDependable } from 'constructs';
import { DISCARDED_EVENTS_OUTPUT, METRICS_NAMESPACE } from '../core/names';
import { RAKUTEN_API_URL } from '../core/registration/properties';
import { Archive, type ArchiveOptions } from './archive';
import { Consumer } from './consumer';
import type { EndpointOptions } from './endpoint-options';
import { PostbackFields } from './fields';
import { IngestionApi } from './ingestion-api';
import { Monitoring } from './monitoring';
import type { AlarmKind } from './monitoring/alarm-kind';
import { RakutenPostbackMetrics } from './monitoring/metrics';
import type { MonitoredPipe } from './monitoring/monitored-parts';
import type { ObservabilityOptions } from './monitoring/observability-options';
import { PostbackQueue } from './postback-queue';
import { type Problem, rangeProblem, refuse, urlProblem } from './private/checks';
import type { FunctionUrls } from './private/function-urls';
import { grantTableKey } from './private/key-rights';
import type { Publisher } from './publisher';
import { Reconciliation, type ReconciliationOptions } from './reconciliation';
import { Registration, RegistrationProvider } from './registration';
import { StateTable } from './state-table';
import { StatusWatch, type StatusWatchOptions } from './status-watch';
import { checkTableOptions, type TableOptions } from './table-options';
import { type TransactionOptions, TransactionPipe } from './transaction-pipe';
import { TransactionTable } from './transaction-table';
import type { TransactionTarget } from './transaction-target';

/** Properties of RakutenPostback. */
export interface RakutenPostbackProps extends EndpointOptions, ObservabilityOptions, TableOptions {
  /** The publisher account whose postbacks are received. More are added with `addPublisher`. */
  readonly publisher: Publisher;

  /**
   * Which fields Rakuten sends, under which names.
   * @default PostbackFields.all()
   */
  readonly fields?: PostbackFields;

  /**
   * Base URL of Rakuten's API, for tests against something that stands in for it.
   * @default https://api.linksynergy.com
   */
  readonly rakutenApiUrl?: string;

  /**
   * How many invocations of the consumer may run at once, 2 to 1000. It bounds how many messages, 50 each, wait for the table's busiest key: more than 200 for each of the
   * `dayShards` gain nothing on a day's upload, and synthesis warns.
   * @default 10
   */
  readonly maxConcurrency?: number;

  /**
   * Over how many keys a day's rows are spread in the day index, 1 to 100. One key takes 1,000 writes per second. Changing it later leaves the rows of before
   * under their old keys.
   * @default 1
   */
  readonly dayShards?: number;

  /**
   * How the table is reconciled with Rakuten's Events API.
   * @default - hourly over the last 3 hours, daily and at first over the last 29 days
   */
  readonly reconciliation?: ReconciliationOptions;

  /**
   * How it is watched that Rakuten goes on sending.
   * @default - every 5 minutes: a postback that was switched off is enabled again, a missing one registered again, somebody else's URL is reported
   */
  readonly statusWatch?: StatusWatchOptions;

  /**
   * Keeps every raw message in S3 as it came, without the URL's secret: those that brought nothing new and the forged ones too. `{}` for the defaults.
   * @default - raw messages are not kept beyond their rows
   */
  readonly archive?: ArchiveOptions;

  /**
   * How often a new secret is put into the registered URLs, 1 to 365 days. The one before is accepted for another hour, and no postback is lost on the way.
   * @default - only on demand, by `npx rakuten-postback rotate-secret`
   */
  readonly rotateUrlSecretEvery?: Duration;
}

/**
 * Receives Rakuten Advertising's postbacks and keeps each line exactly once in a DynamoDB table: an API Gateway endpoint that hands each GET straight to SQS,
 * a function that writes the rows, a custom resource that registers the endpoint's URL at Rakuten, a function that fetches from Rakuten what was lost on the way, and
 * one that sees to it that Rakuten goes on sending.
 */
export class RakutenPostback extends Construct {
  /** The table with one row per line. */
  public readonly table: dynamodb.ITable;
  /** The queue between endpoint and consumer. */
  public readonly queue: sqs.Queue;
  /** Where messages go that could not be processed. */
  public readonly deadLetterQueue: sqs.Queue;
  /** The bucket with the raw messages. Absent when there is no archive. */
  public readonly archiveBucket?: s3.IBucket;
  /** The REST API of the endpoint: the one that was made, or the one of `existingApi`. */
  public readonly api: apigateway.RestApiBase;
  /** URL of the endpoint, without the secret and the fields. */
  public readonly endpointUrl: string;
  /** The function that writes the rows. */
  public readonly consumer: lambda.Function;
  /** The function that talks to Rakuten. */
  public readonly registrationFunction: lambda.Function;
  /**
   * The function that reconciles the table with Rakuten's Events API.
   *
   * Invoked with `{"sid", "from", "to", "reason"}` it reconciles any window. Absent when
   * `reconciliation.enabled` is false.
   */
  public readonly reconciliationFunction?: lambda.Function;
  /** The function that sees to it that the postbacks stay switched on; any invocation is a look. Absent when `statusWatch.enabled` is false. */
  public readonly statusWatchFunction?: lambda.Function;
  /** What the functions share: accepted secrets and field lists, and the URL that stood in the slot before. */
  public readonly stateTable: dynamodb.ITable;
  /** What the deployment left at Rakuten for the first publisher, in words. */
  public readonly registrationStatus: string;
  /** The generated secret in the registered URL of the first publisher. */
  public readonly urlSecret: secretsmanager.ISecret;
  /** The metrics that the functions publish. */
  public readonly metrics: RakutenPostbackMetrics;
  /** The dashboard. Absent when it, or all monitoring, is left out. */
  public readonly dashboard?: cloudwatch.Dashboard;

  private readonly monitoring: Monitoring;

  private readonly pipes: MonitoredPipe[] = [];
  private readonly metricsService: string;
  private readonly logRetention?: logs.RetentionDays;
  private readonly encryptionKey?: kms.IKey;
  private readonly fields: PostbackFields;
  private readonly rakutenApiUrl: string;
  private readonly registrationProvider: RegistrationProvider;
  private readonly reconciliation?: Reconciliation;
  private readonly statusWatch?: StatusWatch;
  private readonly rotateUrlSecretEvery?: Duration;
  private readonly selfTestByDefault: boolean;
  private readonly endpointIsNew: boolean;
  private readonly receivingSide: readonly IDependable[];
  /** Created here and kept when the stack is deleted, or when its creation fails. */
  private readonly retained: readonly IConstruct[];
  private readonly sids = new Set<string>();

  constructor(scope: Construct, id: string, props: RakutenPostbackProps) {
    super(scope, id);
    checkProps(this, props);
    this.fields = props.fields ?? PostbackFields.all();
    this.rakutenApiUrl = props.rakutenApiUrl ?? RAKUTEN_API_URL;
    this.rotateUrlSecretEvery = props.rotateUrlSecretEvery;
    // From where a Lambda function sends is AWS's choice.
    this.selfTestByDefault = props.allowedSourceRanges === undefined;

    const { logRetention, tracing } = props;
    this.logRetention = logRetention;
    this.encryptionKey = props.encryptionKey;
    this.metricsService = Names.uniqueResourceName(this, { maxLength: 128, separator: '-' });
    const queues = new PostbackQueue(this, 'PostbackQueue', {
      visibilityTimeout: Consumer.VISIBILITY_TIMEOUT,
      encryptionKey: props.encryptionKey,
    });
    this.queue = queues.queue;
    this.deadLetterQueue = queues.deadLetterQueue;
    this.table = props.table ?? new TransactionTable(this, 'TransactionTable', props).table;
    this.stateTable = new StateTable(this, 'StateTable', props.encryptionKey).table;

    const storing = {
      transactionTable: this.table,
      stateTable: this.stateTable,
      metricsNamespace: METRICS_NAMESPACE,
      metricsService: this.metricsService,
      dayShards: props.dayShards ?? 1,
      preliminaryExpiry: props.preliminaryExpiry,
      rowExpiry: props.rowExpiry,
      logRetention,
      tracing,
    };
    const archive =
      props.archive && new Archive(this, 'Archive', { options: props.archive, encryptionKey: props.encryptionKey, logRetention });
    this.archiveBucket = archive?.bucket;
    const consumer = new Consumer(this, 'Consumer', {
      ...storing,
      queue: this.queue,
      archive,
      maxConcurrency: props.maxConcurrency ?? 10,
      memberFromPostback: props.reconciliation?.memberFromPostback,
      logPayloads: props.logPayloads,
    });
    this.consumer = consumer.function;

    const ingestion = new IngestionApi(this, 'IngestionApi', { ...props, queue: this.queue });
    this.api = ingestion.restApi;
    this.endpointUrl = ingestion.endpointUrl;
    this.endpointIsNew = props.existingApi === undefined && props.domain === undefined;

    const urls: FunctionUrls = { rakutenApiUrl: this.rakutenApiUrl, endpointUrl: ingestion.earlyEndpointUrl };
    this.registrationProvider = new RegistrationProvider(this, 'RegistrationProvider', {
      stateTable: this.stateTable,
      urls,
      logRetention,
      tracing,
    });
    this.registrationFunction = this.registrationProvider.function;
    this.retained = [...(props.table ? [] : [this.table]), ...(archive === undefined || props.archive?.bucket ? [] : [archive.bucket])];
    this.receivingSide = [...ingestion.receiving, queues, consumer, this.stateTable, ...(props.table ? [] : [this.table])];

    if (props.reconciliation?.enabled ?? true) {
      this.reconciliation = new Reconciliation(this, 'Reconciliation', { ...storing, archive, urls, options: props.reconciliation ?? {} });
      this.reconciliationFunction = this.reconciliation.function;
    }
    if (props.statusWatch?.enabled ?? true) {
      this.statusWatch = new StatusWatch(this, 'StatusWatch', {
        ...storing,
        urls,
        options: props.statusWatch ?? {},
        selfProbeByDefault: this.selfTestByDefault,
        reconciliationFunction: this.reconciliationFunction,
      });
      this.statusWatchFunction = this.statusWatch.function;
    }

    this.grantKeys();

    const registration = this.register('Publisher', props.publisher);
    this.registrationStatus = registration.status;
    this.urlSecret = registration.urlSecret;

    this.metrics = new RakutenPostbackMetrics(storing.metricsService);
    this.monitoring = new Monitoring(this, 'Monitoring', {
      options: props.monitoring ?? {},
      metrics: this.metrics,
      parts: {
        api: props.existingApi ? undefined : this.api,
        endpointUrl: this.endpointUrl,
        queue: this.queue,
        deadLetterQueue: this.deadLetterQueue,
        consumer: consumer.function,
        registration: this.registrationProvider.function,
        rotates: props.rotateUrlSecretEvery !== undefined,
        stateTableName: this.stateTable.tableName,
        tableName: props.table ? undefined : this.table.tableName,
        reconciliation: this.reconciliation,
        statusWatch: this.statusWatch,
        pipes: this.pipes,
      },
    });
    this.dashboard = this.monitoring.dashboard;
  }

  /** Every alarm. */
  public get alarms(): cloudwatch.Alarm[] {
    return this.monitoring.alarms;
  }

  /**
   * One alarm, to be used in a composite alarm, a widget or a rule of your own: of `EVENTS_GIVEN_UP`, which each target of `onTransaction` has, the first one. Fails when it
   * is left out, or watches a part that is off.
   *
   * @param kind which one
   */
  public alarm(kind: AlarmKind): cloudwatch.Alarm {
    return this.monitoring.alarm(kind);
  }

  /**
   * Lines that a postback brought first, by default the sum over 5 minutes. All other metrics are methods of `metrics`.
   * @param options another statistic, period, label or colour
   */
  public metricLinesDeliveredByPush(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.linesDeliveredByPush(options);
  }

  /**
   * Lines that no postback brought and the reconciliation fetched: what is lost on the way. By default the sum over 5 minutes.
   * @param options another statistic, period, label or colour
   */
  public metricLinesRecovered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.linesRecovered(options);
  }

  /**
   * 1 for each publisher and status check whose postback is on at Rakuten, 0 where it is not. By default the minimum over 5 minutes.
   * @param options another statistic, period, label or colour
   */
  public metricPostbackActive(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.postbackActive(options);
  }

  /**
   * Receives the postbacks of another publisher account at the same endpoint and into the same table. There may be 16 of them.
   *
   * @param id name of this publisher's resources in the stack; renaming it registers the URL anew
   * @param publisher the account
   */
  public addPublisher(id: string, publisher: Publisher): void {
    this.register(`Publisher${id}`, publisher);
    this.monitoring.publisherAdded();
  }

  /**
   * Lets a function, role or user query the rows: the table and its indexes, no writing.
   *
   * @param grantee who may read
   */
  public grantReadTransactions(grantee: iam.IGrantable): iam.Grant {
    this.table.encryptionKey?.grantDecrypt(grantee);
    return iam.Grant.addToPrincipal({
      grantee,
      actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:Scan', 'dynamodb:DescribeTable'],
      // Named here, as a table that was imported does not say that it has indexes.
      resourceArns: [this.table.tableArn, `${this.table.tableArn}/index/*`],
    });
  }

  /**
   * Sends every new line and every changed one to a queue, an event bus, a function or a state machine: what happened, the line, and what of it was otherwise before, as the
   * package's `docs/schemas/transaction-event-v1.json` describes it. A table has room for two targets; an event bus hands on to as many as you like. Each has an alarm of the
   * kind `EVENTS_GIVEN_UP`.
   *
   * @param id name of this target's resources in the stack; another one makes another pipe, which begins with the changes of the last 24 hours
   * @param target where the events go
   * @param options which lines, and how they are sent
   */
  public onTransaction(id: string, target: TransactionTarget, options: TransactionOptions = {}): TransactionPipe {
    refuse(this, tooManyReadersProblem(this.pipes.length + 1));
    const { table, metricsService, logRetention, encryptionKey } = this;
    const { pipeScope = this } = options;
    const isElsewhere = Stack.of(pipeScope) !== Stack.of(this);
    const pipeId = pipeScope === this ? `Transactions${id}` : `${this.node.id}Transactions${id}`;
    // The dashboard shows a pipe in another stack by name: a reference would be a cycle.
    const name = isElsewhere ? `${Names.uniqueResourceName(this, { maxLength: 40, separator: '-' })}-${id}`.slice(0, 64) : undefined;
    const pipe = new TransactionPipe(pipeScope, pipeId, {
      ...options,
      name,
      table,
      target,
      service: metricsService,
      logRetention,
      encryptionKey,
    });
    if (name !== undefined) this.publishQueueOf(id, name);
    const monitored = {
      name: id,
      construct: pipe,
      pipeName: name ?? pipe.pipeName,
      deadLetterQueueName: name ?? pipe.deadLetterQueue.queueName,
    };
    this.pipes.push(monitored);
    this.monitoring.pipeAdded(monitored);
    return pipe;
  }

  /** An output for `doctor`, which does not read the stack of the pipe. A reference to the queue would be a cycle. */
  private publishQueueOf(id: string, queueName: string): void {
    const { region, urlSuffix, account } = Stack.of(this);
    new CfnOutput(this, `Transactions${id}${DISCARDED_EVENTS_OUTPUT}`, {
      description: `Dead-letter queue of the pipe ${id}, which is in another stack`,
      value: `https://sqs.${region}.${urlSuffix}/${account}/${queueName}`,
    });
  }

  /** What is encrypted under a key of the user's is of use only to whom the key is too. */
  private grantKeys(): void {
    const { consumer, registrationFunction, reconciliationFunction, statusWatchFunction } = this;
    grantTableKey(this.stateTable, [consumer, registrationFunction, reconciliationFunction, statusWatchFunction]);
  }

  private register(id: string, publisher: Publisher): Registration {
    if (this.sids.has(publisher.sid)) {
      refuse(this, `the publisher ${publisher.sid} is there twice, and Rakuten keeps one postback per SID; remove one of them`);
    }
    this.sids.add(publisher.sid);
    refuse(this, tooManyProblem(this.sids.size));
    const fields = publisher.fields ?? this.fields;
    refuse(this, fieldsProblem(fields));
    const registration = new Registration(this, id, {
      provider: this.registrationProvider,
      publisher,
      fields,
      endpointUrl: this.endpointUrl,
      endpointIsNew: this.endpointIsNew,
      rakutenApiUrl: this.rakutenApiUrl,
      selfTestByDefault: this.selfTestByDefault,
      rotateUrlSecretEvery: this.rotateUrlSecretEvery,
      receivingSide: this.receivingSide,
    });
    for (const resource of this.retained) resource.node.addDependency(registration.precheck);
    this.reconciliation?._addPublisher(id, publisher, fields, registration);
    this.statusWatch?._addPublisher(publisher, registration);
    return registration;
  }
}

/** IAM accepts 10,240 characters of inline policies per role, and one role reads the secrets of all publishers. */
const MAX_PUBLISHERS = 16;

function tooManyProblem(count: number): Problem {
  if (count <= MAX_PUBLISHERS) return undefined;
  return `it has more than ${MAX_PUBLISHERS} publishers, for which the policies of a role have no room; put the others into a second RakutenPostback with the same table`;
}

/** More readers than these of one stream are throttled by DynamoDB. */
const MAX_STREAM_READERS = 2;

function tooManyReadersProblem(count: number): Problem {
  if (count <= MAX_STREAM_READERS) return undefined;
  return `a table's stream has room for ${MAX_STREAM_READERS} readers, and this would be one more; send to an event bus instead, whose rules hand on to any number of targets`;
}

/** Programs that tsx runs, and those in plain JavaScript, get here without anybody having checked their types. */
function shapeProblem(props: Partial<RakutenPostbackProps> | undefined): Problem {
  if (props?.publisher !== undefined) return undefined;
  return "the publisher is missing; give publisher: { sid: '3900112', credentials: … }";
}

function fieldsProblem(fields: PostbackFields): Problem {
  if (typeof fields._warnings === 'function') return undefined;
  return "fields is not a PostbackFields; give PostbackFields.all() or, for example, PostbackFields.only('sale_amount', 'u1')";
}

function checkProps(scope: Construct, props: RakutenPostbackProps): void {
  refuse(scope, shapeProblem(props));
  checkTableOptions(scope, props);
  const problems: Problem[] = [
    rangeProblem('maxConcurrency', props.maxConcurrency, 2, 1000),
    rangeProblem('dayShards', props.dayShards, 1, 100),
    urlProblem('endpointBaseUrl', props.endpointBaseUrl, true),
    urlProblem('rakutenApiUrl', props.rakutenApiUrl, false),
  ];
  for (const problem of problems) refuse(scope, problem);
  warnOfCrowding(scope, props);
}

/** Messages of so many invocations a day's key takes within ten seconds, when the consumer waits 17 or more: see `tools/bench/scale`. */
const INVOCATIONS_PER_SHARD = 200;
const MESSAGES_PER_INVOCATION = 50;
const WRITES_PER_SHARD = 1_000;

function warnOfCrowding(scope: Construct, { maxConcurrency = 10, dayShards = 1 }: Partial<RakutenPostbackProps>): void {
  if (Token.isUnresolved(maxConcurrency) || Token.isUnresolved(dayShards) || maxConcurrency <= INVOCATIONS_PER_SHARD * dayShards) return;
  const messages = maxConcurrency * MESSAGES_PER_INVOCATION;
  const writes = dayShards * WRITES_PER_SHARD;
  Annotations.of(scope).addWarningV2(
    'cdk-rakuten-postback:crowdedDay',
    `maxConcurrency: ${maxConcurrency} lets ${messages} messages wait at once for the index of a day, which takes ${writes} a second with dayShards: ${dayShards}. In a large upload ` +
      `some would wait in vain, for ${Math.round(messages / writes)} seconds and more, and end in the dead-letter queue; none would be done sooner. ` +
      `Set dayShards to ${Math.ceil(maxConcurrency / INVOCATIONS_PER_SHARD)} or more, or maxConcurrency to ${INVOCATIONS_PER_SHARD * dayShards} or less.`,
  );
}
