import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/**
 * A message that was received and not released yet: hidden from others until its visibility
 * timeout.
 */
export interface ReceivedMessage {
  readonly id: string;
  readonly body: string;
  readonly receiptHandle: string;
  /**
   * When it was put into the queue, milliseconds since 1970. A move to the dead-letter queue does
   * not change it, and the retention period counts from it.
   */
  readonly sentAt: number;
  /** How often it was received, readings of the dead-letter queue included. */
  readonly receives: number;
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
}

/** Approximate numbers of messages. */
export interface QueueCounts {
  readonly waiting: number;
  /** Received by another reader, and neither deleted nor released. */
  readonly inFlight: number;
  /** The queue's retention period, counted from when a message was sent. */
  readonly retentionSeconds: number;
}

/** SQS's limits for one call. */
export const MESSAGES_PER_CALL = 10;
/**
 * A queue is spread over servers, and an answer may miss the slow ones: this many empty answers end
 * a reading.
 */
const EMPTY_ANSWERS = 3;
/**
 * Long enough to read the queue to its end. After a reader that was killed, the messages are back
 * after this time.
 */
const SHORTEST_VISIBILITY_SECONDS = 60;
const LONGEST_VISIBILITY_SECONDS = 43_200;
const MESSAGES_READ_PER_SECOND = 50;

export interface DeadLetterQueueOptions {
  /** Long polling time of a receive call, in seconds. @default 1 */
  readonly waitSeconds?: number;
  /** Ends a reading early. */
  readonly signal?: AbortSignal;
}

/**
 * The dead-letter queue, read the only way that SQS offers: each message is received, which hides
 * it from others for a while, and released. That counts as a receive, which is harmless here: no
 * message leaves a dead-letter queue by its number of receives.
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
        AttributeNames: [
          'ApproximateNumberOfMessages',
          'ApproximateNumberOfMessagesNotVisible',
          'MessageRetentionPeriod',
        ],
      }),
    );
    return {
      waiting: Number(Attributes?.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0),
      retentionSeconds: Number(Attributes?.MessageRetentionPeriod ?? 0),
    };
  }

  /**
   * Receives every visible message, page by page, each message once. The caller releases or removes
   * each of them.
   *
   * @param expected approximate number of messages; they are hidden long enough to read this many
   */
  async *receive(expected: number): AsyncGenerator<ReceivedMessage[]> {
    const visibilitySeconds = Math.min(
      SHORTEST_VISIBILITY_SECONDS + Math.ceil(expected / MESSAGES_READ_PER_SECOND),
      LONGEST_VISIBILITY_SECONDS,
    );
    const seen = new Set<string>();
    let emptyAnswers = 0;
    while (emptyAnswers < EMPTY_ANSWERS && this.options.signal?.aborted !== true) {
      const messages = (await this.receivePage(visibilitySeconds)).filter(
        ({ id }) => !seen.has(id),
      );
      for (const { id } of messages) seen.add(id);
      if (messages.length > 0) {
        emptyAnswers = 0;
        yield messages;
      } else if (seen.size >= expected) return;
      else emptyAnswers += 1;
    }
  }

  /**
   * Makes the messages visible to others again. A message that cannot be released is visible after
   * its timeout.
   */
  async release(messages: readonly ReceivedMessage[]): Promise<void> {
    for (const page of pages(messages)) {
      const Entries = page.map(({ receiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: 0,
      }));
      await this.client.send(
        new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.url, Entries }),
      );
    }
  }

  /** Deletes messages and returns those that could not be deleted. */
  async remove(messages: readonly ReceivedMessage[]): Promise<ReceivedMessage[]> {
    const left: ReceivedMessage[] = [];
    for (const page of pages(messages)) {
      const Entries = page.map(({ receiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle: receiptHandle,
      }));
      const { Failed = [] } = await this.client.send(
        new DeleteMessageBatchCommand({ QueueUrl: this.url, Entries }),
      );
      left.push(...page.filter((_, index) => Failed.some(({ Id }) => Id === String(index))));
    }
    return left;
  }

  private async receivePage(visibilitySeconds: number): Promise<ReceivedMessage[]> {
    const { signal, waitSeconds = 1 } = this.options;
    try {
      const { Messages = [] } = await this.client.send(
        new ReceiveMessageCommand({
          QueueUrl: this.url,
          MaxNumberOfMessages: MESSAGES_PER_CALL,
          VisibilityTimeout: visibilitySeconds,
          WaitTimeSeconds: waitSeconds,
          MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount'],
          MessageAttributeNames: ['All'],
        }),
        { abortSignal: signal },
      );
      return Messages.map(receivedMessage);
    } catch (error) {
      // Messages of an aborted call are visible again after their timeout. SQS has at most 120,000
      // messages in flight: the rest is for the next reading.
      if (signal?.aborted === true || (error instanceof Error && error.name === 'OverLimit'))
        return [];
      throw error;
    }
  }
}

function receivedMessage({
  MessageId = '',
  Body = '',
  ReceiptHandle = '',
  Attributes = {},
  MessageAttributes = {},
}: Message): ReceivedMessage {
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
  for (let start = 0; start < items.length; start += MESSAGES_PER_CALL)
    yield items.slice(start, start + MESSAGES_PER_CALL);
}
