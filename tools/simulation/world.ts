import type { ExistingPostbackRule } from '../../core/registration/properties';
import type { WatchSettings } from '../../core/status-watch/record';
import type { ItemOptions } from '../../core/transactions/item';
import { drawModes, type LineRecord, type Modes } from '../../fake-rakuten';
import { Random } from '../../fake-rakuten/random';
import { EventSource } from '../../local/lambda/event-source';
import { Attacker } from './attacker';
import { SimulatedClock } from './clock';
import { ConsumerProcesses } from './consumer-processes';
import { SimulatedDynamoDb } from './dynamodb';
import { SimulatedEndpoint } from './endpoint';
import { Forger } from './forgery';
import { Incidents } from './incidents';
import { Installation } from './installation';
import { LineDiary } from './line-diary';
import type { MemoryDynamoDb } from './memory-dynamodb';
import { MetricSums } from './observability';
import { Observer } from './observer';
import { Operator } from './operator';
import { QueueClient, SimulatedQueue } from './queue';
import { SimulatedRakuten } from './rakuten';
import { Schedules } from './schedules';
import { AS_DEPLOYED, OTHER_SID, SID } from './settings';
import { SlotDiary } from './slot-diary';
import { type Traffic, traffic } from './traffic';

export interface WorldOptions {
  readonly seed: number;
  readonly lines: number;
  readonly days: number;
  /** When the lines begin, in milliseconds since 1970. The installation is a little older. */
  readonly start: number;
  /** From then on nothing goes wrong any more. */
  readonly end: number;
  readonly server: MemoryDynamoDb;
}

/** How long before the first line the stack is deployed. */
const INSTALLED_BEFORE_MILLIS = 20 * 60_000;
const LARGEST_SKEW_MILLIS = 90_000;
/** Part of the messages that the queue delivers twice. */
const DUPLICATES = 0.01;
const RETRY_START_MILLIS = 20_000;

/**
 * Each part of the world draws from its own stream, so that one that draws more does not change the
 * others.
 */
const stream = (seed: number, part: number): Random =>
  new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part + 1, 0x85ebca6b));

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
  public readonly endpoint: SimulatedEndpoint;
  public readonly rakuten: SimulatedRakuten;
  public readonly consumer: ConsumerProcesses;
  public readonly installation: Installation;
  public readonly operator: Operator;
  public readonly schedules: Schedules;
  public readonly forger: Forger;
  public readonly attacker: Attacker;
  public readonly observer: Observer;
  public readonly modes: Modes;
  /** How every writer writes rows. */
  public readonly rowOptions: ItemOptions;
  /** How far Rakuten's clock is ahead of ours. */
  public readonly skewMillis: number;
  public readonly onTakeover: WatchSettings['onTakeover'];
  public readonly existingPostback: ExistingPostbackRule;
  /** What Rakuten has tried to push so far. */
  public readonly pushedLines: LineRecord[] = [];
  /** Index of the first step of the traffic that is still to come. */
  public nextStep = 0;

  public constructor({ seed, start, end, days, lines, server }: WorldOptions) {
    const chance = (part: number): Random => stream(seed, part);
    const clock = new SimulatedClock(
      start - INSTALLED_BEFORE_MILLIS,
      chance(0).integer(0, 2 ** 31),
    );
    this.clock = clock;
    this.incidents = new Incidents(chance(1).integer(0, 2 ** 31), start, end);
    this.slotDiary = new SlotDiary(clock);
    this.modes = drawModes(chance(16), [OTHER_SID]);
    // An account whose Events API never returns a member can trust the postback's.
    const memberFromPostback = this.modes.memberAfterHours === 'never' && chance(17).chance(0.5);
    this.rowOptions = { dayShards: AS_DEPLOYED.dayShards, memberFromPostback };
    this.observer = new Observer({ memberFromPostback, now: () => clock.now() });
    this.traffic = traffic({
      seed: chance(2).integer(0, 2 ** 31),
      sid: SID,
      start,
      days,
      lines,
      modes: this.modes,
    });
    this.skewMillis = chance(4).integer(-LARGEST_SKEW_MILLIS, LARGEST_SKEW_MILLIS);
    this.onTakeover = chance(14).pick(['REPORT', 'REPORT', 'RECLAIM'] as const);
    this.existingPostback = chance(15).pick(['FAIL', 'FAIL', 'REPLACE'] as const);
    this.forger = new Forger(this, chance(3));
    this.dynamodb = new SimulatedDynamoDb(this, chance(5), server);
    this.queue = new SimulatedQueue({
      clock,
      random: chance(6),
      duplicates: DUPLICATES,
      ...AS_DEPLOYED,
    });
    this.endpoint = new SimulatedEndpoint(this, chance(7));
    this.rakuten = new SimulatedRakuten(this, chance(8));
    this.consumer = new ConsumerProcesses(this, chance(9));
    this.installation = new Installation(this, chance(10));
    this.operator = new Operator(this, chance(11));
    this.attacker = new Attacker(this, chance(12));
    this.schedules = new Schedules(this, chance(13));
    this.readQueue();
  }

  /** Lambda's poller of the queue, as the local run has it. */
  private readQueue(): void {
    const { clock, incidents } = this;
    const untilStartable = async (): Promise<void> => {
      while (incidents.severity('consumer stopped', clock.now()) > 0)
        await clock.sleep(RETRY_START_MILLIS);
    };
    new EventSource(
      new QueueClient(this.queue, untilStartable),
      this.consumer,
      {
        queueUrl: 'postbacks',
        queueArn: 'arn:aws:sqs:us-east-1:000000000000:postbacks',
        batchSize: AS_DEPLOYED.batchSize,
        batchingWindowSeconds: AS_DEPLOYED.batchingWindowMillis / 1000,
        reportBatchItemFailures: true,
        concurrency: AS_DEPLOYED.maxConcurrency,
        onTrouble: (message) => clock.spawn(() => Promise.reject(new Error(message))),
      },
      clock,
    );
  }
}
