import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { widthOf } from '../../../cli/text';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { createTable, IDS, put, SID, seedTable } from '../../support/seed';
import { runIn } from '../../support/terminal';

/** The commands that answer questions about money, on the table of the documentation. */

const MEMBER = 'clk_01HRV6Z8Q2M4';

let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let directory: string;
const folders: string[] = [];

/** A folder of a local run with this table. */
function localRun(tableName: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'rakuten-cli-'));
  folders.push(folder);
  mkdirSync(join(folder, '.local'));
  writeFileSync(
    join(folder, '.local', 'endpoints.json'),
    JSON.stringify({ dynamodb: server.endpoint, tableName, sid: SID }),
  );
  return folder;
}

/** The library reads days up to now. */
const NOW = Date.parse('2026-06-01T00:00:00.000Z');
const realNow = Date.now;
const ahead = realNow() - NOW;

beforeAll(async () => {
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() - ahead);
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, 'Transactions');
  const line = {
    is_event: 'N',
    sid: SID,
    currency: 'USD',
    order_id: 'W-1',
    advertiser_id: '39001',
    u1: 'm',
  } as const;
  const times = { process_date: '2026-03-14T00:00:00Z', transaction_date: '2026-03-13T20:00:00Z' };
  const verifiedAt = '2026-03-14T00:30:00.000Z';
  const differing = {
    ...line,
    ...times,
    etransaction_id: 'D1FF',
    sale_amount: '999',
    commissions: '1',
  };
  await put(dynamodb, 'Transactions', differing, { verifiedAt, answer: { sale_amount: '10' } });
  const withdrawn = {
    ...line,
    ...times,
    etransaction_id: '60E',
    sale_amount: '7',
    commissions: '0.7',
  };
  await put(dynamodb, 'Transactions', withdrawn, {
    verifiedAt,
    withdrawnAt: '2026-03-16T00:00:00.000Z',
  });
  directory = localRun('Transactions');
});

