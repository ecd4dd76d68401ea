import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import fc from 'fast-check';
import type { EventTransaction, TransactionEvent } from '../../../client';
import { transactionEvent } from '../../../core/change-events/event';
import { DEFAULT_ADJUSTMENT_SKU, kindOf } from '../../../core/rakuten/postback/kind';
import { toItem } from '../../../core/transactions/item';
import {
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type RowState,
  withdraw,
} from '../../../core/transactions/row-state';
import { Book } from '../../../examples/cash-back/ledger/book';
import {
  lineName,
  type Order,
  orderName,
  shares,
  toLine,
} from '../../../examples/cash-back/ledger/order';

type Item = Record<string, AttributeValue>;
type Fields = Partial<EventTransaction>;
type Balances = Record<string, [pending: string, earned: string]>;
const PERCENT = '2.5';

/** DynamoDB as far as the ledger uses it. No embedded server has transactions. */
class Ledger {
  readonly items = new Map<string, Item>();
  /** Runs before each transaction. */
  beforeTransaction: () => Promise<unknown> = async () => {};

  readonly client = { send: (command: unknown) => this.execute(command) } as Pick<
    DynamoDBClient,
    'send'
  >;

  private async execute(command: unknown): Promise<unknown> {
    if (command instanceof GetItemCommand)
      return { Item: this.items.get(keyOf(command.input.Key)) };
    if (!(command instanceof TransactWriteItemsCommand)) throw new Error('unexpected command');
    await this.beforeTransaction();
    const writes = command.input.TransactItems ?? [];
    const keys = writes.map(({ Put, Update }) => keyOf(Put?.Item ?? Update?.Key));
    if (writes.length > 100 || new Set(keys).size < keys.length)
      throw new Error('invalid transaction');
    const reasons = writes.map(({ Put }) => ({
      Code: Put === undefined || this.holds(Put) ? 'None' : 'ConditionalCheckFailed',
    }));
    if (reasons.some(({ Code }) => Code !== 'None')) {
      throw new TransactionCanceledException({
        message: 'cancelled',
        $metadata: {},
        CancellationReasons: reasons,
      });
    }
    for (const { Put, Update } of writes) {
      if (Put !== undefined) this.items.set(keyOf(Put.Item), Put.Item ?? {});
      if (Update !== undefined) this.add(Update.Key ?? {}, Update.ExpressionAttributeValues ?? {});
    }
    return {};
  }

  private holds(put: {
    Item?: Item;
    ConditionExpression?: string;
    ExpressionAttributeValues?: Item;
  }): boolean {
    const item = this.items.get(keyOf(put.Item));
    if (put.ConditionExpression === 'attribute_not_exists(pk)') return item === undefined;
    if (put.ConditionExpression !== 'version = :read') throw new Error('unexpected condition');
    return item?.version?.S === put.ExpressionAttributeValues?.[':read']?.S;
  }

  private add(key: Item, values: Item): void {
    const item = this.items.get(keyOf(key)) ?? key;
    const sum = (name: string): AttributeValue => ({
      N: new Big(item[name]?.N ?? '0').plus(values[`:${name}`]?.N ?? '0').toFixed(),
    });
    this.items.set(keyOf(key), { ...item, pending: sum('pending'), earned: sum('earned') });
  }

  /** The balances by member and currency, without those of zero. */
  balances(): Balances {
    const entries = [...this.items.values()].flatMap(
      ({ pk, sk, pending, earned }): [string, [string, string]][] =>
        pk?.S?.startsWith('member#') && !(pending?.N === '0' && earned?.N === '0')
          ? [[`${pk.S} ${sk?.S}`, [pending?.N ?? '', earned?.N ?? '']]]
          : [],
    );
    return Object.fromEntries(entries.sort());
  }
}

const keyOf = (item: Item = {}): string => JSON.stringify([item.pk?.S, item.sk?.S]);

const VERIFIED = { verified_at: '2026-04-18T10:00:00.000Z' };
const WITHDRAWN = { withdrawn_at: '2026-04-20T10:00:00.000Z' };
const USD = 'member#m-1 balance#USD';

/**
 * An event of the line `id`; confirmed, for 100 USD, in the order W-1 unless the fields say
 * otherwise.
 */
