import {
  type AttributeValue,
  type BatchGetItemCommandOutput,
  DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import {
  InvalidQueryError,
  type ListOptions,
  type Money,
  type OrderSummary,
  type SummaryOptions,
  type Transaction,
  TransactionsClient,
} from '../../../client';
import { sumByCurrency } from '../../../client/amounts';
import type { LineFields } from '../../../core/transactions/row';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { createTable, type DeliveryExtras, IDS, put, seedTable } from '../../support/seed';

const TABLE = 'Transactions';
const SHARDED = 'ShardedTransactions';
const FORGED = 'Forged';
const VERIFIED = { verifiedAt: '2026-03-13T19:00:00.000Z' };

let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let transactions: TransactionsClient;

beforeAll(async () => {
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, TABLE);
  await seedTable(dynamodb, SHARDED, 4);
  await createTable(dynamodb, FORGED);
  transactions = new TransactionsClient({ client: dynamodb, tableName: TABLE });
});

afterAll(async () => {
  dynamodb.destroy();
  await server.close();
});

const idsOf = async (lines: AsyncIterable<Transaction>): Promise<(string | undefined)[]> =>
  (await all(lines)).map((l) => l.etransaction_id);

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

const sales = (amounts: readonly Money[]): string =>
  amounts.map((money) => `${money.sale_amount} ${money.currency}`).join(', ');
const sumsOf = (sums: {
  pending: readonly Money[];
  awaiting: readonly Money[];
  earned: readonly Money[];
}): [string, string, string] => [sales(sums.pending), sales(sums.awaiting), sales(sums.earned)];

/** Writes a line. A field given as undefined is absent. */
const write = (fields: LineFields, extras?: DeliveryExtras, table = TABLE): Promise<void> =>
  put(dynamodb, table, JSON.parse(JSON.stringify(fields)) as LineFields, extras);

let orders = 0;
type Written = LineFields & { readonly isVerified?: boolean };

/** Writes lines that differ in the given fields into a new order and summarises it. */
async function orderOf(lines: readonly Written[], options?: SummaryOptions): Promise<OrderSummary> {
  orders += 1;
  const order = { sid: '1', advertiser_id: '2', order_id: `order-${orders}` };
  for (const [index, { isVerified = true, ...fields }] of lines.entries()) {
    const base = {
      ...order,
      is_event: 'N',
      etransaction_id: `T${orders}-${index}`,
      currency: 'USD',
      sku_number: 'A',
    };
    await write(
      { ...base, process_date: `2026-01-0${index + 1}T00:00:00Z`, ...fields },
      isVerified ? VERIFIED : {},
    );
  }
  const summary = await transactions.orderSummary(
    order.sid,
    order.advertiser_id,
    order.order_id,
    options,
  );
  if (summary === undefined) throw new Error('the order was not found');
  return summary;
}

