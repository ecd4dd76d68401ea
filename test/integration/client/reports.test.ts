import type { DynamoDBClient, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import {
  type ChangeOptions,
  dayOf,
  InvalidQueryError,
  type MemberBalance,
  type Money,
  type ReviewOptions,
  settle,
  startOfDay,
  startOfMonth,
  type Total,
  type Transaction,
  TransactionsClient,
} from '../../../client';
import { MoneySum } from '../../../client/amounts';
import { unverifiedRows } from '../../../core/reconciliation/day-index';
import type { LineFields } from '../../../core/transactions/row';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { createTable, type DeliveryExtras, IDS, put, SID, seedTable } from '../../support/seed';

const SEEDED = 'Seeded';
const TABLE = 'Transactions';
const DAY_SHARDS = 2;

let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let seeded: TransactionsClient;
let transactions: TransactionsClient;

beforeAll(async () => {
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, SEEDED);
  await createTable(dynamodb, TABLE);
  seeded = new TransactionsClient({ client: dynamodb, tableName: SEEDED });
  transactions = new TransactionsClient({
    client: dynamodb,
    tableName: TABLE,
    dayShards: DAY_SHARDS,
  });
});

afterAll(async () => {
  dynamodb.destroy();
  await server.close();
});

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

const idsOf = async (lines: AsyncIterable<Transaction>): Promise<(string | undefined)[]> =>
  (await all(lines)).map((line) => line.etransaction_id);

const money = (amounts: readonly Money[]): string =>
  amounts.map((one) => `${one.commissions} ${one.currency} (${one.lines})`).join(', ');

const write = (fields: LineFields, extras: DeliveryExtras = {}): Promise<void> =>
  put(dynamodb, TABLE, JSON.parse(JSON.stringify(fields)) as LineFields, {
    dayShards: DAY_SHARDS,
    ...extras,
  });

let runs = 0;
/** A publisher of its own for each run, as the table is shared. */
function newPublisher(): string {
  runs += 1;
  return String(5_000_000 + runs);
}

const base = {
  advertiser_id: '39001',
  currency: 'USD',
  sku_number: 'A',
  is_event: 'N',
  transaction_date: '2026-03-20T10:00:00Z',
} as const;

/** Days around the end of winter time in Berlin and the end of a month. */
const arbitraryTime = fc
  .date({
    min: new Date('2026-03-28T00:00:00Z'),
    max: new Date('2026-04-02T00:00:00Z'),
    noInvalidDate: true,
  })
  .map((date) => `${date.toISOString().slice(0, 19)}Z`);

const hoursEarlier = (time: string, hours: number): string =>
  `${new Date(Date.parse(time) - hours * 3_600_000).toISOString().slice(0, 19)}Z`;

const arbitraryLine = fc
  .record({
    is_event: fc.constantFrom<('Y' | 'N' | undefined)[]>('Y', 'N', 'N', undefined),
    order_id: fc.constantFrom('O-1', 'O-2', 'O-3', undefined),
    advertiser_id: fc.constantFrom('39001', '39001', '36690'),
    u1: fc.constantFrom('anna', 'anna', 'bert', undefined),
    sku_number: fc.constantFrom('A', 'B', 'DISCOUNT', undefined),
    currency: fc.constantFrom('USD', 'USD', 'JPY', undefined),
    sale_amount: fc.constantFrom('100', '0.1', '-100', '-0.1', undefined),
    commissions: fc.constantFrom('10', '0.01', '-10', undefined),
    hoursBefore: fc.integer({ min: 0, max: 60 }),
    process_date: arbitraryTime,
    fate: fc.constantFrom(
      'verified',
      'verified',
      'verified',
      'unverified',
      'withdrawn',
      'recovered',
    ),
  })
  .map(({ hoursBefore, ...line }) => ({
    ...line,
    transaction_date: hoursEarlier(line.process_date, hoursBefore),
  }));
type ArbitraryLine = typeof arbitraryLine extends fc.Arbitrary<infer L> ? L : never;

