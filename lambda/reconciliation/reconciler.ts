import type { Context } from 'aws-lambda';
import { eventsPages } from '../../core/rakuten/events';
import type { HttpSend } from '../../core/rakuten/http';
import type { Clock } from '../../core/rakuten/retry';
import { comparedCount } from '../../core/reconciliation/counts';
import { type JobOutcome, type JobProgress, reconcile } from '../../core/reconciliation/job';
import type { NoteStore } from '../../core/reconciliation/note';
import type { RowReader, SendMessages } from '../../core/reconciliation/ports';
import { NotReconcilableError, openClient, type ReconcilablePublisher, reconcilablePublisher } from '../../core/reconciliation/publisher';
import { continuation, parseRequest, type ReconciliationRequest } from '../../core/reconciliation/request';
import type { ReconciliationSettings } from '../../core/reconciliation/settings';
import type { UnverifiedQuery } from '../../core/reconciliation/unverified';
import type { PublisherState } from '../../core/store/publisher-state';
import type { Log } from '../runtime/log';
import type { Metrics } from '../runtime/metrics';
import { ageMetrics, countMetrics, failureMetrics, gaugeMetrics, progressMetrics } from './run-metrics';

export interface ReconcilerParts {
  readonly settings: ReconciliationSettings;
  readonly readState: (sid: string) => Promise<PublisherState | undefined>;
  readonly readSecret: (id: string) => Promise<string>;
  readonly notes: NoteStore;
  readonly rows: RowReader;
  readonly send: SendMessages;
  readonly unverifiedRows: (query: Pick<UnverifiedQuery, 'sid' | 'window' | 'receivedBefore'>) => AsyncIterable<unknown>;
  /** Starts this function with an event, without waiting for it. */
  readonly invokeSelf: (event: unknown, context: Context) => Promise<void>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Calls Rakuten. */
  readonly http: HttpSend;
}

/** What an invocation answers, for whoever invoked it by hand. */
export interface ReconciliationResult {
  readonly outcome: JobOutcome['outcome'] | 'not-reconcilable';
  readonly runId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly counts?: Readonly<Record<string, number>>;
}

const PROGRESS_EVERY_MILLIS = 10_000;
const HOUR_MILLIS = 60 * 60 * 1000;
/** What the consumer needs for what was just sent, before rows that are still unverified are counted. */
const CONSUMER_MILLIS = 60_000;
/** With less than that left of the function's time they are not counted: the next day's run does it, and a run that is cut off is done all over again. */
const COUNT_MILLIS = 180_000;

/** Runs a reconciliation and tells how it went: in the log, as metrics, and by throwing, so that Lambda tries a failed one again. */
export class Reconciler {
  constructor(private readonly parts: ReconcilerParts) {}

  async handle(event: unknown, context: Context): Promise<ReconciliationResult> {
    const log = this.parts.log.of(context);
    const request = parseRequest(event, this.parts.clock.now());
    try {
      const publisher = reconcilablePublisher(request.sid, await this.parts.readState(request.sid));
      return await this.run(request, publisher, context, log);
    } catch (error) {
      if (error instanceof NotReconcilableError) {
        log.warn('not reconciled', { sid: request.sid, reason: error.message });
        return { outcome: 'not-reconcilable' };
      }
      await this.reportFailure(request.sid, error, log);
      throw error;
    }
  }

  private async run(
    request: ReconciliationRequest,
    publisher: ReconcilablePublisher,
    context: Context,
    log: Log,
  ): Promise<ReconciliationResult> {
    const { settings, notes, rows, send, readSecret, metrics, clock, http } = this.parts;
    const cutoff = new Date(clock.now() - settings.unverifiedAfterSeconds * 1000);
    let lateVerifications = 0;
    const outcome = await reconcile(request, publisher, {
      settings,
      notes,
      rows,
      send,
      clock,
      remainingMillis: () => context.getRemainingTimeInMillis(),
      open: async (opened, until) => {
        const onTry = (tried: object): void => log.info('Rakuten call', { sid: opened.sid, ...tried });
        return eventsPages(await openClient(opened, { send: http, clock, readSecret, onTry }), until);
      },
      handOn: (rest) => this.parts.invokeSelf(continuation(rest), context),
      onProgress: this.progressTeller(log),
      onWarning: (message) => log.warn(message, { sid: request.sid }),
      onComparison: ({ standing, rowReceivedAt = '' }) => {
        if (standing === 'unverified' && rowReceivedAt < cutoff.toISOString()) lateVerifications += 1;
      },
    });
    let unverified: number | undefined;
    if (isDeep(outcome) && context.getRemainingTimeInMillis() > COUNT_MILLIS) {
      if (lateVerifications > 0) await clock.sleep(CONSUMER_MILLIS);
      unverified = await this.countUnverified(outcome, cutoff);
    }
    metrics.write(countMetrics(outcome));
    metrics.write(gaugeMetrics(outcome, unverified), 'None');
    const result = resultOf(outcome);
    log.info('reconciliation', { sid: request.sid, reason: outcome.job?.reason, unverified, ...result });
    if (outcome.job !== undefined && outcome.job.outOfReachMillis > 0) {
      log.warn('a part of what was asked for is longer ago than Rakuten tells', {
        sid: request.sid,
        hours: outcome.job.outOfReachMillis / HOUR_MILLIS,
      });
    }
    return result;
  }

  private progressTeller(log: Log): (progress: JobProgress) => void {
    const { clock, metrics } = this.parts;
    let toldAt = clock.now();
    return (progress) => {
      if (clock.now() - toldAt < PROGRESS_EVERY_MILLIS && progress.done < 1) return;
      toldAt = clock.now();
      const { job, done, counts } = progress;
      metrics.write(progressMetrics(progress), 'None');
      log.info('progress', { sid: job.sid, runId: job.runId, percent: Math.floor(done * 100), compared: comparedCount(counts) });
    };
  }

  /** How many rows Rakuten does not tell. */
  private async countUnverified({ job: { sid, window } }: DeepOutcome, receivedBefore: Date): Promise<number> {
    let count = 0;
    for await (const _ of this.parts.unverifiedRows({ sid, window, receivedBefore: receivedBefore.getTime() })) count += 1;
    return count;
  }

  private async reportFailure(sid: string, error: unknown, log: Log): Promise<void> {
    const { metrics, notes, clock } = this.parts;
    log.error('reconciliation failed', { sid, reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    metrics.write(failureMetrics());
    try {
      const { succeededAt } = await notes.read(sid);
      if (succeededAt !== undefined) metrics.write(ageMetrics((clock.now() - succeededAt) / HOUR_MILLIS), 'None');
    } catch (reading) {
      // The failure itself is told; only the age beside it is missing.
      log.error('could not read when a reconciliation last succeeded', { sid, reason: String(reading) });
    }
  }
}

type DeepOutcome = Extract<JobOutcome, { readonly outcome: 'done' | 'continues' }>;

/** Counting unverified rows reads the index entry of every row of the window, so it is done once a day. */
const isDeep = (outcome: JobOutcome): outcome is DeepOutcome =>
  outcome.outcome === 'done' && outcome.job.isScheduled && outcome.job.reason === 'daily';

function resultOf(outcome: JobOutcome): ReconciliationResult {
  const { job } = outcome;
  return {
    outcome: outcome.outcome,
    ...(job === undefined
      ? {}
      : { runId: job.runId, from: new Date(job.window.from).toISOString(), to: new Date(job.window.to).toISOString() }),
    ...('counts' in outcome ? { counts: outcome.counts } : {}),
  };
}
