import { type AttributeValue, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../core/names';
import { orderKeyOf, processDayKeys, TABLE_KEYS } from '../core/store/keys';
import { indexQuery, stringKey, tableKey } from './conditions';
import { InvalidQueryError, requireCount, requireDays, requirePeriod, requireText, type TimeRange } from './input';
import { toRow, toTransaction } from './items';
import { DEFAULT_ADJUSTMENT_SKU } from './kind';
import { listFilter, type RequiredList, requireList } from './list';
import { summariseMember, summariseMembersOrder } from './member-summary';
import { summariseOrder } from './order-summary';
import { concatenated, filtered, mapAhead, mapped, mergeSorted, queryItems, scanItems } from './pages';
import type {
  DayListOptions,
  DaySpan,
  ListOptions,
  MemberListOptions,
  MemberSummary,
  OrderOptions,
  OrderSummary,
  Period,
  Transaction,
  TransactionRow,
} from './types';

type Item = Record<string, AttributeValue>;

/** How many orders are read at once when a list of orders is added up. */
const ORDERS_AT_ONCE = 8;

/** What a `TransactionsClient` needs to know. */
export interface TransactionsClientProps {
  /** Any client: its region, credentials, retries and endpoint are what every query uses. */
  readonly client: DynamoDBClient;
  /** Name of the transaction table. */
  readonly tableName: string;
  /**
   * How many shards the day index has, as the construct was told. With another number, queries by day miss lines.
   * @default 1
   */
  readonly dayShards?: number;
  /**
   * SKUs of negative lines that are no returns, where nothing of that SKU was sold before.
   * @default /discount/i
   */
  readonly adjustmentSku?: RegExp;
}

/**
 * Asks the transaction table the questions a publisher has: what did this member buy, where does this order stand, what came in on this day.
 *
 * Lists are async iterators that read page after page as they are walked. Every method checks its input at once and throws an
 * `InvalidQueryError` that says what is wrong; errors of DynamoDB come through as the SDK throws them. The indexes are eventually consistent:
 * a line shows there well under a second after it was written, as a rule.
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
   * The lines of a member (`u1`), oldest order first. The period is one of order time: a return stands beside its sale, however late it came.
   * Lines without `u1` are in no member's list, among them some cancellations; `memberOrders` finds those through their orders.
   */
  byMember(u1: string, options: MemberListOptions = {}): AsyncIterableIterator<Transaction> {
    const list = requireList(options);
    const range = requirePeriod(options);
    const query = indexQuery(this.tableName, INDEXES.byMember, requireText('u1', u1), range, list);
    const { startAfter } = options;
    const startKey = startAfter && {
      ...stringKey({ u1, occurred_at: requireText('startAfter.occurred_at', startAfter.occurred_at) }),
      ...tableKey(requireText('startAfter.order_key', startAfter.order_key), requireText('startAfter.line_key', startAfter.line_key)),
    };
    return this.transactions(queryItems(this.client, { ...query, ExclusiveStartKey: startKey }), list);
  }

  /**
   * The lines that Rakuten processed on a UTC day (`process_date`), in the order in which they were first received; those of a span of
   * days day after day.
   *
   * @param day `YYYY-MM-DD`, or the first day and the one behind the last
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

  /** The lines of an order with everything that is kept of them: events, confirmed lines, returns, adjustments. */
  byOrder(sid: string, advertiserId: string, orderId: string, options: OrderOptions = {}): AsyncIterableIterator<TransactionRow> {
    return this.byOrderKey(requireOrder(sid, advertiserId, orderId), options);
  }

  /** The same by the order's key, which every line carries: the only way to a line that came without an order number. */
  byOrderKey(orderKey: string, options: OrderOptions = {}): AsyncIterableIterator<TransactionRow> {
    const items = queryItems(this.client, {
      TableName: this.tableName,
      KeyConditionExpression: '#order = :order',
      ExpressionAttributeNames: { '#order': TABLE_KEYS.partition },
      ExpressionAttributeValues: { ':order': { S: requireText('orderKey', orderKey) } },
      ConsistentRead: options.consistentRead ?? false,
    });
    return this.rows(items, requireList({ verifiedOnly: options.verifiedOnly }));
  }

  /** The line with this transaction id with everything that is kept of it. An id that Rakuten used for an event and its confirmation gives two. */
  byTransaction(etransactionId: string): AsyncIterableIterator<TransactionRow> {
    const keys = queryItems(this.client, {
      TableName: this.tableName,
      IndexName: INDEXES.byTransaction,
      KeyConditionExpression: 'etransaction_id = :id',
      ExpressionAttributeValues: { ':id': { S: requireText('etransaction_id', etransactionId) } },
    });
    return this.rows(this.itemsOf(keys), requireList({}));
  }

  /** Every line of the table, in no particular order, with everything that is kept of it. Reads, and costs, the whole table. */
  all(options: Omit<ListOptions, 'newestFirst'> = {}): AsyncIterableIterator<TransactionRow> {
    const list = requireList(options);
    return this.rows(scanItems(this.client, { TableName: this.tableName, Limit: list.readAtOnce }), list);
  }

  /** An order added up: where it stands, net amounts by currency, dates, lines. Nothing when there is no such order. */
  orderSummary(sid: string, advertiserId: string, orderId: string, options: OrderOptions = {}): Promise<OrderSummary | undefined> {
    return this.orderSummaryByKey(requireOrder(sid, advertiserId, orderId), options);
  }

  /** The same by the order's key, which every line carries. */
  async orderSummaryByKey(orderKey: string, options: OrderOptions = {}): Promise<OrderSummary | undefined> {
    return summariseOrder(await collect(this.byOrderKey(orderKey, options)), this.adjustmentSku);
  }

  /**
   * A member's orders, in the order in which they were placed. Each is read as a whole, with its cancellations that carry no `u1`. An order belongs to the
   * period in which the member's first line of it was placed, so that periods side by side count each order once.
   */
  memberOrders(u1: string, period: Period = {}, options: OrderOptions = {}): AsyncIterableIterator<OrderSummary> {
    requireText('u1', u1);
    return this.membersOrders(u1, requirePeriod(period), options);
  }

  /**
   * A member's orders of a period added up, by currency. Later returns change the summary of the period in which the order was placed.
   * Reads each order of the period: one query per order.
   */
  memberSummary(u1: string, period: Period = {}, options: OrderOptions = {}): Promise<MemberSummary> {
    requireText('u1', u1);
    const range = requirePeriod(period);
    return summariseMember(u1, range, this.membersOrders(u1, range, options));
  }

  /**
   * The orders of which Rakuten processed a line on this UTC day or in this span of days. Each comes once and is added up as a whole, with its
   * lines of other days.
   *
   * @param day `YYYY-MM-DD`, or the first day and the one behind the last
   */
  dayOrders(day: string | DaySpan, options: OrderOptions = {}): AsyncIterableIterator<OrderSummary> {
    const summaries = mapAhead(distinctOrders(this.byDay(day)), ORDERS_AT_ONCE, (key) => this.orderSummaryByKey(key, options));
    return present(summaries);
  }

  private membersOrders(u1: string, range: TimeRange, options: OrderOptions): AsyncIterableIterator<OrderSummary> {
    const summaries = mapAhead(distinctOrders(this.byMember(u1, range)), ORDERS_AT_ONCE, async (key) =>
      summariseMembersOrder(await collect(this.byOrderKey(key, options)), u1, range, this.adjustmentSku),
    );
    return present(summaries);
  }

  private itemsOfDay(day: string, range: TimeRange, list: RequiredList): AsyncIterable<Item> {
    const shards = processDayKeys(day, this.dayShards).map((shard) =>
      queryItems(this.client, indexQuery(this.tableName, INDEXES.byDay, shard, range, list)),
    );
    return mergeSorted(shards, (a, b) => (list.newestFirst ? receivedAt(a) > receivedAt(b) : receivedAt(a) < receivedAt(b)));
  }

  private transactions(items: AsyncIterable<Item>, list: RequiredList): AsyncIterableIterator<Transaction> {
    return filtered(
      mapped(items, (item) => toTransaction(item, this.adjustmentSku)),
      listFilter(list),
      list.limit,
    );
  }

  private rows(items: AsyncIterable<Item>, list: RequiredList): AsyncIterableIterator<TransactionRow> {
    return filtered(
      mapped(items, (item) => toRow(item, this.adjustmentSku)),
      listFilter(list),
      list.limit,
    );
  }

  private async *itemsOf(keys: AsyncIterable<Item>): AsyncGenerator<Item, void, undefined> {
    for await (const key of keys) {
      const { Item } = await this.client.send(
        new GetItemCommand({
          TableName: this.tableName,
          Key: tableKey(key[TABLE_KEYS.partition]?.S ?? '', key[TABLE_KEYS.sort]?.S ?? ''),
        }),
      );
      if (Item !== undefined) yield Item;
    }
  }
}

function requireOrder(sid: string, advertiserId: string, orderId: string): string {
  return orderKeyOf(requireText('sid', sid), requireText('advertiser_id', advertiserId), requireText('order_id', orderId));
}

const receivedAt = (item: Item): string => item[ATTRIBUTES.receivedAt]?.S ?? '';

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

async function* distinctOrders(lines: AsyncIterable<Transaction>): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>();
  for await (const { order_key } of lines) {
    if (seen.has(order_key)) continue;
    seen.add(order_key);
    yield order_key;
  }
}

async function* present<T>(values: AsyncIterable<T | undefined>): AsyncGenerator<T, void, undefined> {
  for await (const value of values) if (value !== undefined) yield value;
}