afterAll(async () => {
  jest.restoreAllMocks();
  dynamodb.destroy();
  await server.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const local = (args: readonly string[], options?: Parameters<typeof runIn>[2]) =>
  runIn(directory, [...args, '--local'], options);

/** Lines with one separator between columns. */
const rows = (text: string): string[] =>
  text.split('\n').map((line) => line.replace(/ {2,}/g, ' | ').trim());

const json = async <T>(
  args: readonly string[],
  options?: Parameters<typeof runIn>[2],
): Promise<T> => JSON.parse((await local([...args, '--json'], options)).stdout) as T;

const idsOf = (lines: readonly { etransaction_id: string }[]): string[] =>
  lines.map((line) => line.etransaction_id).sort();

const SPAN = ['--from', '2026-03-01', '--to', '2026-06-01'];

describe('balances', () => {
  test('has the three sums of every member, and those of all', async () => {
    const { stdout, stderr, exitCode } = await local(['balances']);
    expect([exitCode, stderr]).toEqual([0, '']);
    const lines = rows(stdout);
    expect(lines[0]).toBe('MEMBER | ORDERS | CUR | EARNED SALE | COMMISSION | AWAITING | PENDING');
    expect(lines.slice(1, 6).sort()).toEqual([
      `${MEMBER} | 2 | USD | 71.49 | 3.57`,
      'clk_TRAVEL_1 | 2 | USD | 412.50 | 16.50 | 80.00',
      'm | 1 | USD | 10.00 | 1.00',
      'member-9 | 2 | USD | 19.99',
      'p-1001 | 1 | JPY | -100 | -3',
    ]);
    expect(lines.slice(-5)).toEqual([
      '5 members',
      'earned: -100 JPY, 493.99 USD; commissions -3 JPY, 21.07 USD',
      'awaiting verification: 19.99 USD; commissions 0.5997 USD',
      'pending: 80.00 USD; commissions 0.00 USD',
      '',
    ]);
  });

  test('is an array with --json, and counts unverified lines on demand', async () => {
    type Balance = { u1: string; earned: unknown[]; awaiting: unknown[] };
    const [balance] = (await json<Balance[]>(['balances', '--include-unverified'])).filter(
      ({ u1 }) => u1 === 'member-9',
    );
    expect(balance).toMatchObject({
      earned: [{ currency: 'USD', sale_amount: '19.99', commissions: '0.5997' }],
      awaiting: [],
    });
  });

  test('has several rows for a member with several currencies', async () => {
    await createTable(dynamodb, 'Currencies');
    for (const [currency, id] of [
      ['USD', 'A1'],
      ['JPY', 'A2'],
    ] as const) {
      const fields = {
        is_event: 'N',
        sid: SID,
        etransaction_id: id,
        order_id: id,
        u1: 'm',
        currency,
        sale_amount: '5',
        commissions: '1',
      };
      await put(dynamodb, 'Currencies', fields, { verifiedAt: '2026-03-14T00:00:00.000Z' });
    }
    const { stdout } = await runIn(localRun('Currencies'), ['balances', '--local']);
    expect(rows(stdout).slice(1, 3)).toEqual(['m | 2 | JPY | 5 | 1', '| USD | 5.00 | 1.00']);
  });

  test('takes a period and a publisher', async () => {
    const byPeriod = await json<{ u1: string }[]>([
      'balances',
      '--from',
      '2026-03-14',
      '--to',
      '2026-03-21',
    ]);
    expect(byPeriod.map(({ u1 }) => u1)).toEqual(['clk_TRAVEL_1']);
    expect(await local(['balances', '--sid', '42'])).toMatchObject({
      exitCode: 3,
      stderr: 'nothing found\n',
    });
  });
});

describe('totals', () => {
  test('adds up by month, advertiser and currency', async () => {
    const { stdout } = await local(['totals', ...SPAN, '--by', 'month,advertiser,currency']);
    expect(rows(stdout)).toEqual([
      'MONTH | ADVERTISER | CUR | EARNED SALE | COMMISSION | AWAITING | PENDING',
      '2026-03 | 36690 | JPY | 900 | 27',
      '2026-03 | 39001 | USD | 506.49 | 21.70 | 19.99 | 80.00',
      '2026-04 | 39001 | USD | -12.50 | -0.63',
      '2026-05 | 36690 | JPY | -1000 | -30',
      '',
      'by process_date, 2026-03-01 to 2026-06-01 (UTC)',
      'earned: -100 JPY, 493.99 USD; commissions -3 JPY, 21.07 USD',
      'awaiting verification: 19.99 USD; commissions 0.5997 USD',
      'pending: 80.00 USD; commissions 0.00 USD',
      '',
    ]);
  });

  test('can use the date of the order, so that a return reduces the month of its sale', async () => {
    const { stdout } = await local([
      'totals',
      ...SPAN,
      '--date',
      'transaction_date',
      '--by',
      'month',
    ]);
    expect(rows(stdout).slice(1, 3)).toEqual([
      '2026-03 | JPY | -100 | -3',
      '| USD | 493.99 | 21.07 | 19.99 | 80.00',
    ]);
  });

  test('says which lines it read by the date of the order, and reads further back on demand', async () => {
    await createTable(dynamodb, 'Booked');
    const stay = {
      is_event: 'N',
      sid: SID,
      etransaction_id: 'A1',
      order_id: 'T-1',
      sale_amount: '10',
      commissions: '1',
    } as const;
    const dates = {
      transaction_date: '2026-05-20T00:00:00Z',
      process_date: '2026-03-10T00:00:00Z',
    };
    await put(
      dynamodb,
      'Booked',
      { ...stay, ...dates, currency: 'USD' },
      { verifiedAt: '2026-03-10T01:00:00.000Z' },
    );
    const folder = localRun('Booked');
    const command = [
      'totals',
      '--from',
      '2026-05-01',
      '--to',
      '2026-06-01',
      '--date',
      'transaction_date',
      '--local',
    ];
    expect(await runIn(folder, command)).toMatchObject({ exitCode: 3, stderr: 'nothing found\n' });
    const { stdout } = await runIn(folder, [...command, '--look-back', '60']);
    expect(rows(stdout).slice(1)).toEqual([
      '2026-05 | USD | 10.00 | 1.00',
      '',
      'by transaction_date, 2026-05-01 to 2026-06-01 (UTC); of lines that Rakuten processed from 60 days before to now',
      'earned: 10.00 USD; commissions 1.00 USD',
      '',
    ]);
  });

  test('has days of the time zone', async () => {
    const days = async (timeZone: string) =>
      (
        await json<{ day: string }[]>(['totals', ...SPAN, '--by', 'day', '--time-zone', timeZone])
      ).map(({ day }) => day);
    expect(await days('Asia/Tokyo')).toEqual([
      '2026-03-14',
      '2026-03-20',
      '2026-03-28',
      '2026-04-02',
      '2026-05-08',
    ]);
    expect(await days('UTC')).toEqual([
      '2026-03-13',
      '2026-03-14',
      '2026-03-20',
      '2026-03-27',
      '2026-04-02',
      '2026-05-08',
    ]);
  });

  test('can show what a source delivered', async () => {
    const recovered = await json<unknown[]>([
      'totals',
      ...SPAN,
      '--by',
      'sid',
      '--source',
      'events-api',
    ]);
    expect(recovered).toMatchObject([
      { sid: SID, earned: [{ currency: 'JPY', sale_amount: '-1000' }] },
    ]);
    expect(await local(['totals', '--from', '2020-01-01', '--to', '2020-02-01'])).toMatchObject({
      exitCode: 3,
      stderr: 'nothing found\n',
    });
  });
});

describe('confirmed and reversed', () => {
  test('show the lines that were verified since a time, and their sums', async () => {
    const { stdout, exitCode } = await local(['confirmed', '--since', '2026-03-13T18:50:00Z']);
    expect(exitCode).toBe(0);
    expect(rows(stdout).slice(0, 3)).toEqual([
      'VERIFIED (UTC) | KIND | ORDER | ADVERTISER | SKU | PRODUCT | SALE | COMMISSION | CUR | MEMBER | STATE | TRANSACTION',
      `2026-03-13 18:50 | sale | T-7781 | 39001 | RM-DLX | Deluxe room 3 nights | 412.50 | 16.50 | USD | clk_TRAVEL_1 | verified | ${IDS.hotel}`,
      '2026-03-14 00:30 | sale | W-1 | 39001 | 10.00 | 1.00 | USD | m | verified | D1FF',
    ]);
    expect(rows(stdout).slice(-3)).toEqual([
      '2 lines (2 sale): 2 verified',
      'verified, net: 422.50 USD; commissions 17.50 USD',
      '',
    ]);
  });

  test('show returns, and withdrawn lines with what was earned before', async () => {
    const { stdout } = await local(['reversed', '--since', '2026-03-15']);
    expect(rows(stdout).slice(-4)).toEqual(
      [
        '4 lines (1 sale, 3 return): 1 withdrawn, 3 verified',
        'verified, net: -1000 JPY, -192.50 USD; commissions -30 JPY, -6.03 USD',
        'withdrawn, earned before: 7.00 USD; commissions 0.7 USD',
        '',
      ].map((text) => text.replace('0.7 USD', '0.70 USD')),
    );
    const lines = await json<{ etransaction_id: string }[]>(['reversed', '--since', '2026-03-15']);
    expect(idsOf(lines)).toEqual(
      ['60E', IDS.braceletReturn, IDS.teeReturn, IDS.matchaReturn].sort(),
    );
  });

  test('read the days of the look-back, and a day in the time zone', async () => {
    const shortLook = await json<unknown[]>([
      'reversed',
      '--since',
      '2026-03-16',
      '--look-back',
      '1',
    ]);
    expect(shortLook).toHaveLength(3);
    // 18:28:18 UTC on the 27th was verified at 03:58 on the 28th in Tokyo.
    const inTokyo = (day: string) =>
      json<{ etransaction_id: string }[]>([
        'reversed',
        '--since',
        day,
        '--time-zone',
        'Asia/Tokyo',
      ]);
    expect(idsOf(await inTokyo('2026-03-28'))).toContain(IDS.braceletReturn);
    expect(idsOf(await inTokyo('2026-03-29'))).not.toContain(IDS.braceletReturn);
  });

  test('accept yesterday, and have exit code 3 without a line', async () => {
    const now = new Date('2026-05-09T12:00:00.000Z');
    expect(await json(['reversed', '--since', 'yesterday'], { now })).toHaveLength(1);
    for (const command of ['confirmed', 'reversed'])
      expect(await local([command, '--since', '2026-05-31'])).toMatchObject({
        exitCode: 3,
        stdout: '',
        stderr: 'nothing found\n',
      });
  });
});

describe('review', () => {
  test('shows the states of lines, their age, and what is wrong', async () => {
    const { stdout, exitCode } = await local([
      'review',
      '--from',
      '2026-03-01',
      '--to',
      '2026-04-01',
    ]);
    expect(exitCode).toBe(0);
    const lines = rows(stdout).map((line) => line.replace(/^(\| )?(AGE|\d+ d( \d+ h)?) /, 'AGE '));
    expect(lines[0]).toBe(
      'AGE | STATE | EVENT | RECEIVED (UTC) | ORDER | ADVERTISER | MEMBER | SALE | CUR | TRANSACTION | WHY',
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        `AGE | unverified | Y | 2026-03-20 09:05 | T-7790 | 39001 | clk_TRAVEL_1 | 80.00 | USD | ${IDS.spaEvent}`,
        'AGE | withdrawn | N | 2026-03-14 00:00 | W-1 | 39001 | m | 7.00 | USD | 60E',
        'AGE | differing | N | 2026-03-14 00:00 | W-1 | 39001 | m | 10.00 | USD | D1FF | a postback says otherwise: sale_amount',
        '5 lines, 2026-03-01 to 2026-04-01 (UTC): 3 unverified, 1 problems, 1 withdrawn, 1 differing',
      ]),
    );
  });

  test('shows chosen states only, with the age in seconds as JSON', async () => {
    const before = Math.floor((Date.now() - Date.parse('2026-03-16T00:00:00.000Z')) / 1000);
    const span = ['--from', '2026-03-01', '--to', '2026-04-01'];
    const items = await json<
      { states: string[]; ageSeconds: number; line: { etransaction_id: string } }[]
    >(['review', '--state', 'withdrawn', ...span]);
    expect(items.map(({ states, line }) => [states, line.etransaction_id])).toEqual([
      [['withdrawn'], '60E'],
    ]);
    expect(items[0]?.ageSeconds).toBeGreaterThanOrEqual(before);
    const problems = await json<{ line: { etransaction_id: string } }[]>([
      'review',
      '--state',
      'problems',
      ...span,
    ]);
    expect(problems.map(({ line }) => line.etransaction_id)).toEqual([IDS.unreadable]);
  });
});

