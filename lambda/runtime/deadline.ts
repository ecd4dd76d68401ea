/** Work that was not done in time. */
export class LateError extends Error {}

/**
 * The result of some work, or an error when it is not there in time. The work is not stopped: it must be of a kind that may also end later.
 *
 * @param millis how long to wait
 * @param work what is waited for
 * @param late the message of that error
 */
export async function inTime<T>(millis: number, work: Promise<T>, late: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const alarm = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LateError(late)), millis);
  });
  try {
    return await Promise.race([work, alarm]);
  } finally {
    clearTimeout(timer);
  }
}
