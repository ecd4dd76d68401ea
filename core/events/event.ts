import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, TRANSACTION_EVENTS } from '../names';
import { ROW_FIELDS, type RowField } from '../rakuten/fields';
import { DEFAULT_ADJUSTMENT_SKU, kindOf } from '../rakuten/kind';
import type { TransactionKind } from '../rakuten/transaction-kind';
import { sha256 } from '../sha256';
import { canonicalNumber, type Item } from '../store/attributes';
import type { TransactionReason } from './event-filter';
import { isLine, reasonsOf } from './reasons';
import { rowChange, type StreamRecord } from './stream-record';

/** A line as an event tells it, under the names of the table. Decimals are exact strings in plain notation, times ISO 8601 in UTC. */
export type EventTransaction = { readonly [F in RowField]?: string } & {
  /** What the line is, judged by itself. */
  readonly kind: TransactionKind;
  readonly order_key: string;
  readonly line_key: string;
  readonly received_at: string;
  readonly occurred_at: string;
  readonly source: string;
  readonly updated_at?: string;
  readonly verified_at?: string;
  readonly contradicted_at?: string;
  readonly request_id?: string;
  readonly parse_problems?: readonly string[];
  readonly extra?: Readonly<Record<string, string>>;
};

/** What an attribute was before and is now; null where it was or is not there. */
export interface AttributeChange {
  readonly old: EventValue | null;
  readonly new: EventValue | null;
}
export type EventValue = string | readonly string[] | Readonly<Record<string, string>>;

/** An event of one line, version 1. `docs/schemas/transaction-event-v1.json` describes it. */
export interface TransactionEvent {
  readonly version: typeof TRANSACTION_EVENTS.version;
  /** Names this change: a second delivery of it has the same. Spelled as in the stream, where a pipe looks for it when a function reports partial failures. */
  readonly eventID: string;
  /** Of two changes of one line the later one has the greater number. Up to 40 digits: compare them as integers. */
  readonly sequence_number: string;
  /** When the row was written, to the second. */
  readonly written_at: string;
  readonly reasons: readonly TransactionReason[];
  /** A short name of the order: lines of one order have the same. */
  readonly group: string;
  readonly transaction: EventTransaction;
  /** What the row showed otherwise before. Empty for a new line. */
  readonly changes: Readonly<Record<string, AttributeChange>>;
}

/**
 * What an event shows of a row. Not the query string, which says the same once more and as Rakuten or a forger wrote it, and not the values that were replaced earlier: those who want them
 * read the row.
 */
const SHOWN = [
  ...(Object.keys(ROW_FIELDS) as RowField[]),
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.updatedAt,
  ATTRIBUTES.source,
  ATTRIBUTES.requestId,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.contradictedAt,
  ATTRIBUTES.parseProblems,
  ATTRIBUTES.extra,
] as const;

/** The event of a stream's record; nothing when the row is gone, or is no line yet. Throws when the record cannot be read. */
export function transactionEvent(record: StreamRecord): TransactionEvent | undefined {
  const change = rowChange(record);
  if (change === undefined || !isLine(change.after)) return undefined;
  const { before, after } = change;
  return {
    version: TRANSACTION_EVENTS.version,
    eventID: record.eventID,
    sequence_number: record.dynamodb.SequenceNumber,
    written_at: writtenAt(record),
    reasons: reasonsOf(change),
    group: sha256(textOf(after[ATTRIBUTES.orderKey])).slice(0, 32),
    transaction: transactionOf(after),
    changes: isLine(before) ? changesBetween(before, after) : {},
  };
}

function writtenAt({ dynamodb }: StreamRecord): string {
  const seconds = dynamodb.ApproximateCreationDateTime ?? 0;
  return new Date(Math.floor(seconds) * 1000).toISOString();
}

function transactionOf(item: Item): EventTransaction {
  const shown = Object.fromEntries(SHOWN.flatMap((name) => (item[name] === undefined ? [] : [[name, plain(item[name])]])));
  return {
    kind: kindOf(shown, DEFAULT_ADJUSTMENT_SKU),
    [ATTRIBUTES.orderKey]: textOf(item[ATTRIBUTES.orderKey]),
    [ATTRIBUTES.lineKey]: textOf(item[ATTRIBUTES.lineKey]),
    ...shown,
    // The writer of the table is this package: what stands under these names has these types.
  } as EventTransaction;
}

function changesBetween(before: Item, after: Item): Record<string, AttributeChange> {
  const changes: Record<string, AttributeChange> = {};
  for (const name of SHOWN) {
    const [was, is] = [shownValue(before[name]), shownValue(after[name])];
    if (JSON.stringify(was) !== JSON.stringify(is)) changes[name] = { old: was, new: is };
  }
  return changes;
}

const shownValue = (value: AttributeValue | undefined): EventValue | null => (value === undefined ? null : plain(value));
const textOf = (value: AttributeValue | undefined): string => value?.S ?? '';

/** The value of an attribute of ours. A number becomes an exact decimal in plain notation, which a JSON number could not hold. */
function plain(value: AttributeValue): EventValue {
  if (value.N !== undefined) return canonicalNumber(value.N);
  if (value.L !== undefined) return value.L.map(textOf);
  if (value.M !== undefined) {
    const entries = Object.entries(value.M).map(([name, part]): [string, string] => [name, textOf(part)]);
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return textOf(value);
}
