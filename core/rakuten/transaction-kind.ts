/**
 * What a line is:
 *
 * - `preliminary`: an event (`is_event` is `Y`). Rakuten pays nothing for it; the confirmed line, if one follows, is another line.
 * - `sale`: a confirmed line (`is_event` is `N`) that is not negative.
 * - `return`: a confirmed negative line: a return, a cancellation or a correction downwards.
 * - `adjustment`: a confirmed negative line that is no return, such as the `DISCOUNT` line of a coupon, or one that takes such a line back.
 * - `unknown`: `is_event` or both amounts are missing, so that nobody can tell. Such a line is in no sum.
 */
export type TransactionKind = 'preliminary' | 'sale' | 'return' | 'adjustment' | 'unknown';
