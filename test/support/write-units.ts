import { INDEX_KEYS, TABLE_KEYS } from '../../core/transactions/keys';
import { type Item, itemBytes } from '../../tools/cost/item-size';

const BYTES_PER_UNIT = 1024;

const units = (bytes: number): number => Math.max(1, Math.ceil(bytes / BYTES_PER_UNIT));

type IndexName = keyof typeof INDEX_KEYS;
const INDEX_NAMES = Object.keys(INDEX_KEYS) as IndexName[];

/** What an index has of an item. Nothing of an item that lacks one of its keys. */
function indexEntry(index: IndexName, item: Item | undefined): Item | undefined {
  const { partition, sort, projected } = INDEX_KEYS[index];
  if (item === undefined || item[partition] === undefined || item[sort] === undefined)
    return undefined;
  const kept = new Set<string>([partition, sort, ...Object.values(TABLE_KEYS), ...projected]);
  return Object.fromEntries(Object.entries(item).filter(([name]) => kept.has(name)));
}

interface WriteUnits {
  readonly table: number;
  readonly indexes: Readonly<Record<IndexName, number>>;
  readonly total: number;
}

/**
 * Write units of a write that found `before` and left `after`. A rejected one left what it found.
 *
 * By AWS's developer guide, "Using Global Secondary Indexes in DynamoDB: provisioned throughput
 * considerations": a unit for each kilobyte begun of the larger of the two items.
 */
export function writeUnits(before: Item | undefined, after: Item | undefined): WriteUnits {
  const table = units(Math.max(before ? itemBytes(before) : 0, after ? itemBytes(after) : 0));
  const costs = INDEX_NAMES.map(
    (index) =>
      [index, entryUnits(index, indexEntry(index, before), indexEntry(index, after))] as const,
  );
  const total = table + costs.reduce((sum, [, cost]) => sum + cost, 0);
  return { table, indexes: Object.fromEntries(costs) as Record<IndexName, number>, total };
}

/** A new or changed entry is one write. Under another key it is a deletion and a write. */
function entryUnits(index: IndexName, before: Item | undefined, after: Item | undefined): number {
  if (before === undefined || after === undefined)
    return (before ? units(itemBytes(before)) : 0) + (after ? units(itemBytes(after)) : 0);
  const { partition, sort } = INDEX_KEYS[index];
  const key = (entry: Item): string => JSON.stringify([entry[partition]?.S, entry[sort]?.S]);
  if (key(before) !== key(after)) return units(itemBytes(before)) + units(itemBytes(after));
  return canonical(before) === canonical(after)
    ? 0
    : units(Math.max(itemBytes(before), itemBytes(after)));
}

const canonical = (entry: Item): string =>
  JSON.stringify(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
