import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES } from '../core/names';
import { lineIdOf } from '../core/transactions/keys';
import { memberBalances, requireBalances } from './balances';
import { changedLines, confirmedLines, requireChanges, reversedLines } from './changes';
import { clicksWithoutLine, requireClicks } from './clicks';
import { ofPublisher, textValues } from './conditions';
import {
  InvalidQueryError,
  requireCount,
  requireDays,
  requirePeriod,
  requireSpan,
  requireText,
  requireTimeZone,
} from './input';
import { DEFAULT_ADJUSTMENT_SKU } from './kind';
import { requireList } from './list';
import { summariseMember, summariseMemberOrder } from './member-summary';
import { distinctOrders, type OrderIdentity, requireOrder } from './order-identity';
import { ordersOfLines } from './order-lines';
import { type SummarySettings, summariseOrder } from './order-summary';
import { collect, mapAhead, mapped, present } from './pages';
import type {
  BalanceOptions,
  ChangeOptions,
  Changes,
  ClickOptions,
  RecoveredOptions,
  ReviewItem,
  ReviewOptions,
  Total,
  TotalsOptions,
} from './report-types';
import { NOT_DELIVERED, requireReview, reviewLines } from './review';
import type { MemberBalance, MemberSummary, OrderSummary, SummaryOptions } from './summary-types';
import { ORDERS_AT_ONCE, rowProcessedAt, TableReader } from './table-reader';
import { isWithin, type TimeRange } from './times';
import { addUp, requireTotals } from './totals';
import type {
  DayListOptions,
  DaySpan,
  ListOptions,
  MemberListOptions,
  Moment,
  OrderListOptions,
  Period,
  Transaction,
  TransactionRow,
} from './types';

/** Settings of a `TransactionsClient`. */
export interface TransactionsClientProps {
  /** Any client. Its region, credentials, retries and endpoint apply to every query. */
  readonly client: DynamoDBClient;
  /** Name of the transaction table. */
  readonly tableName: string;
  /**
   * Number of shards of the day index, as set on the construct. With another number, queries by day
   * miss lines.
   * @default 1
   */
  readonly dayShards?: number;
  /**
   * SKUs of negative lines that are no returns, if nothing of that SKU was sold before.
   * @default /discount/i
   */
  readonly adjustmentSku?: RegExp;
}

/**
 * Queries the transaction table: by member, order, day and transaction ID.
 *
 * Lists are async iterators that read page after page. Every method validates its input at once and
 * throws an `InvalidQueryError`. Errors of DynamoDB are thrown as the SDK throws them. The indexes
 * are eventually consistent: a line usually appears there within a second after it was written.
 *
 * @example
 * const transactions = new TransactionsClient({ client: new DynamoDBClient({}), tableName });
 * for await (const line of transactions.byMember('clk_01HRV6Z8Q2M4', { from: '2026-03-01', to:
 * '2026-04-01' })) { console.log(line.order_id, line.kind, line.sale_amount, line.currency); }
 */
export class TransactionsClient {
  private readonly reader: TableReader;

  constructor(props: TransactionsClientProps) {
    if (typeof props.client?.send !== 'function')
      throw new InvalidQueryError('client must be a DynamoDBClient of @aws-sdk/client-dynamodb');
    this.reader = new TableReader({
      client: props.client,
      tableName: requireText('tableName', props.tableName),
      dayShards: requireCount('dayShards', props.dayShards) ?? 1,
      adjustmentSku: props.adjustmentSku ?? DEFAULT_ADJUSTMENT_SKU,
    });
  }

  /**
   * The lines of a member (`u1`), oldest order first.
   *
   * The period is order time, so a return is in the period of its sale. Lines without `u1` are in
   * no member's list, among them some cancellations. `memberOrders` finds those through their
   * orders.
   */
  byMember(u1: string, options: MemberListOptions = {}): AsyncIterableIterator<Transaction> {
    const startKey = options.startAfter && memberIndexKey(u1, options.startAfter);
    return this.reader.linesOfMember(
      requireText('u1', u1),
      requirePeriod(options),
      requireList(options),
      [],
      startKey,
    );
  }

