import type { Clock } from '../rakuten/api/request-with-retry';
import type { EventsWindow, ReadPage } from '../rakuten/events-api/events';
import type { Position, WalkOptions } from '../rakuten/events-api/paginate-events';
import { waitForLease } from '../state/lease';
import type { NoteStore } from './checkpoint';
import type { Counts, Difference } from './counts';
import type { RunPorts } from './ports';
import type { ReconcilablePublisher } from './publisher';
import type { ContinuedRequest, ReconciliationRequest } from './request';
import { newRunId, type RunReason } from './request';
import { MAX_FAILURES, type RunResult, run, unwrittenLinesError } from './run';
import {
  clamp,
  coveredAfter,
  LONGEST_LOOK_BACK_MILLIS,
  notBefore,
  type ReconciliationSettings,
  scheduledWindow,
} from './window';

/** What a run on AWS works with. */
export interface JobPorts extends Omit<RunPorts, 'readPage' | 'clock'> {
  readonly settings: ReconciliationSettings;
  /** Opens the publisher's account; `until` returns the time by which a call must have ended. */
  readonly open: (publisher: ReconcilablePublisher, until: () => number) => Promise<ReadPage>;
  readonly notes: NoteStore;
  readonly clock: Clock;
  /** What is left of the function's time. */
  readonly remainingMillis: () => number;
  /** Starts an invocation for the rest, without waiting for it. */
  readonly continueInNewInvocation: (rest: ContinuedRequest) => Promise<void>;
  /** How pages are read. @default - as Rakuten is known to accept it */
  readonly walk?: WalkOptions;
  readonly onProgress?: (progress: JobProgress) => void;
  readonly onWarning?: (message: string) => void;
}

/** Which lines a run compares, and on whose behalf. */
export interface Job {
  readonly sid: string;
  readonly runId: string;
  readonly reason: RunReason;
  /** On whole seconds. */
  readonly window: EventsWindow;
  readonly isScheduled: boolean;
  readonly start?: Position;
  readonly parts: number;
  readonly dryRun?: boolean;
  readonly acceptChanges?: boolean;
  /** Lines that earlier invocations of the run could not write. */
  readonly failures?: readonly string[];
  /** How much of the requested window lies before what the Events API returns. Milliseconds. */
  readonly outOfReachMillis: number;
}

export interface JobProgress {
  readonly job: Job;
  readonly counts: Counts;
  /** How much of the window is compared, 0 to 1. */
  readonly done: number;
}

/**
 * - `busy`: another run had the publisher all the time
 * - `empty`: nothing of the window can be read now
 * - `continues`: another invocation does the rest
 */
export type JobOutcome =
  | { readonly outcome: 'busy' | 'empty'; readonly job?: Job }
  | {
      readonly outcome: 'done' | 'continues';
      readonly job: Job;
      readonly counts: Counts;
      /** Changes of verified lines that the brake held back. */
      readonly braked: number;
      readonly differences: readonly Difference[];
    };

const MINUTE_MILLIS = 60_000;
/** A call to Rakuten may be retried for three minutes, and its page must still be written. */
const PAGE_MILLIS = 4 * MINUTE_MILLIS;
/** What a call leaves of the function's time to report that it failed. */
const SHUTDOWN_RESERVE_MILLIS = 20_000;
/** With less than that a run that waited for another one does not begin. */
const LEAST_WORK_MILLIS = 7 * MINUTE_MILLIS;
/** Longer than a page takes, so that only a run that was killed loses the lease. */
const ABANDONED_AFTER_MILLIS = PAGE_MILLIS + MINUTE_MILLIS;
const TAKEN_OVER = 'another run took over, as this one was too slow; nothing is lost';
const LEASE_POLL_MILLIS = 10_000;
/**
 * Lambda ends a function that has started itself 16 times; so many runs of a quarter of an hour
 * read millions of lines.
 */
const MAX_PARTS = 15;

/**
 * Runs a request, alone on its publisher, and continues in a new invocation when the function's
 * time is over. Throws when Rakuten, AWS or the credentials fail, or lines could not be written.
 */
