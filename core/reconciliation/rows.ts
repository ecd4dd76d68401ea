import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { Item } from '../transactions/attributes';
import { OWN_ATTRIBUTES } from '../transactions/item';
import { keyText, type RowKey } from '../transactions/keys';
import { itemKey, keyOfItem } from '../transactions/row-store';
import type { RowReader } from './ports';

/** DynamoDB's limit for one call. */
const KEYS_PER_CALL = 100;
const CALLS_AT_ONCE = 4;
/** DynamoDB leaves keys out when it is throttled or an answer would exceed 16 MB. */
const MAX_TRIES = 8;
const FIRST_WAIT_MILLIS = 50;

/**
 * Only what this package writes to a row. It costs the same read units, and fewer bytes on the
 * wire.
 */
const PROJECTION = {
  ProjectionExpression: OWN_ATTRIBUTES.map((_, index) => `#${index}`).join(', '),
  ExpressionAttributeNames: Object.fromEntries(
    OWN_ATTRIBUTES.map((name, index) => [`#${index}`, name]),
  ),
};

/** Rows by their keys, a hundred per call. Eventually consistent: half a read unit per 4 KB. */
export class TableRows implements RowReader {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
    private readonly pause: (millis: number) => Promise<unknown> = sleep,
  ) {}

  async read(keys: readonly RowKey[]): Promise<(Item | undefined)[]> {
    const distinct = [...new Map(keys.map((key) => [keyText(key), key])).values()];
    const chunks: RowKey[][] = [];
    for (let start = 0; start < distinct.length; start += KEYS_PER_CALL)
      chunks.push(distinct.slice(start, start + KEYS_PER_CALL));
    const found = new Map<string, Item>();
    for (let start = 0; start < chunks.length; start += CALLS_AT_ONCE) {
      await Promise.all(
        chunks.slice(start, start + CALLS_AT_ONCE).map((chunk) => this.readChunk(chunk, found)),
      );
    }
    return keys.map((key) => found.get(keyText(key)));
  }

  private async readChunk(keys: readonly RowKey[], found: Map<string, Item>): Promise<void> {
    let wanted: Item[] = keys.map(itemKey);
    for (let tries = 1; ; tries += 1) {
      const { Responses, UnprocessedKeys }: BatchGetItemCommandOutput = await this.client.send(
        new BatchGetItemCommand({
          RequestItems: { [this.tableName]: { Keys: wanted, ...PROJECTION } },
        }),
      );
      for (const item of Responses?.[this.tableName] ?? [])
        found.set(keyText(keyOfItem(item)), item);
      const left = UnprocessedKeys?.[this.tableName]?.Keys ?? [];
      if (left.length === 0) return;
      // A full answer is no reason to wait. Only an answer without rows counts against the tries.
      if (left.length === wanted.length && tries >= MAX_TRIES) {
        throw new Error(
          `DynamoDB returned none of ${left.length} rows of ${this.tableName} in ${tries} tries: its reads are throttled`,
        );
      }
      if (left.length < wanted.length) tries = 1;
      else await this.pause(FIRST_WAIT_MILLIS * 2 ** tries);
      wanted = left;
    }
  }
}
