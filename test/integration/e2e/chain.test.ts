import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { METRICS } from '../../../core/names';
import type { LineRecord } from '../../../fake-rakuten';
import { Random } from '../../../fake-rakuten/random';
import { fillTemplate } from '../../../fake-rakuten/sender';
import { postbackDay } from '../../../local/day';
import { queueDepth, untilEmpty } from '../../../local/drain';
import { MetricSums } from '../../../local/metrics';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import type { BatchOutcome } from '../../../local/template/context';
import { compareRows, scanTable } from '../../../local/verify';
import { sendAll } from '../../support/load';

/** Lines of the load run, each sent twice. */
const LINES = Number(process.env.E2E_LINES ?? 500);
/** Short, so that a message that failed comes again soon; far longer than a batch takes. */
const VISIBILITY_SECONDS = 3;

let stack: LocalStack;
let seed = 0;
const metrics = new MetricSums();
const batches: BatchOutcome[] = [];
/** Every line that was acknowledged in this file: what the table must hold. */
const acknowledged: LineRecord[] = [];

beforeAll(async () => {
  stack = await startLocalStack({
    visibilityTimeoutSeconds: VISIBILITY_SECONDS,
    // The sender continues whatever the response is, and waits when the machine is busy. The local
    // run measures response times.
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
    onOutput: (_, line) => metrics.read(line),
    onBatch: (outcome) => batches.push(outcome),
  });
});
afterAll(() => stack?.close());

/** This number of new lines. */
function newLines(count: number): LineRecord[] {
  const lines: LineRecord[] = [];
  while (lines.length < count) {
    seed += 1;
    const day = postbackDay({
      seed,
      sid: stack.sid,
      day: new Date('2026-04-18'),
      orders: Math.ceil(count / 2),
    });
    lines.push(...day.filter(({ redelivery }) => !redelivery).map(({ line }) => line));
  }
  return lines.slice(0, count);
}

const urlOf = (line: LineRecord): string => fillTemplate(stack.registeredUrl, line);
const settled = (): Promise<void> => untilEmpty(stack.clients.sqs, stack.queueUrl, 60);

/**
 * The table has each acknowledged line once, as it was sent, and nothing else. The dead-letter
 * queue is empty.
 */
async function expectExactlyAcknowledged(): Promise<void> {
  const { intact, missing, repeated, different, unexpected } = compareRows(
    acknowledged,
    await scanTable(stack.clients.dynamodb, stack.tableName),
  );
  expect({
    intact,
    missing: missing.map(({ etransaction_id }) => etransaction_id),
    repeated: repeated.map(({ etransaction_id }) => etransaction_id),
    different: different.map(({ fields }) => fields),
    unexpected: unexpected.map(({ query }) => query?.S),
  }).toEqual({
    intact: acknowledged.length,
    missing: [],
    repeated: [],
    different: [],
    unexpected: [],
  });
  expect(await queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl)).toBe(0);
}

it('registers the URL with a secret and every field at Rakuten', () => {
  expect(stack.rakuten.slot(stack.sid)).toEqual({ url: stack.registeredUrl, active: true });
  expect(stack.registeredUrl).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/prod\/postback\?k=[A-Za-z0-9]{43}&f=\w+&is_event=<is_event>&/,
  );
  expect(stack.rakuten.requests.map(({ method }) => method)).toContain('POST');
});

it('turns a day of postbacks into rows', async () => {
  const day = postbackDay({ seed: 7, sid: stack.sid, day: new Date('2026-04-18'), orders: 40 });
  const again = deliveredAgain();
  for (const { line } of day) expect(await stack.rakuten.push(line)).toMatchObject({ status: 200 });
  acknowledged.push(...day.filter(({ redelivery }) => !redelivery).map(({ line }) => line));
  await settled();
  await expectExactlyAcknowledged();
  // SQS may bring a message twice too: here when the machine is so busy that a batch takes longer
  // than it is hidden.
  expect(deliveredAgain() - again).toBeGreaterThanOrEqual(
    day.filter(({ redelivery }) => redelivery).length,
  );
});

it('responds to a GET that is forged or empty, and creates no row', async () => {
  const [line = {}] = newLines(1);
  const forged = urlOf(line).replace(/k=[^&]+/, `k=${'A'.repeat(43)}`);
  const [bare = ''] = stack.registeredUrl.split('?', 1);
  expect(await sendAll([forged, bare, `${bare}?k=&is_event=N`])).toEqual(new Map([[200, 3]]));
  await settled();
  await expectExactlyAcknowledged();
});

