import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import type { Transaction } from '../../client';
import { ATTRIBUTES } from '../../core/names';
import { isRowField, ROW_FIELDS } from '../../core/rakuten/fields';
import { LISTED_ATTRIBUTES } from '../../core/store/keys';

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

/** Lines as CSV (RFC 4180, UTF-8, line feeds), with a header. */
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
  // Unlike `pipe`, `compose` propagates errors and backpressure.
  for await (const chunk of Readable.from(lines).compose(csv)) yield String(chunk);
}

/** Lines as JSON, one per line. */
export async function* jsonLines(lines: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** An amount may begin with a minus. Any other text that begins like a formula is untrusted. */
const withoutFormula = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const isDecimal = (column: unknown): boolean => typeof column === 'string' && isRowField(column) && ROW_FIELDS[column] === 'decimal';
