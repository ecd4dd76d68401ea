import { setImmediate as breathe } from 'node:timers/promises';
import { METRICS } from '../../core/names';
import type { LineRecord, Modes } from '../../fake-rakuten';
import { audit, type Evidence } from './audit';
import { STATIC_NAMES } from './installation';
import { type DynamoDbServer, MemoryDynamoDb } from './memory-dynamodb';
import { createTables, transactionRows } from './tables';
import type { RakutenStep } from './traffic';
import { World } from './world';

export interface CampaignOptions {
  readonly seed: number;
  readonly days: number;
  /** Number of lines that Rakuten pushes. */
  readonly lines: number;
  /** Time without trouble before the audit. @default - 50 hours, enough for two daily runs */
  readonly settlingMillis?: number;
  /** How Rakuten treats the publisher. @default - drawn from the seed */
  readonly modes?: Modes;
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
/**
 * After the last day nothing goes wrong any more: the last lines are returned late, and two daily
 * runs must see them.
 */
const SETTLING_MILLIS = 50 * HOUR;
/** Runs that begin earlier have ended at the audit. */
const LAST_RUNS_MILLIS = 30 * MINUTE;
/** Within this time before the audit a daily run began and ended. */
const LAST_DAILY_RUNS_MILLIS = 26 * HOUR;
const FORGED_PER_LINE = 0.02;
const ATTACKS_PER_LINE = 0.03;
/** How far back the last daily runs surely read. */
const READ_DAYS = 26;

/** Plays a campaign. Rejects when a part fails that must not; broken promises are in the result. */
export async function playCampaign(options: CampaignOptions) {
  const { seed, days, lines, modes, settlingMillis = SETTLING_MILLIS, server = new MemoryDynamoDb() } = options;
  const end = START + days * DAY;
  const over = end + settlingMillis;
  const world = new World({ seed, days, lines, modes, start: START, end, server });
  const restoreRandom = seedMathRandom(world);
  try {
    await createTables(server);
    await install(world);
    begin(world, over, options);
    await pass(world, over, options);
    return await resultOf(world, server, days, over);
  } finally {
    restoreRandom();
  }
}

/** The pauses of the functions draw from `Math.random`. They must be the same for the same seed. */
function seedMathRandom({ clock }: World): () => void {
  const { random } = Math;
  Math.random = () => clock.random();
  return () => {
    Math.random = random;
  };
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
  const { clock, incidents, operator, schedules, forger, attacker } = world;
  schedules.start(over - LAST_RUNS_MILLIS);
  operator.start(over);
  clock.spawn(() => push(world));
  clock.spawn(() => forger.trickle(Math.ceil(lines * FORGED_PER_LINE), days * DAY));
  clock.spawn(() => attacker.attack(Math.ceil(lines * ATTACKS_PER_LINE), days * DAY));
  for (const { kind, from, to } of incidents.spells) if (kind === 'forged flood') clock.spawn(() => forger.flood(from, to));
}

async function push(world: World): Promise<void> {
  const { clock, skewMillis, traffic } = world;
  const eliminated = new Map<LineRecord, LineRecord | undefined>();
  for (const [index, step] of traffic.steps.entries()) {
    // What Rakuten does goes by its own clock.
    await clock.sleepUntil(step.at - skewMillis);
    world.nextStep = index + 1;
    takeStep(world, step, eliminated);
  }
}

function takeStep(world: World, { does, line }: RakutenStep, eliminated: Map<LineRecord, LineRecord | undefined>): void {
  const { clock, rakuten, lineDiary, observer } = world;
  switch (does) {
    case 'record':
    case 'reuse':
      rakuten.record(line, { reusesId: does === 'reuse' });
      lineDiary.recorded(line, clock.now());
      observer.restored(line);
      return;
    case 'eliminate':
      eliminated.set(line, rakuten.eliminate(line));
      observer.eliminated(line);
      return;
    case 'restore':
      rakuten.record(eliminated.get(line) ?? line);
      observer.restored(line);
      return;
    case 'push':
      pushLine(world, line);
  }
}

function pushLine({ clock, rakuten, lineDiary, pushedLines }: World, line: LineRecord): void {
  lineDiary.due(line, clock.now());
  pushedLines.push(line);
  clock.spawn(async () => {
    const { isStored } = await rakuten.push(line);
    lineDiary.pushed(line, isStored, clock.now());
  });
}

async function pass({ clock, lineDiary, rakuten, observer }: World, over: number, { signal, onProgress }: CampaignOptions): Promise<void> {
  for (let hour = 1; START + hour * HOUR <= over; hour += 1) {
    await clock.run(START + hour * HOUR);
    observer.checkEarned();
    signal?.throwIfAborted();
    await breathe();
    onProgress?.({ hour, hours: (over - START) / HOUR, rows: lineDiary.storedCount, pushes: rakuten.statistics.sent });
  }
}

async function resultOf(world: World, server: DynamoDbServer, days: number, over: number) {
  const { rakuten, queue, slotDiary, metrics, lineDiary, traffic, forger, observer, modes, rowOptions } = world;
  const rows = await transactionRows(server);
  const rejected = metrics.sum(METRICS.forged) + metrics.sum(METRICS.notAPostback);
  const evidence: Evidence = {
    observer,
    modes,
    returned: rakuten.returnedLines(over - LAST_DAILY_RUNS_MILLIS),
    returnedNow: rakuten.returnedLines(over),
    rows,
    corrected: new Set(traffic.corrected),
    statics: STATIC_NAMES,
    memberFromPostback: rowOptions.memberFromPostback === true,
    readSince: over - READ_DAYS * DAY,
    eliminatedBefore: over - SETTLING_MILLIS,
  };
  const leftovers = { queue: queue.depth, deadLetters: queue.deadLetters.length, isOn: slotDiary.isOn, forged: forger.sent, rejected };
  return {
    invariants: audit(evidence, leftovers),
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
    attacks: observer.attacks,
    eliminations: observer.eliminations.size,
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
