/**
 * The questions about a large table.
 *
 * `SCALE_ROWS` sets the number of rows, `SCALE_ENDPOINT` another DynamoDB-compatible server.
 */
import { type AttributeValue, BatchWriteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TransactionsClient } from '../../client';
import { limitConcurrency } from '../../core/async/limit-concurrency';
import { toItem } from '../../core/store/item';
import { rowKey } from '../../core/store/keys';
import type { LineFields } from '../../core/store/row';
import { applyAnswer, EMPTY_ROW, joinPushes } from '../../core/store/row-state';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import { createTable } from './seed';

const ROWS = Number(process.env.SCALE_ROWS ?? 4_000);
const TABLE = 'Scale';
const DAYS = 30;
const LINES_PER_ORDER = 4;
const ORDERS = ROWS / LINES_PER_ORDER;
/** Far below a million lines in memory, which need more than a gigabyte. */
const MAX_HEAP_GROWTH_BYTES = 300_000_000;

jest.setTimeout(60 * 60 * 1000);

let server: Awaited<ReturnType<typeof startDynamoDb>> | undefined;
let dynamodb: DynamoDBClient;
let transactions: TransactionsClient;

beforeAll(async () => {
  server = process.env.SCALE_ENDPOINT === undefined ? await startDynamoDb() : undefined;
  dynamodb = dynamoDbClient(process.env.SCALE_ENDPOINT ?? server?.endpoint ?? '');
  transactions = new TransactionsClient({ client: dynamodb, tableName: TABLE });
  await createTable(dynamodb, TABLE);
  await measured('write', writeRows);
});

afterAll(async () => {
  dynamodb.destroy();
  await server?.close();
});

/** An event, two confirmed lines and the return of one, which has no `u1` in every tenth order. */
function* linesOf(order: number): Generator<LineFields> {
  const day = String((order % DAYS) + 1).padStart(2, '0');
  const base: LineFields = {
    sid: '3900112',
    advertiser_id: String(39000 + (order % 20)),
    order_id: `O-${order}`,
    transaction_date: `2026-04-${day}T10:00:00Z`,
    process_date: `2026-04-${day}T11:00:00Z`,
    currency: 'USD',
    sku_number: 'A',
    u1: `click-${order % (ORDERS / 2)}`,
    quantity: '1',
    product_name: 'Sterling Silver Bracelet',
  };
  const id = (line: number): string => `${String(order).padStart(12, '0')}0${line}`;
  yield { ...base, is_event: 'Y', etransaction_id: id(0), sale_amount: '100', commissions: '0' };
  yield { ...base, is_event: 'N', etransaction_id: id(1), sale_amount: '100', commissions: '0.1' };
  yield { ...base, is_event: 'N', etransaction_id: id(2), sku_number: 'B', sale_amount: '20', commissions: '0.2' };
  const returned = { ...base, is_event: 'N', etransaction_id: id(3), sale_amount: '-100', commissions: '-0.1' };
  yield order % 10 === 0 ? { ...returned, u1: undefined } : returned;
}

function itemOf(fields: LineFields): Record<string, AttributeValue> {
  const time = new Date(fields.process_date ?? '').toISOString();
  const content = { fields: JSON.parse(JSON.stringify(fields)) as LineFields, problems: [], extra: {}, query: `u1=${fields.u1}` };
  const pushed = joinPushes(EMPTY_ROW, [{ ...content, receivedAt: time, requestId: 'AbCdEfGhIjKlMnO=', source: 'push' }]);
  const state = applyAnswer(pushed, { ...content, fetchedAt: time, runId: 'run' });
  return { ...toItem(rowKey('3900112', content.fields), state, { dayShards: 1 }), updated_at: { S: time } };
}

async function writeRows(): Promise<number> {
  const limited = limitConcurrency(8);
  const writes: Promise<unknown>[] = [];
  let items: Record<string, AttributeValue>[] = [];
  const flush = async (): Promise<void> => {
    const RequestItems = { [TABLE]: items.map((Item) => ({ PutRequest: { Item } })) };
    items = [];
    writes.push(limited(() => dynamodb.send(new BatchWriteItemCommand({ RequestItems }))));
    if (writes.length >= 8) await Promise.all(writes.splice(0));
  };
  for (let order = 0; order < ORDERS; order += 1) {
    for (const line of linesOf(order)) items.push(itemOf(line));
    if (items.length + LINES_PER_ORDER > 25) await flush();
  }
  if (items.length > 0) await flush();
  await Promise.all(writes);
  return ROWS;
}

/** Runs a question and prints how long it took, and by how much the heap grew at most. */
async function measured<T>(name: string, run: (sample: () => void) => Promise<T>): Promise<T> {
  const before = process.memoryUsage().heapUsed;
  let peak = before;
  const sample = (): void => {
    peak = Math.max(peak, process.memoryUsage().heapUsed);
  };
  const timer = setInterval(sample, 100);
  const startedAt = performance.now();
  const result = await run(sample);
  clearInterval(timer);
  const growth = peak - before;
  process.stdout.write(
    `${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s, heap +${(growth / 1e6).toFixed(0)} MB, rss ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB\n`,
  );
  expect(growth).toBeLessThan(MAX_HEAP_GROWTH_BYTES);
  return result;
}

async function count(values: AsyncIterable<unknown>): Promise<number> {
  let number = 0;
  for await (const _ of values) number += 1;
  return number;
}

describe(`a table of ${ROWS} rows`, () => {
  const span = { from: '2026-04-01', to: '2026-05-01' };

  test('has the exact balance of each member', async () => {
    const { members, earned } = await measured('balances', async () => {
      let [number, commissions] = [0, 0n];
      for await (const balance of transactions.balances()) {
        number += 1;
        // Tenths, as exact integers.
        for (const { commissions: amount } of balance.earned) commissions += BigInt(amount.replace('.', ''));
      }
      return { members: number, earned: commissions };
    });
    expect(members).toBe(ORDERS / 2);
    // Each order earns 0.1 + 0.2 - 0.1, and each member has two orders: 0.4.
    expect(earned).toBe(BigInt(ORDERS / 2) * 4n);
  });

  test('has exact totals', async () => {
    const totals = await measured('totals', () => transactions.totals({ ...span, by: ['month', 'advertiser', 'currency'] }));
    expect(totals).toHaveLength(20);
    expect(totals.reduce((sum, { earned }) => sum + (earned[0]?.lines ?? 0), 0)).toBe(ORDERS * 3);
    expect(totals.flatMap(({ pending }) => pending)).toEqual([]);
  });

  test('lists all lines that changed', async () => {
    expect(await measured('changes', () => count(transactions.changedSince('2026-04-01')))).toBe(ROWS);
    expect(await measured('reversed', () => count(transactions.reversedSince('2026-04-20')))).toBeGreaterThan(0);
    expect(await measured('review', () => count(transactions.review({ ...span, states: ['differing', 'problems'] })))).toBe(0);
  });
});
