import { setTimeout as pause } from 'node:timers/promises';
import { CreateTableCommand, type DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { TableRows } from '../../core/reconciliation/rows';
import { createTableInput } from '../../core/state/table';
import { RowStore } from '../../core/transactions/row-store';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import { itemBytes } from '../cost/item-size';
import { TYPICAL_LINE } from '../cost/typical-line';
import { answerOf, pushOf, rowsOf } from '../cost/typical-row';
import { type Charge, ChargedClient, noCharge } from './charged-client';
import type { Section, TableBlock } from './report/section';
import { INDEX_NAMES, indexEntry } from './row-units';

const TABLE = 'transactions';
const WRITE_MILLIS = 10_000;

type Line = Readonly<Record<string, string>>;

const GUID = '0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90';
const SHAPES: Record<string, Line> = {
  typical: TYPICAL_LINE,
  'click ID as u1, name of 46 characters': {
    ...TYPICAL_LINE,
    u1: 'clk_01HRV6Z8Q2M4J7B0S9T5',
    product_name: 'Wireless headphones, black, with charging case',
  },
  'GUIDs as order id and u1': { ...TYPICAL_LINE, order_id: GUID, u1: GUID },
  'category path as name': { ...TYPICAL_LINE, product_name: '40100:44200:44210:44213:Dishwasher tablets, all in one, lemon, 60 pieces' },
  'Japanese name': { ...TYPICAL_LINE, currency: 'JPY', sale_amount: '3480', commissions: '104', product_name: 'ほうじ茶ラテ 10本入り' },
  'u1 of 72 characters': { ...TYPICAL_LINE, u1: 'm'.repeat(72) },
  'without u1': { ...TYPICAL_LINE, u1: '' },
};

/** One delivery to the store. The line has an ID of its own in each case. */
type Step = (line: Line) => (store: RowStore, rows: TableRows) => Promise<unknown>;

const LATER = '2026-04-18T11:00:00.000Z';
const TOMORROW = '2026-04-19T10:12:07.480Z';
const deadline = (): number => Date.now() + WRITE_MILLIS;

const push =
  (change: Line = {}, receivedAt?: string): Step =>
  (line) => {
    const keyed = pushOf({ ...line, ...change }, receivedAt, receivedAt === undefined ? undefined : 'KLKbYnQMwIdFTIB=');
    return async (store) => (await store.writePushes(keyed.key, [keyed.push], deadline())).outcome;
  };

/** An answer, with the row as a run reads it first. */
const answer =
  (change: Line = {}, fetchedAt?: string): Step =>
  (line) =>
  async (store, rows) => {
    const { key } = pushOf(line);
    const [known] = await rows.read([key]);
    const isWritten = await store.applyAnswer(key, answerOf({ ...line, ...change }, fetchedAt), deadline(), known);
    return isWritten ? 'written' : 'same';
  };

const withdrawal: Step = (line) => async (store) => ((await store.withdraw(pushOf(line).key, TOMORROW, deadline())) ? 'written' : 'same');

const CHANGED = { sale_amount: '119.90', commissions: '5.995' };
const NEXT_DAY = { ...CHANGED, process_date: '2026-04-19T09:31:12.000+00:00' };

/** What is in the table before, and the delivery that is charged. */
const DELIVERIES: readonly (readonly [name: string, before: readonly Step[], delivery: Step])[] = [
  ['a new line', [], push()],
  ['a new line without u1', [], push({ u1: '' })],
  ['a redelivery', [push()], push({}, LATER)],
  ['a postback with other content', [push()], push(CHANGED, LATER)],
  ['a confirmation by the Events API', [push()], answer()],
  ['a line that only the Events API returned', [], answer()],
  ['the same from the Events API again', [push(), answer()], answer({}, TOMORROW)],
  ['a postback with other content, after the confirmation', [push(), answer()], push(CHANGED, LATER)],
  ['a correction by the Events API', [push(), answer()], answer(CHANGED, TOMORROW)],
  ['a correction that was processed on the next day', [push(), answer()], answer(NEXT_DAY, TOMORROW)],
  ['a withdrawal', [push(), answer()], withdrawal],
];

type Charged = Charge & { readonly outcome: unknown };

async function charge(client: DynamoDBClient, before: readonly Step[], delivery: Step, attempt: number): Promise<Charged> {
  const charged = new ChargedClient(client, TABLE);
  const options = { client: charged as unknown as DynamoDBClient, tableName: TABLE, dayShards: 1 };
  const store = new RowStore({ ...options, clock: { now: Date.now, pause } });
  const rows = new TableRows(options.client, TABLE);
  const line = { ...TYPICAL_LINE, etransaction_id: `200452D101AAE862139D47BEBC3B8D${10 + attempt}` };
  for (const step of before) await step(line)(store, rows);
  charged.charge = noCharge();
  const outcome = await delivery(line)(store, rows);
  return { ...charged.charge, outcome };
}

function sizes(): TableBlock {
  const rows = Object.entries(SHAPES).map(([name, line]) => {
    const { pushed, verified } = rowsOf(line);
    const entries = INDEX_NAMES.map((index) => indexEntry(index, verified));
    return [name, itemBytes(pushed), itemBytes(verified), ...entries.map((entry) => (entry ? itemBytes(entry) : '-'))];
  });
  return { head: ['row', 'pushed', 'verified', ...INDEX_NAMES], rows };
}

/** Charges of each delivery, by name. */
export async function chargeDeliveries(): Promise<ReadonlyMap<string, Charged>> {
  const server = await startDynamoDb();
  const client = dynamoDbClient(server.endpoint);
  try {
    await client.send(new CreateTableCommand(createTableInput(TABLE)));
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: TABLE });
    const charges = new Map<string, Charged>();
    for (const [attempt, [name, before, delivery]] of DELIVERIES.entries()) {
      charges.set(name, await charge(client, before, delivery, attempt));
    }
    return charges;
  } finally {
    client.destroy();
    await server.close();
  }
}

/**
 * Size of rows, and write units of a line: the real store against an embedded DynamoDB, with each
 * call charged by AWS's published rules.
 */
export const writeUnits: Section = {
  name: 'write-units',
  title: 'Write units and requests for a line',
  async run() {
    const rows = [...(await chargeDeliveries())].map(([name, { outcome, calls, table, indexes, rowReads }]) => [
      name,
      String(outcome),
      calls.join(', '),
      table,
      indexes,
      table + indexes,
      rowReads,
    ]);
    return [
      'Bytes of a row and of its entry in each index; 1,024 bytes are one write unit. The entries are those of the verified row:',
      sizes(),
      "Units of each delivery, by AWS's published rules for the calls that the store makes. A new line costs one request and one unit for the row and for each index, which is the least that a table with these indexes can cost.",
      { head: ['delivery', 'outcome', 'calls', 'write units: table', 'indexes', 'together', 'read units'], rows },
    ];
  },
};
