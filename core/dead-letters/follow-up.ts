import type { RowReader } from '../reconciliation/ports';
import type { RowKey } from '../store/keys';
import type { FailureNote, FailureNotes } from './notes';

/** A message that was sent back: what to look for. */
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
  /** Of which nothing is known yet. */
  readonly pending: number;
}

export interface FollowUpOptions {
  /** Asked after each look: whether to be content with what is known. */
  readonly isOver: () => boolean;
  readonly pause: () => Promise<unknown>;
}

/** Waits until each line is in the table or has failed again, or the time is over. */
export async function followUp(
  sent: readonly Followed[],
  rows: RowReader,
  notes: FailureNotes,
  { isOver, pause }: FollowUpOptions,
): Promise<FollowUp> {
  let pending = sent;
  for (;;) {
    const missing = await missingRows(pending, rows);
    pending = pending.filter(({ key }) => missing.has(keyText(key)));
    const failedAgain = await notes.read(pending.map(({ id }) => id));
    if (pending.length === failedAgain.size || isOver()) {
      return { stored: sent.length - pending.length, failedAgain, pending: pending.length - failedAgain.size };
    }
    await pause();
  }
}

/** Redeliveries of a line have one row, and DynamoDB takes each key once. */
async function missingRows(sent: readonly Followed[], rows: RowReader): Promise<Set<string>> {
  const keys = new Map(sent.map(({ key }) => [keyText(key), key]));
  const found = await rows.read([...keys.values()]);
  return new Set([...keys.keys()].filter((_, index) => found[index] === undefined));
}

const keyText = ({ orderKey, lineKey }: RowKey): string => JSON.stringify([orderKey, lineKey]);
