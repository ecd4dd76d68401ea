import { ATTRIBUTES } from '../core/names';
import type { FieldDifference, Difference as LineDifference } from '../core/reconciliation/counts';
import type { Item } from '../core/transactions/attributes';
import { parseLineId } from '../core/transactions/keys';
import { CHECKED_FIELDS } from '../core/transactions/row';
import { amountText, type Colours } from './show';
import type { Column } from './table';

/**
 * A difference between the table and the Events API. `not returned`: a row that the Events API does
 * not return.
 */
export interface Difference extends Omit<LineDifference, 'what'> {
  readonly what: LineDifference['what'] | 'not returned';
}

/** What identifies a line for a person. */
const SHOWN_FIELDS = [
  'advertiser_id',
  'order_id',
  'sale_amount',
  'commissions',
  'currency',
  'u1',
] as const;

/** A row that the Events API does not return, as a difference in all that is shown of it. */
export const notReturned = (row: Item): Difference => ({
  what: 'not returned',
  line_id: row[ATTRIBUTES.lineId]?.S ?? '',
  is_event: row[ATTRIBUTES.isEvent]?.S ?? '',
  fields: SHOWN_FIELDS.flatMap((field) => {
    const value = row[field]?.N ?? row[field]?.S;
    return value === undefined ? [] : [{ field, row: value }];
  }),
});

/** Names the row of a difference. */
export const differenceKey = ({
  line_id,
  is_event,
}: Pick<Difference, 'line_id' | 'is_event'>): string => `${line_id} ${is_event}`;

/**
 * Whether a person should see it. Nearly every first answer brings fields that postbacks do not
 * have.
 */
export const isNotable = ({ what, fields }: Difference): boolean =>
  what !== 'unverified' ||
  fields.some(({ field }) => (CHECKED_FIELDS as readonly string[]).includes(field));

export function differenceColumns(colours: Colours): Column<Difference>[] {
  const paint: Record<Difference['what'], (text: string) => string> = {
    missing: colours.red,
    unverified: colours.magenta,
    different: colours.magenta,
    updated: colours.yellow,
    returned: colours.green,
    withdrawn: colours.red,
    unreadable: colours.inverse,
    reused: colours.inverse,
    'not returned': colours.yellow,
  };
  return [
    { title: 'WHAT', text: ({ what }) => what, paint: (text, { what }) => paint[what](text) },
    {
      title: 'TRANSACTION',
      text: ({ line_id }) => parseLineId(line_id).etransactionId ?? '(no ID)',
    },
    { title: 'EVENT', text: ({ is_event }) => is_event },
    { title: 'ROW → RAKUTEN', text: changeText, maxWidth: 100, wraps: true },
  ];
}

function changeText({ what, fields }: Difference): string {
  if (what === 'missing') return `(no row) → ${lineText(fields, 'rakuten')}`;
  if (what === 'not returned') return `${lineText(fields, 'row')} → (nothing)`;
  return fields
    .map(({ field, row, rakuten }) => `${field}: ${row ?? '(empty)'} → ${rakuten ?? '(empty)'}`)
    .join('; ');
}

/** `order W-1, 180.00 USD, commission 5.40, u1 clk_1` */
function lineText(fields: readonly FieldDifference[], side: 'row' | 'rakuten'): string {
  const value = (name: (typeof SHOWN_FIELDS)[number]): string | undefined =>
    fields.find(({ field }) => field === name)?.[side];
  const currency = value('currency');
  const parts: [label: string, text: string][] = [
    ['order', value('order_id') ?? ''],
    ['', [amountText(value('sale_amount'), currency), currency].join(' ').trim()],
    ['commission', amountText(value('commissions'), currency)],
    ['u1', value('u1') ?? ''],
  ];
  return parts
    .flatMap(([label, text]) => (text === '' ? [] : [`${label} ${text}`.trim()]))
    .join(', ');
}
