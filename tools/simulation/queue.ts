import type { Random } from '../../fake-rakuten/random';
import type { SimulatedClock } from './clock';

/** A received message. */
export interface Received {
  readonly messageId: string;
  readonly body: string;
  /** How often it has been received, this time included. */
  readonly receiveCount: number;
  readonly sentAt: number;
}

interface Message {
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

/** The latest that a message comes again which was delivered twice. */
const DUPLICATE_WITHIN_MILLIS = 120_000;

/**
 * A standard queue of SQS in memory. A received message is hidden until it is deleted or its
 * visibility timeout is over. Messages come in any order, some twice, and end in the dead-letter
 * queue when they were received too often.
 */
export class SimulatedQueue {
  public readonly deadLetters: Message[] = [];
  /** Messages that were ever sent, and messages that were received after they had been deleted. */
  public sent = 0;
  public duplicated = 0;
  /** Called when there is a message to receive. */
  public onVisible: () => void = () => {};
  private readonly visible: Message[] = [];
  private hidden = 0;

  public constructor(private readonly options: QueueOptions) {}

  public send(body: string): string {
    this.sent += 1;
    const messageId = `message-${this.sent}`;
    this.show({ messageId, body, sentAt: this.options.clock.now(), receiveCount: 0, deleted: false });
    return messageId;
  }

  /** Receives messages in no order. Each is hidden from now on. */
  public receive(most: number): Received[] {
    const { clock, random, visibilityTimeoutMillis, maxReceiveCount, duplicates } = this.options;
    const received: Message[] = [];
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

  /** Deletes processed messages. A copy that is already on its way still comes. */
  public delete(messages: readonly Received[]): void {
    for (const message of messages as readonly Message[]) message.deleted = true;
  }

  /** An operator moves the dead letters back. Returns how many. */
  public redrive(): number {
    const messages = this.deadLetters.splice(0);
    for (const message of messages) this.show({ ...message, receiveCount: 0 });
    return messages.length;
  }

  public get visibleCount(): number {
    return this.visible.length;
  }

  /** Messages that are neither deleted nor in the dead-letter queue. */
  public get depth(): number {
    return this.visible.filter(({ deleted }) => !deleted).length + this.hidden;
  }

  private show(message: Message): void {
    this.visible.push(message);
    this.onVisible();
  }

  private hide(message: Message, over: Promise<void>): void {
    this.hidden += 1;
    this.options.clock.spawn(async () => {
      await over;
      this.hidden -= 1;
      if (!message.deleted) this.show(message);
    });
  }

  private repeat(message: Message): void {
    const { clock, random } = this.options;
    this.duplicated += 1;
    this.hide({ ...message, receiveCount: 1 }, clock.sleep(random.next() * DUPLICATE_WITHIN_MILLIS));
  }

  private takeAny(random: Random): Message {
    const place = random.integer(0, this.visible.length - 1);
    const taken = this.visible[place] as Message;
    const last = this.visible.pop() as Message;
    if (place < this.visible.length) this.visible[place] = last;
    return taken;
  }
}
