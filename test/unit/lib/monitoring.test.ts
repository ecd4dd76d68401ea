import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Duration, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { RestApi } from 'aws-cdk-lib/aws-apigateway';
import {
  LambdaAction,
  OpsItemSeverity,
  SnsAction,
  SsmAction,
} from 'aws-cdk-lib/aws-cloudwatch-actions';
import { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { judgeGivenUp, pipesIn } from '../../../cli/doctor/checks/downstream';
import { ENVIRONMENT, METRICS, METRICS_NAMESPACE } from '../../../core/names';
import {
  AlarmKind,
  AlarmSeverity,
  type MonitoringOptions,
  PostbackFields,
  PostbackRelay,
  type PostbackRelayProps,
  RakutenPostbackMetrics,
  TransactionTarget,
} from '../../../lib';
import { ALARM_CATALOGUE } from '../../../lib/monitoring/alarm-catalogue';
import { METRIC_CATALOGUE, type OwnMetric } from '../../../lib/monitoring/metric-catalogue';
import { runbookPage } from '../../../lib/monitoring/runbook';
import { linesOf } from '../../../tools/dashboard/metrics';
import type { Widget } from '../../../tools/dashboard/page';
import { ROOT } from '../../support/sources';
import {
  emptyStack,
  Resources,
  type SomeProps,
  type TemplateResource,
  withPostback,
} from '../../support/stacks';

const synthesized = (props?: SomeProps): Resources =>
  new Resources(withPostback(props, { region: 'us-east-1', account: '111122223333' }).stack);
const monitored = (monitoring: MonitoringOptions): Resources => synthesized({ monitoring });

let standard: Resources;
beforeAll(() => {
  standard = synthesized();
});

const alarmsOf = (resources: Resources): TemplateResource[] =>
  resources.of('AWS::CloudWatch::Alarm');
/** `OldestMessage` as OLDEST_MESSAGE. */
const kindOf = (resources: Resources, { logicalId }: TemplateResource): AlarmKind =>
  resources
    .pathOf(logicalId)
    .replace('Postback/Monitoring/Alarms/', '')
    .replace(/(?!^)[A-Z]/g, '_$&')
    .toUpperCase() as AlarmKind;
const kindsOf = (resources: Resources): AlarmKind[] =>
  alarmsOf(resources).map((alarm) => kindOf(resources, alarm));
function alarm(resources: Resources, kind: AlarmKind): TemplateResource {
  const found = alarmsOf(resources).find((candidate) => kindOf(resources, candidate) === kind);
  if (found === undefined) throw new Error(`there is no alarm ${kind}`);
  return found;
}

/** A text with references, each as the construct path of what it refers to. */
function text(resources: Resources, value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = []] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Fn::Join')
    return (argument as [string, unknown[]])[1].map((part) => text(resources, part)).join('');
  const id = String(intrinsic === 'Ref' ? argument : (argument as string[])[0]);
  return id.startsWith('AWS::') ? id : resources.pathOf(id);
}

function widgetsOf(resources: Resources): Widget[] {
  const [dashboard] = resources.of('AWS::CloudWatch::Dashboard');
  return (JSON.parse(text(resources, dashboard?.Properties.DashboardBody)) as { widgets: Widget[] })
    .widgets;
}

interface Seen {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Record<string, string>;
}

const graphed = (resources: Resources): Seen[] =>
  widgetsOf(resources)
    .flatMap(({ properties }) => properties.metrics ?? [])
    .filter((entry) => typeof entry[0] === 'string')
    .map((entry) => {
      const [namespace, name, ...pairs] = entry.filter((part) => typeof part === 'string');
      const dimensions = Object.fromEntries(
        pairs.flatMap((part, i) => (i % 2 === 0 ? [[part, String(pairs[i + 1])]] : [])),
      );
      return { namespace: String(namespace), name: String(name), dimensions };
    });

const alarmed = (resources: Resources): Seen[] =>
  alarmsOf(resources).flatMap(({ Properties }) => {
    const stats = Properties.Metrics?.flatMap(
      ({ MetricStat }: { MetricStat?: { Metric: unknown } }) => MetricStat?.Metric ?? [],
    ) ?? [Properties];
    return stats.map(
      ({
        Namespace,
        MetricName,
        Dimensions,
      }: {
        Namespace: string;
        MetricName: string;
        Dimensions: { Name: string; Value: unknown }[];
      }) => ({
        namespace: Namespace,
        name: MetricName,
        dimensions: Object.fromEntries(
          Dimensions.map(({ Name, Value }) => [Name, text(resources, Value)]),
        ),
      }),
    );
  });

const ownNames = (seen: readonly Seen[]): Set<string> =>
  new Set(seen.filter(({ namespace }) => namespace === METRICS_NAMESPACE).map(({ name }) => name));

