import { shareGivenUp } from './throttling';

/**
 * A model of the flow, second by second: arrivals, what API Gateway accepts, what waits in the
 * queue, and what the consumer, the table and its indexes process.
 *
 * Its numbers are AWS's published default quotas where it names them, else assumptions.
 */
export const ASSUMPTIONS = {
  /** API Gateway's default quota: a bucket of 5,000 requests, filled with 10,000 a second. */
  gatewayPerSecond: 10_000,
  gatewayBucket: 5_000,
  /** Lambda starts 5 and adds up to 300 a minute (AWS, "Using Lambda with Amazon SQS"). */
  firstInvocations: 5,
  moreInvocationsPerSecond: 5,
  batchSize: 50,
  /** 512 MB of the 1,769 that are one processor (AWS, "Configuring Lambda function memory"). */
  processorShare: 512 / 1769,
  /** Assumed after the consumer's benchmark: time of a message on a processor, rest of a batch. */
  cpuMillisPerMessage: 1,
  waitMillisPerBatch: 25,
  /** Of a new on-demand table and each of its indexes (AWS, "On-demand capacity mode"). */
  tableUnitsPerSecond: 4_000,
  /** Limit of one key of an index. A batch upload has one processing day. */
  keyUnitsPerSecond: 1_000,
  /** How long an invocation retries a throttled write: its 30 seconds without its reserve. */
  patienceMillis: 25_000,
  /** How often SQS delivers a message before it goes to the dead-letter queue. */
  receives: 5,
  /** Calls a minute to the Events API that the function allows itself, and lines per call. */
  eventsCallsPerMinute: 90,
  linesPerEventsCall: 1_000,
  /** A window of 3 hours each hour, and one of 29 days each day. */
  hourlyWindowHours: 3,
  dailyWindowDays: 29,
  /** A run has 15 invocations of 15 minutes, each without the 4 that it keeps for one more page. */
  minutesPerRun: 15 * (15 - 4),
} as const;

export interface Settings {
  readonly maxConcurrency: number;
  readonly dayShards: number;
  /** Write units a second of the table and of each index. */
  readonly tableUnitsPerSecond: number;
}
export const DEFAULTS: Settings = { maxConcurrency: 10, dayShards: 1, tableUnitsPerSecond: ASSUMPTIONS.tableUnitsPerSecond };

export interface Burst {
  readonly linesPerSecond: number;
  readonly seconds: number;
}

export interface Outcome {
  /** Answered 429 by API Gateway: they come back through the Events API. */
  readonly refused: number;
  readonly peakBacklog: number;
  /** How long after the burst the last of its lines is in the table. */
  readonly drainedAfterSeconds: number;
  /** What held the queue up longest, if anything did. */
  readonly narrowest: Narrowest;
  /** Messages whose writes were throttled to the end of each invocation. */
  readonly deadLetters: number;
  /** Messages waiting at the end of each second. */
  readonly backlog: readonly number[];
}
export type Narrowest = 'nothing' | 'the consumer' | 'the table' | 'the day index';

/** Lines a second of one environment of the consumer. */
export function linesPerSecondOfOne(): number {
  const { batchSize, cpuMillisPerMessage, processorShare, waitMillisPerBatch } = ASSUMPTIONS;
  return (batchSize * 1000) / ((batchSize * cpuMillisPerMessage) / processorShare + waitMillisPerBatch);
}

const DAY_SECONDS = 86_400;
const eventsLinesPerMinute = ASSUMPTIONS.eventsCallsPerMinute * ASSUMPTIONS.linesPerEventsCall;

/** Lines a second of which all scheduled runs can read every one. */
export const eventsApiLinesPerSecond = (): number =>
  eventsLinesPerMinute / 60 / (ASSUMPTIONS.hourlyWindowHours + ASSUMPTIONS.dailyWindowDays);

/** Lines a second of which one daily run can read all of its window. */
export const dailyRunLinesPerSecond = (windowDays: number = ASSUMPTIONS.dailyWindowDays): number =>
  (eventsLinesPerMinute * ASSUMPTIONS.minutesPerRun) / (windowDays * DAY_SECONDS);

/** Simulates a burst after a quiet time. */
export function play(burst: Burst, settings: Settings = DEFAULTS): Outcome {
  const { gatewayPerSecond, gatewayBucket, keyUnitsPerSecond, firstInvocations, moreInvocationsPerSecond } = ASSUMPTIONS;
  const rateOf: Record<Exclude<Narrowest, 'nothing' | 'the consumer'>, number> = {
    'the day index': keyUnitsPerSecond * settings.dayShards,
    'the table': settings.tableUnitsPerSecond,
  };
  const dead = deadShare(settings);
  const heldUp = new Map<Narrowest, number>();
  const backlog: number[] = [];
  let bucket: number = gatewayBucket;
  let [waiting, refused, deadLetters] = [0, 0, 0];
  for (let second = 0; second < burst.seconds || waiting > 0; second++) {
    const coming = second < burst.seconds ? burst.linesPerSecond : 0;
    const taken = Math.min(coming, bucket + gatewayPerSecond);
    bucket = Math.min(gatewayBucket, bucket + gatewayPerSecond - taken);
    refused += coming - taken;
    waiting += taken;

    const invocations = Math.min(settings.maxConcurrency, firstInvocations + second * moreInvocationsPerSecond);
    const tried = Math.min(waiting, invocations * linesPerSecondOfOne());
    const written = Math.min(tried, ...Object.values(rateOf));
    // Of those that leave the queue while the table is the narrow place.
    const given = written < tried ? (written * dead) / (1 - dead) : 0;
    deadLetters += given;
    waiting = Math.max(0, waiting - written - given);
    if (waiting > 0) count(heldUp, written < tried ? tighter(rateOf) : 'the consumer');
    backlog.push(waiting);
    if (backlog.length > 7 * 86_400) throw new Error('the queue does not drain within a week');
  }
  const narrowest = [...heldUp].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'nothing';
  return {
    refused,
    peakBacklog: Math.max(0, ...backlog),
    drainedAfterSeconds: backlog.length - burst.seconds,
    narrowest,
    deadLetters,
    backlog,
  };
}

/** Share of the messages that no receive gets written, while the queue is full of one day. */
export function deadShare({ maxConcurrency, dayShards, tableUnitsPerSecond }: Settings): number {
  const { batchSize, keyUnitsPerSecond, patienceMillis, receives } = ASSUMPTIONS;
  const writesPerSecond = Math.min(keyUnitsPerSecond * dayShards, tableUnitsPerSecond);
  if (maxConcurrency * linesPerSecondOfOne() <= writesPerSecond) return 0;
  return shareGivenUp({ invocations: maxConcurrency, batchSize, writesPerSecond, patienceMillis }) ** receives;
}

const tighter = (rateOf: Readonly<Record<'the day index' | 'the table', number>>): Narrowest =>
  rateOf['the day index'] <= rateOf['the table'] ? 'the day index' : 'the table';

const count = (counts: Map<Narrowest, number>, what: Narrowest): unknown => counts.set(what, (counts.get(what) ?? 0) + 1);
