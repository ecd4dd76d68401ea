import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DeleteTableCommand, waitUntilTableExists, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import { DeleteMessageBatchCommand, SendMessageCommand, SetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { contentsOf, maskedBody } from '../../core/dead-letters/contents';
import type { DeadLetter } from '../../core/dead-letters/letter';
import { FailureNotes } from '../../core/dead-letters/notes';
import { DeadLetterQueue, type HeldMessage } from '../../core/dead-letters/queue';
import { reasonOf } from '../../core/dead-letters/reasons';
import { redrive } from '../../core/dead-letters/redrive';
import { Publishers } from '../../core/store/publishers';
import { createTableInput } from '../../core/store/table';
import { queueDepth, untilEmpty } from '../../local/drain';
import { writeEndpoints } from '../../local/endpoints';
import type { LineRecord } from '../../local/fake-rakuten';
import { fillTemplate } from '../../local/fake-rakuten/sender';
import { type LocalStack, startLocalStack } from '../../local/stack';
import { compareRows, scanTable } from '../../local/verify';
import { runIn } from './terminal';

/** `dlq`: what fails is explained, and comes back once the cause is mended. The deployed consumer fails here, and SQS moves what it fails with. */

jest.setTimeout(60_000);

let stack: LocalStack;
let folder: string;
let secret: string;

beforeAll(async () => {
  stack = await startLocalStack({ autoDisableAfter: Number.POSITIVE_INFINITY, pushTimeoutMillis: 20_000 });
  secret = new URL(stack.registeredUrl).searchParams.get('k') ?? '';
  folder = mkdtempSync(join(tmpdir(), 'rakuten-dlq-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
}, 60_000);
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
  const ran = await runIn(folder, ['dlq', ...args, '--local'], { now: new Date(), columns: 200, env: { NO_COLOR: '1' } });
  expect(ran.stdout + ran.stderr).not.toContain(secret);
  return ran;
}
const letters = async (): Promise<DeadLetter[]> => JSON.parse((await dlq('list', '--json')).stdout);
const inDeadLetterQueue = (): Promise<number> => queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl);

/** The fifth failure is like the first, and comes later: here SQS gives up after the first, two seconds after it was handed out. */
async function withoutPatience(count: number, fail: () => Promise<unknown>): Promise<void> {
  const set = (VisibilityTimeout: number, maxReceiveCount: number) => {
    const deadLetterTargetArn = `arn:aws:sqs:${stack.region}:000000000000:${stack.deadLetterQueueUrl.split('/').at(-1)}`;
    const Attributes = {
      VisibilityTimeout: String(VisibilityTimeout),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount }),
    };
    return stack.clients.sqs.send(new SetQueueAttributesCommand({ QueueUrl: stack.queueUrl, Attributes }));
  };
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
  await set(2, 1);
  await fail();
  while ((await inDeadLetterQueue()) < count) await sleep(20);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
  await set(180, 5);
}

/** The table has these lines, each once, and nothing else that has an order. */
async function expectRows(...lines: LineRecord[]): Promise<void> {
  const { intact, missing, repeated, different } = compareRows(lines, await scanTable(stack.clients.dynamodb, stack.tableName));
  expect({ intact, missing, repeated, different }).toEqual({ intact: lines.length, missing: [], repeated: [], different: [] });
}

it('says that there is nothing', async () => {
  for (const args of [['list'], ['redrive', '--all'], ['drop', '--all', '--yes']]) {
    expect(await dlq(...args)).toMatchObject({ exitCode: 3, stderr: 'nothing is in the dead-letter queue\n' });
  }
});

