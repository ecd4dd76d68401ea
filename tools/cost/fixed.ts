import { METRICS } from '../../core/names';
import { dollarsOf } from './lines';
import { PRICES, type Price } from './prices';
import {
  functionWith,
  gigabytesOf,
  numberOf,
  ofType,
  type Resource,
  type Template,
} from './template';

const MINUTES_PER_MONTH = 30 * 24 * 60;

/** Lambda's five pollers ask an idle queue all the time, each waiting up to 20 seconds. */
const IDLE_RECEIVES_PER_MONTH = (5 * MINUTES_PER_MONTH * 60) / 20;

/** Assumed duration of a status check: a token, the slot and the watch's own GET. */
const CHECK_SECONDS = 1.5;
/** Per status check, by its calls: five lines of its own, and those of Lambda and of the probe. */
const CHECK_LOG_BYTES = 4000;
/** A query of the publishers, two reads and one write of the state; the probe's mark. */
const CHECK_READ_UNITS = 3;
const CHECK_WRITE_UNITS = 2;
const CHECK_SECRET_READS = 2;
const PROBE_MILLIS = 25;

/** Runs without lines: the hourly one makes two calls, the daily one makes one for each day. */
const RUNS = [
  { perMonth: 30 * 24, calls: 2 },
  { perMonth: 30, calls: 30 },
];
/** Assumed. */
const SECONDS_PER_CALL = 0.5;
const SECONDS_PER_RUN = 1;
const GIGABYTE = 1e9;

export type FixedCost = readonly [what: string, dollars: number];

/** Costs of a month that do not depend on the postbacks, counted in the template. */
export function fixedCosts(template: Template): FixedCost[] {
  const secrets = numberOf(template, 'AWS::SecretsManager::Secret') + 1;
  const alarms = ofType(template, 'AWS::CloudWatch::Alarm');
  // AWS counts the metrics of an alarm, not the alarms.
  const alarmMetrics = alarms.reduce(
    (total, { Properties: { Metrics } }) =>
      total + (Metrics?.filter((m: { MetricStat?: unknown }) => m.MetricStat).length ?? 1),
    0,
  );
  const dashboards = numberOf(template, 'AWS::CloudWatch::Dashboard');
  const metrics = Object.keys(METRICS).length;
  return [
    [
      `${secrets} secrets: the one in the URL, and Rakuten's credentials`,
      dollarsOf(secrets, PRICES.secret),
    ],
    ['polling an idle queue', dollarsOf(IDLE_RECEIVES_PER_MONTH, PRICES.queueRequest)],
    ...statusWatch(template),
    ...reconciliationRuns(template),
    [`${alarms.length} alarms on ${alarmMetrics} metrics`, dollarsOf(alarmMetrics, PRICES.alarm)],
    [
      `${dashboards} dashboard, if the account uses its three free ones already`,
      dollarsOf(dashboards, PRICES.dashboard),
    ],
    [
      `at most ${metrics} metrics of its own (one without values in an hour costs nothing for it)`,
      dollarsOf(metrics, PRICES.metric),
    ],
  ];
}

function statusWatch(template: Template): FixedCost[] {
  const fn = functionWith(template, 'statusWatch');
  if (fn === undefined) return [];
  const minutes = intervalMinutes(template, fn);
  const consumer =
    template.Resources[
      ofType(template, 'AWS::Lambda::EventSourceMapping')[0]?.Properties.FunctionName.Ref
    ];
  const consumerMemory = consumer === undefined ? 0 : gigabytesOf(consumer);
  const perCheck: readonly (readonly [amount: number, price: Price])[] = [
    [2, PRICES.functionRequest],
    [
      gigabytesOf(fn) * CHECK_SECONDS + (consumerMemory * PROBE_MILLIS) / 1000,
      PRICES.functionSecond,
    ],
    [CHECK_SECRET_READS, PRICES.secretRead],
    [CHECK_READ_UNITS, PRICES.readUnit],
    [CHECK_WRITE_UNITS, PRICES.writeUnit],
    [1, PRICES.restRequest],
    // A send, a receive and a delete.
    [3, PRICES.queueRequest],
    [CHECK_LOG_BYTES / GIGABYTE, PRICES.logIngestion],
  ];
  const dollars = perCheck.reduce(
    (sum, [amount, price]) => sum + dollarsOf((amount * MINUTES_PER_MONTH) / minutes, price),
    0,
  );
  return [[`status watch: a check and a probe every ${minutes} minutes`, dollars]];
}

/** Of the schedule that invokes a function. */
function intervalMinutes(template: Template, fn: Resource): number {
  const id = Object.entries(template.Resources).find(([, resource]) => resource === fn)?.[0];
  const rule = ofType(template, 'AWS::Events::Rule').find(({ Properties }) =>
    Properties.Targets?.some(
      ({ Arn }: { Arn?: { 'Fn::GetAtt'?: readonly string[] } }) => Arn?.['Fn::GetAtt']?.[0] === id,
    ),
  );
  const [, count, unit] =
    /^rate\((\d+) (minute|hour)s?\)$/.exec(rule?.Properties.ScheduleExpression) ?? [];
  if (count === undefined)
    throw new Error('the schedule of the status watch is not a rate of minutes or hours');
  return Number(count) * (unit === 'hour' ? 60 : 1);
}

function reconciliationRuns(template: Template): FixedCost[] {
  const fn = functionWith(template, 'reconciliation');
  if (fn === undefined) return [];
  const dollars = RUNS.reduce((sum, { perMonth, calls }) => {
    const seconds = perMonth * (SECONDS_PER_RUN + calls * SECONDS_PER_CALL);
    const reads =
      dollarsOf(perMonth, PRICES.secretRead) + dollarsOf(perMonth * (calls + 1), PRICES.readUnit);
    return (
      sum +
      dollarsOf(perMonth, PRICES.functionRequest) +
      dollarsOf(gigabytesOf(fn) * seconds, PRICES.functionSecond) +
      reads
    );
  }, 0);
  return [['reconciliation: an hourly and a daily run, without lines', dollars]];
}
