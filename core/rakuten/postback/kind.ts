import Big from 'big.js';
import type { TransactionKind } from './fields';

/** The attributes that decide what a line is. */
export interface ClassifiedLine {
  readonly is_event?: string;
  readonly sale_amount?: string;
  readonly commissions?: string;
  readonly sku_number?: string;
  readonly parse_problems?: readonly string[];
}

/**
 * LinkShare Japan sends coupon and point discounts as lines with negative amounts and an SKU like
 * `DISCOUNT`.
 */
export const DEFAULT_ADJUSTMENT_SKU = /discount/i;

/** The kind of a line, without regard to the other lines of its order. */
export function kindOf(line: ClassifiedLine, adjustmentSku: RegExp): TransactionKind {
  if (!hasKnownKind(line)) return 'unknown';
  if (line.is_event === 'Y') return 'preliminary';
  if (signOf(line) !== -1) return 'sale';
  return looksLikeAdjustment(line, adjustmentSku) ? 'adjustment' : 'return';
}

/** Whether a line can be in a sum at all. */
export function hasKnownKind(line: ClassifiedLine): boolean {
  if (line.parse_problems?.some((problem) => problem.startsWith('etransaction_id: '))) return false;
  if (line.is_event === 'Y') return true;
  // A line that may be an event must not count as confirmed.
  return line.is_event === 'N' && signOf(line) !== undefined;
}

/**
 * The sign of a line: of `sale_amount`, or of `commissions` where that is zero or absent.
 *
 * Unknown without any amount, and with a zero commission alone: the return of a line without
 * commission shows its sign in `sale_amount` only.
 */
export function signOf({ sale_amount, commissions }: ClassifiedLine): -1 | 0 | 1 | undefined {
  const sale = sale_amount === undefined ? undefined : signum(sale_amount);
  if (sale === 1 || sale === -1) return sale;
  const commission = commissions === undefined ? undefined : signum(commissions);
  if (commission === 1 || commission === -1) return commission;
  return sale;
}

const signum = (decimal: string): -1 | 0 | 1 => new Big(decimal).cmp(0);

// Not `test`: with the flag `g` a pattern remembers where its last match ended.
export const looksLikeAdjustment = ({ sku_number }: ClassifiedLine, pattern: RegExp): boolean =>
  sku_number !== undefined && sku_number.search(pattern) >= 0;
