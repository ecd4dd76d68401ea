import type { DayListOptions, Transaction, TransactionsClient } from '../../client';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/**
 * How far back every look goes. A line stands in the index by the time it was received, but lands there later: as long as the
 * queue takes, and once the index has caught up.
 */
export const OVERLAP_MILLIS = 15 * MINUTE;

/** What is new in the day index since it was last looked at: each line once. */
export class NewLines {
  /** Lines that were given out (or were there before the start), and when they were received. */
  private readonly seen = new Map<string, string>();
  private lastLook: Date;

  constructor(
    private readonly transactions: TransactionsClient,
    private readonly start: Date,
    /** How many processing days to look at, today included. */
    private readonly days: number,
    private readonly options: Pick<DayListOptions, 'kind' | 'verifiedOnly'> = {},
  ) {
    this.lastLook = start;
  }

  /** Remembers what is there already, but for lines that were received since `since`, which the first look gives out. */
  async skipKnown(since: Date): Promise<void> {
    for (const line of await this.read(this.start)) {
      if (line.received_at < since.toISOString()) this.seen.set(keyOf(line), line.received_at);
    }
    if (since < this.lastLook) this.lastLook = since;
  }

  /** The lines that landed since the look before, in the order in which they were received. */
  async look(now: Date): Promise<Transaction[]> {
    const lines = (await this.read(now)).filter((line) => !this.seen.has(keyOf(line)));
    for (const line of lines) this.seen.set(keyOf(line), line.received_at);
    this.lastLook = now;
    this.forget();
    return lines;
  }

  private async read(now: Date): Promise<Transaction[]> {
    const receivedFrom = new Date(this.lastLook.getTime() - OVERLAP_MILLIS);
    const lines: Transaction[] = [];
    for (let daysAgo = this.days - 1; daysAgo >= 0; daysAgo -= 1) {
      const day = new Date(now.getTime() - daysAgo * DAY).toISOString().slice(0, 10);
      for await (const line of this.transactions.byDay(day, { ...this.options, receivedFrom })) lines.push(line);
    }
    return lines.sort((a, b) => (a.received_at < b.received_at ? -1 : 1));
  }

  /** What no later look can bring again need not be remembered. */
  private forget(): void {
    const horizon = new Date(this.lastLook.getTime() - OVERLAP_MILLIS).toISOString();
    for (const [key, receivedAt] of this.seen) if (receivedAt < horizon) this.seen.delete(key);
  }
}

const keyOf = (line: Transaction): string => `${line.order_key}\n${line.line_key}`;
