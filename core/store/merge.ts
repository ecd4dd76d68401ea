import { SOURCES } from '../names';
import { ROW_FIELDS, type RowField } from '../rakuten/fields';
import type { LineFields } from './row';

/**
 * How deliveries of one line become one row. SQS keeps no order and delivers more than once, Rakuten may correct a line under the same id, and the Events API
 * tells the same line in other words, so a row is a state that deliveries are *joined* into: joining is commutative, associative and idempotent, and
 * any interleaving of the same deliveries ends in the same row. Each field keeps every value that was ever delivered for it, with the best delivery that brought it;
 * what a query shows is the newest value of each.
 */
export interface LineState {
  /** For each field the values that were delivered, none of which says the same as another less precisely. */
  readonly values: { readonly [F in RowField]?: readonly DeliveredValue[] };
  /** The delivery whose query string, request id and problems the row shows. */
  readonly top: Delivery;
  /** When the line first came, from wherever. ISO 8601 UTC. */
  readonly receivedAt: string;
  /** `push` as soon as any push brought it. */
  readonly source: string;
  /** When the Events API first confirmed it. */
  readonly verifiedAt?: string;
  readonly extra: Readonly<Record<string, string>>;
}

export interface DeliveredValue {
  readonly value: string;
  readonly by: Delivery;
}

/** One delivery of a line. */
export interface Delivery {
  /** `process_date` to the second (the Events API has no milliseconds); empty when it was not sent. */
  readonly processDate: string;
  readonly receivedAt: string;
  readonly requestId: string;
  readonly query: string;
  readonly problems: readonly string[];
}

/** What one delivery says about a line. */
export interface DeliveredLine {
  readonly fields: LineFields;
  readonly extra: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  readonly query: string;
  readonly requestId: string;
  readonly receivedAt: string;
  readonly source: string;
}

/** The state after this one delivery. */
export function stateOf(line: DeliveredLine): LineState {
  const top: Delivery = {
    processDate: toSecond(line.fields.process_date ?? ''),
    receivedAt: line.receivedAt,
    requestId: line.requestId,
    query: line.query,
    problems: line.problems,
  };
  const values: Partial<Record<RowField, DeliveredValue[]>> = {};
  for (const field of FIELDS) {
    const value = line.fields[field];
    if (value !== undefined) values[field] = [{ value, by: top }];
  }
  const verifiedAt = line.source === SOURCES.eventsApi ? line.receivedAt : undefined;
  return { values, top, receivedAt: line.receivedAt, source: line.source, verifiedAt, extra: line.extra };
}

/** The state after the deliveries of both. */
export function join(a: LineState, b: LineState): LineState {
  const values: Partial<Record<RowField, DeliveredValue[]>> = {};
  for (const field of FIELDS) {
    const joined = joinValues([...(a.values[field] ?? []), ...(b.values[field] ?? [])]);
    if (joined.length > 0) values[field] = joined;
  }
  return {
    values,
    top: bestDelivery(a.top, b.top),
    receivedAt: earlier(a.receivedAt, b.receivedAt) ?? a.receivedAt,
    source: a.source === SOURCES.push ? a.source : b.source,
    verifiedAt: earlier(a.verifiedAt, b.verifiedAt),
    extra: joinExtra(a.extra, b.extra),
  };
}

/** What a query shows: the newest value of each field. */
export function currentFields(state: LineState): LineFields {
  const fields: Partial<Record<RowField, string>> = {};
  for (const field of FIELDS) {
    const newest = currentValue(state.values[field]);
    if (newest) fields[field] = newest.value;
  }
  return fields;
}

/** The newest of a field's values: by `process_date`, then by arrival. */
export function currentValue(values: readonly DeliveredValue[] | undefined): DeliveredValue | undefined {
  return values?.reduce((newest, candidate) => (isNewer(candidate, newest) ? candidate : newest));
}

function isNewer(a: DeliveredValue, b: DeliveredValue): boolean {
  const order = compare(a.by.processDate, b.by.processDate) || compare(a.by.receivedAt, b.by.receivedAt) || compare(a.value, b.value);
  return order > 0;
}

/** How many values of fields were superseded by newer ones: more than before means that Rakuten changed the line. */
export function supersededCount(state: LineState): number {
  return Object.values(state.values).reduce((count, values) => count + values.length - 1, 0);
}

const FIELDS = Object.keys(ROW_FIELDS) as RowField[];

function joinValues(delivered: readonly DeliveredValue[]): DeliveredValue[] {
  const best = new Map<string, DeliveredValue>();
  for (const { value, by } of delivered) {
    const known = best.get(value);
    best.set(value, { value, by: known ? bestDelivery(known.by, by) : by });
  }
  const values = [...best.values()];
  return values
    .filter((v) => !values.some((other) => other !== v && saysLess(v.value, other.value)))
    .sort((a, b) => compare(a.value, b.value));
}

/**
 * Of two deliveries the one to name: the newer `process_date`, so that a value that was corrected and corrected back counts as new;
 * among equal ones the first that came, so that a redelivery changes nothing.
 */
function bestDelivery(a: Delivery, b: Delivery): Delivery {
  const order =
    compare(b.processDate, a.processDate) ||
    compare(a.receivedAt, b.receivedAt) ||
    compare(a.requestId, b.requestId) ||
    compare(a.query, b.query);
  return order <= 0 ? a : b;
}

/** Of an extra that came with two values (a static value that was changed while a line was redelivered) the greater one stays: any fixed choice makes the order not matter. */
function joinExtra(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): Record<string, string> {
  const joined: Record<string, string> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const known = Object.hasOwn(joined, name) ? joined[name] : undefined;
    joined[name] = known !== undefined && known > value ? known : value;
  }
  return joined;
}

/**
 * Whether a value says the same as another, only less precisely: a time without its milliseconds (the Events API has none), or a text in which bytes that are not
 * UTF-8 were replaced by U+FFFD on the way.
 */
function saysLess(value: string, other: string): boolean {
  if (ISO_INSTANT.test(value) && ISO_INSTANT.test(other)) return value.endsWith('.000Z') && toSecond(value) === toSecond(other);
  return value.includes('\uFFFD') && !other.includes('\uFFFD') && matchesGaps(value, other);
}

const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whether `other` is `text` with something else in place of each run of U+FFFD. */
function matchesGaps(text: string, other: string): boolean {
  const parts = text.split(/\uFFFD+/);
  const last = parts.length - 1;
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const found = i === 0 ? (other.startsWith(part) ? 0 : -1) : i === last ? other.length - part.length : other.indexOf(part, at);
    if (found < at || other.slice(found, found + part.length) !== part) return false;
    at = found + part.length;
  }
  return true;
}

const toSecond = (isoDate: string): string => isoDate.replace(/\.\d+Z$/, 'Z');
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const earlier = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;
