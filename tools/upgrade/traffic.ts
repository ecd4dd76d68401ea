import { setTimeout as pause } from 'node:timers/promises';
import type { FakeRakuten, LineRecord } from '../../fake-rakuten';
import { emulatorLine, lineId } from '../emulator/line';

const HOUR_MILLIS = 60 * 60 * 1000;
const PAUSE_MILLIS = 50;
/** How many pushes later a line is sent once more. A multiple of `REPEAT_EVERY` minus one. */
const REPEAT_AFTER = 43;
const REPEAT_EVERY = 4;

/**
 * Sends postbacks to the registered URLs until it is stopped: most are new lines, some repeat one.
 */
export class Traffic {
  /** IDs of the lines that the endpoint answered with 200. */
  public readonly acknowledged = new Set<string>();
  /** Pushes that the endpoint did not answer with 200, each with what happened. */
  public readonly failures: string[] = [];
  private readonly startedAt = Date.now();
  private readonly stopping = new AbortController();
  private sent = 0;
  private sending: Promise<void> = Promise.resolve();

  public constructor(
    private readonly rakuten: FakeRakuten,
    private readonly sids: readonly string[],
  ) {}

  public start(): void {
    this.sending = this.send();
    // `stop` reports a failure; until then it is no unhandled one.
    this.sending.catch(() => {});
  }

  /** Ends the traffic. Every push is answered or failed by then. */
  public async stop(): Promise<void> {
    this.stopping.abort();
    await this.sending;
  }

  /** One push of the line, which must be acknowledged. */
  public async push(line: LineRecord): Promise<void> {
    const { status, error, skipped, millis } = await this.rakuten.push(line);
    if (status === 200) this.acknowledged.add(String(line.etransaction_id));
    else
      this.failures.push(
        `${line.etransaction_id}: ${status ?? error ?? skipped} after ${millis} ms`,
      );
  }

  /** A line that no other number has. */
  public line(number: number, kind = 'TRAFFIC'): LineRecord {
    const time = new Date(this.startedAt - HOUR_MILLIS).toISOString();
    return emulatorLine(number, {
      is_event: number % 3 === 0 ? 'Y' : 'N',
      sid: String(this.sids[number % this.sids.length]),
      etransaction_id: lineId(kind, number),
      transaction_date: time,
      process_date: time,
    });
  }

  private async send(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const number = this.sent++;
      const repeats = number % REPEAT_EVERY === REPEAT_EVERY - 1;
      await this.push(this.line(repeats ? Math.max(0, number - REPEAT_AFTER) : number));
      await pause(PAUSE_MILLIS);
    }
  }
}
