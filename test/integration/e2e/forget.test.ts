import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { toRow } from '../../../client/items';
import { settle } from '../../../client/settlement';
import type { TransactionRow } from '../../../client/types';
import { DEFAULT_ADJUSTMENT_SKU } from '../../../core/rakuten/postback/kind';
import { sha256 } from '../../../core/sha256';
import {
  FAILURE_KIND,
  FAILURE_REASON,
  STATE_KEYS,
  STATE_TTL,
} from '../../../core/state/publisher-state';
import type { LineRecord } from '../../../fake-rakuten';
import type { ReconciliationResult } from '../../../lambda/reconciliation/reconciler';
import { queueDepth, untilEmpty } from '../../../local/drain';
import { writeEndpoints } from '../../../local/endpoints';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { scanTable } from '../../../local/verify';
import { messageBody } from '../../support/messages';
import { type Encode, once, ownPartOf, queryOf, twice } from '../../support/postbacks';
import { type Ran, runIn } from '../../support/terminal';

/** The command `forget` with the deployed functions. */

const [MINUTE, HOUR] = [60_000, 3_600_000];
const MEMBER = 'ana+müller@example.com';
const OTHER = 'bob@example.com';
/** The member in every encoding that a URL, a form or JSON has. */
const SPELLINGS = [
  MEMBER,
  encodeURIComponent(MEMBER),
  encodeURIComponent(encodeURIComponent(MEMBER)),
  'ana müller',
  'ana%2Bm',
];

let stack: LocalStack;
let folder: string;
let serial = 0;

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
  });
  folder = mkdtempSync(join(tmpdir(), 'rakuten-forget-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
});
afterAll(async () => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  await stack?.close();
});

const iso = (millis: number): string => new Date(millis).toISOString();

function newLine(changes: LineRecord = {}): LineRecord {
  serial += 1;
  return {
    is_event: 'N',
    etransaction_id: sha256(`forget ${serial}`).slice(0, 32).toUpperCase(),
    sid: stack.sid,
    advertiser_id: '41207',
    order_id: 'ORDER-1',
    transaction_date: iso(Date.now() - 2 * HOUR),
    process_date: iso(Date.now() - HOUR),
    currency: 'USD',
    sale_amount: '100',
    commissions: '5',
    quantity: '1',
    sku_number: `SKU-${serial}`,
    u1: MEMBER,
    product_name: 'Tea',
    ...changes,
  };
}

const unescapedPlus: Encode = (value) => encodeURIComponent(value).replaceAll('%2B', '+');

/** A message of the endpoint, an hour old. The same line is the same message. */
function messageOf(line: LineRecord, encode: Encode = once, more = ''): string {
  const requestId = `request-${sha256(JSON.stringify([line, more])).slice(0, 12)}`;
  return messageBody(`${ownPartOf(stack.registeredUrl)}&${queryOf(line, encode)}${more}`, {
    receivedAt: iso(Date.now() - 30 * MINUTE),
    requestId,
  });
}
const send = (QueueUrl: string, MessageBody: string) =>
  stack.clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
const settled = (): Promise<void> => untilEmpty(stack.clients.sqs, stack.queueUrl, 60);

async function reconcile(): Promise<ReconciliationResult> {
  const found = [...stack.functions.values()].find(
    ({ name }) => name === stack.outputs.ReconciliationFunctionName,
  );
  const result = (await found?.invoke({
    sid: stack.sid,
    from: iso(Date.now() - 3 * HOUR),
    reason: 'manual',
  })) as ReconciliationResult;
  expect(result.outcome).toBe('done');
  return result;
}

const items = (tableName: string) => scanTable(stack.clients.dynamodb, tableName);
const rows = async (): Promise<TransactionRow[]> =>
  (await items(stack.tableName)).map((item) => toRow(item, DEFAULT_ADJUSTMENT_SKU));
const rowOf = async (line: LineRecord): Promise<TransactionRow | undefined> =>
  (await rows()).find(({ etransaction_id }) => etransaction_id === line.etransaction_id);

/** Every text that the tables and the dead-letter queue have. */
async function everything(): Promise<string> {
  const { Messages = [] } = await stack.clients.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: stack.deadLetterQueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    }),
  );
  return JSON.stringify([
    await items(stack.tableName),
    await items(stack.stateTableName),
    Messages.map(({ Body }) => Body),
  ]);
}
const spellingsIn = (text: string): string[] =>
  SPELLINGS.filter((spelling) => text.toLowerCase().includes(spelling.toLowerCase()));

/** Runs the command. In place of the wait, every function starts again. */
function forget(...args: string[]): Promise<Ran> {
  let isKilled = false;
  const pause = async (): Promise<void> => {
    if (!isKilled) for (const each of stack.functions.values()) each.kill();
    isKilled = true;
  };
  return runIn(folder, ['forget', '--member', MEMBER, '--local', ...args], {
    now: new Date(),
    pause,
  });
}

function sums(lines: readonly TransactionRow[]): Record<string, number> {
  const { pending, awaiting, earned } = settle(lines);
  const total = (part: readonly TransactionRow[]): number =>
    part.reduce((sum, { sale_amount }) => sum + Number(sale_amount ?? 0), 0);
  return { pending: total(pending), awaiting: total(awaiting), earned: total(earned) };
}

