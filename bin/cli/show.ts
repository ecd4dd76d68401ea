import type picocolors from 'picocolors';
import type { Money, OrderStatus, OrderSummary, Transaction, TransactionKind } from '../../client';
import { sumByCurrency } from '../../client/amounts';
import type { Column } from './table';

export type Colours = ReturnType<typeof picocolors.createColors>;

/** An exact decimal with at least the digits that its currency has. Nothing is ever rounded away. */
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
    return 0; // Not a currency code: shown as it came.
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
  unknown: colours.inverse,
});

/** Columns of a list of lines. `timeOf` is the time that the list is sorted by. */
export function lineColumns(colours: Colours, time: { title: string; of: (line: Transaction) => string }): Column<Transaction>[] {
  const negative = (text: string): string => (text.startsWith('-') ? colours.red(text) : text);
  return [
    { title: time.title, text: (line) => timeText(time.of(line)) },
    { title: 'KIND', text: (line) => line.kind, paint: (text, line) => kindPainter(colours)[line.kind](text) },
    { title: 'ORDER', text: (line) => line.order_id ?? '', maxWidth: 36 },
    { title: 'ADVERTISER', text: (line) => line.advertiser_id ?? '', dropOrder: 2 },
    { title: 'SKU', text: (line) => line.sku_number ?? '', maxWidth: 20, dropOrder: 3 },
    { title: 'PRODUCT', text: (line) => line.product_name ?? '', maxWidth: 28, dropOrder: 4 },
    { title: 'SALE', text: (line) => amountText(line.sale_amount, line.currency), align: 'right', paint: negative },
    { title: 'COMMISSION', text: (line) => amountText(line.commissions, line.currency), align: 'right', paint: negative },
    { title: 'CUR', text: (line) => line.currency ?? '' },
    { title: 'MEMBER', text: (line) => line.u1 ?? '', maxWidth: 24, dropOrder: 1 },
    { title: 'VERIFIED', text: (line) => (line.verified_at === undefined ? '' : 'yes'), dropOrder: 5 },
    { title: 'TRANSACTION', text: (line) => line.etransaction_id ?? '', dropOrder: 6 },
  ];
}

/** Columns of a list of orders. */
export function orderColumns(colours: Colours): Column<OrderSummary>[] {
  const confirmedLines = (order: OrderSummary): number => order.lines.filter((line) => line.kind !== 'preliminary').length;
  return [
    { title: 'ORDERED (UTC)', text: (order) => timeText(order.ordered_at) },
    { title: 'STATUS', text: (order) => order.status, paint: (text, order) => statusPainter(colours)[order.status](text) },
    { title: 'ORDER', text: (order) => order.order_id ?? order.order_key, maxWidth: 36 },
    { title: 'ADVERTISER', text: (order) => order.advertiser_id ?? '', dropOrder: 3 },
    { title: 'MEMBER', text: (order) => order.members.join(', '), maxWidth: 24, dropOrder: 2 },
    { title: 'LINES', text: (order) => String(confirmedLines(order)), align: 'right', dropOrder: 4 },
    { title: 'NET SALE', text: (order) => moneyText(order.net, 'sale_amount'), align: 'right' },
    { title: 'NET COMMISSION', text: (order) => moneyText(order.net, 'commissions'), align: 'right' },
    {
      title: 'PENDING',
      text: (order) => moneyText(order.pending, 'sale_amount'),
      align: 'right',
      dropOrder: 1,
    },
  ];
}

/** What stands below a list of lines: how many of which kind, and sums in which events and confirmed lines stay apart. */
export function linesFooter(lines: readonly Transaction[]): string[] {
  const kinds = new Map<TransactionKind, number>();
  for (const { kind } of lines) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const counts = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const confirmed = lines.filter(({ kind }) => kind === 'sale' || kind === 'return' || kind === 'adjustment');
  const events = lines.filter(({ kind }) => kind === 'preliminary');
  return [
    `${lines.length === 1 ? '1 line' : `${lines.length} lines`} (${counts})`,
    ...totals('confirmed, net', sumByCurrency(confirmed)),
    ...totals('preliminary, not added', sumByCurrency(events)),
  ];
}

/** `net: 71.49 USD; commissions 3.57 USD`, or nothing when nothing was added up. */
export const totals = (name: string, amounts: readonly Money[]): string[] => totalTexts(amounts).map((text) => `${name}: ${text}`);

/** `71.49 USD; commissions 3.57 USD`, or nothing when nothing was added up. */
export function totalTexts(amounts: readonly Money[]): string[] {
  if (amounts.length === 0) return [];
  return [`${moneyText(amounts, 'sale_amount')}; commissions ${moneyText(amounts, 'commissions')}`];
}