describe('lists of lines', () => {
  test("a member's list shows the oldest order first, under Rakuten's names and with exact decimals", async () => {
    const lines = await all(transactions.byMember('clk_01HRV6Z8Q2M4'));
    expect(lines.map((l) => l.etransaction_id).sort()).toEqual(
      [IDS.bracelet, IDS.braceletReturn, IDS.tee, IDS.jeans, IDS.giftWrap, IDS.teeReturn].sort(),
    );
    expect(lines.find((l) => l.etransaction_id === IDS.braceletReturn)).toEqual({
      is_event: 'N',
      etransaction_id: IDS.braceletReturn,
      sid: '3900112',
      advertiser_id: '39001',
      order_id: 'W-100200300',
      offer_id: '727010',
      transaction_type: 'realtime',
      transaction_date: '2026-03-13T18:02:43Z',
      process_date: '2026-03-27T18:28:18Z',
      currency: 'USD',
      sale_amount: '-180',
      commissions: '-5.4',
      quantity: '1',
      sku_number: 'SKU-2966631',
      product_name: 'Sterling Silver Bracelet',
      u1: 'clk_01HRV6Z8Q2M4',
      received_at: '2026-03-27T18:28:18.000Z',
      updated_at: '2026-03-27T18:58:18.000Z',
      occurred_at: '2026-03-13T18:02:43Z',
      source: 'push',
      verified_at: '2026-03-27T18:58:18.000Z',
      line_id: `3900112#${IDS.braceletReturn}`,
      kind: 'return',
    });
    expect(await idsOf(transactions.byMember('clk_TRAVEL_1', { newestFirst: true }))).toEqual([
      IDS.spaEvent,
      expect.anything(),
      expect.anything(),
    ]);
  });

  test('a line is the same in the list of its member and in the list of its day', async () => {
    const byDay = await all(transactions.byDay('2026-03-27'));
    const byMember = await all(transactions.byMember('clk_01HRV6Z8Q2M4'));
    expect(byDay).toEqual(byMember.filter((l) => l.etransaction_id === IDS.braceletReturn));
  });

  test('a period includes its start and excludes its end', async () => {
    const ordered = '2026-03-20T09:00:00Z';
    const behind = '2026-03-20T09:00:00.001Z';
    const spa = (from?: string | Date, to?: string | Date) =>
      idsOf(transactions.byMember('clk_TRAVEL_1', { from, to, kind: 'preliminary' }));
    expect(await spa(ordered)).toEqual([IDS.spaEvent]);
    expect(await spa(new Date(ordered), behind)).toEqual([IDS.spaEvent]);
    expect(await spa('2026-03-20', '2026-03-21')).toEqual([IDS.spaEvent]);
    expect(await spa('2026-03-20T10:00:00+01:00', '2026-03-20T10:00:00.001+01:00')).toEqual([
      IDS.spaEvent,
    ]);
    expect(await spa('2026-03-10', ordered)).toEqual([]);
    expect(await spa(behind)).toEqual([]);
    expect(await spa(behind, '2026-03-20T09:00:00.900Z')).toEqual([]);
    expect(await spa(undefined, ordered)).toEqual([IDS.hotelEvent]);
  });

  test('a period ends alike for times with and without milliseconds', async () => {
    const line = { u1: 'edge', is_event: 'N', sale_amount: '1' };
    const receivedAt = '2026-02-28T23:59:59.900Z';
    await write({ ...line, etransaction_id: 'EDGE1', transaction_date: '2026-02-28T23:59:59Z' });
    await write({ ...line, etransaction_id: 'EDGE2' }, { receivedAt });
    await write({ ...line, etransaction_id: 'EDGE3', transaction_date: '2026-03-01T00:00:00Z' });
    const edge = async (from?: string, to?: string) =>
      (await idsOf(transactions.byMember('edge', { from, to }))).sort();
    expect(await edge(undefined, '2026-03-01')).toEqual(['EDGE1', 'EDGE2']);
    expect(await edge('2026-02-28', '2026-03-01')).toEqual(['EDGE1', 'EDGE2']);
    expect(await edge('2026-03-01')).toEqual(['EDGE3']);
    expect(await edge(receivedAt)).toEqual(['EDGE2', 'EDGE3']);
    expect(await edge('2026-02-28T23:59:59Z', receivedAt)).toEqual(['EDGE1']);
  });

  test('a day is the day on which Rakuten processed the line, whenever the order was placed', async () => {
    expect(await idsOf(transactions.byDay('2026-03-27'))).toEqual([IDS.braceletReturn]);
    expect(
      await idsOf(transactions.byDay('2026-05-08', { receivedTo: '2026-05-08T04:00:00Z' })),
    ).toEqual([]);
    expect(
      await idsOf(transactions.byDay('2026-05-08', { receivedFrom: '2026-05-08T04:00:00Z' })),
    ).toEqual([IDS.matchaReturn]);
    expect(await idsOf(transactions.byDay({ from: '2026-03-20', to: '2026-04-02' }))).toEqual([
      IDS.spaEvent,
      IDS.braceletReturn,
    ]);
    expect(
      await idsOf(
        transactions.byDay({ from: '2026-03-20', to: '2026-04-02' }, { newestFirst: true }),
      ),
    ).toEqual([IDS.braceletReturn, IDS.spaEvent]);
  });

  test.each([false, true])(
    'a sharded day index is one list in the order of arrival (newest first: %s)',
    async (newestFirst) => {
      const sharded = new TransactionsClient({
        client: dynamodb,
        tableName: SHARDED,
        dayShards: 4,
      });
      const lines = await all(sharded.byDay('2026-03-13', { newestFirst }));
      expect(lines.map((l) => l.etransaction_id).sort()).toEqual(
        [
          IDS.bracelet,
          IDS.tee,
          IDS.jeans,
          IDS.giftWrap,
          IDS.hotel,
          IDS.matcha,
          IDS.discount,
          IDS.noise,
          IDS.unreadable,
        ].sort(),
      );
      const received = lines.map((l) => l.received_at);
      expect(received).toEqual(newestFirst ? received.toSorted().reverse() : received.toSorted());
      expect(await all(sharded.byDay('2026-03-13', { newestFirst, limit: 3 }))).toEqual(
        lines.slice(0, 3),
      );
    },
  );

  test('the page size does not change a list', async () => {
    const whole = await all(transactions.byDay('2026-03-13'));
    expect(whole.length).toBeGreaterThan(5);
    for (const pageSize of [1, 2, 3])
      expect(await all(transactions.byDay('2026-03-13', { pageSize }))).toEqual(whole);
    expect(await all(transactions.byDay('2026-03-13', { pageSize: 2, limit: 3 }))).toEqual(
      whole.slice(0, 3),
    );
    expect((await all(transactions.all({ pageSize: 2 }))).length).toBe(
      (await all(transactions.all())).length,
    );
  });

  test('a page of a web site continues after the last line of the page before', async () => {
    const whole = await idsOf(transactions.byMember('clk_01HRV6Z8Q2M4', { newestFirst: true }));
    const pages: (string | undefined)[][] = [];
    let last: Transaction | undefined;
    do {
      const page: Transaction[] = await all(
        transactions.byMember('clk_01HRV6Z8Q2M4', {
          newestFirst: true,
          limit: 4,
          startAfter: last,
        }),
      );
      pages.push(page.map((l) => l.etransaction_id));
      last = page.at(-1);
    } while (last !== undefined);
    expect(pages.map((page) => page.length)).toEqual([4, 2, 0]);
    expect(pages.flat()).toEqual(whole);
  });

  test('a list can be limited to kinds and to verified lines', async () => {
    await write(
      { u1: 'filters', etransaction_id: 'FILTER1', is_event: 'N', sale_amount: '1' },
      VERIFIED,
    );
    await write({ u1: 'filters', etransaction_id: 'FILTER2', is_event: 'N', sale_amount: '-1' });
    const list = (options: ListOptions) => idsOf(transactions.byMember('filters', options));
    expect(await list({ kind: 'return' })).toEqual(['FILTER2']);
    expect(await list({ kind: ['preliminary', 'adjustment'] })).toEqual([]);
    expect(await list({ verifiedOnly: true })).toEqual(['FILTER1']);
    expect(await list({ kind: ['sale', 'return'], limit: 1 })).toHaveLength(1);
  });
});

