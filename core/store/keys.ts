import { createHash } from 'node:crypto';
import { ATTRIBUTES, INDEXES } from '../names';
import { POSTBACK_FIELDS, type PostbackField } from '../rakuten/fields';
import { sha256 } from '../sha256';
import type { LineFields } from './row';

/** DynamoDB's limits for key attributes, in bytes of UTF-8. */
const MAX_PARTITION_KEY_BYTES = 2048;
const MAX_SORT_KEY_BYTES = 1024;

/** Stands where a part of a key is not known. */
const UNKNOWN = '-';
/** Marks a part of a key that stands in for a value that is missing or too long. */
const STAND_IN = '~';
/** With what the sort key of a line without an `etransaction_id` begins (and, rarely, that of one with an unusual or very long id). */
export const UNNAMED_LINE_PREFIX = STAND_IN;

/** The key of a row: one order is one partition, one line of it one sort key. */
export interface RowKey {
  readonly orderKey: string;
  readonly lineKey: string;
}

type Unread = readonly { readonly field: string; readonly reason: string }[];

/**
 * The key of the line's row. Lines without an `etransaction_id` get a hash of their content instead, lines without an
 * `order_id` an order of their own; both are marked by `~`.
 *
 * @param fields what was read of the line
 * @param unread what could not be read; part of the content of a line without an id
 */
export function rowKey(fields: LineFields, unread: Unread = []): RowKey {
  const line = lineId(fields, unread);
  return {
    orderKey: orderKey(fields.sid, fields.advertiser_id, fields.order_id ?? null, line),
    lineKey: `${line}#${fields.is_event ?? UNKNOWN}`,
  };
}

/** The partition key of an order that is known by its three names: what a program that looks up an order needs. */
export function orderKeyOf(sid: string, advertiserId: string, orderId: string): string {
  return orderKey(sid, advertiserId, orderId, '');
}

function orderKey(sid: string | undefined, advertiserId: string | undefined, orderId: string | null, line: string): string {
  const order = orderId === null ? `${STAND_IN}line:${line}` : guardStandIn(orderId);
  const prefix = `${keyPart(sid)}#${keyPart(advertiserId)}#`;
  const key = prefix + order;
  if (Buffer.byteLength(key) <= MAX_PARTITION_KEY_BYTES) return key;
  return `${shorten(prefix, 512)}${shorten(order, 512)}`;
}

function lineId(fields: LineFields, unread: Unread): string {
  const id = fields.etransaction_id;
  if (id === undefined) return `${STAND_IN}${contentHash(fields, unread)}`;
  return shorten(guardStandIn(id), MAX_SORT_KEY_BYTES - 2);
}

/** A real value that begins like a stand-in gets the mark doubled, so that the two can never meet. */
const guardStandIn = (value: string): string => (value.startsWith(STAND_IN) ? STAND_IN + value : value);

/**
 * `#` divides the parts, so in a part that is not the last it is escaped, and with it the escape sign and what would look like something that is
 * missing or stood in for.
 */
const keyPart = (value: string | undefined): string => (value === undefined ? UNKNOWN : value.replace(/[%#]|^~|^-$/g, encodeSign));
const encodeSign = (sign: string): string => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;

const shorten = (value: string, maxBytes: number): string =>
  Buffer.byteLength(value) <= maxBytes ? value : `${STAND_IN}sha256:${sha256(value)}`;

const HASHED_FIELDS = Object.keys(POSTBACK_FIELDS) as PostbackField[];

/** Identity of a line that has no `etransaction_id`: all that it says. Two equal lines of one order cannot be told apart without it. */
function contentHash(fields: LineFields, unread: Unread): string {
  const content = HASHED_FIELDS.map((field) => fields[field] ?? null);
  return sha256(JSON.stringify([content, unread.map(({ field, reason }) => `${field}: ${reason}`).sort()])).slice(0, 32);
}

/** Which shard of the day index a line belongs to: always the same one for the same line. */
export function dayShard(lineKey: string, shards: number): number {
  return createHash('sha256').update(lineKey).digest().readUInt32BE(0) % shards;
}

/** The key of the day index: the day itself, or `day#shard` when the index is sharded. */
export function processDay(isoDate: string, lineKey: string, shards: number): string {
  const day = isoDate.slice(0, 10);
  return shards > 1 ? `${day}#${dayShard(lineKey, shards)}` : day;
}

/** Every key under which rows of a day may stand in the day index. */
export function processDayKeys(day: string, shards: number): string[] {
  return shards > 1 ? Array.from({ length: shards }, (_, shard) => `${day}#${shard}`) : [day];
}

/** The table's keys and indexes, for the construct that makes the table, the programs that query it and the tests. */
export const TABLE_KEYS = { partition: ATTRIBUTES.orderKey, sort: ATTRIBUTES.lineKey } as const;

/** Attributes that the member and the day index carry beside the keys: what a list of transactions shows. */
export const LISTED_ATTRIBUTES = [
  'is_event',
  'etransaction_id',
  'sid',
  'advertiser_id',
  'order_id',
  'offer_id',
  'transaction_type',
  'transaction_date',
  'process_date',
  'currency',
  'sale_amount',
  'commissions',
  'quantity',
  'sku_number',
  'product_name',
  'u1',
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.source,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.parseProblems,
] as const;

export const INDEX_KEYS = {
  [INDEXES.byMember]: { partition: 'u1', sort: ATTRIBUTES.occurredAt, projected: LISTED_ATTRIBUTES },
  [INDEXES.byDay]: { partition: ATTRIBUTES.processDay, sort: ATTRIBUTES.receivedAt, projected: LISTED_ATTRIBUTES },
  /** Keys only: a transaction id names one or two rows, which are then read from the table itself. */
  [INDEXES.byTransaction]: { partition: 'etransaction_id', sort: undefined, projected: [] },
} as const;
