import {
  answerDetails,
  RakutenError,
  type RakutenErrorDetails,
  type RakutenErrorKind,
  type RakutenOperation,
} from './errors';
import { HttpFailure, type HttpRequest, type HttpResponse, type HttpSend } from './http';
import { quote, type Redactor } from './redact';

/** What every call to Rakuten's API needs. */
export interface ApiContext {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly sid: string;
  readonly send: HttpSend;
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** Called for each try. */
  readonly onTry?: (tried: {
    operation: RakutenOperation;
    status?: number;
    failure?: string;
    millis: number;
  }) => void;
}

export interface Plan {
  readonly operation: RakutenOperation;
  /** Made anew for each try, as its token may have changed. */
  readonly request: () => Promise<Omit<HttpRequest, 'timeoutMillis'>>;
  /** Milliseconds since 1970 at which the last try must have ended. */
  readonly until: number;
  /** Whether a body is a whole answer. */
  readonly readable: (body: string, status: number) => boolean;
  /**
   * Whether the call changes something, so that a missing answer is thrown as `uncertain` at once:
   * the caller looks before it tries again.
   */
  readonly changes: boolean;
  /** Called on a 401; true when it is worth one more try. */
  readonly renew?: () => boolean;
}

const CALL_TIMEOUT_MILLIS = 15_000;
/** Rakuten that fails for so long is down: a deployment had better end and say so. */
const PATIENCE_MILLIS = 180_000;
/** The limit is counted by the minute, so two minutes tell a busy account from a missing right. */
const RATE_LIMIT_PATIENCE_MILLIS = 130_000;
/**
 * A 403 that speaks of rights is tried once more, as Rakuten documents 403 as a rate limit only.
 */
const FORBIDDEN_TRIES = 2;

interface Verdict {
  readonly kind: RakutenErrorKind;
  /** Undefined when trying again is useless. */
  readonly waitMillis?: number;
  readonly explanation?: RakutenErrorDetails['explanation'];
}

type Outcome = { readonly response: HttpResponse } | { readonly failure: HttpFailure };

/**
 * Makes a call until it succeeds, is refused for good, or its time is over. Throws a
 * `RakutenError`.
 */
export async function persist(context: ApiContext, plan: Plan): Promise<HttpResponse> {
  const { clock } = context;
  const until = Math.min(plan.until, clock.now() + PATIENCE_MILLIS);
  let limitedSince: number | undefined;
  for (let tries = 1; ; tries += 1) {
    const outcome = await attempt(context, plan);
    if (outcome !== undefined && 'response' in outcome && succeeded(outcome.response, plan))
      return outcome.response;
    const verdict = outcome === undefined ? OUT_OF_TIME : judge(outcome, plan, tries, clock);
    if (verdict.kind === 'rate-limited') limitedSince ??= clock.now();
    const patience =
      limitedSince === undefined
        ? until
        : Math.min(until, limitedSince + RATE_LIMIT_PATIENCE_MILLIS);
    if (verdict.waitMillis === undefined || clock.now() + verdict.waitMillis >= patience)
      throw failed(context, plan, verdict, outcome, tries);
    await clock.sleep(verdict.waitMillis);
  }
}

const OUT_OF_TIME: Verdict = { kind: 'unavailable' };

/** Undefined when there was no time left to begin. */
async function attempt(context: ApiContext, plan: Plan): Promise<Outcome | undefined> {
  const request = await plan.request();
  const started = context.clock.now();
  const timeoutMillis = Math.min(CALL_TIMEOUT_MILLIS, plan.until - started);
  if (timeoutMillis <= 0) return undefined;
  const report = (what: { status?: number; failure?: string }): void =>
    context.onTry?.({ operation: plan.operation, millis: context.clock.now() - started, ...what });
  try {
    const response = await context.send({ ...request, timeoutMillis });
    report({ status: response.status });
    return { response };
  } catch (failure) {
    if (!(failure instanceof HttpFailure)) throw failure;
    report({ failure: failure.reason });
    return { failure };
  }
}

const succeeded = (response: HttpResponse, plan: Plan): boolean =>
  response.status >= 200 && response.status < 300 && plan.readable(response.body, response.status);

function judge(outcome: Outcome, plan: Plan, tries: number, clock: Clock): Verdict {
  const soon = backoffMillis(SHORT_BACKOFF, tries, clock.random());
  const unanswered: Verdict = plan.changes
    ? { kind: 'uncertain' }
    : { kind: 'unavailable', waitMillis: soon };
  if ('failure' in outcome)
    return outcome.failure.reason === 'too-large' ? tooLarge(unanswered) : unanswered;
  const { status, body, headers } = outcome.response;
  if (status === 401)
    return {
      kind: plan.operation === 'token' ? 'credentials' : 'unauthorized',
      waitMillis: plan.renew?.() ? 0 : undefined,
    };
  if (status === 403) return judgeForbidden(body, tries, clock);
  // Never less than our own wait: a time that is over at once would have us ask as fast as Rakuten
  // answers.
  const asked = retryAfterMillis(headers['retry-after'], clock.now()) ?? 0;
  if (status === 429)
    return {
      kind: 'rate-limited',
      waitMillis: Math.max(asked, backoffMillis(RATE_BACKOFF, tries, clock.random())),
    };
  if (status === 408 || status >= 500) {
    return unanswered.waitMillis === undefined
      ? unanswered
      : { ...unanswered, waitMillis: Math.max(soon, asked) };
  }
  if (status >= 300 && status < 400) return { kind: 'refused', explanation: WRONG_ADDRESS };
  if (status === 404)
    return isWrongAddress(plan.operation, body)
      ? { kind: 'refused', explanation: WRONG_ADDRESS }
      : { kind: 'not-found' };
  if (status >= 400) return { kind: 'refused' };
  return { ...unanswered, explanation: UNREADABLE };
}

