import type picocolors from 'picocolors';
import type { Money, OrderStatus, OrderSummary, Sums, Transaction, TransactionKind, TransactionRow } from '../../client';
import { sumByCurrency } from '../../client/amounts';
import type { Column } from './table';

export type Colours = ReturnType<typeof picocolors.createColors>;

/** An exact decimal with at least the digits that its currency has. Never rounded. */
export function amountText(decimal: string | undefined, currency: string | undefined): string {
  if (decimal === undefined) return '';
  const [whole = '', fraction = ''] = decimal.split('.');
  const digits = fraction.padEnd(minorDigits(currency), '0');
  return digits === '' ? whole : `${whole}.${digits}`;
}

function minorDigits(currency: string | undefined): number {
  if (currency === undefined) return 0;
  try {
    return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().minimumFractionDigits ?? 0;
  } catch {
    return 0; // Not a currency code.
  }
}

/** `71.49 USD, 900 JPY`, or nothing without any amount. */
export function moneyText(amounts: readonly Money[], field: 'sale_amount' | 'commissions'): string {
  return amounts.map((money) => `${amountText(money[field], money.currency)} ${money.currency ?? '(no currency)'}`).join(', ');
}

/** `2026-03-13 18:02`, in UTC. */
export const timeText = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

const kindPainter = (colours: Colours): Record<TransactionKind, (text: string) => string> => ({
  preliminary: colours.yellow,
  sale: colours.green,
  return: colours.red,
  adjustment: colours.magenta,
  unknown: colours.inverse,
});

const statusPainter = (colours: Colours): Record<OrderStatus, (text: string) => string> => ({
  preliminary: colours.yellow,
  confirmed: colours.green,
  'partly returned': colours.red,
  returned: colours.red,
  cancelled: colours.red,
  unknown: colours.inverse,
});

/** Whether the Events API has returned a line. */
export type Verification = 'verified' | 'unverified' | 'withdrawn';

export function verificationOf({ verified_at, withdrawn_at }: Transaction): Verification {
  if (withdrawn_at !== undefined) return 'withdrawn';
  return verified_at === undefined ? 'unverified' : 'verified';
}

const verificationPainter = (colours: Colours): Record<Verification, (text: string) => string> => ({
  verified: colours.green,
  unverified: colours.yellow,
  withdrawn: colours.red,
});

/** Columns of a list of lines. `time` is the time that the list is sorted by. */
export function lineColumns(colours: Colours, time: { title: string; of: (line: Transaction) => string }): Column<Transaction>[] {
  const negative = (text: string): string => (text.startsWith('-') ? colours.red(text) : text);
  return [
    { title: time.title, text: (line) => timeText(time.of(line)) },
    { title: 'KIND', text: (line) => line.kind, paint: (text, line) => kindPainter(colours)[line.kind](text) },
    { title: 'ORDER', text: (line) => line.order_id ?? '', maxWidth: 36 },
    { title: 'ADVERTISER', text: (line) => line.advertiser_id ?? '', dropOrder: 3 },
    { title: 'SKU', text: (line) => line.sku_number ?? '', maxWidth: 20, dropOrder: 4 },
    { title: 'PRODUCT', text: (line) => line.product_name ?? '', maxWidth: 28, dropOrder: 5 },
    { title: 'SALE', text: (line) => amountText(line.sale_amount, line.currency), align: 'right', paint: negative },
    { title: 'COMMISSION', text: (line) => amountText(line.commissions, line.currency), align: 'right', paint: negative },
    { title: 'CUR', text: (line) => line.currency ?? '' },
    { title: 'MEMBER', text: (line) => line.u1 ?? '', maxWidth: 24, dropOrder: 2 },
    {
      title: 'STATE',
      text: verificationOf,
      paint: (text, line) => verificationPainter(colours)[verificationOf(line)](text),
      dropOrder: 1,
    },
    { title: 'TRANSACTION', text: (line) => line.etransaction_id ?? '', dropOrder: 6 },
  ];
}

