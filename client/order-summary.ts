import Big from 'big.js';
import { sumByCurrency } from './amounts';
import { kindsInOrder, processedAt } from './kind';
import { matchEvents } from './matching';
import type { Money, OrderStatus, OrderSummary, Transaction, TransactionKind, TransactionRow } from './types';

/**
 * Adds up the lines of one order. Lines of several orders must not be mixed: rows that share their `order_key` are one order.
 *
 * `unattributed` lines are shown but in no sum.
 */
export function summariseOrder(
  orderLines: readonly TransactionRow[],
  adjustmentSku: RegExp,
  unattributed: readonly Transaction[] = [],
): OrderSummary | undefined {
  const lines = kindsInOrder([...orderLines].sort(byProcessing), adjustmentSku);
  const [first] = lines;
  if (first === undefined) return undefined;
  const ofKind = (...kinds: TransactionKind[]) => lines.filter((line) => kinds.includes(line.kind));
  const { matches, unmatched } = matchEvents(lines);
  return {
    order_key: first.order_key,
    sid: first.sid,
    advertiser_id: first.advertiser_id,
    order_id: first.order_id,
    members: [...new Set(lines.flatMap((line) => line.u1 ?? []))],
    status: orderStatus(lines),
    ordered_at: earliest(lines.map((line) => line.occurred_at)),
    first_processed_at: processedAt(first),
    last_processed_at: processedAt(lines.at(-1) ?? first),
    net: sumByCurrency(ofKind('sale', 'return', 'adjustment')),
    sales: sumByCurrency(ofKind('sale')),
    returns: sumByCurrency(ofKind('return')),
    adjustments: sumByCurrency(ofKind('adjustment')),
    preliminary: sumByCurrency(ofKind('preliminary')),
    pending: sumByCurrency(unmatched),
    matches,
    unmatched_preliminary: unmatched,
    doubtful: lines.filter(isDoubtful),
    unattributed,
    lines,
  };
}

const isDoubtful = (line: TransactionRow): boolean =>
  line.kind === 'unknown' || line.parse_problems !== undefined || line.contradicted_at !== undefined;

/** Where an order stands, from lines whose kind was judged in the light of the whole order. */
function orderStatus(lines: readonly Transaction[]): OrderStatus {
  const returns = lines.filter((line) => line.kind === 'return');
  if (returns.length > 0) return isNothingLeft(lines) ? 'returned' : 'partly returned';
  if (lines.some((line) => line.kind === 'sale' || line.kind === 'adjustment')) return 'confirmed';
  return lines.some((line) => line.kind === 'preliminary') ? 'preliminary' : 'unknown';
}

/**
 * Whether the returns have eaten up the sales, in every currency. A cancellation may give back the price of the goods, leaving the discount
 * line as it is, or what was paid, or cancel both lines: so either sum at zero is enough.
 */
function isNothingLeft(lines: readonly Transaction[]): boolean {
  const sold = lines.filter((line) => line.kind === 'sale' || line.kind === 'return');
  const all = lines.filter((line) => sold.includes(line) || line.kind === 'adjustment');
  return sumByCurrency(sold).every((money) => {
    const net = sumByCurrency(all).find((other) => other.currency === money.currency) ?? money;
    return isSpent(money, lines) || isSpent(net, lines);
  });
}

/** By `sale_amount`; by `commissions` where no line of the order has a sale amount, as under a URL that does not ask for it. */
function isSpent(money: Money, lines: readonly Transaction[]): boolean {
  const hasSaleAmounts = lines.some((line) => line.sale_amount !== undefined && !new Big(line.sale_amount).eq(0));
  return new Big(hasSaleAmounts ? money.sale_amount : money.commissions).lte(0);
}

function byProcessing(a: Transaction, b: Transaction): number {
  const [first, second] = [a, b].map((line) => `${processedAt(line)}\n${line.line_key}`) as [string, string];
  return first < second ? -1 : 1;
}

/** The first of some times; they are written alike, so their order as texts is their order in time. */
export const earliest = (times: readonly string[]): string => [...times].sort()[0] ?? '';
