import type { RowField } from '../rakuten/postback/fields';
import type { RowKey } from '../transactions/keys';
import { STORED_FIELDS } from '../transactions/row';
import {
  type Answer,
  type AnswerEffect,
  type RowState,
  shownContent,
} from '../transactions/row-state';

/**
 * Lines of a run by what their answers did, and:
 *
 * - `withdrawn`: verified lines that the run withdrew
 * - `foreign`: records of other publishers, skipped
 * - `written`: rows that were written
 */
export type Counts = Readonly<Record<AnswerEffect | 'withdrawn' | 'foreign' | 'written', number>>;

export const NO_COUNTS: Counts = {
  missing: 0,
  unverified: 0,
  returned: 0,
  different: 0,
  updated: 0,
  same: 0,
  unreadable: 0,
  reused: 0,
  withdrawn: 0,
  foreign: 0,
  written: 0,
};

/** Lines of this publisher that the Events API returned. */
export const comparedCount = ({
  missing,
  unverified,
  returned,
  different,
  updated,
  same,
  unreadable,
  reused,
}: Counts): number =>
  missing + unverified + returned + different + updated + same + unreadable + reused;

/**
 * The share that postbacks delivered of the lines that a run met for the first time: 0 to 1,
 * undefined without such lines. An overlapping window counts no line twice.
 */
export function deliveryRate({ missing, unverified }: Counts): number | undefined {
  const met = missing + unverified;
  return met === 0 ? undefined : unverified / met;
}

/** A line whose row is not as Rakuten's Events API has it. */
export interface Difference {
  readonly what: Exclude<AnswerEffect, 'same'> | 'withdrawn';
  readonly line_id: string;
  readonly is_event: string;
  /** Fields with other values. */
  readonly fields: readonly FieldDifference[];
}

export interface FieldDifference {
  readonly field: RowField;
  /** What the row shows. Absent where it is empty. */
  readonly row?: string;
  /** What the Events API returned. Absent where it is empty. */
  readonly rakuten?: string;
}

export function differenceOf(
  key: RowKey,
  what: Difference['what'],
  row: RowState | undefined,
  answer?: Answer,
): Difference {
  const shown = row === undefined ? {} : shownContent(row).fields;
  const fields = STORED_FIELDS.filter(
    (field) => answer !== undefined && shown[field] !== answer.fields[field],
  );
  return {
    what,
    line_id: key.lineId,
    is_event: key.isEvent,
    fields: fields.map((field) => ({ field, row: shown[field], rakuten: answer?.fields[field] })),
  };
}
