import { Duration, Stack } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ENVIRONMENT, WATCH_EVENTS } from '../core/names';
import { PUBLISHER_KIND, WATCH_KIND } from '../core/state/publisher-state';
import type { WatchSettings } from '../core/status-watch/record';
import { BundledFunction } from './private/bundled-function';
import {
  assertValid,
  durationProblem,
  knownDurationProblem,
  rangeProblem,
  rejectProblems,
} from './private/checks';
import {
  grantReadCredentials,
  grantReadSecret,
  grantSaveSecretVersion,
} from './private/credentials';
import { type FunctionUrls, urlVariables } from './private/function-urls';
import { onStateItems } from './private/state-items';
import type { Publisher } from './publisher';
import type { Registration } from './registration';

/**
 * What the status watch does when somebody else's URL stands in the slot where ours was, for
 * example of a tracker that was set up later.
 */
export enum TakeoverAction {
  /** Say so, by metric and event, and leave the slot alone. */
  REPORT = 'REPORT',
  /** Take the slot back, and remember the URL that was there, so that removal can restore it. */
  RECLAIM = 'RECLAIM',
}

/**
 * How it is watched that Rakuten goes on sending. Rakuten switches a postback off that it takes for
 * failing, and tells nobody.
 */
export interface StatusWatchOptions {
  /**
   * Whether the slot at Rakuten is looked at, and put right. With `false` a postback that was
   * switched off stays off until somebody notices.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * Time between two looks, whole minutes from 1 to 60. Each takes two calls of the 100 a minute
   * that Rakuten allows.
   * @default Duration.minutes(5)
   */
  readonly interval?: Duration;

  /**
   * What to do about a URL of somebody else in the slot.
   * @default TakeoverAction.REPORT
   */
  readonly onTakeover?: TakeoverAction;

  /**
   * Whether each look also sends one GET to the endpoint, on a new connection and marked as a
   * probe, and publishes how long its acknowledgement took.
   * @default - true, unless `allowedSourceRanges` closes the endpoint to it
   */
  readonly selfProbe?: boolean;

  /**
   * After how many restorations within `flappingWindow` the watch takes its time, 2 to 20: it waits
   * 15 minutes before the next one, then each time twice as long, up to two hours.
   * @default 3
   */
  readonly flappingAfter?: number;

  /**
   * Within which time restorations are counted, 1 hour to 7 days.
   * @default Duration.hours(24)
   */
  readonly flappingWindow?: Duration;
}

export interface StatusWatchProps {
  readonly options: StatusWatchOptions;
  readonly selfProbeByDefault: boolean;
  readonly stateTable: dynamodb.ITable;
  readonly urls: FunctionUrls;
  readonly metricsService: string;
  readonly metricsNamespace: string;
  /** Asked to fetch what a spell without postbacks lost. */
  readonly reconciliationFunction?: lambda.IFunction;
  /** @default logs.RetentionDays.THREE_MONTHS */
  readonly logRetention?: logs.RetentionDays;
  /** Whether X-Ray records invocations. @default false */
  readonly tracing?: boolean;
}

/** Looks at every publisher's slot on a schedule, and puts right what may be put right. */
export class StatusWatch extends Construct {
  /** The Lambda function. Any invocation is a look at all publishers. */
  public readonly function: BundledFunction;

  /** Whether each look sends a GET to the endpoint. */
  public readonly selfProbe: boolean;
  /** A time in which there is a look, by and large: what an alarm on the watch goes by. */
  public readonly period: Duration;

  private readonly reclaims: boolean;
  private readonly schedule: events.Rule;

