import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  DeleteTableCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import {
  DeleteMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Told } from '../../../cli/doctor/run';
import type { DeadLetter } from '../../../core/dead-letters/letter';
import { FailureNotes } from '../../../core/dead-letters/notes';
import { DeadLetterQueue, type ReceivedMessage } from '../../../core/dead-letters/queue';
import { redrive } from '../../../core/dead-letters/redrive';
import { createTableInput } from '../../../core/state/table';
import type { LineRecord } from '../../../fake-rakuten';
import { fillTemplate } from '../../../fake-rakuten/sender';
import { queueDepth, untilEmpty } from '../../../local/drain';
import { writeEndpoints } from '../../../local/endpoints';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { compareRows, scanTable } from '../../../local/verify';
import { startCloudFormation } from '../../support/cloudformation-server';
import { ControlPlane } from '../../support/control-plane';
import { runIn } from '../../support/terminal';

/** `dlq` and `doctor`, with a consumer that fails and a dead-letter queue that fills. */

let stack: LocalStack;
let folder: string;
let secret: string;

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
  });
  secret = new URL(stack.registeredUrl).searchParams.get('k') ?? '';
  folder = mkdtempSync(join(tmpdir(), 'rakuten-dlq-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
});
afterAll(async () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  await stack?.close();
});
afterEach(() => stack.dynamodb.accept());

const line = (id: string): LineRecord => ({
  is_event: 'N',
  etransaction_id: id.padEnd(32, '0'),
  sid: stack.sid,
  advertiser_id: '39001',
  order_id: `ORDER-${id}`,
  process_date: '2026-03-13T18:17:25.000+00:00',
  transaction_date: '2026-03-13T18:02:43.000+00:00',
  currency: 'USD',
  sale_amount: '71.49',
  commissions: '3.57',
  u1: 'member-42',
});

async function push(...lines: LineRecord[]): Promise<void> {
  for (const one of lines) expect(await stack.rakuten.push(one)).toMatchObject({ status: 200 });
}

async function dlq(...args: string[]) {
  const ran = await runIn(folder, ['dlq', ...args, '--local'], {
    now: new Date(),
    columns: 200,
    env: { NO_COLOR: '1' },
  });
  expect(ran.stdout + ran.stderr).not.toContain(secret);
  return ran;
}
const letters = async (): Promise<DeadLetter[]> => JSON.parse((await dlq('list', '--json')).stdout);
const inDeadLetterQueue = (): Promise<number> =>
  queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl);

/**
 * SQS moves a message after five failures. Here it does so after the first, with a short visibility
 * timeout.
 */
async function withOneTry(count: number, fail: () => Promise<unknown>): Promise<void> {
  const set = (VisibilityTimeout: number, maxReceiveCount: number) => {
    const deadLetterTargetArn = `arn:aws:sqs:${stack.region}:000000000000:${stack.deadLetterQueueUrl.split('/').at(-1)}`;
    const Attributes = {
      VisibilityTimeout: String(VisibilityTimeout),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }),
    };
    return stack.clients.sqs.send(
      new SetQueueAttributesCommand({ QueueUrl: stack.queueUrl, Attributes }),
    );
  };
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
  await set(2, 1);
  await fail();
  while ((await inDeadLetterQueue()) < count) await sleep(20);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
  await set(180, 5);
}

/** The table has each of these lines once, as it was sent. */
async function expectRows(...lines: LineRecord[]): Promise<void> {
  const { intact, missing, repeated, different } = compareRows(
    lines,
    await scanTable(stack.clients.dynamodb, stack.tableName),
  );
  expect({ intact, missing, repeated, different }).toEqual({
    intact: lines.length,
    missing: [],
    repeated: [],
    different: [],
  });
}

it('reports an empty dead-letter queue', async () => {
  for (const args of [['list'], ['redrive', '--all'], ['drop', '--all', '--yes']]) {
    expect(await dlq(...args)).toMatchObject({
      exitCode: 3,
      stderr: 'nothing is in the dead-letter queue\n',
    });
  }
});

