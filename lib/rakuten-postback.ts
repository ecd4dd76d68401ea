import { Names } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct, type IDependable } from 'constructs';
import { METRICS_NAMESPACE } from '../core/names';
import { RAKUTEN_API_URL } from '../core/registration/properties';
import { Archive } from './archive';
import { Consumer } from './consumer';
import { PostbackFields } from './fields';
import { IngestionApi } from './ingestion-api';
import { Monitoring } from './monitoring';
import type { AlarmKind } from './monitoring/alarm-kind';
import { RakutenPostbackMetrics } from './monitoring/metrics';
import { PostbackQueue } from './postback-queue';
import { assertValid, type Problem, rejectProblems } from './private/checks';
import type { FunctionUrls } from './private/function-urls';
import { grantTableKey } from './private/key-rights';
import { TransactionPipes } from './private/transaction-pipes';
import type { Publisher } from './publisher';
import { checkProps, type RakutenPostbackProps } from './rakuten-postback-props';
import { Reconciliation } from './reconciliation';
import { Registration, RegistrationProvider } from './registration';
import { StateTable } from './state-table';
import { StatusWatch } from './status-watch';
import type { TransactionOptions, TransactionPipe } from './transaction-pipe';
import { TransactionTable } from './transaction-table';
import type { TransactionTarget } from './transaction-target';

