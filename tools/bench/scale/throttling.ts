import { throttlePauseMillis } from '../../../core/async/retry-on-throttle';
import { Random } from '../../../fake-rakuten/random';

/** Messages that are written at the same time to a key that accepts fewer. */
export interface Throttled {
  readonly invocations: number;
  readonly batchSize: number;
  /** Limit of the key. */
  readonly writesPerSecond: number;
  /** How long an invocation retries. */
  readonly patienceMillis: number;
}

const TICK_MILLIS = 10;
const TICKS_PER_SECOND = 1000 / TICK_MILLIS;
const SECONDS = 75;
/** Simulated size. More invocations on a key with a higher limit give the same share. */
const PLAYED_WRITES_PER_SECOND = 100;

interface Batch {
  open: number;
}
interface Message {
  readonly batch: Batch;
  readonly end: number;
  tried: number;
}

/**
 * Share of the messages that an invocation gives up while the queue never runs empty.
 *
 * Simulated in steps of 10 ms, with the pauses that the consumer makes.
 */
export function shareGivenUp({ batchSize, patienceMillis, ...asked }: Throttled): number {
  const writesPerSecond = PLAYED_WRITES_PER_SECOND;
  const invocations = Math.ceil((asked.invocations * PLAYED_WRITES_PER_SECOND) / asked.writesPerSecond);
  const random = new Random(1);
  const due: Message[][] = Array.from({ length: SECONDS * TICKS_PER_SECOND }, () => []);
  const at = (tick: number, message: Message): unknown => due[tick]?.push(message);
  const begin = (tick: number): void => {
    const batch: Batch = { open: batchSize };
    const end = tick + patienceMillis / TICK_MILLIS;
    for (let i = 0; i < batchSize; i++) at(tick + random.integer(0, 15), { batch, end, tried: 0 });
  };
  for (let i = 0; i < invocations; i++) begin(random.integer(0, 200));

  let [room, written, givenUp] = [0, 0, 0];
  for (const [tick, messages] of due.entries()) {
    room = Math.min(writesPerSecond, room + writesPerSecond / TICKS_PER_SECOND);
    for (const message of messages) {
      message.tried += 1;
      if (room >= 1) {
        room -= 1;
        written += 1;
      } else {
        const next = tick + Math.ceil(throttlePauseMillis(message.tried, () => random.next()) / TICK_MILLIS);
        if (next < message.end) {
          at(Math.max(next, tick + 1), message);
          continue;
        }
        givenUp += 1;
      }
      message.batch.open -= 1;
      if (message.batch.open === 0) begin(tick + 1);
    }
  }
  return givenUp / Math.max(1, written + givenUp);
}