describe('orders', () => {
  test('are written in blocks while they are read, with the sums of all', async () => {
    await createTable(dynamodb, 'Orders');
    const put20 = (first: number) =>
      Promise.all(
        Array.from({ length: 20 }, (_, index) => {
          const id = `A${first + index}`;
          const fields = {
            is_event: 'N',
            sid: SID,
            etransaction_id: id,
            order_id: id,
            currency: 'USD',
            sale_amount: '0.1',
          } as const;
          return put(dynamodb, 'Orders', fields, { verifiedAt: '2026-03-14T00:00:00.000Z' });
        }),
      );
    for (let first = 0; first < 220; first += 20) await put20(first);
    const { stdout } = await runIn(localRun('Orders'), [
      'orders',
      '--day',
      '2026-03-13',
      '--local',
    ]);
    expect(stdout.match(/^ORDERED/gm)).toHaveLength(2);
    expect(rows(stdout).slice(-3)).toEqual([
      '220 orders (220 confirmed)',
      'earned: 22.00 USD; commissions 0.00 USD',
      '',
    ]);
  });

  test('without a verified line say so', async () => {
    const { stdout, exitCode } = await local([
      'query',
      '--order',
      'T-7790',
      '--advertiser',
      '39001',
      '--verified',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/\n\nno line of it is verified\n$/);
  });
});

describe('recovered', () => {
  test('shows the lines that no postback delivered, and their worth', async () => {
    const { stdout } = await local(['recovered', ...SPAN]);
    expect(rows(stdout).slice(-5)).toEqual([
      '',
      'processed 2026-03-01 to 2026-06-01 (UTC)',
      '1 line (1 return): 1 verified',
      'verified, net: -1000 JPY; commissions -30 JPY',
      '',
    ]);
    expect(idsOf(await json(['recovered', ...SPAN]))).toEqual([IDS.matchaReturn]);
  });

  test('covers the last 30 days, today included, unless a period is given', async () => {
    const on = async (day: string) =>
      (await local(['recovered'], { now: new Date(`${day}T00:00:00.000Z`) })).exitCode;
    expect([
      await on('2026-05-07'),
      await on('2026-05-08'),
      await on('2026-06-07'),
      await on('2026-06-08'),
    ]).toEqual([3, 0, 0, 3]);
  });
});

describe('clicks', () => {
  test('prints the clicks of a file that have no transaction, in their order', async () => {
    writeFileSync(
      join(directory, 'clicks.txt'),
      `\ufeffnobody\r\n\r\n  member-9 \r\n抹茶\r\n${MEMBER}\r\nnobody`,
    );
    expect(await local(['clicks', 'clicks.txt'])).toEqual({
      exitCode: 0,
      stdout: 'nobody\n抹茶\nnobody\n',
      stderr: '3 of 5 clicks have no transaction\n',
    });
    expect(await json(['clicks', 'clicks.txt'])).toEqual(['nobody', '抹茶', 'nobody']);
  });

  test('reads standard input, and has exit code 3 if every click has a transaction', async () => {
    const one = await local(['clicks', '-'], { stdin: `a\n${MEMBER}\n` });
    expect(one).toEqual({
      exitCode: 0,
      stdout: 'a\n',
      stderr: '1 of 2 clicks has no transaction\n',
    });
    const none = await local(['clicks', '-'], { stdin: MEMBER });
    expect(none).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: '0 of 1 clicks have no transaction\n',
    });
    expect(await local(['clicks', '-', '--sid', '42'], { stdin: MEMBER })).toMatchObject({
      exitCode: 0,
      stdout: `${MEMBER}\n`,
    });
  });

  test('explains a file that cannot be read', async () => {
    const missing = await local(['clicks', 'nowhere.txt']);
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^error: cannot read .*nowhere\.txt: there is no such file/),
    });
    const folder = await local(['clicks', '.local']);
    expect(folder).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('it is a folder'),
    });
    expect(await local(['clicks'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("missing required argument 'file'"),
    });
  });
});

