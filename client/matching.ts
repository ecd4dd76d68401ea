import { isNotLater, processedAt, signOf, toSecond } from './kind';
import type { PreliminaryMatch, Transaction } from './types';

/**
 * Fields that Rakuten leaves unchanged between an event and its confirmed line ("all other data points will be the same, except for
 * etransaction_id and process_date"). `commissions` and `transaction_type` are not among them: an event may carry no commission, and
 * its confirmation may come by batch. `sku_number` is not compared but required.
 */
const UNCHANGED = ['sale_amount', 'quantity', 'currency', 'transaction_date', 'offer_id', 'u1', 'product_name'] as const;

/** What an order's events became. */
export interface MatchedEvents {
  readonly matches: readonly PreliminaryMatch[];
  readonly unmatched: readonly Transaction[];
}

/**
 * Finds the confirmed line of each preliminary event within one order. Their transaction ids differ, so the match is the best that can
 * be made: the same SKU, and as few differences in the other fields as possible; each line is used once. Lines that stand under
 * another order number are not found; some advertisers have been seen to send them so.
 */
export function matchEvents(lines: readonly Transaction[]): MatchedEvents {
  const events = lines.filter((line) => line.kind === 'preliminary');
  const sales = lines.filter((line) => line.kind === 'sale');
  const candidates = events
    .flatMap((preliminary) => sales.filter((sale) => canConfirm(preliminary, sale)).map((confirmed) => candidate(preliminary, confirmed)))
    .sort(byLikelihood);
  const matches: PreliminaryMatch[] = [];
  const taken = new Set<Transaction>();
  for (const match of candidates) {
    if (taken.has(match.preliminary) || taken.has(match.confirmed)) continue;
    taken.add(match.preliminary).add(match.confirmed);
    matches.push(match);
  }
  return { matches, unmatched: events.filter((event) => !taken.has(event)) };
}

const canConfirm = (event: Transaction, sale: Transaction): boolean =>
  event.sku_number === sale.sku_number && isNotLater(event, sale) && signOf(event) !== -1;

function candidate(preliminary: Transaction, confirmed: Transaction): PreliminaryMatch {
  return {
    preliminary,
    confirmed,
    differences: UNCHANGED.filter((field) => comparable(preliminary, field) !== comparable(confirmed, field)),
  };
}

function comparable(line: Transaction, field: (typeof UNCHANGED)[number]): string | undefined {
  const value = line[field];
  return field === 'transaction_date' && value !== undefined ? toSecond(value) : value;
}

/** Fewest differences first; the rest only makes the choice between equals the same every time. */
function byLikelihood(a: PreliminaryMatch, b: PreliminaryMatch): number {
  if (a.differences.length !== b.differences.length) return a.differences.length - b.differences.length;
  const [first, second] = [a, b].map((match) =>
    [processedAt(match.preliminary), match.preliminary.line_key, processedAt(match.confirmed), match.confirmed.line_key].join('\n'),
  ) as [string, string];
  return first < second ? -1 : 1;
}
