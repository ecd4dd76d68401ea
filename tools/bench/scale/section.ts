import { digits, type Section, thousands } from '../report/section';
import {
  ASSUMPTIONS,
  type Burst,
  DEFAULTS,
  dailyRunLinesPerSecond,
  eventsApiLinesPerSecond,
  linesPerSecondOfOne,
  type Outcome,
  play,
  type Settings,
} from './model';

const RATES = [10, 1_000, 10_000];
const BURST_SECONDS = 600;
const SETTINGS: Record<string, Settings> = {
  'as it comes': DEFAULTS,
  '`dayShards: 4`': { ...DEFAULTS, dayShards: 4 },
  '`maxConcurrency: 50`': { ...DEFAULTS, maxConcurrency: 50 },
  '`maxConcurrency: 1000`': { ...DEFAULTS, maxConcurrency: 1000 },
  '`maxConcurrency: 50`, `dayShards: 32`, warm throughput 12,000': { maxConcurrency: 50, dayShards: 32, tableUnitsPerSecond: 12_000 },
};
/** Minutes after the beginning of the burst. */
const MOMENTS = [1, 5, 10, 20, 60, 120];

export const scale: Section = {
  name: 'scale',
  title: 'Scale on paper',
  async run() {
    const one = linesPerSecondOfOne();
    return [
      'Share of each limit, by sustained lines a second:',
      { head: ['part', 'limit', ...RATES.map((rate) => `${thousands(rate)} lines/s`)], rows: limits(one) },
      'A burst of ten minutes after a quiet time, all of one processing day, as a batch upload is:',
      {
        head: ['lines/s', 'settings', 'refused (429)', 'most in the queue', 'done, after the burst', 'what is narrow', 'dead letters'],
        rows: bursts(),
      },
      `Messages in the queue at 10,000 lines/s, by minutes from the beginning of the burst:`,
      { head: ['settings', ...MOMENTS.map((minutes) => `${minutes} min`)], rows: backlogs() },
      `Assumed: ${ASSUMPTIONS.cpuMillisPerMessage} ms of a whole processor for a message, of which a function of 512 MB has ${digits(100 * ASSUMPTIONS.processorShare, 0)} %, and ${ASSUMPTIONS.waitMillisPerBatch} ms of waiting in a batch of ${ASSUMPTIONS.batchSize}: ${thousands(one)} lines/s for each invocation. An invocation whose writes are throttled waits and tries again for ${ASSUMPTIONS.patienceMillis / 1000} s, so the consumer takes no more than the table does; only what it then gives up counts as one of the ${ASSUMPTIONS.receives} times that SQS hands out a message. A dead letter is not lost: it waits 14 days to be sent back.`,
    ];
  },
};

function limits(one: number): (string | number)[][] {
  const share = (rate: number, limit: number): string => {
    const part = (100 * rate) / limit;
    return part > 100 ? `**${digits(part, 0)} %**` : `${part < 1 ? digits(part, 1) : digits(part, 0)} %`;
  };
  const shares = (limit: number): string[] => RATES.map((rate) => share(rate, limit));
  const { gatewayPerSecond, keyUnitsPerSecond, tableUnitsPerSecond } = ASSUMPTIONS;
  const consumers = DEFAULTS.maxConcurrency * one;
  return [
    ['API Gateway, all APIs of the account', `${thousands(gatewayPerSecond)}/s`, ...shares(gatewayPerSecond)],
    ['SQS, standard queue', 'none that matters', ...RATES.map(() => '-')],
    [`consumer, ${DEFAULTS.maxConcurrency} invocations at once`, `${thousands(consumers)}/s`, ...shares(consumers)],
    ['table and each index, new, on demand', `${thousands(tableUnitsPerSecond)} units/s`, ...shares(tableUnitsPerSecond)],
    ['by-day index, one day, one shard', `${thousands(keyUnitsPerSecond)} units/s`, ...shares(keyUnitsPerSecond)],
    ['by-member index, one member', `${thousands(keyUnitsPerSecond)} units/s`, ...RATES.map(() => '-')],
    [
      "Rakuten's Events API, all runs of the schedule",
      `${thousands(eventsApiLinesPerSecond())} lines/s`,
      ...shares(eventsApiLinesPerSecond()),
    ],
    [
      `one daily run, window of ${ASSUMPTIONS.dailyWindowDays} days`,
      `${digits(dailyRunLinesPerSecond(), 1)} lines/s`,
      ...shares(dailyRunLinesPerSecond()),
    ],
  ];
}

function bursts(): (string | number)[][] {
  return RATES.flatMap((linesPerSecond) =>
    Object.entries(SETTINGS)
      .filter(([name]) => linesPerSecond >= 10_000 || name === 'as it comes')
      .map(([name, settings]) => [thousands(linesPerSecond), name, ...outcome(play({ linesPerSecond, seconds: BURST_SECONDS }, settings))]),
  );
}

const outcome = ({ refused, peakBacklog, drainedAfterSeconds, narrowest, deadLetters }: Outcome): (string | number)[] => [
  thousands(refused),
  thousands(peakBacklog),
  duration(drainedAfterSeconds),
  narrowest,
  deadLetters >= 1 ? thousands(deadLetters) : '0',
];

function backlogs(): (string | number)[][] {
  const burst: Burst = { linesPerSecond: 10_000, seconds: BURST_SECONDS };
  return Object.entries(SETTINGS).map(([name, settings]) => {
    const { backlog } = play(burst, settings);
    return [name, ...MOMENTS.map((minutes) => thousands(backlog[minutes * 60 - 1] ?? 0))];
  });
}

const duration = (seconds: number): string =>
  seconds < 1
    ? 'at once'
    : seconds < 120
      ? `${seconds} s`
      : seconds < 7200
        ? `${digits(seconds / 60, 0)} min`
        : `${digits(seconds / 3600, 1)} h`;
