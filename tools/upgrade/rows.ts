import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { parseLineId } from '../../core/transactions/keys';
import { assert } from '../emulator/step';

type Row = Readonly<Record<string, AttributeValue>>;

/** Rows by transaction ID. */
export type Rows = ReadonlyMap<string, Row>;

/** Reads the table. Every line of the check has one `is_event`, so no ID may have two rows. */
export async function readRows(client: DynamoDBClient, TableName: string): Promise<Rows> {
  const rows = new Map<string, Row>();
  for await (const { Items = [] } of paginateScan(
    { client },
    { TableName, ConsistentRead: true },
  )) {
    for (const item of Items) {
      const { etransactionId = '' } = parseLineId(item.line_id?.S ?? '');
      assert(!rows.has(etransactionId), `two rows of ${etransactionId}`);
      rows.set(etransactionId, item);
    }
  }
  return rows;
}

/** Rejects a row that is gone, or has another attribute or value than before. */
export function expectUnchanged(before: Rows, after: Rows): void {
  for (const [id, row] of before) {
    const [was, is] = [sorted(row), sorted(after.get(id))];
    assert(was === is, `the row of ${id} was ${was} and is ${is}`);
  }
}

const sorted = (row: Row = {}): string => JSON.stringify(Object.entries(row).sort());