describe('a line with all its attributes', () => {
  test('is found by its order and by its transaction ID', async () => {
    expect((await idsOf(transactions.byOrder('3900112', '39001', 'T-7781'))).sort()).toEqual([
      IDS.hotelEvent,
      IDS.hotel,
    ]);
    const [noise] = await all(transactions.byTransaction('3900112', IDS.noise.toLowerCase()));
    expect(noise).toMatchObject({
      sale_amount: '19.99',
      commissions: '0.5997',
      extra: { source: 'newsletter' },
      process_day: '2026-03-13',
      query: expect.stringContaining('sale_amount=19.99'),
    });
    expect(await all(transactions.byTransaction('3900112', 'no-such-id'))).toEqual([]);
    expect(await all(transactions.byTransaction('1', IDS.noise))).toEqual([]);
    const [unreadable] = await all(transactions.byTransaction('3900112', IDS.unreadable));
    expect(unreadable).toMatchObject({
      kind: 'unknown',
      parse_problems: ["commissions: 'n/a' is not a number", "sale_amount: 'n/a' is not a number"],
    });
  });

  test('shows the answer of the Events API, what it replaced, and the other postbacks', async () => {
    const line = {
      order_id: 'answered',
      etransaction_id: 'A0',
      is_event: 'N',
      sale_amount: '5',
      u1: 'anna',
    };
    await write(line, {
      receivedAt: '2026-01-01T00:00:00.000Z',
      verifiedAt: '2026-01-02T00:00:00.000Z',
      answer: { sale_amount: '4' },
    });
    await write({ ...line, u1: 'mallory' }, { receivedAt: '2026-01-03T00:00:00.000Z' });
    await write(
      { ...line, sale_amount: '3' },
      { source: 'events-api', receivedAt: '2026-01-04T00:00:00.000Z' },
    );
    const [row] = await all(transactions.byTransaction('3900112', 'A0'));
    expect(row).toMatchObject({
      sale_amount: '3',
      u1: 'anna',
      verified_at: '2026-01-04T00:00:00.000Z',
      differing_fields: ['sale_amount', 'u1'],
      other_pushes: [{ received_at: '2026-01-03T00:00:00.000Z', u1: 'mallory', sale_amount: '5' }],
      replaced_answers: [{ answered_at: '2026-01-02T00:00:00.000Z', values: 'sale_amount=4' }],
    });
  });

  test('has the attributes that the application added', async () => {
    await write({ etransaction_id: 'APP', is_event: 'N', sale_amount: '1' });
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: { line_id: { S: '3900112#APP' }, is_event: { S: 'N' } },
        UpdateExpression: 'SET paid_out = :paid, tags = :tags',
        ExpressionAttributeValues: {
          ':paid': { N: '12.50' },
          ':tags': { L: [{ S: 'a' }, { BOOL: true }] },
        },
      }),
    );
    expect(await all(transactions.byTransaction('3900112', 'APP'))).toEqual([
      expect.objectContaining({ paid_out: '12.5', tags: ['a', true] }),
    ]);
  });

  test('is listed only once its line has come', async () => {
    await dynamodb.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: { line_id: { S: '3900112#EARLY' }, is_event: { S: 'N' } },
      }),
    );
    expect(await idsOf(transactions.all())).not.toContain('EARLY');
  });

  test('an event and a confirmed line of one transaction ID are two lines', async () => {
    await orderOf([
      { etransaction_id: 'REUSED', is_event: 'Y', sale_amount: '1' },
      { etransaction_id: 'REUSED', sale_amount: '1' },
    ]);
    expect(
      (await all(transactions.byTransaction('1', 'REUSED'))).map((l) => l.is_event).sort(),
    ).toEqual(['N', 'Y']);
  });
});

describe('a line whose is_event is missing', () => {
  const line = {
    etransaction_id: 'E0',
    order_id: 'unknown-event',
    advertiser_id: '7',
    u1: 'eve',
    sale_amount: '5',
    currency: 'USD',
  };

  test('is listed with - and is in no sum', async () => {
    await write(line);
    expect(await all(transactions.byMember('eve'))).toEqual([
      expect.objectContaining({ is_event: '-', kind: 'unknown' }),
    ]);
    const order = await transactions.orderSummary('3900112', '7', 'unknown-event', {
      includeUnverified: true,
    });
    expect(order).toMatchObject({
      status: 'unknown',
      pending: [],
      awaiting: [],
      earned: [],
      doubtful: [{ is_event: '-' }],
    });
  });

  test('is omitted from lists and summaries once another row has the line, but not from its own look-up', async () => {
    await write({ ...line, is_event: 'N' });
    expect((await all(transactions.byMember('eve'))).map((l) => l.is_event)).toEqual(['N']);
    expect(
      (await all(transactions.byOrder('3900112', '7', 'unknown-event'))).map((l) => l.is_event),
    ).toEqual(['N']);
    expect(
      (await all(transactions.all()))
        .filter((l) => l.etransaction_id === 'E0')
        .map((l) => l.is_event),
    ).toEqual(['N']);
    expect((await all(transactions.byTransaction('3900112', 'E0'))).map((l) => l.is_event)).toEqual(
      ['-', 'N'],
    );
  });
});

