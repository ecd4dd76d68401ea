import {
  type BatchGetItemCommandOutput,
  GetItemCommand,
  type GetItemCommandOutput,
  ProvisionedThroughputExceededException,
} from '@aws-sdk/client-dynamodb';
import type { Random } from '../../fake-rakuten/random';
import type { Row } from '../../local/verify';
import { rowKeyOf } from './expectation';
import { type MemoryDynamoDb, OfflineClient } from './memory-dynamodb';
import { TABLES } from './settings';
import type { World } from './world';

type Item = Row;

interface Named {
  Limit?: number;
  readonly TableName?: string;
  readonly Item?: Item;
  readonly Key?: Item;
  readonly RequestItems?: Readonly<Record<string, { readonly Keys?: readonly Item[] }>>;
}

/** Small, so that a reader has to turn pages as with the megabyte of AWS. */
const ITEMS_PER_PAGE = 400;
/** How long a call takes. Milliseconds. */
const FASTEST = 2;
const SLOWEST = 14;
/** The SDK retries a throttled call before it gives up. */
const TRIES = 4;
const FIRST_PAUSE_MILLIS = 50;
/** Of the calls of a throttled table some take effect before they are answered with an error. */
const ANSWER_LOST = 0.02;

/**
 * The client that the functions get. Every call takes simulated time, so that writers of one row
 * come between each other's reads and writes. It fails as planned: after the SDK's tries, or with
 * keys that are left out of a batch.
 */
export class SimulatedDynamoDb extends OfflineClient {
  /** Calls by the name of the command. */
  public readonly calls = new Map<string, number>();

  public constructor(
    private readonly world: World,
    private readonly random: Random,
    private readonly server: MemoryDynamoDb,
  ) {
    super();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the SDK has one overload for each command
  public override async execute(command: any): Promise<unknown> {
    const { random } = this;
    const { clock } = this.world;
    const input = command.input as Named;
    const name = (command as object).constructor.name;
    if (name === 'QueryCommand') input.Limit ??= ITEMS_PER_PAGE;
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    const tableName = input.TableName ?? Object.keys(input.RequestItems ?? {})[0] ?? '';
    for (let tries = 1; ; tries += 1) {
      await clock.sleep(FASTEST + random.next() * (SLOWEST - FASTEST));
      if (!random.chance(this.throttled(tableName))) return this.answer(command, tableName, input);
      if (input.RequestItems !== undefined && random.chance(0.5))
        return this.partly(command, input.RequestItems);
      if (random.chance(ANSWER_LOST)) await this.answer(command, tableName, input);
      if (tries === TRIES) {
        const message =
          'The level of configured provisioned throughput for the table was exceeded.';
        throw new ProvisionedThroughputExceededException({
          $metadata: { httpStatusCode: 400 },
          message,
        });
      }
      await clock.sleep(FIRST_PAUSE_MILLIS * 2 ** tries * random.next());
    }
  }

  /** Part of the calls to this table that is throttled now. */
  private throttled(tableName: string): number {
    const { clock, incidents } = this.world;
    return incidents.severity(
      tableName === TABLES.state ? 'state table throttled' : 'transaction table throttled',
      clock.now(),
    );
  }

  private async answer(
    command: object,
    tableName: string,
    { Item: item, Key: key = {} }: Named,
  ): Promise<unknown> {
    const answer = await this.world.clock.stopDuring(this.server.execute(command));
    if (tableName !== TABLES.transactions) return answer;
    if (item !== undefined) this.written(item);
    else if (command.constructor.name === 'UpdateItemCommand')
      this.written(await this.read(tableName, key));
    return answer;
  }

  private written(row: Row): void {
    const { clock, lineDiary, observer } = this.world;
    lineDiary.stored(rowKeyOf(row), clock.now());
    observer.written(row);
  }

  /** Straight from the table, without taking simulated time. */
  private async read(TableName: string, Key: Item): Promise<Item> {
    const reading = this.server.execute(
      new GetItemCommand({ TableName, Key, ConsistentRead: true }),
    );
    return ((await this.world.clock.stopDuring(reading)) as GetItemCommandOutput).Item ?? {};
  }

  /** A batch of which every other key is left for another call. */
  private async partly(
    // biome-ignore lint/suspicious/noExplicitAny: as above
    command: any,
    requests: NonNullable<Named['RequestItems']>,
  ): Promise<unknown> {
    const half = (rest: number) =>
      Object.fromEntries(
        Object.entries(requests).map(([table, { Keys = [], ...how }]) => [
          table,
          { ...how, Keys: Keys.filter((_, i) => i % 2 === rest) },
        ]),
      );
    const now = new command.constructor({ ...command.input, RequestItems: half(0) });
    const answer = (await this.world.clock.stopDuring(
      this.server.execute(now),
    )) as BatchGetItemCommandOutput;
    const left = Object.fromEntries(
      Object.entries(half(1)).filter(([, { Keys }]) => Keys.length > 0),
    );
    return { ...answer, UnprocessedKeys: { ...answer.UnprocessedKeys, ...left } };
  }
}

/**
 * The client of a process that ends: from then on it gets no answers, and its calls have no effect.
 */
export class MortalClient extends OfflineClient {
  private callsLeft = Number.POSITIVE_INFINITY;
  private onDeath: () => void = () => {};

  public constructor(private readonly inner: SimulatedDynamoDb) {
    super();
  }

  /** The process ends after this number of calls. Resolves when it has ended. */
  public dieAfter(calls: number): Promise<void> {
    this.callsLeft = calls;
    return new Promise((resolve) => {
      this.onDeath = resolve;
    });
  }

  public die(): void {
    this.callsLeft = 0;
  }

  /** Throws when the process has ended. For calls of it that do not use this client. */
  public checkAlive(): void {
    if (this.callsLeft > 0) return;
    this.onDeath();
    throw new Error('the process of the function has ended');
  }

  public override async execute(command: unknown): Promise<unknown> {
    this.checkAlive();
    this.callsLeft -= 1;
    return this.inner.execute(command);
  }
}