/**
 * Writes lines for a new publisher. Members get names of their own, as no query by member has a
 * SID.
 */
async function writeLines(lines: readonly ArbitraryLine[]): Promise<string> {
  const sid = newPublisher();
  for (const [index, { fate, u1, ...fields }] of lines.entries()) {
    const line = { ...fields, sid, u1: u1 && `${u1}-${sid}`, etransaction_id: `E${index}` };
    if (fate === 'recovered')
      await write(line, { source: 'events-api', receivedAt: '2026-04-02T00:00:00.000Z' });
    else
      await write(line, {
        receivedAt: new Date(Date.parse(fields.process_date) + 90_000).toISOString(),
        ...(fate === 'unverified' ? {} : { verifiedAt: '2026-04-03T00:00:00.000Z' }),
        ...(fate === 'withdrawn' ? { withdrawnAt: '2026-04-06T00:00:00.000Z' } : {}),
      });
  }
  return sid;
}

const PROPERTY = { numRuns: 12 };

interface Command {
  readonly name: string;
  readonly input: Partial<QueryCommandInput>;
}

/** Runs a question and records what it sends to DynamoDB. */
async function recorded<T>(
  tableName: string,
  ask: (client: TransactionsClient) => Promise<T>,
): Promise<{ result: T; commands: Command[] }> {
  const commands: Command[] = [];
  const client = dynamoDbClient(server.endpoint);
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        commands.push({ name: String(commandName), input: args.input as Command['input'] });
        return next(args);
      },
    { step: 'initialize' },
  );
  const result = await ask(
    new TransactionsClient({ client, tableName, dayShards: tableName === TABLE ? DAY_SHARDS : 1 }),
  );
  client.destroy();
  return { result, commands };
}

describe('balances', () => {
  test('equal the summary of each member, in any period', async () => {
    const periods = fc.constantFrom(
      {},
      { from: '2026-03-30' },
      { to: '2026-03-31T12:00:00Z' },
      { from: '2026-03-29', to: '2026-03-31' },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryLine, { minLength: 1, maxLength: 14 }),
        periods,
        fc.boolean(),
        async (lines, period, includeUnverified) => {
          const sid = await writeLines(lines);
          const balances = await all(transactions.balances({ ...period, sid, includeUnverified }));
          const members = new Map(balances.map((balance) => [balance.u1, balance]));
          expect(members.size).toBe(balances.length);
          for (const u1 of [`anna-${sid}`, `bert-${sid}`]) {
            const {
              from: _from,
              to: _to,
              ...summary
            } = await transactions.memberSummary(u1, period, { includeUnverified });
            if (summary.orders.total === 0) expect(members.has(u1)).toBe(false);
            else expect(members.get(u1)).toEqual(summary);
          }
        },
      ),
      PROPERTY,
    );
  });

  test('contain each verified sale once, the last one those that no member can be found for', async () => {
    const sale = arbitraryLine.map(
      (line) =>
        ({ ...line, is_event: 'N', sale_amount: '100', commissions: '10' }) as ArbitraryLine,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(sale, { minLength: 1, maxLength: 14 }), async (lines) => {
        const sid = await writeLines(lines);
        const balances = await all(transactions.balances({ sid }));
        const [earned, awaiting] = [new MoneySum(), new MoneySum()];
        for (const line of lines) {
          if (line.fate === 'verified' || line.fate === 'recovered') earned.addLine(line);
          if (line.fate === 'unverified') awaiting.addLine(line);
        }
        expect(sumOf(balances, 'earned')).toEqual(earned.toMoney());
        expect(sumOf(balances, 'awaiting')).toEqual(awaiting.toMoney());
        expect(balances.findIndex(({ u1 }) => u1 === undefined)).toBe(
          balances.some(({ u1 }) => u1 === undefined) ? balances.length - 1 : -1,
        );
      }),
      PROPERTY,
    );
  });

  test('read only orders with a line without u1 as a whole', async () => {
    const { result: balances, commands } = await recorded(SEEDED, (client) =>
      all(client.balances()),
    );
    expect(balances.map(({ u1 }) => u1).sort()).toEqual([
      'clk_01HRV6Z8Q2M4',
      'clk_TRAVEL_1',
      'member-9',
      'p-1001',
    ]);
    // The order of the cancellation without u1: once to find its member, once for the member.
    expect(commands.map(({ name }) => name).sort()).toEqual([
      'BatchGetItemCommand',
      'BatchGetItemCommand',
      'QueryCommand',
      'QueryCommand',
      'ScanCommand',
      'ScanCommand',
    ]);
  });

  test('fail if a scan returns the lines of a member in several parts', async () => {
    const sid = newPublisher();
    for (const [index, u1] of ['a', 'b'].entries())
      for (const day of [1, 2])
        await write({
          ...base,
          sid,
          u1: `${u1}-${sid}`,
          order_id: `O-${day}`,
          etransaction_id: `E${index}${day}`,
          sale_amount: '1',
          transaction_date: `2026-03-0${day}T00:00:00Z`,
        });
    const client = dynamoDbClient(server.endpoint);
    client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const output = result.output as { Items?: Record<string, { S?: string }>[] };
        output.Items?.sort((x, y) =>
          (x.occurred_at?.S ?? '') < (y.occurred_at?.S ?? '') ? -1 : 1,
        );
        return result;
      },
      { step: 'initialize' },
    );
    const split = new TransactionsClient({ client, tableName: TABLE, dayShards: DAY_SHARDS });
    await expect(all(split.balances({ sid }))).rejects.toThrow(/in several parts/);
    client.destroy();
  });

  function sumOf(balances: readonly MemberBalance[], name: 'earned' | 'awaiting'): Money[] {
    const sum = new MoneySum();
    for (const balance of balances) for (const one of balance[name]) sum.add(one);
    return sum.toMoney();
  }
});

