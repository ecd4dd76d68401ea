import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../cli/program';
import type { ReconciliationResult } from '../../../cli/reconciliation';
import { splitIntoDays } from '../../../cli/reconciliation';
import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import { ALL_FIELDS } from '../../../core/rakuten/postback/fields';
import type { Difference } from '../../../core/reconciliation/counts';
import { type Counts, NO_COUNTS } from '../../../core/reconciliation/counts';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import type { LineFields } from '../../../core/transactions/row';
import { type EmbeddedServices, startEmbeddedServices } from '../../../local/embedded/services';
import { putState } from '../../../tools/faults/publisher';
import { type Invoked, type LambdaApi, startLambdaApi } from '../../support/lambda-api';
import { put } from '../../support/seed';
import { runIn, testTerminal } from '../../support/terminal';

/**
 * What `reconcile` makes of the function's results. `reconcile.long-test.ts` runs the function
 * itself.
 */

const SID = '3900112';
const NOW = new Date('2026-03-28T12:00:00.000Z');
const [TABLE, STATE] = ['Transactions', 'State'];
const WINDOW = ['--from', '2026-03-27T12:00:00Z', '--to', '2026-03-28T00:00:00Z'];

let services: EmbeddedServices;
let lambda: LambdaApi;
let directory: string;
let invoke: (event: Record<string, unknown>) => Invoked | Promise<Invoked>;

const line = (id: string, changes: LineFields = {}): LineFields => ({
  is_event: 'N',
  etransaction_id: id,
  sid: SID,
  advertiser_id: '39001',
  order_id: `W-${id}`,
  transaction_date: '2026-03-27T18:00:00Z',
  process_date: '2026-03-27T18:20:00Z',
  currency: 'USD',
  sale_amount: '180',
  commissions: '5.4',
  u1: 'clk_1',
  ...changes,
});

const done = (counts: Partial<Counts>, more: Partial<ReconciliationResult> = {}): Invoked => ({
  result: { outcome: 'done', counts: { ...NO_COUNTS, ...counts }, differences: [], ...more },
});

const DIFFERENCES: readonly Difference[] = [
  {
    what: 'missing',
    line_id: `${SID}#10ST`,
    is_event: 'N',
    fields: Object.entries(line('10ST')).map(
      ([field, rakuten]) => ({ field, rakuten }) as Difference['fields'][number],
    ),
  },
  {
    what: 'different',
    line_id: `${SID}#C4A6`,
    is_event: 'N',
    fields: [
      { field: 'sale_amount', row: '180', rakuten: '-180' },
      { field: 'u1', row: 'clk_1' },
    ],
  },
  {
    what: 'unverified',
    line_id: `${SID}#5E3`,
    is_event: 'N',
    fields: [{ field: 'lock_status', rakuten: 'open' }],
  },
];

beforeAll(async () => {
  services = await startEmbeddedServices();
  await services.createTables(createTableInput(TABLE), createStateTableInput(STATE));
  lambda = await startLambdaApi((event) => invoke(event));
  directory = mkdtempSync(join(tmpdir(), 'rakuten-cli-'));
  mkdirSync(join(directory, '.local'));
  const endpoints = {
    ...services.endpoints,
    lambda: lambda.endpoint,
    reconciliationFunctionName: 'Reconciliation',
    tableName: TABLE,
    stateTableName: STATE,
    sid: SID,
    region: 'us-east-1',
  };
  writeFileSync(join(directory, '.local', 'endpoints.json'), JSON.stringify(endpoints));
  await putState(services.clients.dynamodb, STATE, {
    sid: SID,
    accepted: [{ secretSha256: '', fieldListId: '', fields: ALL_FIELDS }],
    properties: {
      [P.credentialsSecretArn]: 'credentials',
      [P.rakutenApiUrl]: 'http://127.0.0.1:1',
    },
  });
  const { dynamodb } = services.clients;
  const [verifiedAt, withdrawnAt] = ['2026-03-27T19:00:00.000Z', '2026-03-28T01:00:00.000Z'];
  await put(dynamodb, TABLE, line('5A3E'), { verifiedAt });
  await put(dynamodb, TABLE, line('60E'), { verifiedAt, withdrawnAt });
  await put(dynamodb, TABLE, line('5E3'));
  await put(dynamodb, TABLE, line('F06ED'));
  await put(dynamodb, TABLE, line('E7E4', { is_event: 'Y' }));
  await put(dynamodb, TABLE, line('0A', { sid: '3900113' }));
  await put(dynamodb, TABLE, line('EA1'), { receivedAt: '2026-03-27T10:00:00.000Z' });
  // A forged date does not hide the row.
  await put(dynamodb, TABLE, line('FA7E', { process_date: '2099-01-01T00:00:00Z' }), {
    receivedAt: '2026-03-27T19:00:00.000Z',
  });
  // From here on the command line must not write.
  await services.dynamodb.refuse({
    operations: ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems'],
    status: 400,
    type: 'AccessDeniedException',
  });
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await Promise.all([services.close(), lambda.close()]);
});
beforeEach(() => {
  invoke = () => done({});
  lambda.events.length = 0;
});