  /**
   * The lines of a day, or of several, in the order in which they first arrived.
   *
   * The day is that of the Events API's `process_date`, or of the arrival until the API has
   * returned the line. Lines of several UTC days are listed day after day.
   *
   * @param day `YYYY-MM-DD`, or a span of days
   */
  byDay(day: string | DaySpan, options: DayListOptions = {}): AsyncIterableIterator<Transaction> {
    const { receivedFrom, receivedTo } = options;
    const timeZone = requireTimeZone(options.timeZone);
    const received = requirePeriod({ from: receivedFrom, to: receivedTo, timeZone }, [
      'receivedFrom',
      'receivedTo',
    ]);
    return this.reader.linesProcessed(
      requireDays(day, timeZone),
      requireList(options),
      [],
      received,
    );
  }

  /**
   * The lines of an order with all their attributes: events, confirmed lines, returns, adjustments.
   */
  byOrder(
    sid: string,
    advertiserId: string,
    orderId: string,
    options: OrderListOptions = {},
  ): AsyncIterableIterator<TransactionRow> {
    return this.reader.rowsOfOrder(requireOrder(sid, advertiserId, orderId), requireList(options));
  }

  /**
   * The rows of a transaction ID with all their attributes.
   *
   * Usually one. An ID that Rakuten used for an event and for its confirmed line has two, and a
   * postback without a readable `is_event` has a row of its own (`is_event` is `-`).
   */
  byTransaction(sid: string, etransactionId: string): AsyncIterableIterator<TransactionRow> {
    return this.reader.rowsOfLine(
      lineIdOf(requireText('sid', sid), requireText('etransaction_id', etransactionId)),
    );
  }

  /**
   * Every line of the table with all its attributes, in no particular order.
   *
   * Reads the whole table.
   */
  all(options: Omit<ListOptions, 'newestFirst'> = {}): AsyncIterableIterator<TransactionRow> {
    return this.reader.all(requireList(options));
  }

  /** Status, sums, dates and lines of an order. Undefined if there is no such order. */
  orderSummary(
    sid: string,
    advertiserId: string,
    orderId: string,
    options: SummaryOptions = {},
  ): Promise<OrderSummary | undefined> {
    return this.summaryOfOrder(requireOrder(sid, advertiserId, orderId), options);
  }

  /**
   * A member's orders, in the order in which they were placed. Cancellations without `u1` are
   * included.
   *
   * An order belongs to the period of the member's first line, so consecutive periods count it
   * once. What is earned belongs to the period of the first verified line.
   */
  memberOrders(
    u1: string,
    period: Period = {},
    options: SummaryOptions = {},
  ): AsyncIterableIterator<OrderSummary> {
    return this.ordersOfMember(requireText('u1', u1), requirePeriod(period), options);
  }

  /**
   * The sums of a member's orders of a period, by currency.
   *
   * A later return changes the sums of the period in which the order was placed. Reads every order
   * of the period: one query and one batch read per order.
   */
  memberSummary(
    u1: string,
    period: Period = {},
    options: SummaryOptions = {},
  ): Promise<MemberSummary> {
    const range = requirePeriod(period);
    return summariseMember(u1, range, this.ordersOfMember(requireText('u1', u1), range, options));
  }

  /**
   * The orders with a line on a day or in a span of days (see `byDay`). Each is listed once, with
   * its lines of other days.
   *
   * Memory does not grow with the number of orders. An order is read again for each further 500
   * lines of the span that have a line of it.
   *
   * @param day `YYYY-MM-DD`, or a span of days
   */
  dayOrders(
    day: string | DaySpan,
    options: SummaryOptions & Pick<DayListOptions, 'timeZone'> = {},
  ): AsyncIterableIterator<OrderSummary> {
    const span = requireDays(day, requireTimeZone(options.timeZone));
    const settings = this.summarySettings(options);
    const orders = ordersOfLines(this.reader, this.reader.linesProcessed(span), (row) =>
      isWithin(rowProcessedAt(row), span.range),
    );
    return present(mapped(orders, (rows) => summariseOrder(rows, settings)));
  }

  /**
   * What is pending, awaiting verification and earned, for each member.
   *
   * Each balance equals the member's `memberSummary` of the same period. Members without orders in
   * the period are omitted. The order of members is arbitrary. A last balance without `u1` has the
   * lines that no member can be found for, if there are any.
   *
   * Reads the indexes by member and by day once each. An order with a line without `u1` costs a
   * query and a batch read more, for each member and for each 500 of these lines.
   */
  balances(options: BalanceOptions = {}): AsyncIterableIterator<MemberBalance> {
    return memberBalances(this.reader, requireBalances(options, this.reader.props.adjustmentSku));
  }

