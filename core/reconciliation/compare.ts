import { ATTRIBUTES } from '../names';
import { ROW_FIELDS, type RowField } from '../rakuten/fields';
import type { Item } from '../store/attributes';
import { fromItem, toItem } from '../store/item';
import { type RowKey, rowKey } from '../store/keys';
import { CHECKED_FIELDS, type DeliveredLine, isContradicted, join, type LineState, shownValue, stateOf } from '../store/merge';
import { saysLess } from '../store/precision';

/**
 * How a line that Rakuten holds stands in the table:
 *
 * - `missing`: no row, so no postback brought it
 * - `different`: the row has other values
 * - `unverified`: the row says the same, and the Events API had not told it so far
 * - `incomplete`: as `same`, but Rakuten tells a field that the row does not have, or tells it more precisely
 * - `same`
 */
export type Standing = 'missing' | 'different' | 'unverified' | 'incomplete' | 'same';

/** A field that Rakuten tells otherwise than the row shows it. */
export interface FieldDifference {
  readonly field: RowField;
  readonly row: string;
  readonly rakuten: string;
}

export interface Comparison {
  readonly key: RowKey;
  readonly line: DeliveredLine;
  readonly standing: Standing;
  /** When the row's line first came. Absent when there is no row. */
  readonly rowReceivedAt?: string;
  /** Whether writing the line would change the table. A difference that is known already changes nothing more. */
  readonly changesTable: boolean;
  readonly differences: readonly FieldDifference[];
}

/**
 * Compares a line with its row. The row is joined with the line as the consumer would do it, so a date, number or name in another spelling is no difference,
 * and what would change nothing is known beforehand.
 */
export function compare(line: DeliveredLine, row: Item | undefined): Comparison {
  const key = rowKey(line.fields, line.problems);
  // A row that an application began before its line came says nothing about the line.
  if (row?.[ATTRIBUTES.receivedAt] === undefined) return { key, line, standing: 'missing', changesTable: true, differences: [] };
  const known = fromItem(row);
  const joined = join(known, stateOf(line));
  const changesTable = !isAsBefore(known, joined) && itemText(key, known) !== itemText(key, joined);
  const differences = fieldDifferences(line, known);
  const found = standing(known, joined, differences.length > 0, changesTable);
  return { key, line, standing: found, rowReceivedAt: known.receivedAt, changesTable, differences };
}

function standing(known: LineState, joined: LineState, hasDifferences: boolean, changesTable: boolean): Standing {
  if (hasDifferences || (isContradicted(joined) && !isContradicted(known))) return 'different';
  if (known.toldAt === undefined) return 'unverified';
  return changesTable ? 'incomplete' : 'same';
}

/**
 * Whether the join took nothing from the line but what was known: so it is with almost every line that is compared again, and it is told at a tenth of the
 * cost of the items. Says no also where only the items can tell.
 */
function isAsBefore(known: LineState, joined: LineState): boolean {
  const slots = Object.entries(joined.values);
  return (
    joined.toldAt === known.toldAt &&
    joined.receivedAt === known.receivedAt &&
    joined.source === known.source &&
    slots.length === Object.keys(known.values).length &&
    slots.every(([slot, values]) => isSameList(values, known.values[slot])) &&
    CHECKED_FIELDS.every((field) => isSameList(joined.told[field] ?? [], known.told[field] ?? []))
  );
}

const isSameList = (list: readonly unknown[], other: readonly unknown[] = []): boolean =>
  list.length === other.length && list.every((value, index) => value === other[index]);

/** The same state always gives the same text. One shard will do: their number decides the key of an index only. */
const itemText = (key: RowKey, state: LineState): string => JSON.stringify(toItem(key, state, 1));

function fieldDifferences({ fields }: DeliveredLine, known: LineState): FieldDifference[] {
  return (Object.keys(ROW_FIELDS) as RowField[]).flatMap((field) => {
    const [row, rakuten] = [shownValue(known.values[field])?.text, fields[field]];
    if (row === undefined || rakuten === undefined || row === rakuten) return [];
    return saysLess(field, row, rakuten) || saysLess(field, rakuten, row) ? [] : [{ field, row, rakuten }];
  });
}