describe('totals', () => {
  test('equal the settlement of every order, by any groups and in any time zone', async () => {
    const zones = fc.constantFrom(undefined, 'Asia/Tokyo', 'Europe/Berlin', 'America/St_Johns');
    const groups = fc.subarray(['month', 'day', 'advertiser', 'currency', 'sid'] as const);
    const dates = fc.constantFrom('process_date', 'transaction_date', undefined);
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryLine, { minLength: 1, maxLength: 14 }),
        fc.record({
          timeZone: zones,
          by: groups,
          dateField: dates,
          includeUnverified: fc.boolean(),
        }),
        async (lines, options) => {
          const sid = await writeLines(lines);
          const span = { from: '2026-03-30', to: '2026-04-02', sid, ...options };
          // By order date, it reads up to now.
          expect(await totalsAt('2026-04-10', span)).toEqual(
            expectedTotals(await rowsOf(sid), span),
          );
        },
      ),
      PROPERTY,
    );
  });

  test('of the lines that no postback delivered say what these are worth', async () => {
    const period = { from: '2026-03-01', to: '2026-06-01' };
    expect(await idsOf(seeded.recovered(period))).toEqual([IDS.matchaReturn]);
    expect(await idsOf(seeded.recovered({ ...period, sid: '1' }))).toEqual([]);
    const [total] = await seeded.totals({ ...period, by: [], source: 'events-api' });
    expect(money(total?.earned ?? [])).toBe('-30 JPY (1)');
  });

  test('read the orders of many lines in one call', async () => {
    const totals = (client: TransactionsClient) =>
      client.totals({ from: '2026-03-01', to: '2026-06-01', by: [] });
    const { result, commands } = await recorded(SEEDED, totals);
    expect(result).toHaveLength(1);
    expect(commands.filter(({ input }) => input.IndexName === 'by-order')).toHaveLength(5);
    expect(commands.filter(({ name }) => name === 'BatchGetItemCommand')).toHaveLength(1);
  });

  test('by order date have lines that were processed before that date, as far as the look-back goes', async () => {
    const sid = newPublisher();
    const booked = { ...base, sid, transaction_date: '2026-03-20T10:00:00Z', sale_amount: '100' };
    const processed = (day: string, id: string): Promise<void> =>
      write(
        { ...booked, etransaction_id: id, commissions: '1', process_date: `${day}T00:00:00Z` },
        { verifiedAt: `${day}T01:00:00.000Z` },
      );
    await processed('2026-03-21', 'AFTER');
    await processed('2026-03-15', 'WITHIN-A-WEEK');
    await processed('2026-02-20', 'WITHIN-A-MONTH');
    const span = {
      from: '2026-03-20',
      to: '2026-03-21',
      by: [],
      sid,
      dateField: 'transaction_date',
    } as const;
    const earned = async (lookBackDays?: number) =>
      (await totalsAt('2026-04-10', { ...span, lookBackDays })).map((total) => money(total.earned));
    expect([await earned(), await earned(7), await earned(1)]).toEqual([
      ['3 USD (3)'],
      ['2 USD (2)'],
      ['1 USD (1)'],
    ]);
  });

  type Options = Parameters<TransactionsClient['totals']>[0];

  async function totalsAt(now: string, options: Options): Promise<Total[]> {
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.parse(now));
    const totals = transactions.totals(options);
    clock.mockRestore();
    return totals;
  }

  const rowsOf = async (sid: string): Promise<Transaction[]> =>
    (await all(transactions.all())).filter((row) => row.sid === sid);

  function expectedTotals(rows: readonly Transaction[], options: Options): Total[] {
    const timeZone = options.timeZone ?? 'UTC';
    const orders = new Map<string, Transaction[]>();
    for (const row of rows) {
      const order = JSON.stringify([
        row.advertiser_id,
        row.order_id ?? row.line_id,
        row.order_id === undefined,
      ]);
      orders.set(order, [...(orders.get(order) ?? []), row]);
    }
    const groups = new Map<string, Record<'pending' | 'awaiting' | 'earned', MoneySum>>();
    for (const order of orders.values()) {
      const settlement = settle<Transaction>(order, options);
      for (const name of ['pending', 'awaiting', 'earned'] as const) {
        for (const line of settlement[name]) {
          const isAnswered = line.verified_at !== undefined || line.withdrawn_at !== undefined;
          const processed = isAnswered ? (line.process_date ?? '') : line.received_at;
          const date = options.dateField === 'transaction_date' ? line.occurred_at : processed;
          const [from, to] = [options.from, options.to].map((day) =>
            startOfDay(day as string, timeZone).getTime(),
          ) as [number, number];
          if (Date.parse(date) < from || Date.parse(date) >= to) continue;
          const day = dayOf(date, timeZone);
          const values = {
            month: day.slice(0, 7),
            day,
            advertiser: line.advertiser_id,
            currency: line.currency,
            sid: line.sid,
          };
          const key = JSON.stringify(options.by.map((group) => values[group] ?? '\uffff'));
          const sums = groups.get(key) ?? {
            pending: new MoneySum(),
            awaiting: new MoneySum(),
            earned: new MoneySum(),
          };
          groups.set(key, sums);
          sums[name].addLine(line);
        }
      }
    }
    const sorted = [...groups]
      .map(([key, sums]) => [JSON.parse(key) as string[], sums] as const)
      .sort(([a], [b]) => (a.join('\n') < b.join('\n') ? -1 : 1));
    return sorted.map(([key, sums]) => ({
      ...Object.fromEntries(
        options.by.flatMap((group, index) =>
          key[index] === '\uffff'
            ? []
            : [[group === 'advertiser' ? 'advertiser_id' : group, key[index]]],
        ),
      ),
      pending: sums.pending.toMoney(),
      awaiting: sums.awaiting.toMoney(),
      earned: sums.earned.toMoney(),
    }));
  }
});

