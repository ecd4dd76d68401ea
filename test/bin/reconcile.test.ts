import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { REGISTRATION_PROPERTIES as P } from '../../core/names';
import { ALL_FIELDS } from '../../core/rakuten/fields';
import { parseMessage } from '../../core/rakuten/message';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import { createStateTableInput, createTableInput } from '../../core/store/table';
import { type EmbeddedServices, startEmbeddedServices } from '../../local/embedded/services';
import { type FakeRakuten, type LineRecord, startFakeRakuten } from '../../local/fake-rakuten';
import { put } from '../client/seed';
import { runIn } from './terminal';

const SID = '3900112';
const CLIENT = { clientId: 'client-id-of-the-tests', clientSecret: 'client-secret-of-the-tests' };
const NOW = new Date('2026-03-28T12:00:00.000Z');
const [TABLE, STATE] = ['Transactions', 'State'];

let services: EmbeddedServices;
let clients: EmbeddedServices['clients'];
let rakuten: FakeRakuten;
let queueUrl: string;
let directory: string;

const line = (id: string, changes: LineRecord = {}): LineRecord => ({
  is_event: 'N',
  etransaction_id: id,
  sid: SID,
  advertiser_id: '39001',
  order_id: `W-${id}`,
  transaction_date: '2026-03-27T18:00:00.123Z',
  process_date: '2026-03-27T18:20:00.456Z',
  currency: 'USD',
  sale_amount: '180',
  commissions: '5.4',
  quantity: '1',
  u1: 'clk_1',
  ...changes,
});

beforeAll(async () => {
  services = await startEmbeddedServices();
  ({ clients } = services);
  rakuten = await startFakeRakuten({ ...CLIENT, now: () => NOW.getTime() });
  await services.createTables(createTableInput(TABLE), createStateTableInput(STATE));
  await clients.secretsManager.send(new CreateSecretCommand({ Name: 'credentials', SecretString: JSON.stringify(CLIENT) }));
  queueUrl = (await clients.sqs.send(new CreateQueueCommand({ QueueName: 'postbacks' }))).QueueUrl ?? '';
  directory = mkdtempSync(join(tmpdir(), 'rakuten-cli-'));
  mkdirSync(join(directory, '.local'));
  const endpoints = {
    ...services.endpoints,
    tableName: TABLE,
    stateTableName: STATE,
    queueUrl,
    sid: SID,
    region: 'us-east-1',
  };
  writeFileSync(join(directory, '.local', 'endpoints.json'), JSON.stringify(endpoints));
  await register(ALL_FIELDS);

  // As in the table, missing, different, and in the table alone.
  await put(clients.dynamodb, TABLE, line('SAME'), { verifiedAt: '2026-03-27T19:00:00.000Z' });
  await put(clients.dynamodb, TABLE, line('NEW'));
  await put(clients.dynamodb, TABLE, line('CHANGED'), { verifiedAt: '2026-03-27T19:00:00.000Z' });
  await put(clients.dynamodb, TABLE, line('FORGED'));
  await put(clients.dynamodb, TABLE, line('EARLIER', { process_date: '2026-03-27T10:00:00.000Z' }));
  const { process_date, ...dateless } = line('DATELESS');
  await put(clients.dynamodb, TABLE, dateless, { receivedAt: process_date });
  await put(clients.dynamodb, TABLE, line('PLUS', { order_id: 'W 1' }));
  rakuten.record(line('PLUS', { order_id: 'W+1' }));
  for (const id of ['SAME', 'NEW', 'LOST']) rakuten.record(line(id));
  rakuten.record(line('CHANGED', { sale_amount: '-180.00', commissions: '-5.40' }));
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await Promise.all([services.close(), rakuten.close()]);
});

const register = (fields: typeof ALL_FIELDS): Promise<void> =>
  new DynamoRegistrationStore(clients.dynamodb, STATE).writeState({
    sid: SID,
    accepted: [{ secretSha256: '', fieldListId: '', fields }],
    properties: { [P.credentialsSecretArn]: 'credentials', [P.rakutenApiUrl]: rakuten.url },
  });

const reconcile = (...args: string[]) => runIn(directory, ['reconcile', '--local', ...args], { now: NOW });
const WINDOW = ['--from', '2026-03-27T12:00:00Z', '--to', '2026-03-28T00:00:00Z'];

async function sent(): Promise<string[]> {
  const { Messages = [] } = await clients.sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
  );
  return Messages.map(({ Body = '' }) => String(Object.fromEntries(parseMessage(Body).parameters).etransaction_id)).sort();
}

