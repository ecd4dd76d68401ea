/**
 * Kind of a line.
 *
 * - `preliminary`: an event (`is_event` is `Y`). Rakuten pays nothing for it. If a confirmed line
 *   follows, that is another line.
 * - `sale`: a confirmed line (`is_event` is `N`) that is not negative.
 * - `return`: a confirmed negative line: a return, a cancellation or a correction downwards.
 * - `adjustment`: a confirmed negative line that is no return, such as the `DISCOUNT` line of a
 *   coupon, or a line that takes such a line back.
 * - `unknown`: `is_event`, both amounts, or the `etransaction_id` that the URL asks for are missing
 *   or unreadable. Such a line is in no sum.
 */
export type TransactionKind = 'preliminary' | 'sale' | 'return' | 'adjustment' | 'unknown';
