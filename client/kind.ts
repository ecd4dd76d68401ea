import { looksLikeAdjustment, signOf } from '../core/rakuten/kind';
import type { Transaction, TransactionKind } from './types';

export { DEFAULT_ADJUSTMENT_SKU, kindOf, signOf } from '../core/rakuten/kind';

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
