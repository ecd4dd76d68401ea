import { ATTRIBUTES } from '../names';
import { DEFAULT_ADJUSTMENT_SKU, kindOf } from '../rakuten/kind';
import type { TransactionKind } from '../rakuten/transaction-kind';
import type { TransactionEvent } from './event';
import type { EventFilter } from './event-filter';

/** Whether an event is wanted. One of a line that was wanted before its change is: its reader must learn that it is another one now. */
export function isWanted(filter: EventFilter, event: TransactionEvent): boolean {
  const { transaction, changes } = event;
  return (
    event.reasons.some((reason) => filter.reasons.includes(reason)) &&
    allows(filter.sids, transaction.sid) &&
    allows(filter.advertiserIds, transaction.advertiser_id) &&
    (allows(filter.kinds, transaction.kind) || allows(filter.kinds, kindBefore(event))) &&
    (filter.verifiedOnly !== true || transaction.verified_at !== undefined || typeof changes[ATTRIBUTES.verifiedAt]?.old === 'string')
  );
}

const allows = (wanted: readonly string[] | undefined, value: string | undefined): boolean =>
  wanted === undefined || (value !== undefined && wanted.includes(value));

function kindBefore({ transaction, changes }: TransactionEvent): TransactionKind {
  const before = (name: 'sale_amount' | 'commissions' | 'sku_number' | 'is_event'): string | undefined => {
    const change = changes[name];
    return change === undefined ? transaction[name] : typeof change.old === 'string' ? change.old : undefined;
  };
  return kindOf(
    {
      is_event: before('is_event'),
      sale_amount: before('sale_amount'),
      commissions: before('commissions'),
      sku_number: before('sku_number'),
    },
    DEFAULT_ADJUSTMENT_SKU,
  );
}
