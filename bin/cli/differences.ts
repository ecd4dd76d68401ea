import { ATTRIBUTES } from '../../core/names';
import type { Comparison } from '../../core/reconciliation/compare';
import type { Item } from '../../core/store/attributes';
import { amountText, type Colours, timeText } from './show';
import type { Column } from './table';

/** What the table and Rakuten do not agree about: a line of Rakuten's, or (`not at Rakuten`) a row that Rakuten does not tell. */
export interface Difference {
  readonly what: 'missing' | 'different' | 'incomplete' | 'not at Rakuten';
  readonly order_key: string;
  readonly line_key: string;
  readonly etransaction_id?: string;
  readonly is_event?: string;
  readonly advertiser_id?: string;
  readonly order_id?: string;
  readonly process_date?: string;
  readonly sale_amount?: string;
  readonly commissions?: string;
  readonly currency?: string;
  /** Of a line that is `different`: the fields that are. */
  readonly differences?: Comparison['differences'];
}

/** Undefined for a line that the table has as Rakuten tells it. */
export function differenceOf({ standing, key, line, differences }: Comparison): Difference | undefined {
  if (standing === 'same' || standing === 'unverified') return undefined;
  return {
    what: standing,
    ...shown((field) => line.fields[field]),
    order_key: key.orderKey,
    line_key: key.lineKey,
    ...(differences.length === 0 ? {} : { differences }),
  };
}

export const differenceOfRow = (row: Item): Difference => ({
  what: 'not at Rakuten',
  ...shown((field) => row[field]?.N ?? row[field]?.S),
  order_key: row[ATTRIBUTES.orderKey]?.S ?? '',
  line_key: row[ATTRIBUTES.lineKey]?.S ?? '',
});

const SHOWN = [
  'etransaction_id',
  'is_event',
  'advertiser_id',
  'order_id',
  'process_date',
  'sale_amount',
  'commissions',
  'currency',
] as const;

function shown(read: (field: (typeof SHOWN)[number]) => string | undefined): Pick<Difference, (typeof SHOWN)[number]> {
  return Object.fromEntries(SHOWN.map((field) => [field, read(field)]).filter(([, value]) => value !== undefined));
}

export function differenceColumns(colours: Colours): Column<Difference>[] {
  const paint = { missing: colours.red, different: colours.magenta, incomplete: colours.yellow, 'not at Rakuten': colours.yellow };
  return [
    { title: 'WHAT', text: ({ what }) => what, paint: (text, { what }) => paint[what](text) },
    { title: 'PROCESSED (UTC)', text: ({ process_date = '' }) => timeText(process_date) },
    { title: 'ORDER', text: ({ order_id, order_key }) => order_id ?? order_key, maxWidth: 36 },
    { title: 'ADVERTISER', text: ({ advertiser_id = '' }) => advertiser_id, dropOrder: 4 },
    { title: 'EVENT', text: ({ is_event }) => (is_event === 'Y' ? 'Y' : ''), dropOrder: 5 },
    { title: 'SALE', text: ({ sale_amount, currency }) => amountText(sale_amount, currency), align: 'right' },
    { title: 'COMMISSION', text: ({ commissions, currency }) => amountText(commissions, currency), align: 'right', dropOrder: 2 },
    { title: 'CUR', text: ({ currency = '' }) => currency, dropOrder: 3 },
    { title: 'TRANSACTION', text: ({ etransaction_id = '' }) => etransaction_id, dropOrder: 1 },
    {
      title: 'ROW → RAKUTEN',
      text: ({ differences = [] }) => differences.map((d) => `${d.field}: ${d.row} → ${d.rakuten}`).join('; '),
      maxWidth: 100,
    },
  ];
}
