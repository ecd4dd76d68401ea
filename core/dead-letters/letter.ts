import type { Publishers } from '../store/publishers';
import { type Contents, contentsOf } from './contents';
import type { FailureNote } from './notes';
import type { HeldMessage } from './queue';
import { type Reason, reasonOf } from './reasons';
import { redrivesOf } from './redrive';

/** A message of the dead-letter queue, told so that a person can decide what becomes of it. Nothing secret. */
export interface DeadLetter extends Reason {
  readonly id: string;
  readonly contents: Contents;
  /** What the consumer noted, word for word. */
  readonly noted?: string;
  /** When it last failed, ISO 8601 UTC; absent where nothing is noted. */
  readonly failedAt?: string;
  /** When SQS deletes it, ISO 8601 UTC. */
  readonly deletedAt: string;
  /** How often it was sent back before and failed again. */
  readonly redrives: number;
  readonly redrivenAt?: string;
}

export function deadLetter(message: HeldMessage, publishers: Publishers, note: FailureNote | undefined, keptSeconds: number): DeadLetter {
  const contents = contentsOf(message.body, publishers);
  const { count, at } = redrivesOf(message);
  return {
    id: message.id,
    contents,
    ...reasonOf(note?.reason, contents.kind),
    noted: note?.reason,
    failedAt: isoTime(note?.failedAt),
    deletedAt: isoTime(message.sentAt + keptSeconds * 1000) ?? '',
    redrives: count,
    redrivenAt: isoTime(at),
  };
}

/** Whether sending it back can make a row of it. The consumer turns away what has no accepted secret, and then it is gone. */
export const canSucceed = ({ contents: { kind } }: Pick<DeadLetter, 'contents'>): boolean =>
  kind !== 'unrecognised' && kind !== 'unreadable';

const isoTime = (millis: number | undefined): string | undefined =>
  millis === undefined || Number.isNaN(millis) ? undefined : new Date(millis).toISOString();