const reconcile = (...args: string[]) =>
  runIn(directory, ['reconcile', '--local', ...args], { now: NOW });
const windows = (): unknown[][] => lambda.events.map(({ from, to }) => [from, to]);
const tableOf = (stdout: string): string[] =>
  stdout.split('\n').map((text) => text.replace(/ {2,}/g, ' | ').trim());

describe('differences', () => {
  beforeEach(() => {
    invoke = () =>
      done(
        { same: 1000, unverified: 2, missing: 1, different: 1, written: 4 },
        { differences: DIFFERENCES },
      );
  });

  test('are listed with the rows that the Events API does not return, and counted by kind', async () => {
    const { stdout, stderr, exitCode } = await reconcile(...WINDOW, '--dry-run');
    expect(exitCode).toBe(0);
    expect(lambda.events).toEqual([
      {
        sid: SID,
        from: '2026-03-27T12:00:00.000Z',
        to: '2026-03-28T00:00:00.000Z',
        reason: 'manual',
        dryRun: true,
      },
    ]);
    const [head, ...table] = tableOf(stdout);
    expect(head).toBe('WHAT | TRANSACTION | EVENT | ROW → RAKUTEN');
    expect(table.sort()).toEqual([
      '',
      'different | C4A6 | N | sale_amount: 180 → -180; u1: clk_1 → (empty)',
      'missing | 10ST | N | (no row) → order W-10ST, 180.00 USD, commission 5.40, u1 clk_1',
      'not returned | E7E4 | Y | order W-E7E4, 180.00 USD, commission 5.40, u1 clk_1 → (nothing)',
      'not returned | F06ED | N | order W-F06ED, 180.00 USD, commission 5.40, u1 clk_1 → (nothing)',
      'not returned | FA7E | N | order W-FA7E, 180.00 USD, commission 5.40, u1 clk_1 → (nothing)',
    ]);
    expect(stderr).toBe(
      [
        '1,004 lines from the Events API, 2026-03-27T12:00:00Z to 2026-03-28T00:00:00Z',
        '  1,000 same, 1 missing, 2 unverified, 1 different',
        '  3 not returned: 2 confirmed lines, 1 event',
        'nothing was written (--dry-run)',
        '',
      ].join('\n'),
    );
  });

  test('fit a terminal of 80 columns without a cut', async () => {
    const { stdout, stderr } = await runIn(
      directory,
      ['reconcile', '--local', ...WINDOW, '--dry-run'],
      { now: NOW, columns: 80 },
    );
    for (const text of [...stdout.split('\n'), ...stderr.split(/[\r\n]/)])
      expect(text.length).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain('…');
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      '(no row) → order W-10ST, 180.00 USD, commission 5.40, u1 clk_1',
    );
  });

  test('are an array with --json', async () => {
    const { stdout } = await reconcile(...WINDOW, '--dry-run', '--json');
    const differences = JSON.parse(stdout) as Record<string, unknown>[];
    expect(differences.slice(0, 2)).toEqual(JSON.parse(JSON.stringify(DIFFERENCES.slice(0, 2))));
    expect(
      differences
        .slice(2)
        .map(({ what, line_id, is_event }) => [what, line_id, is_event])
        .sort(),
    ).toEqual([
      ['not returned', `${SID}#E7E4`, 'Y'],
      ['not returned', `${SID}#F06ED`, 'N'],
      ['not returned', `${SID}#FA7E`, 'N'],
    ]);
  });

  test('that the function writes are reported as written', async () => {
    const { stderr, exitCode } = await reconcile(...WINDOW);
    expect(exitCode).toBe(0);
    expect(lambda.events).toEqual([
      {
        sid: SID,
        from: '2026-03-27T12:00:00.000Z',
        to: '2026-03-28T00:00:00.000Z',
        reason: 'manual',
      },
    ]);
    expect(stderr).toMatch(/\n4 rows were written\n$/);
  });

  test('that are too many for one list are announced', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({
      ...(DIFFERENCES[0] as Difference),
      line_id: `${SID}#${index}`,
    }));
    invoke = () => done({ missing: 1200 }, { differences: many });
    const { stdout, stderr } = await reconcile(...WINDOW, '--dry-run');
    expect(stderr).toContain('not all differences are listed: an invocation lists 1,000');
    // Which rows a run would verify is not known then.
    expect(stdout).not.toContain('not returned');
  });
});