describe('an order', () => {
  test('is one publisher, one advertiser and one order number', async () => {
    const line = { order_id: 'SHARED-NUMBER', is_event: 'N', currency: 'USD' };
    await write({
      ...line,
      sid: '11',
      advertiser_id: '1',
      etransaction_id: 'D1',
      sale_amount: '1',
    });
    await write({
      ...line,
      sid: '11',
      advertiser_id: '2',
      etransaction_id: 'D2',
      sale_amount: '2',
    });
    await write({ ...line, sid: '11', etransaction_id: 'D3', sale_amount: '3' });
    await write({ ...line, sid: '1', advertiser_id: '1', etransaction_id: 'D4', sale_amount: '4' });
    expect(await idsOf(transactions.byOrder('11', '1', 'SHARED-NUMBER'))).toEqual(['D1']);
    expect(await idsOf(transactions.byOrder('11', '2', 'SHARED-NUMBER'))).toEqual(['D2']);
    expect(await idsOf(transactions.byOrder('1', '1', 'SHARED-NUMBER'))).toEqual(['D4']);
  });

  test('may have more lines than one batch read returns', async () => {
    await createTable(dynamodb, 'Large');
    const line = {
      sid: '1',
      advertiser_id: '2',
      order_id: 'large',
      is_event: 'N',
      sale_amount: '1',
    };
    for (let index = 0; index < 130; index += 1)
      await write({ ...line, etransaction_id: `L-${index}` }, VERIFIED, 'Large');
    const large = new TransactionsClient({ client: dynamodb, tableName: 'Large' });
    expect(await large.orderSummary('1', '2', 'large')).toMatchObject({
      earned: [{ sale_amount: '130', lines: 130 }],
    });
  });

  test('is complete although DynamoDB returns a part of the rows first', async () => {
    const client = dynamoDbClient(server.endpoint);
    let calls = 0;
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const result = await next(args);
          if (commandName !== 'BatchGetItemCommand') return result;
          calls += 1;
          if (calls > 2) return result;
          const output = result.output as BatchGetItemCommandOutput;
          const [kept, ...dropped] = output.Responses?.[TABLE] ?? [];
          output.Responses = { [TABLE]: kept === undefined ? [] : [kept] };
          const keys = dropped.map(
            ({ line_id, is_event }) => ({ line_id, is_event }) as Record<string, AttributeValue>,
          );
          output.UnprocessedKeys = keys.length === 0 ? {} : { [TABLE]: { Keys: keys } };
          return result;
        },
      { step: 'initialize' },
    );
    const throttled = new TransactionsClient({ client, tableName: TABLE });
    const lines = await idsOf(throttled.byOrder('3900112', '39001', 'M-555'));
    expect(lines.sort()).toEqual([IDS.tee, IDS.jeans, IDS.giftWrap, IDS.teeReturn].sort());
    expect(calls).toBe(3);
    client.destroy();
  });

  test('has a status, dates and lines with their kinds', async () => {
    const order = await transactions.orderSummary('3900112', '39001', 'M-555');
    expect(order).toMatchObject({
      sid: '3900112',
      advertiser_id: '39001',
      order_id: 'M-555',
      members: ['clk_01HRV6Z8Q2M4'],
      status: 'partly returned',
      ordered_at: '2026-03-13T18:02:43Z',
      first_processed_at: '2026-03-13T18:17:25Z',
      last_processed_at: '2026-04-02T02:00:00Z',
      pending: [],
      awaiting: [],
      earned: [{ currency: 'USD', sale_amount: '71.49', commissions: '3.57', lines: 4 }],
      doubtful: [],
      unattributed: [],
    });
    expect(order?.lines.map((l) => l.kind)).toEqual(['sale', 'sale', 'sale', 'return']);
    expect(await transactions.orderSummary('3900112', '39001', 'no-such-order')).toBeUndefined();
  });

  test('a full return leaves nothing', async () => {
    expect(await transactions.orderSummary('3900112', '39001', 'W-100200300')).toMatchObject({
      status: 'returned',
      earned: [{ currency: 'USD', sale_amount: '0', commissions: '0', lines: 2 }],
    });
  });

  test('a discount line is an adjustment, and a cancellation without u1 is in its order', async () => {
    const order = await transactions.orderSummary('3900112', '36690', 'JP20260401-0001');
    expect(order).toMatchObject({
      status: 'returned',
      members: ['p-1001'],
      earned: [{ currency: 'JPY', sale_amount: '-100', commissions: '-3', lines: 3 }],
    });
    expect(order?.lines.map((l) => l.kind).sort()).toEqual(['adjustment', 'return', 'sale']);
  });

  const same = '2026-02-01T00:00:00Z';
  const cases: [name: string, lines: LineFields[], kinds: string[], status: string][] = [
    [
      'a return of something that is called a discount',
      [
        { sale_amount: '9', sku_number: 'DISCOUNT-PACK' },
        { sale_amount: '-9', sku_number: 'DISCOUNT-PACK' },
      ],
      ['sale', 'return'],
      'returned',
    ],
    [
      'a negative line that came together with the sale, under any SKU',
      [
        { sale_amount: '9', process_date: same, transaction_date: same },
        { sale_amount: '-1', sku_number: 'POINTS', process_date: same, transaction_date: same },
      ],
      ['sale', 'adjustment'],
      'confirmed',
    ],
    [
      'a later negative line under another SKU',
      [{ sale_amount: '9' }, { sale_amount: '-9', sku_number: 'OTHER' }],
      ['sale', 'return'],
      'returned',
    ],
    [
      'a discount that is taken back with the cancellation',
      [
        { sale_amount: '9' },
        { sale_amount: '-2', sku_number: 'DISCOUNT' },
        { sale_amount: '-9' },
        { sale_amount: '2', sku_number: 'DISCOUNT' },
      ],
      ['sale', 'adjustment', 'return', 'adjustment'],
      'returned',
    ],
    [
      'a cancellation of what was paid',
      [{ sale_amount: '9' }, { sale_amount: '-2', sku_number: 'DISCOUNT' }, { sale_amount: '-7' }],
      ['sale', 'adjustment', 'return'],
      'returned',
    ],
    [
      'a return without commission',
      [
        { sale_amount: '5.97', commissions: '0' },
        { sale_amount: '-5.97', commissions: '0' },
      ],
      ['sale', 'return'],
      'returned',
    ],
    [
      'commissions alone',
      [{ commissions: '5' }, { commissions: '-2' }],
      ['sale', 'return'],
      'partly returned',
    ],
    [
      'commissions alone, all returned',
      [{ commissions: '5' }, { commissions: '-5' }],
      ['sale', 'return'],
      'returned',
    ],
    [
      'one of two currencies returned',
      [{ sale_amount: '9' }, { sale_amount: '9', currency: 'EUR' }, { sale_amount: '-9' }],
      ['sale', 'sale', 'return'],
      'partly returned',
    ],
    ['a return whose sale is missing', [{ sale_amount: '-9' }], ['return'], 'returned'],
    ['an event', [{ sale_amount: '9', is_event: 'Y' }], ['preliminary'], 'preliminary'],
    [
      'an event that was confirmed',
      [{ sale_amount: '9', is_event: 'Y' }, { sale_amount: '9' }],
      ['preliminary', 'sale'],
      'confirmed',
    ],
    [
      'an event that was cancelled',
      [{ sale_amount: '9', is_event: 'Y' }, { sale_amount: '-9' }],
      ['preliminary', 'return'],
      'cancelled',
    ],
    [
      'an event with a negative amount',
      [{ sale_amount: '-9', is_event: 'Y' }],
      ['preliminary'],
      'preliminary',
    ],
    [
      'a line without is_event',
      [{ sale_amount: '9', is_event: undefined }],
      ['unknown'],
      'unknown',
    ],
    ['a line without amounts', [{}], ['unknown'], 'unknown'],
    ['a zero commission as the only amount', [{ commissions: '0' }], ['unknown'], 'unknown'],
  ];
  test.each(cases)('kinds and status: %s', async (_name, lines, kinds, status) => {
    const order = await orderOf(lines);
    expect(order.lines.map((l) => l.kind)).toEqual(kinds);
    expect(order.status).toBe(status);
    expect(order.doubtful.length).toBe(kinds.filter((kind) => kind === 'unknown').length);
  });

  test('an application can name the SKUs that are adjustments', async () => {
    await orderOf([
      { sale_amount: '-1', sku_number: 'COUPON', order_id: 'coupon' },
      { sale_amount: '1' },
    ]);
    const custom = new TransactionsClient({
      client: dynamodb,
      tableName: TABLE,
      adjustmentSku: /^coupon$/gi,
    });
    for (let again = 0; again < 2; again += 1) {
      expect(await custom.orderSummary('1', '2', 'coupon')).toMatchObject({
        status: 'confirmed',
        lines: [{ kind: 'adjustment' }],
      });
    }
    expect(await transactions.orderSummary('1', '2', 'coupon')).toMatchObject({
      status: 'returned',
      lines: [{ kind: 'return' }],
    });
  });

  test('a line without an order number is an order of its own', async () => {
    await write(
      { u1: 'orderless', etransaction_id: 'O-1', is_event: 'N', sale_amount: '1', currency: 'USD' },
      VERIFIED,
    );
    await write(
      { u1: 'orderless', etransaction_id: 'O-2', is_event: 'N', sale_amount: '2', currency: 'USD' },
      VERIFIED,
    );
    await write({ u1: 'orderless', is_event: 'N', sale_amount: '4', currency: 'USD' });
    const found = await all(transactions.memberOrders('orderless'));
    expect(found.map((order) => order.order_id)).toEqual([undefined, undefined, undefined]);
    expect(found.map((order) => order.lines.length)).toEqual([1, 1, 1]);
    expect(await transactions.memberSummary('orderless')).toMatchObject({
      orders: { total: 3 },
      earned: [{ sale_amount: '3', lines: 2 }],
      awaiting: [{ sale_amount: '4', lines: 1 }],
    });
  });
});