  constructor(scope: Construct, id: string, props: StatusWatchProps) {
    super(scope, id);
    const { options } = props;
    const interval = options.interval ?? Duration.minutes(5);
    checkOptions(this, options);
    this.selfProbe = settingsOf(props).selfProbe;
    this.reclaims = options.onTakeover === TakeoverAction.RECLAIM;
    this.period = interval.toMinutes() < 5 ? Duration.minutes(5) : interval;
    this.function = new BundledFunction(this, 'Function', {
      bundle: 'status-watch',
      description: 'Sees to it that the postbacks stay switched on at Rakuten',
      // Rakuten may ask for patience, and there may be many publishers.
      timeout: Duration.minutes(5),
      environment: {
        [ENVIRONMENT.stateTableName]: props.stateTable.tableName,
        [ENVIRONMENT.metricsNamespace]: props.metricsNamespace,
        [ENVIRONMENT.metricsService]: props.metricsService,
        ...urlVariables(props.urls),
        [ENVIRONMENT.statusWatch]: Stack.of(this).toJsonString(settingsOf(props)),
      },
      logRetention: props.logRetention,
      tracing: props.tracing,
    });
    // Lambda repeats a failed asynchronous invocation twice by default.
    this.function.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: interval });
    this.allow(props);
    this.schedule = new events.Rule(this, 'Schedule', {
      description: 'Looks whether the postbacks are switched on at Rakuten',
      schedule: events.Schedule.rate(interval),
      // The next look does the same.
      targets: [
        new targets.LambdaFunction(this.function, { retryAttempts: 0, maxEventAge: interval }),
      ],
    });
  }

  /**
   * Watches this publisher's slot.
   *
   * @internal
   */
  public _addPublisher(publisher: Publisher, registration: Registration): void {
    grantReadCredentials(publisher, this.function);
    grantReadSecret(registration.urlSecret, this.function);
    // It stores the URL that it replaces.
    if (this.reclaims) grantSaveSecretVersion(registration.urlSecret, this.function);
    // So the schedule is gone before a registration is removed: a look in between would register it
    // again. One that is on its way by then finds in the state table that the registration is given
    // up.
    this.schedule.node.addDependency(registration);
  }

  private allow({ stateTable, reconciliationFunction }: StatusWatchProps): void {
    const statements: iam.PolicyStatementProps[] = [
      onStateItems(stateTable, ['dynamodb:Query'], PUBLISHER_KIND),
      onStateItems(stateTable, ['dynamodb:GetItem'], PUBLISHER_KIND, WATCH_KIND),
      onStateItems(stateTable, ['dynamodb:UpdateItem'], PUBLISHER_KIND),
      onStateItems(stateTable, ['dynamodb:PutItem'], WATCH_KIND),
      {
        actions: ['events:PutEvents'],
        resources: [
          Stack.of(this).formatArn({
            service: 'events',
            resource: 'event-bus',
            resourceName: 'default',
          }),
        ],
        // The key is multivalued. Without Null, a request without the key would be allowed.
        conditions: {
          'ForAllValues:StringEquals': { 'events:source': WATCH_EVENTS.source },
          Null: { 'events:source': 'false' },
        },
      },
    ];
    if (reconciliationFunction !== undefined) {
      statements.push({
        actions: ['lambda:InvokeFunction'],
        resources: [reconciliationFunction.functionArn],
      });
    }
    for (const statement of statements)
      this.function.addToRolePolicy(new iam.PolicyStatement(statement));
  }
}

function settingsOf({
  options,
  selfProbeByDefault,
  reconciliationFunction,
}: StatusWatchProps): WatchSettings {
  return {
    onTakeover: options.onTakeover ?? TakeoverAction.REPORT,
    selfProbe: options.selfProbe ?? selfProbeByDefault,
    flappingAfter: options.flappingAfter ?? 3,
    flappingWindowSeconds: (options.flappingWindow ?? Duration.hours(24)).toSeconds(),
    ...(reconciliationFunction === undefined
      ? {}
      : { reconciliationFunction: reconciliationFunction.functionName }),
  };
}

function checkOptions(
  scope: Construct,
  { interval, flappingAfter, flappingWindow }: StatusWatchOptions,
): void {
  rejectProblems(scope, [
    knownDurationProblem('statusWatch.interval', interval),
    durationProblem('statusWatch.interval', interval, Duration.minutes(1), Duration.hours(1)),
  ]);
  const seconds = interval?.toSeconds() ?? 0;
  assertValid(
    scope,
    seconds % 60 === 0,
    `statusWatch.interval is ${seconds} seconds; give whole minutes`,
  );
  rejectProblems(scope, [
    rangeProblem('statusWatch.flappingAfter', flappingAfter, 2, 20),
    durationProblem(
      'statusWatch.flappingWindow',
      flappingWindow,
      Duration.hours(1),
      Duration.days(7),
    ),
  ]);
}
