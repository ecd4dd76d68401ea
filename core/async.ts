import { UserError } from './errors';

/** Work that did not finish in time. */
export class TimeoutError extends UserError {
  constructor(problem: string) {
    super({ name: 'TimeoutError', problem });
  }
}

/**
 * The result of the work, or a TimeoutError.
 *
 * The work is not stopped: it must be of a kind that may also end later.
 *
 * @param message of the error
 */
export async function withTimeout<T>(
  millis: number,
  work: Promise<T>,
  message: string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(message)), millis);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Pause before the next try, in milliseconds: random, so that callers who failed together do not
 * return together, and up to twice as long with each try.
 *
 * @param tries failed tries so far, 1 or more
 */
export function backoffMillis(
  tries: number,
  firstMillis: number,
  longestMillis: number,
  random = Math.random,
): number {
  return random() * Math.min(longestMillis, firstMillis * 2 ** (tries - 1));
}

/** How DynamoDB says that there are too many calls. */
const THROTTLING_ERRORS = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
]);

/** Longest pause before the second try; it doubles with each try, up to the other. */
const FIRST_PAUSE_MILLIS = 250;
const LONGEST_PAUSE_MILLIS = 4_000;

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly pause: (millis: number) => Promise<unknown>;
}

/**
 * The result of the work, repeated while DynamoDB throttles it, until the deadline.
 *
 * A consumer that waits here takes no further messages: it becomes as slow as the table, and a
 * burst uses up none of the tries that SQS counts. Rejects with DynamoDB's own error.
 *
 * @param work may be done twice, and may end later
 * @param deadline milliseconds since 1970
 * @param message of the TimeoutError if nothing was throttled
 */
export async function retryOnThrottle<T>(
  work: () => Promise<T>,
  deadline: number,
  message: string,
  { now, pause }: Clock,
): Promise<T> {
  let throttled: unknown;
  const repeated = async (): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (!isThrottling(error)) throw error;
        throttled = error;
        const millis = throttlePauseMillis(tries);
        if (now() + millis >= deadline) throw error;
        await pause(millis);
      }
    }
  };
  try {
    return await withTimeout(deadline - now(), repeated(), message);
  } catch (error) {
    throw error instanceof TimeoutError && throttled !== undefined ? throttled : error;
  }
}

const isThrottling = (error: unknown): boolean =>
  error instanceof Error && THROTTLING_ERRORS.has(error.name);

export const throttlePauseMillis = (tries: number, random = Math.random): number =>
  backoffMillis(tries, FIRST_PAUSE_MILLIS, LONGEST_PAUSE_MILLIS, random);

/** A function that runs what it is given, at most `limit` at a time, in the order of the calls. */
export function limitConcurrency(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    // A finished call passes its place on directly, so that no later call can take it.
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
