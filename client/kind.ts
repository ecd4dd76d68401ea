import { looksLikeAdjustment, signOf } from '../core/rakuten/postback/kind';
import type { Transaction, TransactionKind } from './types';

export { DEFAULT_ADJUSTMENT_SKU, kindOf, signOf } from '../core/rakuten/postback/kind';

/**
 * The kinds of an order's lines, with regard to each other.
 *
 * A negative line is a return if its SKU was sold before. If not, it is an adjustment if its SKU
 * looks like one or if it came together with the sale (same `transaction_date` and `process_date`),
 * as a discount does and a return does not.
 */
export function kindsInOrder<T extends Transaction>(
  lines: readonly T[],
  adjustmentSku: RegExp,
): T[] {
  const positive = lines.filter((line) => line.kind === 'sale' && signOf(line) === 1);
  const negativeKind = (line: T): TransactionKind => {
    if (positive.some((sale) => sameSku(sale, line) && isNotLater(sale, line))) return 'return';
    return looksLikeAdjustment(line, adjustmentSku) ||
      positive.some((sale) => sameBatch(sale, line))
      ? 'adjustment'
      : 'return';
  };
  const classified = lines.map((line) =>
    line.kind === 'return' || line.kind === 'adjustment'
      ? { ...line, kind: negativeKind(line) }
      : line,
  );
  const adjustments = classified.filter((line) => line.kind === 'adjustment');
  return classified.map((line) =>
    line.kind === 'sale' && takesBack(line, adjustments) ? { ...line, kind: 'adjustment' } : line,
  );
}

/**
 * Whether a positive line takes back an earlier adjustment of its SKU, as when a discounted order
 * is cancelled.
 */
const takesBack = (line: Transaction, adjustments: readonly Transaction[]): boolean =>
  signOf(line) === 1 &&
  adjustments.some((earlier) => sameSku(earlier, line) && isNotLater(earlier, line));

/** When Rakuten processed the line, or when it arrived if that is not known. */
export const processedAt = (line: Transaction): string => line.process_date ?? line.received_at;

/** Whether `a` was processed before `b` or in the same second. */
const isNotLater = (a: Transaction, b: Transaction): boolean =>
  toSecond(processedAt(a)) <= toSecond(processedAt(b));

/** `process_date` has whole seconds, `received_at` has milliseconds. */
const toSecond = (iso: string): string => iso.slice(0, 19);

const sameSku = (a: Transaction, b: Transaction): boolean => a.sku_number === b.sku_number;

const sameBatch = (a: Transaction, b: Transaction): boolean =>
  a.process_date !== undefined &&
  a.process_date === b.process_date &&
  a.transaction_date === b.transaction_date;