/**
 * Receives Rakuten Advertising's postbacks and keeps each line exactly once in a DynamoDB table: an
 * API Gateway endpoint that hands each GET straight to SQS, a function that writes the rows, a
 * custom resource that registers the endpoint's URL at Rakuten, a function that fetches from
 * Rakuten what was lost on the way, and one that sees to it that Rakuten goes on sending.
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
  /**
   * The function that sees to it that the postbacks stay switched on; any invocation is a look.
   * Absent when `statusWatch.enabled` is false.
   */
  public readonly statusWatchFunction?: lambda.Function;
  /**
   * What the functions share: accepted secrets and field lists, and the URL that stood in the slot
   * before.
   */
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
  private readonly pipes: TransactionPipes;
  private readonly registrationProvider: RegistrationProvider;
  private readonly reconciliation?: Reconciliation;
  private readonly statusWatch?: StatusWatch;
  private readonly receivingSide: readonly IDependable[];
  /** Created here and kept when the stack is deleted, or when its creation fails. */
  private readonly retained: readonly IConstruct[];
  private readonly sids = new Set<string>();

  constructor(
    scope: Construct,
    id: string,
    private readonly props: RakutenPostbackProps,
  ) {
    super(scope, id);
    checkProps(this, props);
    const { logRetention, tracing, encryptionKey } = props;
    const metricsService = Names.uniqueResourceName(this, { maxLength: 128, separator: '-' });
    const { VISIBILITY_TIMEOUT: visibilityTimeout } = Consumer;
    const queues = new PostbackQueue(this, 'PostbackQueue', { visibilityTimeout, encryptionKey });
    this.queue = queues.queue;
    this.deadLetterQueue = queues.deadLetterQueue;
    this.table = props.table ?? new TransactionTable(this, 'TransactionTable', props).table;
    this.stateTable = new StateTable(this, 'StateTable', encryptionKey).table;

    const storing = {
      transactionTable: this.table,
      stateTable: this.stateTable,
      metricsNamespace: METRICS_NAMESPACE,
      metricsService,
      dayShards: props.dayShards ?? 1,
      preliminaryExpiry: props.preliminaryExpiry,
      rowExpiry: props.rowExpiry,
      logRetention,
      tracing,
    };
    const archive =
      props.archive &&
      new Archive(this, 'Archive', { options: props.archive, encryptionKey, logRetention });
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

    const urls: FunctionUrls = {
      rakutenApiUrl: this.rakutenApiUrl,
      endpointUrl: ingestion.earlyEndpointUrl,
    };
    this.registrationProvider = new RegistrationProvider(this, 'RegistrationProvider', {
      stateTable: this.stateTable,
      urls,
      logRetention,
      tracing,
    });
    this.registrationFunction = this.registrationProvider.function;
    this.retained = [
      ...(props.table ? [] : [this.table]),
      ...(archive === undefined || props.archive?.bucket ? [] : [archive.bucket]),
    ];
    this.receivingSide = [
      ...ingestion.receiving,
      queues,
      consumer,
      this.stateTable,
      ...(props.table ? [] : [this.table]),
    ];

    if (props.reconciliation?.enabled ?? true) {
      this.reconciliation = new Reconciliation(this, 'Reconciliation', {
        ...storing,
        archive,
        urls,
        options: props.reconciliation ?? {},
      });
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

    const piped = { table: this.table, service: metricsService, logRetention, encryptionKey };
    this.pipes = new TransactionPipes(this, piped);
    this.metrics = new RakutenPostbackMetrics(metricsService);
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
        pipes: this.pipes.monitored,
      },
    });
    this.dashboard = this.monitoring.dashboard;
  }

  /** Every alarm. */
  public get alarms(): cloudwatch.Alarm[] {
    return this.monitoring.alarms;
  }

  /**
   * One alarm, to be used in a composite alarm, a widget or a rule of your own: of
   * `EVENTS_GIVEN_UP`, which each target of `onTransaction` has, the first one. Fails when it is
   * left out, or watches a part that is off.
   *
   * @param kind which one
   */
  public alarm(kind: AlarmKind): cloudwatch.Alarm {
    return this.monitoring.alarm(kind);
  }

  /**
   * Lines that a postback brought first, by default the sum over 5 minutes. All other metrics are
   * methods of `metrics`.
   * @param options another statistic, period, label or colour
   */
  public metricLinesDeliveredByPush(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.linesDeliveredByPush(options);
  }

  /**
   * Lines that no postback brought and the reconciliation fetched: what is lost on the way. By
   * default the sum over 5 minutes.
   * @param options another statistic, period, label or colour
   */
  public metricLinesRecovered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.linesRecovered(options);
  }

  /**
   * 1 for each publisher and status check whose postback is on at Rakuten, 0 where it is not. By
   * default the minimum over 5 minutes.
   * @param options another statistic, period, label or colour
   */
  public metricPostbackActive(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.metrics.postbackActive(options);
  }

  /**
   * Receives the postbacks of another publisher account at the same endpoint and into the same
   * table. There may be 16 of them.
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
      actions: [
        'dynamodb:GetItem',
        'dynamodb:BatchGetItem',
        'dynamodb:Query',
        'dynamodb:Scan',
        'dynamodb:DescribeTable',
      ],
      // Named here, as a table that was imported does not say that it has indexes.
      resourceArns: [this.table.tableArn, `${this.table.tableArn}/index/*`],
    });
  }

  /**
   * Sends every new line and every changed one to a queue, an event bus, a function or a state
   * machine: what happened, the line, and what of it was otherwise before, as the package's
   * `docs/schemas/transaction-event-v1.json` describes it. A table has room for two targets; an
   * event bus hands on to as many as you like. Each has an alarm of the kind `EVENTS_GIVEN_UP`.
   *
   * @param id name of this target's resources in the stack; another one makes another pipe, which
   *   begins with the changes of the last 24 hours
   * @param target where the events go
   * @param options which lines, and how they are sent
   */
  public onTransaction(
    id: string,
    target: TransactionTarget,
    options: TransactionOptions = {},
  ): TransactionPipe {
    const { pipe, monitored } = this.pipes.add(id, target, options);
    this.monitoring.pipeAdded(monitored);
    return pipe;
  }

  /** What is encrypted under a key of the user's is of use only to whom the key is too. */
  private grantKeys(): void {
    const { consumer, registrationFunction, reconciliationFunction, statusWatchFunction } = this;
    grantTableKey(this.stateTable, [
      consumer,
      registrationFunction,
      reconciliationFunction,
      statusWatchFunction,
    ]);
  }

  private get rakutenApiUrl(): string {
    return this.props.rakutenApiUrl ?? RAKUTEN_API_URL;
  }

  /** AWS chooses the address that a Lambda function sends from. */
  private get selfTestByDefault(): boolean {
    return this.props.allowedSourceRanges === undefined;
  }

  private register(id: string, publisher: Publisher): Registration {
    const { sid } = publisher;
    assertValid(
      this,
      !this.sids.has(sid),
      `the publisher ${sid} is there twice, and Rakuten keeps one postback per SID; remove one of them`,
    );
    this.sids.add(sid);
    const fields = publisher.fields ?? this.props.fields ?? PostbackFields.all();
    rejectProblems(this, [tooManyProblem(this.sids.size), fieldsProblem(fields)]);
    const registration = new Registration(this, id, {
      provider: this.registrationProvider,
      publisher,
      fields,
      endpointUrl: this.endpointUrl,
      endpointIsNew: this.props.existingApi === undefined && this.props.domain === undefined,
      rakutenApiUrl: this.rakutenApiUrl,
      selfTestByDefault: this.selfTestByDefault,
      rotateUrlSecretEvery: this.props.rotateUrlSecretEvery,
      receivingSide: this.receivingSide,
    });
    for (const resource of this.retained) resource.node.addDependency(registration.precheck);
    this.reconciliation?._addPublisher(id, publisher, fields, registration);
    this.statusWatch?._addPublisher(publisher, registration);
    return registration;
  }
}

/**
 * IAM accepts 10,240 characters of inline policies per role, and one role reads the secrets of all
 * publishers.
 */
const MAX_PUBLISHERS = 16;

function tooManyProblem(count: number): Problem {
  if (count <= MAX_PUBLISHERS) return undefined;
  return `it has more than ${MAX_PUBLISHERS} publishers, for which the policies of a role have no room; put the others into a second RakutenPostback with the same table`;
}

function fieldsProblem(fields: PostbackFields): Problem {
  if (typeof fields._warnings === 'function') return undefined;
  return "fields is not a PostbackFields; give PostbackFields.all() or, for example, PostbackFields.only('sale_amount', 'u1')";
}