it('loses no line when the consumer is killed in the middle of a batch', async () => {
  const lines = newLines(300);
  batches.length = 0;
  const sending = sendAll(lines.map(urlOf));
  const killed = (): BatchOutcome[] =>
    batches.filter(({ error }) => error?.errorType === 'Runtime.ExitError');
  // A process that has answered but was not read yet is at work and cannot be interrupted any more.
  while (killed().length === 0) {
    await new Promise((resolve) => setImmediate(resolve));
    stack.consumer.kill();
  }
  expect(await sending).toEqual(new Map([[200, lines.length]]));
  acknowledged.push(...lines);
  await settled();
  expect(killed().every(({ deleted, left }) => deleted === 0 && left > 0)).toBe(true);
  await expectExactlyAcknowledged();
});

it('loses no line when DynamoDB throttles', async () => {
  const lines = newLines(200);
  batches.length = 0;
  const before = stack.dynamodb.refusals();
  await stack.dynamodb.refuse({
    operations: ['PutItem'],
    status: 400,
    type: 'ProvisionedThroughputExceededException',
    times: 300,
  });
  expect(await sendAll(lines.map(urlOf))).toEqual(new Map([[200, lines.length]]));
  acknowledged.push(...lines);
  await settled();
  expect(stack.dynamodb.refusals() - before).toBe(300);
  // The consumer waited for the table: no try that SQS counts was spent.
  expect(batches.filter(({ left, error }) => left > 0 || error !== undefined)).toEqual([]);
  await expectExactlyAcknowledged();
});

it('responds with 500 while SQS refuses, and loses no line that got 200', async () => {
  const lines = newLines(200);
  const before = stack.rakuten.statistics(stack.sid);
  const answered500 = stack.gateway.statistics.byStatus.get(500) ?? 0;
  await stack.sqs.refuse({
    operations: ['SendMessage'],
    status: 503,
    type: 'ServiceUnavailable',
    times: 60,
  });
  for (const line of lines) {
    const { status } = await stack.rakuten.push(line);
    if (status === 200) acknowledged.push(line);
  }
  const after = stack.rakuten.statistics(stack.sid);
  expect(after.refused - before.refused).toBe(60);
  expect(after.acknowledged - before.acknowledged).toBe(lines.length - 60);
  expect((stack.gateway.statistics.byStatus.get(500) ?? 0) - answered500).toBe(60);
  await settled();
  await expectExactlyAcknowledged();
});

it('loses no line when SQS refuses the consumer', async () => {
  const lines = newLines(200);
  await stack.sqs.refuse({
    operations: ['ReceiveMessage', 'DeleteMessageBatch'],
    status: 500,
    type: 'InternalError',
    times: 40,
  });
  expect(await sendAll(lines.map(urlOf))).toEqual(new Map([[200, lines.length]]));
  acknowledged.push(...lines);
  await settled();
  await stack.sqs.accept();
  await expectExactlyAcknowledged();
});

it(`keeps each of ${LINES} lines once, sent twice in random order at full speed, in a memory that does not grow`, async () => {
  const lines = newLines(LINES);
  const urls = new Random(1).shuffle([...lines, ...lines].map(urlOf));
  const quarter = Math.floor(urls.length / 4);
  const before = { stored: metrics.sum(METRICS.stored), again: deliveredAgain() };

  expect(await sendAll(urls.slice(0, quarter))).toEqual(new Map([[200, quarter]]));
  await settled();
  const early = memory();
  expect(await sendAll(urls.slice(quarter))).toEqual(new Map([[200, urls.length - quarter]]));
  await settled();
  const late = memory();

  acknowledged.push(...lines);
  await expectExactlyAcknowledged();
  expect(metrics.sum(METRICS.stored) - before.stored).toBe(lines.length);
  expect(deliveredAgain() - before.again).toBeGreaterThanOrEqual(lines.length);
  // Three times as many postbacks as before the first measurement. The table grows, which is in
  // this process too.
  expect(late.heap - early.heap).toBeLessThan(30);
  // Resident memory, garbage included: how much depends on the machine and on Node's version.
  expect(late.consumer - early.consumer).toBeLessThan(150);
});

/**
 * Deliveries that created no row: of two of a line the later one, or the earlier one if it was
 * overtaken.
 */
const deliveredAgain = (): number => metrics.sum(METRICS.duplicate) + metrics.sum(METRICS.changed);

/**
 * Megabytes: used by the gateway and the sender after a collection, resident in the largest process
 * of the consumer.
 */
function memory(): { readonly heap: number; readonly consumer: number } {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return {
    heap: process.memoryUsage().heapUsed / 1e6,
    consumer: Math.max(...stack.consumer.memory) / 1e6,
  };
}
