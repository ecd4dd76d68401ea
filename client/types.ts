import type { TransactionKind } from '../core/rakuten/postback/fields';

export type { TransactionKind };

/**
 * A line as lists show it, under Rakuten's field names.
 *
 * A field that Rakuten left empty, or that could not be read, is absent. Decimals are exact strings
 * in plain notation (`'-180'`, `'0.5997'`). Times are ISO 8601 in UTC: Rakuten's in
 * whole seconds, the others with milliseconds.
 */
export interface Transaction {
  /** `Y`: event, `N`: confirmed line, `-`: missing or unreadable. A line of `-` is in no sum. */
  readonly is_event: 'Y' | 'N' | '-';
  /** Rakuten's ID of the line. An event, its confirmed line and its return have different IDs. */
  readonly etransaction_id?: string;
  /** The authenticated publisher: of the URL secret, or of the API credentials. */
  readonly sid: string;
  readonly advertiser_id?: string;
  /** The advertiser's order number, which the lines of an order share. */
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
  /** The value that the publisher put into the link: the member or the click. */
  readonly u1?: string;
  /** When the line first arrived: by a postback, or from the Events API. */
  readonly received_at: string;
  /** When the row last changed what it shows, creation included. */
  readonly updated_at: string;
  /** When the order was placed: `transaction_date`, else `process_date`, else `received_at`. */
  readonly occurred_at: string;
  /** `push`, or `events-api` if no postback delivered the line. */
  readonly source: 'push' | 'events-api';
  /**
   * Since when the Events API has returned the amounts, the quantity, the currency, `u1`, the
   * order, the advertiser, the SKU and `transaction_date` as shown. Absent until then.
   */
  readonly verified_at?: string;
  /**
   * When a verified line was found to be eliminated by the advertiser.
   *
   * Such a line is in no sum.
   */
  readonly withdrawn_at?: string;
  /** What could not be read, in words. Absent on a clean line. */
  readonly parse_problems?: readonly string[];
  /** Amounts, `currency` or `u1`, where a postback differs from the Events API. Informational. */
  readonly differing_fields?: readonly string[];
  /** Partition key of the row: `<sid>#<etransaction_id>`. The sort key is `is_event`. */
  readonly line_id: string;
  /**
   * Not stored, but computed. In a list it depends on the line alone. An order's summary uses the
   * other lines of the order, too, and can distinguish more returns from adjustments.
   */
  readonly kind: TransactionKind;
}

/**
 * A line with all attributes of its row, as the queries by order and by transaction ID return it.
 */
export interface TransactionRow extends Transaction {
  /** Only of lines that the Events API has returned. */
  readonly commissions_list_id?: string;
  /** Only of lines that the Events API has returned. */
  readonly order_auto_lock_date?: string;
  /** Only of lines that the Events API has returned. */
  readonly lock_status?: string;
  /** Static values of the URL and undocumented parameters of the first postback. Never verified. */
  readonly extra?: Readonly<Record<string, string>>;
  /** Undocumented fields of the Events API's record. */
  readonly events_api_extra?: Readonly<Record<string, string>>;
  /** Normalised query string of the first postback, without the secret. Never verified. */
  readonly query?: string;
  /**
   * API Gateway's ID of the first postback.
   *
   * Without a postback: the run that first returned the line.
   */
  readonly request_id?: string;
  /** Partition key of the day index. */
  readonly process_day?: string;
  /** True if `u1` comes from the first postback, because the Events API returned none. */
  readonly u1_from_postback?: boolean;
  /** True if the Events API returned a member that the command `forget` removed. */
  readonly member_forgotten?: boolean;
  /** When the Events API's latest answer was fetched, if that is not `verified_at`. */
  readonly answered_at?: string;
  /** The other postbacks with different content, the earliest five. They change nothing shown. */
  readonly other_pushes?: readonly OtherPush[];
  /** True if there were more of them. */
  readonly more_pushes?: boolean;
  /** The last five answers of the Events API that newer ones replaced, oldest first. */
  readonly replaced_answers?: readonly ReplacedAnswer[];
  /**
   * Seconds since 1970 after which DynamoDB may delete the row.
   *
   * Only with `rowExpiry`, or of an event with `preliminaryExpiry`.
   */
  readonly expires_at?: string;
}

