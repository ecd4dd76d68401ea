import { inTime, LateError } from './deadline';

/** How DynamoDB says that there are too many calls. */
const REFUSALS = new Set(['ProvisionedThroughputExceededException', 'ThrottlingException', 'RequestLimitExceeded']);

/** The longest pause before the second try; it doubles with each that follows, up to the other. */
const FIRST_PAUSE_MILLIS = 250;
const LONGEST_PAUSE_MILLIS = 4_000;

export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly pause: (millis: number) => Promise<unknown>;
}

/**
 * Does some work again while DynamoDB throttles it, until its time is over; then rejects with DynamoDB's refusal. So whoever waits here does not take the next messages from
 * the queue: the consumer becomes as slow as the table, and no try that SQS counts is spent on it.
 *
 * @param work must be of a kind that may be done twice, and may end later
 * @param end when the time is over, milliseconds since 1970
 * @param late the message of the error when the time is over and nothing was refused
 */
export async function whileThrottled<T>(work: () => Promise<T>, end: number, late: string, { now, pause }: Clock): Promise<T> {
  let refusal: unknown;
  const tries = async (): Promise<T> => {
    for (let tried = 1; ; tried++) {
      try {
        return await work();
      } catch (error) {
        if (!isThrottling(error)) throw error;
        refusal = error;
        const millis = pauseMillis(tried);
        if (now() + millis >= end) throw error;
        await pause(millis);
      }
    }
  };
  try {
    return await inTime(end - now(), tries(), late);
  } catch (error) {
    throw error instanceof LateError && refusal !== undefined ? refusal : error;
  }
}

const isThrottling = (error: unknown): boolean => error instanceof Error && REFUSALS.has(error.name);

/** How long to wait after so many tries: by chance, so that those who were refused together do not come back together. */
export function pauseMillis(tried: number, random = Math.random): number {
  return random() * Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS * 2 ** (tried - 1));
}
