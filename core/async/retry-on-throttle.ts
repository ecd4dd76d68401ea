import { backoffMillis } from './backoff';
import { TimeoutError, withTimeout } from './with-timeout';

/** How DynamoDB says that there are too many calls. */
const THROTTLING_ERRORS = new Set(['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded']);

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
export async function retryOnThrottle<T>(work: () => Promise<T>, deadline: number, message: string, { now, pause }: Clock): Promise<T> {
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

const isThrottling = (error: unknown): boolean => error instanceof Error && THROTTLING_ERRORS.has(error.name);

export const throttlePauseMillis = (tries: number, random = Math.random): number =>
  backoffMillis(tries, FIRST_PAUSE_MILLIS, LONGEST_PAUSE_MILLIS, random);