test('--dry-run reports every difference and sends nothing', async () => {
  const { stdout, stderr, exitCode } = await reconcile(...WINDOW, '--dry-run');
  expect(exitCode).toBe(0);
  const table = stdout.split('\n').map((text) => text.replace(/ {2,}/g, ' | ').trim());
  expect(table[0]).toBe('WHAT | PROCESSED (UTC) | ORDER | ADVERTISER | EVENT | SALE | COMMISSION | CUR | TRANSACTION | ROW → RAKUTEN');
  expect(table).toContain('missing | 2026-03-27 18:20 | W-LOST | 39001 | 180.00 | 5.40 | USD | LOST');
  expect(table).toContain(
    'different | 2026-03-27 18:20 | W-CHANGED | 39001 | -180.00 | -5.40 | USD | CHANGED | sale_amount: 180 → -180; commissions: 5.4 → -5.4',
  );
  expect(table).toContain('not at Rakuten | 2026-03-27 18:20 | W-FORGED | 39001 | 180.00 | 5.40 | USD | FORGED');
  expect(table).toContain('not at Rakuten | W-DATELESS | 39001 | 180.00 | 5.40 | USD | DATELESS');
  expect(table.filter((text) => text !== '')).toHaveLength(5);
  expect(stderr).toContain(
    '5 lines at Rakuten (2026-03-27T12:00:00.000Z to 2026-03-28T00:00:00.000Z): 1 the same and confirmed, 2 the same and not confirmed yet, 1 missing, 1 different, 0 incomplete; 2 rows that Rakuten does not tell',
  );
  expect(stderr).toContain('nothing was sent');
  expect(await sent()).toEqual([]);
});

test('--json gives the differences as an array', async () => {
  const { stdout } = await reconcile(...WINDOW, '--dry-run', '--json');
  const differences = JSON.parse(stdout) as Record<string, unknown>[];
  expect(differences.map(({ what, etransaction_id }) => [what, etransaction_id]).sort()).toEqual([
    ['different', 'CHANGED'],
    ['missing', 'LOST'],
    ['not at Rakuten', 'DATELESS'],
    ['not at Rakuten', 'FORGED'],
  ]);
  expect(differences.find(({ what }) => what === 'different')).toMatchObject({
    order_key: '3900112#39001#W-CHANGED',
    line_key: 'CHANGED#N',
    differences: [
      { field: 'sale_amount', row: '180', rakuten: '-180' },
      { field: 'commissions', row: '5.4', rakuten: '-5.4' },
    ],
  });
});

test('without it sends what would change the table', async () => {
  const { stderr, exitCode } = await reconcile(...WINDOW);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('4 lines were sent through the queue');
  expect(await sent()).toEqual(['CHANGED', 'LOST', 'NEW', 'PLUS']);
});

test('shows progress on a terminal', async () => {
  const { stderr } = await runIn(directory, ['reconcile', '--local', ...WINDOW, '--dry-run'], { now: NOW, columns: 200 });
  expect(stderr).toContain('100 %: 5 lines, 1 missing, 1 different');
  expect((await reconcile(...WINDOW, '--dry-run')).stderr).not.toContain('%');
});

test('answers 3 when a dry run finds nothing', async () => {
  expect((await reconcile('--from', '2026-03-20', '--to', '2026-03-21', '--dry-run')).exitCode).toBe(3);
});

test.each([
  [['--from', 'yesterday', '--to', '2026-03-01'], 2, '--from is not before --to'],
  [['--from', '2026-01-01', '--to', '2026-01-02'], 2, 'between 29 days and two minutes ago'],
  [['--from', 'noon'], 2, '--from must be'],
  [[], 2, "required option '--from <time>' not specified"],
  [['--from', '2026-03-20', '--sid', '42'], 2, 'SID 42 is not registered'],
])('%j is refused', async (args, code, message) => {
  const { exitCode, stderr } = await reconcile(...args);
  expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(message) });
});

test('an error of Rakuten, and a URL that does not tell lines apart, are explained', async () => {
  rakuten.fault({ operation: 'events', times: 2, status: 400, body: '{"message":"invalid process_date range"}' });
  const refused = await reconcile(...WINDOW);
  expect(refused).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('HTTP 400. It said: {"message":"invalid process_date range"}'),
  });
  await register(ALL_FIELDS.filter(({ name }) => name !== 'order_id'));
  expect(await reconcile(...WINDOW)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('does not ask for order_id') });
  await register(ALL_FIELDS);
});

test('stops at Ctrl-C and says where to go on', async () => {
  const stopped = AbortSignal.abort();
  const { exitCode, stderr } = await runIn(directory, ['reconcile', '--local', '--from', '2026-03-01', '--dry-run'], {
    now: NOW,
    signal: stopped,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/error: stopped; go on with --from 2026-03-02T00:00:00\.000Z/);
});
