import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { TransactionEvent } from 'cdk-rakuten-postback/client';
import { differences, note, type Order, type Share, shares } from './order';

/** How often an order is tried that another event of it got ahead of. */
const MAX_TRIES = 20;

/**
 * The ledger in DynamoDB: one item for each order with the lines as last heard of, one for each member and currency with the balance. Both change in one transaction, which
 * succeeds only while the order is as it was read: an event that comes twice, or at the same time as another, is booked once.
 */
export class Book {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
    private readonly percent: string,
  ) {}

  /** Books an event. Says whether it brought anything new. Throws DynamoDB's errors; the event may then be booked again. */
  async book(event: TransactionEvent): Promise<boolean> {
    const key = { pk: { S: `order#${event.group}` }, sk: { S: 'order' } };
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { Item } = await this.client.send(new GetItemCommand({ TableName: this.tableName, Key: key, ConsistentRead: true }));
      const before = JSON.parse(Item?.lines?.S ?? '{}') as Order;
      const after = note(before, event);
      if (after === before) return false;
      const changes = differences(shares(before, this.percent), shares(after, this.percent));
      const writes = [
        this.putOrder({ ...key, order_key: { S: event.transaction.order_key } }, after, Item?.version?.N),
        ...changes.map((change) => this.addTo(change)),
      ];
      try {
        await this.client.send(new TransactWriteItemsCommand({ TransactItems: writes }));
        return true;
      } catch (error) {
        if (!isOvertaken(error)) throw error;
      }
    }
    throw new Error(`the order was changed by others ${MAX_TRIES} times while it was booked`);
  }

  private putOrder(key: Record<string, AttributeValue>, order: Order, version = '0'): TransactWriteItem {
    return {
      Put: {
        TableName: this.tableName,
        Item: { ...key, lines: { S: JSON.stringify(order) }, version: { N: String(Number(version) + 1) } },
        ConditionExpression: version === '0' ? 'attribute_not_exists(pk)' : '#version = :version',
        ...(version === '0'
          ? {}
          : { ExpressionAttributeNames: { '#version': 'version' }, ExpressionAttributeValues: { ':version': { N: version } } }),
      },
    };
  }

  private addTo({ member, currency, pending, earned }: Share): TransactWriteItem {
    return {
      Update: {
        TableName: this.tableName,
        Key: { pk: { S: `member#${member}` }, sk: { S: `balance#${currency}` } },
        // DynamoDB adds decimals exactly, to 38 digits.
        UpdateExpression: 'ADD pending :pending, earned :earned',
        ExpressionAttributeValues: { ':pending': { N: pending.toFixed() }, ':earned': { N: earned.toFixed() } },
      },
    };
  }
}

/** Whether another event of the order, or of a member's balance, was booked in between. */
const isOvertaken = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).every(({ Code }) => ['None', 'ConditionalCheckFailed', 'TransactionConflict'].includes(Code ?? 'None'));