it('explains a deleted table, and redrives each line to one row when it is back', async () => {
  const { dynamodb } = stack.clients;
  const TableName = stack.tableName;
  await dynamodb.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists({ client: dynamodb, maxWaitTime: 10, minDelay: 1 }, { TableName });
  await withOneTry(5, () => push(line('A1'), line('B2'), line('B2'), line('C3'), line('D4')));

  const listed = await dlq('list');
  expect(listed.exitCode).toBe(0);
  expect(listed.stdout).toMatch(
    /^ID +ARRIVED \(UTC\) +WHAT +SID +ORDER +TRANSACTION +SALE +REDRIVEN +WHY\n/,
  );
  expect(listed.stdout).toMatch(
    /[0-9a-f]{8} {2}20\S+ \d\d:\d\d {2}postback {2}3900112 {2}ORDER-A1 {2}A10+ {2}71.49 USD .*the transaction table or the state/,
  );
  expect(listed.stderr).toMatch(
    /^5 messages\n5 × the transaction table or the state table was not there\n {4}next: .*redrive\n$/,
  );

  await dynamodb.send(new CreateTableCommand(createTableInput(TableName)));
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 10, minDelay: 1 }, { TableName });
  expect((await dlq('redrive', '--all', '--dry-run')).stderr).toContain(
    'they would be sent back; nothing was changed (--dry-run)',
  );
  const old = await letters();
  const chosen = old
    .filter(({ contents }) => /A1|B2/.test(contents.fields.order_id ?? ''))
    .map(({ id }) => id);
  const { exitCode, stdout } = await dlq('redrive', ...chosen);
  expect([exitCode, stdout]).toEqual([
    0,
    '3 messages sent back to the queue\n3 lines are in the table\n',
  ]);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
  await expectRows(line('A1'), line('B2'));
  expect(await inDeadLetterQueue()).toBe(2);
  // The notes about them are deleted.
  const notes = new FailureNotes(dynamodb, stack.stateTableName);
  expect((await notes.read(old.map(({ id }) => id))).size).toBe(2);
});

it('duplicates nothing if a redrive is killed between sending and deleting', async () => {
  const { sqs } = stack.clients;
  const queue = new DeadLetterQueue(sqs, stack.deadLetterQueueUrl, { waitSeconds: 0 });
  const received: ReceivedMessage[] = [];
  for await (const page of queue.receive(2)) received.push(...page);
  expect(await dlq('list')).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('another reader has about 2 at the moment'),
  });

  const killed = cutOffAt(sqs);
  const doomed = new DeadLetterQueue(killed, stack.deadLetterQueueUrl);
  const parts = { client: killed, queueUrl: stack.queueUrl, deadLetters: doomed, now: Date.now };
  expect((await redrive(parts, received)).redriven.map(({ stillThere }) => stillThere)).toEqual([
    true,
    true,
  ]);
  await untilEmpty(sqs, stack.queueUrl, 30);
  // Like SQS after the visibility timeout.
  await queue.release(received);
  expect(await inDeadLetterQueue()).toBe(2);

  expect((await dlq('redrive')).stdout).toBe(
    '2 messages sent back to the queue\n2 lines are in the table\n',
  );
  await untilEmpty(sqs, stack.queueUrl, 30);
  await expectRows(line('A1'), line('B2'), line('C3'), line('D4'));
  expect(await inDeadLetterQueue()).toBe(0);
});

it('reports a message that fails again, with its number of redrives', async () => {
  const q = fillTemplate(stack.registeredUrl, line('E5')).split('?')[1] ?? '';
  const MessageBody = new URLSearchParams({
    at: String(Date.now()),
    id: 'request-5',
    ip: '192.0.2.1',
    q,
  }).toString();
  await stack.clients.sqs.send(
    new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody }),
  );
  // As if the consumer had been killed.
  expect(await letters()).toMatchObject([
    { redrives: 0, why: expect.stringContaining('there is no note') },
  ]);

  await withOneTry(1, async () => {
    // The client tries four times; the note is written after that.
    await stack.dynamodb.refuse({
      operations: ['PutItem'],
      status: 500,
      type: 'InternalServerError',
      times: 4,
    });
    const { exitCode, stdout } = await dlq('redrive', '--all');
    expect([exitCode, stdout]).toEqual([
      1,
      expect.stringMatching(
        /^1 message sent back to the queue\n1 message failed again: DynamoDB could not be reached or failed itself\. /,
      ),
    ]);
  });
  const [letter] = await letters();
  expect(letter).toMatchObject({
    redrives: 1,
    redrivenAt: expect.stringMatching(/^20/),
    failedAt: expect.stringMatching(/^20/),
  });
  const id = letter?.id ?? '';
  const shown = await dlq('show', id.slice(0, 6));
  expect(shown.stdout).toMatch(/^redriven +1×, last 20\S+, and failed again$/m);
  expect(shown.stdout).toMatch(/^order_id +ORDER-E5$/m);
  expect(shown.stdout).toMatch(/^row +line_id 3900112#E50+, is_event N$/m);
  expect((await dlq('redrive', id, '--json')).stdout).toMatch(
    /"stored":1,"failedAgain":\{\},"pending":0/,
  );
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
});

