import { createHash } from 'node:crypto';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES } from '../names';
import { ROW_FIELDS } from '../rakuten/fields';
import { type Item, readText, readTexts, readValues, writeTexts, writeValues } from './attributes';
import { expiryOf } from './expiry';
import { processDay, type RowKey } from './keys';
import {
  CHECKED_FIELDS,
  type CheckedField,
  type DeliveredValue,
  type Delivery,
  inCanonicalOrder,
  isContradicted,
  type LineState,
  openProblems,
  type Slot,
  shownDelivery,
  shownValue,
  toSecond,
} from './merge';
import { otherDeliveries, problemText, type ReadDelivery, readOther, writeOther } from './other-deliveries';

/** The names that this code writes; an application's own attributes on a row are left alone. */
export const OWN_ATTRIBUTES: readonly string[] = [...Object.keys(ROW_FIELDS), ...Object.values(ATTRIBUTES)];

/**
 * The item of a line. The same state always gives the same item.
 *
 * @param key of the row
 * @param state what was delivered
 * @param dayShards over how many keys a day's rows are spread
 * @param expirySeconds how long a preliminary line is kept; undefined: for ever
 */
export function toItem(key: RowKey, state: LineState, dayShards: number, expirySeconds?: number): Item {
  const top = shownDelivery(state);
  const shown = shownTexts(state);
  const { fields, extra } = writeValues(shown);
  const problems = Object.entries(state.values).flatMap(([slot, values]) =>
    openProblems(values).map(({ text }) => problemText(slot, text)),
  );
  const others = otherDeliveries(state, isDatedBy(top, shown) ? top : undefined);
  const item: Item = {
    [ATTRIBUTES.orderKey]: { S: key.orderKey },
    [ATTRIBUTES.lineKey]: { S: key.lineKey },
    [ATTRIBUTES.processDay]: { S: processDay(shown.get('process_date') ?? state.receivedAt, key.lineKey, dayShards) },
    [ATTRIBUTES.occurredAt]: { S: shown.get('transaction_date') ?? shown.get('process_date') ?? state.receivedAt },
    [ATTRIBUTES.receivedAt]: { S: state.receivedAt },
    [ATTRIBUTES.source]: { S: state.source },
    [ATTRIBUTES.requestId]: { S: top.requestId },
    [ATTRIBUTES.query]: { S: top.query },
    ...fields,
    ...toldAttributes(state, shown),
    ...expiryOf(shown, state.receivedAt, expirySeconds),
  };
  if (Object.keys(extra).length > 0) item[ATTRIBUTES.extra] = { M: extra };
  if (problems.length > 0) item[ATTRIBUTES.parseProblems] = writeTexts(problems.sort());
  if (top.receivedAt !== state.receivedAt) item[ATTRIBUTES.updatedAt] = { S: top.receivedAt };
  for (const [name, entries] of [
    [ATTRIBUTES.previousVersions, others.filter((o) => o.isReplaced)],
    [ATTRIBUTES.completedBy, others.filter((o) => !o.isReplaced)],
  ] as const) {
    if (entries.length > 0) item[name] = { L: entries.map(writeOther) };
  }
  return { ...item, ...revisionOf(item) };
}

/** DynamoDB can compare lists and maps in a condition; embedded servers cannot, and a hash is a shorter way to name them. */
function revisionOf(item: Item): Item {
  const documents = Object.entries(item).filter(([, { L, M }]) => L !== undefined || M !== undefined);
  if (documents.length === 0) return {};
  const hash = createHash('sha256').update(JSON.stringify(documents.sort(([a], [b]) => (a < b ? -1 : 1))));
  return { [ATTRIBUTES.revision]: { S: hash.digest('hex').slice(0, 16) } };
}

