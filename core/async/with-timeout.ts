import { UserError } from '../errors';

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
export async function withTimeout<T>(millis: number, work: Promise<T>, message: string): Promise<T> {
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
