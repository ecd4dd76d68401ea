import { setImmediate as breathe } from 'node:timers/promises';
import { METRICS } from '../core/names';
import { audit } from './audit';
import { STATIC_NAMES } from './installation';
import { type DynamoDbServer, MemoryDynamoDb } from './memory-dynamodb';
import { createTables, transactionRows } from './tables';
import { World } from './world';

export interface CampaignOptions {
  readonly seed: number;
  readonly days: number;
  /** How many lines Rakuten pushes. */
  readonly lines: number;
  /** How long nothing goes wrong any more before the tables are looked at. @default - long enough for the last line, 50 hours */
  readonly settlingMillis?: number;
  /** Where the tables are. @default - in this process's memory */
  readonly server?: DynamoDbServer;
  /** Called with each simulated hour. */
  readonly onProgress?: (progress: CampaignProgress) => void;
  readonly signal?: AbortSignal;
}

export interface CampaignProgress {
  /** Simulated hours since the beginning, of how many. */
  readonly hour: number;
  readonly hours: number;
  readonly rows: number;
  readonly pushes: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A Sunday. */
const START = Date.UTC(2026, 2, 1);
/** After the last day nothing goes wrong any more: the last lines are told late, and the last deep run must have seen them. */
const SETTLING_MILLIS = 50 * HOUR;
/** What was begun by then has ended when the tables are looked at. */
const LAST_RUNS_MILLIS = 30 * MINUTE;
const FORGED_PER_LINE = 0.02;

/** Plays a campaign. Rejects when something in it fails that may not; broken promises are told in the result. */
export async function playCampaign(options: CampaignOptions) {
  const { seed, days, lines, settlingMillis = SETTLING_MILLIS, server = new MemoryDynamoDb() } = options;
  const end = START + days * DAY;
  const world = new World({ seed, days, lines, start: START, end, server });
  await createTables(server);
  await install(world);
  begin(world, end + settlingMillis, options);
  await pass(world, end + settlingMillis, options);
  return resultOf(world, server, days);
}

/** The first deployment, at a Rakuten that has lines of the weeks before. */
async function install({ clock, traffic, rakuten, operator, schedules }: World): Promise<void> {
  for (const line of traffic.history) rakuten.record(line);
  let isInstalled = false;
  clock.spawn(async () => {
    await operator.install();
    isInstalled = true;
    schedules.deployed();
  });
  await clock.run(START - 1);
  if (!isInstalled) throw new Error('the first deployment did not end in time');
}

function begin(world: World, over: number, { days, lines }: CampaignOptions): void {
  const { clock, incidents, operator, schedules, forger } = world;
  schedules.start(over - LAST_RUNS_MILLIS);
  operator.start(over);
  clock.spawn(() => push(world));
  clock.spawn(() => forger.trickle(Math.ceil(lines * FORGED_PER_LINE), days * DAY));
  for (const { kind, from, to } of incidents.spells) if (kind === 'forged flood') clock.spawn(() => forger.flood(from, to));
}

async function push({ clock, rakuten, lineDiary, skewMillis, traffic, pushedLines }: World): Promise<void> {
  for (const { at, does, line } of traffic.steps) {
    // What Rakuten does goes by its own clock.
    await clock.sleepUntil(at - skewMillis);
    if (does === 'record') {
      rakuten.record(line);
      lineDiary.told(line, clock.now());
      continue;
    }
    lineDiary.due(line, clock.now());
    pushedLines.push(line);
    clock.spawn(async () => {
      const { isStored } = await rakuten.push(line);
      lineDiary.pushed(line, isStored, clock.now());
    });
  }
}

async function pass({ clock, lineDiary, rakuten }: World, over: number, { signal, onProgress }: CampaignOptions): Promise<void> {
  for (let hour = 1; START + hour * HOUR <= over; hour += 1) {
    await clock.run(START + hour * HOUR);
    signal?.throwIfAborted();
    await breathe();
    onProgress?.({ hour, hours: (over - START) / HOUR, rows: lineDiary.storedCount, pushes: rakuten.statistics.sent });
  }
}

async function resultOf(world: World, server: DynamoDbServer, days: number) {
  const { rakuten, queue, slotDiary, metrics, lineDiary, traffic, forger } = world;
  const ledger = rakuten.ledger();
  const rows = await transactionRows(server);
  const rejected = metrics.sum(METRICS.forged) + metrics.sum(METRICS.notAPostback);
  const known = { arrived: lineDiary.arrivedLines(), corrected: new Set(traffic.corrected), statics: STATIC_NAMES };
  const leftovers = { queue: queue.depth, deadLetters: queue.deadLetters.length, isOn: slotDiary.isOn, forged: forger.sent, rejected };
  return {
    invariants: audit(ledger, rows, known, leftovers),
    rows,
    days,
    fates: lineDiary.fatesOfPushed(),
    offTimes: slotDiary.offTimes,
    pushes: rakuten.statistics,
    habits: rakuten.habits,
    skewMillis: world.skewMillis,
    onTakeover: world.onTakeover,
    existingPostback: world.existingPostback,
    incidents: world.incidents,
    history: traffic.history.length,
    redeliveries: traffic.redeliveries,
    corrections: traffic.corrected.length,
    forged: forger.sent,
    schedules: world.schedules.counts,
    operator: world.operator.counts,
    batches: world.eventSource.batches,
    deaths: world.eventSource.deaths,
    duplicated: queue.duplicated,
    metrics,
    calls: world.dynamodb.calls,
  };
}

export type PlayedCampaign = Awaited<ReturnType<typeof playCampaign>>;