it('a table that is gone: list says so; back again, redrive makes each line one row', async () => {
  const { dynamodb } = stack.clients;
  const TableName = stack.tableName;
  await dynamodb.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists({ client: dynamodb, maxWaitTime: 10, minDelay: 1 }, { TableName });
  await withoutPatience(5, () => push(line('A1'), line('B2'), line('B2'), line('C3'), line('D4')));

  const listed = await dlq('list');
  expect(listed.exitCode).toBe(0);
  expect(listed.stdout).toMatch(/^ID +ARRIVED \(UTC\) +WHAT +SID +ORDER +TRANSACTION +SALE +REDRIVEN +WHY\n/);
  expect(listed.stdout).toMatch(
    /[0-9a-f]{8} {2}20\S+ \d\d:\d\d {2}postback {2}3900112 {2}ORDER-A1 {2}A10+ {2}71.49 USD .*the transaction table or the state/,
  );
  expect(listed.stderr).toMatch(/^5 messages\n5 × the transaction table or the state table was not there\n {4}next: .*redrive --all\n$/);

  await dynamodb.send(new CreateTableCommand(createTableInput(TableName)));
  await waitUntilTableExists({ client: dynamodb, maxWaitTime: 10, minDelay: 1 }, { TableName });
  expect((await dlq('redrive', '--all', '--dry-run')).stderr).toContain('they would be sent back; nothing was changed (--dry-run)');
  const old = await letters();
  const chosen = old.filter(({ contents }) => /A1|B2/.test(contents.fields.order_id ?? '')).map(({ id }) => id);
  const { exitCode, stdout } = await dlq('redrive', ...chosen);
  expect([exitCode, stdout]).toEqual([0, '3 messages sent back to the queue\n3 lines are in the table\n']);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
  await expectRows(line('A1'), line('B2'));
  expect(await inDeadLetterQueue()).toBe(2);
  // Why they failed is nothing to know any more.
  const notes = new FailureNotes(dynamodb, stack.stateTableName);
  expect((await notes.read(old.map(({ id }) => id))).size).toBe(2);
});

it('a redrive that is killed between sending and deleting doubles nothing', async () => {
  const { sqs } = stack.clients;
  const queue = new DeadLetterQueue(sqs, stack.deadLetterQueueUrl, { waitSeconds: 0 });
  const held: HeldMessage[] = [];
  for await (const page of queue.receive(2)) held.push(...page);
  expect(await dlq('list')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('somebody else holds about 2 at the moment') });

  const killed = cutOffAt(sqs);
  const doomed = new DeadLetterQueue(killed, stack.deadLetterQueueUrl);
  const parts = { client: killed, queueUrl: stack.queueUrl, deadLetters: doomed, now: Date.now };
  expect((await redrive(parts, held)).redriven.map(({ stillThere }) => stillThere)).toEqual([true, true]);
  await untilEmpty(sqs, stack.queueUrl, 30);
  // As SQS does when their time is over.
  await queue.giveBack(held);
  expect(await inDeadLetterQueue()).toBe(2);

  expect((await dlq('redrive', '--all')).stdout).toBe('2 messages sent back to the queue\n2 lines are in the table\n');
  await untilEmpty(sqs, stack.queueUrl, 30);
  await expectRows(line('A1'), line('B2'), line('C3'), line('D4'));
  expect(await inDeadLetterQueue()).toBe(0);
});

it('what fails again says so, and remembers that it was redriven', async () => {
  const q = fillTemplate(stack.registeredUrl, line('E5')).split('?')[1] ?? '';
  const MessageBody = new URLSearchParams({ at: String(Date.now()), id: 'request-5', ip: '192.0.2.1', q }).toString();
  await stack.clients.sqs.send(new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody }));
  // As if the consumer had been cut off.
  expect(await letters()).toMatchObject([{ redrives: 0, why: expect.stringContaining('nothing is noted') }]);

  await withoutPatience(1, async () => {
    // The client tries four times; the note is written after that.
    await stack.dynamodb.refuse({ operations: ['PutItem'], status: 400, type: 'ThrottlingException', times: 4 });
    const { exitCode, stdout } = await dlq('redrive', '--all');
    expect([exitCode, stdout]).toEqual([
      1,
      expect.stringMatching(
        /^1 message sent back to the queue\n1 message failed again: DynamoDB throttled the writes for longer than the tries lasted\. /,
      ),
    ]);
  });
  const [letter] = await letters();
  expect(letter).toMatchObject({ redrives: 1, redrivenAt: expect.stringMatching(/^20/), failedAt: expect.stringMatching(/^20/) });
  const id = letter?.id ?? '';
  const shown = await dlq('show', id.slice(0, 6));
  expect(shown.stdout).toMatch(/^redriven +1×, last 20\S+, and failed again$/m);
  expect(shown.stdout).toMatch(/^order_id +ORDER-E5$/m);
  expect((await dlq('redrive', id, '--json')).stdout).toMatch(/"stored":1,"failedAgain":\{\},"pending":0/);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 30);
});

