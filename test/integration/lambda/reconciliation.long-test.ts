import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { ENVIRONMENT, METRICS, REGISTRATION_PROPERTIES as P, SOURCES } from '../../../core/names';
import { ALL_FIELDS, fieldListId } from '../../../core/rakuten/postback/fields';
import { postbackUrl } from '../../../core/rakuten/postback/url';
import { sha256 } from '../../../core/sha256';
import { RECONCILIATION_KIND, STATE_KEYS } from '../../../core/state/publisher-state';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import type { Item } from '../../../core/transactions/attributes';
import { lineIdOf } from '../../../core/transactions/keys';
import { type FakeRakuten, type LineRecord, startFakeRakuten } from '../../../fake-rakuten';
import { fillTemplate } from '../../../fake-rakuten/sender';
import type { ReconciliationResult } from '../../../lambda/reconciliation/reconciler';
import { postbackDay } from '../../../local/day';
import { untilEmpty } from '../../../local/drain';
import { LOCAL_ACCOUNT } from '../../../local/embedded/clients';
import { type EmbeddedServices, startEmbeddedServices } from '../../../local/embedded/services';
import { EventSource } from '../../../local/lambda/event-source';
import { LocalFunction } from '../../../local/lambda/local-function';
import { MetricSums } from '../../../local/metrics';
import { compareRows, scanTable } from '../../../local/verify';
import { putState } from '../../../tools/faults/publisher';
import { messageBody } from '../../support/messages';

/**
 * The deployed reconciliation and consumer in processes of their own, with the real SDK, against
 * servers on this machine.
 */

const SID = '3900112';
const CLIENT = { clientId: 'client-id-of-the-tests', clientSecret: 'client-secret-of-the-tests' };
const URL_SECRET = 'UrlSecretOfTheTests0123456789abcdefghij';
const [TABLE, STATE] = ['transactions', 'state'];
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

let services: EmbeddedServices;
let clients: EmbeddedServices['clients'];
let lambdaService: Server;
let rakuten: FakeRakuten;
let queueUrl: string;
let consumer: EventSource;
let reconciliation: LocalFunction;
const functions: LocalFunction[] = [];
/** All output of the functions. */
const output: string[] = [];
let metrics = new MetricSums();
/** Invocations that the function requested. */
let selfInvocations: Promise<unknown>[] = [];

const iso = (millis: number): string => new Date(millis).toISOString();
const seconds = (millis: number): number => Math.floor(millis / 1000);

