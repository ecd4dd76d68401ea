import type { TransactionKind } from '../rakuten/postback/fields';

/**
 * Why an event is sent, one or more of:
 *
 * - `new`: the line was not there before.
 * - `changed`: the line shows another value, or is no longer verified or withdrawn.
 * - `verified`: Rakuten's Events API returns the line as shown. Also when a withdrawn line is back.
 * - `withdrawn`: the Events API no longer returns the line, as the advertiser eliminated it.
 *
 * or else only:
 *
 * - `bookkeeping`: the row changed, but not what it shows of the transaction. Examples: another
 *   postback for the line, an earlier arrival time, an attribute of the application.
 */
export const REASONS = ['new', 'changed', 'verified', 'withdrawn', 'bookkeeping'] as const;
export type TransactionReason = (typeof REASONS)[number];

/** Which events a target receives. An absent property does not restrict. */
export interface EventFilter {
  readonly reasons: readonly TransactionReason[];
  readonly sids?: readonly string[];
  readonly advertiserIds?: readonly string[];
  readonly kinds?: readonly TransactionKind[];
  readonly verifiedOnly?: boolean;
}
