import { Annotations, Duration, Stack } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ENVIRONMENT, INDEXES } from '../core/names';
import { KEY_FIELDS } from '../core/rakuten/postback/fields';
import { parseTime, type ScheduledRequest } from '../core/reconciliation/request';
import type { ReconciliationSettings } from '../core/reconciliation/window';
import {
  FORGOTTEN_KIND,
  MISSING_KIND,
  PUBLISHER_KIND,
  RECONCILIATION_KIND,
} from '../core/state/publisher-state';
import type { ArchiveStream } from './consumer';
import type { PostbackFields } from './fields';
import { BundledFunction } from './private/bundled-function';
import { durationProblem, type Problem, rejectProblems } from './private/checks';
import { grantReadCredentials } from './private/credentials';
import { type FunctionUrls, urlVariables } from './private/function-urls';
import { OwnPolicy } from './private/own-policy';
import { type RowSettings, rowEnvironment } from './private/row-environment';
import { onStateItems } from './private/state-items';
import type { Publisher } from './publisher';

/** How the table is reconciled with Rakuten's Events API. */
export interface ReconciliationOptions {
  /**
   * Whether to fetch missing lines and to verify those that a postback delivered.
   *
   * With `false` a lost postback stays lost, and no row gets `verified_at`.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * How far back the hourly run looks at least, 1 hour to 1 day. It looks further back by itself
   * when runs before it failed.
   * @default Duration.hours(3)
   */
  readonly window?: Duration;

  /**
   * How far back the daily run looks at least, 1 to 29 days.
   *
   * A shorter window finds corrections and withdrawn lines of that time only. Rakuten's help centre
   * promises "the previous one to two weeks" of lines, its guide 30 days.
   * @default Duration.days(29)
   */
  readonly dailyWindow?: Duration;

  /**
   * How far back the first run after the first deployment looks, at most 29 days.
   *
   * The Events API returns lines that were processed less than 30 days ago. With
   * `Duration.days(0)` the first run looks no further back than any other.
   * @default Duration.days(29)
   */
  readonly backfill?: Duration;

  /**
   * Age from which a row that the Events API does not return counts as unverified.
   *
   * 1 hour to 14 days. Such a row is forged, or the advertiser eliminated the line.
   * @default Duration.hours(24)
   */
  readonly unverifiedAfter?: Duration;

  /**
   * Whether a row counts as verified if only the first postback had its `u1`.
   *
   * For accounts whose Events API never returns `u1`: without this option no row with a member is
   * verified there. `cdk-rakuten-postback doctor` recommends it if that is what it sees. The member
   * then comes from the first postback, all other values from the Events API.
   * @default false
   */
  readonly memberFromPostback?: boolean;

  /**
   * Lines that Rakuten processed before this time are not reconciled.
   *
   * For a table that has them from another source. ISO 8601 with an offset, for example
   * `2026-03-01T00:00:00Z`.
   * @default - all lines are reconciled
   */
  readonly notBefore?: string;
}

export interface ReconciliationProps extends Omit<RowSettings, 'memberFromPostback'> {
  readonly options: ReconciliationOptions;
  readonly transactionTable: dynamodb.ITable;
  readonly stateTable: dynamodb.ITable;
  readonly urls: FunctionUrls;
  readonly metricsService: string;
  readonly metricsNamespace: string;
  /** @default - raw messages are not archived */
  readonly archive?: ArchiveStream;
  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;
  /** Whether X-Ray records invocations. @default false */
  readonly tracing?: boolean;
}

/** Writes what the Events API returns to the table: one function, two schedules per publisher. */
export class Reconciliation extends Construct {
  /**
   * The Lambda function. Invoked with `{"sid", "from", "to", "reason"}` it reconciles any window.
   */
  public readonly function: BundledFunction;
  private compared = 0;

