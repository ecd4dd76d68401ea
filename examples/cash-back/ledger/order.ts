import Big from 'big.js';
import { type EventTransaction, settle } from 'cdk-rakuten-postback/client';

/** What the ledger keeps of a line. */
export type Line = Pick<
  EventTransaction,
  | 'line_id'
  | 'is_event'
  | 'sku_number'
  | 'currency'
  | 'sale_amount'
  | 'commissions'
  | 'u1'
  | 'verified_at'
>;

/** The lines of an order, by name. */
export type Order = Readonly<Record<string, Line>>;

/** What an order is worth to a member. Exact decimals. */
export interface Share {
  readonly member: string;
  readonly currency: string;
  /** Announced, or confirmed but not verified: show it, do not pay it. */
  readonly pending: Big;
  /** Confirmed and verified, net of returns. */
  readonly earned: Big;
}

/** The name of a line. It never changes, whatever order the line moves to. */
export const lineName = ({ line_id, is_event }: EventTransaction): string =>
  `${line_id}#${is_event}`;

/**
 * The name of the order that a line belongs to; undefined for a line that is in no sum.
 *
 * A line without an order number is an order by itself.
 */
export function orderName(transaction: EventTransaction): string | undefined {
  const { kind, withdrawn_at, line_id, sid, advertiser_id = '', order_id } = transaction;
  if (kind === 'unknown' || withdrawn_at !== undefined) return undefined;
  const parts = order_id === undefined ? [line_id] : [sid, advertiser_id, order_id];
  return parts.map(encodeURIComponent).join('#');
}

export const toLine = ({
  line_id,
  is_event,
  sku_number,
  currency,
  sale_amount,
  commissions,
  u1,
  verified_at,
}: EventTransaction): Line => ({
  line_id,
  is_event,
  sku_number,
  currency,
  sale_amount,
  commissions,
  u1,
  verified_at,
});

/**
 * What an order is worth to its members, line by line.
 *
 * `settle` says which lines count. What is earned, and by whom, depends on verified lines alone, so
 * a forged line cannot change it.
 *
 * @param percent of the sale amount that the member gets
 */
export function shares(order: Order, percent: string): Share[] {
  const lines = Object.values(order);
  const verified = lines.filter(({ verified_at }) => verified_at !== undefined);
  const { pending, awaiting, earned } = settle(lines);
  const amounts = (counting: Line[], all: Line[]): Amount[] =>
    counting.flatMap((line) => amountOf(line, onlyMember(all), percent));
  return [
    ...amounts([...pending, ...awaiting], lines).map(({ amount, ...share }) => ({
      ...share,
      pending: amount,
      earned: new Big(0),
    })),
    ...amounts(earned, verified).map(({ amount, ...share }) => ({
      ...share,
      pending: new Big(0),
      earned: amount,
    })),
  ];
}

type Amount = Pick<Share, 'member' | 'currency'> & { readonly amount: Big };

/** The cash-back of a line, or nothing if its member, its currency or its amount is missing. */
function amountOf(
  { u1, currency, sale_amount }: Line,
  otherwise: string | undefined,
  percent: string,
): Amount[] {
  const member = u1 ?? otherwise;
  if (member === undefined || currency === undefined || sale_amount === undefined) return [];
  // With six decimals, no sum exceeds the 38 digits of a number in DynamoDB.
  return [{ member, currency, amount: new Big(sale_amount).times(percent).times('0.01').round(6) }];
}

/** The member for a line without one, such as a return on some networks. */
function onlyMember(lines: readonly Line[]): string | undefined {
  const members = new Set(lines.flatMap(({ u1 }) => u1 ?? []));
  return members.size === 1 ? [...members][0] : undefined;
}

/** What to add to the balances when the shares of some orders change. */
export function differences(before: readonly Share[], after: readonly Share[]): Share[] {
  const changes = new Map<string, Share>();
  const add = ({ member, currency, pending, earned }: Share, sign: 1 | -1): void => {
    const key = JSON.stringify([member, currency]);
    const sum = changes.get(key) ?? { pending: new Big(0), earned: new Big(0) };
    changes.set(key, {
      member,
      currency,
      pending: sum.pending.plus(pending.times(sign)),
      earned: sum.earned.plus(earned.times(sign)),
    });
  };
  for (const share of after) add(share, 1);
  for (const share of before) add(share, -1);
  return [...changes.values()].filter(({ pending, earned }) => !pending.eq(0) || !earned.eq(0));
}
