import type { TransactionRow } from './types';

/** How lines are added up. */
export interface SummaryOptions {
  /**
   * Whether unverified confirmed lines are earned, too. A forged postback is then earned as well.
   * @default false
   */
  readonly includeUnverified?: boolean;
}

/** Exact, signed amounts of one currency. They are never added to those of another currency. */
export interface Money {
  /** ISO code. Absent for lines without a currency. */
  readonly currency?: string;
  /** Exact decimal: the sum of the lines' `sale_amount`. */
  readonly sale_amount: string;
  /** Exact decimal: the sum of the lines' `commissions`. */
  readonly commissions: string;
  /** Number of lines in the sum. */
  readonly lines: number;
}

/** The three sums of lines, by currency. No line is in two of them. */
export interface Sums {
  /** Events that no confirmed line has confirmed or cancelled. */
  readonly pending: readonly Money[];
  /** Confirmed lines that the Events API has not returned. */
  readonly awaiting: readonly Money[];
  /** Verified confirmed lines, net of returns. Depends on no unverified line. */
  readonly earned: readonly Money[];
}

/**
 * Status of an order, for display. Unverified lines count, withdrawn lines do not.
 *
 * - `preliminary`: only events so far, nothing confirmed.
 * - `confirmed`: confirmed lines and no return.
 * - `partly returned`: returns, but less than what was sold.
 * - `returned`: as much returned as was sold, or more.
 * - `cancelled`: cancelled before it was confirmed, or withdrawn.
 * - `unknown`: no line is known to be an event or a confirmed line.
 */
export type OrderStatus =
  | 'preliminary'
  | 'confirmed'
  | 'partly returned'
  | 'returned'
  | 'cancelled'
  | 'unknown';

/** An order, computed from its lines. */
export interface OrderSummary extends Sums {
  readonly sid: string;
  readonly advertiser_id?: string;
  /** Absent for a line without an order number, which is an order of its own. */
  readonly order_id?: string;
  /**
   * The distinct `u1` of the verified lines, or of all lines while none is verified.
   *
   * Usually one.
   */
  readonly members: readonly string[];
  readonly status: OrderStatus;
  /** When the order was placed: the earliest `occurred_at` of its lines. */
  readonly ordered_at: string;
  /** When Rakuten processed the first line (`process_date`, else `received_at`). */
  readonly first_processed_at: string;
  /** When Rakuten processed the latest line. */
  readonly last_processed_at: string;
  /** Lines of unknown kind or with parse problems. */
  readonly doubtful: readonly TransactionRow[];
  /**
   * Only in a member's orders: lines without `u1` of an order with several members.
   *
   * They are in no sum.
   */
  readonly unattributed: readonly TransactionRow[];
  /** The order's lines, in the order of processing. */
  readonly lines: readonly TransactionRow[];
}

/** The sums of a member's orders. */
export interface MemberBalance extends Sums {
  /** Absent for the lines that no member can be found for. */
  readonly u1?: string;
  /** Number of orders by status, and `total`. */
  readonly orders: Readonly<Record<OrderStatus | 'total', number>>;
  /** Number of lines of unknown kind or with parse problems. */
  readonly doubtful: number;
  /**
   * Number of lines without `u1` in orders that this member shares with others.
   *
   * They are in no sum of a member.
   */
  readonly unattributed: number;
}

/** The sums of a member's orders of a period. */
export interface MemberSummary extends MemberBalance {
  readonly u1: string;
  /** Start of the period, inclusive. Absent if it is open. */
  readonly from?: string;
  /** End of the period, exclusive. Absent if it is open. */
  readonly to?: string;
}