function functionOf(
  bundle: string,
  timeoutSeconds: number,
  variables: Record<string, string> = {},
): LocalFunction {
  const fn = new LocalFunction({
    name: bundle,
    taskRoot: join(__dirname, '../../../lambda-dist', bundle),
    handler: 'index.handler',
    timeoutSeconds,
    memoryMegabytes: 1024,
    variables: {
      [ENVIRONMENT.tableName]: TABLE,
      [ENVIRONMENT.stateTableName]: STATE,
      [ENVIRONMENT.dayShards]: '1',
      [ENVIRONMENT.metricsNamespace]: 'RakutenPostback',
      [ENVIRONMENT.metricsService]: 'test',
      ...(rakuten === undefined ? {} : { [ENVIRONMENT.rakutenApiUrl]: rakuten.url }),
      [ENVIRONMENT.reconciliation]: JSON.stringify({
        hourlyWindowSeconds: 3 * 3600,
        dailyWindowSeconds: 29 * 86_400,
        backfillSeconds: 29 * 86_400,
        unverifiedAfterSeconds: 86_400,
      }),
      AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(lambdaService.address() as AddressInfo).port}`,
      ...variables,
    },
    endpoints: services.endpoints,
    onOutput: (line) => {
      output.push(line);
      metrics.read(line);
    },
  });
  functions.push(fn);
  return fn;
}

beforeAll(async () => {
  services = await startEmbeddedServices();
  ({ clients } = services);
  await services.createTables(createTableInput(TABLE), createStateTableInput(STATE));
  await clients.secretsManager.send(
    new CreateSecretCommand({ Name: 'credentials', SecretString: JSON.stringify(CLIENT) }),
  );
  queueUrl =
    (await clients.sqs.send(new CreateQueueCommand({ QueueName: 'postbacks' }))).QueueUrl ?? '';
  lambdaService = createServer(answerInvoke);
  await new Promise<void>((resolve) => lambdaService.listen(0, '127.0.0.1', resolve));
  consumer = new EventSource(clients.sqs, functionOf('consumer', 30), {
    queueUrl,
    queueArn: `arn:aws:sqs:us-east-1:${LOCAL_ACCOUNT}:postbacks`,
    batchSize: 50,
    batchingWindowSeconds: 0,
    reportBatchItemFailures: true,
    concurrency: 2,
  });
});

/** Lambda's Invoke, of the asynchronous kind: the answer comes before the run. */
function answerInvoke(
  request: Parameters<Parameters<typeof createServer>[1] & object>[0],
  response: { writeHead: (status: number) => { end: () => void } },
): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const event: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (request.headers['x-amz-invocation-type'] !== 'Event')
      throw new Error('the function waits for itself');
    response.writeHead(202).end();
    selfInvocations.push(
      functions.at(-1)?.invoke(event) ?? Promise.reject(new Error('no function')),
    );
  });
}

beforeEach(async () => {
  rakuten = await startFakeRakuten(CLIENT);
  reconciliation = functionOf('reconciliation', 900);
  metrics = new MetricSums();
  selfInvocations = [];
  await writeState(ALL_FIELDS);
});
afterEach(async () => {
  await services.dynamodb.accept();
  const credentials = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64');
  for (const secret of [CLIENT.clientSecret, credentials, URL_SECRET, 'fake-access-'])
    expect(output.join('\n')).not.toContain(secret);
  await rakuten.close();
});
afterAll(async () => {
  const closed = consumer.close();
  await Promise.all(functions.map((fn) => fn.close()));
  lambdaService.closeAllConnections();
  lambdaService.close();
  await services.close();
  await closed;
});

const writeState = (fields: typeof ALL_FIELDS): Promise<void> =>
  putState(clients.dynamodb, STATE, {
    sid: SID,
    accepted: [{ secretSha256: sha256(URL_SECRET), fieldListId: fieldListId(fields), fields }],
    properties: { [P.credentialsSecretArn]: 'credentials', [P.rakutenApiUrl]: rakuten.url },
  });

/** A postback in the queue, as the endpoint writes it. */
async function push(line: LineRecord, receivedAt: number): Promise<void> {
  const url = new URL(
    fillTemplate(postbackUrl('https://endpoint.test/prod/postback', URL_SECRET, ALL_FIELDS), line),
  );
  const MessageBody = messageBody(url.search.slice(1), { receivedAt: iso(receivedAt) });
  await clients.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
}

const settled = (): Promise<void> => untilEmpty(clients.sqs, queueUrl, 60);
const run = async (event: unknown, fn = reconciliation): Promise<ReconciliationResult> =>
  (await fn.invoke(event)) as ReconciliationResult;
const rows = (): Promise<Item[]> => scanTable(clients.dynamodb, TABLE);
const lineId = ({ etransaction_id }: LineRecord): string => lineIdOf(SID, etransaction_id ?? '');
const rowOf = async (line: LineRecord): Promise<Item | undefined> =>
  (await rows()).find((row) => row.line_id?.S === lineId(line));

/** Lines that were processed on the days before today, and a while ago. */
function linesOfDays(days: number, orders: number): LineRecord[] {
  const all = Array.from({ length: days }, (_, index) =>
    postbackDay({
      seed: index + 1,
      sid: SID,
      day: new Date(Date.now() - (index + 1) * DAY),
      orders,
    }),
  );
  const isReturned = (line: LineRecord): boolean =>
    Date.now() - Date.parse(line.process_date ?? '') < 28 * DAY;
  return all.flatMap((day) =>
    day.filter(({ redelivery, line }) => !redelivery && isReturned(line)).map(({ line }) => line),
  );
}

let serial = 0;
function lineAt(processedAt: number, changes: LineRecord = {}): LineRecord {
  serial += 1;
  const [template] = linesOfDays(1, 1);
  return {
    ...template,
    is_event: 'N',
    etransaction_id: `F${String(serial).padStart(31, '0')}`,
    process_date: iso(processedAt),
    ...changes,
  };
}

const recorded: LineRecord[] = [];
/** `line_id` of each line that was pushed. */
const pushed = new Set<string>();
/** Each test has a Rakuten of its own, which has all lines that were recorded so far. */
function record(...lines: LineRecord[]): void {
  recorded.push(...lines);
  for (const line of recorded) rakuten.record(line);
}

/** The table has each of Rakuten's lines once, verified, with the source that brought it. */
async function expectComplete(): Promise<void> {
  const ids = new Set(recorded.map(lineId));
  const own = (await rows()).filter((row) => ids.has(row.line_id?.S ?? ''));
  expect(compareRows(recorded, own)).toEqual({
    intact: recorded.length,
    missing: [],
    repeated: [],
    different: [],
    unexpected: [],
  });
  for (const row of own) {
    expect(row.verified_at?.S).toMatch(/^20/);
    expect(row.source?.S).toBe(pushed.has(row.line_id?.S ?? '') ? SOURCES.push : SOURCES.eventsApi);
  }
}

it('first fetches all lines that Rakuten returns and verifies those that were pushed', async () => {
  const lines = linesOfDays(12, 12);
  record(...lines);
  const lost = lines.filter((_, index) => index % 4 === 0);
  for (const line of lines.filter((line) => !lost.includes(line))) {
    pushed.add(lineId(line));
    await push(line, Date.parse(line.process_date ?? ''));
  }
  await settled();
  const throttled = { status: 400, type: 'ProvisionedThroughputExceededException' };
  await services.dynamodb.refuse({ operations: ['PutItem'], ...throttled, times: 6 });

  const result = await run({ sid: SID, run: 'hourly' });
  expect(result).toMatchObject({
    outcome: 'done',
    runId: expect.stringMatching(/^backfill-/),
    counts: {
      missing: lost.length,
      unverified: lines.length - lost.length,
      different: 0,
      written: lines.length,
    },
  });
  expect(result.differences).toBeUndefined();
  expect(seconds(Date.parse(result.to ?? '') - Date.parse(result.from ?? ''))).toBeCloseTo(
    29 * 86_400 - 120,
    -1,
  );
  await expectComplete();
  expect((await rowOf(lost[0] ?? {}))?.request_id?.S).toBe(result.runId);

  expect(metrics.sum(METRICS.backfilled)).toBe(lost.length);
  expect(metrics.sum(METRICS.verified)).toBe(lines.length - lost.length);
  expect(metrics.sum(METRICS.deliveredByPush)).toBe(lines.length - lost.length);
  expect(metrics.sum(METRICS.reconciled)).toBe(lines.length);
  // Reported every ten seconds, which a slow machine needs more than once.
  const progress = output
    .filter((line) => line.includes(`"${METRICS.backfillProgress}"`))
    .map((line) => JSON.parse(line)[METRICS.backfillProgress]);
  expect(progress.at(-1)).toBe(100);
  const others = [
    METRICS.recovered,
    METRICS.corrected,
    METRICS.withdrawn,
    METRICS.brake,
    METRICS.deliveryRate,
  ];
  expect(others.map((name) => metrics.sum(name))).toEqual(others.map(() => 0));
});

it('writes nothing when nothing is missing, and counts what Rakuten does not return', async () => {
  record();
  const forged = lineAt(Date.now() - 3 * DAY, { etransaction_id: 'FORGED' });
  await push(forged, Date.now() - 3 * DAY);
  await push(
    lineAt(Date.now() - 3 * DAY, { etransaction_id: 'FORGED-EVENT', is_event: 'Y' }),
    Date.now() - 3 * DAY,
  );
  await push(
    lineAt(Date.now() - 5 * MINUTE, { etransaction_id: 'YOUNG' }),
    Date.now() - 5 * MINUTE,
  );
  await settled();
  const result = await run({ sid: SID, run: 'daily' });
  expect(result).toMatchObject({
    outcome: 'done',
    runId: expect.stringMatching(/^daily-/),
    counts: { missing: 0, unverified: 0, written: 0 },
  });
  expect(result.counts?.same).toBeGreaterThan(100);
  expect([metrics.sum(METRICS.unverified), metrics.sum(METRICS.unverifiedEvents)]).toEqual([1, 1]);
  expect((await rowOf(forged))?.verified_at).toBeUndefined();
});

it('fetches a lost line within the hour, and reports the share of lines that postbacks brought', async () => {
  const [lost = {}, ...arrived] = [30, 40, 50, 60].map((minutes) =>
    lineAt(Date.now() - minutes * MINUTE),
  );
  record(lost, ...arrived);
  for (const line of arrived) {
    pushed.add(lineId(line));
    await push(line, Date.now() - 20 * MINUTE);
  }
  await settled();
  expect(await run({ sid: SID, run: 'hourly' })).toMatchObject({
    outcome: 'done',
    counts: { missing: 1, unverified: 3 },
  });
  await expectComplete();
  expect(metrics.sum(METRICS.deliveryRate)).toBe(75);
  expect(metrics.sum(METRICS.recovered)).toBe(1);
});

it('replaces values that Rakuten corrected, keeps the old ones, and lists the differences of a manual run', async () => {
  const line = lineAt(Date.now() - HOUR, { sale_amount: '10.50' });
  rakuten.record(line);
  await run({ sid: SID, run: 'hourly' });
  rakuten.record({ ...line, sale_amount: '8' });
  const request = { sid: SID, from: iso(Date.now() - 2 * HOUR), reason: 'manual' };
  const difference = {
    what: 'different',
    line_id: lineId(line),
    is_event: line.is_event,
    fields: [{ field: 'sale_amount', row: '10.5', rakuten: '8' }],
  };
  expect(await run({ ...request, dryRun: true })).toMatchObject({
    counts: { different: 1, written: 0 },
    differences: [difference],
  });
  expect((await rowOf(line))?.sale_amount?.N).toBe('10.5');
  expect(metrics.sum(METRICS.corrected)).toBe(0);
  expect(await run(request)).toMatchObject({
    counts: { different: 1, written: 1 },
    differences: [difference],
  });
  const row = await rowOf(line);
  expect([row?.sale_amount?.N, row?.replaced_answers?.L?.[0]?.M?.values?.S]).toEqual([
    '8',
    'sale_amount=10.5',
  ]);
  expect(metrics.sum(METRICS.corrected)).toBe(1);
});

it('holds back changes of too many verified lines until an operator accepts them', async () => {
  const lines = Array.from({ length: 20 }, (_, index) =>
    lineAt(Date.now() - HOUR - index * MINUTE),
  );
  for (const line of lines) rakuten.record(line);
  await run({ sid: SID, run: 'hourly' });
  for (const line of lines) rakuten.record({ ...line, u1: '' });
  const request = { sid: SID, from: iso(Date.now() - 3 * HOUR), reason: 'manual' };
  expect(await run(request)).toMatchObject({ braked: 20, counts: { different: 20, written: 0 } });
  expect([metrics.sum(METRICS.brake), metrics.sum(METRICS.corrected)]).toEqual([1, 0]);
  expect(
    output.some(
      (line) => line.includes('"level":"WARN"') && line.includes('too many verified lines'),
    ),
  ).toBe(true);
  const accepted = await run({ ...request, acceptChanges: true });
  expect([accepted.braked, accepted.counts?.written]).toEqual([undefined, 20]);
  expect(metrics.sum(METRICS.corrected)).toBe(20);
});

it('counts unreadable answers and reused IDs, and verifies nothing by them', async () => {
  const [unreadable, reused] = [
    lineAt(Date.now() - HOUR, { sale_amount: 'n/a' }),
    lineAt(Date.now() - HOUR),
  ];
  rakuten.record(unreadable);
  rakuten.record(reused);
  await run({ sid: SID, run: 'hourly' });
  rakuten.record({ ...reused, order_id: 'ANOTHER' }, { reusesId: true });
  await run({ sid: SID, run: 'hourly' });
  expect([metrics.sum(METRICS.unreadableAnswers), metrics.sum(METRICS.reusedIds)]).toEqual([2, 1]);
  expect((await rowOf(unreadable))?.verified_at).toBeUndefined();
  expect(await rowOf(reused)).toMatchObject({
    order_id: { S: reused.order_id },
    verified_at: { S: expect.any(String) },
  });
});

it('fails with the reason, and leaves the time that it did not read to the next run', async () => {
  const late = lineAt(Date.now() - HOUR);
  record(late);
  // A first page that is refused is asked for once more, in case it was too long.
  rakuten.fault({
    operation: 'events',
    times: 2,
    status: 400,
    body: '{"message":"invalid process_date range","error":"REQUEST_PARAM_INVALID"}',
  });
  await expect(run({ sid: SID, run: 'hourly' })).rejects.toThrow(
    /could not read transactions .* HTTP 400\. It said: .*invalid process_date range/,
  );
  expect(metrics.sum(METRICS.reconciliationFailed)).toBe(1);
  // A run succeeded a moment ago.
  expect(metrics.sum(METRICS.reconciliationAge)).toBeLessThan(0.1);
  expect(metrics.sum(METRICS.reconciliationAge)).toBeGreaterThan(0);
  expect(await rowOf(late)).toBeUndefined();

  expect(await run({ sid: SID, run: 'hourly' })).toMatchObject({
    outcome: 'done',
    counts: { missing: 1 },
  });
  await expectComplete();
});

it('continues in new invocations when its time is short, and no other run gets in between', async () => {
  const lines = [1, 2, 3, 4].map((days) => lineAt(Date.now() - days * DAY));
  for (const line of lines) rakuten.record(line);
  // Less than a page may take: every page is the last one of its invocation.
  const hurried = functionOf('reconciliation', 200);
  const gap = {
    sid: SID,
    from: iso(Date.now() - 4 * DAY - HOUR),
    to: iso(Date.now() - HOUR),
    reason: 'was-disabled',
  };
  const first = await run(gap, hurried);
  expect(first).toMatchObject({
    outcome: 'continues',
    runId: expect.stringMatching(/^was-disabled-/),
  });
  const ended: ReconciliationResult[] = [];
  for (let index = 0; index < selfInvocations.length; index += 1)
    ended.push((await selfInvocations[index]) as ReconciliationResult);
  expect(ended.map(({ outcome }) => outcome)).toEqual([
    ...ended.slice(1).map(() => 'continues'),
    'done',
  ]);
  expect(ended.length).toBeGreaterThan(2);
  expect(new Set([first, ...ended].map(({ runId }) => runId)).size).toBe(1);
  for (const line of lines) expect((await rowOf(line))?.source?.S).toBe(SOURCES.eventsApi);
});

it('lets one run at a time write for a publisher', async () => {
  rakuten.fault({ operation: 'events', times: 1, delayMillis: 1500 });
  const short = functionOf('reconciliation', 200);
  const first = run({ sid: SID, run: 'hourly' });
  while (!rakuten.calls.some(({ operation }) => operation === 'events' || operation === 'token'))
    await sleep(20);
  expect(await run({ sid: SID, run: 'hourly' }, short)).toMatchObject({ outcome: 'busy' });
  expect(await first).toMatchObject({ outcome: 'done' });
  expect(await run({ sid: SID, run: 'hourly' }, short)).toMatchObject({ outcome: 'done' });
});

it('does nothing for a publisher whose URL does not ask for the ID, and says what to do', async () => {
  await writeState(ALL_FIELDS.filter(({ name }) => name !== 'etransaction_id'));
  const asked = expect.stringContaining('does not ask for etransaction_id');
  expect(await run({ sid: SID, run: 'hourly' })).toEqual({
    outcome: 'not-reconcilable',
    reason: asked,
  });
  expect(output.find((line) => line.includes('"not reconciled"'))).toContain(
    'does not ask for etransaction_id',
  );
  expect(await run({ sid: '42', run: 'hourly' })).toMatchObject({ outcome: 'not-reconcilable' });
});

it('verifies a member that only the first postback has where memberFromPostback is set', async () => {
  const lines = [lineAt(Date.now() - HOUR), lineAt(Date.now() - HOUR)];
  const trusting = functionOf('reconciliation', 900, { [ENVIRONMENT.memberFromPostback]: 'true' });
  for (const [index, line] of lines.entries()) {
    await push({ ...line, u1: 'member' }, Date.now() - HOUR);
    await settled();
    rakuten.record({ ...line, u1: '' });
    await run({ sid: SID, run: 'hourly' }, index === 0 ? reconciliation : trusting);
    const row = await rowOf(line);
    expect([row?.u1?.S, row?.u1_from_postback?.BOOL, row?.verified_at !== undefined]).toEqual([
      'member',
      true,
      index === 1,
    ]);
  }
});

it('stores how far it came in the state table', async () => {
  const { Item: note } = await clients.dynamodb.send(
    new GetItemCommand({
      TableName: STATE,
      Key: { [STATE_KEYS.partition]: { S: RECONCILIATION_KIND }, [STATE_KEYS.sort]: { S: SID } },
    }),
  );
  expect(Date.now() - Date.parse(note?.covered_until?.S ?? '')).toBeLessThan(10 * MINUTE);
  expect(note?.lease_until).toBeUndefined();
});
