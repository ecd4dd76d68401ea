import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ENVIRONMENT, INDEXES } from '../core/names';
import { IDENTITY_FIELDS } from '../core/rakuten/fields';
import { parseTime, type ScheduledRequest } from '../core/reconciliation/request';
import type { ReconciliationSettings } from '../core/reconciliation/settings';
import { PUBLISHER_KIND, RECONCILIATION_KIND } from '../core/store/publisher-state';
import type { PostbackFields } from './fields';
import { BundledFunction } from './private/bundled-function';
import { durationProblem, type Problem, refuse } from './private/checks';
import { grantReadCredentials } from './private/credentials';
import { allowSending } from './private/queues';
import type { Publisher } from './publisher';

/** How the table is compared with what Rakuten's Events API tells. */
export interface ReconciliationOptions {
  /**
   * Whether lines that no postback brought are fetched, and those that one brought are confirmed. With `false` a line that was lost on the way stays lost, and
   * no row gets `verified_at`.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * How far back the hourly run looks at least, 1 hour to 1 day. It looks further back by itself when runs before it failed.
   * @default Duration.hours(3)
   */
  readonly window?: Duration;

  /**
   * How far back the daily run looks at least, 1 to 29 days. Rakuten's help centre promises "the previous one to two weeks" of lines, its guide 30 days.
   * @default Duration.days(14)
   */
  readonly dailyWindow?: Duration;

  /**
   * How far back the first run after the first deployment looks, at most 29 days, as Rakuten tells lines that were processed less than 30 days ago. With
   * `Duration.days(0)` no further than any other run.
   * @default Duration.days(29)
   */
  readonly backfill?: Duration;

  /**
   * From what age on a row that the Events API does not tell is counted as unverified, 1 hour to 14 days: it is forged, or the advertiser eliminated the line.
   * @default Duration.hours(24)
   */
  readonly unverifiedAfter?: Duration;

  /**
   * Lines that Rakuten processed before this time are left alone, for a table that holds them from elsewhere. ISO 8601 with an offset, for example
   * `2026-03-01T00:00:00Z`.
   * @default - all are compared
   */
  readonly notBefore?: string;
}

export interface ReconciliationProps {
  readonly options: ReconciliationOptions;
  readonly transactionTable: dynamodb.ITable;
  readonly stateTable: dynamodb.ITable;
  readonly queue: sqs.IQueue;
  readonly metricsService: string;
  readonly metricsNamespace: string;
  readonly dayShards: number;
  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;
  /** Whether X-Ray records invocations. @default false */
  readonly tracing?: boolean;
}

/** Compares what Rakuten holds with what the table holds: one function, and two schedules for each publisher. */
export class Reconciliation extends Construct {
  /** The Lambda function. Invoked with `{"sid", "from", "to", "reason"}` it compares a window of choice. */
  public readonly function: BundledFunction;
  private compared = 0;

  constructor(scope: Construct, id: string, props: ReconciliationProps) {
    super(scope, id);
    for (const problem of optionProblems(props.options)) refuse(this, problem);
    this.function = new BundledFunction(this, 'Function', {
      bundle: 'reconciliation',
      description: 'Fetches from the Events API what no postback brought, and confirms what one brought',
      // Lambda's longest. A run that needs more hands its rest on.
      timeout: Duration.minutes(15),
      memorySize: 1024,
      environment: {
        [ENVIRONMENT.tableName]: props.transactionTable.tableName,
        [ENVIRONMENT.stateTableName]: props.stateTable.tableName,
        [ENVIRONMENT.queueUrl]: props.queue.queueUrl,
        [ENVIRONMENT.dayShards]: String(props.dayShards),
        [ENVIRONMENT.metricsNamespace]: props.metricsNamespace,
        [ENVIRONMENT.metricsService]: props.metricsService,
        [ENVIRONMENT.reconciliation]: JSON.stringify(settingsOf(props.options)),
      },
      logRetention: props.logRetention,
      tracing: props.tracing,
    });
    this.allowTables(props);
    allowSending(this.function, props.queue);
    this.allowHandingOn();
  }

  /**
   * Compares this publisher's lines from the deployment on.
   *
   * @param id name of the schedules
   * @param publisher the account
   * @param fields what its postbacks carry
   * @param registration what must stand before, and must not go after
   *
   * @internal
   */
  public _addPublisher(id: string, publisher: Publisher, fields: PostbackFields, registration: Construct): void {
    const asked = new Set(fields._toFieldList().flatMap((parameter) => ('field' in parameter ? [parameter.field] : [])));
    // The secret tells whose postback it is.
    const missing = IDENTITY_FIELDS.filter((field) => field !== 'sid' && !asked.has(field));
    if (missing.length > 0) {
      Annotations.of(registration).addWarningV2(
        'cdk-rakuten-postback:notReconciled',
        `the lines of SID ${publisher.sid} are not compared with the Events API, so what is lost on the way stays lost: ${missing.join(', ')} ` +
          'is not asked for, and a row cannot be told to be the line that Rakuten holds; use PostbackFields.only() instead of exactly()',
      );
      return;
    }
    this.compared += 1;
    grantReadCredentials(publisher, this.function);
    this.schedule(`${id}Hourly`, { sid: publisher.sid, run: 'hourly' }, Duration.hours(1), registration);
    this.schedule(`${id}Daily`, { sid: publisher.sid, run: 'daily' }, Duration.days(1), registration);
  }

