import Big from 'big.js';
import { sumByCurrency } from './amounts';
import { kindsInOrder, processedAt } from './kind';
import { type Settlement, settle } from './settlement';
import type { Money, OrderStatus, OrderSummary, SummaryOptions, Sums } from './summary-types';
import { compareTimes, earliest } from './times';
import type { Transaction, TransactionRow } from './types';

/** How orders are summarised. */
export interface SummarySettings extends SummaryOptions {
  readonly adjustmentSku: RegExp;
}

/** Summarises the rows of one order. Undefined if there are none. */
export function summariseOrder(
  rows: readonly TransactionRow[],
  settings: SummarySettings,
): OrderSummary | undefined {
  return describeOrder(rows, settle(rows, settings), settings);
}

/** An order with the sums of a settlement of its lines. Undefined if there are no rows. */
export function describeOrder(
  rows: readonly TransactionRow[],
  settlement: Settlement<TransactionRow>,
  { adjustmentSku, includeUnverified }: SummarySettings,
): OrderSummary | undefined {
  const lines = kindsInOrder([...rows].sort(byProcessing), adjustmentSku);
  const [first] = lines;
  if (first === undefined) return undefined;
  return {
    sid: first.sid,
    advertiser_id: first.advertiser_id,
    order_id: first.order_id,
    members: membersOf(lines, includeUnverified),
    status: orderStatus(lines),
    ordered_at: earliest(lines.map((line) => line.occurred_at)),
    first_processed_at: processedAt(first),
    last_processed_at: processedAt(lines.at(-1) ?? first),
    ...sumsOf(settlement),
    doubtful: lines.filter((line) => line.kind === 'unknown' || line.parse_problems !== undefined),
    unattributed: [],
    lines,
  };
}

const sumsOf = ({ pending, awaiting, earned }: Settlement<Transaction>): Sums => ({
  pending: sumByCurrency(pending),
  awaiting: sumByCurrency(awaiting),
  earned: sumByCurrency(earned),
});

/** The lines that `earned` may depend on. */
export const trustedLines = <L extends Transaction>(
  lines: readonly L[],
  includeUnverified = false,
): readonly L[] =>
  includeUnverified ? lines : lines.filter((line) => line.verified_at !== undefined);

/** A forged line must not name the member of what others earned. */
function membersOf(lines: readonly Transaction[], includeUnverified?: boolean): string[] {
  const trusted = trustedLines(lines, includeUnverified);
  return [...new Set((trusted.length > 0 ? trusted : lines).flatMap((line) => line.u1 ?? []))];
}

/** The status of an order, from lines whose kinds were computed with regard to each other. */
function orderStatus(lines: readonly Transaction[]): OrderStatus {
  const { pending, earned: counting } = settle(lines, { includeUnverified: true });
  if (counting.some((line) => line.kind === 'return'))
    return isNothingLeft(counting) ? 'returned' : 'partly returned';
  if (counting.length > 0) return 'confirmed';
  if (pending.length > 0) return 'preliminary';
  return lines.some((line) => line.kind !== 'unknown') ? 'cancelled' : 'unknown';
}

/**
 * Whether the returns use up the sales, in every currency.
 *
 * A cancellation may return the price of the goods without the discount line, or what was paid, or
 * it may cancel both lines. So it is enough if one of the two sums is zero.
 */
function isNothingLeft(confirmed: readonly Transaction[]): boolean {
  const sold = sumByCurrency(confirmed.filter((line) => line.kind !== 'adjustment'));
  const all = sumByCurrency(confirmed);
  return sold.every((money) => {
    const net = all.find((other) => other.currency === money.currency) ?? money;
    return isUsedUp(money, confirmed) || isUsedUp(net, confirmed);
  });
}

/**
 * By `sale_amount`, or by `commissions` if no line has a sale amount because the URL does not ask
 * for it.
 */
function isUsedUp(money: Money, lines: readonly Transaction[]): boolean {
  const hasSaleAmounts = lines.some(
    (line) => line.sale_amount !== undefined && !new Big(line.sale_amount).eq(0),
  );
  return new Big(hasSaleAmounts ? money.sale_amount : money.commissions).lte(0);
}

const byProcessing = (a: Transaction, b: Transaction): number =>
  compareTimes(processedAt(a), processedAt(b)) || compareKeys(keyOf(a), keyOf(b));

const keyOf = (line: Transaction): string => `${line.line_id}\n${line.is_event}`;
const compareKeys = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