it('skips what can never become a row, and drops it only with --yes, into a file', async () => {
  const { sqs } = stack.clients;
  const endpoint = new URL(stack.registeredUrl);
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: stack.deadLetterQueueUrl,
      MessageBody: `GET ${endpoint.pathname}?k=${secret}&u1=x`,
    }),
  );
  const forged = new URLSearchParams({
    at: '1773425845000',
    id: 'r',
    ip: '192.0.2.1',
    q: 'k=guess&order_id=FORGED',
  }).toString();
  await sqs.send(
    new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody: forged }),
  );

  const redriven = await dlq('redrive', '--all');
  expect(redriven.stdout).toMatch(
    /^0 messages sent back to the queue\n2 messages skipped \(\w{8}, \w{8}\): the consumer would reject them/,
  );
  expect(await dlq('drop', '--all')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('nothing was dropped: add --yes'),
  });
  expect(await dlq('drop', '--all', '--yes', '--dry-run')).toMatchObject({ exitCode: 0 });
  expect(await inDeadLetterQueue()).toBe(2);

  expect((await dlq('drop', '--all', '--yes')).stdout).toMatch(
    /^2 messages dropped; their contents are in \S+dropped-\S+\.jsonl\n$/,
  );
  expect(await inDeadLetterQueue()).toBe(0);
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.jsonl')) ?? '');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = readFileSync(file, 'utf8');
  expect(text).not.toContain(secret);
  const kept = text
    .trimEnd()
    .split('\n')
    .map((json) => JSON.parse(json) as DeadLetter & { body: string });
  expect(kept.map(({ contents, body }) => [contents.kind, body])).toEqual([
    ['unreadable', `GET ${endpoint.pathname}?k=***&u1=x`],
    ['unrecognised', expect.stringContaining('order_id%3DFORGED')],
  ]);
  expect(await dlq('drop', 'abcdef', '--yes')).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('no message abcdef is in'),
  });
});

it.each([
  [['drop', '--yes'], 'which messages? Give their ids (see "dlq list"), or --all'],
  [['drop', '--yes', 'ab'], "'ab' is too short"],
  [['show', '--all', 'abcdef'], 'give ids or --all'],
])('dlq %j is rejected with a question', async (args, message) => {
  expect(await dlq(...args)).toMatchObject({
    exitCode: 2,
    stdout: '',
    stderr: expect.stringContaining(message),
  });
});

