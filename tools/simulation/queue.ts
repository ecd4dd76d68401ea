import {
  DeleteMessageBatchCommand,
  type Message,
  type ReceiveMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Random } from '../../fake-rakuten/random';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/embedded/clients';
import type { SimulatedClock } from './clock';

/** A received message. */
export interface Received {
  readonly messageId: string;
  readonly body: string;
  /** How often it has been received, this time included. */
  readonly receiveCount: number;
  readonly sentAt: number;
}

interface QueuedMessage {
  readonly messageId: string;
  readonly body: string;
  readonly sentAt: number;
  receiveCount: number;
  deleted: boolean;
}

export interface QueueOptions {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly visibilityTimeoutMillis: number;
  readonly maxReceiveCount: number;
  /**
   * Part of the messages that is delivered again after it was deleted: delivery is at least once.
   */
  readonly duplicates: number;
}

/** How late a message may come again that was deleted. */
const DUPLICATE_WITHIN_MILLIS = 5 * 60_000;

/**
 * A standard queue with a dead-letter queue: no order, delivery at least once, a visibility
 * timeout, and dead letters that were received too often.
 */
export class SimulatedQueue {
  public readonly deadLetters: QueuedMessage[] = [];
  /** Messages that were ever sent, and messages that were received after they had been deleted. */
  public sent = 0;
  public duplicated = 0;
  private readonly visible: QueuedMessage[] = [];
  private hidden = 0;
  private waiting: (() => void)[] = [];

  public constructor(private readonly options: QueueOptions) {}

  public send(body: string): void {
    this.sent += 1;
    this.show({
      messageId: `message-${this.sent}`,
      body,
      sentAt: this.options.clock.now(),
      receiveCount: 0,
      deleted: false,
    });
  }

  /** Receives messages in no order. Each is hidden from now on. */
  public receive(most: number): Received[] {
    const { clock, random, visibilityTimeoutMillis, maxReceiveCount, duplicates } = this.options;
    const received: QueuedMessage[] = [];
    while (received.length < most && this.visible.length > 0) {
      const message = this.takeAny(random);
      if (message.deleted) continue;
      if (message.receiveCount >= maxReceiveCount) {
        this.deadLetters.push(message);
        continue;
      }
      message.receiveCount += 1;
      received.push(message);
      this.hide(message, clock.sleep(visibilityTimeoutMillis));
      if (random.chance(duplicates)) this.repeat(message);
    }
    return received;
  }

  /** Resolves when there is a message to receive, at the latest after these milliseconds. */
  public async untilVisible(millis: number): Promise<void> {
    if (this.visible.length > 0 || millis === 0) return;
    const shown = new Promise<void>((resolve) => this.waiting.push(resolve));
    await (Number.isFinite(millis)
      ? Promise.race([shown, this.options.clock.sleep(millis)])
      : shown);
  }

  /** Deletes processed messages. A copy that is already on its way still comes. */
  public delete(messages: readonly Received[]): void {
    for (const message of messages as readonly QueuedMessage[]) message.deleted = true;
  }

  /** An operator moves the dead letters back. Returns how many. */
  public redrive(): number {
    const messages = this.deadLetters.splice(0);
    for (const message of messages) this.show({ ...message, receiveCount: 0 });
    return messages.length;
  }

  /** Messages that are neither deleted nor in the dead-letter queue. */
  public get depth(): number {
    return this.visible.filter(({ deleted }) => !deleted).length + this.hidden;
  }

  private show(message: QueuedMessage): void {
    this.visible.push(message);
    for (const wake of this.waiting.splice(0)) wake();
  }

  private hide(message: QueuedMessage, over: Promise<void>): void {
    this.hidden += 1;
    this.options.clock.spawn(async () => {
      await over;
      this.hidden -= 1;
      if (!message.deleted) this.show(message);
    });
  }

  private repeat(message: QueuedMessage): void {
    const { clock, random } = this.options;
    this.duplicated += 1;
    this.hide(
      { ...message, receiveCount: 1 },
      clock.sleep(random.next() * DUPLICATE_WITHIN_MILLIS),
    );
  }

  private takeAny(random: Random): QueuedMessage {
    const place = random.integer(0, this.visible.length - 1);
    const taken = this.visible[place] as QueuedMessage;
    const last = this.visible.pop() as QueuedMessage;
    if (place < this.visible.length) this.visible[place] = last;
    return taken;
  }
}

/** The queue as the SDK's client reads it. A long poll of an empty queue ends with a message. */
export class QueueClient extends SQSClient {
  private readonly received = new Map<string, Received>();
  private receipts = 0;

  /** @param untilReadable resolves when the queue may be read */
  public constructor(
    private readonly queue: SimulatedQueue,
    private readonly untilReadable: () => Promise<void>,
  ) {
    super({ region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS, endpoint: 'http://127.0.0.1:9' });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the SDK has one overload for each command
  public override async send(command: any): Promise<any> {
    if (command instanceof DeleteMessageBatchCommand) {
      this.queue.delete(
        (command.input.Entries ?? []).map(
          ({ ReceiptHandle = '' }) => this.received.get(ReceiptHandle) as Received,
        ),
      );
      return {};
    }
    const { MaxNumberOfMessages = 1, WaitTimeSeconds = 0 } =
      command.input as ReceiveMessageCommandInput;
    await this.queue.untilVisible(
      WaitTimeSeconds > 1 ? Number.POSITIVE_INFINITY : WaitTimeSeconds * 1000,
    );
    await this.untilReadable();
    return {
      Messages: this.queue.receive(MaxNumberOfMessages).map((message) => this.handOut(message)),
    };
  }

  private handOut(message: Received): Message {
    const { messageId: MessageId, body: Body, receiveCount, sentAt } = message;
    this.receipts += 1;
    const ReceiptHandle = String(this.receipts);
    this.received.set(ReceiptHandle, message);
    return {
      MessageId,
      ReceiptHandle,
      Body,
      Attributes: { ApproximateReceiveCount: String(receiveCount), SentTimestamp: String(sentAt) },
    };
  }
}
