/**
 * The bundled command line as a user runs it: a process of its own, against a stack whose
 * CloudFormation is played by a small server.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateTableCommand,
  type DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { createStateTableInput } from '../../../core/state/table';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { type Stacks, startCloudFormation } from '../../support/cloudformation-server';
import { createTable, SEED, seedTable } from '../../support/seed';

const ROOT = join(__dirname, '../../..');

const STACKS: Stacks = {
  RakutenPostback: {
    outputs: { TableName: 'Transactions', StateTableName: 'State', Sid: '3900112' },
    tables: [],
  },
  Nested: { outputs: { PostbackTableName1A2B3C4D: 'Transactions' }, tables: [] },
  Ledger: {
    outputs: { LedgerTableName: 'Second', LedgerTableName1A2B3C4D: 'Second' },
    tables: ['Transactions'],
  },
  WithoutOutputs: { outputs: {}, tables: ['Transactions'] },
  TwoTables: { outputs: {}, tables: ['Transactions', 'Second'] },
  NoTable: { outputs: { Something: 'else' }, tables: [] },
  TwoConstructs: {
    outputs: {},
    tables: [],
    resources: {
      ...parts('Postback', 'Second', '1'),
      ...parts('PostbackJapan', 'Transactions', '3900112'),
    },
  },
  SharedTable: {
    outputs: {},
    tables: ['Transactions'],
    resources: { ...parts('Shop', undefined, '1'), ...parts('ShopJapan', undefined, '3900112') },
  },
};

/** What the stack has of a RakutenPostback. */
function parts(
  construct: string,
  table: string | undefined,
  sid: string,
): Record<string, [string, string]> {
  return {
    [`${construct}RegistrationProviderFunction1A2B3C4D`]: [
      'AWS::Lambda::Function',
      `${construct}-registration`,
    ],
    [`${construct}StateTable1A2B3C4D`]: ['AWS::DynamoDB::GlobalTable', 'State'],
    [`${construct}Publisher1A2B3C4D`]: [
      'Custom::RakutenPostbackRegistration',
      `rakuten-postback-${sid}`,
    ],
    ...(table === undefined
      ? {}
      : { [`${construct}TransactionTable1A2B3C4D`]: ['AWS::DynamoDB::GlobalTable', table] }),
  };
}

let folder: string;
let bundle: string;
let server: Awaited<ReturnType<typeof startDynamoDb>>;
let dynamodb: DynamoDBClient;
let cloudFormation: Awaited<ReturnType<typeof startCloudFormation>>;
let env: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rakuten-bundle-'));
  await promisify(execFile)(process.execPath, [join(ROOT, 'tools/build-cli.mjs'), folder]);
  bundle = join(folder, 'cdk-rakuten-postback.js');
  server = await startDynamoDb();
  dynamodb = dynamoDbClient(server.endpoint);
  await seedTable(dynamodb, 'Transactions');
  await createTable(dynamodb, 'Second');
  await dynamodb.send(new CreateTableCommand(createStateTableInput('State')));
  await waitUntilTableExists(
    { client: dynamodb, maxWaitTime: 10, minDelay: 0.01 },
    { TableName: 'State' },
  );
  cloudFormation = await startCloudFormation(STACKS);
  env = {
    PATH: process.env.PATH ?? '',
    AWS_ENDPOINT_URL_DYNAMODB: server.endpoint,
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
});

