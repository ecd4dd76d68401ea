import { createHash } from 'node:crypto';
import { ATTRIBUTES, INDEXES } from '../names';
import type { ParseProblem } from '../rakuten/postback/fields';
import { POSTBACK_FIELDS, type PostbackField } from '../rakuten/postback/fields';
import { sha256 } from '../sha256';
import type { LineFields } from './row';

/** Sort key of a line whose `is_event` is missing or unreadable. Such a row is in no sum. */
export const UNKNOWN_IS_EVENT = '-';
/** First character after the SID in the key of a line without `etransaction_id`. */
const CONTENT_HASH_MARK = '~';

/** The key of a row: one line of one publisher, events apart from confirmed lines. */
export interface RowKey {
  /** `<sid>#<etransaction_id>`. */
  readonly lineId: string;
  readonly isEvent: 'Y' | 'N' | typeof UNKNOWN_IS_EVENT;
}

/**
 * The key of the line's row.
 *
 * A line without `etransaction_id` gets a hash of its content, marked with `~`. Such a row can
 * never be verified.
 *
 * @param sid the authenticated publisher: of the URL secret, or of the API credentials
 * @param problems part of the content of a line without an ID
 */
export function rowKey(
  sid: string,
  fields: LineFields,
  problems: readonly ParseProblem[] = [],
): RowKey {
  const { etransaction_id: id, is_event: isEvent = UNKNOWN_IS_EVENT } = fields;
  const line =
    id === undefined ? `${CONTENT_HASH_MARK}${contentHash(fields, problems)}` : normalisedId(id);
  return { lineId: `${sid}#${line}`, isEvent: isEvent as RowKey['isEvent'] };
}

/** The partition key of the row of a Rakuten ID, for a program that looks it up. */
export const lineIdOf = (sid: string, etransactionId: string): string =>
  `${sid}#${normalisedId(etransactionId)}`;

/** Every known ID is hexadecimal, so its case means nothing. Other alphabets may depend on case. */
function normalisedId(id: string): string {
  const trimmed = id.trim().normalize('NFC');
  if (/^[0-9a-f]+$/i.test(trimmed)) return trimmed.toUpperCase();
  // A real ID that begins like a content hash must not collide with one.
  return trimmed.startsWith(CONTENT_HASH_MARK) ? CONTENT_HASH_MARK + trimmed : trimmed;
}

/** The publisher and Rakuten's ID in a `line_id`; no ID where a content hash takes its place. */
export function parseLineId(lineId: string): {
  readonly sid: string;
  readonly etransactionId: string | undefined;
} {
  const separator = lineId.indexOf('#');
  const [sid, line] = [lineId.slice(0, separator), lineId.slice(separator + 1)];
  if (!line.startsWith(CONTENT_HASH_MARK)) return { sid, etransactionId: line };
  const isEscaped = line.startsWith(CONTENT_HASH_MARK, 1);
  return { sid, etransactionId: isEscaped ? line.slice(1) : undefined };
}

/** One text per key, for maps and logs. */
export const keyText = ({ lineId, isEvent }: RowKey): string => `${lineId} ${isEvent}`;

const HASHED_FIELDS = Object.keys(POSTBACK_FIELDS) as PostbackField[];

/** Two lines without an ID and with equal content are the same row. */
function contentHash(fields: LineFields, problems: readonly ParseProblem[]): string {
  const content = HASHED_FIELDS.map((field) => fields[field] ?? null);
  return sha256(
    JSON.stringify([content, problems.map(({ field, reason }) => `${field}: ${reason}`).sort()]),
  ).slice(0, 32);
}

/** The shard of the day index for a line: always the same for the same line. */
function dayShard(lineId: string, shards: number): number {
  return createHash('sha256').update(lineId).digest().readUInt32BE(0) % shards;
}

/** Partition key of the day index: the day itself, or `day#shard` when the index is sharded. */
export function processDay(isoDate: string, lineId: string, shards: number): string {
  const day = isoDate.slice(0, 10);
  return shards > 1 ? `${day}#${dayShard(lineId, shards)}` : day;
}

/** Every partition key of the day index for one UTC day. */
export function processDayKeys(day: string, shards: number): string[] {
  return shards > 1 ? Array.from({ length: shards }, (_, shard) => `${day}#${shard}`) : [day];
}

/** Keys of the transaction table. */
export const TABLE_KEYS = { partition: ATTRIBUTES.lineId, sort: ATTRIBUTES.isEvent } as const;

/** What a list of transactions shows. `sid`, `etransaction_id` and `is_event` come from the key. */
export const LISTED_ATTRIBUTES = [
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
  ATTRIBUTES.updatedAt,
  ATTRIBUTES.source,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.withdrawnAt,
  ATTRIBUTES.parseProblems,
  ATTRIBUTES.differingFields,
] as const;

/**
 * DynamoDB's limit of attributes that one index can project, keys of index and table apart. An
 * index keeps its projection for life. Source: DynamoDB API reference,
 * `Projection.NonKeyAttributes`.
 */
export const MAX_PROJECTED_ATTRIBUTES = 20;

/**
 * The indexes of the transaction table. `projected` never names a key of the index or the table,
 * as those are always there and DynamoDB refuses them. An empty list: keys only.
 */
export const INDEX_KEYS = {
  [INDEXES.byOrder]: {
    partition: 'order_id',
    sort: ATTRIBUTES.lineId,
    projected: [] as readonly string[],
  },
  [INDEXES.byMember]: {
    partition: 'u1',
    sort: ATTRIBUTES.occurredAt,
    projected: LISTED_ATTRIBUTES.filter((name) => name !== 'u1') as readonly string[],
  },
  [INDEXES.byDay]: {
    partition: ATTRIBUTES.processDay,
    sort: ATTRIBUTES.receivedAt,
    // The fingerprint lets a reconciliation see from the index alone that a line is unchanged.
    projected: [
      ...LISTED_ATTRIBUTES.filter((name) => name !== ATTRIBUTES.receivedAt),
      ATTRIBUTES.answerHash,
    ] as readonly string[],
  },
} as const;
