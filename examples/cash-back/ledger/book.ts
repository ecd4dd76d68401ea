import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { TransactionEvent } from 'cdk-rakuten-postback/client';
import {
  differences,
  type Line,
  lineName,
  type Order,
  orderName,
  type Share,
  shares,
  toLine,
} from './order';

/** How often an event is tried when other events change the same items. */
const MAX_TRIES = 20;

/**
 * Maximum number of unverified lines in an order. It keeps the order below DynamoDB's 400 KB, and
 * its changes below 100 writes, so that forged lines cannot block verified ones.
 */
const MAX_UNVERIFIED_LINES = 40;

type Item = Record<string, AttributeValue>;

/** An order before and after an event. */
interface OrderChange {
  readonly name: string;
  readonly version?: string;
  readonly before: Order;
  readonly after: Order;
}

/**
 * The ledger in DynamoDB:
 *
 * - an item per line: its latest event, and the order under which it is booked,
 * - an item per order: its lines,
 * - an item per member and currency: the balance.
 *
 * An event changes them in one transaction, which succeeds only if line and orders are as read. So
 * repeated, late and simultaneous events are booked once.
 */
export class Book {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
    private readonly percent: string,
  ) {}

  /**
   * Books an event. You can call it again with the same event.
   *
   * @returns whether the event was newer than the line's latest one
   */
  async book(event: TransactionEvent): Promise<boolean> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const writes = await this.writesOf(event);
      if (writes === undefined) return false;
      try {
        await this.client.send(new TransactWriteItemsCommand({ TransactItems: writes }));
        return true;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
    }
    throw new Error(`Other events changed the same items ${MAX_TRIES} times.`);
  }

  private async writesOf(event: TransactionEvent): Promise<TransactWriteItem[] | undefined> {
    const line = lineName(event.transaction);
    const known = await this.read(`line#${line}`);
    const sequence = known?.version?.S;
    if (sequence !== undefined && BigInt(sequence) >= BigInt(event.sequence_number))
      return undefined;

    const order = orderName(event.transaction);
    const names = new Set([known?.order?.S, order].filter((name) => name !== undefined));
    const changes = await Promise.all(
      [...names].map((name) =>
        this.orderChange(name, line, name === order ? toLine(event.transaction) : undefined),
      ),
    );
    const sharesOf = (state: 'before' | 'after'): Share[] =>
      changes.flatMap((change) => shares(change[state], this.percent));
    return [
      this.put(
        `line#${line}`,
        order === undefined ? {} : { order: { S: order } },
        event.sequence_number,
        sequence,
      ),
      ...changes.map(({ name, after, version }) =>
        this.put(`order#${name}`, { lines: { S: JSON.stringify(after) } }, event.eventID, version),
      ),
      ...differences(sharesOf('before'), sharesOf('after')).map((share) =>
        this.addToBalance(share),
      ),
    ];
  }

  /** @param line the line as it is now in this order; undefined if it is no longer there */
  private async orderChange(
    name: string,
    key: string,
    line: Line | undefined,
  ): Promise<OrderChange> {
    const item = await this.read(`order#${name}`);
    const before = JSON.parse(item?.lines?.S ?? '{}') as Order;
    const { [key]: known, ...others } = before;
    if (line !== undefined && line.verified_at === undefined && known === undefined)
      assertRoom(others);
    return {
      name,
      version: item?.version?.S,
      before,
      after: line === undefined ? others : { ...others, [key]: line },
    };
  }

  private async read(pk: string): Promise<Item | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({
        TableName: this.tableName,
        Key: { pk: { S: pk }, sk: { S: 'current' } },
        ConsistentRead: true,
      }),
    );
    return Item;
  }

  /** Replaces an item if its version is the one that was read. */
  private put(
    pk: string,
    attributes: Item,
    version: string,
    readVersion: string | undefined,
  ): TransactWriteItem {
    return {
      Put: {
        TableName: this.tableName,
        Item: { pk: { S: pk }, sk: { S: 'current' }, version: { S: version }, ...attributes },
        ...(readVersion === undefined
          ? { ConditionExpression: 'attribute_not_exists(pk)' }
          : {
              ConditionExpression: 'version = :read',
              ExpressionAttributeValues: { ':read': { S: readVersion } },
            }),
      },
    };
  }

  private addToBalance({ member, currency, pending, earned }: Share): TransactWriteItem {
    return {
      Update: {
        TableName: this.tableName,
        Key: { pk: { S: `member#${member}` }, sk: { S: `balance#${currency}` } },
        UpdateExpression: 'ADD pending :pending, earned :earned',
        ExpressionAttributeValues: {
          ':pending': { N: pending.toFixed() },
          ':earned': { N: earned.toFixed() },
        },
      },
    };
  }
}

/** Rejects an unverified line in a full order. Its event then waits in the dead-letter queue. */
function assertRoom(order: Order): void {
  const unverified = Object.values(order).filter(({ verified_at }) => verified_at === undefined);
  if (unverified.length >= MAX_UNVERIFIED_LINES)
    throw new Error(`The order has ${MAX_UNVERIFIED_LINES} unverified lines already.`);
}

/** Whether another event was booked on one of the items meanwhile. */
const isConflict = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).every(({ Code }) =>
    ['None', 'ConditionalCheckFailed', 'TransactionConflict'].includes(Code ?? 'None'),
  );