it('removes a member everywhere, and neither the Events API nor a redelivery nor a redrive brings it back', async () => {
  const pushed = newLine();
  const corrected = newLine();
  const fetched = newLine();
  const unverified = newLine({ order_id: 'ORDER-2' });
  const others = newLine({ u1: OTHER });
  const disputed = newLine({ u1: OTHER, order_id: 'ORDER-2' });
  const failed = newLine({ order_id: 'ORDER-3' });
  const pushes = [
    messageOf(pushed, twice),
    messageOf(corrected, encodeURIComponent, `&ref=${encodeURIComponent(MEMBER)}`),
    messageOf({ ...corrected, sale_amount: '90' }, unescapedPlus),
    messageOf(unverified, unescapedPlus),
    messageOf(others),
    messageOf(disputed),
    messageOf({ ...disputed, u1: MEMBER }),
  ];
  for (const each of pushes) await send(stack.queueUrl, each);
  await settled();
  for (const line of [pushed, { ...corrected, sale_amount: '80' }, fetched, others, disputed])
    stack.rakuten.record(line);
  await reconcile();
  stack.rakuten.record(corrected);
  await reconcile();
  await send(stack.deadLetterQueueUrl, messageOf(failed, twice));
  await send(stack.deadLetterQueueUrl, messageOf(others));
  const note = {
    [STATE_KEYS.partition]: { S: FAILURE_KIND },
    [STATE_KEYS.sort]: { S: 'some-message' },
  };
  const expiry = { [STATE_TTL]: { N: String(Math.floor(Date.now() / 1000) + 3600) } };
  const reason = {
    [FAILURE_REASON]: { S: `ValidationException: ${encodeURIComponent(MEMBER)} is wrong` },
  };
  await stack.clients.dynamodb.send(
    new PutItemCommand({
      TableName: stack.stateTableName,
      Item: { ...note, ...expiry, ...reason },
    }),
  );
  const before = await rows();
  const text = await everything();
  expect(spellingsIn(text)).not.toEqual([]);

  const preview = await forget('--dry-run', '--json');
  expect(preview.exitCode).toBe(0);
  expect(JSON.parse(preview.stdout)).toMatchObject({
    dryRun: true,
    rows: { changed: 5 },
    deadLetters: { rewritten: 1 },
    notes: 1,
  });
  expect(await forget()).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('nothing was removed: add --yes'),
  });
  expect(await rows()).toEqual(before);

  const ran = await forget('--yes');
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  expect(ran.stdout).toMatch(
    /^the member was removed from 5 rows \(.*\),\n {2}1 dead letter and 1 failure note$/m,
  );
  expect(ran.stdout).toContain('\nthere is no archive\n');
  const gone = async (): Promise<void> => expect(spellingsIn(await everything())).toEqual([]);
  await gone();

  const after = await rows();
  const shown = (all: readonly TransactionRow[]) =>
    all.map(({ line_id, order_id, sale_amount, commissions, verified_at, process_day }) => ({
      ...{ line_id, order_id, sale_amount, commissions, verified_at, process_day },
    }));
  expect(shown(after)).toEqual(shown(before));
  const ofOther = (all: readonly TransactionRow[]) => all.filter(({ u1 }) => u1 === OTHER);
  expect(ofOther(after)).toHaveLength(2);
  expect(sums(ofOther(after))).toEqual(sums(ofOther(before)));
  for (const order of ['ORDER-1', 'ORDER-2']) {
    const ofOrder = (all: readonly TransactionRow[]) =>
      all.filter(({ order_id }) => order_id === order);
    expect(sums(ofOrder(after))).toEqual(sums(ofOrder(before)));
  }
  expect(await rowOf(others)).toEqual(
    before.find(({ etransaction_id }) => etransaction_id === others.etransaction_id),
  );

  // The Events API still returns it.
  expect((await reconcile()).counts).toMatchObject({
    missing: 0,
    different: 0,
    updated: 0,
    written: 0,
  });
  stack.rakuten.record({ ...pushed, sale_amount: '120' });
  stack.rakuten.record(unverified);
  expect((await reconcile()).counts).toMatchObject({ different: 1, unverified: 1, written: 2 });
  expect(await rowOf(pushed)).toMatchObject({ sale_amount: '120', member_forgotten: true });
  await gone();

  for (const each of [...pushes, messageOf(newLine())]) await send(stack.queueUrl, each);
  await settled();
  await gone();
  expect(
    (await runIn(folder, ['dlq', 'redrive', '--all', '--local'], { now: new Date() })).exitCode,
  ).toBe(0);
  await settled();
  await gone();
  expect(await queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl)).toBe(0);
  const redriven = await rowOf(failed);
  expect(redriven).toMatchObject({ sale_amount: '100', order_id: 'ORDER-3' });
  expect(redriven?.u1).toBeUndefined();
  expect(await rows()).toHaveLength(before.length + 2);

  expect(await forget('--yes', '--json')).toMatchObject({ exitCode: 3 });
});