describe('doctor', () => {
  const stackEnvironment: Record<string, string> = {};
  let cloudFormation: Awaited<ReturnType<typeof startCloudFormation>>;
  let plane: ControlPlane;

  beforeAll(async () => {
    await push({ ...line('LAST'), process_date: new Date().toISOString() });
    await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
    cloudFormation = await startCloudFormation({
      RakutenPostback: { outputs: { ...stack.outputs }, tables: [] },
    });
    plane = await ControlPlane.start();
    Object.assign(stackEnvironment, {
      AWS_ENDPOINT_URL: plane.endpoint,
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: stack.dynamodb.endpoint,
      AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: stack.secretsManagerEndpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    });
    Object.assign(process.env, stackEnvironment);
  });
  afterAll(async () => {
    for (const name of Object.keys(stackEnvironment)) delete process.env[name];
    await cloudFormation?.close();
    await plane?.close();
  });
  afterEach(() => stack.rakuten.clearFaults());

  /** Runs it, and looks for everything secret in what it says. */
  async function doctor(...args: string[]) {
    const ran = await runIn(folder, ['doctor', ...args], {
      now: new Date(),
      columns: 140,
      env: { NO_COLOR: '1' },
    });
    const credentials = await stack.clients.secretsManager.send(
      new GetSecretValueCommand({ SecretId: 'rakuten/api' }),
    );
    const { clientId, clientSecret } = JSON.parse(credentials.SecretString ?? '{}') as Record<
      string,
      string
    >;
    const tokens = stack.rakuten.calls.flatMap(
      ({ responseBody }) => /"access_token":"([^"]+)"/.exec(responseBody)?.[1] ?? [],
    );
    expect(tokens.length).toBeGreaterThan(0);
    for (const text of [
      secret,
      clientId ?? '',
      clientSecret ?? '',
      ...tokens,
      ControlPlane.ACCOUNT,
      'alice@example.com',
    ]) {
      expect(text.length).toBeGreaterThan(8);
      expect(ran.stdout + ran.stderr).not.toContain(text);
    }
    return ran;
  }
  const findings = async (...args: string[]): Promise<Map<string, Told>> =>
    new Map(
      (JSON.parse((await doctor(...args, '--json')).stdout) as { findings: Told[] }).findings.map(
        (told) => [told.what, told],
      ),
    );

  it('finds the local run in order, and shows its way on a terminal', async () => {
    const { exitCode, stdout, stderr } = await doctor('--local');
    expect(stdout).not.toMatch(/[✗!] /);
    expect(exitCode).toBe(0);
    const plain = stdout.replace(/\s+/g, ' ');
    expect(plain).toMatch(
      / ✓ Slot ours, under the current secret and fields: 127\S+, \d+ fields; switched on ✓/,
    );
    expect(plain).toMatch(
      / ✓ Acknowledgement 5 GETs on new connections answered: median \d+ ms, longest \d+ ms \(Rakuten waits 400 ms; /,
    );
    expect(stdout.match(/^[A-Z].*$/gm)?.slice(0, 5)).toEqual([
      'From here',
      'Rakuten',
      'Endpoint',
      'Queues',
      'Consumer',
    ]);
    expect(stdout).toMatch(/^ {2}✓ Through the queue/m);
    expect(stdout).toMatch(/^ {2}✓ Indexes {17,}by-order; by-member; by-day$/m);
    expect(stdout).toMatch(
      /\n\d+ in order, \d+ not looked at \(\d+\.\d s\)\nNothing in here is secret/,
    );
    expect(stderr).toMatch(/\d+ of \d+: checking .*…/);
  });

  it('says what is wrong with the mend, everything at once, and fails', async () => {
    const url = stack.rakuten.slot(stack.sid)?.url ?? '';
    stack.rakuten.setSlot(stack.sid, { url, active: false });
    await stack.clients.sqs.send(
      new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody: 'nonsense' }),
    );
    await stack.sqs.refuse({
      operations: ['SendMessage'],
      status: 503,
      type: 'ServiceUnavailable',
    });
    const { exitCode, stdout } = await doctor('--local');
    await stack.sqs.accept();
    stack.rakuten.setSlot(stack.sid, { url, active: true });
    expect(exitCode).toBe(1);
    const plain = stdout.replace(/\s+/g, ' ');
    expect(plain).toContain(
      '✗ Slot the postback is switched off, though it should be on → cdk-rakuten-postback enable; then look why',
    );
    expect(plain).toContain(
      '✗ Acknowledgement 5 of 5 GETs were not acknowledged (HTTP 500) → the API cannot write to the queue',
    );
    expect(plain).toContain('· Through the queue not looked at, as no GET was acknowledged');
    expect(plain).toContain(
      '✗ Dead-letter queue about 1 message, each of which SQS deletes 14 days after it came → cdk-rakuten-postback dlq list',
    );
    expect(plain).toContain('✓ Transaction table active');
    expect(plain).toMatch(/ 3 problems, \d+ in order, \d+ not looked at /);
    expect((await dlq('drop', '--all', '--yes')).exitCode).toBe(0);
  });

  it('says what Rakuten says where there is no token', async () => {
    stack.rakuten.fault({
      operation: 'token',
      status: 401,
      body: '{"message":"bad credentials"}',
      times: 10,
    });
    const told = await findings('--local');
    expect(told.get('API credentials')).toMatchObject({ status: 'ok' });
    expect(told.get('Access token')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('HTTP 401'),
      mend: expect.stringContaining('compare them'),
    });
    expect(told.get('Slot')).toMatchObject({
      status: 'skipped',
      found: 'not looked at, as there is no token',
    });
  });

  it('names each permission that is missing, looks at the rest all the same, and does not fail for it', async () => {
    const { exitCode, stdout } = await doctor();
    const plain = stdout.replace(/\s+/g, ' ');
    for (const permission of [
      'sts:GetCallerIdentity',
      'cloudwatch:GetMetricData',
      'lambda:ListEventSourceMappings',
      'lambda:GetFunctionConfiguration',
    ]) {
      expect(plain).toContain(
        `could not be looked at: needs ${permission} → allow ${permission} to whoever runs this`,
      );
    }
    // Where credentials may be sent is known from the function alone.
    expect(plain).toMatch(/! Slot could not be looked at: needs lambda:GetFunctionConfiguration/);
    expect(plain).toContain('✓ Transaction table active');
    expect(plain).toContain('! Alarms the stack has none');
    expect([exitCode, plain.match(/\d+ problems?/)]).toEqual([0, null]);
  });

  it('looks at what a deployed stack has', async () => {
    plane.answers = {
      GetCallerIdentity: plane.identity('assumed-role/Support/alice@example.com'),
      ListEventSourceMappings: {
        EventSourceMappings: [
          {
            UUID: 'u-1',
            State: 'Disabled',
            EventSourceArn: plane.arnOf('sqs', stack.queueUrl.split('/').at(-1) ?? ''),
            FunctionArn: plane.arnOf('lambda', 'function:Consumer'),
          },
        ],
      },
      GetFunctionConfiguration: {
        State: 'Active',
        Runtime: 'nodejs24.x',
        FunctionArn: plane.arnOf('lambda', 'function:Watch'),
      },
      GetFunctionConcurrency: { ReservedConcurrentExecutions: 0 },
      GetMetricData: {
        MetricDataResults: [
          { Id: 'm0', Values: [2000, 5] },
          { Id: 'm1', Values: [1, 2] },
        ],
      },
      ListRuleNamesByTarget: { RuleNames: ['Rule1'] },
      DescribeRule: { Name: 'Rule1', State: 'DISABLED', ScheduleExpression: 'rate(5 minutes)' },
    };
    const told = await findings();
    plane.answers = {};
    expect(told.get('AWS identity')).toMatchObject({
      status: 'ok',
      found: 'account ********6789, role Support, region us-east-1',
    });
    expect(told.get('Consumer')).toMatchObject({
      status: 'problem',
      found:
        'Consumer may not run: its reserved concurrency is 0; does not read the queue: its event source mapping is disabled',
    });
    expect(told.get('Consumer')?.mend).toContain(
      'aws lambda update-event-source-mapping --uuid u-1 --enabled',
    );
    expect(told.get('Errors, 24 hours')).toMatchObject({
      status: 'warning',
      found: '2005 batches, 3 cut off or crashed, 0 throttled',
    });
    expect(told.get('Oldest message')).toMatchObject({
      status: 'problem',
      found: 'at most 33 minutes in the last quarter of an hour',
    });
    expect(told.get('Schedule of the watch')).toMatchObject({
      status: 'problem',
      found: 'switched off: Rule1',
      mend: 'aws events enable-rule --name Rule1',
    });
  });

  it('explains in one report that there is no such stack', async () => {
    const told = await findings('--stack', 'Missing');
    expect(told.get('Stack')).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('there is no stack Missing'),
    });
    expect(new Set([...told.values()].map(({ status }) => status))).toEqual(
      new Set(['ok', 'problem', 'warning', 'skipped']),
    );
    expect([...told.values()].filter(({ status }) => status === 'problem')).toHaveLength(1);
  });
});

/** A client of a process that is killed before it deletes. */
const cutOffAt = (client: SQSClient): Pick<SQSClient, 'send'> => ({
  send: ((command: unknown) =>
    command instanceof DeleteMessageBatchCommand
      ? Promise.reject(new Error('killed'))
      : client.send(command as SendMessageCommand)) as SQSClient['send'],
});
