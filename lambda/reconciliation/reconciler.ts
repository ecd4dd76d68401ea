import type { Context } from 'aws-lambda';
import { errorText } from '../../core/errors';
import { ATTRIBUTES } from '../../core/names';
import type { HttpSend } from '../../core/rakuten/api/http';
import { eventsPages } from '../../core/rakuten/events-api/events';
import type { Difference } from '../../core/reconciliation/counts';
import { comparedCount } from '../../core/reconciliation/counts';
import type { UnverifiedQuery } from '../../core/reconciliation/day-index';
import {
  type JobOutcome,
  type JobPorts,
  type JobProgress,
  reconcile,
} from '../../core/reconciliation/job';
import {
  NotReconcilableError,
  openClient,
  type ReconcilablePublisher,
  reconcilablePublisher,
} from '../../core/reconciliation/publisher';
import {
  continuation,
  parseRequest,
  type ReconciliationRequest,
} from '../../core/reconciliation/request';
import { clamp, notBefore } from '../../core/reconciliation/window';
import type { PublisherState } from '../../core/state/publisher-state';
import type { Item } from '../../core/transactions/attributes';
import { parseLineId } from '../../core/transactions/keys';
import type { Log } from '../shared/log';
import type { Metrics } from '../shared/metrics';
import {
  ageMetrics,
  countMetrics,
  failureMetrics,
  gaugeMetrics,
  progressMetrics,
  type UnverifiedCount,
} from './run-metrics';

export interface ReconcilerParts
  extends Pick<
    JobPorts,
    | 'settings'
    | 'notes'
    | 'rows'
    | 'dayIndex'
    | 'store'
    | 'missingLines'
    | 'forgotten'
    | 'archive'
    | 'clock'
  > {
  readonly readStates: () => Promise<readonly PublisherState[]>;
  readonly readSecret: (id: string) => Promise<string>;
  /** Base URL of Rakuten's API. */
  readonly rakutenApiUrl: string;
  readonly unverifiedRows: (
    query: Pick<UnverifiedQuery, 'window' | 'receivedBefore'>,
  ) => AsyncIterable<Item>;
  /** Starts this function with an event, without waiting for it. */
  readonly invokeSelf: (event: unknown, context: Context) => Promise<void>;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Calls Rakuten. */
  readonly http: HttpSend;
}

/** What an invocation returns to a caller that waits for it. */
export interface ReconciliationResult {
  readonly outcome: JobOutcome['outcome'] | 'not-reconcilable';
  /** Why the publisher is not reconcilable. */
  readonly reason?: string;
  readonly runId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly counts?: Readonly<Record<string, number>>;
  /** Changes of verified lines that the brake held back. Absent if there were none. */
  readonly braked?: number;
  /** At most 1,000. Only of a dry run, and of a run with the reason `manual`. */
  readonly differences?: readonly Difference[];
}

const PROGRESS_EVERY_MILLIS = 10_000;
const HOUR_MILLIS = 60 * 60 * 1000;
/**
 * With less than that left, the count is for the next day's run: a run that is cut off would be
 * repeated as a whole.
 */
const COUNT_MILLIS = 120_000;

/**
 * Runs a reconciliation and reports it: in the log, as metrics, and by throwing, so that Lambda
 * retries a failed one.
 */
export class Reconciler {
  constructor(private readonly parts: ReconcilerParts) {}

  async handle(event: unknown, context: Context): Promise<ReconciliationResult> {
    const log = this.parts.log.of(context);
    const request = parseRequest(event, this.parts.clock.now());
    try {
      const states = await this.parts.readStates();
      const publisher = reconcilablePublisher(
        request.sid,
        states.find(({ sid }) => sid === request.sid),
      );
      return await this.run(request, publisher, states, context, log);
    } catch (error) {
      if (error instanceof NotReconcilableError) {
        log.warn('not reconciled', { sid: request.sid, reason: error.message });
        return { outcome: 'not-reconcilable', reason: error.message };
      }
      await this.reportFailure(request.sid, error, log);
      throw error;
    }
  }

