import { orderOf, orderText } from './order-identity';
import type { SummarySettings } from './order-summary';
import { batches } from './pages';
import { type Settlement, settle } from './settlement';
import type { Sums } from './summary-types';
import type { TableReader } from './table-reader';
import { compareTimes } from './times';
import type { Transaction, TransactionRow } from './types';

/** Number of lines whose orders are read together, each order once. */
export const LINES_AT_ONCE = 500;

/** The rows of the orders of some lines, by `orderText`. */
export async function readOrders(
  reader: TableReader,
  lines: readonly Transaction[],
): Promise<Map<string, TransactionRow[]>> {
  const orders = new Map(lines.map((line) => [orderText(orderOf(line)), orderOf(line)]));
  const found = new Map([...orders.keys()].map((text): [string, TransactionRow[]] => [text, []]));
  for await (const row of reader.rowsOfOrders(orders.values()))
    found.get(orderText(orderOf(row)))?.push(row);
  return found;
}

/**
 * The rows of each order that has one of the lines, each order once.
 *
 * The lines of an order can be in several batches. It is yielded with the batch that has the first
 * of them, so no list of the orders before is needed.
 *
 * @param isSelected whether a row is among the lines
 */
export async function* ordersOfLines(
  reader: TableReader,
  lines: AsyncIterable<Transaction>,
  isSelected: (row: TransactionRow) => boolean,
): AsyncGenerator<TransactionRow[], void, undefined> {
  for await (const batch of batches(lines, LINES_AT_ONCE)) {
    const selected = new Set(batch.map(rowText));
    for (const rows of (await readOrders(reader, batch)).values()) {
      const [first] = rows.filter(isSelected).sort(byArrival);
      if (first !== undefined && selected.has(rowText(first))) yield rows;
    }
  }
}

const rowText = ({ line_id, is_event }: Transaction): string => `${line_id} ${is_event}`;

const byArrival = (a: Transaction, b: Transaction): number =>
  compareTimes(a.received_at, b.received_at) || (rowText(a) < rowText(b) ? -1 : 1);

/** In which sum a line is. */
export type SumName = keyof Sums;

/** The sum that a line is in, by the settlement of its order. Undefined: in none. */
export function sumOfLine(
  line: Transaction,
  settlement: Settlement<Transaction>,
): SumName | undefined {
  return (['pending', 'awaiting', 'earned'] as const).find((name) =>
    settlement[name].some((other) => isSameRow(other, line)),
  );
}

/** The rows of a line's order. If the index of orders lags, they include the line itself. */
export function rowsWith(
  line: Transaction,
  orders: ReadonlyMap<string, TransactionRow[]>,
): readonly TransactionRow[] {
  const rows = orders.get(orderText(orderOf(line))) ?? [];
  return rows.some((row) => isSameRow(row, line)) ? rows : [...rows, line];
}

/** The sum of a line that needs the other lines of its order for that. */
export const sumInOrder = (
  line: Transaction,
  orders: ReadonlyMap<string, TransactionRow[]>,
  settings: Pick<SummarySettings, 'includeUnverified'>,
): SumName | undefined => sumOfLine(line, settle(rowsWith(line, orders), settings));

export const isSameRow = (a: Transaction, b: Transaction): boolean =>
  a.line_id === b.line_id && a.is_event === b.is_event;
