import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CSV_COLUMNS } from '../../../cli/encode';
import { OVERLAP_MILLIS } from '../../../cli/follow';
import { run } from '../../../cli/program';
import { readOutputs } from '../../../cli/stack';
import { widthOf } from '../../../cli/text';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { createTable, IDS, put, SEED, seedTable } from '../../support/seed';
import { runIn, testTerminal } from '../../support/terminal';

const MEMBER = 'clk_01HRV6Z8Q2M4';

let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let directory: string;

beforeAll(async () => {
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, 'Transactions');
  directory = localRun('Transactions');
});

afterAll(async () => {
  dynamodb.destroy();
  await server.close();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

afterEach(() => {
  jest.restoreAllMocks();
});

const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rakuten-cli-'));
  folders.push(folder);
  return folder;
}

/** A folder of a local run with this table. */
function localRun(
  tableName: string,
  endpoint = server.endpoint,
  publisher: { sid?: string } = { sid: '3900112' },
): string {
  const folder = newFolder();
  mkdirSync(join(folder, '.local'));
  const entries = { dynamodb: endpoint, tableName, region: 'us-east-1', ...publisher };
  writeFileSync(join(folder, '.local', 'endpoints.json'), JSON.stringify(entries));
  return folder;
}

const local = (args: readonly string[], options?: Parameters<typeof runIn>[2]) =>
  runIn(directory, [...args, '--local'], options);

/** Lines with one separator between columns. */
const rows = (text: string): string[] =>
  text.split('\n').map((line) => line.replace(/ {2,}/g, ' | ').trim());

describe('query', () => {
  test('shows the lines of a member as a table, with sums below', async () => {
    const { stdout, stderr, exitCode } = await local(['query', '--member', MEMBER]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    const lines = rows(stdout);
    expect(lines[0]).toBe(
      'ORDERED (UTC) | KIND | ORDER | ADVERTISER | SKU | PRODUCT | SALE | COMMISSION | CUR | STATE | TRANSACTION',
    );
    expect(lines).toContain(
      `2026-03-13 18:02 | sale | W-100200300 | 39001 | SKU-2966631 | Sterling Silver Bracelet | 180.00 | 5.40 | USD | verified | ${IDS.bracelet}`,
    );
    expect(lines.slice(-3)).toEqual([
      '6 lines (4 sale, 2 return): 6 verified',
      'verified, net: 71.49 USD; commissions 3.57 USD',
      '',
    ]);
  });

  test('never adds amounts of events to confirmed ones, or unverified amounts to verified ones', async () => {
    const { stdout } = await local(['query', '--member', 'clk_TRAVEL_1']);
    expect(rows(stdout).slice(-4)).toEqual([
      '3 lines (1 sale, 2 preliminary): 2 verified, 1 unverified',
      'verified, net: 412.50 USD; commissions 16.50 USD',
      'events, not added: 492.50 USD; commissions 0.00 USD',
      '',
    ]);
    const unverified = await local(['query', '--member', 'member-9']);
    expect(rows(unverified.stdout)).toContain('unverified: 19.99 USD; commissions 0.5997 USD');
  });

  test('shows an order with its status and sums, and what is doubtful about it', async () => {
    const { stdout } = await local(['query', '--order', 'T-7781', '--advertiser', '39001']);
    expect(rows(stdout)).toEqual(
      expect.arrayContaining([
        'status | confirmed',
        'earned | 412.50 USD; commissions 16.50 USD',
        '2 lines (1 preliminary, 1 sale): 2 verified',
      ]),
    );
    const open = await local(['query', '--order', 'T-7790', '--advertiser', '39001']);
    expect(rows(open.stdout)).toEqual(
      expect.arrayContaining(['status | preliminary', 'pending | 80.00 USD; commissions 0.00 USD']),
    );
    const awaiting = await local(['query', '--order', 'W-100200301', '--advertiser', '39001']);
    expect(rows(awaiting.stdout)).toContain('awaiting | 19.99 USD; commissions 0.5997 USD');
    const verified = await local([
      'query',
      '--order',
      'W-100200301',
      '--advertiser',
      '39001',
      '--verified',
      '--json',
    ]);
    expect(JSON.parse(verified.stdout)).toEqual([]);
    const doubtful = await local(['query', '--order', 'W-100200302', '--advertiser', '39001']);
    expect(doubtful.stdout).toContain(
      `${IDS.unreadable}: commissions: 'n/a' is not a number; sale_amount: 'n/a' is not a number; its kind is unknown, so it is in no sum`,
    );
  });

  test("gives JSON under Rakuten's names, with exact strings", async () => {
    const byMember = await local(['query', '--member', MEMBER, '--kind', 'return', '--json']);
    const lines = JSON.parse(byMember.stdout) as Record<string, unknown>[];
    expect(lines.map((line) => line.sale_amount).sort()).toEqual(['-12.5', '-180']);
    const byId = await local(['query', '--transaction', IDS.noise, '--json']);
    expect(JSON.parse(byId.stdout)).toEqual([
      expect.objectContaining({
        sale_amount: '19.99',
        commissions: '0.5997',
        extra: { source: 'newsletter' },
      }),
    ]);
    const byOrder = await local([
      'query',
      '--order',
      'JP20260401-0001',
      '--advertiser',
      '36690',
      '--json',
    ]);
    expect((JSON.parse(byOrder.stdout) as { kind: string }[]).map((line) => line.kind)).toEqual([
      'sale',
      'adjustment',
      'return',
    ]);
  });

  test('shows every attribute of one transaction', async () => {
    const { stdout } = await local(['query', '--transaction', IDS.noise]);
    expect(rows(stdout)).toEqual(
      expect.arrayContaining([
        'state | unverified',
        'sale_amount | 19.99',
        'request_id | AbCdEfGhIjKlMnO=',
        'kind | sale',
      ]),
    );
  });

  test('shows what a postback says otherwise, withdrawn lines, and every other postback', async () => {
    await createTable(dynamodb, 'States');
    const base = {
      is_event: 'N',
      sid: '3900112',
      currency: 'USD',
      order_id: 'W-1',
      advertiser_id: '39001',
      u1: 'm',
    } as const;
    const verifiedAt = '2026-03-14T00:00:00.000Z';
    const differing = { ...base, etransaction_id: 'D1FF', sale_amount: '999' };
    await put(dynamodb, 'States', differing, {
      verifiedAt,
      answer: { sale_amount: '10', u1: undefined },
    });
    await put(
      dynamodb,
      'States',
      { ...differing, sale_amount: '5' },
      { receivedAt: '2026-03-15T00:00:00.000Z' },
    );
    await put(
      dynamodb,
      'States',
      { ...base, etransaction_id: '60E', sale_amount: '7' },
      { verifiedAt, withdrawnAt: '2026-03-16T00:00:00.000Z' },
    );
    const folder = localRun('States');
    const list = await runIn(folder, [
      'query',
      '--order',
      'W-1',
      '--advertiser',
      '39001',
      '--local',
    ]);
    const lines = rows(list.stdout);
    expect(lines.find((text) => text.endsWith('60E'))).toContain(' | withdrawn | ');
    expect(lines).toContain('D1FF: a postback says otherwise: sale_amount, u1');
    const detail = await runIn(folder, ['query', '--transaction', 'd1ff', '--local']);
    const record = rows(detail.stdout);
    expect(record).toEqual(
      expect.arrayContaining([
        'state | unverified; a postback says otherwise: sale_amount, u1',
        'sale_amount | 10',
        'u1 | m',
        'u1_from_postback | true',
        expect.stringMatching(/^other postback \| 2026-03-15T00:00:00\.000Z \| .*sale_amount=5/),
      ]),
    );
  });

  test('finds a transaction under its publisher only', async () => {
    const other = await local(['query', '--transaction', IDS.noise, '--sid', '3900113']);
    expect(other).toMatchObject({ exitCode: 3, stderr: 'nothing found\n' });
    const unknown = await runIn(localRun('Transactions', server.endpoint, {}), [
      'query',
      '--transaction',
      IDS.noise,
      '--local',
    ]);
    expect(unknown).toMatchObject({
      exitCode: 2,
      stderr:
        'error: the local run: the publisher is unknown (there is none, or several): give it with --sid\n',
    });
  });

  test('knows today and yesterday in UTC', async () => {
    const yesterday = await local(['query', '--day', 'yesterday'], {
      now: new Date('2026-03-28T00:00:00.000Z'),
    });
    expect(yesterday.stdout).toContain(IDS.braceletReturn);
    const today = await local(['query', '--day', 'today', '--json'], {
      now: new Date('2026-03-27T23:59:59.999Z'),
    });
    expect(today.stdout).toContain(IDS.braceletReturn);
  });

  test('cuts a long list, says so, and adds nothing up', async () => {
    const { stdout, stderr } = await local(['query', '--day', '2026-03-13', '--limit', '2']);
    expect(stdout).toMatch(
      /\n\nthe first 2 lines \(.*\): 2 verified; no sums, as there are more lines\n$/,
    );
    expect(stderr).toMatch(/more than these 2: raise --limit/);
    const whole = await local(['query', '--day', '2026-03-13', '--limit', '9']);
    expect(whole.stdout).toContain('\n9 lines (');
    expect(whole.stdout).toContain('\nverified, net: ');
    expect(whole.stderr).toBe('');
  });

  test('fits the terminal by leaving out what matters least; colours go to terminals only', async () => {
    for (const columns of [80, 100, 120, 160]) {
      const { stdout } = await local(['query', '--member', MEMBER], { columns });
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
      expect(stdout).toMatch(/^ORDERED \(UTC\) +KIND +ORDER .*SALE +COMMISSION +CUR +STATE/);
    }
    const coloured = await local(['query', '--member', MEMBER], { columns: 80, env: {} });
    expect(coloured.stdout).toContain('\u001b[31mreturn\u001b[39m');
    expect((await local(['query', '--member', MEMBER], { env: {} })).stdout).not.toContain(
      '\u001b',
    );
  });

  test('does not let a product name paint the screen', async () => {
    await createTable(dynamodb, 'Hostile');
    const name = '\u001b[2J\u001b[31mFree\r\nmoney\u202e';
    await put(dynamodb, 'Hostile', {
      is_event: 'N',
      etransaction_id: 'H1',
      u1: 'm',
      sale_amount: '1',
      product_name: name,
    });
    const folder = localRun('Hostile');
    for (const args of [
      ['--member', 'm'],
      ['--transaction', 'H1'],
    ]) {
      const { stdout } = await runIn(folder, ['query', ...args, '--local'], { columns: 200 });
      expect(stdout).toContain('Free');
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
    const { stdout } = await runIn(folder, ['query', '--member', 'm', '--json', '--local']);
    expect((JSON.parse(stdout) as { product_name: string }[])[0]?.product_name).toBe(name);
  });
});

describe('orders', () => {
  test('adds up the orders of days', async () => {
    const { stdout, exitCode } = await local([
      'orders',
      '--from',
      '2026-03-01',
      '--to',
      '2026-06-01',
    ]);
    expect(exitCode).toBe(0);
    const lines = rows(stdout);
    expect(lines).toEqual(
      expect.arrayContaining([
        '2026-03-01 10:00 | confirmed | T-7781 | 39001 | clk_TRAVEL_1 | 1 | 412.50 USD | 16.50 USD',
        `2026-03-13 18:02 | partly returned | M-555 | 39001 | ${MEMBER} | 4 | 71.49 USD | 3.57 USD`,
        '2026-03-13 18:02 | returned | JP20260401-0001 | 36690 | p-1001 | 3 | -100 JPY | -3 JPY',
        '7 orders (2 confirmed, 2 returned, 1 partly returned, 1 unknown, 1 preliminary)',
        'earned: -100 JPY, 483.99 USD; commissions -3 JPY, 20.07 USD',
        'awaiting verification: 19.99 USD; commissions 0.5997 USD',
        'pending: 80.00 USD; commissions 0.00 USD',
      ]),
    );
    const included = await local([
      'orders',
      '--from',
      '2026-03-01',
      '--to',
      '2026-06-01',
      '--include-unverified',
    ]);
    expect(rows(included.stdout)).toContain(
      'earned: -100 JPY, 503.98 USD; commissions -3 JPY, 20.6697 USD',
    );
    const byDay = await local(['orders', '--day', '2026-03-27', '--json']);
    expect(JSON.parse(byDay.stdout)).toEqual([
      expect.objectContaining({ order_id: 'W-100200300', status: 'returned' }),
    ]);
  });

  test('adds up a member', async () => {
    const byMember = await local([
      'orders',
      '--member',
      MEMBER,
      '--from',
      '2026-03-01',
      '--to',
      '2026-04-01',
    ]);
    expect(rows(byMember.stdout)).toContain('earned: 71.49 USD; commissions 3.57 USD');
    const totals = await local(['orders', '--member', MEMBER, '--totals']);
    expect(totals.stdout.split('\n')).toEqual([
      `${MEMBER}: 2 orders (1 partly returned, 1 returned)`,
      'earned: 71.49 USD; commissions 3.57 USD',
      '',
    ]);
    const json = await local(['orders', '--member', MEMBER, '--totals', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      u1: MEMBER,
      earned: [{ currency: 'USD', sale_amount: '71.49', commissions: '3.57' }],
    });
  });

  test('finds one order', async () => {
    const { stdout } = await local([
      'orders',
      '--order',
      'M-555',
      '--advertiser',
      '39001',
      '--sid',
      '3900112',
      '--json',
    ]);
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({ status: 'partly returned', lines: expect.any(Array) }),
    ]);
  });
});

describe('export', () => {
  const everything = SEED.length;

  test('writes CSV to standard output and says how much on standard error', async () => {
    const { stdout, stderr, exitCode } = await local(['export', '--all']);
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(CSV_COLUMNS.join(','));
    expect(lines).toHaveLength(everything + 1);
    expect(stderr).toMatch(new RegExp(`^${everything} lines \\(`));
    expect((await local(['export', '--all', '--quiet'])).stderr).toBe('');
  });

  test('writes a file that has its name only when it is complete', async () => {
    const { exitCode, stdout, stderr } = await local(
      ['export', '--from', '2026-03-01', '--to', '2026-04-01', '-o', 'march.jsonl'],
      {
        columns: 80,
      },
    );
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toContain('12 lines in march.jsonl');
    const lines = readFileSync(join(directory, 'march.jsonl'), 'utf8').trimEnd().split('\n');
    expect(
      lines.map((line) => (JSON.parse(line) as { process_date: string }).process_date.slice(0, 7)),
    ).toEqual(Array(12).fill('2026-03'));

    const stopped = new AbortController();
    stopped.abort();
    const half = await local(['export', '--all', '-o', 'half.csv'], { signal: stopped.signal });
    expect(half).toMatchObject({
      exitCode: 1,
      stderr: `error: stopped: ${join(directory, 'half.csv')} was not written\n`,
    });
    expect(readdirSync(directory).filter((name) => name.startsWith('half'))).toEqual([]);
  });

  test('writes files that only their owner can read, also if they existed', async () => {
    const file = join(directory, 'secret.csv');
    writeFileSync(file, 'old', { mode: 0o644 });
    for (const name of ['secret.csv', 'new.csv']) {
      expect((await local(['export', '--all', '-o', name])).exitCode).toBe(0);
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(file, 'utf8')).toMatch(/^kind,/);
  });

  test('explains a file that cannot be written, before it reads the table', async () => {
    await server.refuse({ operations: ['Scan'], status: 400, type: 'AccessDeniedException' });
    try {
      const missing = await local(['export', '--all', '-o', 'nowhere/all.csv']);
      const folder = join(directory, 'nowhere');
      expect(missing).toEqual({
        exitCode: 1,
        stdout: '',
        stderr: `error: cannot write ${join(folder, 'all.csv')}: there is no folder ${folder}: create it first\n`,
      });
      expect((await local(['export', '--all', '-o', '.local'])).stderr).toContain(
        'it is a folder: add the name of a file',
      );
      const refused = await local(['export', '--all', '-o', 'refused.csv']);
      expect(refused).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('the credentials lack a permission'),
      });
      expect(readdirSync(directory).filter((name) => name.startsWith('refused'))).toEqual([]);
    } finally {
      await server.accept();
    }
  });

  test('separates values by the chosen character', async () => {
    const { stdout } = await local(['export', '--member', MEMBER, '--delimiter', 'tab']);
    expect(stdout.split('\n')[0]).toBe(CSV_COLUMNS.join('\t'));
    const semicolons = await local([
      'export',
      '--member',
      MEMBER,
      '--delimiter',
      ';',
      '--spreadsheet',
    ]);
    expect(semicolons.stdout.split('\n')[0]).toBe(`\uFEFF${CSV_COLUMNS.join(';')}`);
  });

  test('quotes what must be quoted, and makes texts harmless for spreadsheets on demand', async () => {
    await createTable(dynamodb, 'Awkward');
    const base = { is_event: 'N', sale_amount: '-12.5' } as const;
    await put(dynamodb, 'Awkward', {
      ...base,
      etransaction_id: 'A1',
      product_name: 'say "hi",\nthen go',
      u1: '=HYPERLINK("http://x")',
    });
    const folder = localRun('Awkward');
    const plain = await runIn(folder, ['export', '--all', '--local']);
    expect(plain.stdout).toContain('"say ""hi"",\nthen go"');
    expect(plain.stdout).toContain('"=HYPERLINK(""http://x"")"');
    const safe = await runIn(folder, ['export', '--all', '--spreadsheet', '--local']);
    expect(safe.stdout.startsWith('\uFEFFkind,')).toBe(true);
    expect(safe.stdout).toContain(`"'=HYPERLINK(""http://x"")"`);
    expect(safe.stdout).toContain(',-12.5,');
  });

  test('joins problems into one field', async () => {
    const { stdout } = await local(['export', '--member', 'member-9', '--kind', 'unknown']);
    expect(stdout).toContain(
      "commissions: 'n/a' is not a number; sale_amount: 'n/a' is not a number",
    );
  });

  test('streams a table that is larger than a page', async () => {
    await createTable(dynamodb, 'Large');
    const text = 'x'.repeat(40_000);
    for (let id = 0; id < 60; id += 1)
      await put(dynamodb, 'Large', {
        is_event: 'N',
        etransaction_id: `L${id}`,
        product_name: text,
        sale_amount: '1',
      });
    const { stdout } = await runIn(localRun('Large'), [
      'export',
      '--all',
      '--format',
      'jsonl',
      '--local',
    ]);
    expect(
      new Set(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { line_id: string }).line_id),
      ).size,
    ).toBe(60);
  });
});