describe('a metric', () => {
  it('that a function emits is graphed, and what is graphed or alarmed is emitted', () => {
    // That each of METRICS is emitted by a handler is told by the test of the boundaries.
    expect(ownNames(graphed(standard))).toEqual(new Set(Object.values(METRICS)));
    for (const name of ownNames(alarmed(standard)))
      expect(Object.values<string>(METRICS)).toContain(name);
  });

  it('is read under the very name that the functions write it under, and of AWS only of what is in the stack', () => {
    const { Variables } = standard.at('Postback/Consumer/Function').Properties.Environment;
    for (const { namespace, dimensions } of [...graphed(standard), ...alarmed(standard)]) {
      if (namespace === METRICS_NAMESPACE)
        expect(dimensions).toEqual({ service: Variables[ENVIRONMENT.metricsService] });
      else if (namespace === 'AWS/ApiGateway')
        expect(dimensions).toEqual({
          ApiName: standard.of('AWS::ApiGateway::RestApi')[0]?.Properties.Name,
        });
      else
        expect(Object.values(dimensions).some((value) => value.startsWith('Postback/'))).toBe(true);
    }
  });

  it('of our own has a method that reads it as the catalogue says', () => {
    const metrics = new RakutenPostbackMetrics('an-installation');
    const methods = metrics as unknown as Record<
      string,
      (options?: object) => { toMetricConfig(): { metricStat: Record<string, unknown> } }
    >;
    for (const [key, name] of Object.entries(METRICS) as [OwnMetric, string][]) {
      const method = name.charAt(0).toLowerCase() + name.slice(1);
      const { statistic, period } = METRIC_CATALOGUE[key];
      expect(methods[method]?.call(metrics).toMetricConfig().metricStat).toMatchObject({
        namespace: METRICS_NAMESPACE,
        metricName: name,
        dimensions: [{ name: 'service', value: 'an-installation' }],
        statistic,
        period,
      });
      expect(
        methods[method]?.call(metrics, { statistic: 'SampleCount' }).toMetricConfig().metricStat
          .statistic,
      ).toBe('SampleCount');
    }
  });

  it('has the well-known ones on the construct itself', () => {
    const { postback } = withPostback();
    expect(postback.metricLinesDeliveredByPush().metricName).toBe(METRICS.deliveredByPush);
    expect(postback.metricLinesRecovered({ statistic: 'Maximum' }).statistic).toBe('Maximum');
    expect(postback.metricPostbackActive().dimensions).toEqual({
      service: postback.metrics.installation,
    });
  });
});