describe('changes since a moment', () => {
  const AT = { clock: '2026-04-10T12:00:00.000Z', since: '2026-04-09T00:00:00Z' };
  const at = async <T>(read: () => T): Promise<T> => {
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.parse(AT.clock));
    const result = read();
    clock.mockRestore();
    return result;
  };

  test('are the lines that were confirmed, and those that were reversed', async () => {
    const sid = newPublisher();
    const [before, after] = [
      { verifiedAt: '2026-04-08T23:59:59.999Z' },
      { verifiedAt: '2026-04-09T00:00:00.000Z' },
    ];
    const line = (id: string, fields: LineFields, extras: DeliveryExtras): Promise<void> =>
      write(
        { ...base, sid, etransaction_id: id, process_date: '2026-04-01T00:00:00Z', ...fields },
        extras,
      );
    await line('OLD', { order_id: 'O-1', sale_amount: '100' }, before);
    await line(
      'RETURN',
      { order_id: 'O-1', sale_amount: '-100', process_date: '2026-04-02T00:00:00Z' },
      after,
    );
    await line('NEW', { order_id: 'O-2', sale_amount: '100' }, after);
    await line('DISCOUNT', { order_id: 'O-2', sale_amount: '-10', sku_number: 'COUPON' }, after);
    await line('UNVERIFIED', { order_id: 'O-2', sale_amount: '50' }, {});
    await line('EVENT', { order_id: 'O-3', sale_amount: '100', is_event: 'Y' }, before);
    await line('CANCELLATION', { order_id: 'O-3', sale_amount: '-100' }, after);
    await line(
      'WITHDRAWN',
      { order_id: 'O-4', sale_amount: '100' },
      { ...before, withdrawnAt: '2026-04-09T01:00:00.000Z' },
    );
    await line(
      'WITHDRAWN-BEFORE',
      { order_id: 'O-4', sale_amount: '100' },
      { verifiedAt: '2026-04-01T01:00:00.000Z', withdrawnAt: '2026-04-05T00:00:00.000Z' },
    );
    await line(
      'LATE',
      { order_id: 'O-5', sale_amount: '100', process_date: '2026-03-01T00:00:00Z' },
      after,
    );
    const confirmed = (options: ChangeOptions) =>
      at(() => transactions.confirmedSince(AT.since, options));
    expect((await idsOf(await confirmed({ sid }))).sort()).toEqual(['DISCOUNT', 'NEW']);
    expect((await idsOf(await confirmed({ sid, lookBackDays: 40 }))).sort()).toEqual([
      'DISCOUNT',
      'LATE',
      'NEW',
    ]);
    expect(
      (await idsOf(await at(() => transactions.reversedSince(AT.since, { sid })))).sort(),
    ).toEqual(['RETURN', 'WITHDRAWN']);
  });

  test('have every line that was written since, and a cursor 15 minutes before the run', async () => {
    const sid = newPublisher();
    const line = (id: string, extras: DeliveryExtras): Promise<void> =>
      write(
        {
          ...base,
          sid,
          etransaction_id: id,
          order_id: 'O',
          process_date: '2026-04-08T00:00:00Z',
          sale_amount: '1',
        },
        extras,
      );
    await line('SAME', {});
    await line('VERIFIED', { verifiedAt: '2026-04-09T10:00:00.000Z' });
    await line('ARRIVED', { receivedAt: '2026-04-09T11:00:00.000Z' });
    const changes = await at(() => transactions.changedSince(AT.since, { sid }));
    expect(changes.cursor).toBe('2026-04-10T11:45:00.000Z');
    expect((await idsOf(changes)).sort()).toEqual(['ARRIVED', 'VERIFIED']);
  });

  test('never go back before the moment that was asked for', async () => {
    expect((await at(() => transactions.changedSince('2026-04-10T11:50:00Z'))).cursor).toBe(
      '2026-04-10T11:50:00.000Z',
    );
  });

  test('have a line once that moves to a later day during the read, and the next run has it again', async () => {
    const sid = newPublisher();
    const fields = {
      ...base,
      sid,
      etransaction_id: 'MOVES',
      order_id: 'O',
      process_date: '2026-04-10T01:00:00Z',
      sale_amount: '1',
    };
    await write(fields, { receivedAt: '2026-04-09T10:00:00.000Z' });
    const changes = await at(() => transactions.changedSince(AT.since, { sid }));
    const seen: (string | undefined)[] = [];
    for await (const { etransaction_id } of changes) {
      seen.push(etransaction_id);
      await write(fields, {
        receivedAt: '2026-04-09T10:00:00.000Z',
        verifiedAt: '2026-04-10T12:00:01.000Z',
      });
    }
    expect(seen).toEqual(['MOVES']);
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-04-10T13:00:00Z'));
    const next = transactions.changedSince(changes.cursor, { sid });
    clock.mockRestore();
    expect((await all(next)).map((line) => line.verified_at)).toEqual(['2026-04-10T12:00:01.000Z']);
  });
});

