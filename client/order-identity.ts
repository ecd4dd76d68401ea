import { requireText } from './input';
import type { Transaction } from './types';

/** The order of a line. A line without `order_id` is an order of its own. */
export type OrderIdentity = Pick<Transaction, 'sid' | 'advertiser_id'> &
  ({ readonly order_id: string } | { readonly order_id?: undefined; readonly line_id: string });

export function orderOf({ sid, advertiser_id, order_id, line_id }: Transaction): OrderIdentity {
  return order_id === undefined
    ? { sid, advertiser_id, line_id }
    : { sid, advertiser_id, order_id };
}

/** The same text for the same order. */
export const orderText = (order: OrderIdentity): string => JSON.stringify(order);

export function requireOrder(sid: string, advertiserId: string, orderId: string): OrderIdentity {
  return {
    sid: requireText('sid', sid),
    advertiser_id: requireText('advertiser_id', advertiserId),
    order_id: requireText('order_id', orderId),
  };
}

/** The orders of lines, each once. Keeps all of them in memory. */
export async function* distinctOrders(
  lines: AsyncIterable<Transaction>,
): AsyncGenerator<OrderIdentity, void, undefined> {
  const seen = new Set<string>();
  for await (const line of lines) {
    const text = orderText(orderOf(line));
    if (seen.has(text)) continue;
    seen.add(text);
    yield orderOf(line);
  }
}
