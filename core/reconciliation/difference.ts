import type { RowField } from '../rakuten/postback/fields';
import type { RowKey } from '../transactions/keys';
import { STORED_FIELDS } from '../transactions/row';
import { type Answer, type AnswerEffect, type RowState, shownContent } from '../transactions/row-state';

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

export function differenceOf(key: RowKey, what: Difference['what'], row: RowState | undefined, answer?: Answer): Difference {
  const shown = row === undefined ? {} : shownContent(row).fields;
  const fields = STORED_FIELDS.filter((field) => answer !== undefined && shown[field] !== answer.fields[field]);
  return {
    what,
    line_id: key.lineId,
    is_event: key.isEvent,
    fields: fields.map((field) => ({ field, row: shown[field], rakuten: answer?.fields[field] })),
  };
}