/** Columns of a list of orders. */
export function orderColumns(colours: Colours): Column<OrderSummary>[] {
  const confirmedLines = (order: OrderSummary): number => order.lines.filter((line) => line.is_event === 'N').length;
  return [
    { title: 'ORDERED (UTC)', text: (order) => timeText(order.ordered_at) },
    { title: 'STATUS', text: (order) => order.status, paint: (text, order) => statusPainter(colours)[order.status](text) },
    { title: 'ORDER', text: (order) => order.order_id ?? '', maxWidth: 36 },
    { title: 'ADVERTISER', text: (order) => order.advertiser_id ?? '', dropOrder: 4 },
    { title: 'MEMBER', text: (order) => order.members.join(', '), maxWidth: 24, dropOrder: 3 },
    { title: 'LINES', text: (order) => String(confirmedLines(order)), align: 'right', dropOrder: 5 },
    { title: 'EARNED SALE', text: (order) => moneyText(order.earned, 'sale_amount'), align: 'right' },
    { title: 'COMMISSION', text: (order) => moneyText(order.earned, 'commissions'), align: 'right' },
    { title: 'AWAITING', text: (order) => moneyText(order.awaiting, 'sale_amount'), align: 'right', dropOrder: 1 },
    { title: 'PENDING', text: (order) => moneyText(order.pending, 'sale_amount'), align: 'right', dropOrder: 2 },
  ];
}

/** The footer of a list of lines: numbers by kind and verification, and sums that never mix them. */
export function linesFooter(lines: readonly Transaction[]): string[] {
  const counted = lines.filter(({ kind }) => kind !== 'unknown');
  const confirmed = counted.filter(({ is_event }) => is_event === 'N');
  const ofState = (state: Verification): Transaction[] => confirmed.filter((line) => verificationOf(line) === state);
  const events = counted.filter((line) => line.is_event === 'Y' && verificationOf(line) !== 'withdrawn');
  return [
    linesText(lines),
    ...totals('verified, net', sumByCurrency(ofState('verified'))),
    ...totals('unverified', sumByCurrency(ofState('unverified'))),
    ...totals('events, not added', sumByCurrency(events)),
  ];
}

/** `6 lines (4 sale, 2 return): 5 verified, 1 unverified` */
export function linesText(lines: readonly Transaction[]): string {
  const total = lines.length === 1 ? '1 line' : `${lines.length} lines`;
  return `${total} (${countsText(lines.map(({ kind }) => kind))}): ${countsText(lines.map(verificationOf))}`;
}

/** `2 sale, 1 return`, in the order of their first occurrence. */
export function countsText(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => `${count} ${value}`).join(', ');
}

const MAX_NOTES = 10;

/** What else there is to know of lines. Long lists are cut. */
export function lineNotes(lines: readonly Transaction[]): string[] {
  const notes = lines.flatMap((line) => {
    const text = [...postbackNotes(line), ...doubtNotes(line)].join('; ');
    return text === '' ? [] : [`${line.etransaction_id ?? line.line_id}: ${text}`];
  });
  return notes.length <= MAX_NOTES ? notes : [...notes.slice(0, MAX_NOTES), `and ${notes.length - MAX_NOTES} more lines with notes`];
}

/** What postbacks say otherwise than the Events API. */
export function postbackNotes({ differing_fields: fields = [] }: Transaction): string[] {
  return fields.length === 0 ? [] : [`a postback says otherwise: ${fields.join(', ')}`];
}

const doubtNotes = ({ parse_problems: problems = [], kind }: Transaction): string[] => [
  ...problems,
  ...(kind === 'unknown' ? ['its kind is unknown, so it is in no sum'] : []),
];

/** All attributes of a row, by name. Lists of deliveries get one entry per delivery. */
export function rowRecord({ other_pushes: pushes = [], replaced_answers: answers = [], ...row }: TransactionRow): [string, string][] {
  return [
    ['state', [verificationOf(row), ...postbackNotes(row)].join('; ')],
    ...Object.entries(row).map(([name, value]): [string, string] => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
    ...pushes.map(({ received_at, source = 'postback', query }): [string, string] => [`other ${source}`, `${received_at}  ${query}`]),
    ...answers.map(({ answered_at, values }): [string, string] => ['replaced answer', `${answered_at}  ${values}`]),
  ];
}

/** The three sums, as far as there are any. */
export function sumsText({ earned, awaiting, pending }: Sums): string[] {
  return [...totals('earned', earned), ...totals('awaiting verification', awaiting), ...totals('pending', pending)];
}

/** `earned: 71.49 USD; commissions 3.57 USD`, or nothing without any amount. */
export const totals = (name: string, amounts: readonly Money[]): string[] => totalTexts(amounts).map((text) => `${name}: ${text}`);

/** `71.49 USD; commissions 3.57 USD`, or nothing without any amount. */
export function totalTexts(amounts: readonly Money[]): string[] {
  if (amounts.length === 0) return [];
  return [`${moneyText(amounts, 'sale_amount')}; commissions ${moneyText(amounts, 'commissions')}`];
}