describe('the alarms', () => {
  it('are these, look at this, and take missing data for this', () => {
    const signs: Record<string, string> = {
      GreaterThanOrEqualToThreshold: '>=',
      GreaterThanThreshold: '>',
      LessThanThreshold: '<',
    };
    const words = alarmsOf(standard).map((one) => {
      const {
        MetricName,
        Metrics,
        Statistic,
        ExtendedStatistic,
        ComparisonOperator,
        Threshold,
        ...rest
      } = one.Properties;
      const { Period = 300, DatapointsToAlarm, EvaluationPeriods, TreatMissingData } = rest;
      const what =
        Metrics === undefined
          ? `${Statistic ?? ExtendedStatistic} ${MetricName}`
          : Metrics.find((m: { Expression?: string }) => m.Expression).Expression;
      return `${kindOf(standard, one)}: ${what} ${signs[ComparisonOperator]} ${Threshold}, ${DatapointsToAlarm ?? EvaluationPeriods} of ${EvaluationPeriods} x ${Period / 60} min, missing: ${TreatMissingData}`;
    });
    expect(words).toEqual([
      'ENDPOINT_ERRORS: Sum 5XXError >= 1, 1 of 1 x 5 min, missing: notBreaching',
      'SLOW_ACKNOWLEDGEMENT: p99 Latency > 200, 3 of 5 x 1 min, missing: notBreaching',
      'PROBE_FAILED: Sum ProbeFailed >= 1, 2 of 3 x 5 min, missing: notBreaching',
      'SILENCE: Sum LinesDeliveredByPush < 1, 24 of 24 x 60 min, missing: notBreaching',
      'OLDEST_MESSAGE: Maximum ApproximateAgeOfOldestMessage > 900, 2 of 2 x 5 min, missing: notBreaching',
      'DEAD_LETTERS: Maximum ApproximateNumberOfMessagesVisible >= 1, 2 of 2 x 5 min, missing: notBreaching',
      'CONSUMER_ERRORS: Sum Errors >= 1, 2 of 3 x 5 min, missing: notBreaching',
      'CONSUMER_THROTTLED: Sum Throttles >= 1, 2 of 3 x 5 min, missing: notBreaching',
      'TABLE_THROTTLED: SUM([throttledPuts, throttledUpdates]) >= 10, 2 of 3 x 5 min, missing: notBreaching',
      'PARSE_PROBLEMS: Sum ParseProblems >= 1, 1 of 1 x 60 min, missing: notBreaching',
      'FORGED_POSTBACKS: Sum ForgedRejected >= 100, 1 of 1 x 60 min, missing: notBreaching',
      'POSTBACK_NOT_ACTIVE: Minimum PostbackActive < 1, 2 of 2 x 5 min, missing: ignore',
      'POSTBACK_TAKEN_OVER: Sum PostbackTakenOver >= 1, 1 of 1 x 5 min, missing: notBreaching',
      'POSTBACK_OUTDATED: Sum PostbackOutdated >= 1, 2 of 3 x 5 min, missing: notBreaching',
      'POSTBACK_FLAPPING: Sum PostbackFlapping >= 1, 1 of 1 x 5 min, missing: notBreaching',
      'STATUS_WATCH_BLIND: invocations - errors < 1, 3 of 3 x 5 min, missing: breaching',
      'STATUS_CHECK_FAILED: Sum StatusCheckFailed >= 1, 3 of 4 x 5 min, missing: notBreaching',
      'WATCH_TASK_FAILED: Sum WatchTasksFailed >= 1, 2 of 3 x 5 min, missing: notBreaching',
      'PUSHES_LOST: Minimum DeliveryRate < 95, 2 of 24 x 60 min, missing: notBreaching',
      'RECONCILIATION_STALE: Maximum HoursSinceReconciliation >= 0.5, 3 of 3 x 60 min, missing: breaching',
      'RECONCILIATION_FAILED: Sum ReconciliationsFailed >= 1, 2 of 2 x 60 min, missing: notBreaching',
      'LINES_UNVERIFIED: Maximum LinesUnverified > 10, 1 of 1 x 1440 min, missing: ignore',
      'BRAKE: Sum ReconciliationsBraked >= 1, 1 of 24 x 60 min, missing: notBreaching',
      'UNREADABLE_ANSWERS: Sum UnreadableAnswers >= 1, 1 of 24 x 60 min, missing: notBreaching',
      'REUSED_IDS: Sum ReusedIds >= 1, 1 of 24 x 60 min, missing: notBreaching',
    ]);
  });

  it('say what it means, what is at stake and what to run next, link to their page, and fit into what CloudWatch takes', () => {
    for (const one of alarmsOf(standard)) {
      const { AlarmDescription, AlarmName } = one.Properties;
      expect(AlarmDescription).toMatch(
        /^\*\*.+\.\*\* .{20,}\n\nAt stake: .{20,}\n\nNext: `npx cdk-rakuten-postback .+ --stack Stack`\n\nhttps:\/\/.+\/docs\/runbook\/[a-z-]+\.md$/,
      );
      expect(AlarmDescription.length).toBeLessThan(1024);
      expect(AlarmDescription).toContain(`/${runbookPage(kindOf(standard, one))}.md`);
      // The subject of its email. The installation is part of it, as names are unique in account
      // and region.
      expect(AlarmName).toBe(`Stack-Postback-6DC86B23-${kindOf(standard, one)}`);
    }
    const elsewhere = monitored({ runbookUrl: 'https://wiki.example.com/postbacks/' });
    expect(alarm(elsewhere, AlarmKind.SILENCE).Properties.AlarmDescription).toContain(
      '\nhttps://wiki.example.com/postbacks/silence.md',
    );
  });

  it('look at no longer time than CloudWatch evaluates, with any threshold and any interval of the watch', () => {
    const highest = ALARM_CATALOGUE.flatMap(({ kind, threshold }) =>
      threshold ? [{ kind, threshold: threshold.max }] : [],
    );
    const longest = synthesized({
      monitoring: { alarms: highest },
      statusWatch: { interval: Duration.hours(1) },
      rotateUrlSecretEvery: Duration.days(30),
    });
    for (const resources of [standard, longest]) {
      for (const { Properties } of alarmsOf(resources)) {
        const period =
          Properties.Period ??
          Properties.Metrics.find((m: { MetricStat?: unknown }) => m.MetricStat).MetricStat.Period;
        expect(period * Properties.EvaluationPeriods).toBeLessThanOrEqual(
          period < 3600 ? 86_400 : 604_800,
        );
      }
    }
    expect(kindsOf(longest)).toContain(AlarmKind.ROTATION_FAILED);
    expect(alarm(longest, AlarmKind.POSTBACK_NOT_ACTIVE).Properties.Period).toBe(3600);
  });

  it('tell nobody by default; with actions, by severity, and when they are over', () => {
    for (const { Properties } of alarmsOf(standard))
      expect([Properties.AlarmActions, Properties.OKActions]).toEqual([undefined, undefined]);
    const { stack } = withPostback((scope) => {
      const action = (id: string) => new SnsAction(new Topic(scope, id));
      return {
        monitoring: {
          alarmActions: [action('All')],
          pageActions: [action('Page')],
          ticketActions: [new SsmAction(OpsItemSeverity.MEDIUM)],
          okActions: [action('Over')],
          alarms: [
            { kind: AlarmKind.SILENCE, severity: AlarmSeverity.PAGE },
            { kind: AlarmKind.DEAD_LETTERS, actions: [action('Own')] },
          ],
        },
      };
    });
    const resources = new Resources(stack);
    const actions = (kind: AlarmKind) => {
      const { AlarmActions, OKActions } = alarm(resources, kind).Properties;
      return [AlarmActions, OKActions].map((some) =>
        some.map((one: unknown) => text(resources, one).replace(/.*opsitem.*/, 'OpsItem')),
      );
    };
    expect(actions(AlarmKind.ENDPOINT_ERRORS)).toEqual([['All', 'Page'], ['Over']]);
    expect(actions(AlarmKind.PUSHES_LOST)).toEqual([['All', 'OpsItem'], ['Over']]);
    expect(actions(AlarmKind.SILENCE)).toEqual([['All', 'Page'], ['Over']]);
    expect(actions(AlarmKind.DEAD_LETTERS)).toEqual([['Own'], ['Over']]);
  });

  it('can start a function', () => {
    const { stack, postback } = withPostback();
    postback
      .alarm(AlarmKind.DEAD_LETTERS)
      .addAlarmAction(new LambdaAction(postback.registrationFunction));
    const [granted] = new Resources(stack)
      .of('AWS::Lambda::Permission')
      .filter(
        ({ Properties }) => Properties.Principal === 'lambda.alarms.cloudwatch.amazonaws.com',
      );
    expect(granted).toBeDefined();
  });

  it('are tuned and left out one by one', () => {
    const resources = monitored({
      alarms: [
        { kind: AlarmKind.SILENCE, threshold: 6 },
        { kind: AlarmKind.SLOW_ACKNOWLEDGEMENT, threshold: 150 },
        { kind: AlarmKind.LINES_UNVERIFIED, enabled: false },
      ],
    });
    expect(alarm(resources, AlarmKind.SILENCE).Properties).toMatchObject({
      EvaluationPeriods: 6,
      Threshold: 1,
    });
    expect(alarm(resources, AlarmKind.SLOW_ACKNOWLEDGEMENT).Properties.Threshold).toBe(150);
    expect(kindsOf(resources)).toEqual(
      kindsOf(standard).filter((kind) => kind !== AlarmKind.LINES_UNVERIFIED),
    );
    // The dashboard draws the line where the alarm is, and none where there is no alarm.
    const lines = widgetsOf(resources).flatMap(({ properties }) =>
      (properties.annotations?.horizontal ?? []).map(({ value }) => value),
    );
    expect(lines).toContain(150);
    expect(lines).not.toContain(10);
  });

  it.each<[MonitoringOptions, string]>([
    [
      { alarms: [{ kind: 'SILENT' as AlarmKind }] },
      "monitoring.alarms has 'SILENT', which is no alarm; there are ENDPOINT_ERRORS, ",
    ],
    [
      { alarms: [{ kind: AlarmKind.SILENCE, threshold: 0 }] },
      'the threshold of SILENCE in monitoring.alarms is 0; give a whole number from 1 to 168 (hours)',
    ],
    [{ alarms: [{ kind: AlarmKind.SILENCE, threshold: 169 }] }, 'from 1 to 168'],
    [
      { alarms: [{ kind: AlarmKind.PUSHES_LOST, threshold: 99.5 }] },
      'give a whole number from 1 to 100 (% of the lines',
    ],
    [
      { alarms: [{ kind: AlarmKind.POSTBACK_NOT_ACTIVE, threshold: 2 }] },
      'gives POSTBACK_NOT_ACTIVE a threshold, and there is nothing to be set; leave it out',
    ],
    [
      { alarms: [{ kind: AlarmKind.SILENCE }, { kind: AlarmKind.SILENCE, threshold: 5 }] },
      'monitoring.alarms has SILENCE twice; put both into one',
    ],
    [{ runbookUrl: 'wiki' }, "monitoring.runbookUrl is 'wiki'; give the URL of a folder"],
  ])('%j is refused at synthesis', (monitoring, message) => {
    expect(() => withPostback({ monitoring })).toThrow('Stack/Postback/Monitoring: ');
    expect(() => withPostback({ monitoring })).toThrow(message);
  });

  it('are given out one by one and all together; one that is not there says why', () => {
    const { stack, postback } = withPostback({ reconciliation: { enabled: false } });
    expect(stack.resolve(postback.alarm(AlarmKind.SILENCE).alarmArn)).toEqual({
      'Fn::GetAtt': [alarm(new Resources(stack), AlarmKind.SILENCE).logicalId, 'Arn'],
    });
    expect(postback.alarms).toHaveLength(18);
    expect(() => postback.alarm(AlarmKind.PUSHES_LOST)).toThrow(
      'Stack/Postback/Monitoring: there is no alarm PUSHES_LOST, as it is left out or the part that it watches is off; there are ENDPOINT_ERRORS, ',
    );
  });
});

