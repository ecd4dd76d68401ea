import type {
  AttributeValue,
  CreateTableCommandInput,
  GlobalSecondaryIndex,
  KeySchemaElement,
} from '@aws-sdk/client-dynamodb';
import type { Item } from './expressions';

interface KeyNames {
  readonly partition: string;
  readonly sort: string | undefined;
}

interface Partition {
  readonly items: Map<string, Item>;
  /** In the order of the sort key. Undefined after a change. */
  sorted?: readonly Item[];
}

/** Items by partition: the table itself, or an index of it. */
class Partitions {
  private readonly byKey = new Map<string, Partition>();

  /** @param carried the attributes that an index projects. @default - all */
  constructor(
    readonly keys: KeyNames,
    private readonly carried?: ReadonlySet<string>,
  ) {}

  put(item: Item, id: string): void {
    const { partition, sort } = this.keys;
    const key = item[partition]?.S;
    // An index leaves out items that lack one of its keys.
    if (key === undefined || (sort !== undefined && item[sort] === undefined)) return;
    const known = this.byKey.get(key) ?? { items: new Map<string, Item>() };
    known.items.set(id, item);
    known.sorted = undefined;
    this.byKey.set(key, known);
  }

  remove(item: Item, id: string): void {
    const known = this.byKey.get(item[this.keys.partition]?.S ?? '');
    if (known === undefined || !known.items.delete(id)) return;
    known.sorted = undefined;
    if (known.items.size === 0) this.byKey.delete(item[this.keys.partition]?.S ?? '');
  }

  /** In the order of the sort key. */
  of(key: string): readonly Item[] {
    const known = this.byKey.get(key);
    if (known === undefined) return [];
    const { sort } = this.keys;
    const text = ([id, item]: readonly [string, Item]): string =>
      `${sort === undefined ? '' : item[sort]?.S} ${id}`;
    known.sorted ??= [...known.items]
      .map((entry) => ({ at: text(entry), item: entry[1] }))
      .sort((a, b) => (a.at < b.at ? -1 : 1))
      .map(({ item }) => item);
    return known.sorted;
  }

  shown(item: Item): Item {
    const { carried } = this;
    return carried === undefined
      ? item
      : Object.fromEntries(Object.entries(item).filter(([name]) => carried.has(name)));
  }
}

function indexOf({ KeySchema, Projection }: GlobalSecondaryIndex, table: KeyNames): Partitions {
  const keys = keyNames(KeySchema);
  if (Projection?.ProjectionType === 'ALL') return new Partitions(keys);
  const names = [keys, table].flatMap(({ partition, sort }) => [partition, sort ?? partition]);
  return new Partitions(keys, new Set([...names, ...(Projection?.NonKeyAttributes ?? [])]));
}

/** A table with its indexes. */
export class Table {
  readonly items = new Map<string, Item>();
  readonly keys: KeyNames;
  private readonly indexes = new Map<string, Partitions>();

  constructor({ KeySchema, GlobalSecondaryIndexes }: CreateTableCommandInput) {
    this.keys = keyNames(KeySchema);
    this.indexes.set('', new Partitions(this.keys));
    for (const index of GlobalSecondaryIndexes ?? [])
      this.indexes.set(index.IndexName ?? '', indexOf(index, this.keys));
  }

  id(key: Item): string {
    return JSON.stringify([
      key[this.keys.partition]?.S,
      this.keys.sort === undefined ? '' : key[this.keys.sort]?.S,
    ]);
  }

  write(id: string, item: Item | undefined): void {
    if (item !== undefined) this.checkKeys(item);
    const old = this.items.get(id);
    for (const index of this.indexes.values()) {
      if (old !== undefined) index.remove(old, id);
      if (item !== undefined) index.put(item, id);
    }
    if (item === undefined) this.items.delete(id);
    else this.items.set(id, item);
  }

  /** DynamoDB rejects an item with an empty key, of the table or of an index. */
  private checkKeys(item: Item): void {
    const names = [...this.indexes.values()].flatMap(({ keys: { partition, sort } }) => [
      partition,
      sort ?? partition,
    ]);
    const empty = names.find((name) => item[name]?.S === '');
    if (empty !== undefined)
      throw Object.assign(new Error(`${empty} is empty, and a key`), {
        name: 'ValidationException',
      });
  }

  index(name = ''): Partitions {
    return this.indexes.get(name) ?? missing(`index ${name}`);
  }
}

export const keyOf = (item: Item, { partition, sort }: KeyNames): Item =>
  Object.fromEntries(
    [partition, ...(sort === undefined ? [] : [sort])].map((name) => [
      name,
      item[name] as AttributeValue,
    ]),
  );

function keyNames(schema: readonly KeySchemaElement[] | undefined): KeyNames {
  const named = (type: string): string | undefined =>
    schema?.find(({ KeyType }) => KeyType === type)?.AttributeName;
  return { partition: named('HASH') ?? missing('partition key'), sort: named('RANGE') };
}

export function missing(what: string): never {
  throw new Error(`the in-memory DynamoDB has no ${what}`);
}