describe('the sums of an order', () => {
  test('a confirmed line takes the place of its event', async () => {
    const order = await transactions.orderSummary('3900112', '39001', 'T-7781');
    expect(order).toMatchObject({ status: 'confirmed', pending: [], awaiting: [] });
    expect(order?.earned).toEqual([
      { currency: 'USD', sale_amount: '412.5', commissions: '16.5', lines: 1 },
    ]);
  });

  test('an event without a confirmed line is pending', async () => {
    expect(await transactions.orderSummary('3900112', '39001', 'T-7790')).toMatchObject({
      status: 'preliminary',
      pending: [{ currency: 'USD', sale_amount: '80', commissions: '0', lines: 1 }],
      awaiting: [],
      earned: [],
    });
  });

  test('an unverified confirmed line is awaiting, and earned only on request', async () => {
    const lines = [
      { sale_amount: '10' },
      { sale_amount: '7', isVerified: false },
      { sale_amount: '5', sku_number: 'B', is_event: 'Y' },
    ];
    expect(sumsOf(await orderOf(lines))).toEqual(['5 USD', '7 USD', '10 USD']);
    expect(sumsOf(await orderOf(lines, { includeUnverified: true }))).toEqual([
      '5 USD',
      '',
      '17 USD',
    ]);
  });

  test('a withdrawn line is in no sum', async () => {
    const line = {
      sid: '1',
      advertiser_id: '2',
      order_id: 'withdrawn',
      etransaction_id: 'W1',
      is_event: 'N',
      currency: 'USD',
      sale_amount: '9',
    };
    await write(line, { ...VERIFIED, withdrawnAt: '2026-04-01T00:00:00.000Z' });
    for (const includeUnverified of [false, true]) {
      const order = await transactions.orderSummary('1', '2', 'withdrawn', { includeUnverified });
      expect(order).toMatchObject({
        status: 'cancelled',
        pending: [],
        awaiting: [],
        earned: [],
        lines: [{ etransaction_id: 'W1' }],
      });
    }
  });

  test('the members are those of verified lines, if there are any', async () => {
    const forged = { u1: 'mallory', sale_amount: '1', isVerified: false };
    expect((await orderOf([forged])).members).toEqual(['mallory']);
    expect((await orderOf([{ u1: 'anna', sale_amount: '5' }, forged])).members).toEqual(['anna']);
    expect((await orderOf([{ sale_amount: '5' }, forged])).members).toEqual([]);
    expect(
      (await orderOf([{ u1: 'anna', sale_amount: '5' }, forged], { includeUnverified: true }))
        .members,
    ).toEqual(['anna', 'mallory']);
  });
});

