import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** A message that was received and not given back yet: until its visibility timeout ends nobody else sees it. */
export interface HeldMessage {
  readonly id: string;
  readonly body: string;
  readonly receiptHandle: string;
  /** When it was put into the queue, milliseconds since 1970. A move to the dead-letter queue does not change it, and SQS deletes by it. */
  readonly sentAt: number;
  /** How often it was handed out, readings of the dead-letter queue included. */
  readonly receives: number;
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
}

/** How many messages there are, about. */
export interface QueueCounts {
  readonly waiting: number;
  /** Handed out to somebody and neither deleted nor given back. */
  readonly held: number;
  /** After how long SQS deletes a message, counted from when it was sent. */
  readonly keptSeconds: number;
}

/** SQS's limits for one call. */
export const MESSAGES_PER_CALL = 10;
/** A queue is spread over servers, and an answer may miss those that are slow: only so many empty answers mean that there is no more. */
const EMPTY_ANSWERS = 3;
/** Hidden for long enough to be read to the end; a reader that is cut off keeps nobody waiting for longer than this. */
const SHORTEST_HOLD_SECONDS = 60;
const LONGEST_HOLD_SECONDS = 43_200;
const MESSAGES_READ_A_SECOND = 50;

export interface DeadLetterQueueOptions {
  /** How long SQS may look for messages, on all of its servers, until an answer is empty. @default 1 */
  readonly waitSeconds?: number;
  /** Ends a reading early. */
  readonly signal?: AbortSignal;
}

/**
 * The dead-letter queue, read as SQS lets it be read: each message is received, which hides it from others for a while, and given back. That counts as a
 * receive, which does no harm: nothing is moved on from a dead-letter queue.
 */
export class DeadLetterQueue {
  constructor(
    private readonly client: Pick<SQSClient, 'send'>,
    readonly url: string,
    private readonly options: DeadLetterQueueOptions = {},
  ) {}

  async counts(): Promise<QueueCounts> {
    const { Attributes } = await this.client.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'MessageRetentionPeriod'],
      }),
    );
    return {
      waiting: Number(Attributes?.ApproximateNumberOfMessages ?? 0),
      held: Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0),
      keptSeconds: Number(Attributes?.MessageRetentionPeriod ?? 0),
    };
  }

  /**
   * Receives every message that nobody else has, page by page, each message once. Whoever reads sees to it that each is given back or deleted.
   *
   * @param expected about how many there are: for so many the messages are hidden long enough
   */
  async *receive(expected: number): AsyncGenerator<HeldMessage[]> {
    const holdSeconds = Math.min(SHORTEST_HOLD_SECONDS + Math.ceil(expected / MESSAGES_READ_A_SECOND), LONGEST_HOLD_SECONDS);
    const seen = new Set<string>();
    let emptyAnswers = 0;
    while (emptyAnswers < EMPTY_ANSWERS && this.options.signal?.aborted !== true) {
      const messages = (await this.receivePage(holdSeconds)).filter(({ id }) => !seen.has(id));
      for (const { id } of messages) seen.add(id);
      if (messages.length > 0) {
        emptyAnswers = 0;
        yield messages;
      } else if (seen.size >= expected) return;
      else emptyAnswers += 1;
    }
  }

  /** Shows the messages to others again. What cannot be given back comes back by itself when its time is over. */
  async giveBack(messages: readonly HeldMessage[]): Promise<void> {
    for (const page of pages(messages)) {
      const Entries = page.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }));
      await this.client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.url, Entries }));
    }
  }

  /** Deletes messages and gives those that could not be. */
  async remove(messages: readonly HeldMessage[]): Promise<HeldMessage[]> {
    const left: HeldMessage[] = [];
    for (const page of pages(messages)) {
      const Entries = page.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
      const { Failed = [] } = await this.client.send(new DeleteMessageBatchCommand({ QueueUrl: this.url, Entries }));
      left.push(...page.filter((_, index) => Failed.some(({ Id }) => Id === String(index))));
    }
    return left;
  }

  private async receivePage(holdSeconds: number): Promise<HeldMessage[]> {
    const { signal, waitSeconds = 1 } = this.options;
    try {
      const { Messages = [] } = await this.client.send(
        new ReceiveMessageCommand({
          QueueUrl: this.url,
          MaxNumberOfMessages: MESSAGES_PER_CALL,
          VisibilityTimeout: holdSeconds,
          WaitTimeSeconds: waitSeconds,
          MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount'],
          MessageAttributeNames: ['All'],
        }),
        { abortSignal: signal },
      );
      return Messages.map(heldMessage);
    } catch (error) {
      // What an answer that was cut off had in it comes back by itself. And SQS hands out 120,000 at once: the others are for the next reading.
      if (signal?.aborted === true || (error instanceof Error && error.name === 'OverLimit')) return [];
      throw error;
    }
  }
}

function heldMessage({ MessageId = '', Body = '', ReceiptHandle = '', Attributes = {}, MessageAttributes = {} }: Message): HeldMessage {
  return {
    id: MessageId,
    body: Body,
    receiptHandle: ReceiptHandle,
    sentAt: Number(Attributes.SentTimestamp),
    receives: Number(Attributes.ApproximateReceiveCount),
    attributes: MessageAttributes,
  };
}

/** Ten at a time. */
export function* pages<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += MESSAGES_PER_CALL) yield items.slice(start, start + MESSAGES_PER_CALL);
}
