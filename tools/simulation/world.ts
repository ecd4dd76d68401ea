import { URL_PARAMETERS } from '../../core/names';
import { fieldListId } from '../../core/rakuten/postback/fields';
import type { ExistingPostbackRule } from '../../core/registration/properties';
import type { WatchSettings } from '../../core/status-watch/settings';
import { drawModes, type LineRecord, type Modes } from '../../fake-rakuten';
import { Random } from '../../fake-rakuten/random';
import { Attacker, type Loot } from './attacker';
import { SimulatedClock } from './clock';
import { SimulatedDynamoDb } from './dynamodb';
import { SimulatedEndpoint } from './endpoint';
import { EventSource } from './event-source';
import { rowKeyOf } from './expectation';
import { Forger, type Knowledge } from './forgery';
import { Incidents } from './incidents';
import { Installation } from './installation';
import { LineDiary } from './line-diary';
import type { DynamoDbServer } from './memory-dynamodb';
import { MetricSums } from './observability';
import { Observer } from './observer';
import { Operator } from './operator';
import { SimulatedQueue } from './queue';
import { SimulatedRakuten } from './rakuten';
import { Schedules } from './schedules';
import { AS_DEPLOYED, OTHER_SID, type RowOptions, SID, TABLES } from './settings';
import { SlotDiary } from './slot-diary';
import { type RakutenStep, type Traffic, traffic } from './traffic';

export interface WorldOptions {
  readonly seed: number;
  readonly lines: number;
  readonly days: number;
  /**
   * Milliseconds since 1970: when the lines begin, when nothing more goes wrong.
   *
   * The installation is a little older.
   */
  readonly start: number;
  readonly end: number;
  readonly server: DynamoDbServer;
  /** How Rakuten treats the publisher. @default - drawn from the seed */
  readonly modes?: Modes;
}

/** How long before the first line the stack is deployed. */
const INSTALLED_BEFORE_MILLIS = 20 * 60_000;
const LARGEST_SKEW_MILLIS = 90_000;
/** Part of the messages that the queue delivers twice. */
const DUPLICATES = 0.01;
/** Batches that die at any time. */
const DYING_ANYWAY = 0.0005;

/**
 * Each part of the world draws from its own stream, so that one that draws more does not change the
 * others.
 */
const stream = (seed: number, part: number): Random => new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b));

