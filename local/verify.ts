import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { ATTRIBUTES } from '../core/names';
import { ROW_FIELDS, type RowField } from '../core/rakuten/postback/fields';
import { parseLineId } from '../core/transactions/keys';
import type { LineRecord } from '../fake-rakuten';

export type Row = Record<string, AttributeValue>;

/** How the rows of a table compare with the lines that were sent. */
export interface Comparison {
  /** Number of lines that have one row with the values that were sent. */
  readonly intact: number;
  /** Lines without a row. */
  readonly missing: readonly LineRecord[];
  /** Lines with more than one row. */
  readonly repeated: readonly LineRecord[];
  /** Lines whose row has other values, with the fields that differ. */
  readonly different: readonly {
    readonly line: LineRecord;
    readonly fields: readonly RowField[];
  }[];
  /** Rows without a line. */
  readonly unexpected: readonly Row[];
}

/** Whether every line is in the table exactly once, as it was sent, and nothing else. */
export const isExact = ({ missing, repeated, different, unexpected }: Comparison): boolean =>
  missing.length + repeated.length + different.length + unexpected.length === 0;

/**
 * Compares lines with the rows of a table, by publisher, ID and `is_event`.
 *
 * Reads the key of a row, but does not trust its spelling: two rows whose IDs differ in case or
 * padding are one line with two rows.
 */
export function compareRows(lines: readonly LineRecord[], rows: readonly Row[]): Comparison {
  const rowsOf = new Map<string, Row[]>();
  for (const row of rows) {
    const id = identityOfRow(row);
    rowsOf.set(id, [...(rowsOf.get(id) ?? []), row]);
  }
  const sent = new Map(
    lines.map((line) => [identity(line.sid, line.etransaction_id, line.is_event), line]),
  );
  const missing: LineRecord[] = [];
  const repeated: LineRecord[] = [];
  const different: { line: LineRecord; fields: RowField[] }[] = [];
  for (const [id, line] of sent) {
    const [row, ...more] = rowsOf.get(id) ?? [];
    if (row === undefined) missing.push(line);
    else if (more.length > 0) repeated.push(line);
    else {
      const fields = VALUE_FIELDS.filter((field) => !isSameValue(field, line[field], row[field]));
      if (fields.length > 0) different.push({ line, fields });
    }
  }
  const unexpected = [...rowsOf].filter(([id]) => !sent.has(id)).flatMap(([, found]) => found);
  return {
    intact: sent.size - missing.length - repeated.length - different.length,
    missing,
    repeated,
    different,
    unexpected,
  };
}

/** Every row of a table. */
export async function scanTable(client: DynamoDBClient, TableName: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName, ConsistentRead: true }))
    rows.push(...Items);
  return rows;
}

/** A row has these in its key only. */
const KEY_FIELDS: readonly RowField[] = ['sid', 'etransaction_id', 'is_event'];
const VALUE_FIELDS = (Object.keys(ROW_FIELDS) as RowField[]).filter(
  (field) => !KEY_FIELDS.includes(field),
);

function identityOfRow(row: Row): string {
  const { sid, etransactionId } = parseLineId(row[ATTRIBUTES.lineId]?.S ?? '');
  return identity(sid, etransactionId, row[ATTRIBUTES.isEvent]?.S);
}

const identity = (
  sid: string | undefined,
  id: string | undefined,
  isEvent: string | undefined,
): string => JSON.stringify([sid, id?.trim().toUpperCase(), isEvent]);

function isSameValue(field: RowField, sent = '', stored: AttributeValue | undefined): boolean {
  if (stored === undefined || sent === '') return stored === undefined && sent === '';
  switch (ROW_FIELDS[field]) {
    case 'decimal':
      return stored.N !== undefined && new Big(stored.N).eq(sent);
    case 'date':
      return stored.S === `${new Date(sent).toISOString().slice(0, 19)}Z`;
    default:
      return stored.S === sent;
  }
}
