import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { ATTRIBUTES } from '../core/names';
import { ROW_FIELDS } from '../core/rakuten/postback/fields';
import type { Item } from '../core/transactions/attributes';
import { LISTED_ATTRIBUTES, parseLineId, TABLE_KEYS } from '../core/transactions/keys';
import { kindOf } from './kind';
import type { Transaction, TransactionRow } from './types';

/** What a list shows, in this order. */
const LISTED: readonly string[] = [
  ATTRIBUTES.isEvent,
  'etransaction_id',
  'sid',
  ...LISTED_ATTRIBUTES,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.lineId,
];

/** All attributes of a row that this package writes, in this order. */
const KNOWN: readonly string[] = [
  ...new Set([...Object.keys(ROW_FIELDS), ...Object.values(ATTRIBUTES), ...LISTED]),
];

/** A line of an index: the same attributes whichever index returned it. */
export function toTransaction(item: Item, adjustmentSku: RegExp): Transaction {
  return readLine(item, LISTED, adjustmentSku);
}

/** A row of the table with all its attributes, including those of the application. */
export function toRow(item: Item, adjustmentSku: RegExp): TransactionRow {
  const others = Object.keys(item).filter((name) => !KNOWN.includes(name));
  return readLine(item, [...KNOWN, ...others], adjustmentSku);
}

function readLine(item: Item, names: readonly string[], adjustmentSku: RegExp): TransactionRow {
  const attributes: Item = { ...item, ...derivedAttributes(item) };
  const read = names.flatMap((name) =>
    attributes[name] === undefined ? [] : [[name, plain(attributes[name])]],
  );
  // This package writes the table, so attributes of these names have these types.
  const row = Object.fromEntries(read) as Omit<TransactionRow, 'kind'>;
  return { ...row, kind: kindOf(row, adjustmentSku) };
}

/** What is not stored because the key or other attributes say it. */
function derivedAttributes(item: Item): Item {
  const { sid, etransactionId } = parseLineId(item[TABLE_KEYS.partition]?.S ?? '');
  const occurredAt =
    item[ATTRIBUTES.occurredAt] ??
    item.transaction_date ??
    item.process_date ??
    item[ATTRIBUTES.receivedAt];
  return {
    sid: { S: sid },
    ...(etransactionId === undefined ? {} : { etransaction_id: { S: etransactionId } }),
    ...(occurredAt === undefined ? {} : { [ATTRIBUTES.occurredAt]: occurredAt }),
  };
}

/**
 * The value of an attribute.
 *
 * Numbers become exact strings: a JavaScript number could not hold them.
 */
function plain(value: AttributeValue): unknown {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return new Big(value.N).toFixed();
  if (value.L !== undefined) return value.L.map(plain);
  if (value.M !== undefined)
    return Object.fromEntries(Object.entries(value.M).map(([name, part]) => [name, plain(part)]));
  return value.BOOL ?? value.SS ?? value.NS ?? value.B ?? value.BS ?? null;
}