function event(sequence: number, id: string, fields: Fields = {}): TransactionEvent {
  const transaction = {
    line_id: `3900112#${id}`,
    sid: '3900112',
    advertiser_id: '39001',
    order_id: 'W-1',
    is_event: 'N' as const,
    received_at: '2026-04-18T09:31:13.000Z',
    occurred_at: '2026-04-18T09:31:13.000Z',
    updated_at: '2026-04-18T09:31:13.000Z',
    source: 'push',
    sale_amount: '100',
    currency: 'USD',
    u1: 'm-1',
    ...fields,
  };
  return {
    version: '1',
    eventID: `event-${sequence}`,
    // Of different lengths, as in a real stream: as texts they have another order.
    sequence_number: String(9_000 + sequence * 700),
    written_at: '2026-04-18T09:31:14.000Z',
    reasons: ['new'],
    group: id,
    transaction: { kind: kindOf(transaction, DEFAULT_ADJUSTMENT_SKU), ...transaction },
    changes: {},
  };
}

const preliminary = (sequence: number, id: string, fields: Fields = {}) =>
  event(sequence, id, { is_event: 'Y', ...fields });

async function balancesAfter(...events: TransactionEvent[]): Promise<Balances> {
  const ledger = new Ledger();
  const book = new Book(ledger.client, 'ledger', PERCENT);
  for (const one of events) await book.book(one);
  return ledger.balances();
}

it.each<[string, TransactionEvent[], Balances]>([
  ['shows a preliminary line as pending', [preliminary(1, 'P')], { [USD]: ['2.5', '0'] }],
  [
    'replaces a preliminary line by its confirmed line',
    [
      preliminary(1, 'P', { sku_number: 'A' }),
      preliminary(2, 'Q', { sku_number: 'B', sale_amount: '60' }),
      event(3, 'C', { sku_number: 'A' }),
    ],
    { [USD]: ['4', '0'] },
  ],
  [
    'shows a confirmed line as pending until it is verified',
    [event(1, 'C')],
    { [USD]: ['2.5', '0'] },
  ],
  [
    'shows a verified line as earned',
    [event(1, 'C'), event(2, 'C', VERIFIED)],
    { [USD]: ['0', '2.5'] },
  ],
  [
    'shows a line that is no longer verified as pending',
    [event(1, 'C', VERIFIED), event(2, 'C')],
    { [USD]: ['2.5', '0'] },
  ],
  [
    'takes back what a withdrawn line brought',
    [event(1, 'C', VERIFIED), event(2, 'C', WITHDRAWN)],
    {},
  ],
  [
    'books a withdrawn line that is back again',
    [event(1, 'C', VERIFIED), event(2, 'C', WITHDRAWN), event(3, 'C', VERIFIED)],
    { [USD]: ['0', '2.5'] },
  ],
  [
    'takes back what was sold when a return arrives, even without a member',
    [event(1, 'C', VERIFIED), event(2, 'R', { ...VERIFIED, sale_amount: '-100', u1: undefined })],
    {},
  ],
  [
    'keeps the rest when a part is returned',
    [
      event(1, 'C', { ...VERIFIED, sale_amount: '19.99' }),
      event(2, 'R', { ...VERIFIED, sale_amount: '-0.1' }),
    ],
    { [USD]: ['0', '0.49725'] },
  ],
  [
    'moves a line to another currency and another member',
    [
      event(1, 'C', VERIFIED),
      event(2, 'C', { ...VERIFIED, currency: 'EUR', u1: 'm-2', sale_amount: '10' }),
    ],
    { 'member#m-2 balance#EUR': ['0', '0.25'] },
  ],
  [
    'books a line once when its order is called otherwise later',
    [event(1, 'C', { order_id: 'A+1' }), event(2, 'C', { ...VERIFIED, order_id: 'A 1' })],
    { [USD]: ['0', '2.5'] },
  ],
  [
    'settles a line with the lines of the order to which it moved',
    [
      preliminary(1, 'P', { sku_number: 'A' }),
      event(2, 'C', { order_id: 'other', sku_number: 'A' }),
      event(3, 'C', { ...VERIFIED, sku_number: 'A' }),
    ],
    { [USD]: ['0', '2.5'] },
  ],
  [
    'keeps lines without an order number apart',
    [
      preliminary(1, 'P', { order_id: undefined }),
      event(2, 'C', { order_id: undefined, ...VERIFIED }),
    ],
    { [USD]: ['2.5', '2.5'] },
  ],
  ['books nothing for a line whose is_event is unknown', [event(1, 'C', { is_event: '-' })], {}],
  [
    'books nothing for a line without a readable ID',
    [event(1, '~0', { parse_problems: ['etransaction_id: missing'] })],
    {},
  ],
  ['books nothing for a line without an amount', [event(1, 'C', { sale_amount: undefined })], {}],
  ['books nothing for an order without a member', [event(1, 'C', { u1: undefined })], {}],
  [
    'takes the member of an earned line from verified lines alone',
    [event(1, 'C', { ...VERIFIED, u1: undefined }), event(2, 'forged', { u1: 'm-666' })],
    { 'member#m-666 balance#USD': ['2.5', '0'] },
  ],
])('%s', async (_, events, expected) => {
  expect(await balancesAfter(...events)).toEqual(expected);
});

