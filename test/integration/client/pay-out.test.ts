/** Runs the program of `docs/how-to/pay-out-cash-back.md` against the embedded DynamoDB. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Money, TransactionsClient } from '../../../client';
import type { LineFields } from '../../../core/transactions/row';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { Application, environment } from '../../support/application';
import { countCodeBlocks, readRecipes } from '../../support/recipe-text';
import { IDS, put, SID, seedTable } from '../../support/seed';

const TABLE = 'Transactions';
const MEMBER = 'clk_TRAVEL_1';
const MARCH = { from: '2026-03-01', to: '2026-04-01' };
const GUIDE = readFileSync(join(__dirname, '../../../docs/how-to/pay-out-cash-back.md'), 'utf8');
const [PROGRAM] = readRecipes(GUIDE);
const [, PRINTED] = /```text\n([\s\S]*?)```/.exec(GUIDE) ?? [];

let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let application: Application;

beforeAll(async () => {
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, TABLE);
  application = await Application.create();
});

afterAll(async () => {
  dynamodb.destroy();
  await server.close();
  application.remove();
});

const payOut = (member = MEMBER): Promise<string> =>
  application.run(
    process.execPath,
    'pay-out.mjs',
    PROGRAM?.code ?? '',
    environment(server.endpoint, TABLE),
    [member, MARCH.from, MARCH.to],
  );

const awaiting = async (): Promise<readonly Money[]> =>
  (
    await new TransactionsClient({ client: dynamodb, tableName: TABLE }).memberSummary(
      MEMBER,
      MARCH,
    )
  ).awaiting;

/** A confirmed line with a high commission, which no Events API returns. */
const forge = (fields: LineFields): Promise<void> =>
  put(dynamodb, TABLE, {
    is_event: 'N',
    sid: SID,
    advertiser_id: '39001',
    order_id: 'T-7781',
    transaction_date: '2026-03-10T10:00:00Z',
    process_date: '2026-03-14T10:00:00Z',
    currency: 'USD',
    sale_amount: '99999',
    commissions: '9999',
    u1: MEMBER,
    ...fields,
  });

test('the guide has one program, which prints what the guide says', async () => {
  expect(countCodeBlocks(GUIDE)).toBe(1);
  expect(await payOut()).toBe(PRINTED);
});

test('the program pays nothing for a forged line', async () => {
  await forge({ etransaction_id: 'DEADBEEF01', order_id: 'FORGED-1' });
  expect(await awaiting()).toEqual([
    { currency: 'USD', sale_amount: '99999', commissions: '9999', lines: 1 },
  ]);
  expect(await payOut()).toBe(PRINTED);
});

test('the program pays the same with forged lines in an order that has earned', async () => {
  await forge({ etransaction_id: 'DEADBEEF02' });
  await forge({ etransaction_id: 'DEADBEEF03', u1: 'mallory' });
  await forge({
    etransaction_id: 'DEADBEEF04',
    sku_number: 'RM-DLX',
    sale_amount: '-412.5',
    commissions: '-16.5',
  });
  await forge({ etransaction_id: 'DEADBEEF05', transaction_date: '2026-01-01T00:00:00Z' });
  await forge({ etransaction_id: IDS.hotel, u1: 'mallory' });
  expect(await payOut()).toBe(PRINTED);
  expect(await payOut('mallory')).toBe('');
});