describe('the summary of a member', () => {
  test('has the number of orders by status and the three sums', async () => {
    expect(
      await transactions.memberSummary('clk_01HRV6Z8Q2M4', {
        from: '2026-03-01',
        to: '2026-04-01',
      }),
    ).toEqual({
      u1: 'clk_01HRV6Z8Q2M4',
      from: '2026-03-01T00:00:00.000Z',
      to: '2026-04-01T00:00:00.000Z',
      orders: {
        total: 2,
        preliminary: 0,
        confirmed: 0,
        'partly returned': 1,
        returned: 1,
        cancelled: 0,
        unknown: 0,
      },
      pending: [],
      awaiting: [],
      earned: [{ currency: 'USD', sale_amount: '71.49', commissions: '3.57', lines: 6 }],
      doubtful: 0,
      unattributed: 0,
    });
    expect(await transactions.memberSummary('clk_TRAVEL_1')).toMatchObject({
      orders: { total: 2, preliminary: 1, confirmed: 1 },
      pending: [{ sale_amount: '80' }],
      earned: [{ sale_amount: '412.5', commissions: '16.5' }],
    });
    expect(await transactions.memberSummary('no-such-member')).toMatchObject({
      orders: { total: 0 },
      earned: [],
    });
    expect(await transactions.memberSummary('member-9')).toMatchObject({
      orders: { total: 2, unknown: 1, confirmed: 1 },
      doubtful: 1,
      awaiting: [{ sale_amount: '19.99', commissions: '0.5997', lines: 1 }],
      earned: [],
    });
    expect(
      await transactions.memberSummary('member-9', {}, { includeUnverified: true }),
    ).toMatchObject({
      awaiting: [],
      earned: [{ sale_amount: '19.99', commissions: '0.5997', lines: 1 }],
    });
  });

  test('a cancellation without u1 reduces what the member has earned', async () => {
    expect(await idsOf(transactions.byMember('p-1001'))).not.toContain(IDS.matchaReturn);
    expect(await transactions.memberSummary('p-1001')).toMatchObject({
      orders: { returned: 1 },
      earned: [{ currency: 'JPY', sale_amount: '-100', commissions: '-3' }],
    });
  });

  test('an order over the end of a period is counted once, in the period of its first line', async () => {
    const base = {
      sid: '1',
      advertiser_id: '2',
      order_id: 'midnight',
      is_event: 'N',
      u1: 'owl',
      currency: 'USD',
      sale_amount: '1',
    };
    await write(
      { ...base, etransaction_id: 'O1', transaction_date: '2026-01-31T23:59:59Z' },
      VERIFIED,
    );
    await write(
      { ...base, etransaction_id: 'O2', transaction_date: '2026-02-01T00:00:00Z' },
      VERIFIED,
    );
    const months = ['2026-01-01', '2026-02-01', '2026-03-01'];
    expect(
      await transactions.memberSummary('owl', { from: months[0], to: months[1] }),
    ).toMatchObject({
      orders: { total: 1 },
      earned: [{ lines: 2 }],
    });
    expect(
      await transactions.memberSummary('owl', { from: months[1], to: months[2] }),
    ).toMatchObject({ orders: { total: 0 }, earned: [] });
  });

  test('a line without u1 in an order of several members is shown and in no sum', async () => {
    const base = {
      sid: '1',
      advertiser_id: '2',
      order_id: 'shared',
      is_event: 'N',
      currency: 'USD',
    };
    await write(
      { ...base, etransaction_id: 'S1', u1: 'sara', sku_number: 'A', sale_amount: '5' },
      VERIFIED,
    );
    await write(
      { ...base, etransaction_id: 'S2', u1: 'ben', sku_number: 'B', sale_amount: '7' },
      VERIFIED,
    );
    await write({ ...base, etransaction_id: 'S3', sku_number: 'C', sale_amount: '-3' }, VERIFIED);
    expect(await transactions.memberSummary('sara')).toMatchObject({
      earned: [{ sale_amount: '5', lines: 1 }],
      unattributed: 1,
    });
    expect(await transactions.memberSummary('ben')).toMatchObject({
      earned: [{ sale_amount: '7', lines: 1 }],
      unattributed: 1,
    });
    const [order] = await all(transactions.memberOrders('sara'));
    expect(order?.members).toEqual(['sara']);
    expect(order?.unattributed).toEqual([expect.objectContaining({ etransaction_id: 'S3' })]);
    expect(await transactions.orderSummary('1', '2', 'shared')).toMatchObject({
      members: ['sara', 'ben'],
      earned: [{ sale_amount: '9', lines: 3 }],
    });
  });

  test('the orders of days are listed once, with their lines of other days', async () => {
    const sharded = new TransactionsClient({ client: dynamodb, tableName: SHARDED, dayShards: 4 });
    const found = await all(sharded.dayOrders({ from: '2026-03-01', to: '2026-04-03' }));
    const keys = found.map((order) => order.order_id);
    expect(keys.toSorted()).toEqual([
      'JP20260401-0001',
      'M-555',
      'T-7781',
      'T-7790',
      'W-100200300',
      'W-100200301',
      'W-100200302',
    ]);
    expect(found.find((order) => order.order_id === 'M-555')?.status).toBe('partly returned');
  });
});