/** Another try would only transfer as much again. */
const tooLarge = ({ kind }: Verdict): Verdict => ({ kind, explanation: TOO_LARGE });

const TOO_LARGE = [
  'no response that Rakuten documents is so large, so a proxy or another server probably answered',
  'check rakutenApiUrl (Rakuten’s own is https://api.linksynergy.com) and any proxy in front of it',
] as const;
const WRONG_ADDRESS = [
  'something answered that does not know this path, so it is probably not Rakuten’s API',
  'check rakutenApiUrl (Rakuten’s own is https://api.linksynergy.com) and what stands between',
] as const;
const UNREADABLE = [
  'the answer is not the JSON that Rakuten documents (an error page of a proxy, or half an answer)',
  'check rakutenApiUrl; if it is Rakuten’s own, wait and deploy again',
] as const;

/**
 * Rakuten's own 404 says that there is no postback, or no line; a gateway's says that there is no
 * such path.
 */
function isWrongAddress(operation: RakutenOperation, body: string): boolean {
  if (operation === 'token') return true;
  // That there is no line in a window may be told so too; any other 404 taken for it would have
  // lines left out.
  if (operation === 'events') return !NOTHING_FOUND.test(body);
  return /no route|cannot (get|put|delete|post)|<html|<!doctype/i.test(body);
}

/** How Rakuten says that there is nothing. */
export const NOTHING_FOUND = /no (record|transaction)s? found/i;

function judgeForbidden(body: string, tries: number, clock: Clock): Verdict {
  const wait = backoffMillis(RATE_BACKOFF, tries, clock.random());
  const speaksOfRights =
    /consume|permission|not allowed|denied|forbidden|scope/i.test(body) &&
    !/exceeded|per minute|rate limit/i.test(body);
  if (!speaksOfRights) return { kind: 'rate-limited', waitMillis: wait };
  return { kind: 'forbidden', waitMillis: tries < FORBIDDEN_TRIES ? wait : undefined };
}

/** A rate limit that never ended is not told apart from a missing right by its status. */
const FINAL_KIND = (kind: RakutenErrorKind, status: number | undefined): RakutenErrorKind =>
  kind === 'rate-limited' && status === 403 ? 'forbidden' : kind;

function failed(
  context: ApiContext,
  plan: Plan,
  verdict: Verdict,
  outcome: Outcome | undefined,
  tries: number,
): RakutenError {
  const response = outcome !== undefined && 'response' in outcome ? outcome.response : undefined;
  const answer =
    response !== undefined
      ? answerDetails(response, context.redactor)
      : {
          said:
            outcome !== undefined && 'failure' in outcome
              ? quote(outcome.failure.problem, context.redactor)
              : 'no time was left to ask',
        };
  return new RakutenError({
    ...answer,
    kind: FINAL_KIND(verdict.kind, response?.status),
    operation: plan.operation,
    sid: context.sid,
    tries,
    explanation: verdict.explanation,
  });
}

/** Time and chance, so that a test can play minutes of waiting in no time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(millis: number): Promise<void>;
  /** At least 0, less than 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: Date.now,
  sleep: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
  random: Math.random,
};

export interface Backoff {
  readonly firstMillis: number;
  readonly maxMillis: number;
}

export const SHORT_BACKOFF: Backoff = { firstMillis: 500, maxMillis: 15_000 };
/** For a limit that is counted by the minute. */
export const RATE_BACKOFF: Backoff = { firstMillis: 4_000, maxMillis: 30_000 };

/**
 * The wait before try number `tries + 1`: doubling, and jittered over its upper half so that
 * callers that failed together do not come back together.
 */
export function backoffMillis(
  { firstMillis, maxMillis }: Backoff,
  tries: number,
  random: number,
): number {
  const ceiling = Math.min(maxMillis, firstMillis * 2 ** Math.max(0, tries - 1));
  return Math.round(ceiling * (0.5 + random / 2));
}

/**
 * `Retry-After` as milliseconds: seconds or an HTTP date. Undefined when it is absent or makes no
 * sense.
 */
export function retryAfterMillis(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

const MINUTE_MILLIS = 60_000;

/**
 * Sends at most so many requests in any sixty seconds; more wait. The Events API answers 100 calls
 * a minute and the rest with 403, and a refused call counts as well, so it is better not to make
 * it.
 */
export function limitedSend(send: HttpSend, clock: Clock, callsPerMinute: number): HttpSend {
  const recent: number[] = [];
  return async (request) => {
    for (;;) {
      const now = clock.now();
      // A clock that was set back must not leave times of the future in the way.
      while (recent[0] !== undefined && (recent[0] <= now - MINUTE_MILLIS || recent[0] > now))
        recent.shift();
      const oldest = recent[0];
      if (oldest === undefined || recent.length < callsPerMinute) break;
      await clock.sleep(oldest + MINUTE_MILLIS - now);
    }
    recent.push(clock.now());
    return send(request);
  };
}
