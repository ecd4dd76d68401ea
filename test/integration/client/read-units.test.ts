/** Measures the read units that the questions of `docs/querying.md` cost. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsumedCapacity, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TransactionsClient } from '../../../client';
import { collect } from '../../../client/pages';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { IS_EMBEDDED, startTestDynamoDb, type TestDynamoDb } from '../../support/dynamodb';
import { LINES_PER_ORDER, writeLargeTable } from '../../support/large-table';

const ROWS = 2_000;
const TABLE = 'ReadUnits';
const SPAN = { from: '2026-04-01', to: '2026-05-01' };
const PAGE = readFileSync(join(__dirname, '../../../docs/querying.md'), 'utf8');

let server: TestDynamoDb;
let dynamodb: DynamoDBClient;
let units = 0;

beforeAll(async () => {
  server = await startTestDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await writeLargeTable(dynamodb, TABLE, ROWS);
  dynamodb.middlewareStack.add(
    (next) => async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
      const result = await next(args);
      const { ConsumedCapacity: consumed } = result.output as {
        ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
      };
      for (const { CapacityUnits = 0 } of [consumed ?? []].flat()) units += CapacityUnits;
      return result;
    },
    { step: 'initialize' },
  );
});

afterAll(async () => {
  dynamodb.destroy();
  await server.close();
});

const clicks = Array.from({ length: 1000 }, (_, click) => `click-${click}`);
const states = ['unverified', 'withdrawn', 'differing', 'problems'] as const;

/** Each question, and the number of lines that it covers. */
const QUESTIONS: Record<
  string,
  readonly [lines: number, ask: (transactions: TransactionsClient) => AsyncIterable<unknown>]
> = {
  balances: [ROWS, (transactions) => transactions.balances()],
  confirmedSince: [ROWS, (transactions) => transactions.confirmedSince('2026-04-01')],
  reversedSince: [ROWS, (transactions) => transactions.reversedSince('2026-04-01')],
  changedSince: [ROWS, (transactions) => transactions.changedSince('2026-04-01')],
  totals: [ROWS, (transactions) => answerOf(transactions.totals({ ...SPAN, by: ['month'] }))],
  review: [ROWS, (transactions) => transactions.review({ ...SPAN, states })],
  recovered: [ROWS, (transactions) => transactions.recovered(SPAN)],
  dayOrders: [ROWS, (transactions) => transactions.dayOrders(SPAN)],
  all: [ROWS, (transactions) => transactions.all()],
  clicksWithoutTransaction: [
    clicks.length,
    (transactions) => transactions.clicksWithoutTransaction(clicks),
  ],
  memberSummary: [
    2 * LINES_PER_ORDER,
    (transactions) => answerOf(transactions.memberSummary('click-1')),
  ],
};

async function* answerOf(answer: Promise<unknown>): AsyncGenerator<unknown> {
  yield await answer;
}

const documented = new Map(
  [...PAGE.matchAll(/^\| .+ \| `(\w+)` \| .+ \| ([\d,]+) \|$/gm)].map(
    ([, name = '', number = '']) => [name, Number(number.replace(',', ''))],
  ),
);

test('the page has the read units of every question', () => {
  expect([...documented.keys()].sort()).toEqual(Object.keys(QUESTIONS).sort());
});

test.each(Object.entries(QUESTIONS))(
  '%s costs the read units that the page names',
  async (name, [lines, ask]) => {
    units = 0;
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-05-03T00:00:00Z'));
    try {
      await collect(ask(new TransactionsClient({ client: dynamodb, tableName: TABLE })));
    } finally {
      clock.mockRestore();
    }
    const [measured, said] = [(units * 1000) / lines, documented.get(name) ?? 0];
    expect(measured).toBeLessThan(1.1 * said);
    // The embedded server charges nothing for a query that finds nothing.
    if (!IS_EMBEDDED) expect(measured).toBeGreaterThan(0.98 * said);
  },
);
