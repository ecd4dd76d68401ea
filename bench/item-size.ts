import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { INDEX_KEYS, TABLE_KEYS } from '../core/store/keys';

/**
 * Sizes and write units by the rules that AWS publishes: developer guide, "DynamoDB item sizes and formats" and "Using Global Secondary Indexes: provisioned
 * throughput considerations". AWS calls the size of a number approximate.
 */
export type Item = Readonly<Record<string, AttributeValue>>;

const BYTES_PER_UNIT = 1024;

/** Bytes of an item: of each attribute the name in UTF-8 and the value. */
export const itemBytes = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + utf8(name) + valueBytes(value), 0);

export function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return utf8(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  // Three bytes for a list or a map, and one more for each of its members.
  if (value.L !== undefined) return 3 + value.L.reduce((sum, member) => sum + 1 + valueBytes(member), 0);
  if (value.M !== undefined)
    return 3 + Object.entries(value.M).reduce((sum, [name, member]) => sum + 1 + utf8(name) + valueBytes(member), 0);
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1;
  throw new Error(`a kind of attribute that no row has: ${Object.keys(value)}`);
}

/** One byte for two significant digits, one more, and one for the sign. */
function numberBytes(text: string): number {
  const digits = text.replace(/^-?0*|\.|e.*$/gi, '').replace(/^0+|0+$/g, '');
  return Math.ceil(digits.length / 2) + 1 + (text.startsWith('-') ? 1 : 0);
}

const utf8 = (text: string): number => Buffer.byteLength(text);
const units = (bytes: number): number => Math.max(1, Math.ceil(bytes / BYTES_PER_UNIT));

export type IndexName = keyof typeof INDEX_KEYS;
export const INDEX_NAMES = Object.keys(INDEX_KEYS) as IndexName[];

/** What an index keeps of an item: its own keys, the table's and what is projected. Nothing of an item that lacks one of its keys. */
export function indexEntry(index: IndexName, item: Item | undefined): Item | undefined {
  const { partition, sort, projected } = INDEX_KEYS[index];
  const keys = [partition, ...(sort === undefined ? [] : [sort])];
  if (item === undefined || keys.some((key) => item[key] === undefined)) return undefined;
  const kept = new Set<string>([...keys, ...Object.values(TABLE_KEYS), ...projected]);
  return Object.fromEntries(Object.entries(item).filter(([name]) => kept.has(name)));
}

export interface WriteUnits {
  readonly table: number;
  readonly indexes: Readonly<Record<IndexName, number>>;
  readonly total: number;
}

/** What a write costs that found `before` and left `after`. One that was refused by its condition found and left the same. */
export function writeUnits(before: Item | undefined, after: Item | undefined): WriteUnits {
  const table = units(Math.max(before ? itemBytes(before) : 0, after ? itemBytes(after) : 0));
  const costs = INDEX_NAMES.map((index) => [index, entryUnits(index, indexEntry(index, before), indexEntry(index, after))] as const);
  const total = table + costs.reduce((sum, [, cost]) => sum + cost, 0);
  return { table, indexes: Object.fromEntries(costs) as Record<IndexName, number>, total };
}

/** A new entry is a write, a changed one too; under another key it is the deletion of the old one and the write of a new one. */
function entryUnits(index: IndexName, before: Item | undefined, after: Item | undefined): number {
  if (before === undefined || after === undefined) return (before ? units(itemBytes(before)) : 0) + (after ? units(itemBytes(after)) : 0);
  const { partition, sort } = INDEX_KEYS[index];
  const key = (entry: Item): string => JSON.stringify([entry[partition]?.S, sort && entry[sort]?.S]);
  if (key(before) !== key(after)) return units(itemBytes(before)) + units(itemBytes(after));
  return canonical(before) === canonical(after) ? 0 : units(Math.max(itemBytes(before), itemBytes(after)));
}

const canonical = (entry: Item): string => JSON.stringify(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