  /**
   * Confirmed lines, returns apart, that the Events API verified at this moment or later.
   *
   * A line whose checked fields changed since is among them again. Lines that cancelled an
   * event are not earned, so they are not among them.
   */
  confirmedSince(moment: Moment, options: ChangeOptions = {}): AsyncIterableIterator<Transaction> {
    return confirmedLines(this.reader, requireChanges(moment, options, Date.now()));
  }

  /**
   * Returns that the Events API verified at this moment or later, and lines that were withdrawn.
   *
   * Withdrawn lines have `withdrawn_at`; their amounts are those that were earned before. A
   * negative line that cancelled an event is not among them, as the event was never earned.
   */
  reversedSince(moment: Moment, options: ChangeOptions = {}): AsyncIterableIterator<Transaction> {
    return reversedLines(this.reader, requireChanges(moment, options, Date.now()));
  }

  /**
   * Lines that were created or that changed what they show at this moment or later.
   *
   * Reads the days of the look-back in the index by day. Not seen: a change of a line that was
   * processed before them, and a row that was deleted.
   */
  changedSince(moment: Moment, options: ChangeOptions = {}): Changes {
    const now = Date.now();
    return changedLines(this.reader, requireChanges(moment, options, now), now);
  }

  /**
   * Exact sums by month, day, advertiser, currency or publisher.
   *
   * Each line is in the group of its own date. So an event that was confirmed in another month is
   * in no sum of its month, and a return reduces the month of its own date. Reads the days in the
   * index by day, and the orders of events and negative lines.
   */
  totals(options: TotalsOptions): Promise<Total[]> {
    return addUp(this.reader, requireTotals(options), Date.now());
  }

  /**
   * Lines that are unverified, withdrawn, different from a postback, or with parse problems.
   *
   * Unverified lines are selected by arrival, which no postback can choose. The others are selected
   * by the time of processing. Each line is listed once. Reads the days in the index by day once.
   */
  review(options: ReviewOptions): AsyncIterableIterator<ReviewItem> {
    return reviewLines(this.reader, requireReview(options), Date.now());
  }

  /**
   * Lines that no postback delivered, processed in a span of time.
   *
   * Lines from before the installation are among them, so begin after it. `totals` with the same
   * span and `source: 'events-api'` says what they are worth.
   */
  recovered(options: RecoveredOptions): AsyncIterableIterator<Transaction> {
    const conditions = [
      NOT_DELIVERED,
      ...ofPublisher(options.sid === undefined ? undefined : requireText('sid', options.sid)),
    ];
    return this.reader.linesProcessed(requireSpan(options), undefined, conditions);
  }

  /**
   * Clicks (values of `u1`) that have no line, in the order of the input.
   *
   * Each click costs one query, of at most one read unit.
   */
  clicksWithoutTransaction(
    clicks: AsyncIterable<string> | Iterable<string>,
    options: ClickOptions = {},
  ): AsyncIterableIterator<string> {
    return clicksWithoutLine(this.reader, clicks, requireClicks(options));
  }

  private ordersOfMember(
    u1: string,
    range: TimeRange,
    options: SummaryOptions,
  ): AsyncIterableIterator<OrderSummary> {
    const orders = distinctOrders(this.byMember(u1, range));
    const settings = this.summarySettings(options);
    return present(
      mapAhead(orders, ORDERS_AT_ONCE, async (order) =>
        summariseMemberOrder(await collect(this.reader.rowsOfOrder(order)), u1, range, settings),
      ),
    );
  }

  private async summaryOfOrder(
    order: OrderIdentity,
    options: SummaryOptions,
  ): Promise<OrderSummary | undefined> {
    return summariseOrder(
      await collect(this.reader.rowsOfOrder(order)),
      this.summarySettings(options),
    );
  }

  private summarySettings({ includeUnverified }: SummaryOptions): SummarySettings {
    return { includeUnverified, adjustmentSku: this.reader.props.adjustmentSku };
  }
}

function memberIndexKey(
  u1: string,
  { occurred_at, line_id, is_event }: NonNullable<MemberListOptions['startAfter']>,
): Record<string, AttributeValue> {
  return textValues({
    u1,
    [ATTRIBUTES.occurredAt]: requireText('startAfter.occurred_at', occurred_at),
    [ATTRIBUTES.lineId]: requireText('startAfter.line_id', line_id),
    [ATTRIBUTES.isEvent]: requireText('startAfter.is_event', is_event),
  });
}
