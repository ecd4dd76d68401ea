import { SOURCES } from '../names';
import type { RowField } from '../rakuten/fields';
import type { ParseProblem } from '../rakuten/parse';
import { saysLess } from './precision';
import type { LineFields } from './row';

/**
 * How deliveries of one line become one row. SQS keeps no order and delivers more than once, Rakuten may correct a line under the same id, and the Events API
 * tells the same line in other words, so a row is a state that deliveries are *joined* into: joining is commutative, associative and idempotent, and
 * any interleaving of the same deliveries ends in the same row. Each slot keeps every value that was ever delivered for it, with the best delivery that brought it;
 * what a query shows is the newest value of each.
 */
export interface LineState {
  /** For each slot what was delivered for it, none of which says the same as another less precisely. */
  readonly values: Readonly<Record<Slot, readonly DeliveredValue[]>>;
  /** When the line first came, from wherever. ISO 8601 UTC. */
  readonly receivedAt: string;
  /** `push` as soon as any push brought it. */
  readonly source: string;
  /** When the Events API first told the line; undefined: not yet. */
  readonly toldAt: string | undefined;
  /** What the Events API told of the checked fields, every value it ever had. */
  readonly told: { readonly [F in CheckedField]?: readonly string[] };
}

/** What a value is of: a Rakuten field, or `extra.` and the name of a parameter that is none. */
export type Slot = string;

const EXTRA_PREFIX = 'extra.';
export const extraSlot = (name: string): Slot => EXTRA_PREFIX + name;
/** The parameter's name, of a slot that is not a Rakuten field. */
export const extraName = (slot: Slot): string | undefined => (slot.startsWith(EXTRA_PREFIX) ? slot.slice(EXTRA_PREFIX.length) : undefined);

export interface DeliveredValue {
  /** The value, or in words why it could not be read. */
  readonly text: string;
  readonly unreadable: boolean;
  readonly by: Delivery;
}

/** One delivery of a line. */
export interface Delivery {
  /** `process_date` to the second (the Events API has no milliseconds); empty when it was not sent. */
  readonly processDate: string;
  readonly receivedAt: string;
  readonly requestId: string;
  readonly query: string;
}

/** What one delivery says about a line. */
export interface DeliveredLine {
  /** `sid` is always known: from the postback, or from whose URL it came to. */
  readonly fields: LineFields & { readonly sid: string };
  readonly problems: readonly ParseProblem[];
  readonly extra: Readonly<Record<string, string>>;
  readonly query: string;
  readonly requestId: string;
  readonly receivedAt: string;
  readonly source: string;
}

/** What money depends on. A row counts as verified only while the Events API has told these as the row shows them. */
export const CHECKED_FIELDS = ['sale_amount', 'commissions', 'quantity', 'currency', 'u1'] as const satisfies readonly RowField[];
export type CheckedField = (typeof CHECKED_FIELDS)[number];

/** The state after this one delivery. */
export function stateOf(line: DeliveredLine): LineState {
  const by: Delivery = {
    processDate: toSecond(line.fields.process_date ?? ''),
    receivedAt: line.receivedAt,
    requestId: line.requestId,
    query: line.query,
  };
  const values: [Slot, DeliveredValue[]][] = [
    ...line.problems.map(({ field, reason }): [Slot, DeliveredValue[]] => [field, [{ text: reason, unreadable: true, by }]]),
    ...Object.entries(line.fields).map(([field, text]): [Slot, DeliveredValue[]] => [field, [{ text, unreadable: false, by }]]),
    ...Object.entries(line.extra).map(([name, text]): [Slot, DeliveredValue[]] => [extraSlot(name), [{ text, unreadable: false, by }]]),
  ];
  const isTold = line.source === SOURCES.eventsApi;
  const told = CHECKED_FIELDS.flatMap((field) => (isTold && line.fields[field] !== undefined ? [[field, [line.fields[field]]]] : []));
  return {
    values: Object.fromEntries(values),
    receivedAt: line.receivedAt,
    source: line.source,
    toldAt: isTold ? line.receivedAt : undefined,
    told: Object.fromEntries(told),
  };
}

/** The state after the deliveries of both. */
export function join(a: LineState, b: LineState): LineState {
  const slots = new Set([...Object.keys(a.values), ...Object.keys(b.values)]);
  const told = CHECKED_FIELDS.flatMap((field) => {
    const all = new Set([...(a.told[field] ?? []), ...(b.told[field] ?? [])]);
    return all.size > 0 ? [[field, [...all].sort()]] : [];
  });
  return {
    values: Object.fromEntries([...slots].map((slot) => [slot, joinValues(slot, [...(a.values[slot] ?? []), ...(b.values[slot] ?? [])])])),
    receivedAt: earliest([a.receivedAt, b.receivedAt]) ?? a.receivedAt,
    source: a.source === SOURCES.push ? a.source : b.source,
    toldAt: earliest([a.toldAt, b.toldAt]),
    told: Object.fromEntries(told),
  };
}

