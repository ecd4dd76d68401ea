import type { Context, SQSEvent } from 'aws-lambda';
import { CachedForgottenMembers } from '../../core/privacy/forgotten-members';
import { RowStore } from '../../core/transactions/row-store';
import type { Random } from '../../fake-rakuten/random';
import { Consumer } from '../../lambda/consumer/consumer';
import { LOCAL_REGION } from '../../local/embedded/clients';
import type { SimulatedClock } from './clock';
import { MortalClient, type SimulatedDynamoDb } from './dynamodb';
import { type MetricSums, SilentLog } from './observability';
import type { Received, SimulatedQueue } from './queue';
import { AS_DEPLOYED, type RowOptions, TABLES } from './settings';

export interface EventSourceOptions {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly queue: SimulatedQueue;
  readonly dynamodb: SimulatedDynamoDb;
  readonly metrics: MetricSums;
  readonly rowOptions: RowOptions;
  /** Part of the batches in which the function dies now, 0 to 1. */
  readonly dying: () => number;
  /** Whether the function can be started now. */
  readonly startable: () => boolean;
}

/** One process of the function. It keeps what it knows between invocations. */
interface Instance {
  readonly client: MortalClient;
  readonly consumer: Consumer;
}

/** How long an invocation takes without its calls to DynamoDB. */
const OVERHEAD_MILLIS = 15;
const COLD_START_MILLIS = 600;
/** A process is replaced now and then without a reason. */
const RECYCLED = 0.002;
const RETRY_START_MILLIS = 20_000;

/**
 * Lambda's poller of the queue: batches for the consumer, up to the concurrency limit.
 *
 * Deletes only acknowledged messages.
 */
export class EventSource {
  public batches = 0;
  public deaths = 0;
  private readonly idle: Instance[] = [];
  private running = 0;
  private gathering = false;

  public constructor(private readonly options: EventSourceOptions) {
    options.queue.onVisible = () => this.gather();
  }

  /** A deployment replaces the code: every process is a new one. */
  public replaceProcesses(): void {
    this.idle.length = 0;
  }

  /** Waits until a batch is full or the window is over. */
  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    this.options.clock.spawn(async () => {
      const { clock, queue, startable } = this.options;
      if (queue.visibleCount < AS_DEPLOYED.batchSize) await clock.sleep(AS_DEPLOYED.batchingWindowMillis);
      while (!startable()) await clock.sleep(RETRY_START_MILLIS);
      this.gathering = false;
      this.start();
    });
  }

  private start(): void {
    const { clock, queue } = this.options;
    while (queue.visibleCount > 0 && this.running < AS_DEPLOYED.maxConcurrency) {
      const messages = queue.receive(AS_DEPLOYED.batchSize);
      if (messages.length === 0) return;
      this.running += 1;
      clock.spawn(async () => {
        await this.invoke(messages);
        this.running -= 1;
        if (queue.visibleCount > 0) this.gather();
      });
    }
  }

  private async invoke(messages: readonly Received[]): Promise<void> {
    const { clock, random, queue, dying } = this.options;
    this.batches += 1;
    const instance = await this.process();
    const end = clock.now() + AS_DEPLOYED.timeoutMillis;
    const dies = random.chance(dying());
    // It may die before its first call, in the middle, or when everything is written and nothing is
    // deleted.
    const death = dies ? instance.client.dieAfter(random.integer(0, Math.ceil(messages.length * 1.5))) : new Promise<void>(() => {});
    const context = { awsRequestId: `invocation-${this.batches}`, getRemainingTimeInMillis: () => end - clock.now() } as Context;
    const response = await Promise.race([
      instance.consumer.handle({ Records: messages.map(record) }, context),
      death.then(() => undefined),
      clock.sleep(AS_DEPLOYED.timeoutMillis).then(() => undefined),
    ]);
    await clock.sleep(OVERHEAD_MILLIS);
    if (response === undefined || dies) {
      instance.client.die();
      this.deaths += 1;
      return;
    }
    const failed = new Set(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    queue.delete(messages.filter(({ messageId }) => !failed.has(messageId)));
    if (!random.chance(RECYCLED)) this.idle.push(instance);
  }

  private async process(): Promise<Instance> {
    const { clock, dynamodb, metrics, rowOptions } = this.options;
    const warm = this.idle.pop();
    if (warm !== undefined) return warm;
    await clock.sleep(COLD_START_MILLIS);
    const client = new MortalClient(dynamodb);
    const times = { now: () => clock.now(), pause: (millis: number) => clock.sleep(millis) };
    const forgotten = new CachedForgottenMembers(client, TABLES.state, times.now);
    const consumer = new Consumer({
      client,
      stateTableName: TABLES.state,
      rows: new RowStore({ client, tableName: TABLES.transactions, clock: times, forgotten, ...rowOptions }),
      forgotten,
      log: new SilentLog(),
      metrics,
      ...times,
    });
    return { client, consumer };
  }
}

const record = ({ messageId, body, receiveCount, sentAt }: Received): SQSEvent['Records'][number] => ({
  messageId,
  receiptHandle: messageId,
  body,
  attributes: {
    ApproximateReceiveCount: String(receiveCount),
    SentTimestamp: String(sentAt),
    SenderId: 'local',
    ApproximateFirstReceiveTimestamp: String(sentAt),
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:${LOCAL_REGION}:000000000000:postbacks`,
  awsRegion: LOCAL_REGION,
});
