import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { rowKeyOf } from '../../core/dead-letters/contents';
import { type DeadLetter, deadLetter } from '../../core/dead-letters/letter';
import { FailureNotes } from '../../core/dead-letters/notes';
import {
  DeadLetterQueue,
  type QueueCounts,
  type ReceivedMessage,
} from '../../core/dead-letters/queue';
import { Publishers } from '../../core/state/publishers';
import type { RowKey } from '../../core/transactions/keys';
import type { CommandContext } from '../command';
import { CliError, EXIT, usageError } from '../errors';
import { type GlobalOptions, requireResource } from '../installation';
import { writeLine } from '../terminal';

export interface DlqOptions extends GlobalOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly output?: string;
  /** `false` with --no-wait. */
  readonly wait?: boolean;
}

export type DlqContext = CommandContext<DlqOptions>;

/** A message and its explanation. */
export interface Entry {
  readonly message: ReceivedMessage;
  readonly letter: DeadLetter;
  /** The row that it becomes. Not for output: a forged message can have our secret in an ID. */
  readonly key: RowKey | undefined;
}

/** The content of the dead-letter queue, hidden from others until it is released. */
export interface Reading {
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly queue: DeadLetterQueue;
  readonly notes: FailureNotes;
  /** SQS's counts before the reading. */
  readonly counts: QueueCounts;
  /** The oldest first: SQS deletes it first. */
  readonly entries: readonly Entry[];
  readonly publishers: Publishers;
}

/**
 * Reads the whole dead-letter queue and runs `process` on it. Afterwards every message is visible
 * again, also after a failure, except those that `process` reports as removed.
 */
export async function withDeadLetters<T>(
  context: DlqContext,
  process: (
    reading: Reading,
    markRemoved: (messages: readonly ReceivedMessage[]) => void,
  ) => Promise<T>,
): Promise<T> {
  const { installation, sqs, dynamodb, queue, notes } = await open(context);
  const publishers = await Publishers.read(
    dynamodb,
    requireResource(installation, 'stateTableName'),
  );
  const counts = await queue.counts();
  const received = new Set<ReceivedMessage>();
  try {
    for await (const page of queue.receive(counts.waiting))
      for (const message of page) received.add(message);
    const noted = await notes.read([...received].map(({ id }) => id));
    const entries = [...received]
      .sort((a, b) => a.sentAt - b.sentAt)
      .map((message) => ({
        message,
        letter: deadLetter(message, publishers, noted.get(message.id), counts.retentionSeconds),
        key: rowKeyOf(message.body, publishers),
      }));
    return await process(
      { sqs, dynamodb, queue, notes, counts, entries, publishers },
      (messages) => {
        for (const message of messages) received.delete(message);
      },
    );
  } finally {
    await queue.release([...received]);
  }
}

async function open(context: DlqContext) {
  const installation = await context.installation();
  const sqs = new SQSClient(installation.aws('sqs'));
  const dynamodb = new DynamoDBClient(installation.aws('dynamodb'));
  const queue = new DeadLetterQueue(sqs, requireResource(installation, 'deadLetterQueueUrl'), {
    // The embedded queue is one server, so one answer is complete.
    waitSeconds: installation.kind === 'local' ? 0 : 1,
    signal: context.terminal.signal,
  });
  return {
    installation,
    sqs,
    dynamodb,
    queue,
    notes: new FailureNotes(dynamodb, requireResource(installation, 'stateTableName')),
  };
}

/** Deletes the notes of messages that were removed. Notes that cannot be deleted expire. */
export async function deleteNotes(
  { terminal }: DlqContext,
  { notes }: Reading,
  messages: readonly ReceivedMessage[],
): Promise<void> {
  try {
    await notes.remove(messages.map(({ id }) => id));
  } catch (error) {
    await writeLine(
      terminal.stderr,
      `their notes could not be deleted and stay until they expire: ${(error as Error).name}`,
    );
  }
}

/** A shorter prefix would soon match several messages. */
const SHORTEST_ID = 4;

/** The messages that the command line names by id or prefix. Throws if one is not there. */
export function chosenEntries(
  { args }: DlqContext,
  { entries, counts }: Reading,
): readonly Entry[] {
  if (args.length === 0) return entries;
  const found = args.map((id) => {
    const [entry, ...more] = entries.filter(({ message }) =>
      message.id.startsWith(id.toLowerCase()),
    );
    if (entry === undefined)
      throw new CliError(
        `no message ${id} is in the dead-letter queue${inFlightNote(counts)}`,
        EXIT.nothing,
      );
    if (more.length > 0)
      throw usageError(`${id} matches ${more.length + 1} messages: give more of the id`);
    return entry;
  });
  return [...new Set(found)];
}

/** Says that messages may be hidden, if they are. */
export function inFlightNote({ inFlight }: QueueCounts): string {
  if (inFlight === 0) return '';
  return `; another reader has about ${inFlight} at the moment (a "dlq" command, the console or a redrive): try again in a minute`;
}

/**
 * Checks the ids. Without ids a command means all messages; a harmful one requires `--all` for
 * that.
 */
export function checkChoice({ args, options }: DlqContext, isHarmless: boolean): void {
  if (options.all === true && args.length > 0)
    throw usageError('--all means every message: give ids or --all, not both');
  if (!isHarmless && options.all !== true && args.length === 0)
    throw usageError('which messages? Give their ids (see "dlq list"), or --all');
  const short = args.find((id) => id.length < SHORTEST_ID);
  if (short !== undefined)
    throw usageError(
      `'${short}' is too short for a prefix of a message's id: give ${SHORTEST_ID} characters or more`,
    );
}