/** A postback about a known line, with different content. */
export interface OtherPush {
  readonly received_at: string;
  readonly request_id: string;
  /** Normalised query string, shortened if it is long. The archive has it in full. */
  readonly query: string;
  /** Fingerprint of its content. */
  readonly hash: string;
  /** Exact decimal. */
  readonly sale_amount?: string;
  /** Exact decimal. */
  readonly commissions?: string;
  readonly currency?: string;
  readonly u1?: string;
  /**
   * `events-api` if it was an answer with an unreadable field or a reused ID.
   *
   * Absent on a postback.
   */
  readonly source?: 'events-api';
}

/** An answer of the Events API that a newer one replaced. */
export interface ReplacedAnswer {
  /** When it was fetched. */
  readonly answered_at: string;
  /**
   * The values that the newer answer changed, as a query string.
   *
   * Empty fields have an empty value.
   */
  readonly values: string;
}

/**
 * A `Date`, an ISO 8601 text with `Z` or an offset (`2026-03-01T00:00:00Z`), or a day
 * (`2026-03-01`), which begins at midnight of the query's time zone.
 */
export type Moment = Date | string;

/** A period of order time (`occurred_at`). Both ends are optional. */
export interface Period {
  /**
   * Start, inclusive.
   * @default - open
   */
  readonly from?: Moment;
  /**
   * End, exclusive.
   * @default - open
   */
  readonly to?: Moment;
  /**
   * Time zone of `from` and `to` if they are days, as an IANA name such as `Asia/Tokyo`.
   * @default 'UTC'
   */
  readonly timeZone?: string;
}

/** A span of days, at most 3,660. */
export interface DaySpan {
  /** First day, as `YYYY-MM-DD`. */
  readonly from: string;
  /** End day, exclusive, as `YYYY-MM-DD`. */
  readonly to: string;
}

/** Which lines a list shows. */
export interface ListOptions {
  /**
   * Only lines of this kind, or of these kinds.
   * @default - every kind
   */
  readonly kind?: TransactionKind | readonly TransactionKind[];
  /**
   * Only verified lines. No forged line is verified.
   * @default false
   */
  readonly verifiedOnly?: boolean;
  /**
   * Maximum number of lines, at least 1.
   * @default - all
   */
  readonly limit?: number;
  /**
   * Newest line first.
   * @default false
   */
  readonly newestFirst?: boolean;
  /**
   * Number of lines that one call to DynamoDB reads, at least 1.
   * @default - as many as DynamoDB returns at once (1 MB)
   */
  readonly pageSize?: number;
}

/** Which lines of a member a list shows. */
export interface MemberListOptions extends ListOptions, Period {
  /**
   * Continues after this line: the last line of the page before. For "next page" links keep its
   * `occurred_at`, `line_id` and `is_event`.
   * @default - from the beginning
   */
  readonly startAfter?: Pick<Transaction, 'occurred_at' | 'line_id' | 'is_event'>;
}

/** Which lines of a day a list shows. */
export interface DayListOptions extends ListOptions {
  /**
   * Time zone of the day, as an IANA name such as `Asia/Tokyo`.
   * @default 'UTC'
   */
  readonly timeZone?: string;
  /**
   * Only lines that first arrived at this moment or later.
   * @default - all
   */
  readonly receivedFrom?: Moment;
  /**
   * Only lines that first arrived before this moment.
   * @default - all
   */
  readonly receivedTo?: Moment;
}

/** Which lines of an order a list shows. */
export type OrderListOptions = Pick<ListOptions, 'verifiedOnly'>;