describe('forged lines', () => {
  const forged = new TransactionsClient({
    client: { send: (command: never) => dynamodb.send(command) } as DynamoDBClient,
    tableName: FORGED,
  });
  const order = {
    sid: '1',
    advertiser_id: '2',
    order_id: 'X',
    is_event: 'N',
    currency: 'USD',
    transaction_date: '2026-03-10T00:00:00Z',
  };
  const march = { from: '2026-03-01', to: '2026-04-01' };

  beforeAll(async () => {
    await write(
      {
        ...order,
        etransaction_id: 'A1',
        u1: 'anna',
        sku_number: 'S',
        sale_amount: '100',
        commissions: '10',
      },
      VERIFIED,
      FORGED,
    );
    await write(
      {
        ...order,
        etransaction_id: 'A2',
        sku_number: 'DISCOUNT',
        sale_amount: '-10',
        commissions: '-1',
      },
      VERIFIED,
      FORGED,
    );
  });

  test('change nothing of what is earned, its member or its period', async () => {
    const before = await forged.memberSummary('anna', march);
    expect(before.earned).toEqual([
      { currency: 'USD', sale_amount: '90', commissions: '9', lines: 2 },
    ]);
    const lines: LineFields[] = [
      // A sale, a second member, an event of the discount, a return, and an order date in another
      // month.
      { etransaction_id: 'B1', u1: 'anna', sku_number: 'S', sale_amount: '1000' },
      { etransaction_id: 'B2', u1: 'mallory', sku_number: 'S', sale_amount: '1000' },
      {
        etransaction_id: 'B3',
        is_event: 'Y',
        u1: 'anna',
        sku_number: 'DISCOUNT',
        sale_amount: '10',
      },
      { etransaction_id: 'B4', u1: 'anna', sku_number: 'S', sale_amount: '-100' },
      {
        etransaction_id: 'B5',
        u1: 'anna',
        sku_number: 'S',
        sale_amount: '1',
        transaction_date: '2026-02-01T00:00:00Z',
      },
      { etransaction_id: 'A1', u1: 'mallory', sku_number: 'S', sale_amount: '5000' },
    ];
    for (const line of lines)
      await write({ ...order, ...line }, { receivedAt: '2026-03-14T00:00:00.000Z' }, FORGED);
    expect((await forged.memberSummary('anna', march)).earned).toEqual(before.earned);
    expect(
      (await forged.memberSummary('anna', { from: '2026-02-01', to: '2026-03-01' })).earned,
    ).toEqual([]);
    expect((await forged.memberSummary('mallory', march)).earned).toEqual([]);
    expect(await forged.orderSummary('1', '2', 'X')).toMatchObject({
      members: ['anna'],
      earned: before.earned,
    });
    expect(await all(forged.memberOrders('anna', march))).toMatchObject([
      { earned: before.earned },
    ]);
  });

  test('a u1 that only a postback carried earns nothing', async () => {
    const line = {
      sid: '1',
      advertiser_id: '2',
      order_id: 'U1',
      etransaction_id: 'C1',
      is_event: 'N',
      currency: 'USD',
      sale_amount: '7',
    };
    await write({ ...line, u1: 'carol' }, { ...VERIFIED, answer: { u1: undefined } }, FORGED);
    const summary = await forged.memberSummary('carol');
    expect(sumsOf(summary)).toEqual(['', '7 USD', '']);
  });
});

