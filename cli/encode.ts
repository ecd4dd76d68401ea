import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { Transaction } from '../client';
import { ATTRIBUTES } from '../core/names';
import { isRowField, ROW_FIELDS } from '../core/rakuten/postback/fields';
import { LISTED_ATTRIBUTES } from '../core/transactions/keys';
import { protectCell } from './spreadsheet';

/** Columns of a CSV: the line's key, its kind and the attributes of a list. */
export const CSV_COLUMNS = [
  'kind',
  ATTRIBUTES.lineId,
  'sid',
  'etransaction_id',
  ATTRIBUTES.isEvent,
  ...LISTED_ATTRIBUTES,
  ATTRIBUTES.occurredAt,
] as const;

/** A BOM tells Excel that the file is UTF-8. */
const BYTE_ORDER_MARK = '\uFEFF';

export interface CsvOptions {
  /** Adds a byte order mark, and protects texts from being read as formulas, numbers or dates. */
  readonly forSpreadsheets: boolean;
  /** One character between two values. */
  readonly delimiter: string;
}

/** Lines as CSV (RFC 4180, UTF-8, line feeds), with a header. */
export async function* csvLines(
  lines: AsyncIterable<Transaction>,
  { forSpreadsheets, delimiter }: CsvOptions,
): AsyncGenerator<string> {
  const csv = stringify({
    header: true,
    delimiter,
    columns: [...CSV_COLUMNS],
    cast: {
      object: (value, { column }) =>
        protect(Array.isArray(value) ? value.join('; ') : JSON.stringify(value), column),
      string: (value, { header, column }) => (header ? value : protect(value, column)),
    },
  });
  const protect = (text: string, column: unknown): string =>
    forSpreadsheets && !hasOwnForm(column) ? protectCell(text) : text;
  if (forSpreadsheets) yield BYTE_ORDER_MARK;
  // Unlike `pipe`, `compose` propagates errors and backpressure.
  for await (const chunk of Readable.from(lines).compose(csv)) yield String(chunk);
}

/** Lines as JSON, one per line. */
export async function* jsonLines(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** `{"lines": […], …}`: the rest is asked for at the end. */
export async function* jsonDocument(
  lines: AsyncIterable<unknown>,
  rest: () => object,
): AsyncGenerator<string> {
  let separator = '{"lines":[\n';
  for await (const line of lines) {
    yield separator + JSON.stringify(line);
    separator = ',\n';
  }
  const end = JSON.stringify(rest()).slice(1);
  yield `${separator === ',\n' ? '\n' : separator}]${end === '}' ? '' : ','}${end}\n`;
}

const OWN_TIMES: readonly unknown[] = [
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.updatedAt,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.withdrawnAt,
  ATTRIBUTES.occurredAt,
];

/** Whether the column has decimals or times only, which this package writes in one form. */
const hasOwnForm = (column: unknown): boolean =>
  OWN_TIMES.includes(column) ||
  (typeof column === 'string' &&
    isRowField(column) &&
    ['decimal', 'date'].includes(ROW_FIELDS[column]));
