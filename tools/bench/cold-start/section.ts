import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ENVIRONMENT } from '../../../core/names';
import { interleave } from '../interleave';
import {
  type BenchOptions,
  type Block,
  digits,
  type Section,
  type TableBlock,
} from '../report/section';
import { ratioInWords, ratios, summary } from '../statistics';
import { type Bundle, bundleAll, functionNames } from './bundles';

const FLOOR = 'floor';
/**
 * Longest start as a multiple of the floor. The consumer starts with traffic, others by schedule.
 */
const GOALS = { consumer: 1.15, others: 1.3 };

const COMPARED: Record<string, string> = {
  nothing: 'a handler that loads nothing',
  [FLOOR]: 'the floor: a handler that makes a `DynamoDBClient`',
  consumer: 'the consumer',
  'consumer-document-client': 'the consumer, with `lib-dynamodb`',
  'consumer-powertools': "the consumer, with Powertools' logger and metrics",
  'consumer-default-bundling':
    "the consumer, bundled by esbuild's defaults (`main` before `module`)",
};

interface Start {
  /** Milliseconds of processor time, all threads. */
  readonly cpu: number;
  /** Milliseconds that passed. */
  readonly wall: number;
}
type Starts = ReadonlyMap<string, readonly Start[]>;

export const coldStart: Section = {
  name: 'cold-start',
  title: 'Cold start',
  async run(options) {
    const folder = await mkdtemp(join(tmpdir(), 'postback-bench-'));
    try {
      const bundles = await bundleAll(folder);
      const starts = await measure(bundles, options);
      return report(bundles, starts);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function measure(bundles: readonly Bundle[], { quick }: BenchOptions): Promise<Starts> {
  const files = new Map(bundles.map(({ name, file }) => [name, file]));
  return interleave<Start>({
    contenders: [FLOOR, ...[...files.keys()].filter((name) => name !== FLOOR)],
    measure: (name) => start(files.get(name) ?? ''),
    value: ({ cpu }) => cpu,
    minRounds: quick ? 3 : 41,
    maxRounds: quick ? 3 : 121,
    tolerance: 0.03,
  });
}

async function start(bundle: string): Promise<Start> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(__dirname, 'start.cjs'), bundle],
    { env: functionVariables() },
  );
  return JSON.parse(stdout) as Start;
}

/** What a function finds when it starts. Values that are never used while starting are all `{}`. */
const functionVariables = (): Record<string, string> => ({
  ...Object.fromEntries(Object.values(ENVIRONMENT).map((name) => [name, '{}'])),
  [ENVIRONMENT.statusWatch]: '{"reconciliationFunction":"reconciliation"}',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_CONFIG_FILE: devNull,
  AWS_SHARED_CREDENTIALS_FILE: devNull,
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
});

function report(bundles: readonly Bundle[], starts: Starts): Block[] {
  const byName = new Map(bundles.map((bundle) => [bundle.name, bundle]));
  const functions = functionNames();
  const rounds = starts.get(FLOOR)?.length ?? 0;
  const line = (name: string, title: string): (string | number)[] => {
    const of = starts.get(name) ?? [];
    const cpu = summary(of.map((s) => s.cpu));
    const { kilobytes = 0, zippedKilobytes = 0 } = byName.get(name) ?? {};
    return [
      title,
      digits(kilobytes, 0),
      digits(zippedKilobytes, 0),
      `${digits(cpu.min, 0)} / ${digits(cpu.median, 0)} / ${digits(cpu.max, 0)}`,
      name === FLOOR ? '1' : ratioInWords(toFloor(starts, name, 'cpu')),
      name === FLOOR ? '1' : ratioInWords(toFloor(starts, name, 'wall')),
    ];
  };
  const columns = [
    'KB',
    'KB zipped',
    'processor time in ms: min / median / max',
    'processor time to the floor',
    'time passed to the floor',
  ];
  const ours: TableBlock = {
    head: ['function', ...columns, 'goal'],
    rows: functions.map((name) => [
      ...line(name, name),
      goalInWords(name, summary(toFloor(starts, name, 'cpu')).median),
    ]),
  };
  const compared: TableBlock = {
    head: ['handler', ...columns],
    rows: Object.entries(COMPARED).map(([name, title]) => line(name, title)),
  };
  return [
    `Each bundle loaded in a process of its own, ${rounds} rounds in turns. A ratio is the median of the rounds' ratios to the floor, with the interval that holds the true median with a certainty of 95 %.`,
    ours,
    'The same for the floor, and for the consumer with what is often put into a handler:',
    compared,
  ];
}

const toFloor = (starts: Starts, name: string, what: keyof Start): number[] =>
  ratios(
    (starts.get(name) ?? []).map((s) => s[what]),
    (starts.get(FLOOR) ?? []).map((s) => s[what]),
  );

function goalInWords(name: string, ratio: number): string {
  const goal = name === 'consumer' ? GOALS.consumer : GOALS.others;
  return `≤ ${goal}: ${ratio <= goal ? 'met' : '**missed**'}`;
}
