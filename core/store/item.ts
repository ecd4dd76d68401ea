import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { ATTRIBUTES } from '../names';
import { ROW_FIELDS, type RowField } from '../rakuten/fields';
import { processDay, type RowKey } from './keys';
import { currentFields, currentValue, type DeliveredValue, type Delivery, type LineState } from './merge';

export type Item = Record<string, AttributeValue>;

const FIELDS = Object.keys(ROW_FIELDS) as RowField[];

/** The names that this code writes; an application's own attributes on a row are left alone. */
export const OWN_ATTRIBUTES: readonly string[] = [...FIELDS, ...Object.values(ATTRIBUTES)];

/** The item of a line. The same state always gives the same item. */
export function toItem(key: RowKey, state: LineState, dayShards: number): Item {
  const fields = currentFields(state);
  const item: Item = {
    [ATTRIBUTES.orderKey]: { S: key.orderKey },
    [ATTRIBUTES.lineKey]: { S: key.lineKey },
    [ATTRIBUTES.processDay]: { S: processDay(fields.process_date ?? state.receivedAt, key.lineKey, dayShards) },
    [ATTRIBUTES.occurredAt]: { S: fields.transaction_date ?? fields.process_date ?? state.receivedAt },
    [ATTRIBUTES.receivedAt]: { S: state.receivedAt },
    [ATTRIBUTES.source]: { S: state.source },
    [ATTRIBUTES.requestId]: { S: state.top.requestId },
    [ATTRIBUTES.query]: { S: state.top.query },
  };
  for (const field of FIELDS) {
    const value = fields[field];
    if (value !== undefined) item[field] = toAttribute(field, value);
  }
  if (state.top.receivedAt !== state.receivedAt) item[ATTRIBUTES.updatedAt] = { S: state.top.receivedAt };
  if (state.verifiedAt !== undefined) item[ATTRIBUTES.verifiedAt] = { S: state.verifiedAt };
  if (state.top.problems.length > 0) item[ATTRIBUTES.parseProblems] = textList(state.top.problems);
  if (Object.keys(state.extra).length > 0) item[ATTRIBUTES.extra] = textMap(state.extra);
  const others = otherDeliveries(state);
  const previous = others.filter((o) => Object.keys(o.replaced).length > 0);
  const completing = others.filter((o) => Object.keys(o.replaced).length === 0);
  if (previous.length > 0) item[ATTRIBUTES.previousVersions] = { L: previous.map(fromOther) };
  if (completing.length > 0) item[ATTRIBUTES.completedBy] = { L: completing.map(fromOther) };
  return item;
}

/** The state that an item was made from. */
export function fromItem(item: Item): LineState {
  const receivedAt = item[ATTRIBUTES.receivedAt]?.S ?? '';
  const top: Delivery = {
    processDate: (item.process_date?.S ?? '').replace(/\.\d+Z$/, 'Z'),
    receivedAt: item[ATTRIBUTES.updatedAt]?.S ?? receivedAt,
    requestId: item[ATTRIBUTES.requestId]?.S ?? '',
    query: item[ATTRIBUTES.query]?.S ?? '',
    problems: readTextList(item[ATTRIBUTES.parseProblems]),
  };
  const others = [ATTRIBUTES.previousVersions, ATTRIBUTES.completedBy].flatMap((name) => (item[name]?.L ?? []).map(toOther));
  const values: Partial<Record<RowField, DeliveredValue[]>> = {};
  for (const field of FIELDS) {
    const attribute = item[field];
    const by = others.find((o) => o.current.includes(field))?.by ?? top;
    const current = attribute === undefined ? [] : [{ value: fromAttribute(attribute), by }];
    const replaced = others.flatMap((o) => (o.replaced[field] === undefined ? [] : [{ value: o.replaced[field], by: o.by }]));
    const all = [...current, ...replaced].sort((a, b) => (a.value < b.value ? -1 : 1));
    if (all.length > 0) values[field] = all;
  }
  return {
    values,
    top,
    receivedAt,
    source: item[ATTRIBUTES.source]?.S ?? '',
    verifiedAt: item[ATTRIBUTES.verifiedAt]?.S,
    extra: Object.fromEntries(Object.entries(item[ATTRIBUTES.extra]?.M ?? {}).map(([name, value]) => [name, value.S ?? ''])),
  };
}

