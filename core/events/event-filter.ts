import type { TransactionKind } from '../rakuten/transaction-kind';

/**
 * Why an event is sent, one or more of:
 *
 * - `new`: the line was not there before.
 * - `changed`: a field that Rakuten sends has another value than before, or has one for the first time.
 * - `verified`: Rakuten's Events API has told the line with the same amounts, currency and member.
 * - `contradicted`: the Events API tells other amounts, another currency or another member than the row shows.
 *
 * or else only:
 *
 * - `bookkeeping`: the row changed, but what it says of the transaction did not: a time was told more precisely, a redelivery was noted, the Events API added fields
 *   that postbacks do not have, the application set an attribute of its own.
 */
export const REASONS = ['new', 'changed', 'verified', 'contradicted', 'bookkeeping'] as const;
export type TransactionReason = (typeof REASONS)[number];

/** Which events are wanted. What is absent does not restrict. */
export interface EventFilter {
  readonly reasons: readonly TransactionReason[];
  readonly sids?: readonly string[];
  readonly advertiserIds?: readonly string[];
  readonly kinds?: readonly TransactionKind[];
  readonly verifiedOnly?: boolean;
}