/** The state that an item was made from. */
export function fromItem(item: Item): LineState {
  const receivedAt = readText(item[ATTRIBUTES.receivedAt]);
  const shown = readValues(item, item[ATTRIBUTES.extra]?.M);
  const top: Delivery = {
    processDate: processSecond(shown),
    receivedAt: item[ATTRIBUTES.updatedAt]?.S ?? receivedAt,
    requestId: readText(item[ATTRIBUTES.requestId]),
    query: readText(item[ATTRIBUTES.query]),
  };
  const others = [
    ...(item[ATTRIBUTES.previousVersions]?.L ?? []).map(readOther),
    ...(item[ATTRIBUTES.completedBy]?.L ?? []).map(readOther),
  ];
  const elsewhere = new Set(others.flatMap((o) => [...o.stillShown, ...o.problems]));
  const ofTop: ReadDelivery = {
    by: top,
    replaced: new Map(),
    problems: readTexts(item[ATTRIBUTES.parseProblems]).filter((problem) => !elsewhere.has(problem)),
    stillShown: [...shown.keys()].filter((slot) => !elsewhere.has(slot)),
  };
  return {
    values: valuesOf([ofTop, ...others], shown),
    receivedAt,
    source: readText(item[ATTRIBUTES.source]),
    ...readTold(item, shown),
  };
}

const processSecond = (shown: ReadonlyMap<Slot, string>): string => toSecond(shown.get('process_date') ?? '');

/**
 * Whether the row's `process_date` is that of the delivery it shows, as it nearly always is. Where that delivery came without one and an older one had it, it is
 * listed among the others as well, or its date could not be told.
 */
const isDatedBy = (top: Delivery, shown: ReadonlyMap<Slot, string>): boolean => top.processDate === processSecond(shown);

function shownTexts(state: LineState): Map<Slot, string> {
  const slots = Object.entries(state.values).map(([slot, values]) => [slot, shownValue(values)?.text] as const);
  return new Map(slots.filter((entry): entry is [Slot, string] => entry[1] !== undefined));
}

function valuesOf(deliveries: readonly ReadDelivery[], shown: ReadonlyMap<Slot, string>): LineState['values'] {
  const values = new Map<Slot, DeliveredValue[]>();
  const add = (slot: Slot, text: string, unreadable: boolean, by: Delivery): unknown =>
    values.set(slot, [...(values.get(slot) ?? []), { text, unreadable, by }]);
  for (const { by, replaced, problems, stillShown } of deliveries) {
    for (const [slot, text] of replaced) add(slot, text, false, by);
    for (const slot of stillShown) {
      const text = shown.get(slot);
      // Somebody may have taken a value out of the row since: an empty one must not come in its place.
      if (text !== undefined) add(slot, text, false, by);
    }
    for (const problem of problems) {
      const colon = problem.indexOf(': ');
      add(problem.slice(0, colon), problem.slice(colon + 2), true, by);
    }
  }
  return Object.fromEntries([...values].map(([slot, delivered]) => [slot, inCanonicalOrder(delivered)]));
}

/** What the Events API told. As a rule that is what the row shows, and then the time says it all. */
function toldAttributes(state: LineState, shown: ReadonlyMap<Slot, string>): Item {
  if (state.toldAt === undefined) return {};
  const item: Item = { [isContradicted(state) ? ATTRIBUTES.contradictedAt : ATTRIBUTES.verifiedAt]: { S: state.toldAt } };
  const otherwise: Item = {};
  for (const field of CHECKED_FIELDS) {
    const told = state.told[field] ?? [];
    const expected = asShown(field, shown);
    if (told.length !== expected.length || told[0] !== expected[0]) otherwise[field] = writeTexts(told);
  }
  if (Object.keys(otherwise).length > 0) item[ATTRIBUTES.toldOtherwise] = { M: otherwise };
  return item;
}

function asShown(field: CheckedField, shown: ReadonlyMap<Slot, string>): string[] {
  const text = shown.get(field);
  return text === undefined ? [] : [text];
}

function readTold(item: Item, shown: ReadonlyMap<Slot, string>): Pick<LineState, 'toldAt' | 'told'> {
  const toldAt = (item[ATTRIBUTES.verifiedAt] ?? item[ATTRIBUTES.contradictedAt])?.S;
  if (toldAt === undefined) return { toldAt, told: {} };
  const otherwise: Record<string, AttributeValue> = item[ATTRIBUTES.toldOtherwise]?.M ?? {};
  const told = CHECKED_FIELDS.flatMap((field) => {
    const texts = otherwise[field] === undefined ? asShown(field, shown) : readTexts(otherwise[field]);
    return texts.length > 0 ? [[field, texts]] : [];
  });
  return { toldAt, told: Object.fromEntries(told) };
}
