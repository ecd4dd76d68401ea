import type { Item } from '../transactions/attributes';
import { keyText, type RowKey } from '../transactions/keys';
import type { FailureNote, FailureNotes } from './notes';

/** A message that was sent back, with the key of the row that it becomes. */
export interface Followed {
  /** Its new message id. */
  readonly id: string;
  readonly key: RowKey;
}

export interface FollowUp {
  /** Lines that are in the table. */
  readonly stored: number;
  /** Messages that have failed again by now, with what was noted. SQS tries them again. */
  readonly failedAgain: ReadonlyMap<string, FailureNote>;
  /** Neither in the table nor failed so far. */
  readonly pending: number;
}

/** Reads rows by their keys, in the order of the keys; undefined where there is no row. */
export interface RowsByKey {
  read(keys: readonly RowKey[]): Promise<(Item | undefined)[]>;
}

export interface FollowUpOptions {
  /** Asked after each check: whether to stop waiting. */
  readonly isOver: () => boolean;
  readonly pause: () => Promise<unknown>;
}

/** Waits until each line is in the table or has failed again, or `isOver`. */
export async function followUp(
  sent: readonly Followed[],
  rows: RowsByKey,
  notes: FailureNotes,
  { isOver, pause }: FollowUpOptions,
): Promise<FollowUp> {
  let pending = sent;
  for (;;) {
    const missing = await missingRows(pending, rows);
    pending = pending.filter(({ key }) => missing.has(keyText(key)));
    const failedAgain = await notes.read(pending.map(({ id }) => id));
    if (pending.length === failedAgain.size || isOver()) {
      return {
        stored: sent.length - pending.length,
        failedAgain,
        pending: pending.length - failedAgain.size,
      };
    }
    await pause();
  }
}

/** Redeliveries of a line have one row, and DynamoDB accepts each key once per call. */
async function missingRows(sent: readonly Followed[], rows: RowsByKey): Promise<Set<string>> {
  const keys = new Map(sent.map(({ key }) => [keyText(key), key]));
  const found = await rows.read([...keys.values()]);
  return new Set([...keys.keys()].filter((_, index) => found[index] === undefined));
}
