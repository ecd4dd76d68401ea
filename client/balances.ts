import { INDEXES } from '../core/names';
import { ofPublisher } from './conditions';
import { requirePeriod, requireText } from './input';
import { KeyFilter } from './key-filter';
import { summariseMember, summariseMemberOrder, summariseRest } from './member-summary';
import { orderOf, orderText } from './order-identity';
import { ordersOfLines } from './order-lines';
import type { SummarySettings } from './order-summary';
import { collect, mapAhead, mapped, present } from './pages';
import type { BalanceOptions } from './report-types';
import type { MemberBalance, MemberSummary, OrderSummary } from './summary-types';
import { ORDERS_AT_ONCE, type TableReader } from './table-reader';
import type { TimeRange } from './times';
import type { Transaction } from './types';

export interface RequiredBalances {
  readonly range: TimeRange;
  readonly sid: string | undefined;
  readonly settings: SummarySettings;
}

export function requireBalances(options: BalanceOptions, adjustmentSku: RegExp): RequiredBalances {
  return {
    range: requirePeriod(options),
    sid: options.sid === undefined ? undefined : requireText('sid', options.sid),
    settings: { includeUnverified: options.includeUnverified, adjustmentSku },
  };
}

/**
 * The balances of all members.
 *
 * The index by member has all lines of an order that matter to its member, apart from those without
 * `u1`. So one pass over the index by day finds the orders that have such lines, and only these
 * orders are read as a whole.
 */
export async function* memberBalances(
  reader: TableReader,
  options: RequiredBalances,
): AsyncGenerator<MemberBalance, void, undefined> {
  const withoutMember = new KeyFilter();
  const rest = balanceOf(
    await summariseMember('', options.range, ordersOfRest(reader, options, withoutMember)),
  );
  const members = reader.linesOfIndex(INDEXES.byMember, ofPublisher(options.sid));
  yield* present(
    mapAhead(partitions(reader, members, options.sid), ORDERS_AT_ONCE, async (lines) => {
      const u1 = lines[0]?.u1 ?? '';
      const sum = balanceOf(
        await summariseMember(
          u1,
          options.range,
          ordersOfMember(reader, lines, u1, options, withoutMember),
        ),
      );
      return sum.orders.total === 0 ? undefined : { ...sum, u1 };
    }),
  );
  if (rest.orders.total > 0) yield rest;
}

function balanceOf({
  orders,
  pending,
  awaiting,
  earned,
  doubtful,
  unattributed,
}: MemberSummary): MemberBalance {
  return { pending, awaiting, earned, orders, doubtful, unattributed };
}

/** A member's orders, from the member's lines. */
async function* ordersOfMember(
  reader: TableReader,
  lines: readonly Transaction[],
  u1: string,
  { range, settings }: RequiredBalances,
  withoutMember: KeyFilter,
): AsyncGenerator<OrderSummary, void, undefined> {
  const orders = new Map<string, Transaction[]>();
  for (const line of lines) {
    const text = orderText(orderOf(line));
    const order = orders.get(text);
    if (order === undefined) orders.set(text, [line]);
    else order.push(line);
  }
  for (const [text, order] of orders) {
    const [first] = order;
    if (first === undefined) continue;
    const rows = withoutMember.mayHave(text)
      ? await collect(reader.rowsOfOrder(orderOf(first)))
      : order;
    const summary = summariseMemberOrder(rows, u1, range, settings);
    if (summary !== undefined) yield summary;
  }
}

/** The lines of no member, by order. Adds all orders with lines without `u1` to the filter. */
async function* ordersOfRest(
  reader: TableReader,
  { range, sid, settings }: RequiredBalances,
  withoutMember: KeyFilter,
): AsyncGenerator<OrderSummary, void, undefined> {
  const lines = reader.linesOfIndex(INDEXES.byDay, [
    { attribute: 'u1', test: 'missing' },
    ...ofPublisher(sid),
  ]);
  const noted = mapped(lines, (line) => {
    withoutMember.add(orderText(orderOf(line)));
    return line;
  });
  const orders = ordersOfLines(reader, noted, (row) => row.u1 === undefined);
  yield* present(mapped(orders, (rows) => summariseRest(rows, range, settings)));
}

/**
 * The lines of each member, from a scan of the index by member.
 *
 * DynamoDB stores the items of a partition key together, so that a scan returns them one after the
 * other. A scan that does not would give wrong sums, so that is checked.
 */
async function* partitions(
  reader: TableReader,
  lines: AsyncIterable<Transaction>,
  sid: string | undefined,
): AsyncGenerator<Transaction[], void, undefined> {
  const complete = new KeyFilter();
  let partition: Transaction[] = [];
  for await (const line of lines) {
    const [first] = partition;
    if (first !== undefined && first.u1 !== line.u1) {
      complete.add(first.u1 ?? '');
      yield partition;
      partition = [];
    }
    if (partition.length === 0 && complete.mayHave(line.u1 ?? ''))
      await assertFirstLine(reader, line, sid);
    partition.push(line);
  }
  if (partition.length > 0) yield partition;
}

async function assertFirstLine(
  reader: TableReader,
  line: Transaction,
  sid: string | undefined,
): Promise<void> {
  for await (const first of reader.linesOfMember(line.u1 ?? '', {}, undefined, ofPublisher(sid))) {
    if (first.occurred_at === line.occurred_at) return;
    break;
  }
  throw new Error(
    `DynamoDB returned the lines of member '${line.u1}' in several parts, so that their sums would be wrong. Use memberSummary for each member instead.`,
  );
}