describe('the window', () => {
  test('is reconciled by UTC days, and their counts are added up', async () => {
    invoke = () => done({ same: 10, missing: 1, foreign: 2, written: 1 });
    const { stderr } = await reconcile(
      '--from',
      '2026-03-26T12:00:00Z',
      '--to',
      '2026-03-28T06:00:00Z',
    );
    expect(windows()).toEqual([
      ['2026-03-26T12:00:00.000Z', '2026-03-27T00:00:00.000Z'],
      ['2026-03-27T00:00:00.000Z', '2026-03-28T00:00:00.000Z'],
      ['2026-03-28T00:00:00.000Z', '2026-03-28T06:00:00.000Z'],
    ]);
    expect(stderr).toContain('33 lines from the Events API');
    expect(stderr).toContain(
      '  30 same, 3 missing, 0 different\n  6 of other publishers, skipped\n',
    );
    expect(stderr).toContain('3 rows were written');
  });

  test('is one invocation with --accept-changes', async () => {
    await reconcile('--from', '2026-03-26', '--accept-changes');
    expect(lambda.events).toEqual([
      {
        sid: SID,
        from: '2026-03-26T00:00:00.000Z',
        to: '2026-03-28T11:58:00.000Z',
        reason: 'manual',
        acceptChanges: true,
      },
    ]);
  });

  test('begins 29 days ago at the earliest, ends two minutes ago, and says so', async () => {
    const { stderr } = await reconcile('--from', '2026-01-01');
    expect(stderr).toMatch(
      /^the window begins at 2026-02-27T12:00:00Z: .*\nthe window ends at 2026-03-28T11:58:00Z: .*\n/,
    );
    expect(lambda.events).toHaveLength(30);
    expect(windows()[0]).toEqual(['2026-02-27T12:00:00.000Z', '2026-02-28T00:00:00.000Z']);
    expect(windows().at(-1)).toEqual(['2026-03-28T00:00:00.000Z', '2026-03-28T11:58:00.000Z']);
  });

  test('that is not changed is not reported', async () => {
    expect((await reconcile('--from', '2026-03-20', '--to', '2026-03-21')).stderr).not.toContain(
      'the window',
    );
  });

  test('that the function shortened is reported', async () => {
    invoke = ({ from }) =>
      String(from) < '2026-03-26'
        ? { result: { outcome: 'empty' } }
        : done({ same: 1 }, { from: '2026-03-26T12:00:00.000Z' });
    const { stderr } = await reconcile('--from', '2026-03-25', '--to', '2026-03-28');
    expect(stderr).toContain(
      'lines before 2026-03-26T12:00:00Z were not compared: it is before the first complete registration',
    );
  });

  test('has days of the time zone, also when the clock changed', async () => {
    await reconcile(
      '--from',
      '2026-03-08',
      '--to',
      '2026-03-09',
      '--time-zone',
      'America/New_York',
    );
    expect([windows()[0], windows().at(-1)]).toEqual([
      ['2026-03-08T05:00:00.000Z', '2026-03-09T00:00:00.000Z'],
      ['2026-03-09T00:00:00.000Z', '2026-03-09T04:00:00.000Z'],
    ]);
    lambda.events.length = 0;
    await reconcile('--from', 'yesterday', '--to', 'today', '--time-zone', 'Asia/Tokyo');
    expect([windows()[0]?.[0], windows().at(-1)?.[1]]).toEqual([
      '2026-03-26T15:00:00.000Z',
      '2026-03-27T15:00:00.000Z',
    ]);
  });

  test('splits at midnight UTC without a gap', () => {
    const at = (text: string): number => Date.parse(text);
    expect(
      splitIntoDays({ from: at('2026-03-27T00:00:00Z'), to: at('2026-03-28T00:00:00Z') }),
    ).toHaveLength(1);
    const days = splitIntoDays({
      from: at('2026-03-27T23:59:59Z'),
      to: at('2026-03-29T00:00:01Z'),
    });
    expect(days.map(({ from, to }) => (to - from) / 1000)).toEqual([1, 86_400, 1]);
    for (const [index, { from }] of days.entries())
      if (index > 0) expect(from).toBe(days[index - 1]?.to);
  });
});