  private async run(
    request: ReconciliationRequest,
    publisher: ReconcilablePublisher,
    states: readonly PublisherState[],
    context: Context,
    log: Log,
  ): Promise<ReconciliationResult> {
    const { readSecret, rakutenApiUrl, metrics, clock, http } = this.parts;
    const outcome = await reconcile(request, publisher, {
      ...this.parts,
      remainingMillis: () => context.getRemainingTimeInMillis(),
      open: async (opened, until) => {
        const onTry = (tried: object): void =>
          log.info('Rakuten call', { sid: opened.sid, ...tried });
        return eventsPages(
          await openClient(opened, { rakutenApiUrl, send: http, clock, readSecret, onTry }),
          until,
        );
      },
      continueInNewInvocation: (rest) => this.parts.invokeSelf(continuation(rest), context),
      onProgress: this.progressReporter(log),
      onWarning: (message) => log.warn(message, { sid: request.sid }),
    });
    const isCounted = isDaily(outcome) && context.getRemainingTimeInMillis() > COUNT_MILLIS;
    const unverified = isCounted ? await this.countUnverified(publisher, states) : undefined;
    metrics.write(countMetrics(outcome));
    metrics.write(gaugeMetrics(outcome, unverified), 'None');
    const { differences: _, ...result } = resultOf(outcome);
    log.info('reconciliation', {
      sid: request.sid,
      reason: outcome.job?.reason,
      unverified,
      ...result,
    });
    if (result.braked !== undefined) {
      log.warn('the run would have changed too many verified lines and changed none of them', {
        sid: request.sid,
        lines: result.braked,
      });
    }
    if (outcome.job !== undefined && outcome.job.outOfReachMillis > 0) {
      log.warn('a part of the requested window is older than what Rakuten returns', {
        sid: request.sid,
        hours: outcome.job.outOfReachMillis / HOUR_MILLIS,
      });
    }
    return resultOf(outcome);
  }

  private progressReporter(log: Log): (progress: JobProgress) => void {
    const { clock, metrics } = this.parts;
    let reportedAt = clock.now();
    return (progress) => {
      if (clock.now() - reportedAt < PROGRESS_EVERY_MILLIS && progress.done < 1) return;
      reportedAt = clock.now();
      const { job, done, counts } = progress;
      metrics.write(progressMetrics(progress), 'None');
      log.info('progress', {
        sid: job.sid,
        runId: job.runId,
        percent: Math.floor(done * 100),
        compared: comparedCount(counts),
      });
    };
  }

  /**
   * Rows of the publisher, and of publishers that were removed, that the Events API has not
   * confirmed.
   */
  private async countUnverified(
    { sid, comparableSince }: ReconcilablePublisher,
    states: readonly PublisherState[],
  ): Promise<UnverifiedCount> {
    const { settings, clock } = this.parts;
    const now = clock.now();
    const { from } = clamp({ from: 0, to: now }, notBefore(settings, comparableSince), now);
    const receivedBefore = now - settings.unverifiedAfterSeconds * 1000;
    const others = new Set(states.map((state) => state.sid).filter((other) => other !== sid));
    const counts = { confirmed: 0, events: 0 };
    for await (const row of this.parts.unverifiedRows({
      window: { from, to: now },
      receivedBefore,
    })) {
      if (others.has(parseLineId(row[ATTRIBUTES.lineId]?.S ?? '').sid)) continue;
      if (row[ATTRIBUTES.isEvent]?.S === 'Y') counts.events += 1;
      else counts.confirmed += 1;
    }
    return counts;
  }

  private async reportFailure(sid: string, error: unknown, log: Log): Promise<void> {
    const { metrics, notes, clock } = this.parts;
    log.error('reconciliation failed', { sid, reason: errorText(error) });
    metrics.write(failureMetrics());
    try {
      const { succeededAt } = await notes.read(sid);
      if (succeededAt !== undefined)
        metrics.write(ageMetrics((clock.now() - succeededAt) / HOUR_MILLIS), 'None');
    } catch (reading) {
      // The failure itself is reported; only its age is missing.
      log.error('the time of the last successful reconciliation could not be read', {
        sid,
        reason: String(reading),
      });
    }
  }
}

/**
 * Counting unverified rows reads the index entry of every row of the window, so it is done once a
 * day.
 */
const isDaily = (outcome: JobOutcome): boolean =>
  outcome.outcome === 'done' && outcome.job.isScheduled && outcome.job.reason === 'daily';

function resultOf(outcome: JobOutcome): ReconciliationResult {
  const { job } = outcome;
  if (job === undefined) return { outcome: outcome.outcome };
  const window = {
    runId: job.runId,
    from: new Date(job.window.from).toISOString(),
    to: new Date(job.window.to).toISOString(),
  };
  if (!('counts' in outcome)) return { outcome: outcome.outcome, ...window };
  const { counts, braked, differences } = outcome;
  const isListed = job.dryRun === true || job.reason === 'manual';
  return {
    outcome: outcome.outcome,
    ...window,
    counts,
    ...(braked > 0 ? { braked } : {}),
    ...(isListed ? { differences } : {}),
  };
}
