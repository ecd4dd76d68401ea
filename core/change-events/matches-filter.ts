import { DEFAULT_ADJUSTMENT_SKU, kindOf } from '../rakuten/postback/kind';
import type { EventTransaction, TransactionEvent } from './event';
import type { EventFilter } from './event-filter';

/**
 * Whether a target receives an event.
 *
 * An event of a line that matched before its change matches too: the target must learn that the
 * line has become another one.
 */
export function matchesFilter(filter: EventFilter, event: TransactionEvent): boolean {
  return (
    event.reasons.some((reason) => filter.reasons.includes(reason)) &&
    [event.transaction, transactionBefore(event)].some((transaction) =>
      matchesTransaction(filter, transaction),
    )
  );
}

const matchesTransaction = (filter: EventFilter, transaction: EventTransaction): boolean =>
  includes(filter.sids, transaction.sid) &&
  includes(filter.advertiserIds, transaction.advertiser_id) &&
  includes(filter.kinds, transaction.kind) &&
  (filter.verifiedOnly !== true || transaction.verified_at !== undefined);

const includes = (values: readonly string[] | undefined, value: string | undefined): boolean =>
  values === undefined || (value !== undefined && values.includes(value));

/** The line before the change; as it is now if the line is new. */
function transactionBefore({ transaction, changes }: TransactionEvent): EventTransaction {
  const oldValues = Object.entries(changes).map(([name, { old }]) => [name, old ?? undefined]);
  const before: EventTransaction = { ...transaction, ...Object.fromEntries(oldValues) };
  return { ...before, kind: kindOf(before, DEFAULT_ADJUSTMENT_SKU) };
}