it('follows a line of the store whose order, amount and member the Events API corrects, until it is withdrawn', async () => {
  const delivery = (order_id: string, sale_amount: string, u1: string) => ({
    fields: {
      etransaction_id: 'C',
      advertiser_id: '39001',
      order_id,
      sale_amount,
      u1,
      currency: 'USD',
    },
    problems: [],
    extra: {},
    query: '',
  });
  const push = (receivedAt: string, ...values: [string, string, string]) => ({
    ...delivery(...values),
    receivedAt,
    requestId: receivedAt,
    source: 'push' as const,
  });
  const steps: ((row: RowState) => RowState)[] = [
    (row) => joinPushes(row, [push('2026-04-18T09:00:00.000Z', 'A+1', '120', 'm-1')]),
    (row) =>
      applyAnswer(row, {
        ...delivery('A 1', '100', 'm-2'),
        fetchedAt: '2026-04-18T10:00:00.000Z',
        runId: 'run',
      }),
    (row) => joinPushes(row, [push('2026-04-18T11:00:00.000Z', 'A 1', '666', 'm-666')]),
    (row) => withdraw(row, '2026-04-20T10:00:00.000Z'),
  ];
  const ledger = new Ledger();
  const book = new Book(ledger.client, 'ledger', PERCENT);
  const balances: Balances[] = [];
  let row = EMPTY_ROW;
  let OldImage: Item | undefined;
  for (const [i, step] of steps.entries()) {
    row = step(row);
    const NewImage = toItem({ lineId: '3900112#C', isEvent: 'N' }, row, { dayShards: 1 });
    const dynamodb = { NewImage, OldImage, SequenceNumber: String(i + 1) };
    const change = transactionEvent({
      eventID: `event-${i}`,
      eventName: OldImage === undefined ? 'INSERT' : 'MODIFY',
      dynamodb,
    });
    if (change !== undefined) await book.book(change);
    balances.push(ledger.balances());
    OldImage = NewImage;
  }
  const verified = { 'member#m-2 balance#USD': ['0', '2.5'] };
  expect(balances).toEqual([{ [USD]: ['3', '0'] }, verified, verified, {}]);
});

const optional = <T>(...values: T[]): fc.Arbitrary<T | undefined> =>
  fc.option(fc.constantFrom(...values), { nil: undefined });
const anyFields = fc.record({
  is_event: fc.constantFrom('Y' as const, 'N' as const, '-' as const),
  order_id: optional('W-1', 'W-2'),
  advertiser_id: fc.constantFrom('39001', '39002'),
  sale_amount: optional('19.99', '-19.99', '0', '7', '0.00000000000000000001', '1000000000000000'),
  currency: fc.constantFrom('USD', 'EUR'),
  u1: optional('m-1', 'm-2'),
  sku_number: optional('A', 'DISCOUNT'),
});
const anyStatus: fc.Arbitrary<Fields> = fc.constantFrom({}, VERIFIED, VERIFIED, WITHDRAWN);
/** Events of a few lines, whose order, member and values change at any time. */
const anyEvents = fc
  .array(fc.tuple(fc.constantFrom('A', 'B', 'C', 'D'), anyFields, anyStatus), {
    minLength: 1,
    maxLength: 10,
  })
  .map((all) => all.map(([id, fields, status], i) => event(i, id, { ...fields, ...status })));