describe('where a part is off', () => {
  const missing = (resources: Resources): AlarmKind[] =>
    kindsOf(standard).filter((kind) => !kindsOf(resources).includes(kind));
  const ofPart = (...parts: string[]): string[] =>
    (Object.keys(METRICS) as OwnMetric[])
      .filter((key) => parts.includes(METRIC_CATALOGUE[key].part))
      .map((key) => METRICS[key]);
  const shown = (resources: Resources): Set<string> =>
    new Set([...ownNames(graphed(resources)), ...ownNames(alarmed(resources))]);

  it.each<[string, SomeProps, AlarmKind[], string[]]>([
    [
      'the reconciliation',
      { reconciliation: { enabled: false } },
      [
        AlarmKind.PUSHES_LOST,
        AlarmKind.RECONCILIATION_STALE,
        AlarmKind.RECONCILIATION_FAILED,
        AlarmKind.LINES_UNVERIFIED,
        AlarmKind.BRAKE,
        AlarmKind.UNREADABLE_ANSWERS,
        AlarmKind.REUSED_IDS,
      ],
      ['reconciliation'],
    ],
    [
      'the status watch',
      { statusWatch: { enabled: false } },
      [
        AlarmKind.PROBE_FAILED,
        AlarmKind.POSTBACK_NOT_ACTIVE,
        AlarmKind.POSTBACK_TAKEN_OVER,
        AlarmKind.POSTBACK_OUTDATED,
        AlarmKind.POSTBACK_FLAPPING,
        AlarmKind.STATUS_WATCH_BLIND,
        AlarmKind.STATUS_CHECK_FAILED,
        AlarmKind.WATCH_TASK_FAILED,
      ],
      ['status-watch', 'self-probe'],
    ],
    [
      "the watch's own GET",
      { statusWatch: { selfProbe: false } },
      [AlarmKind.PROBE_FAILED],
      ['self-probe'],
    ],
  ])('%s, its alarms and graphs are not there', (_part, props, kinds, parts) => {
    const resources = synthesized(props);
    expect(missing(resources)).toEqual(kinds);
    expect(ofPart(...parts).filter((name) => shown(resources).has(name))).toEqual([]);
    expect(shown(resources).size).toBe(Object.keys(METRICS).length - ofPart(...parts).length);
  });

  it('silence is what nobody tells, where no probe has the consumer tell it', () => {
    expect(
      alarm(synthesized({ statusWatch: { selfProbe: false } }), AlarmKind.SILENCE).Properties
        .TreatMissingData,
    ).toBe('breaching');
  });

  it('as with a table or an API of the user, whose metrics tell of others too', () => {
    const ofTable = synthesized((stack) => ({
      table: TableV2.fromTableName(stack, 'T', 'transactions'),
    }));
    expect(missing(ofTable)).toEqual([AlarmKind.TABLE_THROTTLED]);
    expect(
      graphed(ofTable).filter(({ dimensions }) => dimensions.TableName === 'transactions'),
    ).toEqual([]);
    const ofApi = synthesized((stack) => {
      const { root } = new RestApi(stack, 'Shared');
      root.addMethod('GET');
      return { existingApi: { resource: root } };
    });
    expect(missing(ofApi)).toEqual([AlarmKind.ENDPOINT_ERRORS, AlarmKind.SLOW_ACKNOWLEDGEMENT]);
    expect(graphed(ofApi).filter(({ namespace }) => namespace === 'AWS/ApiGateway')).toEqual([]);
  });

  it('and comes with a publisher, so do they: nobody is told that no reconciliation runs where none can', () => {
    const { stack, postback } = withPostback({
      fields: PostbackFields.exactly('sku_number', 'quantity'),
    });
    expect(() => postback.alarm(AlarmKind.RECONCILIATION_STALE)).toThrow('there is no alarm');
    postback.addPublisher('Other', {
      sid: '7',
      credentials: Secret.fromSecretNameV2(stack, 'Other', 'rakuten/other'),
      fields: PostbackFields.all(),
    });
    expect(postback.alarm(AlarmKind.RECONCILIATION_STALE)).toBeDefined();
  });

  it('there is nothing at all where monitoring is, and the methods stay', () => {
    const { stack, postback } = withPostback({ monitoring: { enabled: false } });
    const resources = new Resources(stack);
    for (const type of [
      'AWS::CloudWatch::Alarm',
      'AWS::CloudWatch::Dashboard',
      'AWS::Logs::QueryDefinition',
    ])
      expect(resources.of(type)).toEqual([]);
    expect([postback.dashboard, postback.alarms]).toEqual([undefined, []]);
    expect(() => postback.alarm(AlarmKind.SILENCE)).toThrow('there are none');
    expect(postback.metricLinesRecovered().metricName).toBe(METRICS.recovered);
    const some = monitored({ dashboard: false, savedQueries: false });
    expect([some.of('AWS::CloudWatch::Dashboard'), some.of('AWS::Logs::QueryDefinition')]).toEqual([
      [],
      [],
    ]);
    expect(kindsOf(some)).toEqual(kindsOf(standard));
  });
});