describe('the function', () => {
  test('that held changes back makes a warning with the next step, and exit code 1', async () => {
    invoke = ({ from }) =>
      done({ same: 90, different: 7 }, String(from).startsWith('2026-03-26') ? { braked: 7 } : {});
    const days = ['--from', '2026-03-25', '--to', '2026-03-28'];
    const { stderr, exitCode } = await reconcile(...days);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      [
        'warning: the brake held back 7 changes to verified lines, on 2026-03-26',
        "  compare some of them with Rakuten's reports:",
        'reconcile --from 2026-03-26T00:00:00Z --to 2026-03-27T00:00:00Z --dry-run',
        '  if the answers are right, apply them:',
        'reconcile --from 2026-03-26T00:00:00Z --to 2026-03-27T00:00:00Z --accept-changes',
      ].join('\n'),
    );
    expect((await reconcile(...days, '--dry-run')).exitCode).toBe(0);
  });

  test('that is busy is invoked again', async () => {
    const outcomes = ['busy', 'busy', 'done'];
    invoke = () => ({ result: { outcome: outcomes.shift(), counts: NO_COUNTS } });
    const { stderr, exitCode } = await reconcile(...WINDOW);
    expect(exitCode).toBe(0);
    expect(lambda.events).toHaveLength(3);
    expect(stderr).toMatch(
      /^another reconciliation of SID 3900112 is running: trying again \(2 of 4\)\nanother .* \(3 of 4\)\n0 lines/,
    );
  });

  test('that is busy all the time is an error', async () => {
    invoke = () => ({ result: { outcome: 'busy' } });
    const { stderr, exitCode } = await reconcile(...WINDOW);
    expect([exitCode, lambda.events.length]).toEqual([1, 4]);
    expect(stderr).toMatch(
      /\nerror: another reconciliation of SID 3900112 is still running\. Try again when it has ended\n$/,
    );
  });

  test('that continues by itself is reported', async () => {
    invoke = () => done({ same: 5 }, { outcome: 'continues' });
    const { stderr, exitCode } = await reconcile(...WINDOW);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      'takes longer than one invocation: the function continues by itself, and logs its results',
    );
  });

  test('that cannot reconcile the publisher explains it', async () => {
    const reason =
      'SID 3900112 cannot be compared with the Events API: its postback URL does not ask for is_event. Next step: name it';
    invoke = () => ({ result: { outcome: 'not-reconcilable', reason } });
    expect(await reconcile(...WINDOW)).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `error: ${reason}\n`,
    });
  });

  test('that fails leaves the results of the days before', async () => {
    invoke = ({ from }) =>
      String(from).startsWith('2026-03-26')
        ? { error: 'Rakuten could not be reached' }
        : done({ same: 5 });
    const { stderr, exitCode } = await reconcile('--from', '2026-03-25', '--to', '2026-03-28');
    expect(exitCode).toBe(1);
    expect(lambda.events).toHaveLength(2);
    expect(stderr).toContain('5 lines from the Events API');
    expect(stderr).toMatch(
      /\nnot reconciled: the time from 2026-03-26T00:00:00Z on\nerror: Reconciliation: Rakuten could not be reached\n$/,
    );
  });

  test('that compared nothing gives exit code 3', async () => {
    invoke = () => ({ result: { outcome: 'empty' } });
    const { stderr, exitCode } = await reconcile('--from', '2026-03-26', '--to', '2026-03-27');
    expect([exitCode, stderr]).toEqual([
      3,
      expect.stringContaining('nothing in this window can be compared'),
    ]);
  });

  test('that finds no difference gives exit code 3 with --dry-run only', async () => {
    const quietDay = ['--from', '2026-03-20', '--to', '2026-03-21'];
    expect((await reconcile(...quietDay, '--dry-run')).exitCode).toBe(3);
    expect((await reconcile(...quietDay)).exitCode).toBe(0);
  });
});

