import { ATTRIBUTES } from '../names';
import { EVENTS_API_ONLY_FIELDS, isRowField, ROW_FIELDS } from '../rakuten/fields';
import { type Item, readValues } from '../store/attributes';
import type { Slot } from '../store/merge';
import { saysLess } from '../store/precision';
import type { TransactionReason } from './event-filter';
import type { RowChange } from './stream-record';

/** A row that the application began before the line came says nothing about a line yet. */
export const isLine = (item: Item | undefined): item is Item => item?.[ATTRIBUTES.receivedAt] !== undefined;

/** Why this change is told. */
export function reasonsOf({ before, after }: RowChange): TransactionReason[] {
  const old = isLine(before) ? before : undefined;
  const reasons: TransactionReason[] = [];
  if (old === undefined) reasons.push('new');
  else if (saysOther(slotsOf(old), slotsOf(after))) reasons.push('changed');
  if (appeared(ATTRIBUTES.verifiedAt, old, after)) reasons.push('verified');
  if (appeared(ATTRIBUTES.contradictedAt, old, after)) reasons.push('contradicted');
  return reasons.length > 0 ? reasons : ['bookkeeping'];
}

const appeared = (attribute: string, old: Item | undefined, now: Item): boolean =>
  old?.[attribute] === undefined && now[attribute] !== undefined;

const slotsOf = (item: Item): Map<Slot, string> => readValues(item, item[ATTRIBUTES.extra]?.M);

function saysOther(before: ReadonlyMap<Slot, string>, after: ReadonlyMap<Slot, string>): boolean {
  return [...new Set([...before.keys(), ...after.keys()])].some((slot) => isOther(slot, before.get(slot), after.get(slot)));
}

function isOther(slot: Slot, before: string | undefined, after: string | undefined): boolean {
  if (before === after) return false;
  if (before === undefined) return !isEventsApiOnly(slot);
  // An amount without a float's noise is another amount for whoever adds it up.
  return after === undefined || isDecimal(slot) || !saysLess(slot, before, after);
}

const isEventsApiOnly = (slot: Slot): boolean => Object.hasOwn(EVENTS_API_ONLY_FIELDS, slot);
const isDecimal = (slot: Slot): boolean => isRowField(slot) && ROW_FIELDS[slot] === 'decimal';
