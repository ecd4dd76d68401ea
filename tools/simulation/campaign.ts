import { setImmediate as breathe } from 'node:timers/promises';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { createStateTableInput, createTableInput } from '../../core/state/table';
import type { LineRecord } from '../../fake-rakuten';
import { type Row, scanTable } from '../../local/verify';
import { audit, type Invariant } from './audit';
import { MemoryDynamoDb } from './memory-dynamodb';
import { TABLES } from './settings';
import type { RakutenStep } from './traffic';
import { World } from './world';

export interface CampaignOptions {
  readonly seed: number;
  readonly days: number;
  /** Number of lines that Rakuten pushes. */
  readonly lines: number;
  /** Where the tables are. @default - a new one */
  readonly server?: MemoryDynamoDb;
  /** Called with each simulated hour, and the number of hours. */
  readonly onHour?: (hour: number, hours: number, world: World) => void;
  readonly signal?: AbortSignal;
}

export interface PlayedCampaign {
  readonly world: World;
  readonly invariants: readonly Invariant[];
  /** The transaction table at the end. */
  readonly rows: readonly Row[];
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
const FORGED_PER_LINE = 0.02;
const ATTACKS_PER_LINE = 0.03;
/** Plays a campaign. Rejects when a part fails that must not; broken promises are in the result. */
export async function playCampaign(options: CampaignOptions): Promise<PlayedCampaign> {
  const { seed, days, lines, server = new MemoryDynamoDb() } = options;
  const end = START + days * DAY;
  const over = end + SETTLING_MILLIS;
  const world = new World({ seed, days, lines, start: START, end, server });
  const restoreRandom = seedMathRandom(world);
  try {
    for (const input of [
      createStateTableInput(TABLES.state),
      createTableInput(TABLES.transactions),
    ])
      await server.execute(new CreateTableCommand(input));
    await install(world);
    begin(world, over, options);
    await pass(world, over, options);
    const rows = await scanTable(server, TABLES.transactions);
    return { world, rows, invariants: audit(world, rows, { over, eliminatedBefore: end }) };
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
  for (const { kind, from, to } of incidents.spells)
    if (kind === 'forged flood') clock.spawn(() => forger.flood(from, to));
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

function takeStep(
  world: World,
  { does, line }: RakutenStep,
  eliminated: Map<LineRecord, LineRecord | undefined>,
): void {
  const { rakuten, observer } = world;
  switch (does) {
    case 'record':
    case 'reuse':
      rakuten.record(line, { reusesId: does === 'reuse' });
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
    lineDiary.pushed(line, await rakuten.push(line), clock.now());
  });
}

async function pass(
  world: World,
  over: number,
  { signal, onHour }: CampaignOptions,
): Promise<void> {
  for (let hour = 1; START + hour * HOUR <= over; hour += 1) {
    await world.clock.run(START + hour * HOUR);
    world.observer.checkEarned();
    signal?.throwIfAborted();
    await breathe();
    onHour?.(hour, (over - START) / HOUR, world);
  }
}
