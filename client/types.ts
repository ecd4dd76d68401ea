import type { TransactionKind } from '../core/rakuten/transaction-kind';

export type { TransactionKind };

/**
 * One line as the table keeps it, under Rakuten's field names. A field that Rakuten left empty, or that could not be read, is absent.
 * Decimals are exact strings in plain notation (`'-180'`, `'0.5996999931335449'`), dates are ISO 8601 in UTC with milliseconds.
 */
export interface Transaction {
  /** `Y`: preliminary event, `N`: confirmed line. */
  readonly is_event?: 'Y' | 'N';
  /** Rakuten's id of this line. A return, and the confirmed line of an event, have another one than what they belong to. */
  readonly etransaction_id?: string;
  /** The publisher. */
  readonly sid?: string;
  readonly advertiser_id?: string;
  /** The advertiser's order number, shared by the lines of an order. */
  readonly order_id?: string;
  readonly offer_id?: string;
  /** `realtime` or `batch`. */
  readonly transaction_type?: string;
  /** When the order was placed, by the advertiser's clock. Unchanged on a return. */
  readonly transaction_date?: string;
  /** When Rakuten processed the line. */
  readonly process_date?: string;
  /** ISO code of the amounts' currency. */
  readonly currency?: string;
  /** Exact decimal, negative on a return. */
  readonly sale_amount?: string;
  /** Exact decimal, negative on a return. */
  readonly commissions?: string;
  /** Exact decimal. Stays positive on a return. */
  readonly quantity?: string;
  readonly sku_number?: string;
  readonly product_name?: string;
  /** The value the publisher put into the link: the member or the click. */
  readonly u1?: string;
  /** When the first delivery of the line reached the endpoint. */
  readonly received_at: string;
  /** When the order was placed as far as known: `transaction_date`, else `process_date`, else `received_at`. */
  readonly occurred_at: string;
  /** `push`, or `events-api` when no push brought the line. */
  readonly source: 'push' | 'events-api';
  /**
   * When Rakuten's Events API first confirmed the line. Absent until then, and while it tells other amounts, another currency or another
   * member than the line shows.
   */
  readonly verified_at?: string;
  /** What could not be read, in words. Absent on a clean line. */
  readonly parse_problems?: readonly string[];
  /** Partition key of the row: the order. */
  readonly order_key: string;
  /** Sort key of the row: the line within the order. */
  readonly line_key: string;
  /**
   * Not stored, but judged from the fields. A list judges each line by itself; an order's summary knows the other lines of the
   * order and can tell more returns from adjustments.
   */
  readonly kind: TransactionKind;
}

/** A line with everything the table keeps of it, as the queries by order and by transaction id return it. */
export interface TransactionRow extends Transaction {
  /** Only lines that the Events API brought have it. */
  readonly commissions_list_id?: string;
  /** Only lines that the Events API brought have it. */
  readonly order_auto_lock_date?: string;
  /** Only lines that the Events API brought have it. */
  readonly lock_status?: string;
  /** Static values of the URL and parameters that Rakuten does not document, as they came. */
  readonly extra?: Readonly<Record<string, string>>;
  /** The normalised query string of the postback (or the Events API's record), without the URL's secret. */
  readonly query?: string;
  /** API Gateway's id of the request that brought the content shown. */
  readonly request_id?: string;
  /** Partition key of the day index. */
  readonly process_day?: string;
  /** Stands in place of `verified_at` on a line whose amounts, currency or member Rakuten's Events API tells otherwise. */
  readonly contradicted_at?: string;
  /** What the Events API told of these fields where it is not what the row shows; an empty list where it left the field out. */
  readonly events_api_told?: Readonly<Record<string, readonly string[]>>;
  /** Seconds since 1970 after which DynamoDB may delete the row: of a preliminary line, where the installation lets them expire. */
  readonly expires_at?: string;
  /** When the delivery whose content is shown came, where that is not `received_at`: Rakuten changed the line. */
  readonly updated_at?: string;
  /** Deliveries whose values were replaced by newer ones, oldest first. Absent when there were none. */
  readonly previous_versions?: readonly OtherDelivery[];
  /** Deliveries that added fields which the one shown did not have. Absent when there were none. */
  readonly completed_by?: readonly OtherDelivery[];
}

/** A delivery of a line other than the one that a row shows. */
export interface OtherDelivery {
  readonly received_at: string;
  readonly request_id: string;
  readonly query: string;
  readonly process_date?: string;
  readonly parse_problems?: readonly string[];
  /** The fields' values that were replaced, decimals as exact strings. */
  readonly values?: Readonly<Record<string, string>>;
  /** Names of the fields whose value the row still shows. */
  readonly still_shown?: readonly string[];
}

/** Amounts of one currency. They are exact, carry their sign, and are never added to those of another currency. */
export interface Money {
  /** ISO code. Absent for lines that came without a currency. */
  readonly currency?: string;
  /** Exact decimal: the sum of the lines' `sale_amount`. */
  readonly sale_amount: string;
  /** Exact decimal: the sum of the lines' `commissions`. */
  readonly commissions: string;
  /** How many lines were added. */
  readonly lines: number;
}

/**
 * Where an order stands:
 *
 * - `preliminary`: only events so far, nothing confirmed.
 * - `confirmed`: confirmed lines and no return.
 * - `partly returned`: returns, but less than what was sold.
 * - `returned`: as much returned as was sold, or more.
 * - `unknown`: no line could be told to be an event or a confirmed one.
 */
export type OrderStatus = 'preliminary' | 'confirmed' | 'partly returned' | 'returned' | 'unknown';

