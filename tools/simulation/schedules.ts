import type { Context } from 'aws-lambda';
import { NoteTable } from '../../core/reconciliation/checkpoint';
import { TableDayIndex, unverifiedRows } from '../../core/reconciliation/day-index';
import { MissingLinesTable } from '../../core/reconciliation/missing-lines';
import { TableRows } from '../../core/reconciliation/rows';
import { readPublisherStates } from '../../core/state/publishers';
import { RowStore } from '../../core/transactions/row-store';
import type { Random } from '../../fake-rakuten/random';
import { Reconciler, type ReconciliationResult } from '../../lambda/reconciliation/reconciler';
import { StatusWatch } from '../../lambda/status-watch/status-watch';
import type { SimulatedClock } from './clock';
import { MortalClient } from './dynamodb';
import { SilentLog } from './observability';
import type { ReadLines } from './observer';
import { RAKUTEN_API_URL } from './rakuten';
import { RECONCILIATION, SID, TABLES, WATCH } from './settings';
import type { World } from './world';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const RECONCILIATION_TIMEOUT_MILLIS = 15 * MINUTE;
const WATCH_TIMEOUT_MILLIS = 3 * MINUTE;
const WATCH_EVERY_MILLIS = 5 * MINUTE;
/** Lambda retries a failed asynchronous invocation twice. */
const RETRIES_AFTER_MILLIS = [MINUTE, 2 * MINUTE];
/** Part of the processes that end in the middle for no reason of ours. */
const KILLED = 0.01;
/** An operator reads the alarm of the brake and accepts the changes within so long. */
const ACCEPTED_WITHIN_MILLIS = 6 * HOUR;

/**
 * The scheduled functions: the status watch every five minutes, the reconciliation every hour and
 * every day.
 */
export class Schedules {
  public readonly counts = {
    reconciliations: 0,
    failedReconciliations: 0,
    compared: 0,
    braked: 0,
    watches: 0,
    restorations: 0,
    failedChecks: 0,
  };
  /** Whether an operator is about to accept what the brake held back. */
  private isAccepting = false;

  public constructor(
    private readonly world: World,
    private readonly random: Random,
  ) {}

  /** Runs everything until that moment. */
  public start(until: number): void {
    const { random } = this;
    this.every(WATCH_EVERY_MILLIS, random.integer(0, WATCH_EVERY_MILLIS), until, () =>
      this.watch(),
    );
    this.every(HOUR, random.integer(0, HOUR), until, () =>
      this.reconcile({ sid: SID, run: 'hourly' }),
    );
    this.every(DAY, random.integer(0, DAY), until, () =>
      this.reconcile({ sid: SID, run: 'daily' }),
    );
  }

  /** The end of a deployment asks for an hourly run; after the first one that is the backfill. */
  public deployed(): void {
    this.world.clock.spawn(() => this.reconcile({ sid: SID, run: 'hourly' }));
  }

  /** An asynchronous invocation of the reconciliation function, with Lambda's retries. */
  public async reconcile(event: unknown): Promise<void> {
    const { clock } = this.world;
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
    const { clock } = this.world;
    clock.spawn(async () => {
      for (let at = clock.now() + offset; at < until; at += period) {
        await clock.sleepUntil(at);
        // The next one comes whether this one has ended or not.
        clock.spawn(work);
      }
    });
  }

  private async reconcileOnce(event: unknown): Promise<void> {
    this.counts.reconciliations += 1;
    const read: ReadLines = new Map();
    const { clock, observer } = this.world;
    const { zeroedRows } = observer;
    const result = await this.reconciler(read).handle(
      event,
      lambdaContext(clock, RECONCILIATION_TIMEOUT_MILLIS),
    );
    observer.checkBrake(observer.zeroedRows - zeroedRows, read);
    if (result.outcome === 'done' && result.braked === undefined) observer.reconciled(read);
    if (result.braked !== undefined) this.onBrake(result);
    const { written = 0, foreign = 0, withdrawn = 0, ...compared } = result.counts ?? {};
    this.counts.compared += Object.values(compared).reduce((sum, count) => sum + count, 0);
  }

  private reconciler(read: ReadLines): Reconciler {
    const { clock, rakuten, installation, metrics, observer, rowOptions } = this.world;
    const client = this.process();
    const tableName = TABLES.transactions;
    const pause = (millis: number): Promise<void> => clock.sleep(millis);
    const { dayShards } = rowOptions;
    return new Reconciler({
      settings: RECONCILIATION,
      readStates: () => readPublisherStates(client, TABLES.state),
      readSecret: (id) => installation.readSecret(id),
      rakutenApiUrl: RAKUTEN_API_URL,
      notes: new NoteTable(client, TABLES.state),
      rows: new TableRows(client, tableName, pause),
      dayIndex: new TableDayIndex(client, tableName, dayShards),
      store: new RowStore({
        client,
        tableName,
        clock: { now: () => clock.now(), pause },
        ...rowOptions,
      }),
      missingLines: new MissingLinesTable(client, TABLES.state),
      unverifiedRows: (query) => unverifiedRows(client, { tableName, dayShards, ...query }),
      invokeSelf: async (rest) => clock.spawn(() => this.reconcile(rest)),
      log: new SilentLog(),
      metrics,
      clock,
      http: rakuten.sendTo((lines) => observer.answered(lines, read)),
    });
  }

  /**
   * The brake raises an alarm.
   *
   * An operator accepts the changes once Rakuten's answers are right.
   */
  private onBrake({ from }: ReconciliationResult): void {
    this.counts.braked += 1;
    if (this.isAccepting) return;
    this.isAccepting = true;
    const { clock, incidents } = this.world;
    clock.spawn(async () => {
      do await clock.sleep(this.random.next() * ACCEPTED_WITHIN_MILLIS);
      while (incidents.severity('Events API with commissions of 0', clock.now()) > 0);
      this.isAccepting = false;
      await this.reconcile({ sid: SID, from, reason: 'manual', acceptChanges: true });
    });
  }

  private async watch(): Promise<void> {
    const { clock, installation, metrics, onTakeover } = this.world;
    this.counts.watches += 1;
    const statusWatch = new StatusWatch({
      settings: { ...WATCH, onTakeover },
      ports: {
        ...installation.ports(this.process()),
        announce: async () => {},
        reconcile: async (sid, { from, to, reason }) =>
          clock.spawn(() => this.reconcile({ sid, from, to, reason })),
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
      // The state table cannot be read; the next run comes in five minutes.
      this.counts.failedChecks += 1;
    }
  }

  private process(): MortalClient {
    const client = new MortalClient(this.world.dynamodb);
    if (this.random.chance(KILLED)) void client.dieAfter(this.random.integer(1, 30));
    return client;
  }
}

const lambdaContext = (clock: SimulatedClock, timeoutMillis: number): Context => {
  const end = clock.now() + timeoutMillis;
  return {
    awsRequestId: 'invocation',
    getRemainingTimeInMillis: () => end - clock.now(),
  } as Context;
};
