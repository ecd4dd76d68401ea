import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { messageWithoutMember } from '../../core/dead-letters/message-without-member';
import { FailureNotes } from '../../core/dead-letters/notes';
import { DeadLetterQueue, type ReceivedMessage } from '../../core/dead-letters/queue';
import { type Redriven, rewrite } from '../../core/dead-letters/redrive';
import type { KnownMember } from '../../core/transactions/without-member';
import { type Reading, withDeadLetters } from '../dlq/reading';
import { requireResource } from '../installation';
import type { ForgetContext } from './options';

/** What was done to dead letters, or would be done. */
export interface ScrubbedLetters {
  readonly rewritten: number;
  /** Messages that still have the member, with the reason. */
  readonly failures: readonly string[];
  /** Dead letters that another program was reading. */
  readonly inFlight: number;
  /** Messages on their way to the consumer, which leaves the member out. */
  readonly waiting: number;
}

/** Puts copies without the member in the place of dead letters. */
export async function scrubLetters(
  context: ForgetContext,
  member: KnownMember,
  isPreview: boolean,
): Promise<ScrubbedLetters> {
  const waiting = await waitingMessages(context);
  return withDeadLetters(context, async (reading, markRemoved) => {
    const { entries, publishers, counts } = reading;
    const originals = new Map<string, ReceivedMessage>();
    const copies = entries.flatMap(({ message }): ReceivedMessage[] => {
      const body = messageWithoutMember(message.body, member, publishers);
      if (body === undefined) return [];
      originals.set(message.id, message);
      return [{ ...message, body }];
    });
    const found = { waiting, inFlight: counts.inFlight };
    if (isPreview) return { ...found, rewritten: copies.length, failures: [] };
    const now = () => context.terminal.now().getTime();
    const parts = {
      client: reading.sqs,
      deadLetters: reading.queue,
      now,
      signal: context.terminal.signal,
    };
    const { redriven, notSent } = await rewrite(parts, copies);
    const removed = redriven.filter(({ stillThere }) => !stillThere);
    markRemoved(removed.flatMap(({ message }) => originals.get(message.id) ?? []));
    await moveNotes(reading, removed);
    const failures = [
      ...notSent.map(({ message, problem }) => `${message.id} (${problem})`),
      ...redriven
        .filter(({ stillThere }) => stillThere)
        .map(({ message }) => `${message.id} (SQS did not delete it)`),
    ];
    return { ...found, rewritten: removed.length, failures };
  });
}

/** A copy has another id. Its note says why the original failed. */
async function moveNotes({ notes }: Reading, redriven: readonly Redriven[]): Promise<void> {
  const known = await notes.read(redriven.map(({ message }) => message.id));
  for (const { message, newId } of redriven) {
    const note = known.get(message.id);
    if (note !== undefined) await notes.save(newId, note);
  }
  await notes.remove([...known.keys()]);
}

/** Masks the member in the notes about failed messages. Returns their number. */
export async function scrubNotes(
  context: ForgetContext,
  member: KnownMember,
  isPreview: boolean,
): Promise<number> {
  // A note names no publisher, and the ID may be another member's there.
  if (member.sid !== undefined) return 0;
  const installation = await context.installation();
  const notes = new FailureNotes(
    new DynamoDBClient(installation.aws('dynamodb')),
    requireResource(installation, 'stateTableName'),
  );
  let changed = 0;
  for await (const [id, note] of notes.all()) {
    const reason = member.mask(note.reason);
    if (reason === note.reason) continue;
    changed += 1;
    if (!isPreview) await notes.save(id, { ...note, reason });
  }
  return changed;
}

async function waitingMessages(context: ForgetContext): Promise<number> {
  const installation = await context.installation();
  const queue = new DeadLetterQueue(
    new SQSClient(installation.aws('sqs')),
    requireResource(installation, 'queueUrl'),
  );
  const { waiting, inFlight } = await queue.counts();
  return waiting + inFlight;
}