/** A preliminary event and the confirmed line that took its place. They have different transaction ids, so this is a best match. */
export interface PreliminaryMatch {
  readonly preliminary: Transaction;
  readonly confirmed: Transaction;
  /** Fields that should have stayed the same and did not, e.g. `['sale_amount']`. Empty on a clean match. */
  readonly differences: readonly string[];
}

/** An order computed from its lines. Sums are by currency; preliminary amounts are never in the same sum as confirmed ones. */
export interface OrderSummary {
  readonly order_key: string;
  readonly sid?: string;
  readonly advertiser_id?: string;
  readonly order_id?: string;
  /** The distinct `u1` of the lines: one as a rule, none when the order is not attributed. */
  readonly members: readonly string[];
  readonly status: OrderStatus;
  /** When the order was placed: the earliest `occurred_at` of its lines. */
  readonly ordered_at: string;
  /** When Rakuten processed the first line (`process_date`, else `received_at`). */
  readonly first_processed_at: string;
  /** When Rakuten processed the latest line. */
  readonly last_processed_at: string;
  /** What is earned: sales, returns and adjustments together. */
  readonly net: readonly Money[];
  readonly sales: readonly Money[];
  /** Negative. */
  readonly returns: readonly Money[];
  readonly adjustments: readonly Money[];
  /** Every preliminary event, whether a confirmed line followed or not. Never add this to `net`. */
  readonly preliminary: readonly Money[];
  /** The preliminary events to which no confirmed line could be matched: what may still come. */
  readonly pending: readonly Money[];
  /** Preliminary events with the confirmed line that took their place. */
  readonly matches: readonly PreliminaryMatch[];
  /** Preliminary events without one: not confirmed yet, never to be confirmed, or confirmed in a way that cannot be matched. */
  readonly unmatched_preliminary: readonly Transaction[];
  /** Lines of unknown kind, with parse problems, or contradicted by the Events API: look at them before trusting the sums. */
  readonly doubtful: readonly TransactionRow[];
  /** Only in a member's orders: lines without `u1` of an order that several members share. They are in no sum. */
  readonly unattributed: readonly Transaction[];
  /** The order's lines in the order in which Rakuten processed them. */
  readonly lines: readonly TransactionRow[];
}

/** A member's orders of a period, added up. */
export interface MemberSummary {
  readonly u1: string;
  /** Start of the period, inclusive. Absent when it is open. */
  readonly from?: string;
  /** End of the period, exclusive. Absent when it is open. */
  readonly to?: string;
  /** How many orders stand where, and `total`. */
  readonly orders: Readonly<Record<OrderStatus | 'total', number>>;
  readonly net: readonly Money[];
  readonly sales: readonly Money[];
  readonly returns: readonly Money[];
  readonly adjustments: readonly Money[];
  /** Never add this to `net`. */
  readonly preliminary: readonly Money[];
  readonly pending: readonly Money[];
  /** How many preliminary events have no confirmed line. */
  readonly unmatched_preliminary: number;
  /** How many lines are of unknown kind, have parse problems, or are contradicted by the Events API. */
  readonly doubtful: number;
  /** How many lines without `u1` belong to an order of this member and of others. They are in no sum. */
  readonly unattributed: number;
}

/** A moment: a `Date`, an ISO 8601 text with `Z` or an offset (`2026-03-01T00:00:00Z`), or a day (`2026-03-01`), which begins at 00:00 UTC. */
export type Moment = Date | string;

/** A half-open span of order time (`occurred_at`): from the first moment, up to but without the second. Either end may be left open. */
export interface Period {
  /** @default - from the first line on */
  readonly from?: Moment;
  /** @default - up to the latest line */
  readonly to?: Moment;
}

/** A half-open span of UTC days: the first day, up to but without the second. At most 3,660 days. */
export interface DaySpan {
  /** `YYYY-MM-DD` */
  readonly from: string;
  /** `YYYY-MM-DD` */
  readonly to: string;
}

/** Which lines a list shows. */
export interface ListOptions {
  /**
   * Only lines of this kind, or of one of these.
   * @default - every kind
   */
  readonly kind?: TransactionKind | readonly TransactionKind[];
  /**
   * Only lines that Rakuten's Events API has confirmed, so that no forged postback is among them.
   * @default false
   */
  readonly verifiedOnly?: boolean;
  /**
   * At most so many lines, 1 or more.
   * @default - all
   */
  readonly limit?: number;
  /**
   * Newest line first.
   * @default false
   */
  readonly newestFirst?: boolean;
  /**
   * How many lines one call to DynamoDB reads, 1 or more.
   * @default - as many as DynamoDB returns at once (1 MB)
   */
  readonly pageSize?: number;
}

/** Which lines of a member a list shows. */
export interface MemberListOptions extends ListOptions, Period {
  /**
   * Goes on behind this line: the last one of the page before. For "next page" links keep its `occurred_at`, `order_key` and `line_key`.
   * @default - from the beginning
   */
  readonly startAfter?: Pick<Transaction, 'occurred_at' | 'order_key' | 'line_key'>;
}

/** Which lines of a day a list shows. */
export interface DayListOptions extends ListOptions {
  /**
   * Only lines whose first delivery came at this moment or later.
   * @default - all
   */
  readonly receivedFrom?: Moment;
  /**
   * Only lines whose first delivery came before this moment.
   * @default - all
   */
  readonly receivedTo?: Moment;
}

/** How an order is read and added up. */
export interface OrderOptions {
  /**
   * Only lines that Rakuten's Events API has confirmed.
   * @default false
   */
  readonly verifiedOnly?: boolean;
  /**
   * Strongly consistent reads: also what was written a moment ago, at twice the read units.
   * @default false
   */
  readonly consistentRead?: boolean;
}
