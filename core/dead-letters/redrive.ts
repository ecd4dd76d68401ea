import {
  type MessageAttributeValue,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { errorText } from '../errors';
import { type DeadLetterQueue, MESSAGES_PER_CALL, type ReceivedMessage } from './queue';

/**
 * SQS's limit for one call. It has been raised to 1 MiB since; the smaller one holds everywhere.
 */
const BYTES_PER_CALL = 256 * 1024;

/** Attributes of a message that was sent back. The consumer ignores them. */
const REDRIVEN = { count: 'redrives', at: 'redriven_at' } as const;

/** How often a message was sent back before, and when last (milliseconds since 1970). */
export function redrivesOf({ attributes }: ReceivedMessage): {
  count: number;
  at: number | undefined;
} {
  const at = Number(attributes[REDRIVEN.at]?.StringValue);
  return {
    count: Number(attributes[REDRIVEN.count]?.StringValue ?? 0),
    at: Number.isFinite(at) ? at : undefined,
  };
}

/** A message that is in the queue again, under another id. */
export interface Redriven {
  readonly message: ReceivedMessage;
  readonly newId: string;
  /**
   * It could not be deleted from the dead-letter queue and will be sent once more. It stays one
   * row.
   */
  readonly stillThere: boolean;
}

/** A message that SQS did not accept. It is still in the dead-letter queue. */
export interface NotSent {
  readonly message: ReceivedMessage;
  readonly problem: string;
}

export interface RedriveResult {
  readonly redriven: readonly Redriven[];
  readonly notSent: readonly NotSent[];
}

export interface RedriveParts {
  readonly client: Pick<SQSClient, 'send'>;
  /** The queue that the consumer reads. `rewrite` sends to the dead-letter queue itself. */
  readonly queueUrl: string;
  readonly deadLetters: DeadLetterQueue;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Stops between two calls. */
  readonly signal?: AbortSignal;
}

/**
 * Sends messages of the dead-letter queue to the queue that the consumer reads, and deletes each
 * only after SQS has accepted it. A run that is killed in between leaves a message in both queues:
 * the consumer then receives the same delivery twice, which is one row. Never throws: failures are
 * part of the result.
 *
 * @param messages received within their visibility timeout
 */
export function redrive(
  parts: RedriveParts,
  messages: readonly ReceivedMessage[],
): Promise<RedriveResult> {
  return resend(parts, messages, (message) => markedAttributes(message, parts.now()));
}

/**
 * Puts messages with other bodies in the place of those of the dead-letter queue: first the copy,
 * then the deletion. A run that is killed in between leaves both. Both become the same row, as the
 * consumer reads the original as the copy; a line without a transaction ID becomes two, as its key
 * is a hash of its content. A copy is kept for the whole retention period again.
 *
 * @param messages received within their visibility timeout, with the new bodies
 */
export function rewrite(
  parts: Omit<RedriveParts, 'queueUrl'>,
  messages: readonly ReceivedMessage[],
): Promise<RedriveResult> {
  return resend(
    { ...parts, queueUrl: parts.deadLetters.url },
    messages,
    ({ attributes }) => attributes,
  );
}

type AttributesOf = (message: ReceivedMessage) => Readonly<Record<string, MessageAttributeValue>>;

async function resend(
  parts: RedriveParts,
  messages: readonly ReceivedMessage[],
  attributesOf: AttributesOf,
): Promise<RedriveResult> {
  const redriven: Redriven[] = [];
  const notSent: NotSent[] = [];
  let stop: string | undefined;
  for (const call of packed(messages)) {
    if (parts.signal?.aborted === true) stop ??= 'it was stopped before this one';
    if (stop === undefined) {
      try {
        const { sent, refused } = await send(parts, call, attributesOf);
        notSent.push(...refused);
        redriven.push(...(await removeSent(parts.deadLetters, sent)));
        continue;
      } catch (error) {
        // Whether SQS accepted them is unknown; they stay here, and a second delivery does no harm.
        stop = errorText(error);
      }
    }
    notSent.push(...call.map((message) => ({ message, problem: stop ?? '' })));
  }
  return { redriven, notSent };
}

type Sent = Pick<Redriven, 'message' | 'newId'>;

async function removeSent(
  deadLetters: DeadLetterQueue,
  sent: readonly Sent[],
): Promise<Redriven[]> {
  const messages = sent.map(({ message }) => message);
  const left = new Set(await deadLetters.remove(messages).catch(() => messages));
  return sent.map(({ message, newId }) => ({ message, newId, stillThere: left.has(message) }));
}

async function send(
  { client, queueUrl }: RedriveParts,
  messages: readonly ReceivedMessage[],
  attributesOf: AttributesOf,
): Promise<{ sent: readonly Sent[]; refused: readonly NotSent[] }> {
  const Entries = messages.map((message, index) => ({
    Id: String(index),
    MessageBody: message.body,
    MessageAttributes: { ...attributesOf(message) },
  }));
  const { Successful = [], Failed = [] } = await client.send(
    new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }),
  );
  const newIds = new Map(Successful.map(({ Id, MessageId = '' }) => [Id, MessageId]));
  const problems = new Map(
    Failed.map(({ Id, Code, Message }) => [
      Id,
      `${Code}${Message === undefined ? '' : `: ${Message}`}`,
    ]),
  );
  const sent: Sent[] = [];
  const refused: NotSent[] = [];
  for (const [index, message] of messages.entries()) {
    const newId = newIds.get(String(index));
    if (newId !== undefined) sent.push({ message, newId });
    else
      refused.push({
        message,
        problem: problems.get(String(index)) ?? 'SQS does not say whether it accepted it',
      });
  }
  return { sent, refused };
}

function markedAttributes(
  message: ReceivedMessage,
  now: number,
): Record<string, MessageAttributeValue> {
  const { count } = redrivesOf(message);
  return {
    ...message.attributes,
    [REDRIVEN.count]: { DataType: 'Number', StringValue: String(count + 1) },
    [REDRIVEN.at]: { DataType: 'Number', StringValue: String(now) },
  };
}

/** Messages in chunks that one call may carry. */
function packed(messages: readonly ReceivedMessage[]): ReceivedMessage[][] {
  const calls: ReceivedMessage[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const last = calls.at(-1);
    bytes += sizeOf(message);
    if (last !== undefined && last.length < MESSAGES_PER_CALL && bytes <= BYTES_PER_CALL) {
      last.push(message);
    } else {
      calls.push([message]);
      bytes = sizeOf(message);
    }
  }
  return calls;
}

/** With room for the attributes. */
const sizeOf = ({ body }: ReceivedMessage): number => Buffer.byteLength(body) + 1024;
