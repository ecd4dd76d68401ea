import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  type DynamoDBClient,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../names';
import type { Item } from '../store/attributes';
import { OWN_ATTRIBUTES } from '../store/item';
import { type RowKey, UNNAMED_LINE_PREFIX } from '../store/keys';
import type { RowReader } from './ports';

/** DynamoDB's limit for one call. */
const KEYS_PER_CALL = 100;
const CALLS_AT_ONCE = 4;
/** DynamoDB leaves keys out when it is throttled or an answer would exceed 16 MB. */
const MAX_TRIES = 8;
const FIRST_WAIT_MILLIS = 50;

/** Only what this project writes to a row: the read units do not get fewer, but the way gets shorter. */
const PROJECTION = {
  ProjectionExpression: OWN_ATTRIBUTES.map((_, index) => `#${index}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(OWN_ATTRIBUTES.map((name, index) => [`#${index}`, name])),
};

/** Reads rows by their keys, a hundred a call and half a read unit each: eventually consistent, as a comparison that is repeated needs no more. */
export class TableRows implements RowReader {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
    private readonly pause: (millis: number) => Promise<unknown> = sleep,
  ) {}

  async read(keys: readonly RowKey[]): Promise<(Item | undefined)[]> {
    const chunks: RowKey[][] = [];
    for (let start = 0; start < keys.length; start += KEYS_PER_CALL) chunks.push(keys.slice(start, start + KEYS_PER_CALL));
    const found = new Map<string, Item>();
    for (let start = 0; start < chunks.length; start += CALLS_AT_ONCE) {
      await Promise.all(chunks.slice(start, start + CALLS_AT_ONCE).map((chunk) => this.readChunk(chunk, found)));
    }
    return keys.map((key) => found.get(keyText(key.orderKey, key.lineKey)));
  }

  readUnnamed(orderKey: string): Promise<Item[]> {
    return this.query({
      KeyConditionExpression: '#order = :order AND begins_with(#line, :unnamed)',
      FilterExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: { '#order': ATTRIBUTES.orderKey, '#line': ATTRIBUTES.lineKey, '#id': 'etransaction_id' },
      ExpressionAttributeValues: { ':order': { S: orderKey }, ':unnamed': { S: UNNAMED_LINE_PREFIX } },
    });
  }

  async readNamed(etransactionId: string): Promise<Item[]> {
    const found = await this.query({
      IndexName: INDEXES.byTransaction,
      KeyConditionExpression: '#id = :id',
      ExpressionAttributeNames: { '#id': 'etransaction_id' },
      ExpressionAttributeValues: { ':id': { S: etransactionId } },
    });
    const keys = found.map((item) => ({ orderKey: item[ATTRIBUTES.orderKey]?.S ?? '', lineKey: item[ATTRIBUTES.lineKey]?.S ?? '' }));
    return (await this.read(keys)).filter((row) => row !== undefined);
  }

  private async query(input: Omit<QueryCommandInput, 'TableName'>): Promise<Item[]> {
    const rows: Item[] = [];
    let from: Item | undefined;
    do {
      const page: QueryCommandOutput = await this.client.send(
        new QueryCommand({ ...input, TableName: this.tableName, ExclusiveStartKey: from }),
      );
      rows.push(...(page.Items ?? []));
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    return rows;
  }

  private async readChunk(keys: readonly RowKey[], found: Map<string, Item>): Promise<void> {
    let wanted: Item[] = keys.map(({ orderKey, lineKey }) => ({
      [ATTRIBUTES.orderKey]: { S: orderKey },
      [ATTRIBUTES.lineKey]: { S: lineKey },
    }));
    for (let tries = 1; ; tries += 1) {
      const { Responses, UnprocessedKeys }: BatchGetItemCommandOutput = await this.client.send(
        new BatchGetItemCommand({ RequestItems: { [this.tableName]: { Keys: wanted, ...PROJECTION } } }),
      );
      for (const item of Responses?.[this.tableName] ?? []) {
        found.set(keyText(item[ATTRIBUTES.orderKey]?.S ?? '', item[ATTRIBUTES.lineKey]?.S ?? ''), item);
      }
      const left = UnprocessedKeys?.[this.tableName]?.Keys ?? [];
      if (left.length === 0) return;
      // An answer that is full is no reason to wait, but to ask on; only one that brought nothing counts against the tries.
      if (left.length === wanted.length && tries >= MAX_TRIES) {
        throw new Error(
          `DynamoDB does not hand out ${left.length} rows of ${this.tableName}, also after ${tries} tries: its reads are throttled`,
        );
      }
      if (left.length < wanted.length) tries = 1;
      else await this.pause(FIRST_WAIT_MILLIS * 2 ** tries);
      wanted = left;
    }
  }
}

const keyText = (orderKey: string, lineKey: string): string => `${lineKey} ${orderKey}`;
