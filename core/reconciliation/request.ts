import { randomUUID } from 'node:crypto';
import { UserError } from '../errors';
import type { EventsWindow } from '../rakuten/events-api/events';
import type { Position } from '../rakuten/events-api/paginate-events';

/** A run of the schedule: its window follows from the clock. */
export interface ScheduledRequest {
  readonly sid: string;
  readonly run: 'hourly' | 'daily';
}

/** A run over a window of choice. */
export interface WindowRequest {
  readonly sid: string;
  readonly window: EventsWindow;
  readonly reason: RunReason;
  /** Only report; write nothing. @default false */
  readonly dryRun?: boolean;
  /** Apply changes of verified lines that the brake would hold back. @default false */
  readonly acceptChanges?: boolean;
}

/** The rest of a run that had no time left. */
export interface ContinuedRequest extends WindowRequest {
  readonly runId: string;
  /** Under which name the run has the publisher, so that no other run comes in between. */
  readonly holder: string;
  readonly start: Position;
  /** How many runs it took so far. */
  readonly parts: number;
  /** Lines that could not be written so far, each with the reason. */
  readonly failures?: readonly string[];
  readonly isScheduled: boolean;
}

export type ReconciliationRequest = ScheduledRequest | WindowRequest | ContinuedRequest;

/** An event that asks for nothing the function knows. */
const requestError = (problem: string): UserError =>
  new UserError({
    name: 'RequestError',
    problem:
      `${problem}. The function takes {"sid": "3900112", "run": "hourly" | "daily"}, ` +
      'or {"sid": "3900112", "from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", ' +
      '"reason": "a-word"} (to: now by default; "dryRun": true only reports, ' +
      '"acceptChanges": true disables the brake)',
  });

/** Reads the event of an invocation. Throws for an event that the function does not know. */
export function parseRequest(event: unknown, now: number): ReconciliationRequest {
  const { sid, run, from, to, reason, dryRun, acceptChanges, rest } = (
    typeof event === 'object' && event !== null ? event : {}
  ) as Record<string, unknown>;
  if (typeof sid !== 'string' || !/^\d{1,10}$/.test(sid))
    throw requestError(`sid is ${JSON.stringify(sid)}, not a publisher id`);
  // What `continuation` wrote. Nobody else writes it.
  if (rest !== undefined) return { sid, ...(rest as Omit<ContinuedRequest, 'sid'>) };
  if (run === 'hourly' || run === 'daily') return { sid, run };
  if (run !== undefined)
    throw requestError(`run is ${JSON.stringify(run)}, neither hourly nor daily`);
  const window = { from: instant('from', from), to: to === undefined ? now : instant('to', to) };
  if (window.from >= window.to) throw requestError('from is not before to');
  return {
    sid,
    window,
    reason: typeof reason === 'string' && /^[a-z0-9-]{1,40}$/i.test(reason) ? reason : 'request',
    ...(flag('dryRun', dryRun) ? { dryRun: true } : {}),
    ...(flag('acceptChanges', acceptChanges) ? { acceptChanges: true } : {}),
  };
}

/** The event that asks for the rest of a run. */
export const continuation = ({
  sid,
  ...rest
}: ContinuedRequest): Readonly<Record<string, unknown>> => ({ sid, rest });

function flag(name: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw requestError(`${name} is ${JSON.stringify(value)}, neither true nor false`);
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Milliseconds since 1970 of a time with its zone; not a number for anything else, also for a day
 * that the engine would move into the next month.
 */
export function parseTime(text: string): number {
  const day = text.slice(0, 10);
  const midnight = ISO_TIME.test(text) ? Date.parse(day) : Number.NaN;
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day)
    ? Date.parse(text)
    : Number.NaN;
}

function instant(name: string, value: unknown): number {
  const millis = typeof value === 'string' ? parseTime(value) : Number.NaN;
  if (Number.isNaN(millis))
    throw requestError(
      `${name} is ${JSON.stringify(value)}, not a time such as 2026-03-01T00:00:00Z`,
    );
  return millis;
}

/**
 * Why a reconciliation runs: a schedule, the first run of an installation, the command line, or a
 * word of the caller.
 */
export type RunReason = 'hourly' | 'daily' | 'backfill' | 'manual' | (string & {});

/**
 * Names a run, in its log lines and in the archive. A row without postbacks has it as `request_id`.
 */
export const newRunId = (reason: RunReason): string => `${reason}-${randomUUID()}`;