describe('the targets of onTransaction', () => {
  const withTargets = (monitoring: MonitoringOptions = {}) => {
    const { stack, postback } = withPostback((scope) => ({
      monitoring: { ticketActions: [new SnsAction(new Topic(scope, 'Ticket'))], ...monitoring },
    }));
    // An application of one's own may have such a queue too.
    new Queue(stack, 'TransactionsDeadLetterQueue');
    for (const id of ['Ledger', 'Mail'])
      postback.onTransaction(id, TransactionTarget.queue(new Queue(stack, id)));
    return { postback, resources: new Resources(stack) };
  };
  let asIs: ReturnType<typeof withTargets>;
  beforeAll(() => {
    asIs = withTargets();
  });
  const givenUp = (resources: Resources) =>
    alarmsOf(resources).filter((one) => kindOf(resources, one).startsWith('EVENTS_GIVEN_UP'));

  it('have an alarm each, which says whose it is and what to do', () => {
    const { postback, resources } = asIs;
    const told = givenUp(resources).map(({ Properties }) => [
      /^.*?\*\* /.exec(Properties.AlarmDescription)?.[0],
      text(resources, Properties.Dimensions[0].Value),
      Properties.AlarmActions.length,
    ]);
    expect(told).toEqual([
      [
        '**Events were given up (pipe Ledger).** ',
        'Postback/TransactionsLedger/DeadLetterQueue',
        1,
      ],
      ['**Events were given up (pipe Mail).** ', 'Postback/TransactionsMail/DeadLetterQueue', 1],
    ]);
    const [first] = givenUp(resources);
    expect(first?.Properties).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 1,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      EvaluationPeriods: 2,
      TreatMissingData: 'notBreaching',
    });
    expect(first?.Properties.AlarmDescription.length).toBeLessThan(1024);
    expect(first?.Properties.AlarmDescription).toMatch(/\/runbook\/events-given-up\.md$/);
    expect(postback.alarms).toHaveLength(alarmsOf(resources).length);
    expect(postback.alarm(AlarmKind.EVENTS_GIVEN_UP)).toBe(postback.alarms.at(-3));
  });

  it('have an alarm each on failed executions, long before an event is discarded', () => {
    const failing = alarmsOf(asIs.resources).filter((one) =>
      kindOf(asIs.resources, one).startsWith('TARGET_FAILING'),
    );
    expect(
      failing.map(({ Properties }) => [
        Properties.AlarmName,
        text(asIs.resources, Properties.Dimensions[0].Value),
      ]),
    ).toEqual([
      ['Stack-Postback-6DC86B23-TARGET_FAILING-Ledger', 'Postback/TransactionsLedger/Pipe'],
      ['Stack-Postback-6DC86B23-TARGET_FAILING-Mail', 'Postback/TransactionsMail/Pipe'],
    ]);
    expect(failing[0]?.Properties).toMatchObject({
      Namespace: 'AWS/EventBridge/Pipes',
      MetricName: 'ExecutionFailed',
      Dimensions: [{ Name: 'PipeName' }],
      Statistic: 'Sum',
      DatapointsToAlarm: 3,
      EvaluationPeriods: 6,
      TreatMissingData: 'notBreaching',
    });
  });

  it('are on the dashboard: their notes, their alarms, and the page of those', () => {
    const { resources } = asIs;
    const widgets = widgetsOf(resources);
    const failures = widgets.find(
      ({ properties }) => properties.title === 'Could not be processed',
    );
    expect(JSON.stringify(failures?.properties.metrics)).toMatch(
      /given up by Ledger.*failed executions of Ledger.*given up by Mail.*failed executions of Mail/,
    );
    const [status] = widgets.filter(({ type }) => type === 'alarm');
    expect(status?.properties.alarms).toHaveLength(alarmsOf(resources).length);
    expect(widgets.map(({ properties }) => properties.markdown ?? '').join('\n')).toContain(
      '/events-given-up.md) | `npx cdk-rakuten-postback doctor',
    );
  });

  it('are tuned like others, and have none where that is left out', () => {
    const loud = withTargets({
      alarms: [{ kind: AlarmKind.EVENTS_GIVEN_UP, threshold: 5 }],
    }).resources;
    expect(givenUp(loud).map(({ Properties }) => Properties.Threshold)).toEqual([5, 5]);
    expect(
      givenUp(
        withTargets({ alarms: [{ kind: AlarmKind.EVENTS_GIVEN_UP, enabled: false }] }).resources,
      ),
    ).toEqual([]);
    expect(givenUp(withTargets({ enabled: false }).resources)).toEqual([]);
  });

  it('are found by the doctor among all that is in the stack', () => {
    const { resources } = asIs;
    const summaries = Object.entries(
      resources.template.toJSON().Resources as Record<string, { Type: string }>,
    ).map(([id, { Type }]) => ({
      LogicalResourceId: id,
      ResourceType: Type,
      PhysicalResourceId: `url of ${resources.pathOf(id)}`,
      ResourceStatus: undefined,
      LastUpdatedTimestamp: undefined,
    }));
    expect(pipesIn(summaries)).toEqual([
      {
        name: 'PostbackTransactionsLedger',
        queueUrl: 'url of Postback/TransactionsLedger/DeadLetterQueue',
      },
      {
        name: 'PostbackTransactionsMail',
        queueUrl: 'url of Postback/TransactionsMail/DeadLetterQueue',
      },
    ]);
    expect(judgeGivenUp('PostbackTransactionsLedger', 0)).toEqual({
      status: 'ok',
      found: 'none',
      what: 'Events given up, Ledger',
    });
    expect(judgeGivenUp('PostbackTransactionsLedger', 2)).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('about 2 notes'),
    });
  });
});

