import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { Transaction } from '../../client';
import { isRowField, ROW_FIELDS } from '../../core/rakuten/fields';
import { LISTED_ATTRIBUTES, TABLE_KEYS } from '../../core/store/keys';

/** Columns of a CSV: what a list shows, and what the line is. */
export const CSV_COLUMNS = ['kind', ...LISTED_ATTRIBUTES, TABLE_KEYS.partition, TABLE_KEYS.sort] as const;

/** A BOM tells Excel that the file is UTF-8. */
const BYTE_ORDER_MARK = '\uFEFF';

/** Lines as CSV (RFC 4180, UTF-8, line feeds), with a head. */
export async function* csvLines(lines: AsyncIterable<Transaction>, forSpreadsheets: boolean): AsyncGenerator<string> {
  const csv = stringify({
    header: true,
    columns: [...CSV_COLUMNS],
    cast: {
      object: (value) => (Array.isArray(value) ? value.join('; ') : JSON.stringify(value)),
      string: (value, { header, column }) => (forSpreadsheets && !header && !isDecimal(column) ? withoutFormula(value) : value),
    },
  });
  if (forSpreadsheets) yield BYTE_ORDER_MARK;
  // `compose` carries errors and backpressure over; a bare `pipe` would not.
  for await (const chunk of Readable.from(lines).compose(csv)) yield String(chunk);
}

/** Lines as JSON, one in each line. */
export async function* jsonLines(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** An amount may begin with a minus; everything else that begins like a formula is text from outside. */
const withoutFormula = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const isDecimal = (column: unknown): boolean => typeof column === 'string' && isRowField(column) && ROW_FIELDS[column] === 'decimal';
