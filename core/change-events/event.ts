import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, TRANSACTION_EVENTS } from '../names';
import {
  EVENTS_API_ONLY_FIELDS,
  type RowField,
  type TransactionKind,
} from '../rakuten/postback/fields';
import { DEFAULT_ADJUSTMENT_SKU, kindOf } from '../rakuten/postback/kind';
import { sha256 } from '../sha256';
import {
  canonicalNumber,
  type Item,
  readMap,
  readText,
  readTexts,
} from '../transactions/attributes';
import { parseLineId } from '../transactions/keys';
import { STORED_FIELDS } from '../transactions/row';
import type { TransactionReason } from './event-filter';

/** A record of the transaction table's stream. */
export interface StreamRecord {
  /** Identifies the change. A repeated delivery has the same ID. */
  readonly eventID: string;
  /** `INSERT`, `MODIFY` or `REMOVE`. */
  readonly eventName: string;
  readonly dynamodb: {
    /** Seconds since 1970. */
    readonly ApproximateCreationDateTime?: number;
    readonly NewImage?: Item;
    readonly OldImage?: Item;
    readonly SequenceNumber: string;
  };
}

/** A row before and after a change. */
export interface RowChange {
  readonly before: Item | undefined;
  readonly after: Item;
}

/**
 * The row before and after the change; undefined for a deleted row.
 *
 * @throws when the stream omits an image: a changed line would look like a new one
 */
export function rowChange({ eventID, eventName, dynamodb }: StreamRecord): RowChange | undefined {
  if (eventName === 'REMOVE') return undefined;
  const { NewImage: after, OldImage: before } = dynamodb;
  if (after === undefined || (before === undefined && eventName === 'MODIFY')) {
    throw new Error(
      `The stream record ${eventID} (${eventName}) lacks the row ${after === undefined ? 'after' : 'before'} the change. ` +
        "Set the view type of the table's stream to NEW_AND_OLD_IMAGES.",
    );
  }
  return { before, after };
}

/**
 * A line in an event, under the attribute names of the table.
 *
 * Decimals are exact strings in plain notation, times ISO 8601 in UTC.
 */
export type EventTransaction = { readonly [F in Exclude<RowField, 'is_event'>]?: string } & {
  /** The kind of the line, without regard to the other lines of its order. */
  readonly kind: TransactionKind;
  readonly line_id: string;
  readonly sid: string;
  readonly is_event: 'Y' | 'N' | '-';
  readonly received_at: string;
  readonly occurred_at: string;
  readonly updated_at: string;
  readonly source: string;
  readonly verified_at?: string;
  readonly withdrawn_at?: string;
  readonly differing_fields?: readonly string[];
  readonly u1_from_postback?: boolean;
  readonly request_id?: string;
  readonly parse_problems?: readonly string[];
  readonly extra?: Readonly<Record<string, string>>;
};

/** The old and the new value of an attribute; null where it is absent. */
export interface AttributeChange {
  readonly old: EventValue | null;
  readonly new: EventValue | null;
}
export type EventValue = string | boolean | readonly string[] | Readonly<Record<string, string>>;

/** A change event of one line, version 1. See `docs/schemas/transaction-event-v1.json`. */
export interface TransactionEvent {
  readonly version: typeof TRANSACTION_EVENTS.version;
  /**
   * Identifies this change. A repeated delivery has the same ID.
   *
   * Spelled as in the stream: a pipe reads it when a function reports partial failures.
   */
  readonly eventID: string;
  /**
   * Of two changes of one line, the later one has the greater number.
   *
   * Up to 40 digits: compare them as integers.
   */
  readonly sequence_number: string;
  /** When the row was written, to the second. */
  readonly written_at: string;
  readonly reasons: readonly TransactionReason[];
  /** Short name of the line, the message group in a FIFO queue. */
  readonly group: string;
  readonly transaction: EventTransaction;
  /** Old and new values of `transaction`, by name. Empty for a new line. */
  readonly changes: Readonly<Record<string, AttributeChange>>;
}

/**
 * Attributes that an event shows in addition to the key.
 *
 * Query strings, other postbacks and replaced answers are left out: they can be long, and a forger
 * may have written them. Read the row for them.
 */
const SHOWN_ATTRIBUTES = [
  ...STORED_FIELDS,
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.updatedAt,
  ATTRIBUTES.source,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.withdrawnAt,
  ATTRIBUTES.differingFields,
  ATTRIBUTES.u1FromPostback,
  ATTRIBUTES.requestId,
  ATTRIBUTES.parseProblems,
  ATTRIBUTES.extra,
] as const;

/**
 * The event of a stream record; undefined for a deleted row and for one that has no line yet.
 *
 * @throws when the record lacks an image of the row
 */