describe('tail', () => {
  const now = new Date('2026-07-02T00:10:00.000Z');
  const line = (id: string, receivedAt: string) =>
    [
      {
        is_event: 'N',
        etransaction_id: id,
        order_id: id,
        sale_amount: '5',
        currency: 'USD',
        u1: 'm',
        process_date: receivedAt,
      },
      { receivedAt },
    ] as const;

  test('shows each new line once, also one that was received before but lands late, over the end of a day', async () => {
    await createTable(dynamodb, 'Tailed');
    const folder = localRun('Tailed');
    await put(dynamodb, 'Tailed', ...line('OLD', '2026-07-02T00:09:59.000Z'));
    const stop = new AbortController();
    const { terminal, stdout, stderr } = testTerminal(folder, { now, signal: stop.signal });
    const ended = run(['tail', '--interval', '0.02', '--json', '--local'], terminal);
    await stderr.until(/watching the local run/);
    await put(dynamodb, 'Tailed', ...line('NEW', '2026-07-02T00:10:01.000Z'));
    await stdout.until(/NEW/);
    await put(dynamodb, 'Tailed', ...line('LATE', '2026-07-01T23:58:00.000Z'));
    await stdout.until(/LATE/);
    await put(dynamodb, 'Tailed', ...line('LAST', '2026-07-02T00:10:02.000Z'));
    await stdout.until(/LAST/);
    stop.abort();
    expect(await ended).toBe(0);
    expect(
      stdout.text
        .trimEnd()
        .split('\n')
        .map((text) => (JSON.parse(text) as { order_id: string }).order_id),
    ).toEqual(['NEW', 'LATE', 'LAST']);
  });

  test('begins with the lines of a span, as a table', async () => {
    await createTable(dynamodb, 'Since');
    await put(
      dynamodb,
      'Since',
      ...line('BEFORE', new Date(now.getTime() - 2 * 3_600_000).toISOString()),
    );
    await put(
      dynamodb,
      'Since',
      ...line('WITHIN', new Date(now.getTime() - OVERLAP_MILLIS - 60_000).toISOString()),
    );
    const stop = new AbortController();
    const { terminal, stdout } = testTerminal(localRun('Since'), { now, signal: stop.signal });
    const ended = run(['tail', '--since', '1h', '--local'], terminal);
    await stdout.until(/WITHIN/);
    stop.abort();
    expect(await ended).toBe(0);
    expect(rows(stdout.text)).toEqual([
      'RECEIVED (UTC) | KIND | ORDER | SALE | COMMISSION | CUR | MEMBER',
      '2026-07-01 23:54:00 | sale | WITHIN | 5.00 | USD | m',
      '',
    ]);
  });

  test('fits a terminal of 80 columns, reports a hidden column, and lines that --days leaves out', async () => {
    await createTable(dynamodb, 'Narrow');
    const [fields, extras] = line(
      '抹茶抹茶抹茶抹茶抹茶',
      new Date(now.getTime() - 60_000).toISOString(),
    );
    await put(dynamodb, 'Narrow', { ...fields, etransaction_id: 'A1' }, extras);
    const stop = new AbortController();
    const { terminal, stdout, stderr } = testTerminal(localRun('Narrow'), {
      now,
      signal: stop.signal,
      columns: 80,
    });
    const ended = run(['tail', '--since', '3d', '--time-zone', 'Asia/Tokyo', '--local'], terminal);
    await stdout.until(/USD/);
    stop.abort();
    expect(await ended).toBe(0);
    expect(rows(stdout.text).slice(0, 2)).toEqual([
      'RECEIVED (Tokyo) | KIND | ORDER | SALE | COMMISSION | CUR',
      '2026-07-02 09:09:00 | sale | 抹茶抹茶抹茶抹茶… | 5.00 | USD',
    ]);
    for (const text of stdout.text.split('\n')) expect(widthOf(text)).toBeLessThanOrEqual(80);
    expect(stderr.text).toContain('1 column hidden: MEMBER\n');
    expect(stderr.text).toMatch(/^lines processed before 2026-07-01 are not shown: raise --days/);
  });

  test('tries again when the table cannot be read for a moment, and gives up when that lasts', async () => {
    await createTable(dynamodb, 'Away');
    const { terminal, stdout, stderr } = testTerminal(localRun('Away'), { now });
    const ended = run(['tail', '--interval', '0.02', '--local'], terminal);
    await stderr.until(/watching/);
    const warning = /^warning: the local run: nothing answers at its endpoint.*trying again$/m;
    try {
      await server.refuse({ operations: ['Query'], status: 0, type: '' });
      await stderr.until(warning);
      await server.accept();
      await put(dynamodb, 'Away', ...line('BACK', '2026-07-02T00:10:01.000Z'));
      await stdout.until(/BACK/);
      await server.refuse({ operations: ['Query'], status: 0, type: '' });
      expect(await ended).toBe(1);
    } finally {
      await server.accept();
    }
    expect(stderr.text).toMatch(/(warning.*\n){5}error: the local run: nothing answers.*\n$/);
  });
});

