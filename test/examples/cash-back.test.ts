import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import fc from 'fast-check';
import type { TransactionEvent } from '../../client';
import { Book } from '../../examples/cash-back/ledger/book';
import { note, type Order, shares } from '../../examples/cash-back/ledger/order';

type Item = Record<string, AttributeValue>;
type Fields = Partial<TransactionEvent['transaction']>;
const PERCENT = '2.5';

/** As much of DynamoDB as the ledger uses: consistent reads, and transactions that are made whole or not at all. No embedded server has transactions. */
class Ledger {
  readonly items = new Map<string, Item>();
  /** Runs before a transaction: what somebody else does in between. */
  between: () => Promise<unknown> = async () => {};

  readonly client = { send: (command: unknown) => this.execute(command) } as Pick<DynamoDBClient, 'send'>;

  private async execute(command: unknown): Promise<unknown> {
    if (command instanceof GetItemCommand) return { Item: this.items.get(keyOf(command.input.Key)) };
    if (!(command instanceof TransactWriteItemsCommand)) throw new Error('an unexpected command');
    await this.between();
    const writes = command.input.TransactItems ?? [];
    const reasons = writes.map(({ Put }) => (Put === undefined || this.holds(Put) ? { Code: 'None' } : { Code: 'ConditionalCheckFailed' }));
    if (reasons.some(({ Code }) => Code !== 'None')) {
      throw new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons: reasons });
    }
    for (const { Put, Update } of writes) {
      if (Put !== undefined) this.items.set(keyOf(Put.Item), Put.Item ?? {});
      if (Update !== undefined) this.add(Update.Key ?? {}, Update.ExpressionAttributeValues ?? {});
    }
    return {};
  }

  private holds(put: { Item?: Item; ConditionExpression?: string; ExpressionAttributeValues?: Item }): boolean {
    const item = this.items.get(keyOf(put.Item));
    if (put.ConditionExpression === 'attribute_not_exists(pk)') return item === undefined;
    return item?.version?.N === put.ExpressionAttributeValues?.[':version']?.N;
  }

  private add(key: Item, values: Item): void {
    const item = this.items.get(keyOf(key)) ?? key;
    const sum = (name: string): AttributeValue => ({ N: new Big(item[name]?.N ?? '0').plus(values[`:${name}`]?.N ?? '0').toFixed() });
    this.items.set(keyOf(key), { ...item, pending: sum('pending'), earned: sum('earned') });
  }

  /** What a member is shown, by currency; what is nothing is left out. */
  balances(): Record<string, [pending: string, earned: string]> {
    const entries = [...this.items.values()].flatMap(({ pk, sk, pending, earned }): [string, [string, string]][] =>
      pk?.S?.startsWith('member#') && !(pending?.N === '0' && earned?.N === '0')
        ? [[`${pk.S} ${sk?.S}`, [pending?.N ?? '', earned?.N ?? '']]]
        : [],
    );
    return Object.fromEntries(entries.sort());
  }
}

const keyOf = (item: Item = {}): string => JSON.stringify([item.pk?.S, item.sk?.S]);

function event(sequence: number, line_key: string, fields: Fields, order = 'W-1'): TransactionEvent {
  return {
    version: '1',
    eventID: `${order}-${sequence}`,
    // Of different lengths, as in a real stream: compared as texts they would be in another order.
    sequence_number: String(9_000 + sequence * 700),
    written_at: '2026-04-18T09:31:14.000Z',
    reasons: ['new'],
    group: order,
    transaction: {
      kind: 'sale',
      order_key: order,
      line_key,
      received_at: '2026-04-18T09:31:13.000Z',
      occurred_at: '2026-04-18T09:31:13.000Z',
      source: 'push',
      is_event: 'N',
      sale_amount: '100',
      currency: 'USD',
      u1: 'm-1',
      ...fields,
    },
    changes: {},
  };
}

async function balancesAfter(...events: TransactionEvent[]): Promise<Record<string, [string, string]>> {
  const ledger = new Ledger();
  const book = new Book(ledger.client, 'ledger', PERCENT);
  for (const one of events) await book.book(one);
  return ledger.balances();
}

const USD = 'member#m-1 balance#USD';
const VERIFIED = { verified_at: '2026-04-18T10:00:00.000Z' };

