import { Token } from 'aws-cdk-lib';
import type { EventFilter } from '../core/events/event-filter';
import type { Problem } from './private/checks';

/** What has happened to a line. */
export enum TransactionChange {
  /** The line is there for the first time. */
  NEW_LINE = 'new',
  /** A field that Rakuten sends has another value than before, or has one for the first time. */
  CHANGED = 'changed',
  /** Rakuten's Events API has confirmed the line: same amounts, currency and member. */
  VERIFIED = 'verified',
  /** Rakuten's Events API tells other amounts, another currency or another member than the row shows. */
  CONTRADICTED = 'contradicted',
  /**
   * The row has changed and says the same of the transaction: a time was told more precisely, a redelivery was noted, the Events API added fields that postbacks do not
   * have, or the application set an attribute of its own.
   */
  BOOKKEEPING = 'bookkeeping',
}

/** What a line is, judged by itself. */
export enum TransactionKind {
  /** An event (`is_event` is `Y`): announced, not paid. Whatever confirms it is another line. */
  PRELIMINARY = 'preliminary',
  /** A confirmed line that is not negative. */
  SALE = 'sale',
  /** A confirmed negative line: a return, a cancellation or a correction downwards. */
  RETURN = 'return',
  /** A confirmed negative line whose SKU tells a discount (`DISCOUNT`, as on Japan's network). */
  ADJUSTMENT = 'adjustment',
  /** `is_event` or both amounts are missing, so that nobody can tell. */
  UNKNOWN = 'unknown',
}

/** Which lines are sent, and of what happens to them. What is left out does not restrict. */
export interface TransactionFilter {
  /**
   * Of what is told.
   * @default - new lines and changed ones; with `verifiedOnly` also when a line is verified and when it is contradicted afterwards
   */
  readonly changes?: TransactionChange[];

  /**
   * Only lines of these kinds. One that was of such a kind before a change is told of too.
   * @default - every kind
   */
  readonly kinds?: TransactionKind[];

  /**
   * Only lines that Rakuten's Events API has confirmed: no forged line is among them. Most are confirmed within the hour, when the reconciliation runs.
   * @default false
   */
  readonly verifiedOnly?: boolean;

  /**
   * Only lines of these publishers.
   * @default - every publisher of the table
   */
  readonly sids?: string[];

  /**
   * Only lines of these advertisers, by Rakuten's ids (MID).
   * @default - every advertiser
   */
  readonly advertiserIds?: string[];
}

/** A pipe takes patterns of 4,096 characters, a function 4 KB of environment variables in all. */
const MAX_FILTER_CHARACTERS = 3000;

/** The filter as the function that makes the events reads it. */
export function toEventFilter(filter: TransactionFilter = {}): EventFilter {
  const { changes, kinds, verifiedOnly, sids, advertiserIds } = filter;
  const byDefault = [
    TransactionChange.NEW_LINE,
    TransactionChange.CHANGED,
    ...(verifiedOnly ? [TransactionChange.VERIFIED, TransactionChange.CONTRADICTED] : []),
  ];
  return { reasons: changes ?? byDefault, kinds, sids, advertiserIds, ...(verifiedOnly ? { verifiedOnly } : {}) };
}

export function filterProblem(filter: TransactionFilter = {}): Problem {
  for (const name of ['changes', 'kinds', 'sids', 'advertiserIds'] as const) {
    const values: readonly string[] | undefined = filter[name];
    if (values?.length === 0) return `filter.${name} is empty, which would let nothing through; leave it out to let everything through`;
    const odd = values?.find((value) => !Token.isUnresolved(value) && value.trim() !== value);
    if (odd !== undefined) return `filter.${name} has '${odd}', which has spaces around it`;
  }
  const wrongSid = filter.sids?.find((sid) => !Token.isUnresolved(sid) && !/^\d+$/.test(sid));
  if (wrongSid !== undefined) return `filter.sids has '${wrongSid}'; publisher ids are whole numbers such as 3900112`;
  if (JSON.stringify(toEventFilter(filter)).length > MAX_FILTER_CHARACTERS) {
    return `the filter has more than ${MAX_FILTER_CHARACTERS} characters, for which a pipe has no room; name fewer advertisers, or let the target choose`;
  }
  return undefined;
}
