import type { HttpSend } from './http';
import type { Clock } from './retry';

const MINUTE_MILLIS = 60_000;

/**
 * Sends at most so many requests in any sixty seconds; more wait. The Events API answers 100 calls a minute and the rest with 403, and a refused call
 * counts as well, so it is better not to make it.
 */
export function limitedSend(send: HttpSend, clock: Clock, callsPerMinute: number): HttpSend {
  const recent: number[] = [];
  return async (request) => {
    for (;;) {
      const now = clock.now();
      // A clock that was set back must not leave times of the future in the way.
      while (recent[0] !== undefined && (recent[0] <= now - MINUTE_MILLIS || recent[0] > now)) recent.shift();
      const oldest = recent[0];
      if (oldest === undefined || recent.length < callsPerMinute) break;
      await clock.sleep(oldest + MINUTE_MILLIS - now);
    }
    recent.push(clock.now());
    return send(request);
  };
}