  constructor(scope: Construct, id: string, props: ReconciliationProps) {
    super(scope, id);
    rejectProblems(this, optionProblems(props.options));
    this.function = new BundledFunction(this, 'Function', {
      bundle: 'reconciliation',
      description:
        'Fetches missing lines from the Events API and verifies those that a postback delivered',
      // Lambda's maximum. A longer run continues in a new invocation.
      timeout: Duration.minutes(15),
      memorySize: 1024,
      environment: environmentOf(props),
      logRetention: props.logRetention,
      tracing: props.tracing,
    });
    this.grantTables(props);
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
  public _addPublisher(
    id: string,
    publisher: Publisher,
    fields: PostbackFields,
    registration: Construct,
  ): void {
    const asked = new Set(
      fields._toFieldList().flatMap((parameter) => ('field' in parameter ? [parameter.field] : [])),
    );
    const missing = KEY_FIELDS.filter((field) => !asked.has(field));
    if (missing.length > 0) {
      Annotations.of(registration).addWarningV2(
        'cdk-rakuten-postback:notReconciled',
        `the lines of SID ${publisher.sid} are not reconciled, so a lost postback stays lost and no row is verified: ${missing.join(', ')} ` +
          'is not asked for, so a row cannot be matched with a line of the Events API; use PostbackFields.only() instead of exactly()',
      );
      return;
    }
    this.compared += 1;
    grantReadCredentials(publisher, this.function);
    this.schedule(
      `${id}Hourly`,
      { sid: publisher.sid, run: 'hourly' },
      Duration.hours(1),
      registration,
    );
    this.schedule(
      `${id}Daily`,
      { sid: publisher.sid, run: 'daily' },
      Duration.days(1),
      registration,
    );
  }

  /** Whether there is a publisher whose lines are compared. */
  public get hasPublisher(): boolean {
    return this.compared > 0;
  }

  private schedule(
    id: string,
    request: ScheduledRequest,
    interval: Duration,
    registration: Construct,
  ): void {
    const isHourly = request.run === 'hourly';
    const rule = new events.Rule(this, id, {
      description: `Compares the table with Rakuten's Events API, ${isHourly ? 'over the last hours, and after each deployment' : 'over the last weeks'}`,
      schedule: events.Schedule.rate(interval),
      // A rule may have both. The end of the first deployment is when the backfill is due; nothing
      // of the deployment waits for it.
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

  private grantTables({ transactionTable, stateTable, archive }: ReconciliationProps): void {
    const statements: iam.PolicyStatementProps[] = [
      {
        actions: [
          'dynamodb:GetItem',
          'dynamodb:BatchGetItem',
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
        ],
        resources: [transactionTable.tableArn],
      },
      // The table itself: whether a line whose is_event is unreadable has another row.
      {
        actions: ['dynamodb:Query'],
        resources: [
          transactionTable.tableArn,
          `${transactionTable.tableArn}/index/${INDEXES.byDay}`,
        ],
      },
      onStateItems(
        stateTable,
        ['dynamodb:GetItem', 'dynamodb:Query'],
        PUBLISHER_KIND,
        RECONCILIATION_KIND,
        MISSING_KIND,
        FORGOTTEN_KIND,
      ),
      // It cannot change which secrets are accepted.
      onStateItems(
        stateTable,
        ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
        RECONCILIATION_KIND,
        MISSING_KIND,
      ),
    ];
    if (archive !== undefined)
      statements.push({
        actions: ['firehose:PutRecordBatch'],
        resources: [archive.deliveryStreamArn],
      });
    for (const statement of statements)
      this.function.addToRolePolicy(new iam.PolicyStatement(statement));
    transactionTable.encryptionKey?.grantEncryptDecrypt(this.function);
  }

  /**
   * A policy of its own: the function depends on its role's, which therefore cannot name the
   * function.
   */
  private allowHandingOn(): void {
    const policy = new OwnPolicy(this, 'HandOnPolicy', this.function);
    policy.addToPolicy(
      new iam.PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [this.function.functionArn],
      }),
    );
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

function environmentOf(props: ReconciliationProps): Record<string, string> {
  const { options, transactionTable, stateTable, archive } = props;
  return {
    [ENVIRONMENT.tableName]: transactionTable.tableName,
    [ENVIRONMENT.stateTableName]: stateTable.tableName,
    [ENVIRONMENT.metricsNamespace]: props.metricsNamespace,
    [ENVIRONMENT.metricsService]: props.metricsService,
    // It calls no endpoint.
    ...urlVariables({ rakutenApiUrl: props.urls.rakutenApiUrl }),
    [ENVIRONMENT.reconciliation]: Stack.of(transactionTable).toJsonString(settingsOf(options)),
    ...rowEnvironment({ ...props, memberFromPostback: options.memberFromPostback }),
    ...(archive === undefined
      ? {}
      : { [ENVIRONMENT.archiveStreamName]: archive.deliveryStreamName }),
  };
}

function settingsOf(options: ReconciliationOptions): ReconciliationSettings {
  return {
    hourlyWindowSeconds: (options.window ?? Duration.hours(3)).toSeconds(),
    dailyWindowSeconds: (options.dailyWindow ?? Duration.days(29)).toSeconds(),
    backfillSeconds: (options.backfill ?? Duration.days(29)).toSeconds(),
    unverifiedAfterSeconds: (options.unverifiedAfter ?? Duration.hours(24)).toSeconds(),
    ...(options.notBefore === undefined ? {} : { notBefore: options.notBefore }),
  };
}

function optionProblems({
  window,
  dailyWindow,
  backfill,
  unverifiedAfter,
  notBefore,
}: ReconciliationOptions): Problem[] {
  const day = Duration.days(1);
  return [
    durationProblem('reconciliation.window', window, Duration.hours(1), day),
    durationProblem('reconciliation.dailyWindow', dailyWindow, day, Duration.days(29)),
    durationProblem('reconciliation.backfill', backfill, Duration.days(0), Duration.days(29)),
    durationProblem(
      'reconciliation.unverifiedAfter',
      unverifiedAfter,
      Duration.hours(1),
      Duration.days(14),
    ),
    timeProblem(notBefore),
  ];
}

function timeProblem(notBefore: string | undefined): Problem {
  if (notBefore === undefined) return undefined;
  return Number.isFinite(parseTime(notBefore))
    ? undefined
    : `reconciliation.notBefore is '${notBefore}'; give a time such as 2026-03-01T00:00:00Z`;
}
