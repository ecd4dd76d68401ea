import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { ATTRIBUTES } from '../core/names';
import { ROW_FIELDS } from '../core/rakuten/fields';
import { LISTED_ATTRIBUTES, TABLE_KEYS } from '../core/store/keys';
import { kindOf } from './kind';
import type { Transaction, TransactionRow } from './types';

type Item = Record<string, AttributeValue>;

/** What a list shows, in this order. */
const LISTED: readonly string[] = [...LISTED_ATTRIBUTES, TABLE_KEYS.partition, TABLE_KEYS.sort];

/** Everything known of a row, in this order. */
const KNOWN: readonly string[] = [...new Set([...Object.keys(ROW_FIELDS), ...Object.values(ATTRIBUTES), ...LISTED])];

/** A row of an index: the listed attributes only, whichever index it comes from. */
export function toTransaction(item: Item, adjustmentSku: RegExp): Transaction {
  return withKind(pick(item, LISTED), adjustmentSku);
}

/** A row of the table with all its attributes, also those that a later version may have added. */
export function toRow(item: Item, adjustmentSku: RegExp): TransactionRow {
  const others = Object.keys(item).filter((name) => !KNOWN.includes(name));
  return withKind(pick(item, [...KNOWN, ...others]), adjustmentSku);
}

function pick(item: Item, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, plain(item[name])]])));
}

function withKind(attributes: Record<string, unknown>, adjustmentSku: RegExp): TransactionRow {
  // The writer of the table is this package: what stands under these names has these types.
  const row = attributes as unknown as Omit<TransactionRow, 'kind'>;
  return { ...row, kind: kindOf(row, adjustmentSku) };
}

/** The value of an attribute. Numbers become exact strings: a JavaScript number could not hold them. */
function plain(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return new Big(value.N).toFixed();
  if (value.L !== undefined) return value.L.map(plain);
  if (value.M !== undefined) return Object.fromEntries(Object.entries(value.M).map(([name, part]) => [name, plain(part)]));
  return value.BOOL ?? value.SS ?? value.NS ?? value.B ?? value.BS ?? null;
}
