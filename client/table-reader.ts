import { type AttributeValue, type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../core/names';
import { INDEX_KEYS, processDayKeys, TABLE_KEYS, UNKNOWN_IS_EVENT } from '../core/store/keys';
import { queryItems } from '../core/store/query-items';
import { readItems } from './batch-read';
import { type Condition, indexQuery, knownRowQuery, lineQuery, ofPublisher, orderQuery, withFilter } from './conditions';
import type { Span } from './input';
import { toRow, toTransaction } from './items';
import { listFilter, type RequiredList, requireList } from './list';
import { concatenated, filtered, mapped, mergeSorted, scanItems } from './pages';
import { isWithin, type TimeRange } from './times';
import type { Transaction, TransactionRow } from './types';

type Item = Record<string, AttributeValue>;

/** Number of orders that are read at once. */
export const ORDERS_AT_ONCE = 8;

/** The order of a line. A line without `order_id` is an order of its own. */
export type OrderIdentity = Pick<Transaction, 'sid' | 'advertiser_id'> &
  ({ readonly order_id: string } | { readonly order_id?: undefined; readonly line_id: string });

export function orderOf({ sid, advertiser_id, order_id, line_id }: Transaction): OrderIdentity {
  return order_id === undefined ? { sid, advertiser_id, line_id } : { sid, advertiser_id, order_id };
}

/** The same text for the same order. */
export const orderText = (order: OrderIdentity): string => JSON.stringify(order);

export interface TableReaderProps {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly dayShards: number;
  readonly adjustmentSku: RegExp;
}

/** A line and when it was processed, or when it arrived until the Events API has returned it. */
export interface DatedLine {
  readonly line: Transaction;
  readonly processedAt: string;
}

/** Reads lines of the transaction table and its indexes, page after page. */
export class TableReader {
  constructor(readonly props: TableReaderProps) {}

  /** Every row of the table. */
  all(list: RequiredList): AsyncIterableIterator<TransactionRow> {
    return this.rows(scanItems(this.props.client, { TableName: this.props.tableName, Limit: list.readAtOnce }), list);
  }

  /** The lines of a member whose order time is within the range, by order time. */
  linesOfMember(
    u1: string,
    range: TimeRange,
    list: RequiredList = requireList({}),
    conditions: readonly Condition[] = [],
    startKey?: Item,
  ): AsyncIterableIterator<Transaction> {
    const query = withFilter(indexQuery(this.props.tableName, INDEXES.byMember, u1, range, list), conditions);
    return this.transactions(this.itemsWithin(INDEXES.byMember, { ...query, ExclusiveStartKey: startKey }, range), list);
  }

  /**
   * The lines that were processed in a span of time, day after day, by arrival.
   *
   * @param received only lines that first arrived in this range
   */
  linesProcessed(
    { range, days }: Span,
    list: RequiredList = requireList({}),
    conditions: readonly Condition[] = [],
    received: TimeRange = {},
  ): AsyncIterableIterator<Transaction> {
    return this.transactions(this.itemsProcessed({ range, days }, list, conditions, received), list);
  }

  /** The same with the time by which a line is in the span. */
  datedLines(span: Span, conditions: readonly Condition[]): AsyncIterable<DatedLine> {
    const items = this.listedItems(this.itemsProcessed(span, requireList({}), conditions, {}));
    return mapped(items, (item) => ({ line: this.toTransaction(item), processedAt: processedAt(item) }));
  }

  private itemsProcessed(
    { range, days }: Span,
    list: RequiredList,
    conditions: readonly Condition[],
    received: TimeRange,
  ): AsyncIterable<Item> {
    const ordered = list.newestFirst ? [...days].reverse() : days;
    const items = concatenated(ordered, (day) => this.itemsOfDay(day, received, list, conditions));
    return filtered(items, (item) => isWithin(processedAt(item), range));
  }

  /** Every line of an index, one partition of the index after the other. */
  linesOfIndex(index: typeof INDEXES.byMember | typeof INDEXES.byDay, conditions: readonly Condition[]): AsyncIterable<Transaction> {
    const scan = withFilter({ TableName: this.props.tableName, IndexName: index }, conditions);
    return this.transactions(scanItems(this.props.client, scan), requireList({}));
  }

  /** The rows of a line, of every `is_event`. */
  rowsOfLine(lineId: string): AsyncIterableIterator<TransactionRow> {
    return mapped(queryItems(this.props.client, lineQuery(this.props.tableName, lineId)), (item) => toRow(item, this.props.adjustmentSku));
  }

  /** The rows of an order. */
  rowsOfOrder(order: OrderIdentity, list: RequiredList = requireList({})): AsyncIterableIterator<TransactionRow> {
    // The index may be older than the rows, and it has the orders of all advertisers.
    const items = filtered(
      this.candidatesOf(order),
      (item) => item.order_id?.S === order.order_id && item.advertiser_id?.S === order.advertiser_id,
    );
    return this.rows(items, list);
  }

  /** Whether a member has a line. */
  async hasLine(u1: string, sid: string | undefined): Promise<boolean> {
    const conditions: Condition[] = [{ attribute: ATTRIBUTES.receivedAt, test: 'exists' }, ...ofPublisher(sid)];
    const query = indexQuery(this.props.tableName, INDEXES.byMember, u1, {}, requireList({ pageSize: LINES_OF_A_LOOK_UP }));
    for await (const _ of queryItems(this.props.client, withFilter(query, conditions))) return true;
    return false;
  }

  toTransaction(item: Item): Transaction {
    return toTransaction(item, this.props.adjustmentSku);
  }

  private candidatesOf(order: OrderIdentity): AsyncIterable<Item> {
    const { client, tableName } = this.props;
    if (order.order_id === undefined) return queryItems(client, lineQuery(tableName, order.line_id));
    return readItems(client, tableName, queryItems(client, orderQuery(tableName, order.sid, order.order_id)));
  }

  private itemsOfDay(day: string, received: TimeRange, list: RequiredList, conditions: readonly Condition[]): AsyncIterable<Item> {
    const shards = processDayKeys(day, this.props.dayShards).map((shard) =>
      this.itemsWithin(
        INDEXES.byDay,
        withFilter(indexQuery(this.props.tableName, INDEXES.byDay, shard, received, list), conditions),
        received,
      ),
    );
    return mergeSorted(shards, (a, b) => (list.newestFirst ? receivedAt(a) > receivedAt(b) : receivedAt(a) < receivedAt(b)));
  }

  /** The items of an index query whose sort key is within the range. */
  private itemsWithin(
    index: typeof INDEXES.byMember | typeof INDEXES.byDay,
    query: Parameters<typeof queryItems>[1],
    range: TimeRange,
  ): AsyncIterable<Item> {
    return filtered(queryItems(this.props.client, query), (item) => isWithin(item[INDEX_KEYS[index].sort]?.S ?? '', range));
  }

  private transactions(items: AsyncIterable<Item>, list: RequiredList): AsyncIterableIterator<Transaction> {
    const lines = mapped(this.listedItems(items), (item) => this.toTransaction(item));
    return filtered(lines, listFilter(list), list.limit);
  }

  private rows(items: AsyncIterable<Item>, list: RequiredList): AsyncIterableIterator<TransactionRow> {
    const rows = mapped(this.listedItems(items), (item) => toRow(item, this.props.adjustmentSku));
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
      const query = knownRowQuery(this.props.tableName, item[TABLE_KEYS.partition]?.S ?? '');
      const { Count } = await this.props.client.send(new QueryCommand(query));
      return Count === 0;
    });
  }
}

/** They cost one read unit, as one line does. */
const LINES_OF_A_LOOK_UP = 5;

const receivedAt = (item: Item): string => item[ATTRIBUTES.receivedAt]?.S ?? '';

/**
 * The time whose UTC day is the line's partition of the day index.
 *
 * An unanswered line shows the `process_date` of a postback, which its sender chose.
 */
const processedAt = (item: Item): string =>
  (item[ATTRIBUTES.answerHash] === undefined ? undefined : item.process_date?.S) ?? receivedAt(item);
