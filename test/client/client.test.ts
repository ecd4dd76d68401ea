import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { InvalidQueryError, type ListOptions, type OrderSummary, type Transaction, TransactionsClient } from '../../client';
import { sumByCurrency } from '../../client/amounts';
import type { LineFields } from '../../core/store/row';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import { createTable, IDS, put, seedTable } from './seed';

const TABLE = 'Transactions';
const SHARDED = 'ShardedTransactions';

let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let transactions: TransactionsClient;

beforeAll(async () => {
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, TABLE);
  await seedTable(dynamodb, SHARDED, 4);
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

let orders = 0;
/** Puts lines that differ in what is given into an order of their own and adds it up. */
async function orderOf(...lines: LineFields[]): Promise<OrderSummary> {
  orders += 1;
  const order = { sid: '1', advertiser_id: '2', order_id: `order-${orders}` };
  for (const [index, fields] of lines.entries()) {
    const base = { ...order, is_event: 'N', etransaction_id: `T${orders}-${index}`, currency: 'USD', sku_number: 'A' };
    const merged: LineFields = { ...base, process_date: `2026-01-0${index + 1}T00:00:00.000Z`, ...fields };
    // A field that is given as undefined is absent.
    await put(dynamodb, TABLE, JSON.parse(JSON.stringify(merged)) as LineFields);
  }
  const summary = await transactions.orderSummary(order.sid, order.advertiser_id, order.order_id);
  if (summary === undefined) throw new Error('the order was not found');
  return summary;
}

describe('lists of lines', () => {
  test("a member: oldest order first, returns beside their sale, Rakuten's names, exact decimals", async () => {
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
      transaction_date: '2026-03-13T18:02:43.000Z',
      process_date: '2026-03-27T18:28:18.000Z',
      currency: 'USD',
      sale_amount: '-180',
      commissions: '-5.4',
      quantity: '1',
      sku_number: 'SKU-2966631',
      product_name: 'Sterling Silver Bracelet',
      u1: 'clk_01HRV6Z8Q2M4',
      received_at: '2026-03-27T18:28:18.000Z',
      occurred_at: '2026-03-13T18:02:43.000Z',
      source: 'push',
      order_key: '3900112#39001#W-100200300',
      line_key: `${IDS.braceletReturn}#N`,
      kind: 'return',
    });
    expect(await idsOf(transactions.byMember('clk_TRAVEL_1', { newestFirst: true }))).toEqual([
      IDS.spaEvent,
      expect.anything(),
      expect.anything(),
    ]);
  });

  test('a period is half-open: the first moment belongs to it, the last does not', async () => {
    const ordered = '2026-03-20T09:00:00.000Z';
    const behind = '2026-03-20T09:00:00.001Z';
    const spa = (from?: string | Date, to?: string | Date) =>
      idsOf(transactions.byMember('clk_TRAVEL_1', { from, to, kind: 'preliminary' }));
    expect(await spa(ordered)).toEqual([IDS.spaEvent]);
    expect(await spa(new Date(ordered), behind)).toEqual([IDS.spaEvent]);
    expect(await spa('2026-03-20', '2026-03-21')).toEqual([IDS.spaEvent]);
    expect(await spa('2026-03-20T10:00:00+01:00', '2026-03-20T10:00:00.001+01:00')).toEqual([IDS.spaEvent]);
    expect(await spa('2026-03-10', ordered)).toEqual([]);
    expect(await spa(behind)).toEqual([]);
    expect(await spa(undefined, ordered)).toEqual([IDS.hotelEvent]);
  });

  test('a day is the day Rakuten processed the line on, whatever day the order was placed on', async () => {
    expect(await idsOf(transactions.byDay('2026-03-27'))).toEqual([IDS.braceletReturn]);
    expect(await idsOf(transactions.byDay('2026-05-08', { receivedTo: '2026-05-08T04:00:00Z' }))).toEqual([]);
    expect(await idsOf(transactions.byDay('2026-05-08', { receivedFrom: '2026-05-08T04:00:00Z' }))).toEqual([IDS.matchaReturn]);
    expect(await idsOf(transactions.byDay({ from: '2026-03-20', to: '2026-04-02' }))).toEqual([IDS.spaEvent, IDS.braceletReturn]);
    expect(await idsOf(transactions.byDay({ from: '2026-03-20', to: '2026-04-02' }, { newestFirst: true }))).toEqual([
      IDS.braceletReturn,
      IDS.spaEvent,
    ]);
  });

  test.each([false, true])('a sharded day index is one list in the order of arrival (newest first: %s)', async (newestFirst) => {
    const sharded = new TransactionsClient({ client: dynamodb, tableName: SHARDED, dayShards: 4 });
    const lines = await all(sharded.byDay('2026-03-13', { newestFirst }));
    const plain = await all(transactions.byDay('2026-03-13', { newestFirst }));
    expect(lines.map((l) => l.etransaction_id).sort()).toEqual(plain.map((l) => l.etransaction_id).sort());
    const received = lines.map((l) => l.received_at);
    expect(received).toEqual(newestFirst ? received.toSorted().reverse() : received.toSorted());
    expect(await all(sharded.byDay('2026-03-13', { newestFirst, limit: 3 }))).toEqual(lines.slice(0, 3));
  });

  test('pages do not show: lines are the same however few are read at once', async () => {
    const whole = await all(transactions.byDay('2026-03-13'));
    expect(whole.length).toBeGreaterThan(5);
    for (const pageSize of [1, 2, 3]) expect(await all(transactions.byDay('2026-03-13', { pageSize }))).toEqual(whole);
    expect(await all(transactions.byDay('2026-03-13', { pageSize: 2, limit: 3 }))).toEqual(whole.slice(0, 3));
    expect((await all(transactions.all({ pageSize: 2 }))).length).toBe((await all(transactions.all())).length);
  });

  test('a page of a web site goes on behind the last line of the page before', async () => {
    const whole = await idsOf(transactions.byMember('clk_01HRV6Z8Q2M4', { newestFirst: true }));
    const pages: (string | undefined)[][] = [];
    let last: Transaction | undefined;
    do {
      const page: Transaction[] = await all(transactions.byMember('clk_01HRV6Z8Q2M4', { newestFirst: true, limit: 4, startAfter: last }));
      pages.push(page.map((l) => l.etransaction_id));
      last = page.at(-1);
    } while (last !== undefined);
    expect(pages.map((page) => page.length)).toEqual([4, 2, 0]);
    expect(pages.flat()).toEqual(whole);
  });

  test('filters: kinds, and only what the Events API has confirmed', async () => {
    const list = (options: ListOptions) => idsOf(transactions.byMember('clk_01HRV6Z8Q2M4', options));
    expect((await list({ kind: 'return' })).sort()).toEqual([IDS.braceletReturn, IDS.teeReturn]);
    expect(await list({ kind: ['preliminary', 'adjustment'] })).toEqual([]);
    expect(await list({ verifiedOnly: true })).toEqual([IDS.bracelet]);
    expect(await list({ kind: 'sale', limit: 1 })).toHaveLength(1);
  });

  test('an order and a transaction id give everything that is kept of a line', async () => {
    expect((await idsOf(transactions.byOrder('3900112', '39001', 'T-7781', { consistentRead: true }))).sort()).toEqual([
      IDS.hotelEvent,
      IDS.hotel,
    ]);
    const [noise] = await all(transactions.byTransaction(IDS.noise));
    expect(noise).toMatchObject({
      sale_amount: '19.989999771118164',
      commissions: '0.5996999931335449',
      extra: { source: 'newsletter' },
      process_day: '2026-03-13',
      query: expect.stringContaining('sale_amount=19.98'),
    });
    expect(await all(transactions.byTransaction('no-such-id'))).toEqual([]);
    const [unreadable] = await all(transactions.byTransaction(IDS.unreadable));
    expect(unreadable).toMatchObject({
      kind: 'unknown',
      parse_problems: ["commissions: 'n/a' is not a number", "sale_amount: 'n/a' is not a number"],
    });
  });

  test('a line that Rakuten changed shows the newer values, and what they replaced', async () => {
    const line = { order_id: 'changed', etransaction_id: 'CHANGED', is_event: 'N', sale_amount: '0.30', commissions: '1' };
    await put(dynamodb, TABLE, { ...line, process_date: '2026-01-01T00:00:00.000Z' });
    await put(dynamodb, TABLE, { ...line, sale_amount: '0.1', process_date: '2026-01-02T00:00:00.000Z' });
    const [row] = await all(transactions.byTransaction('CHANGED'));
    expect(row).toMatchObject({ sale_amount: '0.1', updated_at: '2026-01-02T00:00:00.000Z', received_at: '2026-01-01T00:00:00.000Z' });
    expect(row?.previous_versions).toEqual([
      expect.objectContaining({ received_at: '2026-01-01T00:00:00.000Z', values: expect.objectContaining({ sale_amount: '0.3' }) }),
    ]);
  });

  test('an event and a confirmation under one transaction id are two lines', async () => {
    await orderOf({ etransaction_id: 'REUSED', is_event: 'Y', sale_amount: '1' }, { etransaction_id: 'REUSED', sale_amount: '1' });
    expect((await all(transactions.byTransaction('REUSED'))).map((l) => l.is_event).sort()).toEqual(['N', 'Y']);
  });

  test('a line without transaction id and order number is reached by the key that its list shows', async () => {
    await put(dynamodb, TABLE, { u1: 'keyless', commissions: '5.4', transaction_date: '2026-03-13T18:02:43.000Z' });
    const [line] = await all(transactions.byMember('keyless'));
    expect(line).toMatchObject({ kind: 'unknown', order_key: expect.stringMatching(/^3900112#-#~line:/) });
    expect(await all(transactions.byOrderKey(line?.order_key ?? ''))).toEqual([expect.objectContaining({ u1: 'keyless' })]);
  });
});

describe('an order added up', () => {
  test('several lines, one of two pieces returned', async () => {
    const order = await transactions.orderSummary('3900112', '39001', 'M-555');
    expect(order).toMatchObject({
      order_key: '3900112#39001#M-555',
      sid: '3900112',
      advertiser_id: '39001',
      order_id: 'M-555',
      members: ['clk_01HRV6Z8Q2M4'],
      status: 'partly returned',
      ordered_at: '2026-03-13T18:02:43.000Z',
      first_processed_at: '2026-03-13T18:17:25.000Z',
      last_processed_at: '2026-04-02T02:00:00.000Z',
      sales: [{ currency: 'USD', sale_amount: '83.99', commissions: '4.2', lines: 3 }],
      returns: [{ currency: 'USD', sale_amount: '-12.5', commissions: '-0.63', lines: 1 }],
      adjustments: [],
      net: [{ currency: 'USD', sale_amount: '71.49', commissions: '3.57', lines: 4 }],
      preliminary: [],
      doubtful: [],
    });
    expect(order?.lines.map((l) => l.kind)).toEqual(['sale', 'sale', 'sale', 'return']);
    expect(await transactions.orderSummary('3900112', '39001', 'no-such-order')).toBeUndefined();
  });

  test('a full return leaves nothing', async () => {
    expect(await transactions.orderSummary('3900112', '39001', 'W-100200300')).toMatchObject({
      status: 'returned',
      net: [{ currency: 'USD', sale_amount: '0', commissions: '0', lines: 2 }],
    });
    expect(await transactions.orderSummary('3900112', '39001', 'W-100200300', { verifiedOnly: true })).toMatchObject({
      status: 'confirmed',
      net: [{ currency: 'USD', sale_amount: '180', commissions: '5.4', lines: 1 }],
    });
  });

  test('a discount line is an adjustment; the cancellation without u1 is found all the same', async () => {
    expect(await transactions.orderSummary('3900112', '36690', 'JP20260401-0001')).toMatchObject({
      status: 'returned',
      members: ['p-1001'],
      sales: [{ currency: 'JPY', sale_amount: '1000', commissions: '30', lines: 1 }],
      adjustments: [{ currency: 'JPY', sale_amount: '-100', commissions: '-3', lines: 1 }],
      returns: [{ currency: 'JPY', sale_amount: '-1000', commissions: '-30', lines: 1 }],
      net: [{ currency: 'JPY', sale_amount: '-100', commissions: '-3', lines: 3 }],
    });
  });

  test('a line that the Events API contradicts is pointed at', async () => {
    const line = { sid: '1', advertiser_id: '2', order_id: 'contradicted', is_event: 'N', etransaction_id: 'X1' };
    await put(dynamodb, TABLE, { ...line, sale_amount: '9' });
    await put(dynamodb, TABLE, { ...line, sale_amount: '5' }, { source: 'events-api', receivedAt: '2026-03-13T10:00:00.000Z' });
    const order = await transactions.orderSummary('1', '2', 'contradicted');
    expect(order?.doubtful).toEqual([expect.objectContaining({ etransaction_id: 'X1', events_api_told: { sale_amount: ['5'] } })]);
    expect(await transactions.orderSummary('1', '2', 'contradicted', { verifiedOnly: true })).toBeUndefined();
  });

  const same = '2026-02-01T00:00:00.000Z';
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
    ['commissions alone', [{ commissions: '5' }, { commissions: '-2' }], ['sale', 'return'], 'partly returned'],
    ['commissions alone, all given back', [{ commissions: '5' }, { commissions: '-5' }], ['sale', 'return'], 'returned'],
    [
      'one of two currencies returned',
      [{ sale_amount: '9' }, { sale_amount: '9', currency: 'EUR' }, { sale_amount: '-9' }],
      ['sale', 'sale', 'return'],
      'partly returned',
    ],
    ['a return whose sale was never seen', [{ sale_amount: '-9' }], ['return'], 'returned'],
    ['an event with a negative amount', [{ sale_amount: '-9', is_event: 'Y' }], ['preliminary'], 'preliminary'],
    ['a line that does not say whether it is an event', [{ sale_amount: '9', is_event: undefined }], ['unknown'], 'unknown'],
    ['a line without amounts', [{}], ['unknown'], 'unknown'],
    ['a zero commission as the only amount', [{ commissions: '0' }], ['unknown'], 'unknown'],
  ];
  test.each(cases)('%s', async (_name, lines, kinds, status) => {
    const order = await orderOf(...lines);
    expect(order.lines.map((l) => l.kind)).toEqual(kinds);
    expect(order.status).toBe(status);
    expect(order.doubtful.length).toBe(kinds.filter((kind) => kind === 'unknown').length);
    expect(order.net.reduce((sum, money) => sum + money.lines, 0)).toBe(
      kinds.filter((kind) => !['unknown', 'preliminary'].includes(kind)).length,
    );
  });

  test('an application can name the SKUs that are adjustments', async () => {
    await put(dynamodb, TABLE, {
      sid: '1',
      advertiser_id: '2',
      order_id: 'coupon',
      is_event: 'N',
      etransaction_id: 'C1',
      sku_number: 'COUPON',
      sale_amount: '-1',
    });
    const custom = new TransactionsClient({ client: dynamodb, tableName: TABLE, adjustmentSku: /^coupon$/gi });
    for (let again = 0; again < 2; again += 1) {
      expect(await custom.orderSummary('1', '2', 'coupon')).toMatchObject({ status: 'confirmed', lines: [{ kind: 'adjustment' }] });
    }
    expect(await transactions.orderSummary('1', '2', 'coupon')).toMatchObject({ status: 'returned', lines: [{ kind: 'return' }] });
  });
});

describe('preliminary events', () => {
  test('are matched with the confirmed line that has another transaction id, and never added to it', async () => {
    const order = await transactions.orderSummary('3900112', '39001', 'T-7781');
    expect(order).toMatchObject({
      status: 'confirmed',
      net: [{ currency: 'USD', sale_amount: '412.5', commissions: '16.5', lines: 1 }],
      preliminary: [{ currency: 'USD', sale_amount: '412.5', commissions: '0', lines: 1 }],
      pending: [],
      unmatched_preliminary: [],
    });
    expect(order?.matches.map((m) => [m.preliminary.etransaction_id, m.confirmed.etransaction_id, m.differences])).toEqual([
      [IDS.hotelEvent, IDS.hotel, []],
    ]);
  });

  test('without a confirmation are shown as pending', async () => {
    expect(await transactions.orderSummary('3900112', '39001', 'T-7790')).toMatchObject({
      status: 'preliminary',
      net: [],
      pending: [{ currency: 'USD', sale_amount: '80', commissions: '0', lines: 1 }],
      unmatched_preliminary: [{ etransaction_id: IDS.spaEvent }],
    });
  });

  test('go to the line with the fewest differences, which are named; each line is used once', async () => {
    const order = await orderOf(
      { is_event: 'Y', sale_amount: '10', quantity: '1' },
      { is_event: 'Y', sale_amount: '20', quantity: '2' },
      { is_event: 'Y', sale_amount: '30', sku_number: 'B' },
      { sale_amount: '20', quantity: '2' },
      { sale_amount: '11', quantity: '1' },
      { sale_amount: '-5', quantity: '1' },
    );
    expect(order.matches.map((m) => [m.preliminary.sale_amount, m.confirmed.sale_amount, m.differences])).toEqual([
      ['20', '20', []],
      ['10', '11', ['sale_amount']],
    ]);
    expect(order.unmatched_preliminary.map((l) => l.sku_number)).toEqual(['B']);
    expect(order.pending).toEqual([{ currency: 'USD', sale_amount: '30', commissions: '0', lines: 1 }]);
    expect(order.net).toEqual([{ currency: 'USD', sale_amount: '26', commissions: '0', lines: 3 }]);
  });

  test('are matched to the second: what the Events API brings has no milliseconds', async () => {
    const at = (time: string) => ({ sale_amount: '10', transaction_date: time, process_date: time });
    const order = await orderOf({ ...at('2026-02-01T00:00:00.700Z'), is_event: 'Y' }, at('2026-02-01T00:00:00.000Z'));
    expect(order.matches.map((m) => m.differences)).toEqual([[]]);
  });

  test('are not matched with a line that was processed before them', async () => {
    const order = await orderOf({ sale_amount: '10' }, { is_event: 'Y', sale_amount: '10' });
    expect(order.matches).toEqual([]);
    expect(order.status).toBe('confirmed');
  });
});

describe('a member added up', () => {
  test('orders by status, sums by currency, events apart', async () => {
    expect(await transactions.memberSummary('clk_01HRV6Z8Q2M4', { from: '2026-03-01', to: '2026-04-01' })).toEqual({
      u1: 'clk_01HRV6Z8Q2M4',
      from: '2026-03-01T00:00:00.000Z',
      to: '2026-04-01T00:00:00.000Z',
      orders: { total: 2, preliminary: 0, confirmed: 0, 'partly returned': 1, returned: 1, unknown: 0 },
      sales: [{ currency: 'USD', sale_amount: '263.99', commissions: '9.6', lines: 4 }],
      returns: [{ currency: 'USD', sale_amount: '-192.5', commissions: '-6.03', lines: 2 }],
      adjustments: [],
      net: [{ currency: 'USD', sale_amount: '71.49', commissions: '3.57', lines: 6 }],
      preliminary: [],
      pending: [],
      unmatched_preliminary: 0,
      doubtful: 0,
      unattributed: 0,
    });
    expect(await transactions.memberSummary('clk_TRAVEL_1')).toMatchObject({
      orders: { total: 2, preliminary: 1, confirmed: 1 },
      net: [{ sale_amount: '412.5', commissions: '16.5' }],
      preliminary: [{ sale_amount: '492.5' }],
      pending: [{ sale_amount: '80' }],
      unmatched_preliminary: 1,
    });
    expect(await transactions.memberSummary('nobody')).toMatchObject({ orders: { total: 0 }, net: [] });
    expect(await transactions.memberSummary('member-9')).toMatchObject({
      orders: { total: 2, unknown: 1, confirmed: 1 },
      doubtful: 1,
      net: [{ sale_amount: '19.989999771118164', commissions: '0.5996999931335449', lines: 1 }],
    });
  });

  test('a cancellation without u1 takes the commission back', async () => {
    expect(await idsOf(transactions.byMember('p-1001'))).not.toContain(IDS.matchaReturn);
    expect(await transactions.memberSummary('p-1001')).toMatchObject({
      orders: { returned: 1 },
      net: [{ currency: 'JPY', sale_amount: '-100', commissions: '-3' }],
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
      commissions: '0.1',
    };
    await put(dynamodb, TABLE, { ...base, etransaction_id: 'O1', transaction_date: '2026-01-31T23:59:59.999Z' });
    await put(dynamodb, TABLE, { ...base, etransaction_id: 'O2', transaction_date: '2026-02-01T00:00:00.000Z' });
    const months = ['2026-01-01', '2026-02-01', '2026-03-01'];
    expect(await transactions.memberSummary('owl', { from: months[0], to: months[1] })).toMatchObject({
      orders: { total: 1 },
      net: [{ lines: 2 }],
    });
    expect(await transactions.memberSummary('owl', { from: months[1], to: months[2] })).toMatchObject({ orders: { total: 0 }, net: [] });
  });

  test('what nobody can attribute in a shared order is shown and not added', async () => {
    const base = { sid: '1', advertiser_id: '2', order_id: 'shared', is_event: 'N', currency: 'USD' };
    await put(dynamodb, TABLE, { ...base, etransaction_id: 'S1', u1: 'anna', sku_number: 'A', sale_amount: '5' });
    await put(dynamodb, TABLE, { ...base, etransaction_id: 'S2', u1: 'ben', sku_number: 'B', sale_amount: '7' });
    await put(dynamodb, TABLE, { ...base, etransaction_id: 'S3', sku_number: 'C', sale_amount: '-3' });
    expect(await transactions.memberSummary('anna')).toMatchObject({ net: [{ sale_amount: '5', lines: 1 }], unattributed: 1 });
    expect(await transactions.memberSummary('ben')).toMatchObject({ net: [{ sale_amount: '7', lines: 1 }], unattributed: 1 });
    const [order] = await all(transactions.memberOrders('anna'));
    expect(order?.unattributed).toEqual([expect.objectContaining({ etransaction_id: 'S3' })]);
    expect(await transactions.orderSummary('1', '2', 'shared')).toMatchObject({
      members: ['anna', 'ben'],
      net: [{ sale_amount: '9', lines: 3 }],
    });
  });

  test('orders of days come once, with their lines of other days', async () => {
    const sharded = new TransactionsClient({ client: dynamodb, tableName: SHARDED, dayShards: 4 });
    const found = await all(sharded.dayOrders({ from: '2026-03-01', to: '2026-04-03' }));
    const keys = found.map((order) => order.order_id);
    expect(keys.toSorted()).toEqual(['JP20260401-0001', 'M-555', 'T-7781', 'T-7790', 'W-100200300', 'W-100200301', 'W-100200302']);
    expect(found.find((order) => order.order_id === 'M-555')?.status).toBe('partly returned');
  });
});

describe('sums', () => {
  test('are exact, by currency, and do not depend on the order of the lines', () => {
    const decimal = fc.tuple(fc.bigInt(-(10n ** 24n), 10n ** 24n), fc.integer({ min: 0, max: 12 }));
    const money = fc.record({ amount: decimal, currency: fc.constantFrom('USD', 'JPY', undefined) });
    // The model: whole numbers of 10^-12.
    const scaled = ([digits, scale]: [bigint, number]): bigint => digits * 10n ** BigInt(12 - scale);
    const text = ([digits, scale]: [bigint, number]): string => {
      const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
      const whole = padded.slice(0, padded.length - scale);
      return `${digits < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${padded.slice(-scale)}`}`;
    };
    fc.assert(
      fc.property(fc.array(money, { minLength: 1, maxLength: 20 }), fc.boolean(), (lines, reverse) => {
        const asLines = lines.map(({ amount, currency }) => ({ currency, sale_amount: text(amount) }) as Transaction);
        const sums = sumByCurrency(reverse ? asLines.toReversed() : asLines);
        for (const currency of new Set(lines.map((l) => l.currency))) {
          const expected = lines.filter((l) => l.currency === currency).reduce((sum, l) => sum + scaled(l.amount), 0n);
          const found = sums.find((sum) => sum.currency === currency)?.sale_amount ?? 'missing';
          const [whole = '', fraction = ''] = found.replace('-', '').split('.');
          expect(BigInt(whole + fraction.padEnd(12, '0')) * (found.startsWith('-') ? -1n : 1n)).toBe(expected);
        }
        expect(sums.length).toBe(new Set(lines.map((l) => l.currency)).size);
      }),
    );
  });
});

describe('wrong input', () => {
  const client = () => transactions;
  test.each<[string, () => unknown, string]>([
    ['an empty member', () => client().byMember(''), 'u1 must not be empty'],
    ['a number for a text', () => client().byOrder(3900112 as unknown as string, '1', '2'), 'sid must be a string, but is 3900112'],
    ['a key that is too long', () => client().byMember('x'.repeat(2049)), 'u1 is longer than the 2048 bytes'],
    [
      'a day in another form',
      () => client().byDay('13.03.2026'),
      "day must be a UTC day as YYYY-MM-DD, for example 2026-03-13, but is '13.03.2026'",
    ],
    ['a day that does not exist', () => client().byDay('2026-02-30'), "but is '2026-02-30'"],
    ['days the wrong way round', () => client().byDay({ from: '2026-03-02', to: '2026-03-02' }), 'must be before'],
    ['far too many days', () => client().dayOrders({ from: '1926-01-01', to: '2026-01-01' }), 'ask for 3660 at most'],
    ['a time of a day that does not exist', () => client().memberSummary('u', { to: '2026-02-29T00:00:00Z' }), "but is '2026-02-29'"],
    ['a time without a zone', () => client().byMember('u', { from: '2026-03-01T00:00:00' }), 'from must be a Date, a day'],
    ['an invalid date', () => client().byMember('u', { to: new Date('x') }), 'but is an invalid Date'],
    ['a period the wrong way round', () => client().memberOrders('u', { from: '2026-03-02', to: '2026-03-01' }), 'must be before'],
    ['a limit of nothing', () => client().byMember('u', { limit: 0 }), 'limit must be a whole number of 1 or more, but is 0'],
    [
      'a kind that does not exist',
      () => client().byMember('u', { kind: 'refund' as 'return' }),
      "kind must be one of preliminary, sale, return, adjustment, unknown, but is 'refund'",
    ],
    ['no client', () => new TransactionsClient({ client: {} as DynamoDBClient, tableName: 't' }), 'client must be a DynamoDBClient'],
    [
      'no table',
      () => new TransactionsClient({ client: new DynamoDBClient({ region: 'us-east-1' }), tableName: '' }),
      'tableName must not be empty',
    ],
    [
      'half a shard',
      () => new TransactionsClient({ client: new DynamoDBClient({ region: 'us-east-1' }), tableName: 't', dayShards: 1.5 }),
      'dayShards must be',
    ],
  ])('%s is refused at once, in words', (_name, ask, message) => {
    expect(ask).toThrow(InvalidQueryError);
    expect(ask).toThrow(message);
  });

  test('errors of DynamoDB come through as the SDK throws them', async () => {
    await createTable(dynamodb, 'Empty');
    const missing = new TransactionsClient({ client: dynamodb, tableName: 'Missing' });
    await expect(missing.byMember('u').next()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(missing.memberSummary('u')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
