import type { EventsWindow, ReadPage } from '../rakuten/events';
import type { Position, WalkOptions } from '../rakuten/events-walk';
import type { Clock } from '../rakuten/retry';
import type { Comparison } from './compare';
import type { Counts } from './counts';
import type { NoteStore } from './note';
import type { RowReader, SendMessages } from './ports';
import type { ReconcilablePublisher } from './publisher';
import type { ContinuedRequest, ReconciliationRequest } from './request';
import { type RunResult, run } from './run';
import { newRunId, type RunReason } from './run-id';
import type { ReconciliationSettings } from './settings';
import { clamp, coveredAfter, LONGEST_LOOK_BACK_MILLIS, scheduledWindow } from './window';

/** What a run on AWS works with. */
export interface JobPorts {
  readonly settings: ReconciliationSettings;
  /** Opens the publisher's account; `until` gives the time by which a call must have ended. */
  readonly open: (publisher: ReconcilablePublisher, until: () => number) => Promise<ReadPage>;
  readonly rows: RowReader;
  readonly send: SendMessages;
  readonly notes: NoteStore;
  readonly clock: Clock;
  /** What is left of the function's time. */
  readonly remainingMillis: () => number;
  /** Starts a run for the rest, without waiting for it. */
  readonly handOn: (rest: ContinuedRequest) => Promise<void>;
  /** How pages are read. @default - as Rakuten is known to take it */
  readonly walk?: WalkOptions;
  readonly onProgress?: (progress: JobProgress) => void;
  readonly onWarning?: (message: string) => void;
  readonly onComparison?: (comparison: Comparison) => void;
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
  /** How much of what was asked for is longer ago than Rakuten tells. Milliseconds. */
  readonly outOfReachMillis: number;
}

export interface JobProgress {
  readonly job: Job;
  readonly counts: Counts;
  /** How much of the window is compared, 0 to 1. */
  readonly done: number;
}

/** `busy`: another run had the publisher all the time. `empty`: there is nothing that could be read now. `continues`: another invocation does the rest. */
export type JobOutcome =
  | { readonly outcome: 'busy' | 'empty'; readonly job?: Job }
  | { readonly outcome: 'done' | 'continues'; readonly job: Job; readonly counts: Counts };

const MINUTE_MILLIS = 60_000;
/** A call to Rakuten may take three minutes of patience, and its page must still be sent. */
const PAGE_MILLIS = 4 * MINUTE_MILLIS;
/** What a call leaves for telling that it failed. */
const FAREWELL_MILLIS = 20_000;
/** With less than that a run that waited for another one does not begin. */
const LEAST_WORK_MILLIS = 7 * MINUTE_MILLIS;
/** Longer than a page takes, so that only a run that was killed loses the lease. */
const LEASE_MILLIS = PAGE_MILLIS + MINUTE_MILLIS;
const LEASE_POLL_MILLIS = 10_000;
/** Lambda ends a function that has started itself 16 times; so many runs of a quarter of an hour read millions of lines. */
const MAX_PARTS = 15;

/** Runs what is asked for, alone on this publisher, and hands the rest on when the function's time comes to its end. Throws when Rakuten, AWS or the credentials fail. */
export async function reconcile(request: ReconciliationRequest, publisher: ReconcilablePublisher, ports: JobPorts): Promise<JobOutcome> {
  const { notes, clock } = ports;
  const holder = 'holder' in request ? request.holder : newRunId('lease');
  const take = (): Promise<boolean> => notes.takeLease(publisher.sid, holder, clock.now(), clock.now() + LEASE_MILLIS);
  while (!(await take())) {
    if (ports.remainingMillis() - LEASE_POLL_MILLIS < LEAST_WORK_MILLIS) return { outcome: 'busy' };
    await clock.sleep(LEASE_POLL_MILLIS);
  }
  let isHandedOn = false;
  try {
    const { coveredUntil } = await notes.read(publisher.sid);
    const job = plan(request, publisher, ports, coveredUntil);
    if (job.window.from >= job.window.to) return { outcome: 'empty', job };
    const { counts, next } = await compareWindow(job, publisher, ports, take);
    if (next === undefined) {
      await notes.write(job.sid, { coveredUntil: coveredAfter(job.window, job.isScheduled, coveredUntil), succeededAt: clock.now() });
      return { outcome: 'done', job, counts };
    }
    await handOn(job, next, holder, ports);
    isHandedOn = true;
    return { outcome: 'continues', job, counts };
  } finally {
    // The rest takes the lease over: a run that came in between would begin anew, and a long window would never be done.
    if (!isHandedOn) await release(publisher.sid, holder, ports);
  }
}

/** A lease that is not given back ends by itself; what the run did, or why it failed, must not be hidden by that. */
async function release(sid: string, holder: string, { notes, onWarning }: JobPorts): Promise<void> {
  try {
    await notes.releaseLease(sid, holder);
  } catch (error) {
    onWarning?.(`the lease was not given back and holds up other runs for ${LEASE_MILLIS / MINUTE_MILLIS} minutes: ${String(error)}`);
  }
}

function plan(request: ReconciliationRequest, publisher: ReconcilablePublisher, ports: JobPorts, coveredUntil: number | undefined): Job {
  const { settings, clock } = ports;
  // A window that was begun stays as it is, or its pages would be others.
  if ('start' in request) return { outOfReachMillis: 0, ...request };
  const now = clock.now();
  const notBefore = Math.max(publisher.comparableSince, settings.notBefore === undefined ? 0 : Date.parse(settings.notBefore));
  if ('run' in request) {
    const { isBackfill, ...wanted } = scheduledWindow(request.run, settings, coveredUntil, now);
    const reason = isBackfill ? 'backfill' : request.run;
    return { ...identity(request.sid, reason, true), window: clamp(wanted, notBefore, now), outOfReachMillis: 0 };
  }
  const outOfReachMillis = Math.max(0, now - LONGEST_LOOK_BACK_MILLIS - request.window.from);
  return { ...identity(request.sid, request.reason, false), window: clamp(request.window, notBefore, now), outOfReachMillis };
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
  const { clock, rows, send, remainingMillis } = ports;
  const { window } = job;
  const readPage = await ports.open(publisher, () => clock.now() + remainingMillis() - FAREWELL_MILLIS);
  return run(
    { ...job, walk: ports.walk },
    {
      readPage,
      rows,
      send,
      onComparison: ports.onComparison,
      now: () => clock.now(),
      isTimeUp: () => remainingMillis() < PAGE_MILLIS,
      onProgress: async ({ reached, counts }) => {
        ports.onProgress?.({ job, counts, done: (reached - window.from) / (window.to - window.from) });
        if (!(await keepLease())) throw new Error('another run took over, as this one was too slow; nothing is lost');
      },
    },
  );
}

async function handOn(job: Job, start: Position, holder: string, ports: JobPorts): Promise<void> {
  if (job.parts >= MAX_PARTS) throw new Error(`the window is not done after ${job.parts} runs; the schedule goes on with it`);
  const { sid, runId, reason, isScheduled, window } = job;
  await ports.handOn({ sid, runId, holder, reason, isScheduled, window, start, parts: job.parts + 1 });
}