/** Of each value the best delivery, and only the values that no other says more precisely. */
function joinValues(slot: Slot, delivered: readonly DeliveredValue[]): DeliveredValue[] {
  const best = new Map<string, DeliveredValue>();
  for (const value of delivered) {
    const id = `${value.unreadable} ${value.text}`;
    const known = best.get(id);
    if (known === undefined || isBetter(value.by, known.by)) best.set(id, value);
  }
  const values = [...best.values()];
  const readable = values.filter((v) => !v.unreadable);
  return inCanonicalOrder(values.filter((v) => v.unreadable || !readable.some((other) => saysLess(slot, v.text, other.text))));
}

/** Equal sets of values are equal lists. */
export const inCanonicalOrder = (values: readonly DeliveredValue[]): DeliveredValue[] =>
  [...values].sort((a, b) => Number(a.unreadable) - Number(b.unreadable) || compare(a.text, b.text));

/** What a query shows of a slot: the newest value that could be read. */
export const shownValue = (values: readonly DeliveredValue[] = []): DeliveredValue | undefined =>
  newest(values.filter((v) => !v.unreadable));

/** What could not be read, and nothing readable came in its place. */
export function openProblems(values: readonly DeliveredValue[]): DeliveredValue[] {
  const shown = shownValue(values);
  return values.filter((v) => v.unreadable && (shown === undefined || compareDeliveries(v.by, shown.by) > 0));
}

/**
 * The delivery whose query string and request id the row shows: the newest that changed something, or, where deliveries only repeat or complete each other,
 * the one that began it.
 */
export function shownDelivery(state: LineState): Delivery {
  const slots = Object.values(state.values);
  const [first, ...rest] = slots.flat().map(({ by }) => by);
  if (first === undefined) throw new Error('a line without any value');
  const best = rest.reduce((known, by) => (isBetter(by, known) ? by : known), first);
  const changes = slots.filter((values) => values.length > 1).flatMap((values) => newest(values)?.by ?? []);
  return changes.reduce((known, by) => (compareDeliveries(by, known) > 0 ? by : known), best);
}

/** How many values were superseded by newer ones: more than before means that Rakuten changed the line. */
export const supersededCount = (state: LineState): number =>
  Object.values(state.values).reduce((count, values) => count + values.length - 1, 0);

/** Whether the Events API told a checked field, and never as the row shows it. */
export function isContradicted(state: LineState): boolean {
  return CHECKED_FIELDS.some((field) => {
    const told = state.told[field] ?? [];
    const shown = shownValue(state.values[field])?.text;
    return told.length > 0 && shown !== undefined && !told.some((text) => text === shown || saysLess(field, text, shown));
  });
}

/**
 * Of two deliveries of the same value the one to name: the newer `process_date`, so that a value that was corrected and corrected back counts as new;
 * among equal ones the first that came, so that a redelivery changes nothing.
 */
function isBetter(a: Delivery, b: Delivery): boolean {
  const order = compare(b.processDate, a.processDate) || compareArrivals(a, b);
  return order < 0;
}

/** Older deliveries first: by `process_date` (without one by arrival, which is minutes later), then by arrival. */
export const compareDeliveries = (a: Delivery, b: Delivery): number =>
  compare(datedBy(a), datedBy(b)) || compareArrivals(a, b) || compare(a.processDate, b.processDate);

const datedBy = ({ processDate, receivedAt }: Delivery): string => processDate || toSecond(receivedAt);

const compareArrivals = (a: Delivery, b: Delivery): number =>
  compare(a.receivedAt, b.receivedAt) || compare(a.requestId, b.requestId) || compare(a.query, b.query);

function newest(values: readonly DeliveredValue[]): DeliveredValue | undefined {
  return values.reduce<DeliveredValue | undefined>(
    (known, value) => (known !== undefined && !isNewer(value, known) ? known : value),
    undefined,
  );
}

/** Two values of one delivery are two readings of it, by two versions of this code: any fixed choice makes the order not matter. */
const isNewer = (a: DeliveredValue, b: DeliveredValue): boolean => (compareDeliveries(a.by, b.by) || compare(a.text, b.text)) > 0;

export const toSecond = (isoDate: string): string => isoDate.replace(/\.\d+Z$/, 'Z');
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
/** Sorting puts what is undefined last. */
const earliest = (times: readonly (string | undefined)[]): string | undefined => [...times].sort()[0];
