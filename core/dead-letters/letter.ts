import type { Publishers } from '../state/publishers';
import { type Contents, contentsOf, rowKeyOf } from './contents';
import type { FailureNote } from './notes';
import type { ReceivedMessage } from './queue';
import { type Reason, reasonOf } from './reasons';
import { redrivesOf } from './redrive';
import { MASK, secretMask } from './secret-mask';

/**
 * A message of the dead-letter queue with the reason of its failure and the next step. Nothing
 * secret.
 */
export interface DeadLetter extends Reason {
  readonly id: string;
  readonly contents: Contents;
  /** The consumer's note, word for word. */
  readonly noted?: string;
  /** When it last failed, ISO 8601 UTC; absent without a note. */
  readonly failedAt?: string;
  /** When SQS deletes it, ISO 8601 UTC. */
  readonly deletedAt: string;
  /** How often it was sent back before and failed again. */
  readonly redrives: number;
  readonly redrivenAt?: string;
}

export function deadLetter(
  message: ReceivedMessage,
  publishers: Publishers,
  note: FailureNote | undefined,
  retentionSeconds: number,
): DeadLetter {
  const contents = contentsOf(message.body, publishers);
  const reason = note && maskedReason(note, message.body, publishers, contents);
  const { count, at } = redrivesOf(message);
  return {
    id: message.id,
    contents,
    ...reasonOf(reason, contents.kind),
    noted: reason,
    failedAt: isoTime(note?.failedAt),
    deletedAt: isoTime(message.sentAt + retentionSeconds * 1000) ?? '',
    redrives: count,
    redrivenAt: isoTime(at),
  };
}

/**
 * Whether a redrive can make a row of it. The consumer rejects a message without an accepted
 * secret, and then it is gone.
 */
export const canSucceed = ({ contents: { kind } }: Pick<DeadLetter, 'contents'>): boolean =>
  kind !== 'unrecognised' && kind !== 'unreadable';

/** The reason in a note, with every URL secret masked. */
export function maskedReason(
  { reason }: FailureNote,
  body: string,
  publishers: Publishers,
  contents = contentsOf(body, publishers),
): string {
  // A key has IDs in upper case, in which a secret cannot be recognised.
  const lineId = rowKeyOf(body, publishers)?.lineId;
  const shown = contents.key?.lineId ?? MASK;
  return secretMask(publishers)(lineId === undefined ? reason : reason.replaceAll(lineId, shown));
}

const isoTime = (millis: number | undefined): string | undefined =>
  millis === undefined || Number.isNaN(millis) ? undefined : new Date(millis).toISOString();