describe('the targets of onTransaction in another stack', () => {
  /** A function that reads the table, in a stack of its own, and receives the events too. */
  const apart = (pipeScope: boolean) => {
    const { stack, postback } = withPostback({}, { region: 'us-east-1', account: '111122223333' });
    const other = new Stack(stack.node.root as App, 'Reader', {
      env: { region: 'us-east-1', account: '111122223333' },
    });
    const reader = new LambdaFunction(other, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = 0'),
      environment: { TABLE: postback.table.tableName },
    });
    postback.grantReadTransactions(reader);
    const pipe = postback.onTransaction(
      'Ledger',
      TransactionTarget.function(reader),
      pipeScope ? { pipeScope: other } : {},
    );
    return { stack, other, postback, pipe };
  };

  it('would be a cycle with the pipe here, and are none with the pipe there', () => {
    const cyclic = apart(false);
    expect(() => Template.fromStack(cyclic.stack)).toThrow('cyclic');
    const { stack, other, pipe } = apart(true);
    expect(Stack.of(pipe)).toBe(other);
    expect(new Resources(stack).of('AWS::Pipes::Pipe')).toEqual([]);
    const [made] = new Resources(other).of('AWS::Pipes::Pipe');
    expect(made?.Properties.Source).toEqual({
      'Fn::ImportValue': expect.stringContaining('StreamArn'),
    });
    expect(other.dependencies).toContain(stack);
    expect(stack.dependencies).toEqual([]);
  });

  it('keep their alarms, there, and their lines on the dashboard, here', () => {
    const { stack, other, postback } = apart(true);
    const [here, there] = [new Resources(stack), new Resources(other)];
    expect(kindsOf(here)).toEqual(kindsOf(standard));
    const alarms = alarmsOf(there);
    expect(alarms.map(({ Properties }) => Properties.AlarmName)).toEqual([
      'Stack-Postback-6DC86B23-TARGET_FAILING-Ledger',
      'Stack-Postback-6DC86B23-EVENTS_GIVEN_UP-Ledger',
    ]);
    const [pipe] = there.of('AWS::Pipes::Pipe');
    const [queue] = there.of('AWS::SQS::Queue');
    expect(alarms.map(({ Properties }) => Properties.Dimensions[0].Value)).toEqual([
      pipe?.Properties.Name,
      queue?.Properties.QueueName,
    ]);
    expect(pipe?.Properties.Name).toMatch(/^[\w-]{1,64}$/);
    expect(postback.alarms).toHaveLength(alarmsOf(here).length + 2);
    const widgets = widgetsOf(here);
    const failures = widgets.find(
      ({ properties }) => properties.title === 'Could not be processed',
    );
    expect(JSON.stringify(failures?.properties.metrics)).toContain(
      `"QueueName","${queue?.Properties.QueueName}"`,
    );
    const [status] = widgets.filter(({ type }) => type === 'alarm');
    expect(status?.properties.alarms).toContain(
      `arn:AWS::Partition:cloudwatch:us-east-1:111122223333:alarm:${alarms[0]?.Properties.AlarmName}`,
    );
  });

  it('are rejected in another region, where a pipe cannot read the stream', () => {
    const { stack, postback } = withPostback({}, { region: 'us-east-1', account: '111122223333' });
    const far = new Stack(stack.node.root as App, 'Far', {
      env: { region: 'eu-west-1', account: '111122223333' },
    });
    expect(() =>
      postback.onTransaction('Ledger', TransactionTarget.queue(new Queue(far, 'Events')), {
        pipeScope: far,
      }),
    ).toThrow(
      'the table is in the region us-east-1, and the pipe that reads its stream in eu-west-1; create the pipe in a stack of the account and region of the table',
    );
  });
});

