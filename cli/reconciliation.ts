import { setTimeout as wait } from 'node:timers/promises';
import type { EventsWindow } from '../core/rakuten/events-api/events';
import type { Counts, Difference } from '../core/reconciliation/counts';
import type { CommandContext } from './command';
import { CliError } from './errors';
import { invokeFunction } from './invoke';

/** The event of an invocation. */
export interface ReconciliationEvent {
  readonly sid: string;
  readonly window: EventsWindow;
  /** Reports the differences and writes nothing. */
  readonly dryRun?: true;
  /** Disables the brake. */
  readonly acceptChanges?: true;
}

/** The result of an invocation. */
export interface ReconciliationResult {
  readonly outcome: 'done' | 'empty' | 'busy' | 'continues' | 'not-reconcilable';
  /** Start of the window that was compared, ISO 8601. It may be after the requested one. */
  readonly from?: string;
  readonly counts?: Counts;
  /** At most `MAX_DIFFERENCES`. */
  readonly differences?: readonly Difference[];
  /** Changes that the brake held back. */
  readonly braked?: number;
  /** Why the publisher cannot be reconciled, and the next step. */
  readonly reason?: string;
}

/** The function lists no more differences than this. */
export const MAX_DIFFERENCES = 1000;

/** The function itself waits minutes for another run to end, so there is no need to try often. */
const BUSY_TRIES = 4;
const FIRST_BUSY_PAUSE_MILLIS = 500;

/**
 * Invokes the reconciliation function, and again while another run has the publisher.
 *
 * @param onBusy called before each new try
 * @throws CliError if the function fails, is busy all the time, or cannot reconcile the publisher
 */
export async function invokeReconciliation(
  context: CommandContext,
  { sid, window, ...options }: ReconciliationEvent,
  onBusy: (message: string) => void,
): Promise<ReconciliationResult> {
  const event = {
    sid,
    from: isoTime(window.from),
    to: isoTime(window.to),
    reason: 'manual',
    ...options,
  };
  for (let tries = 1; ; tries += 1) {
    const result = await invokeFunction<ReconciliationResult>(
      context,
      'reconciliationFunctionName',
      event,
    );
    if (result.outcome === 'not-reconcilable')
      throw new CliError(result.reason ?? `SID ${sid} cannot be reconciled`);
    if (result.outcome !== 'busy') return result;
    if (tries >= BUSY_TRIES)
      throw new CliError(
        `another reconciliation of SID ${sid} is still running. Try again when it has ended`,
      );
    onBusy(
      `another reconciliation of SID ${sid} is running: trying again (${tries + 1} of ${BUSY_TRIES})`,
    );
    await wait(FIRST_BUSY_PAUSE_MILLIS * 2 ** (tries - 1), undefined, {
      signal: context.terminal.signal,
    });
  }
}

const isoTime = (millis: number): string => new Date(millis).toISOString();

const DAY_MILLIS = 24 * 60 * 60 * 1000;

/** A window by UTC days. Two of them meet at midnight, as both ends belong to a window. */
export function splitIntoDays({ from, to }: EventsWindow): EventsWindow[] {
  const days: EventsWindow[] = [];
  for (let start = from; start < to; ) {
    const end = Math.min(to, (Math.floor(start / DAY_MILLIS) + 1) * DAY_MILLIS);
    days.push({ from: start, to: end });
    start = end;
  }
  return days;
}
