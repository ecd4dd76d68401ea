import type { SummarySettings } from './order-summary';
import { collect, mapAhead, sequence } from './pages';
import { type Settlement, settle } from './settlement';
import { ORDERS_AT_ONCE, orderOf, orderText, type TableReader } from './table-reader';
import type { Sums, Transaction, TransactionRow } from './types';

/** Number of lines whose orders are read together, each order once. */
export const LINES_AT_ONCE = 500;

/** The rows of the orders of some lines, by `orderText`. */
export async function readOrders(reader: TableReader, lines: readonly Transaction[]): Promise<Map<string, TransactionRow[]>> {
  const orders = new Map(lines.map((line) => [orderText(orderOf(line)), orderOf(line)]));
  const read = mapAhead(
    sequence(orders),
    ORDERS_AT_ONCE,
    async ([text, order]) => [text, await collect(reader.rowsOfOrder(order))] as const,
  );
  return new Map(await collect(read));
}

/** In which sum a line is. */
export type SumName = keyof Sums;

/** The sum that a line is in, by the settlement of its order. Undefined: in none. */
export function sumOfLine(line: Transaction, settlement: Settlement<Transaction>): SumName | undefined {
  return (['pending', 'awaiting', 'earned'] as const).find((name) => settlement[name].some((other) => isSameRow(other, line)));
}

/** The rows of a line's order. If the index of orders lags, they include the line itself. */
export function rowsWith(line: Transaction, orders: ReadonlyMap<string, TransactionRow[]>): readonly TransactionRow[] {
  const rows = orders.get(orderText(orderOf(line))) ?? [];
  return rows.some((row) => isSameRow(row, line)) ? rows : [...rows, line];
}

/** The sum of a line that needs the other lines of its order for that. */
export const sumInOrder = (
  line: Transaction,
  orders: ReadonlyMap<string, TransactionRow[]>,
  settings: Pick<SummarySettings, 'includeUnverified'>,
): SumName | undefined => sumOfLine(line, settle(rowsWith(line, orders), settings));

export const isSameRow = (a: Transaction, b: Transaction): boolean => a.line_id === b.line_id && a.is_event === b.is_event;
