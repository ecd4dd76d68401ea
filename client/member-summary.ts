import { addMoney } from './amounts';
import { describeOrder, type SummarySettings, trustedLines } from './order-summary';
import { settle } from './settlement';
import type { MemberSummary, OrderStatus, OrderSummary } from './summary-types';
import { earliest, isWithin, type TimeRange } from './times';
import type { TransactionRow } from './types';

/**
 * One member's part of an order. Undefined if the member placed nothing of it in the period.
 *
 * What is earned is computed from verified lines as if there were no others, and so are its member
 * and its period. So a forged line can move neither to another member or month.
 */
export function summariseMemberOrder(
  rows: readonly TransactionRow[],
  u1: string,
  period: TimeRange,
  settings: SummarySettings,
): OrderSummary | undefined {
  const all = partOf(rows, u1);
  const trusted = partOf(trustedLines(rows, settings.includeUnverified), u1);
  const [isListed, isEarned] = [
    isPlacedWithin(all, u1, period),
    isPlacedWithin(trusted, u1, period),
  ];
  if (!isListed && !isEarned) return undefined;
  const { pending, awaiting } = settle(isListed ? all : [], settings);
  const { earned } = settle(isEarned ? trusted : [], settings);
  const attributed = new Set([...all, ...trusted]);
  const [own, others] = [
    rows.filter((row) => attributed.has(row)),
    rows.filter((row) => !attributed.has(row)),
  ];
  const order = describeOrder(own, { pending, awaiting, earned }, settings);
  return (
    order && { ...order, members: [u1], unattributed: others.filter((row) => row.u1 === undefined) }
  );
}

/**
 * The part of an order that no member can be found for. Undefined if nothing of it was placed in
 * the period.
 */
export function summariseRest(
  rows: readonly TransactionRow[],
  period: TimeRange,
  settings: SummarySettings,
): OrderSummary | undefined {
  const all = restOf(rows, period);
  const trusted = restOf(trustedLines(rows, settings.includeUnverified), period);
  const { pending, awaiting } = settle(all, settings);
  const { earned } = settle(trusted, settings);
  const own = rows.filter((row) => all.includes(row) || trusted.includes(row));
  const order = describeOrder(own, { pending, awaiting, earned }, settings);
  return order && { ...order, members: [], unattributed: own };
}

/** Lines without `u1`, unless the order has exactly one member, whose lines they are. */
function restOf(lines: readonly TransactionRow[], period: TimeRange): readonly TransactionRow[] {
  const rest = lines.filter((line) => line.u1 === undefined);
  const isOfOneMember = new Set(lines.flatMap((line) => line.u1 ?? [])).size === 1;
  return isOfOneMember ||
    rest.length === 0 ||
    !isWithin(earliest(rest.map((line) => line.occurred_at)), period)
    ? []
    : rest;
}

/**
 * The member's lines of an order. Lines without `u1` belong to the order's one member, as LinkShare
 * Japan sends cancellations without it. In an order of several members their member is unknown.
 */
function partOf(lines: readonly TransactionRow[], u1: string): readonly TransactionRow[] {
  const isShared = lines.some((line) => line.u1 !== undefined && line.u1 !== u1);
  return isShared ? lines.filter((line) => line.u1 === u1) : lines;
}

function isPlacedWithin(lines: readonly TransactionRow[], u1: string, period: TimeRange): boolean {
  const own = lines.filter((line) => line.u1 === u1);
  return own.length > 0 && isWithin(earliest(own.map((line) => line.occurred_at)), period);
}

const NO_ORDERS: Readonly<Record<OrderStatus | 'total', number>> = {
  total: 0,
  preliminary: 0,
  confirmed: 0,
  'partly returned': 0,
  returned: 0,
  cancelled: 0,
  unknown: 0,
};

/** Adds up a member's orders one by one. */
export async function summariseMember(
  u1: string,
  period: TimeRange,
  orders: AsyncIterable<OrderSummary>,
): Promise<MemberSummary> {
  let sum: MemberSummary = {
    u1,
    ...period,
    orders: NO_ORDERS,
    pending: [],
    awaiting: [],
    earned: [],
    doubtful: 0,
    unattributed: 0,
  };
  for await (const order of orders) sum = addOrder(sum, order);
  return sum;
}

function addOrder(sum: MemberSummary, order: OrderSummary): MemberSummary {
  return {
    ...sum,
    orders: {
      ...sum.orders,
      total: sum.orders.total + 1,
      [order.status]: sum.orders[order.status] + 1,
    },
    pending: addMoney([...sum.pending, ...order.pending]),
    awaiting: addMoney([...sum.awaiting, ...order.awaiting]),
    earned: addMoney([...sum.earned, ...order.earned]),
    doubtful: sum.doubtful + order.doubtful.length,
    unattributed: sum.unattributed + order.unattributed.length,
  };
}
