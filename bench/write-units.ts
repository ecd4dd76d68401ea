import { CreateTableCommand, type DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { SOURCES } from '../core/names';
import { ALL_FIELDS } from '../core/rakuten/fields';
import { normalisedQuery, type PostbackMessage } from '../core/rakuten/message';
import { parsePostback } from '../core/rakuten/parse';
import { toItem } from '../core/store/item';
import { rowKey } from '../core/store/keys';
import { type DeliveredLine, stateOf } from '../core/store/merge';
import { createTableInput } from '../core/store/table';
import { TransactionWriter } from '../core/store/write';
import { dynamoDbClient } from '../local/embedded/clients';
import { startDynamoDb } from '../local/embedded/dynamodb';
import { itemBytes } from '../scripts/cost/item-size';
import { TYPICAL_LINE } from '../scripts/cost/typical-line';
import { type Charge, ChargedClient, noCharge } from './charged-client';
import type { Section, TableBlock } from './report/section';
import { INDEX_NAMES, indexEntry } from './row-units';

const TABLE = 'transactions';

const GUID = '0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90';
const SHAPES: Record<string, Record<string, string>> = {
  typical: TYPICAL_LINE,
  'GUIDs as order id and u1': { ...TYPICAL_LINE, order_id: GUID, u1: GUID },
  'category path as name': { ...TYPICAL_LINE, product_name: '40100:44200:44210:44213:Dishwasher tablets, all in one, lemon, 60 pieces' },
  'Japanese name': { ...TYPICAL_LINE, currency: 'JPY', sale_amount: '3480', commissions: '104', product_name: 'ほうじ茶ラテ 10本入り' },
  'u1 of 72 characters': { ...TYPICAL_LINE, u1: 'm'.repeat(72) },
  'without u1': { ...TYPICAL_LINE, u1: '' },
};

function pushed(values: Record<string, string>, change: Partial<PostbackMessage> = {}): DeliveredLine {
  const parameters = Object.entries(values);
  const { fields, problems, extra } = parsePostback(parameters, ALL_FIELDS);
  return {
    fields: { ...fields, sid: fields.sid ?? '3900112' },
    problems,
    extra,
    query: normalisedQuery(parameters),
    requestId: 'JKJaXmPLvHcESHA=',
    receivedAt: '2026-04-18T09:31:13.250Z',
    source: SOURCES.push,
    ...change,
  };
}

const later = { receivedAt: '2026-04-18T11:00:00.000Z', requestId: 'KLKbYnQMwIdFTIB=' };
const line = pushed(TYPICAL_LINE);
const told: DeliveredLine = { ...line, ...later, source: SOURCES.eventsApi };
const corrected = pushed({ ...TYPICAL_LINE, sale_amount: '119.90', process_date: '2026-04-19T09:31:12.000+00:00' }, later);

/** What is in the table before, and the delivery that is charged. */
const DELIVERIES: [name: string, before: DeliveredLine[], delivery: DeliveredLine][] = [
  ['a new line', [], line],
  ['a new line without u1', [], pushed(SHAPES['without u1'] ?? {})],
  ['a redelivery', [line], { ...line, ...later }],
  ['a correction on another day', [line], corrected],
  ['a confirmation by the Events API', [line], told],
  ['a line that only the Events API told', [], told],
  ['the same from the Events API again', [line, told], { ...told, receivedAt: '2026-04-18T12:00:00.000Z' }],
];

async function charge(
  client: DynamoDBClient,
  before: DeliveredLine[],
  delivery: DeliveredLine,
  attempt: number,
): Promise<Charge & { outcome: string }> {
  // Each delivery is measured on an order of its own, under names of one length.
  const own = (l: DeliveredLine): DeliveredLine => ({ ...l, fields: { ...l.fields, order_id: `C-20260418-00${10 + attempt}` } });
  const charged = new ChargedClient(client, TABLE);
  const writer = new TransactionWriter(charged as unknown as DynamoDBClient, TABLE, 1);
  for (const l of before) await writer.write(own(l));
  charged.charge = noCharge();
  const outcome = await writer.write(own(delivery));
  return { ...charged.charge, outcome };
}

function sizes(): TableBlock {
  const rows = Object.entries(SHAPES).map(([name, values]) => {
    const shaped = pushed(values);
    const item = toItem(rowKey(shaped.fields), stateOf(shaped), 1);
    const entries = INDEX_NAMES.map((index) => indexEntry(index, item));
    return [name, itemBytes(item), ...entries.map((entry) => (entry ? itemBytes(entry) : '-'))];
  });
  return { head: ['row', 'bytes', ...INDEX_NAMES], rows };
}

/** How large rows are and how many write units a line costs: the real writer against an embedded DynamoDB, each of its calls charged by AWS's published rules. */
export const writeUnits: Section = {
  name: 'write-units',
  title: 'Write units and requests for a line',
  async run() {
    const server = await startDynamoDb();
    const client = dynamoDbClient(server.endpoint);
    await client.send(new CreateTableCommand(createTableInput(TABLE)));
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: TABLE });
    const rows: (string | number)[][] = [];
    for (const [attempt, [name, before, delivery]] of DELIVERIES.entries()) {
      const { outcome, calls, table, indexes, readUnits } = await charge(client, before, delivery, attempt);
      rows.push([name, outcome, calls.join(', '), table, indexes, table + indexes, readUnits]);
    }
    client.destroy();
    await server.close();
    return [
      'Size of a row and of its entry in each index; 1,024 bytes are one write unit:',
      sizes(),
      "Units of each delivery, by AWS's published rules for the calls that the writer makes. A new line costs one request and one unit for the row and for each index, which is the least that a table with these indexes can cost.",
      { head: ['delivery', 'outcome', 'calls', 'write units: table', 'indexes', 'together', 'read units'], rows },
    ];
  },
};