/** Commands that query the table. */
const EXPLAINED = [
  'query',
  'orders',
  'export',
  'tail',
  'balances',
  'totals',
  'confirmed',
  'reversed',
  'review',
  'recovered',
  'clicks',
];

describe('exit codes and errors', () => {
  test.each<[string, string[], number, RegExp]>([
    ['nothing found', ['query', '--member', 'nobody'], 3, /^nothing found\n$/],
    ['no such order', ['query', '--order', 'x', '--advertiser', '1'], 3, /^nothing found/],
    ['no such transaction', ['query', '--transaction', 'x'], 3, /^nothing found/],
    ['no orders', ['orders', '--day', '2020-01-01'], 3, /^nothing found/],
    ['no totals', ['orders', '--member', 'nobody', '--totals'], 3, /^nothing found/],
    ['an empty export', ['export', '--day', '2020-01-01'], 3, /^0 lines/],
    [
      'nothing asked',
      ['query'],
      2,
      /which lines\? Give one of --member, --order, --day, --transaction/,
    ],
    [
      'two things asked',
      ['query', '--member', 'a', '--day', 'today'],
      2,
      /cannot be used with option/,
    ],
    [
      'an order without its advertiser',
      ['query', '--order', 'x'],
      2,
      /--order requires --advertiser/,
    ],
    ['half a span', ['orders', '--from', '2026-03-01'], 2, /give both/],
    [
      'a span that does not fit',
      ['query', '--day', 'today', '--from', '2026-03-01'],
      2,
      /do not go with --day/,
    ],
    [
      'an advertiser alone',
      ['query', '--member', 'a', '--advertiser', '1'],
      2,
      /goes with --order only/,
    ],
    [
      'a filter that does not fit',
      ['query', '--transaction', 'x', '--kind', 'sale'],
      2,
      /go with --member and --day/,
    ],
    ['totals of a day', ['orders', '--day', 'today', '--totals'], 2, /goes with --member/],
    [
      'a day that does not exist',
      ['query', '--day', '2026-02-30'],
      2,
      /^error: day must be a day as YYYY-MM-DD/,
    ],
    [
      'a time without a zone',
      ['query', '--member', 'a', '--from', '2026-03-01T10:00'],
      2,
      /^error: from must be a Date, a day/,
    ],
    [
      'a kind that does not exist',
      ['query', '--member', 'a', '--kind', 'refund'],
      2,
      /'refund' is none of preliminary/,
    ],
    ['a wrong span of time', ['tail', '--since', 'soon'], 2, /span of time such as 90s/],
    [
      'a limit of nothing',
      ['query', '--member', 'a', '--limit', '0'],
      2,
      /whole number of 1 or more/,
    ],
    ['a wrong format', ['export', '--all', '--format', 'xml'], 2, /csv, jsonl/],
    ['an unknown command', ['qery'], 2, /Did you mean query/],
    ['an unknown option', ['query', '--membre', 'x'], 2, /Did you mean --member/],
    ['two installations', ['query', '--member', 'a', '--table', 'T'], 2, /exclude each other/],
  ])('%s', async (_name, args, exitCode, message) => {
    const ran = await local(args);
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
  });

  test('--json stays JSON when nothing was found', async () => {
    for (const args of [
      ['query', '--member', 'nobody'],
      ['orders', '--day', '2020-01-01'],
    ]) {
      const { stdout, exitCode } = await local([...args, '--json']);
      expect([JSON.parse(stdout), exitCode]).toEqual([[], 3]);
    }
  });

  test('a local run that is not there, or no longer, is explained with the next step', async () => {
    const nowhere = await runIn(newFolder(), ['query', '--member', 'a', '--local']);
    expect(nowhere).toMatchObject({ exitCode: 1, stdout: '' });
    expect(nowhere.stderr).toMatch(
      /^error: no local run here \(there is no .*endpoints\.json\): start it with "npm start"/,
    );
    const ended = await startDynamoDb();
    const folder = localRun('Transactions', ended.endpoint);
    await ended.close();
    const gone = await runIn(folder, ['query', '--member', 'a', '--local']);
    expect(gone).toMatchObject({
      exitCode: 1,
      stderr:
        'error: the local run: nothing answers at its endpoint. If it is the local run, start it with "npm start"\n',
    });
    const table = await runIn(localRun('Other'), ['query', '--member', 'a', '--local']);
    expect(table.stderr).toMatch(/^error: the local run: there is no such table/);
  });

  test('a stack trace comes with --debug only', async () => {
    const { stderr } = await runIn(newFolder(), ['query', '--member', 'a', '--local', '--debug']);
    expect(stderr).toMatch(/^error: no local run here.*\n(.*\n)+\s+at /);
  });

  test('the help of every command has examples and explains its output', async () => {
    const program = await runIn(directory, ['--help']);
    expect(program).toMatchObject({ exitCode: 0, stderr: '' });
    expect(program.stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*3 {2}nothing was found/);
    for (const command of EXPLAINED) {
      const { stdout, exitCode } = await runIn(directory, ['help', command]);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/Examples:\n {2}\$ cdk-rakuten-postback /);
      expect(stdout).toContain('Global Options:');
    }
    expect((await runIn(directory, [])).exitCode).toBe(2);
  });

  test('every example of the help is a command line that is understood', async () => {
    writeFileSync(join(directory, 'clicks.txt'), MEMBER);
    // The library reads days up to now.
    const realNow = Date.now;
    const ahead = realNow() - Date.parse('2026-03-28T12:00:00.000Z');
    jest.spyOn(Date, 'now').mockImplementation(() => realNow() - ahead);
    for (const command of [[], ...EXPLAINED.map((name) => [name])]) {
      const { stdout } = await runIn(directory, [...command, '--help']);
      const examples = [
        ...stdout.matchAll(/^ {2}\$ cdk-rakuten-postback ([^|]*?)(?: {3,}.*| \|.*)?$/gm),
      ].map(([, args = '']) => args.split(' '));
      expect(examples.length).toBeGreaterThan(0);
      for (const args of examples) {
        const stop = new AbortController();
        if (args[0] === 'tail') stop.abort();
        const where = args.includes('--local') ? args : [...args, '--local'];
        const ran = await runIn(directory, where, {
          signal: args[0] === 'tail' ? stop.signal : undefined,
        });
        expect({
          args,
          ...ran,
          isUnderstood: ran.exitCode === 0 || ran.exitCode === 3,
        }).toMatchObject({ isUnderstood: true });
      }
    }
  });
});

