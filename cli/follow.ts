import type { DayListOptions, Transaction, TransactionsClient } from '../client';
import { dayBefore } from './options';

const MINUTE = 60_000;

/**
 * How far back every read goes. The index sorts lines by their arrival, but a line appears there
 * later: after it was in the queue, and after the index has caught up.
 */
export const OVERLAP_MILLIS = 15 * MINUTE;

/** Lines that are new in the day index since the last read, each once. */
export class NewLines {
  /** Lines that were returned (or existed before the start), with their arrival. */
  private readonly seen = new Map<string, string>();
  private lastRead: Date;

  constructor(
    private readonly transactions: TransactionsClient,
    private readonly start: Date,
    /** Number of processing days to read, today included. */
    private readonly days: number,
    private readonly timeZone: string,
    private readonly options: Pick<DayListOptions, 'kind' | 'verifiedOnly'> = {},
  ) {
    this.lastRead = start;
  }

  /** Skips lines that arrived before `since`. Later ones are returned by the first `next`. */
  async skipKnown(since: Date): Promise<void> {
    for (const line of await this.read(this.start)) {
      if (line.received_at < since.toISOString()) this.seen.set(keyOf(line), line.received_at);
    }
    if (since < this.lastRead) this.lastRead = since;
  }

  /** The lines that appeared since the last read, in the order of their arrival. */
  async next(now: Date): Promise<Transaction[]> {
    const lines = (await this.read(now)).filter((line) => !this.seen.has(keyOf(line)));
    for (const line of lines) this.seen.set(keyOf(line), line.received_at);
    this.lastRead = now;
    this.forget();
    return lines;
  }

  private async read(now: Date): Promise<Transaction[]> {
    const receivedFrom = new Date(this.lastRead.getTime() - OVERLAP_MILLIS);
    const { timeZone } = this;
    const days = {
      from: dayBefore(this.days - 1, now, timeZone),
      to: dayBefore(-1, now, timeZone),
    };
    const lines: Transaction[] = [];
    for await (const line of this.transactions.byDay(days, {
      ...this.options,
      receivedFrom,
      timeZone,
    }))
      lines.push(line);
    return lines.sort((a, b) => (a.received_at < b.received_at ? -1 : 1));
  }

  /** Forgets lines that no later read returns. */
  private forget(): void {
    const horizon = new Date(this.lastRead.getTime() - OVERLAP_MILLIS).toISOString();
    for (const [key, receivedAt] of this.seen) if (receivedAt < horizon) this.seen.delete(key);
  }
}

const keyOf = (line: Transaction): string => `${line.line_id} ${line.is_event}`;
