import { ATTRIBUTES } from '../names';
import type { Item } from './attributes';
import type { Slot } from './merge';

/**
 * When a preliminary line may go, for DynamoDB's time to live; nothing of any other line. It counts from when Rakuten processed the line, so that whichever deliveries come in
 * whichever order, and however late, the row expires at the same time: a copy that comes after the row is gone does not begin a new life.
 *
 * @param shown the row's values
 * @param receivedAt stands in for `process_date` where that is missing
 * @param expirySeconds undefined: preliminary lines stay
 */
export function expiryOf(shown: ReadonlyMap<Slot, string>, receivedAt: string, expirySeconds: number | undefined): Item {
  if (expirySeconds === undefined || shown.get('is_event') !== 'Y') return {};
  const processed = Math.floor(Date.parse(shown.get('process_date') ?? receivedAt) / 1000);
  return { [ATTRIBUTES.expiresAt]: { N: String(processed + expirySeconds) } };
}
