import { setTimeout as pause } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  type DeleteMessageBatchRequestEntry,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { LOCAL_REGION } from '../embedded/clients';
import { FunctionError } from './function-error';
import type { LocalFunction } from './local-function';

/** SQS hands out and deletes at most ten messages a call. */
const MESSAGES_PER_CALL = 10;
const LONG_POLL_SECONDS = 20;

export interface EventSourceDefinition {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly batchSize: number;
  /** How long to gather messages for a batch once there is one; 0 sends what is there. */
  readonly batchingWindowSeconds: number;
  readonly reportBatchItemFailures: boolean;
  /** How many batches may be processed at once. */
  readonly concurrency: number;
  /** SQS could not be read or a batch not deleted; reading goes on. */
  readonly onTrouble?: (message: string) => void;
  /** After each batch, with the number of messages deleted and left in the queue. */
  readonly onBatch?: (outcome: {
    readonly deleted: number;
    readonly left: number;
    readonly error?: FunctionError;
  }) => void;
}

/** Where time comes from. */
interface Time {
  /** Milliseconds since 1970. */
  now(): number;
  sleep(millis: number): Promise<unknown>;
}

const REAL_TIME: Time = { now: Date.now, sleep: pause };

/**
 * Reads a queue for a function as Lambda's event source mapping does: only what the function
 * acknowledged is deleted.
 */
export class EventSource<T extends Pick<LocalFunction, 'invoke'> = LocalFunction> {
  private readonly abort = new AbortController();
  private readonly loops: Promise<void>[];

  public constructor(
    private readonly client: SQSClient,
    public readonly target: T,
    private readonly definition: EventSourceDefinition,
    private readonly time: Time = REAL_TIME,
  ) {
    this.loops = Array.from({ length: definition.concurrency }, () => this.poll());
  }

  /**
   * Stops reading and waits for the batches that are at work; their messages stay in the queue if
   * they do not end.
   */
  public async close(): Promise<void> {
    this.abort.abort();
    await Promise.all(this.loops);
  }

  private async poll(): Promise<void> {
    while (!this.abort.signal.aborted) {
      try {
        const messages = await this.nextBatch();
        if (messages.length > 0) await this.process(messages);
      } catch (error) {
        if (this.abort.signal.aborted) return;
        // SQS is ill: what was not deleted comes back by itself.
        this.definition.onTrouble?.(
          `reading ${this.definition.queueUrl}: ${error instanceof Error ? error.message : String(error)}`,
        );
        await this.time.sleep(100);
      }
    }
  }

  private async nextBatch(): Promise<Message[]> {
    const { batchSize, batchingWindowSeconds } = this.definition;
    const messages = await this.receive(Math.min(batchSize, MESSAGES_PER_CALL), LONG_POLL_SECONDS);
    if (messages.length === 0) return messages;
    const until = this.time.now() + batchingWindowSeconds * 1000;
    while (messages.length < batchSize) {
      const secondsLeft = Math.ceil((until - this.time.now()) / 1000);
      const wait = secondsLeft > 0 ? Math.min(secondsLeft, 1) : 0;
      const more = await this.receive(
        Math.min(batchSize - messages.length, MESSAGES_PER_CALL),
        wait,
      );
      messages.push(...more);
      if (more.length === 0 && this.time.now() >= until) break;
    }
    return messages;
  }

  private async receive(MaxNumberOfMessages: number, WaitTimeSeconds: number): Promise<Message[]> {
    const { Messages } = await this.client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.definition.queueUrl,
        MaxNumberOfMessages,
        WaitTimeSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: this.abort.signal },
    );
    return Messages ?? [];
  }

  private async process(messages: Message[]): Promise<void> {
    let acknowledged: Message[] = [];
    let failure: FunctionError | undefined;
    try {
      const response = await this.target.invoke({
        Records: messages.map((message) => this.toRecord(message)),
      } satisfies SQSEvent);
      acknowledged = this.definition.reportBatchItemFailures
        ? acknowledgedOf(messages, response, idOf)
        : messages;
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      failure = error;
    }
    await this.delete(acknowledged);
    this.definition.onBatch?.({
      deleted: acknowledged.length,
      left: messages.length - acknowledged.length,
      error: failure,
    });
  }

  private async delete(messages: readonly Message[]): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (let start = 0; start < messages.length; start += MESSAGES_PER_CALL) {
      const Entries = messages.slice(start, start + MESSAGES_PER_CALL).map(
        ({ ReceiptHandle }, index): DeleteMessageBatchRequestEntry => ({
          Id: String(index),
          ReceiptHandle,
        }),
      );
      calls.push(
        this.client.send(
          new DeleteMessageBatchCommand({ QueueUrl: this.definition.queueUrl, Entries }),
        ),
      );
    }
    await Promise.all(calls);
  }

  private toRecord({
    MessageId = '',
    ReceiptHandle = '',
    Body = '',
    MD5OfBody = '',
    Attributes = {},
  }: Message): SQSRecord {
    return {
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: Body,
      attributes: Attributes as unknown as SQSRecord['attributes'],
      messageAttributes: {},
      md5OfBody: MD5OfBody,
      eventSource: 'aws:sqs',
      eventSourceARN: this.definition.queueArn,
      awsRegion: LOCAL_REGION,
    };
  }
}

/**
 * What the function acknowledged. As in Lambda, a response without a list acknowledges everything,
 * and one that names a message which is not in the batch (or names it wrongly) acknowledges
 * nothing.
 */
export function acknowledgedOf<M>(
  messages: readonly M[],
  response: unknown,
  idOf: (message: M) => string,
): M[] {
  const failures = (response as SQSBatchResponse | null)?.batchItemFailures ?? [];
  if (!Array.isArray(failures)) return [];
  const failed = new Set(failures.map((failure) => failure?.itemIdentifier));
  const known = new Set(messages.map(idOf));
  if ([...failed].some((id) => !known.has(id))) return [];
  return messages.filter((message) => !failed.has(idOf(message)));
}

const idOf = ({ MessageId = '' }: Message): string => MessageId;