describe('a relay', () => {
  const relay = (props: Partial<PostbackRelayProps> = {}) => {
    const stack = emptyStack({ region: 'us-west-2', account: '111122223333' });
    const queue = Queue.fromQueueArn(stack, 'Main', 'arn:aws:sqs:us-east-1:111122223333:main');
    const made = new PostbackRelay(stack, 'Relay', { queue, ...props });
    return { relay: made, resources: new Resources(stack) };
  };
  const named = (resources: Resources): string[] =>
    alarmsOf(resources).map(({ Properties }) =>
      Properties.AlarmName.replace(/^Stack-Relay-[0-9A-F]{8}-/, ''),
    );

  it('has alarms on its queue and its endpoint, with actions of its own', () => {
    const { relay: made, resources } = relay();
    expect(named(resources)).toEqual(['ENDPOINT_ERRORS', 'SLOW_ACKNOWLEDGEMENT', 'RELAY_STALLED']);
    expect(made.alarms).toHaveLength(3);
    const stalled = alarmsOf(resources).at(-1)?.Properties;
    expect(stalled).toMatchObject({
      MetricName: 'ApproximateAgeOfOldestMessage',
      Dimensions: [
        {
          Name: 'QueueName',
          Value: { 'Fn::GetAtt': [resources.at('Relay/Queue').logicalId, 'QueueName'] },
        },
      ],
      Threshold: 900,
      TreatMissingData: 'notBreaching',
    });
    expect(stalled.AlarmDescription).toContain('Next: `npx cdk-rakuten-postback doctor`\n');
    const tuned = relay({
      monitoring: { alarms: [{ kind: AlarmKind.RELAY_STALLED, threshold: 60 }] },
    }).resources;
    expect(alarmsOf(tuned).at(-1)?.Properties.Threshold).toBe(60);
    expect(named(relay({ monitoring: { enabled: false } }).resources)).toEqual([]);
    expect(() =>
      relay({ monitoring: { alarms: [{ kind: AlarmKind.RELAY_STALLED, threshold: 1 }] } }),
    ).toThrow('the threshold of RELAY_STALLED in monitoring.alarms is 1');
  });
});

describe('the dashboard', () => {
  it('has the name of the installation and the region, as an account has one list for all regions', () => {
    const [dashboard] = standard.of('AWS::CloudWatch::Dashboard');
    expect(dashboard?.Properties.DashboardName).toBe('Stack-Postback-6DC86B23-us-east-1');
  });

  it('answers its four questions from top to bottom, in a grid where nothing lies on anything else', () => {
    const widgets = widgetsOf(standard);
    const headings = widgets.flatMap(
      ({ properties }) => /^#+ (.*)/.exec(properties.markdown ?? '')?.[1] ?? [],
    );
    expect(headings).toEqual([
      'Rakuten postbacks',
      'Is money arriving?',
      'Is anything lost?',
      'Is it fast enough?',
      'What is billed?',
      'When something is wrong',
    ]);
    const taken = new Set<string>();
    for (const { x, y, width, height } of widgets) {
      expect(x + width).toBeLessThanOrEqual(24);
      for (let column = x; column < x + width; column += 1) {
        for (let row = y; row < y + height; row += 1) {
          expect(taken.has(`${column},${row}`)).toBe(false);
          taken.add(`${column},${row}`);
        }
      }
    }
  });

  it('shows every alarm, and the page and the command of each', () => {
    const widgets = widgetsOf(standard);
    const [status] = widgets.filter(({ type }) => type === 'alarm');
    expect(status?.properties.alarms).toHaveLength(alarmsOf(standard).length);
    const texts = widgets.map(({ properties }) => properties.markdown ?? '').join('\n');
    for (const { kind, next } of ALARM_CATALOGUE.filter(({ kind: one }) =>
      kindsOf(standard).includes(one),
    )) {
      expect(texts).toContain(
        `/${runbookPage(kind)}.md) | \`npx cdk-rakuten-postback ${next} --stack Stack\``,
      );
    }
  });

  it('counts what AWS bills from metrics that it has, and names no price', () => {
    const labels = ({ properties }: Widget): string[] =>
      linesOf(properties.metrics ?? [], 86_400).map(({ label }) => label);
    const widgets = widgetsOf(standard);
    const total = widgets.filter(
      ({ properties }) => properties.title === 'Billed, in the time shown',
    );
    const graphs = widgets.filter(({ properties }) => / an hour$/.test(properties.title ?? ''));
    const requests = ['API Gateway requests', 'SQS requests', 'Lambda invocations'];
    const units = ['DynamoDB write units', 'DynamoDB read units'];
    const work = ['Lambda GB-seconds', 'CloudWatch Logs MB'];
    expect(total.map(labels)).toEqual([[...requests, ...units, ...work]]);
    expect(graphs.map(labels)).toEqual([requests, units, work]);
    const values = linesOf(total[0]?.properties.metrics ?? [], 86_400).map(
      (line) => line.values[0] ?? 0,
    );
    expect(Math.min(...values)).toBeGreaterThan(0);
    expect(JSON.stringify(widgets)).not.toContain('Dollars');
  });
});

