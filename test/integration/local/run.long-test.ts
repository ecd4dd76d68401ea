import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { runLocally } from '../../../local/run';
import { Printed } from '../../support/printed';

let folder: string;
beforeAll(async () => {
  // What `npm start -- --ui` does before it loads the program.
  await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    "(await import('./tools/install.mjs')).install('local/ui')",
  ]);
  folder = await mkdtemp(join(tmpdir(), 'local-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

const reachable = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Headers of requests that a browser sends for a page of another site. */
const FOREIGN: readonly Record<string, string>[] = [
  { host: 'attacker.example' },
  { host: '127.0.0.1.attacker.example:4567' },
  { origin: 'http://attacker.example' },
  { origin: 'null' },
  { origin: 'http://127.0.0.1:1' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
];

/**
 * Whether a request with these headers is rejected. `fetch` cannot send a `Host` of another name.
 */
const isRejected = (url: string, headers: Record<string, string>): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers }, async (response) => {
      const body = await text(response);
      resolve(response.statusCode === 403 && body.startsWith('Rejected: '));
    });
    sent.once('error', reject).end();
  });

const stop = new AbortController();
let ended: Promise<unknown> | undefined;
afterAll(async () => {
  // Also when the test failed half-way.
  stop.abort();
  await ended?.catch(() => {});
});

it('sends its day, stays up for more, can be used by other programs, and leaves nothing behind', async () => {
  const printed = new Printed();
  const log = jest
    .spyOn(console, 'log')
    .mockImplementation((line: string) => printed.add(`${line}\n`));
  const running = runLocally({ once: false, ui: true, folder }, stop.signal);
  ended = running;
  // A start that fails must fail the test, not hang it.
  await Promise.race([printed.until('Ctrl-C stops everything'), running]);

  expect(printed.text).toContain('every line exactly once');
  const summary = printed.text.slice(0, printed.text.indexOf('Send one more'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of terminal colours.
  for (const line of summary.replace(/\u001b\[\d+m/g, '').split('\n'))
    expect(line.length).toBeLessThanOrEqual(80);
  expect(printed.text).toMatch(/Dead-letter queue\S* +\S*empty/);
  const endpoints = JSON.parse(await readFile(join(folder, 'endpoints.json'), 'utf8')) as Record<
    string,
    string
  >;
  expect(Object.keys(endpoints).sort()).toEqual(
    [
      'deadLetterQueueUrl',
      'dynamodb',
      'endpointUrl',
      'lambda',
      'queueUrl',
      'rakuten',
      'reconciliationFunctionName',
      'registrationFunctionName',
      'region',
      'secretsManager',
      'sid',
      'sqs',
      'stateTableName',
      'tableName',
    ].sort(),
  );
  const browser =
    /http:\/\/127\.0\.0\.1:\d+/.exec(
      printed.text.slice(printed.text.indexOf('Table browser')),
    )?.[0] ?? '';
  expect(await (await fetch(browser)).text()).toContain(endpoints.tableName);

  const services = [
    'dynamodb',
    'endpointUrl',
    'lambda',
    'rakuten',
    'secretsManager',
    'sqs',
  ] as const;
  for (const address of [...services.map((name) => endpoints[name] ?? ''), browser]) {
    for (const foreign of FOREIGN)
      expect({ address, foreign, rejected: await isRejected(address, foreign) }).toMatchObject({
        rejected: true,
      });
    const { origin, host } = new URL(address);
    expect(await isRejected(address, { host, origin })).toBe(false);
  }

  const url = /curl "(.*)"/.exec(printed.text)?.[1] ?? '';
  expect((await fetch(url)).status).toBe(200);
  await printed.until('order TRY-ORDER');
  const client = dynamoDbClient(endpoints.dynamodb ?? '');
  const Key = { line_id: { S: `${endpoints.sid}#TRY-1` }, is_event: { S: 'N' } };
  const { Item } = await client.send(new GetItemCommand({ TableName: endpoints.tableName, Key }));
  expect(Item).toMatchObject({ sale_amount: { N: '42' }, u1: { S: 'me' } });
  client.destroy();

  stop.abort();
  expect(await running).toBe(0);
  log.mockRestore();
  expect(existsSync(join(folder, 'endpoints.json'))).toBe(false);
  for (const address of [
    endpoints.endpointUrl,
    endpoints.dynamodb,
    endpoints.sqs,
    endpoints.lambda,
    endpoints.rakuten,
    endpoints.secretsManager,
    browser,
  ]) {
    expect(await reachable(address ?? '')).toBe(false);
  }
});
