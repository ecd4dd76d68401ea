import { Token } from 'aws-cdk-lib';
import type { EventFilter } from '../core/change-events/event-filter';
import { pipePatterns } from '../core/change-events/pipe-patterns';
import type { Problem } from './private/checks';

/** What has happened to a line. */
export enum TransactionChange {
  /** The line is there for the first time. */
  NEW_LINE = 'new',
  /** The line shows another value than before, or is no longer verified or withdrawn. */
  CHANGED = 'changed',
  /** Rakuten's Events API returned the line as shown. Also when a withdrawn line is back. */
  VERIFIED = 'verified',
  /** Rakuten's Events API no longer returns the verified line: the advertiser eliminated it. */
  WITHDRAWN = 'withdrawn',
  /**
   * The row has changed, but not what it shows of the transaction.
   *
   * Examples: another postback for the line, an earlier arrival time, an attribute of the
   * application.
   */
  BOOKKEEPING = 'bookkeeping',
}

/** The kind of a line, without regard to the other lines of its order. */
export enum TransactionKind {
  /** An event (`is_event` is `Y`): announced, not paid. Its confirmation is another line. */
  PRELIMINARY = 'preliminary',
  /** A confirmed line that is not negative. */
  SALE = 'sale',
  /** A confirmed negative line: a return, a cancellation or a correction downwards. */
  RETURN = 'return',
  /** A confirmed negative line with the SKU of a discount (`DISCOUNT`, as on Japan's network). */
  ADJUSTMENT = 'adjustment',
  /** A line without a readable ID, `is_event` or amount. It is in no sum. */
  UNKNOWN = 'unknown',
}

/** Which lines and which changes are sent. An omitted property does not restrict. */
export interface TransactionFilter {
  /**
   * Changes that are sent.
   * @default - new and changed lines; with `verifiedOnly` also verified and withdrawn ones
   */
  readonly changes?: TransactionChange[];

  /**
   * Only lines of these kinds, or that were of these kinds before the change.
   * @default - every kind
   */
  readonly kinds?: TransactionKind[];

  /**
   * Only lines that are verified, or were before the change. Excludes forged lines.
   *
   * Most lines are verified within the hour, when the reconciliation runs.
   * @default false
   */
  readonly verifiedOnly?: boolean;

  /**
   * Only lines of these publishers.
   * @default - every publisher of the table
   */
  readonly sids?: string[];

  /**
   * Only lines of these advertisers (Rakuten's MIDs), or that were theirs before the change.
   * @default - every advertiser
   */
  readonly advertiserIds?: string[];
}

/** A pipe's pattern has at most 4,096 characters, a function's environment variables 4 KB. */
const MAX_FILTER_CHARACTERS = 3000;

/** The filter as the function reads it that creates the events. */
export function toEventFilter(filter: TransactionFilter = {}): EventFilter {
  const { changes, kinds, verifiedOnly, sids, advertiserIds } = filter;
  const defaultChanges = [
    TransactionChange.NEW_LINE,
    TransactionChange.CHANGED,
    ...(verifiedOnly ? [TransactionChange.VERIFIED, TransactionChange.WITHDRAWN] : []),
  ];
  return {
    reasons: changes ?? defaultChanges,
    kinds,
    sids,
    advertiserIds,
    ...(verifiedOnly ? { verifiedOnly } : {}),
  };
}

export function filterProblem(filter: TransactionFilter = {}): Problem {
  for (const name of ['changes', 'kinds', 'sids', 'advertiserIds'] as const) {
    const values: readonly string[] | undefined = filter[name];
    if (values?.length === 0)
      return `filter.${name} is empty, so nothing would be sent; omit it to send everything`;
    const padded = values?.find((value) => !Token.isUnresolved(value) && value.trim() !== value);
    if (padded !== undefined)
      return `filter.${name} has '${padded}', which begins or ends with a space`;
  }
  const wrongSid = filter.sids?.find((sid) => !Token.isUnresolved(sid) && !/^\d+$/.test(sid));
  if (wrongSid !== undefined)
    return `filter.sids has '${wrongSid}'; publisher IDs are whole numbers such as 3900112`;
  if (longestPart(filter) > MAX_FILTER_CHARACTERS) {
    return `the filter has more than ${MAX_FILTER_CHARACTERS} characters, too many for a pipe; name fewer publishers and advertisers, or filter in the target`;
  }
  return undefined;
}

function longestPart(filter: TransactionFilter): number {
  const eventFilter = toEventFilter(filter);
  return Math.max(
    ...[eventFilter, ...pipePatterns(eventFilter)].map((part) => JSON.stringify(part).length),
  );
}
