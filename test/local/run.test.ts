import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { INDEXES } from '../../core/names';
import { dynamoDbClient } from '../../local/embedded/clients';
import { runLocally } from '../../local/run';
import { synthesize } from '../../local/template/assembly';

jest.setTimeout(60_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Collects what is printed and tells when a text appears. */
class Printed {
  public text = '';
  private waiting: { text: string; resolve: () => void }[] = [];

  public add(chunk: string): void {
    this.text += chunk;
    for (const { text, resolve } of this.waiting) if (this.text.includes(text)) resolve();
  }

  public until(text: string): Promise<void> {
    if (this.text.includes(text)) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push({ text, resolve }));
  }
}

const reachable = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const stop = new AbortController();
let ended: Promise<unknown> | undefined;
afterAll(async () => {
  // Also when the test failed half-way.
  stop.abort();
  await ended?.catch(() => {});
});

it('sends its day, stays up for more, can be driven by other programs, and leaves nothing behind', async () => {
  const printed = new Printed();
  const log = jest.spyOn(console, 'log').mockImplementation((text: string) => printed.add(`${text}\n`));
  const running = runLocally({ once: false, ui: true, folder }, stop.signal);
  ended = running;
  // A start that fails must fail the test, not hang it.
  await Promise.race([printed.until('Ctrl-C stops everything'), running]);

  expect(printed.text).toContain('every line exactly once');
  expect(printed.text).toMatch(/Dead-letter queue\S* +\S*empty/);
  const endpoints = JSON.parse(await readFile(join(folder, 'endpoints.json'), 'utf8')) as Record<string, string>;
  expect(Object.keys(endpoints).sort()).toEqual(
    [
      'deadLetterQueueUrl',
      'dynamodb',
      'endpointUrl',
      'queueUrl',
      'rakuten',
      'region',
      'secretsManager',
      'sid',
      'sqs',
      'stateTableName',
      'tableName',
    ].sort(),
  );
  const browser = /http:\/\/127\.0\.0\.1:\d+/.exec(printed.text.slice(printed.text.indexOf('Table browser')))?.[0] ?? '';
  expect(await (await fetch(browser)).text()).toContain(endpoints.tableName);

  const url = /curl "(.*)"/.exec(printed.text)?.[1] ?? '';
  expect((await fetch(url)).status).toBe(200);
  await printed.until('order TRY-ORDER');
  const client = dynamoDbClient(endpoints.dynamodb ?? '');
  const { Items: [found] = [] } = await client.send(
    new QueryCommand({
      TableName: endpoints.tableName,
      IndexName: INDEXES.byTransaction,
      KeyConditionExpression: 'etransaction_id = :id',
      ExpressionAttributeValues: { ':id': { S: 'TRY-1' } },
    }),
  );
  const { order_key, line_key } = found ?? {};
  const { Item } = await client.send(new GetItemCommand({ TableName: endpoints.tableName, Key: { order_key, line_key } as never }));
  expect(Item).toMatchObject({ sale_amount: { N: '42' }, u1: { S: 'me' } });
  client.destroy();

  stop.abort();
  expect(await running).toBe(0);
  log.mockRestore();
  expect(existsSync(join(folder, 'endpoints.json'))).toBe(false);
  for (const address of [endpoints.endpointUrl, endpoints.dynamodb, endpoints.sqs, endpoints.rakuten, endpoints.secretsManager, browser]) {
    expect(await reachable(address ?? '')).toBe(false);
  }
});

describe('npm start', () => {
  /** The program in a process group of its own, with everything it prints. */
  function start(...args: string[]): { child: ChildProcess; printed: Printed; end: Promise<number | null> } {
    const child = spawn(process.execPath, ['--import', './scripts/typescript.mjs', join('local', 'main.ts'), ...args], {
      cwd: join(__dirname, '..', '..'),
      detached: true,
      // As set up for the tests: without this the child gets the environment that jest itself was started with.
      env: process.env,
    });
    const printed = new Printed();
    child.stdout?.on('data', (chunk) => printed.add(String(chunk)));
    child.stderr?.on('data', (chunk) => printed.add(String(chunk)));
    const end = once(child, 'close').then(([code]) => code as number | null);
    return { child, printed, end };
  }
  /** Waits until no process of the program's group is left; the TypeScript loader's own process goes a moment after it. */
  async function gone(child: ChildProcess): Promise<boolean> {
    for (const deadline = Date.now() + 3000; Date.now() < deadline; ) {
      try {
        process.kill(-(child.pid ?? 0), 0);
      } catch {
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  it('says how it is used', async () => {
    const { printed, end } = start('--help');
    expect(await end).toBe(0);
    for (const option of ['--once', '--port <number>', '--ui']) expect(printed.text).toContain(option);
  });

  it.each(['0', '65536', 'eighty', '-1', '80.5'])('refuses the port %s', async (port) => {
    const { printed, end } = start(`--port=${port}`);
    expect(await end).toBe(1);
    expect(printed.text).toContain('give a number from 1 to 65535');
  });

  it('says that the port is taken, and leaves nothing running', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { child, printed, end } = start('--once', '--port', String(port));
    const code = await end;
    other.close();
    expect(code).toBe(1);
    expect(printed.text).toContain(`port ${port} is taken by another program: give another one with --port`);
    expect(await gone(child)).toBe(true);
  });

  it.each([
    ['SIGINT', 'synthesizing the app', 130],
    ['SIGTERM', 'making the resources', 143],
  ] as const)('ends at %s while %s, and leaves nothing running', async (signal, step, code) => {
    const { child, printed, end } = start();
    await Promise.race([printed.until(step), end]);
    // As Ctrl-C does: to every process of the group.
    process.kill(-(child.pid ?? 0), signal);
    expect(await end).toBe(code);
    expect(printed.text).toMatch(/stopped\n$/);
    expect(await gone(child)).toBe(true);
  });
});

it('says in one line what the app found wrong', async () => {
  await expect(synthesize(join(folder, 'cdk.out'), {})).rejects.toThrow(/^synthesizing bin\/app\.ts failed: .*sid/);
});
