import Big from 'big.js';
import type { TransactionEvent } from 'cdk-rakuten-postback/client';

/** What the ledger keeps of a line: what it last heard of it. */
export interface Line {
  /** Of two events of a line the one with the greater number is the later one. */
  readonly sequence: string;
  readonly isPreliminary: boolean;
  readonly isVerified: boolean;
  /** Exact decimal; negative on a return. */
  readonly amount: string;
  readonly currency: string;
  readonly sku?: string;
  readonly member?: string;
}

/** The lines of an order, by their keys. */
export type Order = Readonly<Record<string, Line>>;

/** What an order is worth to a member. Exact decimals. */
export interface Share {
  readonly member: string;
  readonly currency: string;
  /** Announced, or confirmed but not yet verified: to be shown, not to be paid. */
  readonly pending: Big;
  /** Confirmed by Rakuten twice over, less what was returned. */
  readonly earned: Big;
}

/**
 * The order after an event; the same order when the event says nothing new. Queues deliver twice and out of order: only the latest event of each line counts, so that
 * any order and any repetition of the same events ends in the same order.
 */
export function note(order: Order, event: TransactionEvent): Order {
  const { transaction, sequence_number } = event;
  // A line that cannot be told to be an event or a confirmed one, or to be worth something, is for a person to look at.
  if (transaction.is_event === undefined || transaction.sale_amount === undefined || transaction.currency === undefined) return order;
  const known = order[transaction.line_key];
  if (known !== undefined && BigInt(known.sequence) >= BigInt(sequence_number)) return order;
  const line: Line = {
    sequence: sequence_number,
    isPreliminary: transaction.is_event === 'Y',
    isVerified: transaction.verified_at !== undefined,
    amount: transaction.sale_amount,
    currency: transaction.currency,
    sku: transaction.sku_number,
    member: transaction.u1,
  };
  return { ...order, [transaction.line_key]: line };
}

/**
 * What an order is worth to its members:
 *
 * - a preliminary line is pending until a confirmed line of the same article takes its place,
 * - a confirmed line is pending until it is verified, and earned from then on,
 * - a return is a confirmed line with a negative amount: it takes back what its sale brought.
 *
 * @param order its lines
 * @param percent of the sale amount that the member gets
 */
export function shares(order: Order, percent: string): Share[] {
  const lines = Object.values(order);
  const members = new Set(lines.flatMap(({ member }) => member ?? []));
  const [onlyMember] = members.size === 1 ? members : [];
  const byMember = new Map<string, Share>();
  for (const line of lines) {
    // On some networks returns come without the member: the order's other lines tell.
    const member = line.member ?? onlyMember;
    if (member === undefined || isSuperseded(line, lines)) continue;
    const key = JSON.stringify([member, line.currency]);
    const { pending, earned } = byMember.get(key) ?? { pending: new Big(0), earned: new Big(0) };
    const cashBack = new Big(line.amount).times(percent).times('0.01');
    byMember.set(
      key,
      line.isVerified && !line.isPreliminary
        ? { member, currency: line.currency, pending, earned: earned.plus(cashBack) }
        : { member, currency: line.currency, pending: pending.plus(cashBack), earned },
    );
  }
  return [...byMember.values()];
}

/** The confirmed line has another id than the preliminary one, so they are matched by article; without articles any sale of the order counts. */
function isSuperseded(line: Line, lines: readonly Line[]): boolean {
  if (!line.isPreliminary) return false;
  return lines.some(
    (other) =>
      !other.isPreliminary && new Big(other.amount).gte(0) && (other.sku === line.sku || other.sku === undefined || line.sku === undefined),
  );
}

/** What has to be added to the members' balances when an order has become another. */
export function differences(before: readonly Share[], after: readonly Share[]): Share[] {
  const changes = new Map<string, Share>();
  const add = ({ member, currency, pending, earned }: Share, sign: 1 | -1): void => {
    const key = JSON.stringify([member, currency]);
    const sum = changes.get(key) ?? { pending: new Big(0), earned: new Big(0) };
    changes.set(key, { member, currency, pending: sum.pending.plus(pending.times(sign)), earned: sum.earned.plus(earned.times(sign)) });
  };
  for (const share of after) add(share, 1);
  for (const share of before) add(share, -1);
  return [...changes.values()].filter(({ pending, earned }) => !pending.eq(0) || !earned.eq(0));
}
