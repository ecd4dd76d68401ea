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

/** The wait before try number `tries + 1`: doubling, and jittered over its upper half so that callers that failed together do not come back together. */
export function backoffMillis({ firstMillis, maxMillis }: Backoff, tries: number, random: number): number {
  const ceiling = Math.min(maxMillis, firstMillis * 2 ** Math.max(0, tries - 1));
  return Math.round(ceiling * (0.5 + random / 2));
}

/** `Retry-After` as milliseconds: seconds or an HTTP date. Undefined when it is absent or makes no sense. */
export function retryAfterMillis(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