const shuffled = <T>(all: readonly T[], random: fc.Stream<number>): T[] =>
  all
    .map((one) => ({ one, at: random.next().value }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);

/** The balances by the latest event of each line. */
function expectedBalances(events: readonly TransactionEvent[]): Balances {
  const latest = new Map(events.map(({ transaction }) => [lineName(transaction), transaction]));
  const orders = new Map<string, Order>();
  for (const [line, transaction] of latest) {
    const order = orderName(transaction);
    if (order !== undefined)
      orders.set(order, { ...orders.get(order), [line]: toLine(transaction) });
  }
  const sums = new Map<string, [Big, Big]>();
  for (const { member, currency, pending, earned } of [...orders.values()].flatMap((order) =>
    shares(order, PERCENT),
  )) {
    const name = `member#${member} balance#${currency}`;
    const [p, e] = sums.get(name) ?? [new Big(0), new Big(0)];
    sums.set(name, [p.plus(pending), e.plus(earned)]);
  }
  const shown = [...sums].filter(([, [p, e]]) => !p.eq(0) || !e.eq(0));
  return Object.fromEntries(shown.map(([name, [p, e]]) => [name, [p.toFixed(), e.toFixed()]]));
}

it('comes to the balances of the latest event of each line, in whatever order and however often events arrive', async () => {
  await fc.assert(
    fc.asyncProperty(anyEvents, fc.infiniteStream(fc.nat()), async (events, random) => {
      const expected = expectedBalances(events);
      expect(await balancesAfter(...events)).toEqual(expected);
      expect(await balancesAfter(...shuffled([...events, ...events], random))).toEqual(expected);
    }),
  );
});

it('never changes what a member has earned because of unverified lines', async () => {
  const earned = (balances: Balances): [string, string][] =>
    Object.entries(balances).flatMap(([name, [, amount]]) =>
      amount === '0' ? [] : [[name, amount]],
    );
  const anyForgedEvents = fc
    .array(fc.tuple(fc.constantFrom('A', 'F', 'G'), anyFields), { minLength: 1, maxLength: 6 })
    .map((all) => all.map(([id, fields], i) => event(100 + i, id, fields)));
  await fc.assert(
    fc.asyncProperty(
      anyEvents,
      anyForgedEvents,
      fc.infiniteStream(fc.nat()),
      async (events, forged, random) => {
        const genuine = new Set(events.map(({ transaction }) => lineName(transaction)));
        // Also with the ID of a genuine line, as an event where that is a confirmed line.
        const others = forged.filter(({ transaction }) => !genuine.has(lineName(transaction)));
        const balances = await balancesAfter(...shuffled([...events, ...others], random));
        expect(earned(balances)).toEqual(earned(await balancesAfter(...events)));
      },
    ),
  );
});

it('books a verified line in an order that is full of forged lines', async () => {
  const ledger = new Ledger();
  const book = new Book(ledger.client, 'ledger', PERCENT);
  const forged = Array.from({ length: 40 }, (_, i) => event(i, `F${i}`, { u1: `forged-${i}` }));
  for (const one of forged) await book.book(one);
  await expect(book.book(event(50, 'F50'))).rejects.toThrow(
    'The order has 40 unverified lines already.',
  );
  expect(await book.book(event(51, 'C', VERIFIED))).toBe(true);
  expect(await book.book(event(52, 'F0', { u1: 'forged-again' }))).toBe(true);
  expect(ledger.balances()[USD]).toEqual(['0', '2.5']);
});

it('books simultaneous events one after the other, and none twice', async () => {
  await fc.assert(
    fc.asyncProperty(anyEvents, async (events) => {
      const ledger = new Ledger();
      const book = new Book(ledger.client, 'ledger', PERCENT);
      await Promise.all([...events, ...events].map((one) => book.book(one)));
      expect(ledger.balances()).toEqual(expectedBalances(events));
    }),
  );
});

it('reports an event that it cannot book, and books nothing of it', async () => {
  const ledger = new Ledger();
  ledger.beforeTransaction = async () => {
    throw new Error('DynamoDB is unavailable');
  };
  await expect(new Book(ledger.client, 'ledger', PERCENT).book(event(1, 'C'))).rejects.toThrow(
    'DynamoDB is unavailable',
  );
  expect(ledger.balances()).toEqual({});
});