describe('export --changed-since', () => {
  test('has the lines that changed since, and the time for the next export, which has only later changes', async () => {
    await createTable(dynamodb, 'Changing');
    const folder = localRun('Changing');
    const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
    await put(
      dynamodb,
      'Changing',
      { is_event: 'N', sid: SID, etransaction_id: 'A1', sale_amount: '1' },
      { receivedAt: hourAgo },
    );
    const first = await runIn(folder, [
      'export',
      '--changed-since',
      '2026-03-01',
      '--look-back',
      '1',
      '--format',
      'jsonl',
      '--local',
    ]);
    expect(first.exitCode).toBe(0);
    expect(JSON.parse(first.stdout)).toMatchObject({ etransaction_id: 'A1' });
    const cursor = /^next export: --changed-since (\S+Z)$/m.exec(first.stderr)?.[1] ?? '';
    await put(
      dynamodb,
      'Changing',
      { is_event: 'N', sid: SID, etransaction_id: 'A2' },
      { receivedAt: new Date(Date.now()).toISOString() },
    );
    const next = await runIn(folder, ['export', '--changed-since', cursor, '--json', '--local']);
    const document = JSON.parse(next.stdout) as {
      lines: { etransaction_id: string }[];
      cursor: string;
    };
    expect(idsOf(document.lines)).toEqual(['A2']);
    expect(document.cursor >= cursor).toBe(true);
    expect(next.stderr).not.toContain('next export');
  });

  test('prints the cursor in the output with --json, whether there are lines or not', async () => {
    const file = await json([
      'export',
      '--changed-since',
      '2026-05-01',
      '-o',
      'changes.csv',
      '--quiet',
    ]);
    expect(file).toEqual({
      file: join(directory, 'changes.csv'),
      lines: 1,
      cursor: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    const none = await local(['export', '--changed-since', '2026-05-31', '--json']);
    expect([none.exitCode, JSON.parse(none.stdout)]).toEqual([
      3,
      { lines: [], cursor: expect.stringMatching(/Z$/) },
    ]);
    const withoutCursor = await json<object>(['export', '--day', '2026-03-27']);
    expect(Object.keys(withoutCursor)).toEqual(['lines']);
  });

  test('can be filtered', async () => {
    const verified = await json<{ lines: unknown[] }>([
      'export',
      '--changed-since',
      '2026-03-20',
      '--verified',
      '--kind',
      'return',
    ]);
    expect(verified.lines).toHaveLength(3);
  });
});

describe('a time zone', () => {
  test('moves days, shown times and the title of their column', async () => {
    const { stdout } = await local(['query', '--day', '2026-03-28', '--time-zone', 'Asia/Tokyo']);
    expect(rows(stdout)[0]).toMatch(/^RECEIVED \(Tokyo\) \|/);
    expect(stdout).toContain('2026-03-28 03:28');
    expect(
      (await local(['query', '--day', '2026-03-27', '--time-zone', 'Asia/Tokyo'])).exitCode,
    ).toBe(3);
    const order = await local([
      'query',
      '--order',
      'T-7781',
      '--advertiser',
      '39001',
      '--time-zone',
      'America/New_York',
    ]);
    expect(rows(order.stdout)).toEqual(
      expect.arrayContaining([
        'ordered | 2026-03-01 05:00 America/New_York',
        expect.stringMatching(/^PROCESSED \(New York\)/),
        expect.stringMatching(/^2026-03-13 14:20 \| sale/),
      ]),
    );
  });

  test('applies to periods of order time, to orders and to exports', async () => {
    const member = (from: string) => [
      '--member',
      'clk_TRAVEL_1',
      '--from',
      from,
      '--time-zone',
      'Asia/Tokyo',
    ];
    // Ordered at 19:00 on 2026-03-01, and at 18:00 on 2026-03-20.
    expect(await json(['query', ...member('2026-03-01')])).toHaveLength(3);
    expect(await json(['query', ...member('2026-03-02')])).toHaveLength(1);
    expect(await json(['orders', ...member('2026-03-02')])).toHaveLength(1);
    expect(
      await json(['orders', '--day', '2026-03-28', '--time-zone', 'Asia/Tokyo']),
    ).toMatchObject([{ order_id: 'W-100200300' }]);
    const exported = await local([
      'export',
      '--day',
      '2026-03-28',
      '--time-zone',
      'Asia/Tokyo',
      '--format',
      'jsonl',
    ]);
    expect(JSON.parse(exported.stdout)).toMatchObject({ etransaction_id: IDS.braceletReturn });
  });

  test('has days of 23 and 25 hours when the clock changes, without a gap', async () => {
    await createTable(dynamodb, 'Clock');
    const folder = localRun('Clock');
    const hours = [
      '2026-03-08T04:59:59',
      '2026-03-08T05:00:00',
      '2026-03-09T03:59:59',
      '2026-03-09T04:00:00',
    ];
    for (const [index, time] of hours.entries())
      await put(
        dynamodb,
        'Clock',
        { is_event: 'N', sid: SID, etransaction_id: `A${index}` },
        { receivedAt: `${time}.000Z` },
      );
    const ids = async (day: string) => {
      const { stdout } = await runIn(folder, [
        'query',
        '--day',
        day,
        '--time-zone',
        'America/New_York',
        '--json',
        '--local',
      ]);
      return idsOf(JSON.parse(stdout) as { etransaction_id: string }[]);
    };
    expect([await ids('2026-03-07'), await ids('2026-03-08'), await ids('2026-03-09')]).toEqual([
      ['A0'],
      ['A1', 'A2'],
      ['A3'],
    ]);
  });

  test('decides which day is today', async () => {
    const now = new Date('2026-03-27T18:30:00.000Z');
    const today = await local(['query', '--day', 'today', '--time-zone', 'Asia/Tokyo', '--json'], {
      now,
    });
    expect(today.stdout).toContain(IDS.braceletReturn);
    const yesterday = ['query', '--member', MEMBER, '--from', 'yesterday', '--json'];
    expect((await local(yesterday, { now: new Date('2026-03-14T12:00:00.000Z') })).exitCode).toBe(
      0,
    );
    expect((await local(yesterday, { now: new Date('2026-03-15T12:00:00.000Z') })).exitCode).toBe(
      3,
    );
  });

  test.each([
    ['Asia/Tokio', 'Did you mean Asia/Tokyo?'],
    ['newyork', 'Did you mean America/New_York?'],
    ['Europe/Berln', 'Did you mean Europe/Berlin?'],
    ['Mars/Olympus', 'Give an IANA name such as Asia/Tokyo.'],
    ['', 'Give an IANA name such as Asia/Tokyo.'],
  ])('%j is rejected with similar names', async (timeZone, hint) => {
    const { exitCode, stderr } = await local(['query', '--day', 'today', '--time-zone', timeZone]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`There is no such time zone. ${hint}`);
  });
});

describe('a terminal of 80 columns', () => {
  test.each([
    ['query', '--member', MEMBER],
    ['query', '--day', '2026-03-13'],
    ['query', '--order', 'JP20260401-0001', '--advertiser', '36690'],
    ['query', '--transaction', IDS.matcha],
    ['query', '--transaction', IDS.unreadable],
    ['orders', ...SPAN],
    ['orders', '--member', 'p-1001', '--totals'],
    ['balances'],
    ['totals', ...SPAN, '--by', 'sid,month,day,advertiser,currency'],
    ['confirmed', '--since', '2026-03-01'],
    ['reversed', '--since', '2026-03-01', '--time-zone', 'America/Argentina/Buenos_Aires'],
    ['review', '--from', '2026-03-01', '--to', '2026-04-01'],
    ['recovered', ...SPAN],
  ])('fits %s %s %s', async (...args) => {
    const { stdout, exitCode } = await local(args, { columns: 80 });
    expect(exitCode).toBe(0);
    for (const line of stdout.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(80);
  });

  test('keeps the state of a line, and the ID and the reason of a line to review', async () => {
    const query = await local(['query', '--day', '2026-03-13'], { columns: 80 });
    expect(query.stdout).toMatch(/ STATE$/m);
    expect(query.stdout).toMatch(
      /^5 columns hidden: ADVERTISER, SKU, PRODUCT, MEMBER, TRANSACTION$/m,
    );
    const review = await local(['review', '--from', '2026-03-01', '--to', '2026-04-01'], {
      columns: 80,
    });
    expect(review.stdout).toContain(IDS.unreadable);
    expect(review.stdout.replace(/\s+/g, ' ')).toContain('is not a number;');
  });

  test.each([
    '',
    ...[
      'query',
      'orders',
      'balances',
      'totals',
      'confirmed',
      'reversed',
      'review',
      'recovered',
      'clicks',
      'export',
      'tail',
      'reconcile',
    ],
    ...[
      'status',
      'test',
      'enable',
      'disable',
      'register',
      'unregister',
      'rotate-secret',
      'watch',
      'doctor',
    ],
    ...['dlq', 'dlq list', 'dlq show', 'dlq redrive', 'dlq drop'],
  ])('fits the help of "%s", examples apart', async (command) => {
    const { stdout } = await runIn(directory, [...command.split(' '), '--help'].filter(Boolean), {
      columns: 80,
    });
    for (const line of stdout.split('\n'))
      if (!line.startsWith('  $ ')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

test.each<[string, string[], RegExp]>([
  [
    'a group that does not exist',
    ['totals', '--by', 'week'],
    /'week' is none of month, day, advertiser, currency, sid/,
  ],
  [
    'a state that does not exist',
    ['review', '--state', 'lost'],
    /'lost' is none of unverified, withdrawn, differing, problems/,
  ],
  ['a change without a time', ['confirmed'], /required option '--since <time>'/],
  [
    'a time without a zone',
    ['reversed', '--since', '2026-03-01T10:00'],
    /moment must be a Date, a day/,
  ],
  [
    'a look-back of nothing',
    ['reversed', '--since', '2026-03-01', '--look-back', '0'],
    /whole number of 1 or more/,
  ],
  [
    'a look-back by the date of processing',
    ['totals', '--look-back', '3'],
    /--look-back goes with --date transaction_date/,
  ],
  [
    'a look-back without a change',
    ['export', '--all', '--look-back', '3'],
    /--look-back goes with --changed-since/,
  ],
  [
    'an empty period',
    ['review', '--from', '2026-03-02', '--to', '2026-03-02'],
    /must be before to/,
  ],
  [
    'changes of a period',
    ['export', '--changed-since', '2026-03-01', '--to', '2026-04-01'],
    /do not go with --changed-since/,
  ],
  ['a delimiter of two characters', ['export', '--all', '--delimiter', ';;'], /It must be one of/],
  [
    'a delimiter for JSON Lines',
    ['export', '--all', '--format', 'jsonl', '--delimiter', ';'],
    /--delimiter goes with --format csv/,
  ],
  ['CSV as JSON', ['export', '--all', '--format', 'csv', '--json'], /exclude each other/],
])('%s is rejected', async (_name, args, message) => {
  const { exitCode, stderr, stdout } = await local(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(message);
});