it('what can never become a row is left alone, and dropped only when asked twice, into a file', async () => {
  const { sqs } = stack.clients;
  const endpoint = new URL(stack.registeredUrl);
  await sqs.send(new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody: `GET ${endpoint.pathname}?k=${secret}&u1=x` }));
  const forged = new URLSearchParams({ at: '1773425845000', id: 'r', ip: '192.0.2.1', q: 'k=guess&order_id=FORGED' }).toString();
  await sqs.send(new SendMessageCommand({ QueueUrl: stack.deadLetterQueueUrl, MessageBody: forged }));

  const redriven = await dlq('redrive', '--all');
  expect(redriven.stdout).toMatch(
    /^0 messages sent back to the queue\n2 messages left alone \(\w{8}, \w{8}\): the consumer would turn them away/,
  );
  expect(await dlq('drop', '--all')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nothing was dropped: add --yes') });
  expect(await dlq('drop', '--all', '--yes', '--dry-run')).toMatchObject({ exitCode: 0 });
  expect(await inDeadLetterQueue()).toBe(2);

  expect((await dlq('drop', '--all', '--yes')).stdout).toMatch(/^2 messages dropped; what was in them is in \S+dropped-\S+\.jsonl\n$/);
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
  expect(await dlq('drop', 'abcdef', '--yes')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('no message abcdef is in') });
});

it.each([
  [['redrive'], 'say which messages: their ids (see "dlq list"), or --all'],
  [['drop', '--yes', 'ab'], "'ab' is too short"],
  [['show', '--all', 'abcdef'], 'give ids or --all'],
])('dlq %j needs to know what is meant', async (args, message) => {
  expect(await dlq(...args)).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining(message) });
});

describe('a reason in words', () => {
  it.each([
    [
      'AccessDeniedException: User: arn:aws:sts::1:assumed-role/r is not authorized to perform: dynamodb:PutItem on resource: arn:t because',
      'the consumer lacked a permission: dynamodb:PutItem on arn:t',
    ],
    [
      'Error: no publisher is registered in the state table, so',
      'no publisher was registered in the state table, so it could not be said whose postback it is',
    ],
    ['TimeoutError: DynamoDB did not answer in time; the message is tried again', 'DynamoDB did not answer in time'],
    [
      'ValidationException: Item size has exceeded the maximum allowed size',
      'DynamoDB refused the row: Item size has exceeded the maximum allowed size',
    ],
    ['Error: connect ECONNREFUSED 127.0.0.1:1', 'DynamoDB could not be reached or failed itself'],
    ['KMSDisabledException: key is disabled', "the table's encryption key could not be used"],
    ['SomethingNew: nobody knows', 'SomethingNew: nobody knows'],
  ])('%s', (noted, why) => {
    const reason = reasonOf(noted, 'postback');
    expect(reason.why).toBe(why);
    expect(reason.next).not.toBe('');
  });
});

it('no message, whatever is in it, shows the secret', () => {
  const publishers = new Publishers([]);
  const parameter = fc.tuple(fc.string(), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.array(parameter), fc.array(parameter), fc.string({ minLength: 16, unit: 'binary' }), (before, after, suffix) => {
      const value = `S3CRET-S3CRET-${suffix}`;
      const q = new URLSearchParams([...before, ['k', value], ...after]).toString();
      const body = new URLSearchParams({ at: '1773425845000', id: 'r', ip: '', q }).toString();
      for (const text of [body, `at=x&${body}`, `/prod/postback?${q}`, q]) {
        expect(maskedBody(text)).not.toContain('S3CRET');
        expect(JSON.stringify(contentsOf(text, publishers))).not.toContain('S3CRET');
      }
    }),
    { numRuns: 25 },
  );
});

/** A client whose process is killed when it would delete. */
const cutOffAt = (client: SQSClient): Pick<SQSClient, 'send'> => ({
  send: ((command: unknown) =>
    command instanceof DeleteMessageBatchCommand
      ? Promise.reject(new Error('killed'))
      : client.send(command as SendMessageCommand)) as SQSClient['send'],
});
