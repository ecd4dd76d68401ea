import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../core/names';
import { INDEX_KEYS, lineIdOf, processDayKeys, TABLE_KEYS, UNKNOWN_IS_EVENT } from '../core/store/keys';
import { readItems } from './batch-read';
import { indexQuery, knownRowQuery, lineQuery, orderQuery, textValues } from './conditions';
import { InvalidQueryError, requireCount, requireDays, requirePeriod, requireText } from './input';
import { toRow, toTransaction } from './items';
import { DEFAULT_ADJUSTMENT_SKU } from './kind';
import { listFilter, type RequiredList, requireList } from './list';
import { summariseMember, summariseMemberOrder } from './member-summary';
import { type SummarySettings, summariseOrder } from './order-summary';
import { concatenated, filtered, mapAhead, mapped, mergeSorted, queryItems, scanItems } from './pages';
import { isWithin, type TimeRange } from './times';
import type {
  DayListOptions,
  DaySpan,
  ListOptions,
  MemberListOptions,
  MemberSummary,
  OrderListOptions,
  OrderSummary,
  Period,
  SummaryOptions,
  Transaction,
  TransactionRow,
} from './types';

type Item = Record<string, AttributeValue>;

/** Number of orders that are read at once for a list of orders. */
const ORDERS_AT_ONCE = 8;

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

/** The order of a line. A line without `order_id` is an order of its own. */
type OrderIdentity = Pick<Transaction, 'sid' | 'advertiser_id'> &
  ({ readonly order_id: string } | { readonly order_id?: undefined; readonly line_id: string });

/**
 * Queries the transaction table: by member, order, day and transaction ID.
 *
 * Lists are async iterators that read page after page. Every method validates its input at once and
 * throws an `InvalidQueryError`. Errors of DynamoDB are thrown as the SDK throws them. The indexes
 * are eventually consistent: a line usually appears there within a second after it was written.
 *
 * @example
 * const transactions = new TransactionsClient({ client: new DynamoDBClient({}), tableName });
 * for await (const line of transactions.byMember('clk_01HRV6Z8Q2M4', { from: '2026-03-01', to: '2026-04-01' })) {
 *   console.log(line.order_id, line.kind, line.sale_amount, line.currency);
 * }
 */
export class TransactionsClient {
  private readonly client: DynamoDBClient;
  private readonly tableName: string;
  private readonly dayShards: number;
  private readonly adjustmentSku: RegExp;

  constructor(props: TransactionsClientProps) {
    if (typeof props.client?.send !== 'function')
      throw new InvalidQueryError('client must be a DynamoDBClient of @aws-sdk/client-dynamodb');
    this.client = props.client;
    this.tableName = requireText('tableName', props.tableName);
    this.dayShards = requireCount('dayShards', props.dayShards) ?? 1;
    this.adjustmentSku = props.adjustmentSku ?? DEFAULT_ADJUSTMENT_SKU;
  }

  /**
   * The lines of a member (`u1`), oldest order first.
   *
   * The period is order time, so a return is in the period of its sale. Lines without `u1` are in
   * no member's list, among them some cancellations. `memberOrders` finds those through their
   * orders.
   */
  byMember(u1: string, options: MemberListOptions = {}): AsyncIterableIterator<Transaction> {
    const list = requireList(options);
    const range = requirePeriod(options);
    const query = indexQuery(this.tableName, INDEXES.byMember, requireText('u1', u1), range, list);
    const startKey = options.startAfter && memberIndexKey(u1, options.startAfter);
    return this.transactions(this.itemsWithin(INDEXES.byMember, { ...query, ExclusiveStartKey: startKey }, range), list);
  }

  /**
   * The lines of a UTC day, or of several, in the order in which they first arrived.
   *
   * The day is that of the Events API's `process_date`, or of the arrival until the API has
   * returned the line. Several days are listed day after day.
   *
   * @param day `YYYY-MM-DD`, or a span of days
   */
  byDay(day: string | DaySpan, options: DayListOptions = {}): AsyncIterableIterator<Transaction> {
    const list = requireList(options);
    const range = requirePeriod({ from: options.receivedFrom, to: options.receivedTo }, ['receivedFrom', 'receivedTo']);
    const days = requireDays(day);
    if (list.newestFirst) days.reverse();
    return this.transactions(
      concatenated(days, (one) => this.itemsOfDay(one, range, list)),
      list,
    );
  }

