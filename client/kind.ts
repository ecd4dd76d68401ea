import Big from 'big.js';
import type { Transaction, TransactionKind } from './types';

/** The fields that tell what a line is. */
export type JudgedFields = Pick<Transaction, 'is_event' | 'sale_amount' | 'commissions' | 'sku_number'>;

/** LinkShare Japan shows coupon and point discounts as lines of their own, with an SKU like `DISCOUNT` and negative amounts. */
export const DEFAULT_ADJUSTMENT_SKU = /discount/i;

/** What a line is, judged by itself. */
export function kindOf(line: JudgedFields, adjustmentSku: RegExp): TransactionKind {
  if (line.is_event === 'Y') return 'preliminary';
  // A line that may be an event must not count as confirmed.
  if (line.is_event !== 'N') return 'unknown';
  const sign = signOf(line);
  if (sign === undefined) return 'unknown';
  if (sign >= 0) return 'sale';
  return looksLikeAdjustment(line, adjustmentSku) ? 'adjustment' : 'return';
}

/**
 * What each line of an order is, in the light of the others.
 *
 * A negative line is a return when something of the same SKU was sold before. When nothing was, it is an adjustment if its SKU looks like one
 * or if it came together with the sale (same `transaction_date` and `process_date`), as a discount does and a return does not.
 */
export function kindsInOrder<T extends Transaction>(lines: readonly T[], adjustmentSku: RegExp): T[] {
  const confirmed = lines.filter((line) => line.is_event === 'N');
  const positive = confirmed.filter((line) => signOf(line) === 1);
  const negativeKind = (line: T): TransactionKind => {
    if (positive.some((sale) => sameSku(sale, line) && isNotLater(sale, line))) return 'return';
    return looksLikeAdjustment(line, adjustmentSku) || positive.some((sale) => sameBatch(sale, line)) ? 'adjustment' : 'return';
  };
  const judged = lines.map((line) => (line.kind === 'return' || line.kind === 'adjustment' ? { ...line, kind: negativeKind(line) } : line));
  const adjustments = judged.filter((line) => line.kind === 'adjustment');
  return judged.map((line) => (line.kind === 'sale' && takesBack(line, adjustments) ? { ...line, kind: 'adjustment' } : line));
}

/** Whether a positive line takes an earlier adjustment of the same SKU back, as when a discounted order is cancelled. */
const takesBack = (line: Transaction, adjustments: readonly Transaction[]): boolean =>
  signOf(line) === 1 && adjustments.some((earlier) => sameSku(earlier, line) && isNotLater(earlier, line));

/**
 * The sign of a line: of `sale_amount`, or of `commissions` where that is zero or absent. Unknown without any amount, and with a zero commission
 * alone: the return of a line without commission shows its sign in `sale_amount` only.
 */
export function signOf({ sale_amount, commissions }: JudgedFields): -1 | 0 | 1 | undefined {
  const sale = sale_amount === undefined ? undefined : signum(sale_amount);
  if (sale === 1 || sale === -1) return sale;
  const commission = commissions === undefined ? undefined : signum(commissions);
  if (commission === 1 || commission === -1) return commission;
  return sale;
}

const signum = (decimal: string): -1 | 0 | 1 => new Big(decimal).cmp(0);

/** When Rakuten processed the line, or when it came where that is not known. */
export const processedAt = (line: Transaction): string => line.process_date ?? line.received_at;

/** Whether `a` was processed before `b` or together with it. */
export const isNotLater = (a: Transaction, b: Transaction): boolean => toSecond(processedAt(a)) <= toSecond(processedAt(b));

/** Times are compared to the second: a push has milliseconds, the Events API has none. */
export const toSecond = (iso: string): string => iso.slice(0, 19);

const sameSku = (a: Transaction, b: Transaction): boolean => a.sku_number === b.sku_number;

const sameBatch = (a: Transaction, b: Transaction): boolean =>
  a.process_date !== undefined && sameTime(a.process_date, b.process_date) && sameTime(a.transaction_date, b.transaction_date);

const sameTime = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && toSecond(a) === toSecond(b));

// Not `test`: on a pattern with the flag `g` that would remember where it stopped.
const looksLikeAdjustment = ({ sku_number }: JudgedFields, pattern: RegExp): boolean =>
  sku_number !== undefined && sku_number.search(pattern) >= 0;
