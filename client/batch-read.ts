import { setTimeout as pause } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { backoffMillis } from '../core/async';
import { TABLE_KEYS } from '../core/transactions/keys';
import { batches, mapAhead } from './pages';

type Item = Record<string, AttributeValue>;

/** Maximum number of keys of one `BatchGetItem` call. Source: DynamoDB API reference. */
const MAX_KEYS = 100;
const BATCHES_AT_ONCE = 8;
const MAX_TRIES = 10;
const FIRST_PAUSE_MILLIS = 100;
const LONGEST_PAUSE_MILLIS = 3200;

/**
 * Reads the rows of the keys, each batch in the order of the table's key.
 *
 * A key without a row is skipped. No key may be there twice.
 */
export async function* readItems(
  client: DynamoDBClient,
  tableName: string,
  keys: AsyncIterable<Item>,
): AsyncGenerator<Item, void, undefined> {
  const read = mapAhead(batches(keys, MAX_KEYS), BATCHES_AT_ONCE, (batch) =>
    readBatch(client, { [tableName]: { Keys: batch.map(keyOf) } }),
  );
  for await (const items of read) yield* items.sort((a, b) => (keyText(a) < keyText(b) ? -1 : 1));
}

/**
 * DynamoDB may return a part of the items only, as when it throttles.
 *
 * The SDK does not retry the rest.
 */
async function readBatch(
  client: DynamoDBClient,
  request: BatchGetItemCommandInput['RequestItems'],
): Promise<Item[]> {
  const items: Item[] = [];
  let unread = request;
  for (let tries = 1; ; tries += 1) {
    const answer = await client.send(new BatchGetItemCommand({ RequestItems: unread }));
    items.push(...Object.values(answer.Responses ?? {}).flat());
    unread = answer.UnprocessedKeys ?? {};
    if (Object.keys(unread).length === 0) return items;
    if (tries === MAX_TRIES)
      throw new Error(
        `DynamoDB returned only a part of the rows in ${MAX_TRIES} tries. Try again later.`,
      );
    await pause(backoffMillis(tries, FIRST_PAUSE_MILLIS, LONGEST_PAUSE_MILLIS));
  }
}

const KEY_NAMES = Object.values(TABLE_KEYS);

/** An index returns its own key as well, which `BatchGetItem` refuses. */
const keyOf = (item: Item): Item =>
  Object.fromEntries(
    KEY_NAMES.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])),
  );

/** The same text for the same key. */
export const keyText = (item: Item): string => KEY_NAMES.map((name) => item[name]?.S).join('\n');
