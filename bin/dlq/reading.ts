import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type DeadLetter, deadLetter } from '../../core/dead-letters/letter';
import { FailureNotes } from '../../core/dead-letters/notes';
import { DeadLetterQueue, type HeldMessage, type QueueCounts } from '../../core/dead-letters/queue';
import { Publishers } from '../../core/store/publishers';
import type { CommandContext } from '../cli/command';
import { CliError, EXIT, usageError } from '../cli/errors';
import { type GlobalOptions, requireResource } from '../cli/installation';
import { writeLine } from '../cli/terminal';

export interface DlqOptions extends GlobalOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly output?: string;
  /** `false` with --no-wait. */
  readonly wait?: boolean;
}

export type DlqContext = CommandContext<DlqOptions>;

/** A message and what it tells. */
export interface Entry {
  readonly message: HeldMessage;
  readonly letter: DeadLetter;
}

/** What is in the dead-letter queue, hidden from others until it is given back. */
export interface Reading {
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly queue: DeadLetterQueue;
  readonly notes: FailureNotes;
  /** As SQS counted before. */
  readonly counts: QueueCounts;
  /** The oldest first: SQS deletes it first. */
  readonly entries: readonly Entry[];
}

/**
 * Reads the whole dead-letter queue and works on what is in it. Afterwards every message is back in the queue but for those that `work` says it has done away
 * with, also when it fails.
 */
export async function withDeadLetters<T>(
  context: DlqContext,
  work: (reading: Reading, away: (messages: readonly HeldMessage[]) => void) => Promise<T>,
): Promise<T> {
  const { installation, sqs, dynamodb, queue, notes } = await open(context);
  const publishers = await Publishers.read(dynamodb, requireResource(installation, 'stateTableName'));
  const counts = await queue.counts();
  const held = new Set<HeldMessage>();
  try {
    for await (const page of queue.receive(counts.waiting)) for (const message of page) held.add(message);
    const noted = await notes.read([...held].map(({ id }) => id));
    const entries = [...held]
      .sort((a, b) => a.sentAt - b.sentAt)
      .map((message) => ({ message, letter: deadLetter(message, publishers, noted.get(message.id), counts.keptSeconds) }));
    return await work({ sqs, dynamodb, queue, notes, counts, entries }, (messages) => {
      for (const message of messages) held.delete(message);
    });
  } finally {
    await queue.giveBack([...held]);
  }
}

async function open(context: DlqContext) {
  const installation = await context.installation();
  const sqs = new SQSClient(installation.aws('sqs'));
  const dynamodb = new DynamoDBClient(installation.aws('dynamodb'));
  const queue = new DeadLetterQueue(sqs, requireResource(installation, 'deadLetterQueueUrl'), {
    // The embedded queue is one server, and answers whole.
    waitSeconds: installation.kind === 'local' ? 0 : 1,
    signal: context.terminal.signal,
  });
  return { installation, sqs, dynamodb, queue, notes: new FailureNotes(dynamodb, requireResource(installation, 'stateTableName')) };
}

/** Forgets why messages failed that are no more. Without it DynamoDB forgets the notes when their time is over. */
export async function forget({ terminal }: DlqContext, { notes }: Reading, messages: readonly HeldMessage[]): Promise<void> {
  try {
    await notes.remove(messages.map(({ id }) => id));
  } catch (error) {
    await writeLine(terminal.stderr, `the notes of why they failed stay until they expire: ${(error as Error).name}`);
  }
}

/** Fewer letters would soon name several messages. */
const SHORTEST_ID = 4;

/** The messages that the command line names, by their ids or how these begin. Throws when one is not there. */
export function chosen({ args }: DlqContext, { entries, counts }: Reading): readonly Entry[] {
  if (args.length === 0) return entries;
  const found = args.map((id) => {
    const [entry, ...more] = entries.filter(({ message }) => message.id.startsWith(id.toLowerCase()));
    if (entry === undefined) throw new CliError(`no message ${id} is in the dead-letter queue${elsewhere(counts)}`, EXIT.nothing);
    if (more.length > 0) throw usageError(`${id} names ${more.length + 1} messages: give more of the id`);
    return entry;
  });
  return [...new Set(found)];
}

/** Why a message that was there may not be seen. */
export function elsewhere({ held }: QueueCounts): string {
  if (held === 0) return '';
  return `; somebody else holds about ${held} at the moment (another "dlq" command, the console or a redrive): look again in a minute`;
}

/** Checks which messages are meant. Without ids it is all of them; where that could do harm, only with `--all`. */
export function checkChoice({ args, options }: DlqContext, isHarmless: boolean): void {
  if (options.all === true && args.length > 0) throw usageError('--all means every message: give ids or --all');
  if (!isHarmless && options.all !== true && args.length === 0)
    throw usageError('say which messages: their ids (see "dlq list"), or --all');
  const short = args.find((id) => id.length < SHORTEST_ID);
  if (short !== undefined)
    throw usageError(`'${short}' is too short for the beginning of a message's id: give ${SHORTEST_ID} letters or more`);
}