describe('sums', () => {
  test('are exact, by currency, and do not depend on the order of the lines', () => {
    const decimal = fc.tuple(fc.bigInt(-(10n ** 24n), 10n ** 24n), fc.integer({ min: 0, max: 12 }));
    const money = fc.record({
      amount: decimal,
      currency: fc.constantFrom('USD', 'JPY', undefined),
    });
    // The model: whole numbers of 10^-12.
    const scaled = ([digits, scale]: [bigint, number]): bigint =>
      digits * 10n ** BigInt(12 - scale);
    const text = ([digits, scale]: [bigint, number]): string => {
      const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
      const whole = padded.slice(0, padded.length - scale);
      return `${digits < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${padded.slice(-scale)}`}`;
    };
    fc.assert(
      fc.property(
        fc.array(money, { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (lines, reverse) => {
          const asLines = lines.map(
            ({ amount, currency }) => ({ currency, sale_amount: text(amount) }) as Transaction,
          );
          const sums = sumByCurrency(reverse ? asLines.toReversed() : asLines);
          for (const currency of new Set(lines.map((l) => l.currency))) {
            const expected = lines
              .filter((l) => l.currency === currency)
              .reduce((sum, l) => sum + scaled(l.amount), 0n);
            const found = sums.find((sum) => sum.currency === currency)?.sale_amount ?? 'missing';
            const [whole = '', fraction = ''] = found.replace('-', '').split('.');
            expect(
              BigInt(whole + fraction.padEnd(12, '0')) * (found.startsWith('-') ? -1n : 1n),
            ).toBe(expected);
          }
          expect(sums.length).toBe(new Set(lines.map((l) => l.currency)).size);
        },
      ),
    );
  });
});

describe('wrong input', () => {
  const client = () => transactions;
  test.each<[string, () => unknown, string]>([
    ['an empty member', () => client().byMember(''), 'u1 must not be empty'],
    [
      'a number for a text',
      () => client().byOrder(3900112 as unknown as string, '1', '2'),
      'sid must be a string, but is 3900112',
    ],
    [
      'a key that is too long',
      () => client().byMember('x'.repeat(2049)),
      'u1 is longer than the 2048 bytes',
    ],
    [
      'a day in another form',
      () => client().byDay('13.03.2026'),
      "day must be a day as YYYY-MM-DD, for example 2026-03-13, but is '13.03.2026'",
    ],
    ['a day that does not exist', () => client().byDay('2026-02-30'), "but is '2026-02-30'"],
    [
      'days the wrong way round',
      () => client().byDay({ from: '2026-03-02', to: '2026-03-02' }),
      'must be before',
    ],
    [
      'far too many days',
      () => client().dayOrders({ from: '1926-01-01', to: '2026-01-01' }),
      'ask for 3660 at most',
    ],
    [
      'a time of a day that does not exist',
      () => client().memberSummary('u', { to: '2026-02-29T00:00:00Z' }),
      "but is '2026-02-29'",
    ],
    [
      'a time without a zone',
      () => client().byMember('u', { from: '2026-03-01T00:00:00' }),
      'from must be a Date, a day',
    ],
    [
      'an invalid date',
      () => client().byMember('u', { to: new Date('x') }),
      'but is an invalid Date',
    ],
    [
      'a period the wrong way round',
      () => client().memberOrders('u', { from: '2026-03-02', to: '2026-03-01' }),
      'must be before',
    ],
    [
      'a limit of nothing',
      () => client().byMember('u', { limit: 0 }),
      'limit must be a whole number of 1 or more, but is 0',
    ],
    [
      'a kind that does not exist',
      () => client().byMember('u', { kind: 'refund' as 'return' }),
      "kind must be one of preliminary, sale, return, adjustment, unknown, but is 'refund'",
    ],
    [
      'no client',
      () => new TransactionsClient({ client: {} as DynamoDBClient, tableName: 't' }),
      'client must be a DynamoDBClient',
    ],
    [
      'no table',
      () =>
        new TransactionsClient({
          client: new DynamoDBClient({ region: 'us-east-1' }),
          tableName: '',
        }),
      'tableName must not be empty',
    ],
    [
      'half a shard',
      () =>
        new TransactionsClient({
          client: new DynamoDBClient({ region: 'us-east-1' }),
          tableName: 't',
          dayShards: 1.5,
        }),
      'dayShards must be',
    ],
  ])('%s is refused at once, in words', (_name, ask, message) => {
    expect(ask).toThrow(InvalidQueryError);
    expect(ask).toThrow(message);
  });

  test('errors of DynamoDB come through as the SDK throws them', async () => {
    await createTable(dynamodb, 'Empty');
    const missing = new TransactionsClient({ client: dynamodb, tableName: 'Missing' });
    await expect(missing.byMember('u').next()).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(missing.memberSummary('u')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});
