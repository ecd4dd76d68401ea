import { setImmediate as breathe } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { METRICS } from '../core/names';
import { fieldListId } from '../core/rakuten/fields';
import type { ExistingPostbackRule } from '../core/registration/properties';
import { STATE_KEYS } from '../core/store/publisher-state';
import { createTableInput } from '../core/store/table';
import type { WatchSettings } from '../core/watch/settings';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../local/embedded/clients';
import type { LineRecord } from '../local/fake-rakuten';
import { Random } from '../local/random';
import { scanTable } from '../local/verify';
import { audit } from './audit';
import { SimulatedClock } from './clock';
import { SimulatedDynamoDb } from './dynamodb';
import { SimulatedEndpoint } from './endpoint';
import { EventSource } from './event-source';
import { forgedUrl } from './forgery';
import { Incidents } from './incidents';
import { Installation, STATIC_NAMES } from './installation';
import { LineDiary } from './line-diary';
import { type DynamoDbServer, MemoryDynamoDb } from './memory-dynamodb';
import { MetricSums } from './observability';
import { Operator } from './operator';
import { SimulatedQueue } from './queue';
import { SimulatedRakuten } from './rakuten';
import { Schedules } from './schedules';
import { AS_DEPLOYED, SID, TABLES } from './settings';
import { SlotDiary } from './slot-diary';
import { simulatedSqs } from './sqs';
import { type Traffic, traffic } from './traffic';

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
const INSTALLED_BEFORE_MILLIS = 20 * MINUTE;
/** After the last day nothing goes wrong any more: the last lines are told late, and the last deep run must have seen them. */
const SETTLING_MILLIS = 50 * HOUR;
/** What was begun by then has ended when the tables are looked at. */
const LAST_RUNS_MILLIS = 30 * MINUTE;
const LARGEST_SKEW_MILLIS = 90_000;
const DUPLICATES = 0.01;
const FORGED_PER_LINE = 0.02;
const FLOOD_PER_MINUTE = 60;

/** Plays a campaign. Rejects when something in it fails that may not; broken promises are told in the result. */
export async function playCampaign(options: CampaignOptions) {
  const world = new World(options);
  await world.play();
  return world.result();
}

/** Streams of chance of their own, so that one part that draws more does not change all others. */
const stream = (seed: number, part: number): Random => new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b));

class World {
  private readonly end: number;
  private readonly over: number;
  private readonly clock: SimulatedClock;
  private readonly incidents: Incidents;
  private readonly traffic: Traffic;
  private readonly slotDiary: SlotDiary;
  private readonly lineDiary = new LineDiary();
  private readonly metrics = new MetricSums();
  private readonly server: DynamoDbServer;
  private readonly dynamodb: SimulatedDynamoDb;
  private readonly queue: SimulatedQueue;
  private readonly endpoint: SimulatedEndpoint;
  private readonly rakuten: SimulatedRakuten;
  private readonly eventSource: EventSource;
  private readonly installation: Installation;
  private readonly operator: Operator;
  private readonly schedules: Schedules;
  private readonly forger: Random;
  private readonly skew: number;
  private readonly onTakeover: WatchSettings['onTakeover'];
  private readonly existingPostback: ExistingPostbackRule;
  private forged = 0;
  private readonly pushedLines: LineRecord[] = [];