export function transactionEvent(record: StreamRecord): TransactionEvent | undefined {
  const change = rowChange(record);
  if (change === undefined || !hasLine(change.after)) return undefined;
  const before = hasLine(change.before) ? toTransaction(change.before) : undefined;
  const after = toTransaction(change.after);
  const changes = before === undefined ? {} : changesBetween(before, after);
  return {
    version: TRANSACTION_EVENTS.version,
    eventID: record.eventID,
    sequence_number: record.dynamodb.SequenceNumber,
    written_at: writtenAt(record),
    reasons: reasonsOf(before, after, changes),
    group: sha256(after.line_id).slice(0, 32),
    transaction: after,
    changes,
  };
}

/** An application may write attributes of its own to a row before the line arrives. */
const hasLine = (item: Item | undefined): item is Item =>
  item?.[ATTRIBUTES.receivedAt] !== undefined;

function writtenAt({ dynamodb }: StreamRecord): string {
  const seconds = dynamodb.ApproximateCreationDateTime ?? 0;
  return new Date(Math.floor(seconds) * 1000).toISOString();
}

function toTransaction(item: Item): EventTransaction {
  const lineId = readText(item[ATTRIBUTES.lineId]);
  const { sid, etransactionId } = parseLineId(lineId);
  const shown = {
    line_id: lineId,
    sid,
    ...(etransactionId === undefined ? {} : { etransaction_id: etransactionId }),
    is_event: readText(item[ATTRIBUTES.isEvent]),
    ...Object.fromEntries(
      SHOWN_ATTRIBUTES.flatMap((name) =>
        item[name] === undefined ? [] : [[name, toEventValue(item[name])]],
      ),
    ),
  };
  // This package wrote the row, so the attributes have these types.
  return { kind: kindOf(shown, DEFAULT_ADJUSTMENT_SKU), ...shown } as EventTransaction;
}

function changesBetween(
  before: EventTransaction,
  after: EventTransaction,
): Record<string, AttributeChange> {
  const changes: Record<string, AttributeChange> = {};
  for (const name of SHOWN_ATTRIBUTES) {
    const change = { old: before[name] ?? null, new: after[name] ?? null };
    if (JSON.stringify(change.old) !== JSON.stringify(change.new)) changes[name] = change;
  }
  return changes;
}

/** A number becomes an exact decimal string, as a JSON number could not hold it. */
function toEventValue(value: AttributeValue): EventValue {
  if (value.N !== undefined) return canonicalNumber(value.N);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.L !== undefined) return readTexts(value);
  if (value.M === undefined) return readText(value);
  // DynamoDB keeps no order of names.
  return Object.fromEntries(Object.entries(readMap(value)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Attributes whose change leaves the values of the transaction as they are. */
const BOOKKEEPING_ATTRIBUTES: ReadonlySet<string> = new Set([
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.updatedAt,
  ATTRIBUTES.source,
  ATTRIBUTES.requestId,
  ATTRIBUTES.differingFields,
  ATTRIBUTES.u1FromPostback,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.withdrawnAt,
]);

/**
 * Why an event is sent.
 *
 * @param before undefined for a new line
 */
export function reasonsOf(
  before: EventTransaction | undefined,
  after: EventTransaction,
  changes: Readonly<Record<string, AttributeChange>>,
): TransactionReason[] {
  const reasons: TransactionReason[] = [];
  if (before === undefined) reasons.push('new');
  else if (hasChangedValue(changes) || becameUnverified(before, after)) reasons.push('changed');
  if (before?.verified_at === undefined && after.verified_at !== undefined)
    reasons.push('verified');
  if (before?.withdrawn_at === undefined && after.withdrawn_at !== undefined)
    reasons.push('withdrawn');
  return reasons.length > 0 ? reasons : ['bookkeeping'];
}

const hasChangedValue = (changes: Readonly<Record<string, AttributeChange>>): boolean =>
  Object.entries(changes).some(
    ([name, { old }]) =>
      !BOOKKEEPING_ATTRIBUTES.has(name) && !(old === null && isEventsApiOnly(name)),
  );

/**
 * Its first value comes with the first answer for nearly every line, and changes nothing about the
 * line.
 */
const isEventsApiOnly = (name: string): boolean => Object.hasOwn(EVENTS_API_ONLY_FIELDS, name);

/** As when the Events API no longer returns the `u1` of a verified line: the sums change. */
const becameUnverified = (before: EventTransaction, after: EventTransaction): boolean =>
  isSettled(before) && !isSettled(after);

const isSettled = (line: EventTransaction): boolean =>
  line.verified_at !== undefined || line.withdrawn_at !== undefined;