  /** Whether there is a publisher whose lines are compared. */
  public get hasPublisher(): boolean {
    return this.compared > 0;
  }

  private schedule(id: string, request: ScheduledRequest, interval: Duration, registration: Construct): void {
    const isHourly = request.run === 'hourly';
    const rule = new events.Rule(this, id, {
      description: `Compares the table with Rakuten's Events API, ${isHourly ? 'over the last hours, and after each deployment' : 'over the last weeks'}`,
      schedule: events.Schedule.rate(interval),
      // A rule may have both. The end of the first deployment is when the backfill is due; nothing of the deployment waits for it.
      ...(isHourly ? { eventPattern: endOfDeployment(this) } : {}),
      targets: [
        new targets.LambdaFunction(this.function, {
          event: events.RuleTargetInput.fromObject(request),
          // The next one does the same work.
          maxEventAge: Duration.hours(1),
        }),
      ],
    });
    rule.node.addDependency(registration);
  }

  private allowTables({ transactionTable, stateTable }: ReconciliationProps): void {
    const statements: iam.PolicyStatementProps[] = [
      { actions: ['dynamodb:BatchGetItem'], resources: [transactionTable.tableArn] },
      {
        actions: ['dynamodb:Query'],
        resources: [
          transactionTable.tableArn,
          ...[INDEXES.byDay, INDEXES.byTransaction].map((index) => `${transactionTable.tableArn}/index/${index}`),
        ],
      },
      {
        actions: ['dynamodb:GetItem'],
        resources: [stateTable.tableArn],
        conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [PUBLISHER_KIND, RECONCILIATION_KIND] } },
      },
      {
        actions: ['dynamodb:UpdateItem'],
        resources: [stateTable.tableArn],
        conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [RECONCILIATION_KIND] } },
      },
    ];
    for (const statement of statements) this.function.addToRolePolicy(new iam.PolicyStatement(statement));
    transactionTable.encryptionKey?.grantDecrypt(this.function);
  }

  /** A policy of its own: the function depends on its role's, which therefore cannot name the function. */
  private allowHandingOn(): void {
    const { role } = this.function;
    if (role === undefined) return;
    new iam.Policy(this, 'HandOnPolicy', {
      roles: [role],
      statements: [new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [this.function.functionArn] })],
    });
  }
}

/** CloudFormation tells EventBridge how each stack of the account fares. */
const endOfDeployment = (scope: Construct): events.EventPattern => ({
  source: ['aws.cloudformation'],
  detailType: ['CloudFormation Stack Status Change'],
  detail: {
    'stack-id': [Stack.of(scope).stackId],
    'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] },
  },
});

function settingsOf(options: ReconciliationOptions): ReconciliationSettings {
  return {
    hourlyWindowSeconds: (options.window ?? Duration.hours(3)).toSeconds(),
    dailyWindowSeconds: (options.dailyWindow ?? Duration.days(14)).toSeconds(),
    backfillSeconds: (options.backfill ?? Duration.days(29)).toSeconds(),
    unverifiedAfterSeconds: (options.unverifiedAfter ?? Duration.hours(24)).toSeconds(),
    ...(options.notBefore === undefined ? {} : { notBefore: options.notBefore }),
  };
}

function optionProblems({ window, dailyWindow, backfill, unverifiedAfter, notBefore }: ReconciliationOptions): Problem[] {
  const day = Duration.days(1);
  return [
    durationProblem('reconciliation.window', window, Duration.hours(1), day),
    durationProblem('reconciliation.dailyWindow', dailyWindow, day, Duration.days(29)),
    durationProblem('reconciliation.backfill', backfill, Duration.days(0), Duration.days(29)),
    durationProblem('reconciliation.unverifiedAfter', unverifiedAfter, Duration.hours(1), Duration.days(14)),
    timeProblem(notBefore),
  ];
}

function timeProblem(notBefore: string | undefined): Problem {
  if (notBefore === undefined) return undefined;
  return Number.isFinite(parseTime(notBefore))
    ? undefined
    : `reconciliation.notBefore is '${notBefore}'; give a time such as 2026-03-01T00:00:00Z`;
}