  constructor(private readonly options: CampaignOptions) {
    const { seed, days, lines } = options;
    const chance = (part: number): Random => stream(seed, part);
    this.end = START + days * DAY;
    this.over = this.end + (options.settlingMillis ?? SETTLING_MILLIS);
    const clock = new SimulatedClock(START - INSTALLED_BEFORE_MILLIS, chance(0).integer(0, 2 ** 31));
    this.clock = clock;
    this.incidents = new Incidents(chance(1).integer(0, 2 ** 31), START, this.end);
    this.traffic = traffic({ seed: chance(2).integer(0, 2 ** 31), sid: SID, start: START, days, lines });
    this.forger = chance(3);
    this.skew = chance(4).integer(-LARGEST_SKEW_MILLIS, LARGEST_SKEW_MILLIS);
    this.onTakeover = chance(14).pick(['REPORT', 'REPORT', 'RECLAIM'] as const);
    this.existingPostback = chance(15).pick(['FAIL', 'FAIL', 'REPLACE'] as const);
    this.slotDiary = new SlotDiary(clock);
    this.server = options.server ?? new MemoryDynamoDb();
    const { incidents } = this;
    this.dynamodb = new SimulatedDynamoDb({
      server: this.server,
      clock,
      random: chance(5),
      throttled: (table) =>
        incidents.severity(table === TABLES.state ? 'state table throttled' : 'transaction table throttled', clock.now()),
      onWrite: (table, key) => {
        if (table === TABLES.transactions) this.lineDiary.stored(key, clock.now());
      },
    });
    this.queue = new SimulatedQueue({ clock, random: chance(6), duplicates: DUPLICATES, ...AS_DEPLOYED });
    this.endpoint = new SimulatedEndpoint({ clock, random: chance(7), queue: this.queue, incidents });
    this.rakuten = new SimulatedRakuten({
      clock,
      random: chance(8),
      incidents,
      endpoint: this.endpoint,
      clockSkewMillis: this.skew,
      onSlot: (slot) => this.slotDiary.note(slot),
    });
    this.eventSource = new EventSource({
      clock,
      random: chance(9),
      queue: this.queue,
      dynamodb: this.dynamodb,
      metrics: this.metrics,
      dying: () => Math.max(0.0005, incidents.severity('consumer dying', clock.now())),
      startable: () => incidents.severity('consumer stopped', clock.now()) === 0,
    });
    const shared = { clock, dynamodb: this.dynamodb, rakuten: this.rakuten };
    this.installation = new Installation({
      ...shared,
      random: chance(10),
      endpoint: this.endpoint,
      existingPostback: this.existingPostback,
    });
    const { installation, queue, eventSource } = this;
    const onDeployed = (): void => this.schedules.deployed();
    this.operator = new Operator({ ...shared, random: chance(11), incidents, installation, queue, eventSource, onDeployed });
    const refused = (): number => incidents.severity('queue refuses the reconciliation', clock.now());
    const sqs = simulatedSqs(queue, { clock, random: chance(12), refused });
    this.schedules = new Schedules({
      ...shared,
      random: chance(13),
      installation,
      sqs,
      metrics: this.metrics,
      onTakeover: this.onTakeover,
    });
  }

  async play(): Promise<void> {
    const { clock, traffic: plan, rakuten, operator, schedules, over } = this;
    await this.createTables();
    for (const line of plan.history) rakuten.record(line);
    let isInstalled = false;
    clock.spawn(async () => {
      await operator.install();
      isInstalled = true;
      schedules.deployed();
    });
    await clock.run(START - 1);
    if (!isInstalled) throw new Error('the first deployment did not end in time');
    schedules.start(over - LAST_RUNS_MILLIS);
    operator.start(over);
    clock.spawn(() => this.playTraffic());
    clock.spawn(() => this.forge());
    for (const spell of this.incidents.spells) if (spell.kind === 'forged flood') clock.spawn(() => this.flood(spell.from, spell.to));
    for (let hour = 1; START + hour * HOUR <= over; hour += 1) {
      await clock.run(START + hour * HOUR);
      this.options.signal?.throwIfAborted();
      await breathe();
      this.options.onProgress?.({ hour, hours: (over - START) / HOUR, rows: this.lineDiary.storedCount, pushes: rakuten.statistics.sent });
    }
  }