describe('the review', () => {
  const review = async (options: Partial<ReviewOptions>): Promise<string[]> => {
    const items = await all(
      transactions.review({
        from: '2026-03-10',
        to: '2026-03-20',
        states: ['unverified', 'withdrawn', 'differing', 'problems'],
        ...options,
      }),
    );
    return items.map(({ states, line }) => `${line.etransaction_id}: ${states.join(', ')}`).sort();
  };

  test('lists each line once with all its states', async () => {
    const sid = newPublisher();
    const line = (id: string, extras: DeliveryExtras, fields: LineFields = {}): Promise<void> =>
      write(
        {
          ...base,
          sid,
          etransaction_id: id,
          order_id: 'O',
          process_date: '2026-03-15T00:00:00Z',
          sale_amount: '1',
          ...fields,
        },
        extras,
      );
    const problems = [{ field: 'commissions', reason: "'n/a' is not a number" }] as const;
    const verified = { verifiedAt: '2026-03-16T00:00:00.000Z' };
    await line('CLEAN', verified);
    await line(
      'FORGED',
      { receivedAt: '2026-03-12T00:00:00.000Z' },
      { process_date: '2099-01-01T00:00:00Z' },
    );
    await line('UNREADABLE', { problems });
    await line('WITHDRAWN', { ...verified, withdrawnAt: '2026-03-18T00:00:00.000Z' });
    await line('DIFFERING', { ...verified, answer: { sale_amount: '2' } });
    await line('ELSEWHEN', {}, { process_date: '2026-03-25T00:00:00Z' });
    expect(await review({ sid })).toEqual([
      'DIFFERING: differing',
      'FORGED: unverified',
      'UNREADABLE: unverified, problems',
      'WITHDRAWN: withdrawn',
    ]);
    expect(await review({ sid, states: ['problems'] })).toEqual([
      'UNREADABLE: unverified, problems',
    ]);
    expect(await review({ sid, states: ['unverified'], from: '2026-03-13' })).toEqual([
      'UNREADABLE: unverified, problems',
    ]);
    expect(await review({ sid: '1' })).toEqual([]);
  });

  test('reads each day once', async () => {
    const span = { from: '2026-03-10', to: '2026-03-13' };
    const states = ['unverified', 'withdrawn', 'differing', 'problems'] as const;
    const { commands } = await recorded(SEEDED, (client) =>
      all(client.review({ ...span, states })),
    );
    const days = commands.map(
      ({ input }) => Object.values(input.ExpressionAttributeValues ?? {})[0]?.S,
    );
    // A line that arrives late in a day can have been processed the day before, by another clock
    // the day after.
    expect(days).toEqual([
      '2026-03-09',
      '2026-03-10',
      '2026-03-11',
      '2026-03-12',
      '2026-03-13',
      '2026-03-14',
    ]);
  });

  test('has the unverified lines that the alarm counts', async () => {
    const window = { from: Date.parse('2026-03-30'), to: Date.parse('2026-04-01') };
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryLine, { minLength: 1, maxLength: 10 }), async (lines) => {
        const sid = await writeLines(lines);
        const query = {
          tableName: TABLE,
          dayShards: DAY_SHARDS,
          window,
          receivedBefore: window.to,
          sid,
        };
        const counted = (await all(unverifiedRows(dynamodb, query))).map((item) => item.line_id?.S);
        const listed = await all(
          transactions.review({
            from: '2026-03-30',
            to: '2026-04-01',
            states: ['unverified'],
            sid,
          }),
        );
        expect(listed.map(({ line }) => line.line_id).sort()).toEqual(counted.sort());
      }),
      PROPERTY,
    );
  });

  test('has the age since the line arrived, or was withdrawn', async () => {
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-03-21T00:00:00Z'));
    const items = seeded.review({ from: '2026-03-20', to: '2026-03-21', states: ['unverified'] });
    clock.mockRestore();
    expect((await all(items)).map(({ ageSeconds }) => ageSeconds)).toEqual([(14 * 60 + 55) * 60]);
  });
});

