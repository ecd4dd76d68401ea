import { METRICS } from '../../core/names';

/**
 * Three days of a publisher with some 14,000 lines a day, whose postback Rakuten switched off on
 * the last evening, and whose consumer could not write for a while at noon.
 */
const BUSY_LINES_PER_HOUR = 900;
const OFF = { from: 18, to: 18.3 };
const STUCK = { from: 12, to: 12.5 };

const isIn = (
  hour: number,
  { from, to }: { readonly from: number; readonly to: number },
): boolean => hour >= from && hour < to;

/** Between 0 and 1, the same at each call. */
const noise = (name: string, hour: number): number => {
  let hash = 2166136261;
  for (const character of `${name} ${hour.toFixed(2)}`)
    hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  return ((hash >>> 0) % 1000) / 1000;
};

/** Few sales at night, most in the evening. */
const habit = (hour: number): number =>
  0.15 + 0.85 * Math.sin((Math.PI * (((hour + 44) % 24) + 2)) / 28) ** 2;

const lines = (hour: number, hours: number): number =>
  (isIn(hour, OFF) ? 0.1 : 1) * BUSY_LINES_PER_HOUR * hours * habit(hour);
const rarely = (hour: number, of: number, name: string): number | undefined =>
  noise(name, hour) < 1 / of ? 1 : undefined;

/**
 * Value of a metric for the hours that begin at an hour of the day; undefined where there would be
 * none.
 */
type Sample = (hour: number, hours: number, statistic: string) => number | undefined;

const SAMPLES: Readonly<Record<string, Sample>> = {
  [METRICS.stored]: (hour, hours) => lines(hour, hours),
  [METRICS.deliveredByPush]: (hour, hours) => lines(hour, hours),
  [METRICS.duplicate]: (hour, hours) => 0.04 * lines(hour, hours),
  [METRICS.changed]: (hour) => rarely(hour, 30, 'changed'),
  [METRICS.otherPushes]: (hour) => rarely(hour, 8, 'other'),
  [METRICS.differingPushes]: (hour) => rarely(hour, 24, 'differing'),
  [METRICS.corrected]: (hour) => rarely(hour, 6, 'corrected'),
  [METRICS.withdrawn]: (hour) => rarely(hour, 10, 'withdrawn'),
  [METRICS.verified]: (hour, hours) => 0.95 * lines(hour - 1, hours),
  [METRICS.reconciled]: (hour, hours) => 3 * lines(hour, hours),
  [METRICS.recovered]: (hour, hours) =>
    isIn(hour, { from: 18, to: 19 }) ? 0.3 * BUSY_LINES_PER_HOUR * hours : undefined,
  [METRICS.forged]: (hour) => rarely(hour, 12, 'forged'),
  [METRICS.notAPostback]: (_hour, hours) => 2 * hours,
  [METRICS.probes]: (_hour, hours) => 12 * hours,
  [METRICS.failed]: (hour) => (isIn(hour, STUCK) ? 30 * noise('failed', hour) : undefined),
  [METRICS.parseProblems]: (hour) => rarely(hour, 40, 'parse'),
  [METRICS.unverified]: () => 4,
  [METRICS.unverifiedEvents]: () => 9,
  [METRICS.deliveryRate]: (hour) =>
    isIn(hour, { from: 18, to: 19 }) ? 71 : 99 + noise('rate', hour),
  [METRICS.reconciliationAge]: () => 0,
  [METRICS.active]: (hour) => (isIn(hour, { from: 18, to: 18.1 }) ? 0 : 1),
  [METRICS.disabled]: (hour) => (isIn(hour, { from: 18, to: 18.1 }) ? 1 : undefined),
  [METRICS.restored]: (hour) => (isIn(hour, { from: 18.1, to: 18.2 }) ? 1 : undefined),
  [METRICS.statusCheckFailed]: (hour) => (isIn(hour, { from: 4, to: 4.1 }) ? 1 : undefined),
  [METRICS.probeLatency]: (hour, _, statistic) =>
    (statistic === 'Maximum' ? 120 : 62) + 25 * noise(statistic, hour),
  '4XXError': (hour) => rarely(hour, 6, '4xx'),
  '5XXError': (hour) => rarely(hour, 280, '5xx'),
  Count: (hour, hours) => lines(hour, hours) * 1.04 + 12 * hours,
  Latency: (hour, _, statistic) => (statistic === 'p99' ? 95 : 24) + 30 * noise(statistic, hour),
  IntegrationLatency: (hour) => 60 + 20 * noise('integration', hour),
  ApproximateAgeOfOldestMessage: (hour) =>
    isIn(hour, STUCK) ? 700 * (hour - STUCK.from) + 20 : 1 + noise('age', hour),
  ApproximateNumberOfMessagesVisible: (hour) => (isIn(hour, STUCK) ? 300 : 0),
  Errors: (hour) => (isIn(hour, STUCK) ? 2 : 0),
  Throttles: () => 0,
  ThrottledRequests: (hour) => (isIn(hour, STUCK) ? 12 : undefined),
  Invocations: (hour, hours) => lines(hour, hours) / 12 + 12 * hours,
  Duration: (hour, hours, statistic) =>
    statistic === 'Sum'
      ? 40 * (lines(hour, hours) / 12)
      : (statistic === 'p99' ? 140 : 22) + 20 * noise(statistic, hour),
  NumberOfMessagesSent: (hour, hours) => lines(hour, hours),
  NumberOfMessagesReceived: (hour, hours) => lines(hour, hours),
  NumberOfMessagesDeleted: (hour, hours) => lines(hour, hours),
  NumberOfEmptyReceives: (_, hours) => 900 * hours,
  ConsumedWriteCapacityUnits: (hour, hours) => lines(hour, hours) * 1.3,
  ConsumedReadCapacityUnits: (_, hours) => 800 * hours,
  IncomingBytes: (hour, hours) => 400 * lines(hour, hours),
};

const DAYS = 3;
/** The last day has the trouble, the days before it none. */
const sampleAt = (
  name: string,
  hour: number,
  hours: number,
  statistic: string,
): number | undefined => {
  const isLastDay = hour >= 24 * (DAYS - 1);
  return SAMPLES[name]?.(isLastDay ? hour % 24 : (hour % 24) - 24, hours, statistic);
};

/**
 * A metric of three days, made up. Metrics without a sample have no value, as most of those that
 * count trouble.
 */
export function sample(
  name: string,
  statistic: string,
  periodSeconds: number,
): (number | undefined)[] {
  const all = 24 * DAYS;
  const hours = Math.min(periodSeconds / 3600, all);
  if (hours < 24)
    return Array.from({ length: Math.round(all / hours) }, (_, i) =>
      sampleAt(name, i * hours, hours, statistic),
    );
  return Array.from({ length: Math.round(all / hours) }, (_, i) => {
    const values = Array.from({ length: hours }, (_unused, hour) =>
      sampleAt(name, i * hours + hour, 1, statistic),
    ).filter((v) => v !== undefined);
    return values.length === 0 ? undefined : together(values, statistic);
  });
}

function together(values: readonly number[], statistic: string): number {
  const sum = values.reduce((a, b) => a + b, 0);
  if (statistic === 'Sum') return sum;
  if (statistic === 'Minimum') return Math.min(...values);
  return statistic === 'Maximum' ? Math.max(...values) : sum / values.length;
}
