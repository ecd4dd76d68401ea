import { addMoney } from './amounts';
import type { TimeRange } from './input';
import { earliest, summariseOrder } from './order-summary';
import type { MemberSummary, OrderStatus, OrderSummary, TransactionRow } from './types';

/**
 * What of an order is one member's, or nothing when the order was placed outside the period.
 *
 * Lines without `u1` belong to the order's one member: cancellations of the Japanese network come so. Where several members share an
 * order nobody can tell whose they are, and they are shown as unattributed.
 */
export function summariseMembersOrder(
  lines: readonly TransactionRow[],
  u1: string,
  period: TimeRange,
  adjustmentSku: RegExp,
): OrderSummary | undefined {
  const own = lines.filter((line) => line.u1 === u1);
  if (own.length === 0 || !isWithin(earliest(own.map((line) => line.occurred_at)), period)) return undefined;
  const nameless = lines.filter((line) => line.u1 === undefined);
  const isShared = own.length + nameless.length < lines.length;
  return isShared ? summariseOrder(own, adjustmentSku, nameless) : summariseOrder(lines, adjustmentSku);
}

const isWithin = (time: string, { from, to }: TimeRange): boolean =>
  (from === undefined || time >= from) && (to === undefined || time < to);

const NO_ORDERS: Readonly<Record<OrderStatus | 'total', number>> = {
  total: 0,
  preliminary: 0,
  confirmed: 0,
  'partly returned': 0,
  returned: 0,
  unknown: 0,
};

/** Adds up a member's orders as they come. */
export async function summariseMember(u1: string, period: TimeRange, orders: AsyncIterable<OrderSummary>): Promise<MemberSummary> {
  let sum: MemberSummary = emptySummary(u1, period);
  for await (const order of orders) sum = addOrder(sum, order);
  return sum;
}

function emptySummary(u1: string, period: TimeRange): MemberSummary {
  return {
    u1,
    ...period,
    orders: NO_ORDERS,
    net: [],
    sales: [],
    returns: [],
    adjustments: [],
    preliminary: [],
    pending: [],
    unmatched_preliminary: 0,
    doubtful: 0,
    unattributed: 0,
  };
}

function addOrder(sum: MemberSummary, order: OrderSummary): MemberSummary {
  return {
    ...sum,
    orders: { ...sum.orders, total: sum.orders.total + 1, [order.status]: sum.orders[order.status] + 1 },
    net: addMoney([...sum.net, ...order.net]),
    sales: addMoney([...sum.sales, ...order.sales]),
    returns: addMoney([...sum.returns, ...order.returns]),
    adjustments: addMoney([...sum.adjustments, ...order.adjustments]),
    preliminary: addMoney([...sum.preliminary, ...order.preliminary]),
    pending: addMoney([...sum.pending, ...order.pending]),
    unmatched_preliminary: sum.unmatched_preliminary + order.unmatched_preliminary.length,
    doubtful: sum.doubtful + order.doubtful.length,
    unattributed: sum.unattributed + order.unattributed.length,
  };
}