it.each<[string, TransactionEvent[], Record<string, [string, string]>]>([
  ['a preliminary line is pending', [event(1, 'P#Y', { is_event: 'Y' })], { [USD]: ['2.5', '0'] }],
  [
    'its confirmed line takes its place, by the article',
    [
      event(1, 'P#Y', { is_event: 'Y', sku_number: 'A' }),
      event(2, 'Q#Y', { is_event: 'Y', sku_number: 'B' }),
      event(3, 'C#N', { sku_number: 'A' }),
    ],
    { [USD]: ['5', '0'] },
  ],
  ['verified, it is earned', [event(1, 'C#N', {}), event(2, 'C#N', VERIFIED)], { [USD]: ['0', '2.5'] }],
  ['contradicted, it is pending again', [event(1, 'C#N', VERIFIED), event(2, 'C#N', {})], { [USD]: ['2.5', '0'] }],
  [
    'a return takes back what its sale brought, also where it comes without the member',
    [event(1, 'C#N', VERIFIED), event(2, 'R#N', { ...VERIFIED, sale_amount: '-100', u1: undefined })],
    {},
  ],
  [
    'a return for a part leaves the rest, to the last digit',
    [event(1, 'C#N', { ...VERIFIED, sale_amount: '19.989999771118164' }), event(2, 'R#N', { ...VERIFIED, sale_amount: '-0.1' })],
    { [USD]: ['0', '0.4972499942779541'] },
  ],
  [
    'a correction of the currency and the member moves it',
    [event(1, 'C#N', VERIFIED), event(2, 'C#N', { ...VERIFIED, currency: 'EUR', u1: 'm-2', sale_amount: '10' })],
    { 'member#m-2 balance#EUR': ['0', '0.25'] },
  ],
  ['nobody is credited for an order that nobody is on', [event(1, 'C#N', { u1: undefined })], {}],
  ['a line without an amount is credited to nobody', [event(1, 'C#N', { sale_amount: undefined })], {}],
])('%s', async (_, events, expected) => {
  expect(await balancesAfter(...events)).toEqual(expected);
});

const anyEvents = fc
  .array(
    fc.record({
      order: fc.constantFrom('W-1', 'W-2'),
      line: fc.constantFrom('A', 'B', 'C'),
      is_event: fc.constantFrom('Y' as const, 'N' as const),
      sale_amount: fc.constantFrom('19.99', '19.989999771118164', '-19.99', '0', '7'),
      currency: fc.constantFrom('USD', 'EUR'),
      u1: fc.option(fc.constantFrom('m-1', 'm-2'), { nil: undefined }),
      sku_number: fc.option(fc.constantFrom('A', 'B'), { nil: undefined }),
      verified_at: fc.option(fc.constant('2026-04-18T10:00:00.000Z'), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((all) => all.map(({ order, line, ...fields }, i) => event(i, `${line}#${fields.is_event}`, fields, order)));

it('comes to the same balances whatever the order and repetition of the events: those of the latest event of each line', async () => {
  await fc.assert(
    fc.asyncProperty(anyEvents, fc.infiniteStream(fc.nat()), async (events, random) => {
      const once = await balancesAfter(...events);
      const shuffled = [...events, ...events].map((one) => ({ one, at: random.next().value })).sort((a, b) => a.at - b.at);
      expect(await balancesAfter(...shuffled.map(({ one }) => one))).toEqual(once);

      const model: Record<string, [Big, Big]> = {};
      for (const group of new Set(events.map((one) => one.group))) {
        const order = events.filter((one) => one.group === group).reduce<Order>(note, {});
        for (const { member, currency, pending, earned } of shares(order, PERCENT)) {
          const [p, e] = model[`member#${member} balance#${currency}`] ?? [new Big(0), new Big(0)];
          model[`member#${member} balance#${currency}`] = [p.plus(pending), e.plus(earned)];
        }
      }
      const shown = Object.entries(model).filter(([, [p, e]]) => !p.eq(0) || !e.eq(0));
      expect(once).toEqual(Object.fromEntries(shown.map(([key, [p, e]]) => [key, [p.toFixed(), e.toFixed()]])));
    }),
  );
});

it('books events of one order that come at the same time one after the other, and none twice', async () => {
  await fc.assert(
    fc.asyncProperty(anyEvents, async (events) => {
      const ledger = new Ledger();
      const book = new Book(ledger.client, 'ledger', PERCENT);
      await Promise.all([...events, ...events].map((one) => book.book(one)));
      expect(ledger.balances()).toEqual(await balancesAfter(...events));
    }),
  );
});

it('gives an event back that it cannot book', async () => {
  const ledger = new Ledger();
  ledger.between = async () => {
    throw new Error('DynamoDB is away');
  };
  await expect(new Book(ledger.client, 'ledger', PERCENT).book(event(1, 'C#N', {}))).rejects.toThrow('DynamoDB is away');
  expect(ledger.balances()).toEqual({});
});