  async result() {
    const { rakuten, queue, slotDiary, metrics, lineDiary, traffic: plan } = this;
    const ledger = rakuten.ledger();
    const rows = await scanTable(new DirectClient(this.server), TABLES.transactions);
    const rejected = metrics.sum(METRICS.forged) + metrics.sum(METRICS.notAPostback);
    const known = { arrived: lineDiary.arrivedLines(), corrected: new Set(plan.corrected), statics: STATIC_NAMES };
    const leftovers = { queue: queue.depth, deadLetters: queue.deadLetters.length, isOn: slotDiary.isOn, forged: this.forged, rejected };
    return {
      invariants: audit(ledger, rows, known, leftovers),
      rows,
      ledger,
      fates: lineDiary.fatesOfPushed(),
      offTimes: slotDiary.offTimes,
      days: this.options.days,
      pushes: rakuten.statistics,
      habits: rakuten.habits,
      skewMillis: this.skew,
      onTakeover: this.onTakeover,
      existingPostback: this.existingPostback,
      incidents: this.incidents,
      history: plan.history.length,
      redeliveries: plan.redeliveries,
      corrections: plan.corrected.length,
      forged: this.forged,
      schedules: this.schedules.counts,
      operator: this.operator.counts,
      batches: this.eventSource.batches,
      deaths: this.eventSource.deaths,
      duplicated: queue.duplicated,
      messages: queue.sent,
      metrics,
      calls: this.dynamodb.calls,
    };
  }

  private async createTables(): Promise<void> {
    const state = {
      TableName: TABLES.state,
      BillingMode: 'PAY_PER_REQUEST' as const,
      AttributeDefinitions: Object.values(STATE_KEYS).map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
      KeySchema: [
        { AttributeName: STATE_KEYS.partition, KeyType: 'HASH' as const },
        { AttributeName: STATE_KEYS.sort, KeyType: 'RANGE' as const },
      ],
    };
    for (const input of [state, createTableInput(TABLES.transactions)]) await this.server.execute(new CreateTableCommand(input));
  }

  private async playTraffic(): Promise<void> {
    const { clock, rakuten, lineDiary, skew } = this;
    for (const { at, does, line } of this.traffic.steps) {
      // What Rakuten does goes by its own clock.
      await clock.sleepUntil(at - skew);
      if (does === 'record') {
        rakuten.record(line);
        lineDiary.told(line, clock.now());
        continue;
      }
      lineDiary.due(line, clock.now());
      this.pushedLines.push(line);
      clock.spawn(async () => {
        const { isStored } = await rakuten.push(line);
        lineDiary.pushed(line, isStored, clock.now());
      });
    }
  }

  private async forge(): Promise<void> {
    const { clock, options, forger } = this;
    const count = Math.ceil(options.lines * FORGED_PER_LINE);
    const pause = (this.end - START) / count;
    for (let sent = 0; sent < count; sent += 1) {
      await clock.sleep(pause * 2 * forger.next());
      clock.spawn(() => this.forgeOnce());
    }
  }

  private async flood(from: number, to: number): Promise<void> {
    await this.clock.sleepUntil(from);
    while (this.clock.now() < to) {
      await this.clock.sleep(MINUTE / FLOOD_PER_MINUTE);
      this.clock.spawn(() => this.forgeOnce());
    }
  }

  private async forgeOnce(): Promise<void> {
    const { clock, forger, installation, operator, endpoint } = this;
    const retired = operator.retiredSecrets.filter(({ at }) => at < clock.now()).map(({ text }) => text);
    const { text: secret } = await installation.urlSecret.current();
    const knowledge = { lines: this.pushedLines, retiredSecrets: retired, secret, fieldListId: fieldListId(installation.fields) };
    await endpoint.get(forgedUrl(forger, knowledge), 10_000, () => {
      this.forged += 1;
    });
  }
}

/** Straight to the tables, for looking at them when all is over. */
class DirectClient extends DynamoDBClient {
  public constructor(private readonly server: DynamoDbServer) {
    super({ region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS, endpoint: 'http://127.0.0.1:9' });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of the SDK's own method speak of callbacks and of types for each command
  public override async send(command: any): Promise<any> {
    return this.server.execute(command);
  }
}

export type PlayedCampaign = Awaited<ReturnType<typeof playCampaign>>;
