import type { RowField } from '../core/rakuten/postback/fields';

/**
 * A transaction line as the fake Rakuten knows it: Rakuten's field names, values as a push writes
 * them (dates in ISO 8601).
 */
export type LineRecord = { readonly [F in RowField]?: string };

/** A line that the Events API returns. */
export interface ReturnedLine {
  /** As the ledger has it. */
  readonly line: LineRecord;
  /** As the Events API prints it, before it becomes JSON. */
  readonly record: LineRecord;
}

/** The content of a publisher's one slot. */
export interface Slot {
  readonly url: string;
  readonly active: boolean;
}

/** The result of one push. Exactly one of `status`, `error` and `skipped` is set. */
export interface PushResult {
  /** The endpoint's HTTP status; only 200 counts as acknowledged. */
  readonly status?: number;
  /** Time from opening the connection to the end of the answer (or to giving up). */
  readonly millis: number;
  /** Why there was no answer: `timeout`, or Node's error code. */
  readonly error?: string;
  /** Why nothing was sent. */
  readonly skipped?: 'no postback' | 'disabled';
}

export interface PushStatistics {
  /** GETs that were sent. */
  readonly sent: number;
  /** Answered 200 inside the limit. */
  readonly acknowledged: number;
  readonly timeouts: number;
  /** Refused or broken connections, URLs that cannot be called. */
  readonly unreachable: number;
  /** Answered with another status than 200. */
  readonly refused: number;
  /** Not sent, as the slot was empty or switched off. */
  readonly skipped: number;
  /** How often the postback was switched off for failing. */
  readonly autoDisabled: number;
  readonly consecutiveFailures: number;
  /** Milliseconds of each acknowledged push, in order. */
  readonly acknowledgedMillis: readonly number[];
}

export type Operation = 'token' | 'create' | 'read' | 'update' | 'delete' | 'events';

/**
 * One call to the fake's API, as it was received and answered.
 *
 * `status` is 0 when the connection was dropped.
 */
export interface ApiCall {
  readonly operation: Operation | 'unknown';
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly status: number;
  readonly requestBody: string;
  readonly responseBody: string;
}

/**
 * Something that goes wrong on purpose.
 *
 * Without `status` and `connection` it only delays the true answer.
 */
export interface Fault {
  /** Which calls. @default - any */
  readonly operation?: Operation | readonly Operation[];
  /** How many matching calls are let through first. @default 0 */
  readonly skip?: number;
  /** How many matching calls are hit. @default 1 */
  readonly times?: number;
  /** Answer with this status instead. */
  readonly status?: number;
  /** Body of that answer. @default - a JSON message */
  readonly body?: string;
  /**
   * Repeat the request, with its authorization, in the body, as some gateways do in their errors.
   *
   * @default false
   */
  readonly echo?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * What happens to the connection: closed without an answer, left open without an answer, or
   * closed in the middle of the body.
   */
  readonly connection?: 'drop' | 'hang' | 'truncate';
  /** Whether the call takes effect although its answer is lost or wrong. @default false */
  readonly afterEffect?: boolean;
  /** Wait before answering. @default 0 */
  readonly delayMillis?: number;
}

/** How the fake behaves where Rakuten's documentation leaves it open. Change it at any time. */
export interface Behaviour {
  /** How a read reports an empty slot. @default 'not-found' */
  absent: 'not-found' | 'empty' | 'message';
  /** What a create does when the slot is taken. @default 'refuse' */
  createOnTaken: 'refuse' | 'overwrite';
  /** How a delete of an empty slot is answered. @default 'ok' */
  deleteAbsent: 'ok' | 'not-found';
  /** How many reads after a write still show what was there before. @default 0 */
  staleReads: number;
  /** Which authorization header the token call takes. @default 'both' */
  tokenHeader: 'both' | 'bearer' | 'basic';
  /**
   * Calls a minute before 403, for the token, the management and the events calls each.
   *
   * @default - no limit
   */
  callsPerMinute?: number;
  /** Order of the Events API's pages, which is not documented. @default 'newest-first' */
  eventsOrder: 'newest-first' | 'oldest-first';
}

export interface FakeRakutenOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /**
   * A token that is accepted for every SID and never expires, as one made by hand in the portal.
   *
   * @default - none
   */
  readonly accessToken?: string;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
  /** Port on 127.0.0.1. @default - a free one */
  readonly port?: number;
  /**
   * After how many failures in a row the postback is switched off.
   *
   * Rakuten's own number is not known. @default 10
   */
  readonly autoDisableAfter?: number;
  /** Time limit of a push. @default 400 */
  readonly timeoutMillis?: number;
}

/** A request to the API, without a socket. */
export interface ApiRequest {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly authorization?: string;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the caller sees, and when. */
export interface ApiOutcome {
  readonly delayMillis: number;
  readonly connection: 'answer' | 'drop' | 'hang' | 'truncate';
  readonly answer: ApiAnswer;
  /** The lines in an Events API answer. Empty for every other answer. */
  readonly lines: readonly ReturnedLine[];
}

export const jsonAnswer = (status: number, value: unknown): ApiAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: typeof value === 'string' ? value : JSON.stringify(value),
});

/** The error form of Rakuten's offers calls; that of the postback calls is not documented. */
export const invalidRequest = (message: string): ApiAnswer =>
  jsonAnswer(400, { message, error: 'REQUEST_PARAM_INVALID' });
