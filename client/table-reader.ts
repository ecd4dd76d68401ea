import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../core/names';
import type { Item } from '../core/transactions/attributes';
import {
  INDEX_KEYS,
  processDayKeys,
  TABLE_KEYS,
  UNKNOWN_IS_EVENT,
} from '../core/transactions/keys';
import { hasKnownRow } from '../core/transactions/known-row';
import { queryItems } from '../core/transactions/query-items';
import { keyText, readItems } from './batch-read';
import {
  type Condition,
  type Filter,
  indexQuery,
  lineQuery,
  ofPublisher,
  orderQuery,
  withFilter,
} from './conditions';
import type { Span } from './input';
import { toRow, toTransaction } from './items';
import { listFilter, type RequiredList, requireList } from './list';
import { type OrderIdentity, orderOf, orderText } from './order-identity';
import {
  collect,
  concatenated,
  filtered,
  mapAhead,
  mapped,
  mergeSorted,
  scanItems,
  sequence,
} from './pages';
import { isWithin, type TimeRange } from './times';
import type { Transaction, TransactionRow } from './types';

/** Number of orders that are read at once. */
export const ORDERS_AT_ONCE = 8;

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
    return this.rows(
      scanItems(this.props.client, { TableName: this.props.tableName, Limit: list.readAtOnce }),
      list,
    );
  }

  /** The lines of a member whose order time is within the range, by order time. */
  linesOfMember(
    u1: string,
    range: TimeRange,
    list: RequiredList = requireList({}),
    conditions: readonly Filter[] = [],
    startKey?: Item,
  ): AsyncIterableIterator<Transaction> {
    const query = withFilter(
      indexQuery(this.props.tableName, INDEXES.byMember, u1, range, list),
      conditions,
    );
    return this.transactions(
      this.itemsWithin(INDEXES.byMember, { ...query, ExclusiveStartKey: startKey }, range),
      list,
    );
  }

  /**
   * The lines that were processed in a span of time, day after day, by arrival.
   *
   * @param received only lines that first arrived in this range
   */
  linesProcessed(
    { range, days }: Span,
    list: RequiredList = requireList({}),
    conditions: readonly Filter[] = [],
    received: TimeRange = {},
  ): AsyncIterableIterator<Transaction> {
    return this.transactions(
      this.itemsProcessed({ range, days }, list, conditions, received),
      list,
    );
  }

  /** The same with the time by which a line is in the span. */
  datedLines(span: Span, conditions: readonly Filter[]): AsyncIterable<DatedLine> {
    return this.dated(this.itemsProcessed(span, requireList({}), conditions, {}));
  }

  /**
   * The lines in the partitions of some UTC days.
   *
   * @param receivedOn only lines of the day that first arrived in this range
   */
  linesOfDays(
    days: readonly string[],
    conditions: readonly Filter[],
    receivedOn: (day: string) => TimeRange,
  ): AsyncIterable<DatedLine> {
    return this.dated(
      concatenated(days, (day) =>
        this.itemsOfDay(day, receivedOn(day), requireList({}), conditions),
      ),
    );
  }

  private dated(items: AsyncIterable<Item>): AsyncIterable<DatedLine> {
    return mapped(this.listedItems(items), (item) => ({
      line: this.toTransaction(item),
      processedAt: processedAt(item),
    }));
  }

  private itemsProcessed(
    { range, days }: Span,
    list: RequiredList,
    conditions: readonly Filter[],
    received: TimeRange,
  ): AsyncIterable<Item> {
    const ordered = list.newestFirst ? [...days].reverse() : days;
    const items = concatenated(ordered, (day) => this.itemsOfDay(day, received, list, conditions));
    return filtered(items, (item) => isWithin(processedAt(item), range));
  }

  /** Every line of an index, one partition of the index after the other. */
  linesOfIndex(
    index: typeof INDEXES.byMember | typeof INDEXES.byDay,
    conditions: readonly Filter[],
  ): AsyncIterable<Transaction> {
    const scan = withFilter({ TableName: this.props.tableName, IndexName: index }, conditions);
    return this.transactions(scanItems(this.props.client, scan), requireList({}));
  }

  /** The rows of a line, of every `is_event`. */
  rowsOfLine(lineId: string): AsyncIterableIterator<TransactionRow> {
    return mapped(queryItems(this.props.client, lineQuery(this.props.tableName, lineId)), (item) =>
      toRow(item, this.props.adjustmentSku),
    );
  }

  /** The rows of an order. */
  rowsOfOrder(
    order: OrderIdentity,
    list: RequiredList = requireList({}),
  ): AsyncIterableIterator<TransactionRow> {
    return filtered(
      this.rowsOfOrders([order], list),
      (row) => orderText(orderOf(row)) === orderText(order),
    );
  }

  /**
   * The rows of several orders, read together, each once.
   *
   * Rows of other orders can be among them: the index may be older than the rows, and it has the
   * orders of all advertisers.
   */
  rowsOfOrders(
    orders: Iterable<OrderIdentity>,
    list: RequiredList = requireList({}),
  ): AsyncIterableIterator<TransactionRow> {
    return this.rows(
      readItems(this.props.client, this.props.tableName, this.keysOfOrders(orders)),
      list,
    );
  }

  /** Whether a member has a line. */
  async hasLine(u1: string, sid: string | undefined): Promise<boolean> {
    const conditions: Condition[] = [
      { attribute: ATTRIBUTES.receivedAt, test: 'exists' },
      ...ofPublisher(sid),
    ];
    const query = indexQuery(
      this.props.tableName,
      INDEXES.byMember,
      u1,
      {},
      requireList({ pageSize: LINES_OF_A_LOOK_UP }),
    );
    for await (const _ of queryItems(this.props.client, withFilter(query, conditions))) return true;
    return false;
  }

  toTransaction(item: Item): Transaction {
    return toTransaction(item, this.props.adjustmentSku);
  }

  private async *keysOfOrders(
    orders: Iterable<OrderIdentity>,
  ): AsyncGenerator<Item, void, undefined> {
    // One query finds the orders of all advertisers with this number.
    const wanted = new Map(
      [...orders].map((order) => [orderText({ ...order, advertiser_id: undefined }), order]),
    );
    const found = mapAhead(sequence(wanted.values()), ORDERS_AT_ONCE, (order) =>
      collect(this.keysOfOrder(order)),
    );
    const seen = new Set<string>();
    for await (const keys of found) {
      for (const key of keys) {
        // A line that has moved to another order can still be in the index under both.
        if (!seen.has(keyText(key))) yield key;
        seen.add(keyText(key));
      }
    }
  }

  private keysOfOrder(order: OrderIdentity): AsyncIterable<Item> {
    const { client, tableName } = this.props;
    return queryItems(
      client,
      order.order_id === undefined
        ? lineQuery(tableName, order.line_id)
        : orderQuery(tableName, order.sid, order.order_id),
    );
  }

  private itemsOfDay(
    day: string,
    received: TimeRange,
    list: RequiredList,
    conditions: readonly Filter[],
  ): AsyncIterable<Item> {
    const shards = processDayKeys(day, this.props.dayShards).map((shard) =>
      this.itemsWithin(
        INDEXES.byDay,
        withFilter(
          indexQuery(this.props.tableName, INDEXES.byDay, shard, received, list),
          conditions,
        ),
        received,
      ),
    );
    return mergeSorted(shards, (a, b) =>
      list.newestFirst ? receivedAt(a) > receivedAt(b) : receivedAt(a) < receivedAt(b),
    );
  }

  /** The items of an index query whose sort key is within the range. */
  private itemsWithin(
    index: typeof INDEXES.byMember | typeof INDEXES.byDay,
    query: Parameters<typeof queryItems>[1],
    range: TimeRange,
  ): AsyncIterable<Item> {
    return filtered(queryItems(this.props.client, query), (item) =>
      isWithin(item[INDEX_KEYS[index].sort]?.S ?? '', range),
    );
  }

  private transactions(
    items: AsyncIterable<Item>,
    list: RequiredList,
  ): AsyncIterableIterator<Transaction> {
    const lines = mapped(this.listedItems(items), (item) => this.toTransaction(item));
    return filtered(lines, listFilter(list), list.limit);
  }

  private rows(
    items: AsyncIterable<Item>,
    list: RequiredList,
  ): AsyncIterableIterator<TransactionRow> {
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
      return !(await hasKnownRow(
        this.props.client,
        this.props.tableName,
        item[TABLE_KEYS.partition]?.S ?? '',
      ));
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
  (item[ATTRIBUTES.answerHash] === undefined ? undefined : item.process_date?.S) ??
  receivedAt(item);

/** The same of a row. An answered one has one of these times. */
export const rowProcessedAt = ({
  verified_at,
  withdrawn_at,
  answered_at,
  process_date,
  received_at,
}: TransactionRow): string =>
  ((verified_at ?? withdrawn_at ?? answered_at) === undefined ? undefined : process_date) ??
  received_at;