  /**
   * The lines of an order with all their attributes: events, confirmed lines, returns, adjustments.
   */
  byOrder(sid: string, advertiserId: string, orderId: string, options: OrderListOptions = {}): AsyncIterableIterator<TransactionRow> {
    return this.rowsOfOrder(requireOrder(sid, advertiserId, orderId), requireList(options));
  }

  /**
   * The rows of a transaction ID with all their attributes.
   *
   * Usually one. An ID that Rakuten used for an event and for its confirmed line has two, and a
   * postback without a readable `is_event` has a row of its own (`is_event` is `-`).
   */
  byTransaction(sid: string, etransactionId: string): AsyncIterableIterator<TransactionRow> {
    const lineId = lineIdOf(requireText('sid', sid), requireText('etransaction_id', etransactionId));
    return mapped(queryItems(this.client, lineQuery(this.tableName, lineId)), (item) => toRow(item, this.adjustmentSku));
  }

  /**
   * Every line of the table with all its attributes, in no particular order.
   *
   * Reads the whole table.
   */
  all(options: Omit<ListOptions, 'newestFirst'> = {}): AsyncIterableIterator<TransactionRow> {
    const list = requireList(options);
    return this.rows(scanItems(this.client, { TableName: this.tableName, Limit: list.readAtOnce }), list);
  }

  /** Status, sums, dates and lines of an order. Undefined if there is no such order. */
  orderSummary(sid: string, advertiserId: string, orderId: string, options: SummaryOptions = {}): Promise<OrderSummary | undefined> {
    return this.summaryOfOrder(requireOrder(sid, advertiserId, orderId), options);
  }

  /**
   * A member's orders, in the order in which they were placed. Cancellations without `u1` are
   * included.
   *
   * An order belongs to the period of the member's first line, so consecutive periods count it
   * once. What is earned belongs to the period of the first verified line.
   */
  memberOrders(u1: string, period: Period = {}, options: SummaryOptions = {}): AsyncIterableIterator<OrderSummary> {
    return this.ordersOfMember(requireText('u1', u1), requirePeriod(period), options);
  }

  /**
   * The sums of a member's orders of a period, by currency.
   *
   * A later return changes the sums of the period in which the order was placed. Reads every order
   * of the period: one query and one batch read per order.
   */
  memberSummary(u1: string, period: Period = {}, options: SummaryOptions = {}): Promise<MemberSummary> {
    const range = requirePeriod(period);
    return summariseMember(u1, range, this.ordersOfMember(requireText('u1', u1), range, options));
  }

  /**
   * The orders with a line on a UTC day or in a span of days (see `byDay`). Each is listed once,
   * with its lines of other days.
   *
   * @param day `YYYY-MM-DD`, or a span of days
   */
  dayOrders(day: string | DaySpan, options: SummaryOptions = {}): AsyncIterableIterator<OrderSummary> {
    const orders = distinctOrders(this.byDay(day));
    return present(mapAhead(orders, ORDERS_AT_ONCE, (order) => this.summaryOfOrder(order, options)));
  }

  private ordersOfMember(u1: string, range: TimeRange, options: SummaryOptions): AsyncIterableIterator<OrderSummary> {
    const orders = distinctOrders(this.byMember(u1, range));
    const settings = this.summarySettings(options);
    return present(
      mapAhead(orders, ORDERS_AT_ONCE, async (order) => summariseMemberOrder(await collect(this.rowsOfOrder(order)), u1, range, settings)),
    );
  }

  private async summaryOfOrder(order: OrderIdentity, options: SummaryOptions): Promise<OrderSummary | undefined> {
    return summariseOrder(await collect(this.rowsOfOrder(order)), this.summarySettings(options));
  }

  private summarySettings({ includeUnverified }: SummaryOptions): SummarySettings {
    return { includeUnverified, adjustmentSku: this.adjustmentSku };
  }

