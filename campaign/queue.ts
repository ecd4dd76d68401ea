import type { Random } from '../local/random';
import type { SimulatedClock } from './clock';

/** A message that was handed out. */
export interface Received {
  readonly messageId: string;
  readonly body: string;
  /** How often it has been handed out, this time included. */
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
  /** Which part of the messages comes a second time although it was deleted: delivery is at least once. */
  readonly duplicates: number;
}

/** The latest that a message comes again which was delivered twice. */
const DUPLICATE_WITHIN_MILLIS = 120_000;

/**
 * A standard queue of SQS in memory: a message that is handed out is hidden until it is deleted or its time is over, comes to the dead-letter queue when it was
 * handed out too often, comes in any order and now and then once more.
 */
export class SimulatedQueue {
  public readonly deadLetters: Message[] = [];
  /** Messages that were ever sent, and that were handed out although they had been deleted. */
  public sent = 0;
  public duplicated = 0;
  /** Called when there is something to hand out. */
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

  /** Hands out some of what is there, in no order. Each message is hidden from now on. */
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

  /** What was processed goes for good; a copy that is on its way already still comes. */
  public delete(messages: readonly Received[]): void {
    for (const message of messages as readonly Message[]) message.deleted = true;
  }

  /** The operator moves what could not be processed back. Returns how many. */
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
