import { type DynamoDBClient, ScanCommand, type ScanCommandInput } from '@aws-sdk/client-dynamodb';
import type { Item } from '../core/transactions/attributes';

/** The items of the whole table, page after page. */
export async function* scanItems(
  client: DynamoDBClient,
  input: ScanCommandInput,
): AsyncGenerator<Item, void, undefined> {
  let startKey = input.ExclusiveStartKey;
  do {
    const page = await client.send(new ScanCommand({ ...input, ExclusiveStartKey: startKey }));
    yield* page.Items ?? [];
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined);
}

/** Merges sorted sequences into one. `isBefore` is the order they are sorted in. */
export async function* mergeSorted<T>(
  sequences: readonly AsyncIterable<T>[],
  isBefore: (a: T, b: T) => boolean,
): AsyncGenerator<T, void, undefined> {
  const iterators = sequences.map((sequence) => sequence[Symbol.asyncIterator]());
  const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
  for (;;) {
    let next = -1;
    let first: T | undefined;
    for (const [index, head] of heads.entries()) {
      if (head.done === true || (first !== undefined && !isBefore(head.value, first))) continue;
      [next, first] = [index, head.value];
    }
    const iterator = iterators[next];
    if (iterator === undefined || first === undefined) return;
    yield first;
    heads[next] = await iterator.next();
  }
}

/** One sequence after the other, each begun when the one before has ended. */
export async function* concatenated<T, R>(
  values: readonly T[],
  sequence: (value: T) => AsyncIterable<R>,
): AsyncGenerator<R, void, undefined> {
  for (const value of values) yield* sequence(value);
}

/** Maps up to `atOnce` values at a time, keeping their order. */
export async function* mapAhead<T, R>(
  values: AsyncIterable<T>,
  atOnce: number,
  map: (value: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  for await (const batch of batches(values, atOnce)) yield* await Promise.all(batch.map(map));
}

/** The values in lists of `size`; the last one may be shorter. */
export async function* batches<T>(
  values: AsyncIterable<T>,
  size: number,
): AsyncGenerator<T[], void, undefined> {
  let batch: T[] = [];
  for await (const value of values) {
    batch.push(value);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The first `limit` values that pass. */
export async function* filtered<T>(
  values: AsyncIterable<T>,
  passes: (value: T) => boolean | Promise<boolean>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<T, void, undefined> {
  let count = 0;
  for await (const value of values) {
    if (!(await passes(value))) continue;
    yield value;
    count += 1;
    if (count >= limit) return;
  }
}

export async function* mapped<T, R>(
  values: AsyncIterable<T>,
  map: (value: T) => R,
): AsyncGenerator<R, void, undefined> {
  for await (const value of values) yield map(value);
}

/** The values that are not undefined. */
export async function* present<T>(
  values: AsyncIterable<T | undefined>,
): AsyncGenerator<T, void, undefined> {
  for await (const value of values) if (value !== undefined) yield value;
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

export async function* sequence<T>(
  values: Iterable<T> | AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  yield* values;
}
