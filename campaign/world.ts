import { fieldListId } from '../core/rakuten/fields';
import type { ExistingPostbackRule } from '../core/registration/properties';
import type { WatchSettings } from '../core/watch/settings';
import type { LineRecord } from '../local/fake-rakuten';
import { Random } from '../local/random';
import { SimulatedClock } from './clock';
import { SimulatedDynamoDb } from './dynamodb';
import { SimulatedEndpoint } from './endpoint';
import { EventSource } from './event-source';
import { Forger, type Knowledge } from './forgery';
import { Incidents } from './incidents';
import { Installation } from './installation';
import { LineDiary } from './line-diary';
import type { DynamoDbServer } from './memory-dynamodb';
import { MetricSums } from './observability';
import { Operator } from './operator';
import { SimulatedQueue } from './queue';
import { SimulatedRakuten } from './rakuten';
import { Schedules } from './schedules';
import { AS_DEPLOYED, SID, TABLES } from './settings';
import { SlotDiary } from './slot-diary';
import { simulatedSqs } from './sqs';
import { type Traffic, traffic } from './traffic';

export interface WorldOptions {
  readonly seed: number;
  readonly lines: number;
  readonly days: number;
  /** Milliseconds since 1970: when the lines begin, when nothing more goes wrong. The installation is a little older. */
  readonly start: number;
  readonly end: number;
  readonly server: DynamoDbServer;
}

/** How long before the first line the stack is deployed. */
const INSTALLED_BEFORE_MILLIS = 20 * 60_000;
const LARGEST_SKEW_MILLIS = 90_000;
/** Which part of the messages the queue delivers twice. */
const DUPLICATES = 0.01;
/** Batches that die at any time. */
const DYING_ANYWAY = 0.0005;

/** Streams of chance of their own, so that one part that draws more does not change all others. */
const stream = (seed: number, part: number): Random => new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b));

/** All parts of a campaign, put together. What is left open by Rakuten's documentation and by the construct's props is drawn from the seed. */
export class World {
  public readonly clock: SimulatedClock;
  public readonly incidents: Incidents;
  public readonly traffic: Traffic;
  public readonly slotDiary: SlotDiary;
  public readonly lineDiary = new LineDiary();
  public readonly metrics = new MetricSums();
  public readonly dynamodb: SimulatedDynamoDb;
  public readonly queue: SimulatedQueue;
  public readonly rakuten: SimulatedRakuten;
  public readonly eventSource: EventSource;
  public readonly installation: Installation;
  public readonly operator: Operator;
  public readonly schedules: Schedules;
  public readonly forger: Forger;
  /** How far Rakuten's clock is ahead of ours. */
  public readonly skewMillis: number;
  public readonly onTakeover: WatchSettings['onTakeover'];
  public readonly existingPostback: ExistingPostbackRule;
  /** What Rakuten has tried to push so far. */
  public readonly pushedLines: LineRecord[] = [];

  public constructor({ seed, start, end, days, lines, server }: WorldOptions) {
    const chance = (part: number): Random => stream(seed, part);
    const clock = new SimulatedClock(start - INSTALLED_BEFORE_MILLIS, chance(0).integer(0, 2 ** 31));
    const incidents = new Incidents(chance(1).integer(0, 2 ** 31), start, end);
    const slotDiary = new SlotDiary(clock);
    this.clock = clock;
    this.incidents = incidents;
    this.slotDiary = slotDiary;
    this.traffic = traffic({ seed: chance(2).integer(0, 2 ** 31), sid: SID, start, days, lines });
    this.skewMillis = chance(4).integer(-LARGEST_SKEW_MILLIS, LARGEST_SKEW_MILLIS);
    this.onTakeover = chance(14).pick(['REPORT', 'REPORT', 'RECLAIM'] as const);
    this.existingPostback = chance(15).pick(['FAIL', 'FAIL', 'REPLACE'] as const);
    this.dynamodb = new SimulatedDynamoDb({
      server,
      clock,
      random: chance(5),
      throttled: (table) =>
        incidents.severity(table === TABLES.state ? 'state table throttled' : 'transaction table throttled', clock.now()),
      onWrite: (table, key) => {
        if (table === TABLES.transactions) this.lineDiary.stored(key, clock.now());
      },
    });
    const queue = new SimulatedQueue({ clock, random: chance(6), duplicates: DUPLICATES, ...AS_DEPLOYED });
    const endpoint = new SimulatedEndpoint({ clock, random: chance(7), queue, incidents });
    this.queue = queue;
    this.rakuten = new SimulatedRakuten({
      clock,
      random: chance(8),
      incidents,
      endpoint,
      clockSkewMillis: this.skewMillis,
      onSlot: (slot) => slotDiary.note(slot),
    });
    const { dynamodb, rakuten, metrics, existingPostback, onTakeover } = this;
    const eventSource = new EventSource({
      clock,
      random: chance(9),
      queue,
      dynamodb,
      metrics,
      dying: () => Math.max(DYING_ANYWAY, incidents.severity('consumer dying', clock.now())),
      startable: () => incidents.severity('consumer stopped', clock.now()) === 0,
    });
    const installation = new Installation({ clock, random: chance(10), dynamodb, rakuten, endpoint, existingPostback });
    const refused = (): number => incidents.severity('queue refuses the reconciliation', clock.now());
    const sqs = simulatedSqs(queue, { clock, random: chance(12), refused });
    const schedules = new Schedules({ clock, random: chance(13), dynamodb, rakuten, installation, sqs, metrics, onTakeover });
    const onDeployed = (): void => schedules.deployed();
    this.eventSource = eventSource;
    this.installation = installation;
    this.schedules = schedules;
    this.operator = new Operator({ clock, random: chance(11), incidents, installation, rakuten, queue, eventSource, onDeployed });
    this.forger = new Forger({ clock, random: chance(3), endpoint, knowledge: () => this.knowledge() });
  }

  /** What a forger may have come to know. */
  private async knowledge(): Promise<Knowledge> {
    const { clock, operator, installation, pushedLines: lines } = this;
    const retiredSecrets = operator.retiredSecrets.filter(({ at }) => at < clock.now()).map(({ text }) => text);
    const { text: secret } = await installation.urlSecret.current();
    return { lines, retiredSecrets, secret, fieldListId: fieldListId(installation.fields) };
  }
}
