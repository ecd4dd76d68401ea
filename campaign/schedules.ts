import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { NoteTable } from '../core/reconciliation/note-table';
import { sqsOutbox } from '../core/reconciliation/outbox';
import { TableRows } from '../core/reconciliation/rows';
import { unverifiedRows } from '../core/reconciliation/unverified';
import { DynamoRegistrationStore } from '../core/store/registration-store';
import type { WatchSettings } from '../core/watch/settings';
import { Reconciler } from '../lambda/reconciliation/reconciler';
import { StatusWatch } from '../lambda/status-watch/status-watch';
import type { Random } from '../local/random';
import type { SimulatedClock } from './clock';
import { MortalClient, type SimulatedDynamoDb } from './dynamodb';
import type { Installation } from './installation';
import { type MetricSums, SilentLog } from './observability';
import type { SimulatedRakuten } from './rakuten';
import { AS_DEPLOYED, RECONCILIATION, SID, TABLES, WATCH } from './settings';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const RECONCILIATION_TIMEOUT_MILLIS = 15 * MINUTE;
const WATCH_TIMEOUT_MILLIS = 3 * MINUTE;
const WATCH_EVERY_MILLIS = 5 * MINUTE;
/** Lambda tries an asynchronous invocation that failed twice more. */
const RETRIES_AFTER_MILLIS = [MINUTE, 2 * MINUTE];
/** Now and then a process ends in the middle for no reason of ours. */
const KILLED = 0.01;

export interface ScheduleParts {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly dynamodb: SimulatedDynamoDb;
  readonly rakuten: SimulatedRakuten;
  readonly installation: Installation;
  readonly sqs: Pick<SQSClient, 'send'>;
  readonly metrics: MetricSums;
  readonly onTakeover: WatchSettings['onTakeover'];
}

/** What the schedules did. */
export interface ScheduleCounts {
  reconciliations: number;
  failedReconciliations: number;
  compared: number;
  watches: number;
  restorations: number;
  failedChecks: number;
  announcements: Map<string, number>;
}

/** The functions that run by themselves: the status watch every five minutes, the reconciliation every hour and, deeper, every day. */
export class Schedules {
  public readonly counts: ScheduleCounts = {
    reconciliations: 0,
    failedReconciliations: 0,
    compared: 0,
    watches: 0,
    restorations: 0,
    failedChecks: 0,
    announcements: new Map(),
  };

  public constructor(private readonly parts: ScheduleParts) {}

  /** Runs everything until that moment. */
  public start(until: number): void {
    const { random } = this.parts;
    this.every(WATCH_EVERY_MILLIS, random.integer(0, WATCH_EVERY_MILLIS), until, () => this.watch());
    this.every(HOUR, random.integer(0, HOUR), until, () => this.reconcile({ sid: SID, run: 'hourly' }));
    this.every(DAY, random.integer(0, DAY), until, () => this.reconcile({ sid: SID, run: 'daily' }));
  }

  /** The end of a deployment asks for an hourly run; after the first one that is the backfill. */
  public deployed(): void {
    this.parts.clock.spawn(() => this.reconcile({ sid: SID, run: 'hourly' }));
  }

  /** An invocation of the reconciliation function that nobody waits for; Lambda tries it again when it fails. */
  public async reconcile(event: unknown): Promise<void> {
    const { clock } = this.parts;
    for (const pause of [...RETRIES_AFTER_MILLIS, undefined]) {
      try {
        await this.reconcileOnce(event);
        return;
      } catch {
        this.counts.failedReconciliations += 1;
        if (pause !== undefined) await clock.sleep(pause);
      }
    }
  }

  private every(period: number, offset: number, until: number, work: () => Promise<void>): void {
    const { clock } = this.parts;
    clock.spawn(async () => {
      for (let at = clock.now() + offset; at < until; at += period) {
        await clock.sleepUntil(at);
        // The next one comes whether this one has ended or not.
        clock.spawn(work);
      }
    });
  }

  private async reconcileOnce(event: unknown): Promise<void> {
    const { clock, rakuten, installation, sqs, metrics } = this.parts;
    this.counts.reconciliations += 1;
    const client = this.process();
    const rows = { tableName: TABLES.transactions, dayShards: AS_DEPLOYED.dayShards };
    const pause = (millis: number): Promise<void> => clock.sleep(millis);
    const reconciler = new Reconciler({
      settings: RECONCILIATION,
      readState: (sid) => new DynamoRegistrationStore(client, TABLES.state).readState(sid),
      readSecret: (id) => installation.readSecret(id),
      notes: new NoteTable(client, TABLES.state),
      rows: new TableRows(client, TABLES.transactions, pause),
      send: sqsOutbox(sqs, 'postbacks', pause),
      unverifiedRows: (query) => unverifiedRows(client, { ...rows, ...query }),
      invokeSelf: async (rest) => clock.spawn(() => this.reconcile(rest)),
      log: new SilentLog(),
      metrics,
      clock,
      http: rakuten.send,
    });
    const { counts } = await reconciler.handle(event, lambdaContext(clock, RECONCILIATION_TIMEOUT_MILLIS));
    this.counts.compared += Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0) - (counts?.sent ?? 0);
  }

  private async watch(): Promise<void> {
    const { clock, installation, metrics, onTakeover } = this.parts;
    this.counts.watches += 1;
    const statusWatch = new StatusWatch({
      settings: { ...WATCH, onTakeover },
      ports: {
        ...installation.ports(this.process()),
        announce: async (announcements) => {
          for (const { detailType } of announcements) {
            this.counts.announcements.set(detailType, (this.counts.announcements.get(detailType) ?? 0) + 1);
          }
        },
        reconcile: async (sid, { from, to, reason }) => clock.spawn(() => this.reconcile({ sid, from, to, reason })),
      },
      log: new SilentLog(),
      metrics,
    });
    try {
      const { checks } = await statusWatch.handle(lambdaContext(clock, WATCH_TIMEOUT_MILLIS));
      for (const check of checks) {
        if (check.restored) this.counts.restorations += 1;
        if (check.finding === 'unknown') this.counts.failedChecks += 1;
      }
    } catch {
      // It cannot even be said which publishers there are; the next run comes in five minutes.
      this.counts.failedChecks += 1;
    }
  }

  private process(): MortalClient {
    const { random, dynamodb } = this.parts;
    const client = new MortalClient(dynamodb);
    if (random.chance(KILLED)) void client.dieAfter(random.integer(1, 30));
    return client;
  }
}

const lambdaContext = (clock: SimulatedClock, timeoutMillis: number): Context => {
  const end = clock.now() + timeoutMillis;
  return { awsRequestId: 'invocation', getRemainingTimeInMillis: () => end - clock.now() } as Context;
};