/** A delivery other than the one shown, with the values of it that were replaced and the names of those that are still shown. */
interface OtherDelivery {
  readonly by: Delivery;
  readonly replaced: { [F in RowField]?: string };
  readonly current: RowField[];
}

function otherDeliveries(state: LineState): OtherDelivery[] {
  const others = new Map<string, OtherDelivery>();
  const of = (by: Delivery): OtherDelivery => {
    const id = deliveryId(by);
    const other = others.get(id) ?? { by, replaced: {}, current: [] };
    others.set(id, other);
    return other;
  };
  for (const field of FIELDS) {
    const values = state.values[field] ?? [];
    const shown = currentValue(values);
    for (const delivered of values) {
      if (delivered !== shown) of(delivered.by).replaced[field] = delivered.value;
      else if (deliveryId(delivered.by) !== deliveryId(state.top)) of(delivered.by).current.push(field);
    }
  }
  return [...others.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, other]) => other);
}

/** Names a delivery and sorts the oldest first. */
const deliveryId = (d: Delivery): string => JSON.stringify([d.processDate, d.receivedAt, d.requestId, d.query]);

/** Attributes of an entry of `previous_versions` and `completed_by`, beside those that a row has too. */
const ENTRY = { processDate: 'process_date', values: 'values', stillShown: 'still_shown' } as const;

function fromOther({ by, replaced, current }: OtherDelivery): AttributeValue {
  const entry: Item = {
    [ATTRIBUTES.receivedAt]: { S: by.receivedAt },
    [ATTRIBUTES.requestId]: { S: by.requestId },
    [ATTRIBUTES.query]: { S: by.query },
  };
  if (by.processDate !== '') entry[ENTRY.processDate] = { S: by.processDate };
  if (by.problems.length > 0) entry[ATTRIBUTES.parseProblems] = textList(by.problems);
  const values = Object.entries(replaced) as [RowField, string][];
  if (values.length > 0)
    entry[ENTRY.values] = { M: Object.fromEntries(values.map(([field, value]) => [field, toAttribute(field, value)])) };
  if (current.length > 0) entry[ENTRY.stillShown] = textList(current);
  return { M: entry };
}

function toOther({ M: entry = {} }: AttributeValue): OtherDelivery {
  const replaced = Object.entries(entry[ENTRY.values]?.M ?? {}).map(([field, value]) => [field, fromAttribute(value)]);
  return {
    by: {
      processDate: entry[ENTRY.processDate]?.S ?? '',
      receivedAt: entry[ATTRIBUTES.receivedAt]?.S ?? '',
      requestId: entry[ATTRIBUTES.requestId]?.S ?? '',
      query: entry[ATTRIBUTES.query]?.S ?? '',
      problems: readTextList(entry[ATTRIBUTES.parseProblems]),
    },
    replaced: Object.fromEntries(replaced),
    current: readTextList(entry[ENTRY.stillShown]) as RowField[],
  };
}

const toAttribute = (field: RowField, value: string): AttributeValue => (ROW_FIELDS[field] === 'decimal' ? { N: value } : { S: value });
const fromAttribute = (attribute: AttributeValue): string =>
  attribute.N === undefined ? (attribute.S ?? '') : canonicalNumber(attribute.N);
/** DynamoDB may give a number back in another notation than it was written in. */
export const canonicalNumber = (text: string): string => new Big(text).toFixed();
const textList = (texts: readonly string[]): AttributeValue => ({ L: texts.map((S) => ({ S })) });
const readTextList = (list: AttributeValue | undefined): string[] => (list?.L ?? []).map(({ S = '' }) => S);
const textMap = (texts: Readonly<Record<string, string>>): AttributeValue => ({
  M: Object.fromEntries(
    Object.entries(texts)
      .sort()
      .map(([name, S]) => [name, { S }]),
  ),
});