/**
 * All parts of a campaign.
 *
 * What Rakuten's documentation and the construct's props leave open is drawn from the seed.
 */
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
  public readonly attacker: Attacker;
  public readonly observer: Observer;
  public readonly modes: Modes;
  public readonly rowOptions: RowOptions;
  /** How far Rakuten's clock is ahead of ours. */
  public readonly skewMillis: number;
  public readonly onTakeover: WatchSettings['onTakeover'];
  public readonly existingPostback: ExistingPostbackRule;
  /** What Rakuten has tried to push so far. */
  public readonly pushedLines: LineRecord[] = [];
  /** Index of the first step of the traffic that is still to come. */
  public nextStep = 0;

  public constructor({ seed, start, end, days, lines, server, modes }: WorldOptions) {
    const chance = (part: number): Random => stream(seed, part);
    const clock = new SimulatedClock(start - INSTALLED_BEFORE_MILLIS, chance(0).integer(0, 2 ** 31));
    const incidents = new Incidents(chance(1).integer(0, 2 ** 31), start, end);
    const slotDiary = new SlotDiary(clock);
    this.clock = clock;
    this.incidents = incidents;
    this.slotDiary = slotDiary;
    this.modes = modes ?? drawModes(chance(16), [OTHER_SID]);
    // An account whose Events API never returns a member can trust the postback's.
    const memberFromPostback = this.modes.memberAfterHours === 'never' && chance(17).chance(0.5);
    this.rowOptions = { dayShards: AS_DEPLOYED.dayShards, memberFromPostback };
    this.observer = new Observer({ memberFromPostback, now: () => clock.now() });
    this.traffic = traffic({ seed: chance(2).integer(0, 2 ** 31), sid: SID, start, days, lines, modes: this.modes });
    this.skewMillis = chance(4).integer(-LARGEST_SKEW_MILLIS, LARGEST_SKEW_MILLIS);
    this.onTakeover = chance(14).pick(['REPORT', 'REPORT', 'RECLAIM'] as const);
    this.existingPostback = chance(15).pick(['FAIL', 'FAIL', 'REPLACE'] as const);
    this.dynamodb = new SimulatedDynamoDb({
      server,
      clock,
      random: chance(5),
      throttled: (table) =>
        incidents.severity(table === TABLES.state ? 'state table throttled' : 'transaction table throttled', clock.now()),
      onWrite: (table, item) => {
        if (table !== TABLES.transactions) return;
        this.lineDiary.stored(rowKeyOf(item), clock.now());
        this.observer.written(item);
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
      modes: this.modes,
      onSlot: (slot) => slotDiary.note(slot),
      onPush: (url, line) => {
        if (this.isAccepted(url)) this.observer.received(url, 'Rakuten', line);
      },
    });
    const { dynamodb, rakuten, metrics, existingPostback, onTakeover, observer, rowOptions } = this;
    const eventSource = new EventSource({
      clock,
      random: chance(9),
      queue,
      dynamodb,
      metrics,
      rowOptions,
      dying: () => Math.max(DYING_ANYWAY, incidents.severity('consumer dying', clock.now())),
      startable: () => incidents.severity('consumer stopped', clock.now()) === 0,
    });
    const installation = new Installation({ clock, random: chance(10), dynamodb, rakuten, endpoint, existingPostback });
    const schedules = new Schedules({
      clock,
      random: chance(13),
      dynamodb,
      rakuten,
      installation,
      metrics,
      onTakeover,
      incidents,
      observer,
      rowOptions,
    });
    const onDeployed = (): void => schedules.deployed();
    this.eventSource = eventSource;
    this.installation = installation;
    this.schedules = schedules;
    this.operator = new Operator({ clock, random: chance(11), incidents, installation, rakuten, queue, eventSource, onDeployed });
    this.forger = new Forger({ clock, random: chance(3), endpoint, knowledge: () => this.knowledge() });
    this.attacker = new Attacker({
      clock,
      random: chance(12),
      endpoint,
      loot: () => this.loot(),
      onStored: (url) => observer.received(url, 'attacker'),
    });
  }

  /** Knowledge of a forger without the accepted secret. */
  private async knowledge(): Promise<Knowledge> {
    const { clock, operator, installation, pushedLines: lines } = this;
    const retiredSecrets = operator.retiredSecrets.filter(({ at }) => at < clock.now()).map(({ text }) => text);
    const { text: secret } = await installation.urlSecret.current();
    return { lines, retiredSecrets, secret, fieldListId: fieldListId(installation.fields) };
  }

  /** Knowledge of an attacker who learned the URL. */
  private async loot(): Promise<Loot> {
    const { installation, pushedLines: pushed, traffic, nextStep } = this;
    const { text: secret } = await installation.urlSecret.current();
    const coming = traffic.steps.slice(nextStep, nextStep + COMING_STEPS).filter(isPush);
    return { secret, fields: installation.fields, pushed, coming: coming.map(({ line }) => line) };
  }

  /** Whether the secret in the URL is still accepted. */
  private isAccepted(url: string): boolean {
    const secret = new URL(url).searchParams.get(URL_PARAMETERS.secret);
    return !this.operator.retiredSecrets.some(({ text, at }) => text === secret && at <= this.clock.now());
  }
}

/** Steps of the traffic that an attacker foresees. */
const COMING_STEPS = 200;
const isPush = ({ does, line }: RakutenStep): boolean => does === 'push' && line.sid === SID;
