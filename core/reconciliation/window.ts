import type { EventsWindow } from '../rakuten/events-api/events';

const MINUTE_MILLIS = 60_000;
const HOUR_MILLIS = 60 * MINUTE_MILLIS;
const DAY_MILLIS = 24 * HOUR_MILLIS;

/**
 * How far back the Events API goes: lines that were processed less than 30 days ago (Rakuten's
 * guide, as third parties read it). A day less leaves room for clocks that differ and for a run
 * that takes long.
 */
export const LONGEST_LOOK_BACK_MILLIS = 29 * DAY_MILLIS;
/**
 * A line that was processed just now may still be on its way, to Rakuten's list or through our
 * queue.
 */
export const SETTLING_MILLIS = 2 * MINUTE_MILLIS;
/**
 * How far a run that goes on where the last one ended reaches into the time of that one, for lines
 * that turned up late and clocks that differ.
 */
const OVERLAP_MILLIS = 2 * HOUR_MILLIS;

/** What a schedule's run reads, and whether it is the installation's first one. */
export interface ScheduledWindow extends EventsWindow {
  readonly isBackfill: boolean;
}

/**
 * The window of a scheduled run. The clock alone says what it reads at least; the note of how far
 * earlier runs came (undefined: nobody ever came anywhere) can only make it longer, so a note that
 * got lost loses no line.
 */
export function scheduledWindow(
  kind: 'hourly' | 'daily',
  settings: ReconciliationSettings,
  coveredUntil: number | undefined,
  now: number,
): ScheduledWindow {
  const length =
    (kind === 'daily' ? settings.dailyWindowSeconds : settings.hourlyWindowSeconds) * 1000;
  const isBackfill = coveredUntil === undefined && settings.backfillSeconds > 0;
  const sinceLast = isBackfill
    ? now - settings.backfillSeconds * 1000
    : (coveredUntil ?? now) - OVERLAP_MILLIS;
  return { from: Math.min(now - length, sinceLast), to: now, isBackfill };
}

/**
 * The part of a window that can be read now, on whole seconds. There is none when its `from` is not
 * before its `to`.
 */
export function clamp(window: EventsWindow, notBefore: number, now: number): EventsWindow {
  const earliest = Math.max(now - LONGEST_LOOK_BACK_MILLIS, notBefore);
  return {
    from: wholeSecond(Math.max(window.from, earliest)),
    to: wholeSecond(Math.min(window.to, now - SETTLING_MILLIS)),
  };
}

const wholeSecond = (millis: number): number => Math.floor(millis / 1000) * 1000;

/**
 * How far lines are known to be compared without a gap that could be closed, after a run over this
 * window.
 *
 * @param isScheduled whether it was a window of the schedule. It begins as early as it has to;
 *   where it begins after what is covered, what lies between is beyond what Rakuten tells or was to
 *   be left alone, and waiting for it would have every run read all the time since.
 */
export function coveredAfter(
  window: EventsWindow,
  isScheduled: boolean,
  coveredUntil: number | undefined,
): number | undefined {
  if (!isScheduled && (coveredUntil === undefined || window.from > coveredUntil))
    return coveredUntil;
  return Math.max(coveredUntil ?? 0, window.to);
}

/** How an installation's reconciliation is set. The construct writes it, the function reads it. */
export interface ReconciliationSettings {
  /** How far back the hourly run looks at least. */
  readonly hourlyWindowSeconds: number;
  /** How far back the daily run looks at least. */
  readonly dailyWindowSeconds: number;
  /** How far back an installation's first run looks; 0: no further than any other. */
  readonly backfillSeconds: number;
  /** From what age on a line that the Events API does not tell is counted as unverified. */
  readonly unverifiedAfterSeconds: number;
  /** ISO 8601. Lines that Rakuten processed before are left alone. */
  readonly notBefore?: string;
}

/** Lines that Rakuten processed before this time are not compared. Milliseconds since 1970. */
export const notBefore = (settings: ReconciliationSettings, comparableSince: number): number =>
  Math.max(comparableSince, settings.notBefore === undefined ? 0 : Date.parse(settings.notBefore));