  private itemsOfDay(day: string, range: TimeRange, list: RequiredList): AsyncIterable<Item> {
    const shards = processDayKeys(day, this.dayShards).map((shard) =>
      this.itemsWithin(INDEXES.byDay, indexQuery(this.tableName, INDEXES.byDay, shard, range, list), range),
    );
    return mergeSorted(shards, (a, b) => (list.newestFirst ? receivedAt(a) > receivedAt(b) : receivedAt(a) < receivedAt(b)));
  }

  /** The items of an index query whose sort key is within the range. */
  private itemsWithin(
    index: typeof INDEXES.byMember | typeof INDEXES.byDay,
    query: Parameters<typeof queryItems>[1],
    range: TimeRange,
  ): AsyncIterable<Item> {
    return filtered(queryItems(this.client, query), (item) => isWithin(item[INDEX_KEYS[index].sort]?.S ?? '', range));
  }

  private rowsOfOrder(order: OrderIdentity, list: RequiredList = requireList({})): AsyncIterableIterator<TransactionRow> {
    // The index may be older than the rows, and it has the orders of all advertisers.
    const items = filtered(
      this.candidatesOf(order),
      (item) => item.order_id?.S === order.order_id && item.advertiser_id?.S === order.advertiser_id,
    );
    return this.rows(items, list);
  }

  private candidatesOf(order: OrderIdentity): AsyncIterable<Item> {
    if (order.order_id === undefined) return queryItems(this.client, lineQuery(this.tableName, order.line_id));
    return readItems(this.client, this.tableName, queryItems(this.client, orderQuery(this.tableName, order.sid, order.order_id)));
  }

  private transactions(items: AsyncIterable<Item>, list: RequiredList): AsyncIterableIterator<Transaction> {
    const lines = mapped(this.listedItems(items), (item) => toTransaction(item, this.adjustmentSku));
    return filtered(lines, listFilter(list), list.limit);
  }

  private rows(items: AsyncIterable<Item>, list: RequiredList): AsyncIterableIterator<TransactionRow> {
    const rows = mapped(this.listedItems(items), (item) => toRow(item, this.adjustmentSku));
    return filtered(rows, listFilter(list), list.limit);
  }

  /**
   * Items without a line (of an application), and `-` rows of a line that has another row, are not
   * listed.
   */
  private listedItems(items: AsyncIterable<Item>): AsyncIterable<Item> {
    return filtered(items, async (item) => {
      if (item[ATTRIBUTES.receivedAt] === undefined) return false;
      if (item[TABLE_KEYS.sort]?.S !== UNKNOWN_IS_EVENT) return true;
      const { Count } = await this.client.send(new QueryCommand(knownRowQuery(this.tableName, item[TABLE_KEYS.partition]?.S ?? '')));
      return Count === 0;
    });
  }
}

function requireOrder(sid: string, advertiserId: string, orderId: string): OrderIdentity & { readonly order_id: string } {
  return {
    sid: requireText('sid', sid),
    advertiser_id: requireText('advertiser_id', advertiserId),
    order_id: requireText('order_id', orderId),
  };
}

function memberIndexKey(u1: string, { occurred_at, line_id, is_event }: NonNullable<MemberListOptions['startAfter']>): Item {
  return textValues({
    u1,
    [ATTRIBUTES.occurredAt]: requireText('startAfter.occurred_at', occurred_at),
    [ATTRIBUTES.lineId]: requireText('startAfter.line_id', line_id),
    [ATTRIBUTES.isEvent]: requireText('startAfter.is_event', is_event),
  });
}

const receivedAt = (item: Item): string => item[ATTRIBUTES.receivedAt]?.S ?? '';

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

async function* distinctOrders(lines: AsyncIterable<Transaction>): AsyncGenerator<OrderIdentity, void, undefined> {
  const seen = new Set<string>();
  for await (const { sid, advertiser_id, order_id, line_id } of lines) {
    const order: OrderIdentity = order_id === undefined ? { sid, advertiser_id, line_id } : { sid, advertiser_id, order_id };
    const text = JSON.stringify(order);
    if (seen.has(text)) continue;
    seen.add(text);
    yield order;
  }
}

async function* present<T>(values: AsyncIterable<T | undefined>): AsyncGenerator<T, void, undefined> {
  for await (const value of values) if (value !== undefined) yield value;
}
