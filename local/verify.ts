import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { ROW_FIELDS, type RowField } from '../core/rakuten/fields';
import type { LineRecord } from './fake-rakuten';

export type Row = Record<string, AttributeValue>;

/** What the table holds of what was sent. */
export interface Comparison {
  /** Lines that are there once, as they were sent. */
  readonly intact: number;
  /** Lines without a row. */
  readonly missing: readonly LineRecord[];
  /** Lines with more than one row. */
  readonly repeated: readonly LineRecord[];
  /** Lines whose row says something else, with the fields that do. */
  readonly different: readonly { readonly line: LineRecord; readonly fields: readonly RowField[] }[];
  /** Rows that nobody sent. */
  readonly unexpected: readonly Row[];
}

/** Whether every line is in the table exactly once, as it was sent, and nothing else. */
export const isExact = ({ missing, repeated, different, unexpected }: Comparison): boolean =>
  missing.length + repeated.length + different.length + unexpected.length === 0;

/** Compares lines with the rows of a table, by `etransaction_id` and `is_event`. Knows nothing of the table's keys. */
export function compareRows(lines: readonly LineRecord[], rows: readonly Row[]): Comparison {
  const rowsOf = new Map<string, Row[]>();
  for (const row of rows) {
    const id = identity(row.etransaction_id?.S, row.is_event?.S);
    rowsOf.set(id, [...(rowsOf.get(id) ?? []), row]);
  }
  const sent = new Map(lines.map((line) => [identity(line.etransaction_id, line.is_event), line]));
  const missing: LineRecord[] = [];
  const repeated: LineRecord[] = [];
  const different: { line: LineRecord; fields: RowField[] }[] = [];
  for (const [id, line] of sent) {
    const [row, ...more] = rowsOf.get(id) ?? [];
    if (row === undefined) missing.push(line);
    else if (more.length > 0) repeated.push(line);
    else {
      const fields = (Object.keys(ROW_FIELDS) as RowField[]).filter((field) => !sameValue(field, line[field], row[field]));
      if (fields.length > 0) different.push({ line, fields });
    }
  }
  const unexpected = [...rowsOf].filter(([id]) => !sent.has(id)).flatMap(([, found]) => found);
  return { intact: sent.size - missing.length - repeated.length - different.length, missing, repeated, different, unexpected };
}

/** Every row of a table. */
export async function scanTable(client: DynamoDBClient, TableName: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName, ConsistentRead: true })) rows.push(...Items);
  return rows;
}

const identity = (id: string | undefined, isEvent: string | undefined): string => JSON.stringify([id, isEvent]);

function sameValue(field: RowField, sent = '', stored: AttributeValue | undefined): boolean {
  if (stored === undefined || sent === '') return stored === undefined && sent === '';
  switch (ROW_FIELDS[field]) {
    case 'decimal':
      return stored.N !== undefined && new Big(stored.N).eq(sent);
    case 'date':
      return stored.S === new Date(sent).toISOString();
    default:
      return stored.S === sent;
  }
}
