import Big from 'big.js';
import type { LineFields } from '../store/row';
import type { TransactionKind } from './transaction-kind';

/** The fields that tell what a line is. */
export type JudgedFields = Pick<LineFields, 'is_event' | 'sale_amount' | 'commissions' | 'sku_number'>;

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

// Not `test`: on a pattern with the flag `g` that would remember where it stopped.
export const looksLikeAdjustment = ({ sku_number }: JudgedFields, pattern: RegExp): boolean =>
  sku_number !== undefined && sku_number.search(pattern) >= 0;