export async function reconcile(
  request: ReconciliationRequest,
  publisher: ReconcilablePublisher,
  ports: JobPorts,
): Promise<JobOutcome> {
  const { notes, clock } = ports;
  const holder = 'holder' in request ? request.holder : newRunId('lease');
  const isHeld = await waitForLease(notes, publisher.sid, holder, {
    pollMillis: LEASE_POLL_MILLIS,
    abandonedAfterMillis: ABANDONED_AFTER_MILLIS,
    mayWait: () => ports.remainingMillis() - LEASE_POLL_MILLIS >= LEAST_WORK_MILLIS,
    sleep: (millis) => clock.sleep(millis),
  });
  if (!isHeld) return { outcome: 'busy' };
  let isContinued = false;
  try {
    const { coveredUntil } = await notes.read(publisher.sid);
    const job = plan(request, publisher, ports, coveredUntil);
    if (job.window.from >= job.window.to) return { outcome: 'empty', job };
    const { next, failures, ...result } = await compareWindow(job, publisher, ports, () =>
      notes.renewLease(publisher.sid, holder),
    );
    const allFailures = [...(job.failures ?? []), ...failures];
    const isOver = next === undefined || allFailures.length >= MAX_FAILURES;
    if (isOver && allFailures.length > 0) throw unwrittenLinesError(allFailures);
    if (next === undefined) {
      if (job.dryRun !== true) {
        const note = {
          coveredUntil: coveredAfter(job.window, job.isScheduled, coveredUntil),
          succeededAt: clock.now(),
        };
        if (!(await notes.write(job.sid, note, holder))) throw new Error(TAKEN_OVER);
      }
      return { outcome: 'done', job, ...result };
    }
    await continueRun({ ...job, failures: allFailures }, next, holder, ports);
    isContinued = true;
    return { outcome: 'continues', job, ...result };
  } finally {
    // The rest keeps the lease: a run that came in between would begin again, and a long window
    // would never be done.
    if (!isContinued) await release(publisher.sid, holder, ports);
  }
}

/** A lease that is not released expires. That must not hide what the run did, or why it failed. */
async function release(sid: string, holder: string, { notes, onWarning }: JobPorts): Promise<void> {
  try {
    await notes.releaseLease(sid, holder);
  } catch (error) {
    onWarning?.(
      `the lease was not released and delays other runs by ${ABANDONED_AFTER_MILLIS / MINUTE_MILLIS} minutes: ${String(error)}`,
    );
  }
}

function plan(
  request: ReconciliationRequest,
  publisher: ReconcilablePublisher,
  ports: JobPorts,
  coveredUntil: number | undefined,
): Job {
  const { settings, clock } = ports;
  // The rest of a window keeps its ends, or its pages would be others.
  if ('start' in request) return { outOfReachMillis: 0, ...request };
  const now = clock.now();
  const earliest = notBefore(settings, publisher.comparableSince);
  if ('run' in request) {
    const { isBackfill, ...wanted } = scheduledWindow(request.run, settings, coveredUntil, now);
    const reason = isBackfill ? 'backfill' : request.run;
    return {
      ...identity(request.sid, reason, true),
      window: clamp(wanted, earliest, now),
      outOfReachMillis: 0,
    };
  }
  const { window, reason, dryRun, acceptChanges } = request;
  const outOfReachMillis = Math.max(0, now - LONGEST_LOOK_BACK_MILLIS - window.from);
  return {
    ...identity(request.sid, reason, false),
    window: clamp(window, earliest, now),
    dryRun,
    acceptChanges,
    outOfReachMillis,
  };
}

const identity = (sid: string, reason: RunReason, isScheduled: boolean) => ({
  sid,
  reason,
  isScheduled,
  runId: newRunId(reason),
  parts: 1,
});

async function compareWindow(
  job: Job,
  publisher: ReconcilablePublisher,
  ports: JobPorts,
  keepLease: () => Promise<boolean>,
): Promise<RunResult> {
  const { clock, remainingMillis } = ports;
  const { window } = job;
  const readPage = await ports.open(
    publisher,
    () => clock.now() + remainingMillis() - SHUTDOWN_RESERVE_MILLIS,
  );
  return run(
    {
      ...job,
      walk: ports.walk,
      // Reading the whole time that Rakuten keeps, day after day, is what shows that a line is
      // gone.
      findsWithdrawn: job.reason === 'daily' || job.acceptChanges === true,
      listsDifferences: job.reason === 'manual',
    },
    {
      ...ports,
      readPage,
      clock: { now: () => clock.now(), pause: (millis) => clock.sleep(millis) },
    },
    {
      isTimeUp: () => remainingMillis() < PAGE_MILLIS,
      onProgress: async ({ reached, counts }) => {
        ports.onProgress?.({
          job,
          counts,
          done: (reached - window.from) / (window.to - window.from),
        });
        if (!(await keepLease())) throw new Error(TAKEN_OVER);
      },
    },
  );
}

async function continueRun(
  job: Job,
  start: Position,
  holder: string,
  ports: JobPorts,
): Promise<void> {
  if (job.parts >= MAX_PARTS)
    throw new Error(
      `the window is not done after ${job.parts} runs; the schedule continues with it`,
    );
  const { sid, runId, reason, isScheduled, window, dryRun, acceptChanges, failures = [] } = job;
  await ports.continueInNewInvocation({
    sid,
    runId,
    holder,
    reason,
    isScheduled,
    window,
    start,
    parts: job.parts + 1,
    ...(dryRun === true ? { dryRun } : {}),
    ...(acceptChanges === true ? { acceptChanges } : {}),
    ...(failures.length > 0 ? { failures } : {}),
  });
}