afterAll(async () => {
  dynamodb.destroy();
  await cloudFormation.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runBundle(
  args: readonly string[],
  overrides: Record<string, string> = {},
): Promise<Ran> {
  const child = spawn(bundle, args, {
    cwd: folder,
    env: { ...env, ...overrides },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    ran.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    ran.stderr += chunk.toString();
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, ...ran };
}

test('is one executable file that needs nothing but Node', async () => {
  const code = readFileSync(bundle, 'utf8');
  expect(code.startsWith('#!/usr/bin/env node\n')).toBe(true);
  expect(statSync(bundle).mode & 0o111).toBe(0o111);
  // It stands in a folder without node_modules: what it does not hold, it does not find.
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  expect(await runBundle(['--version'])).toEqual({
    exitCode: 0,
    stdout: `${version}\n`,
    stderr: '',
  });
});

test.each([
  ['the stack of the app in this package', []],
  ['a stack by name', ['--stack', 'Nested']],
  ['a stack without outputs', ['--stack', 'WithoutOutputs']],
  ['a stack with outputs that only end like the name', ['--stack', 'Ledger']],
  ['a table', ['--table', 'Transactions']],
  [
    'one of two RakutenPostbacks in a stack',
    ['--stack', 'TwoConstructs', '--construct', 'PostbackJapan'],
  ],
])('asks %s', async (_name, args) => {
  const ran = await runBundle(['query', '--day', '2026-03-27', '--json', ...args]);
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  expect(JSON.parse(ran.stdout)).toEqual([
    expect.objectContaining({ order_id: 'W-100200300', sale_amount: '-180' }),
  ]);
});

test('takes the stack from the environment, and the publisher from the stack', async () => {
  expect(
    await runBundle(['query', '--day', '2026-03-27'], { RAKUTEN_STACK_NAME: 'Missing' }),
  ).toMatchObject({ exitCode: 1 });
  const order = ['query', '--order', 'M-555', '--advertiser', '39001'];
  expect(await runBundle(order)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('partly returned'),
  });
  const nested = await runBundle(order, { RAKUTEN_STACK_NAME: 'Nested' });
  expect(nested).toMatchObject({
    exitCode: 2,
    stderr:
      'error: stack Nested: the publisher is unknown (there is none, or several): give it with --sid\n',
  });
});

test.each<[string, string[], string]>([
  [
    'a stack that does not exist',
    ['--stack', 'Missing'],
    "error: there is no stack Missing in us-east-1: name it with --stack, its region with --region, or give the table's name with --table\n",
  ],
  [
    'a stack with two tables',
    ['--stack', 'TwoTables'],
    'error: stack TwoTables has several tables (Transactions, Second): choose one with --table\n',
  ],
  [
    'a stack without a table',
    ['--stack', 'NoTable'],
    'error: stack NoTable has no transaction table (neither an output TableName nor such a table): give --table NAME\n',
  ],
  [
    'a table that does not exist',
    ['--table', 'Missing'],
    'error: table Missing: there is no such table in this account and region. Check --region, --profile and the name\n',
  ],
  [
    'a stack with two RakutenPostbacks',
    ['--stack', 'TwoConstructs'],
    'error: stack TwoConstructs has 2 RakutenPostbacks (Postback, PostbackJapan): choose one with --construct, such as --construct Postback\n',
  ],
  [
    'a RakutenPostback that is not there',
    ['--stack', 'TwoConstructs', '--construct', 'Post'],
    'error: stack TwoConstructs has no RakutenPostback Post: it has Postback, PostbackJapan\n',
  ],
  [
    'a profile that does not exist',
    ['--table', 'T', '--profile', 'missing'],
    'error: there is no AWS profile missing: /dev/null and /dev/null have none. Name one with --profile ("aws configure list-profiles" lists them), or make it with ',
  ],
])('explains %s in one line', async (_name, args, message) => {
  const ran = await runBundle(
    ['query', '--member', 'm', ...args],
    args.includes('--profile') ? { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' } : {},
  );
  expect(ran).toMatchObject({ exitCode: 1, stdout: '' });
  expect(ran.stderr.startsWith(message)).toBe(true);
  expect(ran.stderr.trimEnd().split('\n')).toHaveLength(1);
});

test('tells what is wrong with the profile or the region of the environment', async () => {
  const config = join(folder, 'config');
  writeFileSync(
    config,
    '[default]\nregion = us-east-1\n[sso-session corp]\n[profile work]\nregion = us-east-2\n[ profile "our team" ]\n',
  );
  const query = (overrides: Record<string, string>) =>
    runBundle(['query', '--table', 'T', '--member', 'm'], overrides);
  const noKeys = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_CONFIG_FILE: config };
  const nope = await query({ ...noKeys, AWS_PROFILE: 'nope' });
  expect(nope.stderr).toContain(
    `there is no AWS profile nope: ${config} and /dev/null have default, our team, work. Name one with AWS_PROFILE (`,
  );
  expect(
    (await query({ ...noKeys, AWS_PROFILE: 'our team', AWS_EC2_METADATA_DISABLED: 'true' })).stderr,
  ).toMatch(/^error: no AWS credentials: /);
  expect((await query({ AWS_REGION: '' })).stderr).toBe(
    'error: no AWS region is set: give --region, set AWS_REGION, or name a profile that has one with --profile\n',
  );
  expect((await query({ AWS_REGION: 'us east' })).stderr).toBe(
    "error: 'us east' is no AWS region: give one such as us-east-1 with --region or AWS_REGION\n",
  );
});

test('a publisher is not guessed where two RakutenPostbacks share a table', async () => {
  const order = ['query', '--order', 'M-555', '--advertiser', '39001', '--stack', 'SharedTable'];
  expect(await runBundle(order)).toMatchObject({
    exitCode: 2,
    stderr:
      'error: stack SharedTable has 2 RakutenPostbacks (Shop, ShopJapan): choose one with --construct, such as --construct Shop\n',
  });
  expect(await runBundle([...order, '--construct', 'ShopJapan'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('partly returned'),
  });
});

test('a reader that has read enough is no error', async () => {
  const child = spawn(bundle, ['export', '--all'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout.destroy();
  const [exitCode] = (await once(child, 'close')) as [number];
  expect(exitCode).toBe(0);
  expect(stderr).not.toMatch(/error|EPIPE/);
});

test('Ctrl-C ends tail as it should end', async () => {
  const child = spawn(bundle, ['tail', '--since', '1d'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(child.stderr, 'data');
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
});

test('Ctrl-C ends a command that waits for an answer', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const asked = once(silent, 'connection') as Promise<[Socket]>;
  const child = spawn(bundle, ['query', '--member', 'm', '--table', 'T'], {
    env: { ...env, AWS_ENDPOINT_URL_DYNAMODB: endpoint },
    stdio: 'ignore',
  });
  const [socket] = await asked;
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([130, null]);
  socket.destroy();
  silent.close();
});

test('an export is complete whatever reads it', async () => {
  const { stdout } = await runBundle(['export', '--all', '--format', 'jsonl', '--quiet']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(SEED.length);
});