describe('the outputs of a stack', () => {
  const output = (OutputKey: string, OutputValue: string) => ({ OutputKey, OutputValue });

  test('are known by their names, bare or inside a construct', () => {
    const outputs = [
      output('TableName', 'T'),
      output('StateTableName', 'S'),
      output('QueueUrl', 'q'),
      output('DeadLetterQueueUrl', 'd'),
      output('Sid', '1'),
    ];
    expect(readOutputs(outputs, 'X')).toEqual({
      tableName: 'T',
      stateTableName: 'S',
      queueUrl: 'q',
      deadLetterQueueUrl: 'd',
      sid: '1',
    });
    const nested = [
      output('PostbackTableName1A2B3C4D', 'T'),
      output('PostbackStateTableNameFFFFFFFF', 'S'),
      output('Unrelated', 'x'),
    ];
    expect(readOutputs(nested, 'X')).toEqual({ tableName: 'T', stateTableName: 'S' });
  });

  test('of two tables none is guessed', () => {
    const two = [output('ATableName00000000', 'A'), output('BTableName00000000', 'B')];
    expect(() => readOutputs(two, 'X')).toThrow(
      'stack X has several tables (A, B): choose one with --table',
    );
    expect(readOutputs([...two, output('TableName', 'C')], 'X')).toEqual({ tableName: 'C' });
    expect(readOutputs([output('ASid', '1'), output('BSid', '2')], 'X')).toEqual({});
  });
});
