import type { TransactionsClient } from '../client';

const DAY_MILLIS = 24 * 60 * 60 * 1000;

/** Arrival of a publisher's newest line, ISO 8601 UTC; undefined if the last days have none. */
export async function lastReceived(
  transactions: TransactionsClient,
  sid: string,
  now: Date,
  days: number,
): Promise<string | undefined> {
  for (let ago = 0; ago < days; ago += 1) {
    const day = new Date(now.getTime() - ago * DAY_MILLIS).toISOString().slice(0, 10);
    for await (const line of transactions.byDay(day, { newestFirst: true }))
      if (line.sid === sid) return line.received_at;
  }
  return undefined;
}