describe('progress', () => {
  const days = ['--from', '2026-03-24', '--to', '2026-03-28'];

  test('is shown on a terminal', async () => {
    invoke = () => done({ same: 500, missing: 1 });
    const { stderr } = await runIn(directory, ['reconcile', '--local', ...days], {
      now: NOW,
      columns: 100,
    });
    expect(stderr).toContain('0 %: 0 lines compared, 0 missing, 0 different; reading 2026-03-24 …');
    expect(stderr).toContain(
      '75 %: 1,503 lines compared, 3 missing, 0 different; reading 2026-03-27 …',
    );
    expect(stderr).toContain('100 %: 2,004 lines compared, 4 missing, 0 different\n');
  });

  test('is not shown with --quiet, or where there is no terminal', async () => {
    const quiet = await runIn(directory, ['reconcile', '--local', ...days, '--quiet'], {
      now: NOW,
      columns: 100,
    });
    expect(quiet.stderr).not.toContain('%');
    expect((await reconcile(...days)).stderr).not.toContain('%');
  });

  test('is erased before a message', async () => {
    const outcomes = ['busy', 'done'];
    invoke = () => ({ result: { outcome: outcomes.shift(), counts: NO_COUNTS } });
    const { stderr } = await runIn(directory, ['reconcile', '--local', ...WINDOW], {
      now: NOW,
      columns: 100,
    });
    expect(stderr).toContain('reading 2026-03-27 …\r\u001b[Kanother reconciliation');
  });
});

describe('Ctrl-C', () => {
  test('stops between two days, and says where to go on', async () => {
    const stop = new AbortController();
    invoke = ({ from }) => {
      if (String(from).startsWith('2026-03-25')) stop.abort();
      return new Promise(() => {});
    };
    const invokeDay = invoke;
    invoke = (event) =>
      String(event.from).startsWith('2026-03-24') ? done({ same: 5 }) : invokeDay(event);
    const { terminal, stderr } = testTerminal(directory, { now: NOW, signal: stop.signal });
    expect(
      await run(['reconcile', '--local', '--from', '2026-03-24', '--to', '2026-03-27'], terminal),
    ).toBe(1);
    expect(lambda.events).toHaveLength(2);
    expect(stderr.text).toContain('5 lines from the Events API');
    expect(stderr.text).toMatch(/\nerror: stopped; go on with --from 2026-03-25T00:00:00Z\n$/);
  });

  test('before the first day starts nothing', async () => {
    const ran = await runIn(directory, ['reconcile', '--local', ...WINDOW], {
      now: NOW,
      signal: AbortSignal.abort(),
    });
    expect(ran).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'error: stopped; go on with --from 2026-03-27T12:00:00Z\n',
    });
    expect(lambda.events).toEqual([]);
  });
});

test.each([
  [['--from', 'yesterday', '--to', '2026-03-01'], 2, '--from is not before --to'],
  [['--from', '2026-01-01', '--to', '2026-01-02'], 2, 'between 29 days and two minutes ago'],
  [['--from', 'noon'], 2, '--from must be'],
  [[], 2, "required option '--from <time>' not specified"],
  [['--from', '2026-03-20', '--sid', '42'], 2, 'SID 42 is not registered'],
  [['--from', '2026-03-20', '--dry-run', '--accept-changes'], 2, 'cannot be used with option'],
])('%j is rejected', async (args, code, message) => {
  const { exitCode, stderr } = await reconcile(...args);
  expect({ exitCode, stderr }).toEqual({
    exitCode: code,
    stderr: expect.stringContaining(message),
  });
  expect(lambda.events).toEqual([]);
});
