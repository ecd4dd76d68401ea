/** Calls, read units and write units of each kind of delivery, as docs/performance.md has them. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateTableCommand,
  type DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { TableRows } from '../../../core/reconciliation/rows';
import { createTableInput } from '../../../core/state/table';
import { RowStore } from '../../../core/transactions/row-store';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { itemBytes } from '../../../tools/cost/item-size';
import { TYPICAL_LINE } from '../../../tools/cost/typical-line';
import { answerOf, pushOf, rowsOf } from '../../../tools/cost/typical-row';
import { type Charge, ChargedClient, noCharge } from '../../support/charged-client';

const TABLE = 'transactions';
const WRITE_MILLIS = 10_000;

type Line = Readonly<Record<string, string>>;

/** One delivery to the store. The line has an ID of its own in each case. */
type Step = (line: Line) => (store: RowStore, rows: TableRows) => Promise<unknown>;

const LATER = '2026-04-18T11:00:00.000Z';
const TOMORROW = '2026-04-19T10:12:07.480Z';
const deadline = (): number => Date.now() + WRITE_MILLIS;

const push =
  (change: Line = {}, receivedAt?: string): Step =>
  (line) => {
    const keyed = pushOf(
      { ...line, ...change },
      receivedAt,
      receivedAt === undefined ? undefined : 'KLKbYnQMwIdFTIB=',
    );
    return async (store) => (await store.writePushes(keyed.key, [keyed.push], deadline())).outcome;
  };

/** An answer, with the row as a run reads it first. */
const answer =
  (change: Line = {}, fetchedAt?: string): Step =>
  (line) =>
  async (store, rows) => {
    const { key } = pushOf(line);
    const [known] = await rows.read([key]);
    const isWritten = await store.applyAnswer(
      key,
      answerOf({ ...line, ...change }, fetchedAt),
      deadline(),
      known,
    );
    return isWritten ? 'written' : 'same';
  };

const withdrawal: Step = (line) => async (store) =>
  (await store.withdraw(pushOf(line).key, TOMORROW, deadline())) ? 'written' : 'same';

const CHANGED = { sale_amount: '119.90', commissions: '5.995' };
const NEXT_DAY = { ...CHANGED, process_date: '2026-04-19T09:31:12.000+00:00' };

type Delivery = readonly [
  name: string,
  /** What is in the table before. */
  before: readonly Step[],
  /** The delivery that is charged. */
  delivery: Step,
  outcome: string,
  calls: string,
  tableUnits: number,
  indexUnits: number,
  readUnits: number,
];

const DELIVERIES: readonly Delivery[] = [
  ['a new line', [], push(), 'stored', 'Put', 1, 3, 0],
  ['a new line without u1', [], push({ u1: '' }), 'stored', 'Put', 1, 2, 0],
  ['a redelivery', [push()], push({}, LATER), 'duplicate', 'Put', 1, 0, 0],
  [
    'a postback with other content',
    [push()],
    push(CHANGED, LATER),
    'other',
    'Put, Update',
    3,
    0,
    0,
  ],
  [
    'a confirmation by the Events API',
    [push()],
    answer(),
    'written',
    'BatchGet, Update',
    1,
    2,
    0.5,
  ],
  ['a line that only the Events API returned', [], answer(), 'written', 'BatchGet, Put', 1, 3, 0.5],
  [
    'the same from the Events API again',
    [push(), answer()],
    answer({}, TOMORROW),
    'same',
    'BatchGet',
    0,
    0,
    0.5,
  ],
  [
    'a postback with other content, after the confirmation',
    [push(), answer()],
    push(CHANGED, LATER),
    'other',
    'Put, Update',
    3,
    2,
    0,
  ],
  [
    'a correction by the Events API',
    [push(), answer()],
    answer(CHANGED, TOMORROW),
    'written',
    'BatchGet, Update',
    2,
    2,
    0.5,
  ],
  [
    'a correction that was processed on the next day',
    [push(), answer()],
    answer(NEXT_DAY, TOMORROW),
    'written',
    'BatchGet, Update',
    2,
    3,
    0.5,
  ],
  ['a withdrawal', [push(), answer()], withdrawal, 'written', 'Get, Update', 1, 2, 1],
];

type Charged = Charge & { readonly outcome: unknown };

async function charge(
  client: DynamoDBClient,
  before: readonly Step[],
  delivery: Step,
  attempt: number,
): Promise<Charged> {
  const charged = new ChargedClient(client, TABLE);
  const options = { client: charged as unknown as DynamoDBClient, tableName: TABLE, dayShards: 1 };
  const store = new RowStore({ ...options, clock: { now: Date.now, pause } });
  const rows = new TableRows(options.client, TABLE);
  const line = {
    ...TYPICAL_LINE,
    etransaction_id: `200452D101AAE862139D47BEBC3B8D${10 + attempt}`,
  };
  for (const step of before) await step(line)(store, rows);
  charged.charge = noCharge();
  const outcome = await delivery(line)(store, rows);
  return { ...charged.charge, outcome };
}

/** Charges of each delivery, by name. */
async function chargeDeliveries(): Promise<ReadonlyMap<string, Charged>> {
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

let charges: ReadonlyMap<string, Charged>;
beforeAll(async () => {
  charges = await chargeDeliveries();
});

it.each(DELIVERIES)(
  'charges %s by the published rules',
  (name, _before, _delivery, outcome, calls, table, indexes, rowReads) => {
    const charge = charges.get(name);
    expect(charge).toMatchObject({ outcome, table, indexes, rowReads });
    expect(charge?.calls.join(', ')).toBe(
      calls.replaceAll(/\b(Put|Update|Get|BatchGet)\b/g, '$1Item'),
    );
  },
);

it('charges one write unit for a typical row, pushed or verified', () => {
  const { pushed, verified } = rowsOf();
  expect(itemBytes(pushed)).toBeLessThan(itemBytes(verified));
  expect(itemBytes(verified)).toBeLessThan(1024);
});