describe('logs', () => {
  it('of every function end some day, in a group of its own', () => {
    const resources = synthesized({ logRetention: 14 });
    const functions = resources.of('AWS::Lambda::Function');
    const groups = functions.map(({ Properties }) => Properties.LoggingConfig?.LogGroup?.Ref);
    expect(new Set(groups).size).toBe(functions.length);
    expect([...groups].sort()).toEqual(
      resources
        .of('AWS::Logs::LogGroup')
        .map(({ logicalId }) => logicalId)
        .sort(),
    );
    for (const { Properties } of resources.of('AWS::Logs::LogGroup'))
      expect(Properties.RetentionInDays).toBe(14);
    for (const { Properties } of standard.of('AWS::Logs::LogGroup'))
      expect(Properties.RetentionInDays).toBe(90);
  });

  it('have their questions saved, each with the groups of the parts that there are', () => {
    const queries = (resources: Resources): string[] =>
      resources.of('AWS::Logs::QueryDefinition').map(({ Properties }) => {
        const groups = Properties.LogGroupNames.map((group: unknown) =>
          text(resources, group).replace(/^Postback\/|\/FunctionLogs$/g, ''),
        );
        return `${String(Properties.Name).split('/')[1]}: ${groups.join(', ')}`;
      });
    expect(queries(standard)).toEqual([
      'Follow one postback: Consumer, Reconciliation',
      'Messages that failed and why: Consumer',
      'GETs that were rejected: Consumer',
      'Lines by hour: Consumer',
      'Warnings and errors: Consumer, RegistrationProvider, Reconciliation, StatusWatch',
      'Reconciliations: Reconciliation',
      "Calls of Rakuten's Events API: Reconciliation",
      'What the status watch found: StatusWatch',
    ]);
    expect(
      queries(synthesized({ reconciliation: { enabled: false }, statusWatch: { enabled: false } })),
    ).toHaveLength(5);
  });
});

describe('tracing', () => {
  const modes = (resources: Resources): unknown[] => [
    ...['Consumer', 'RegistrationProvider', 'Reconciliation', 'StatusWatch'].map(
      (part) => resources.at(`Postback/${part}/Function`).Properties.TracingConfig?.Mode,
    ),
    resources.of('AWS::ApiGateway::Stage')[0]?.Properties.TracingEnabled,
  ];

  it('is off by default, and on for the endpoint and every function of ours when asked for', () => {
    expect(modes(standard)).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(modes(synthesized({ tracing: true }))).toEqual([
      'Active',
      'Active',
      'Active',
      'Active',
      true,
    ]);
  });
});

describe('the documentation of the monitoring', () => {
  const told = readFileSync(join(ROOT, 'docs', 'monitoring.md'), 'utf8');

  it.each(ALARM_CATALOGUE.map((one) => [one.kind, one] as const))(
    'has the numbers of %s',
    (kind, { threshold, severity }) => {
      const row = told
        .split('\n')
        .find((line) => line.startsWith(`| [\`${kind}\`](runbook/${runbookPage(kind)}.md) | `));
      expect(row).toContain(
        threshold
          ? ` | ${threshold.default} ${threshold.unit} | ${threshold.min} to ${threshold.max} | `
          : ' | – | – | ',
      );
      expect(row?.endsWith(` | ${severity} |`)).toBe(true);
    },
  );

  it('says how many alarms there are, and names every saved query', () => {
    expect(told).toContain(`| ${alarmsOf(standard).length} alarms, `);
    for (const { Properties } of standard.of('AWS::Logs::QueryDefinition'))
      expect(told.replaceAll('\n', ' ')).toContain(`*${String(Properties.Name).split('/')[1]}*`);
  });
});

describe('the runbook', () => {
  const FOLDER = join(ROOT, 'docs', 'runbook');
  const pages = readdirSync(FOLDER).filter((name) => name !== 'README.md');
  const page = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

  it('has a page for each alarm and an alarm for each page, and its index names them all', () => {
    expect(pages.sort()).toEqual(
      Object.values(AlarmKind)
        .map((kind) => `${runbookPage(kind)}.md`)
        .sort(),
    );
    for (const name of pages) expect(page('README.md')).toContain(`(${name})`);
    expect(ALARM_CATALOGUE.map(({ kind }) => kind).sort()).toEqual(Object.values(AlarmKind).sort());
  });

  it.each(ALARM_CATALOGUE.map((one) => [one.kind, one] as const))(
    'says of %s what it means, what is at stake, how to see it, what to do and when it is over',
    (kind, { title, next, severity, threshold }) => {
      const told = page(`${runbookPage(kind)}.md`);
      expect(told).toMatch(new RegExp(`^# ${title.replace(/[.*+?]/g, '\\$&')}\n`));
      expect(told.match(/^## .*/gm)).toEqual([
        '## What it means',
        '## What is at stake',
        '## How to see it',
        '## What to do',
        '## When it is over',
      ]);
      expect(told).toContain(`\`${kind}\``);
      expect(told).toContain(`npx cdk-rakuten-postback ${next}`);
      expect(told).toContain(severity);
      if (threshold !== undefined) expect(told).toContain(`${threshold.default} ${threshold.unit}`);
    },
  );
});
