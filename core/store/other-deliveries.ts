import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES } from '../names';
import { type Item, readText, readTexts, readValues, writeTexts, writeValues } from './attributes';
import { compareDeliveries, type DeliveredValue, type Delivery, type LineState, openProblems, type Slot, shownValue } from './merge';

/** A delivery other than the one that the row shows: an entry of `previous_versions`, or of `completed_by` when nothing of it was replaced. */
export interface OtherDelivery {
  readonly by: Delivery;
  /** Its values that were replaced by newer ones. */
  readonly replaced: ReadonlyMap<Slot, string>;
  /** Whether anything of it was replaced, be it that a value took the place of what could not be read. */
  readonly isReplaced: boolean;
  /** What of it could not be read, as `field: why`. */
  readonly problems: readonly string[];
  /** The values of it that the row shows. */
  readonly stillShown: readonly Slot[];
}

/** `field: why` */
export const problemText = (slot: Slot, why: string): string => `${slot}: ${why}`;

interface OwnedValue extends DeliveredValue {
  readonly slot: Slot;
  readonly isShown: boolean;
  /** How many replaced values of this slot and delivery stand before it: more than one when a message was read again under another field list. */
  readonly reading: number;
}

type OneOrMore = readonly [OwnedValue, ...OwnedValue[]];

/** The deliveries behind a row's values without the one whose values the row itself has, oldest first. */
export function otherDeliveries(state: LineState, top: Delivery | undefined): OtherDelivery[] {
  const owned = Object.entries(state.values).flatMap(([slot, values]) => ownedValues(slot, values));
  const byDelivery = new Map<string, OneOrMore>();
  for (const value of owned.filter(({ isShown, by }) => !isShown || top === undefined || !isSameDelivery(by, top))) {
    const { processDate, receivedAt, requestId, query } = value.by;
    const id = JSON.stringify([processDate, receivedAt, requestId, query, value.reading]);
    const known = byDelivery.get(id);
    byDelivery.set(id, known === undefined ? [value] : [...known, value]);
  }
  return [...byDelivery.values()].map(otherDelivery).sort((a, b) => compareDeliveries(a.by, b.by));
}

const isSameDelivery = (a: Delivery, b: Delivery): boolean => compareDeliveries(a, b) === 0;

function ownedValues(slot: Slot, values: readonly DeliveredValue[]): OwnedValue[] {
  const shown = new Set([shownValue(values), ...openProblems(values)]);
  const isReplaced = (value: DeliveredValue): boolean => !shown.has(value) && !value.unreadable;
  return values.map((value, i) => {
    const before = isReplaced(value) ? values.slice(0, i).filter((v) => isReplaced(v) && isSameDelivery(v.by, value.by)) : [];
    return { ...value, slot, isShown: shown.has(value), reading: before.length };
  });
}

function otherDelivery(values: OneOrMore): OtherDelivery {
  const readable = values.filter(({ unreadable }) => !unreadable);
  return {
    by: values[0].by,
    replaced: new Map(readable.filter(({ isShown }) => !isShown).map(({ slot, text }) => [slot, text])),
    isReplaced: values.some(({ isShown }) => !isShown),
    problems: values.filter(({ unreadable }) => unreadable).map(({ slot, text }) => problemText(slot, text)),
    stillShown: readable.filter(({ isShown }) => isShown).map(({ slot }) => slot),
  };
}

/** Attributes of an entry beside those that a row has too. */
const ENTRY = { processDate: 'process_date', values: 'values', stillShown: 'still_shown' } as const;

export function writeOther({ by, replaced, problems, stillShown }: OtherDelivery): AttributeValue {
  const { fields, extra } = writeValues(replaced);
  const entry: Item = {
    [ATTRIBUTES.receivedAt]: { S: by.receivedAt },
    [ATTRIBUTES.requestId]: { S: by.requestId },
    [ATTRIBUTES.query]: { S: by.query },
  };
  if (by.processDate !== '') entry[ENTRY.processDate] = { S: by.processDate };
  if (problems.length > 0) entry[ATTRIBUTES.parseProblems] = writeTexts([...problems].sort());
  if (Object.keys(fields).length > 0) entry[ENTRY.values] = { M: fields };
  if (Object.keys(extra).length > 0) entry[ATTRIBUTES.extra] = { M: extra };
  if (stillShown.length > 0) entry[ENTRY.stillShown] = writeTexts([...stillShown].sort());
  return { M: entry };
}

/** A delivery as an item tells it. Whether something of it was replaced follows from the values of the others. */
export type ReadDelivery = Omit<OtherDelivery, 'isReplaced'>;

/** What `writeOther` wrote. */
export function readOther({ M: entry = {} }: AttributeValue): ReadDelivery {
  return {
    by: {
      processDate: readText(entry[ENTRY.processDate]),
      receivedAt: readText(entry[ATTRIBUTES.receivedAt]),
      requestId: readText(entry[ATTRIBUTES.requestId]),
      query: readText(entry[ATTRIBUTES.query]),
    },
    replaced: readValues(entry[ENTRY.values]?.M ?? {}, entry[ATTRIBUTES.extra]?.M),
    problems: readTexts(entry[ATTRIBUTES.parseProblems]),
    stillShown: readTexts(entry[ENTRY.stillShown]),
  };
}