describe('clicks', () => {
  test('without a transaction are returned in the order of the input, spelled as there', async () => {
    const clicks = ['nobody', ' clk_TRAVEL_1 ', 'member-9', 'nothing ', 'p-1001', 'nobody'];
    expect(await all(seeded.clicksWithoutTransaction(clicks, { concurrency: 2 }))).toEqual([
      'nobody',
      'nothing ',
      'nobody',
    ]);
    expect(await all(seeded.clicksWithoutTransaction(['member-9'], { sid: '1' }))).toEqual([
      'member-9',
    ]);
    expect(await all(seeded.clicksWithoutTransaction(['member-9'], { sid: '3900112' }))).toEqual(
      [],
    );
  });

  test('can come from a stream, of which no more is read than is looked up at once', async () => {
    let read = 0;
    async function* stream(): AsyncGenerator<string> {
      for (;;) {
        read += 1;
        yield `click-${read}`;
      }
    }
    for await (const click of seeded.clicksWithoutTransaction(stream(), { concurrency: 4 })) {
      expect(click).toBe('click-1');
      break;
    }
    expect(read).toBe(4);
  });
});

describe('days of a time zone', () => {
  test('begin at midnight, or at the first time after a midnight that a clock change skips', () => {
    const start = (day: string, zone: string): string => startOfDay(day, zone).toISOString();
    expect(start('2026-03-13', 'Asia/Tokyo')).toBe('2026-03-12T15:00:00.000Z');
    expect([start('2026-03-29', 'Europe/Berlin'), start('2026-03-30', 'Europe/Berlin')]).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    expect([start('2026-10-25', 'Europe/Berlin'), start('2026-10-26', 'Europe/Berlin')]).toEqual([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
    expect(start('2018-11-04', 'America/Sao_Paulo')).toBe('2018-11-04T03:00:00.000Z');
    expect([start('2011-12-30', 'Pacific/Apia'), start('2011-12-31', 'Pacific/Apia')]).toEqual([
      '2011-12-30T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ]);
    expect(startOfMonth('2026-04', 'Asia/Tokyo').toISOString()).toBe('2026-03-31T15:00:00.000Z');
    expect(dayOf('2026-03-31T15:00:00Z', 'Asia/Tokyo')).toBe('2026-04-01');
  });

  test('leave no gap and do not overlap, in any zone', () => {
    const zones = fc.constantFrom(
      'Asia/Tokyo',
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'Pacific/Kiritimati',
      'Africa/Cairo',
      'UTC',
    );
    const days = fc
      .date({ min: new Date('2012-01-01'), max: new Date('2035-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10));
    fc.assert(
      fc.property(zones, days, (zone, day) => {
        const start = startOfDay(day, zone).getTime();
        expect(dayOf(new Date(start), zone)).toBe(day);
        expect(dayOf(new Date(start - 1), zone) < day).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('select the lines of a day and of a period', async () => {
    const inTokyo = { timeZone: 'Asia/Tokyo' };
    expect(await idsOf(seeded.byDay('2026-03-28', inTokyo))).toEqual([IDS.braceletReturn]);
    expect(await idsOf(seeded.byDay('2026-03-27', inTokyo))).toEqual([]);
    expect(await idsOf(seeded.byDay('2026-03-14', { ...inTokyo, kind: 'adjustment' }))).toEqual([
      IDS.discount,
    ]);
    expect(
      await idsOf(
        seeded.byMember('clk_TRAVEL_1', { ...inTokyo, from: '2026-03-20', to: '2026-03-21' }),
      ),
    ).toEqual([IDS.spaEvent]);
    expect(
      (await all(seeded.dayOrders('2026-03-28', inTokyo))).map((order) => order.order_id),
    ).toEqual(['W-100200300']);
  });
});

describe('the orders of a span of days', () => {
  test('are each listed once, although their lines are far apart', async () => {
    await createTable(dynamodb, 'Orders');
    const line = (order: number, day: string): Promise<void> =>
      put(
        dynamodb,
        'Orders',
        {
          ...base,
          sid: SID,
          order_id: `O-${order}`,
          etransaction_id: `${day}-${order}`,
          sale_amount: '1',
        } as LineFields,
        { receivedAt: `${day}T00:00:00.000Z` },
      );
    const orders = Array.from({ length: 300 }, (_, order) => order);
    for (const day of ['2026-03-21', '2026-03-23']) {
      for (let first = 0; first < orders.length; first += 20)
        await Promise.all(orders.slice(first, first + 20).map((one) => line(one, day)));
    }
    const client = new TransactionsClient({ client: dynamodb, tableName: 'Orders' });
    const listed = (from: string, to: string) => all(client.dayOrders({ from, to }));
    const both = await listed('2026-03-21', '2026-03-24');
    expect(both.map(({ order_id }) => order_id).sort()).toEqual(
      orders.map((order) => `O-${order}`).sort(),
    );
    expect(both.every(({ lines }) => lines.length === 2)).toBe(true);
    expect(await listed('2026-03-23', '2026-03-24')).toHaveLength(300);
    expect(await listed('2026-03-22', '2026-03-23')).toEqual([]);
  });
});

describe('wrong input', () => {
  const span = { from: '2026-03-01', to: '2026-04-01' };
  test.each<[string, () => unknown, string]>([
    [
      'a time zone that does not exist',
      () => seeded.totals({ ...span, by: [], timeZone: 'Mars/Olympus' }),
      "timeZone must be an IANA name, for example Asia/Tokyo, but is 'Mars/Olympus'",
    ],
    [
      'a group that does not exist',
      () => seeded.totals({ ...span, by: ['week' as 'day'] }),
      "by must be one of month, day, advertiser, currency, sid, but is 'week'",
    ],
    [
      'no list of groups',
      () => seeded.totals({ ...span, by: 'day' as never }),
      "by must be a list of month, day, advertiser, currency, sid, but is 'day'",
    ],
    [
      'no end of a span',
      () => seeded.recovered({ from: '2026-03-01' } as never),
      'to must be a Date, a day (2026-03-01)',
    ],
    [
      'a span the wrong way round',
      () => seeded.review({ from: '2026-04-01', to: '2026-03-01', states: [] }),
      'must be before to',
    ],
    [
      'a state that does not exist',
      () => seeded.review({ ...span, states: ['forged' as 'problems'] }),
      "states must be one of unverified, withdrawn, differing, problems, but is 'forged'",
    ],
    [
      'a moment without a zone',
      () => seeded.changedSince('2026-03-01T00:00:00'),
      'moment must be a Date',
    ],
    [
      'no look-back',
      () => seeded.confirmedSince('2026-03-01', { lookBackDays: 0 }),
      'lookBackDays must be a whole number of 1 or more, but is 0',
    ],
    [
      'a look-back by process_date',
      () => seeded.totals({ ...span, by: [], lookBackDays: 3 }),
      "lookBackDays goes with dateField 'transaction_date'",
    ],
    ['an empty publisher', () => seeded.balances({ sid: '' }), 'sid must not be empty'],
    [
      'no concurrency',
      () => seeded.clicksWithoutTransaction([], { concurrency: 0 }),
      'concurrency must be a whole number',
    ],
  ])('%s is refused at once, in words', (_what, ask, message) => {
    expect(ask).toThrow(InvalidQueryError);
    expect(ask).toThrow(message);
  });
});
