import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { METRICS, WATCH_EVENTS } from '../../../core/names';
import {
  PUBLISHER_KIND,
  type PublisherState,
  STATE_DOCUMENT,
  STATE_KEYS,
  WATCH_KIND,
} from '../../../core/state/publisher-state';
import { RecordConflictError } from '../../../core/status-watch/ports';
import { newRecord } from '../../../core/status-watch/record';
import type { WatchResult } from '../../../core/status-watch/watch';
import { DynamoWatchStore } from '../../../core/status-watch/watch-store';
import type { LineRecord, Slot } from '../../../fake-rakuten';
import { postbackDay } from '../../../local/day';
import { untilEmpty } from '../../../local/drain';
import { LocalFunction } from '../../../local/lambda/local-function';
import { MetricSums } from '../../../local/metrics';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { compareRows, scanTable } from '../../../local/verify';
import { AwsServices } from '../../support/aws-services';

/**
 * The whole stack as it is deployed, with its bundles in processes of their own and the real SDK,
 * against servers on this machine.
 */

const TRACKER: Slot = {
  url: 'https://user:pass-4711@tracker.example/in/token-4711?key=value-4711',
  active: true,
};
const { detailTypes: SAID } = WATCH_EVENTS;

let stack: LocalStack;
let services: AwsServices;
let watchFunction: LocalFunction;
let urlSecret = '';
let metrics = new MetricSums();
/** All output and results of the functions. */
const output: string[] = [];
const lines: LineRecord[] = [];

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: 3,
    onOutput: (_, line) => {
      output.push(line);
      metrics.read(line);
    },
  });
  services = await AwsServices.start(() => stack.functions.values());
  const deployed = [...stack.functions.values()].find(
    ({ name }) => name === stack.outputs.StatusWatchFunctionName,
  );
  if (deployed === undefined) throw new Error('the stack has no status watch');
  const { definition } = deployed;
  watchFunction = new LocalFunction({
    ...definition,
    // The local run has a Lambda service of its own, which would be called instead.
    endpoints: { ...definition.endpoints, lambda: services.endpoint },
    variables: { ...definition.variables, ...services.variables },
  });
  urlSecret = new URL(stack.registeredUrl).searchParams.get('k') ?? '';
});
beforeEach(() => {
  metrics = new MetricSums();
  services.events.length = 0;
  services.invocations.length = 0;
});
afterEach(async () => {
  services.status = undefined;
  stack.rakuten.clearFaults();
  await Promise.all([stack.dynamodb.accept(), stack.sqs.accept()]);
  stack.rakuten.setSlot(stack.sid, { url: stack.registeredUrl, active: true });
  const texts = [
    ...output,
    JSON.stringify(services.events),
    JSON.stringify(await watchItem()),
  ].join('\n');
  for (const secret of [
    urlSecret,
    await credentialsSecret(),
    'fake-access-',
    'pass-4711',
    'token-4711',
    'value-4711',
  ])
    expect(texts).not.toContain(secret);
});
afterAll(async () => {
  await watchFunction?.close();
  await services?.close();
  await stack?.close();
});

async function credentialsSecret(): Promise<string> {
  const { SecretString = '{}' } = await stack.clients.secretsManager.send(
    new GetSecretValueCommand({ SecretId: 'rakuten/api' }),
  );
  return (JSON.parse(SecretString) as { clientSecret: string }).clientSecret;
}

const stateKey = (kind: string) => ({
  [STATE_KEYS.partition]: { S: kind },
  [STATE_KEYS.sort]: { S: stack.sid },
});
async function watchItem(): Promise<Record<string, unknown>> {
  const { Item } = await stack.clients.dynamodb.send(
    new GetItemCommand({ TableName: stack.stateTableName, Key: stateKey(WATCH_KIND) }),
  );
  return JSON.parse(Item?.[STATE_DOCUMENT]?.S ?? '{}');
}

/** One run, as the schedule invokes it. */
async function look(): Promise<WatchResult> {
  const result = (await watchFunction.invoke({ 'detail-type': 'Scheduled Event' })) as WatchResult;
  output.push(JSON.stringify(result));
  return result;
}
const finding = async (): Promise<string | undefined> => (await look()).checks[0]?.finding;
const settled = (): Promise<void> => untilEmpty(stack.clients.sqs, stack.queueUrl, 60);
const slot = (): Slot | undefined => stack.rakuten.slot(stack.sid);
const said = (): string[] => services.events.map(({ detailType }) => detailType);
const sum = (metric: string): number => metrics.sum(metric);

/** Rakuten pushes a line that it processed a few minutes ago. */
async function sell(): Promise<void> {
  const day = postbackDay({
    seed: lines.length + 1,
    sid: stack.sid,
    day: new Date('2026-04-18'),
    orders: 1,
  });
  const line = { ...day[0]?.line, process_date: new Date(Date.now() - 5 * 60_000).toISOString() };
  lines.push(line);
  stack.rakuten.record(line);
  await stack.rakuten.push(line);
}

it('finds an active postback, and measures how fast the endpoint acknowledges', async () => {
  const { checks, probe } = await look();
  expect(checks).toEqual([{ sid: stack.sid, finding: 'active', restored: false, flapping: false }]);
  expect(probe?.status).toBe(200);
  expect(sum(METRICS.active)).toBe(1);
  expect(sum(METRICS.probeLatency)).toBe(probe?.millis);
  expect(output.find((line) => line.includes(`"${METRICS.probeLatency}"`))).toContain(
    '"Unit":"Milliseconds"',
  );
  for (const metric of [
    METRICS.disabled,
    METRICS.restored,
    METRICS.statusCheckFailed,
    METRICS.probeFailed,
  ])
    expect(sum(metric)).toBe(0);
  expect(services.events).toEqual([]);
  await settled();
  // The probe came through the queue, and made no row.
  expect([sum(METRICS.probes), sum(METRICS.forged)]).toEqual([1, 0]);
  expect(await scanTable(stack.clients.dynamodb, stack.tableName)).toEqual([]);
});

it('ends an outage: enables what Rakuten disabled, and every line that was not pushed is in the table', async () => {
  for (let i = 0; i < 5; i += 1) await sell();
  await settled();
  await look();

  await stack.sqs.refuse({ operations: ['SendMessage'], status: 503, type: 'ServiceUnavailable' });
  for (let i = 0; i < 8; i += 1) await sell();
  expect(stack.rakuten.statistics(stack.sid)).toMatchObject({
    refused: 3,
    skipped: 5,
    autoDisabled: 1,
  });
  expect(slot()?.active).toBe(false);
  await stack.sqs.accept();
  // Rakuten reports nothing, and continues to skip lines.
  for (let i = 0; i < 4; i += 1) await sell();

  metrics = new MetricSums();
  const { checks } = await look();
  expect(checks).toEqual([
    { sid: stack.sid, finding: 'disabled', plan: 'enable', restored: true, flapping: false },
  ]);
  expect(slot()).toEqual({ url: stack.registeredUrl, active: true });
  expect([sum(METRICS.disabled), sum(METRICS.restored), sum(METRICS.active)]).toEqual([1, 1, 1]);
  const common = {
    installation: expect.stringMatching(/Postback/),
    sid: stack.sid,
    finding: 'disabled',
  };
  expect(services.events).toEqual([
    {
      source: WATCH_EVENTS.source,
      detailType: SAID.disabled,
      detail: expect.objectContaining({ ...common, plan: 'enable' }),
    },
    {
      source: WATCH_EVENTS.source,
      detailType: SAID.restored,
      detail: expect.objectContaining({ ...common, restoredBy: 'status-watch' }),
    },
  ]);
  expect(services.invocations.map(({ event }) => event)).toEqual([
    { sid: stack.sid, from: expect.any(String), to: expect.any(String), reason: 'disabled' },
  ]);
  expect(await services.invocations[0]?.done).toMatchObject({
    outcome: 'done',
    counts: { missing: 12 },
  });

  await sell();
  await settled();
  const rows = await scanTable(stack.clients.dynamodb, stack.tableName);
  expect(rows.filter((row) => row.source?.S === 'push')).toHaveLength(6);
  expect(compareRows(lines, rows)).toEqual({
    intact: 18,
    missing: [],
    repeated: [],
    different: [],
    unexpected: [],
  });
});

it('registers a missing one again', async () => {
  stack.rakuten.setSlot(stack.sid, undefined);
  expect(await finding()).toBe('missing');
  expect(slot()).toEqual({ url: stack.registeredUrl, active: true });
  expect([sum(METRICS.missing), sum(METRICS.restored), said()]).toEqual([
    1,
    1,
    [SAID.missing, SAID.restored],
  ]);
});

it('replaces an outdated URL whose postbacks would be lost', async () => {
  stack.rakuten.setSlot(stack.sid, {
    url: stack.registeredUrl.replace(/&f=[^&]+/, '&f=00000000'),
    active: true,
  });
  expect(await finding()).toBe('outdated');
  expect(slot()).toEqual({ url: stack.registeredUrl, active: true });
  expect([sum(METRICS.outdated), said()]).toEqual([
    1,
    [SAID.outdated, SAID.restored, SAID.flapping],
  ]);
});

it('reports the new owner of the slot, and does not change it', async () => {
  stack.rakuten.setSlot(stack.sid, TRACKER);
  for (let i = 0; i < 2; i += 1) expect(await finding()).toBe('taken-over');
  expect(slot()).toEqual(TRACKER);
  expect([sum(METRICS.takenOver), sum(METRICS.restored), sum(METRICS.active)]).toEqual([2, 0, 0]);
  expect(services.events).toEqual([
    expect.objectContaining({
      detailType: SAID.takenOver,
      detail: expect.objectContaining({ takenOverBy: 'tracker.example', plan: 'report' }),
    }),
  ]);
  expect(services.invocations).toEqual([]);
});

it('backs off after the third restoration', async () => {
  stack.rakuten.setSlot(stack.sid, { url: stack.registeredUrl, active: false });
  const { checks } = await look();
  expect(checks).toEqual([
    { sid: stack.sid, finding: 'disabled', plan: 'back-off', restored: false, flapping: true },
  ]);
  expect([slot()?.active, sum(METRICS.flapping), sum(METRICS.active)]).toEqual([false, 1, 0]);
  await forget();
});

it('repeats events and requests that failed with the next check', async () => {
  services.status = 500;
  stack.rakuten.setSlot(stack.sid, { url: stack.registeredUrl, active: false });
  expect(await finding()).toBe('disabled');
  expect(slot()?.active).toBe(true);
  services.status = undefined;
  expect(services.events).toEqual([]);
  expect(sum(METRICS.watchTaskFailed)).toBe(2);
  for (const message of ['event not sent', 'reconciliation not requested'])
    expect(
      output.filter((line) => line.includes('"level":"ERROR"') && line.includes(`"${message}"`)),
    ).toHaveLength(1);
  expect(await finding()).toBe('active');
  expect(said()).toEqual([SAID.disabled, SAID.restored]);
  expect(services.invocations).toHaveLength(1);
  await services.invocations[0]?.done;
});

it.each<[string, () => Promise<void> | void, RegExp]>([
  [
    'Rakuten refuses',
    () => stack.rakuten.fault({ operation: 'token', status: 401, echo: true, times: 10 }),
    /could not get an access token/,
  ],
  [
    'DynamoDB refuses',
    () =>
      stack.dynamodb.refuse({ operations: ['GetItem'], status: 500, type: 'InternalServerError' }),
    /./,
  ],
])('reports why a check failed: %s', async (_who, trouble, why) => {
  await trouble();
  const { checks } = await look();
  expect(checks[0]).toMatchObject({
    finding: 'unknown',
    restored: false,
    problem: expect.stringMatching(why),
  });
  expect([sum(METRICS.statusCheckFailed), sum(METRICS.active)]).toEqual([1, 0]);
  expect(
    output.some((line) => line.includes('"level":"ERROR"') && line.includes('"check failed"')),
  ).toBe(true);
});

it('fails as a whole only when the publishers cannot be read', async () => {
  await stack.dynamodb.refuse({ operations: ['Query'], status: 500, type: 'InternalServerError' });
  await expect(look()).rejects.toMatchObject({ errorType: 'InternalServerError' });
});

it('counts a probe that the endpoint does not acknowledge', async () => {
  await stack.sqs.refuse({
    operations: ['SendMessage'],
    status: 503,
    type: 'ServiceUnavailable',
    times: 20,
  });
  expect((await look()).probe).toMatchObject({ status: 500 });
  expect([sum(METRICS.probeFailed), sum(METRICS.probeLatency)]).toEqual([1, 0]);
});

it('skips a registration that was given up', async () => {
  const { dynamodb } = stack.clients;
  const Key = stateKey(PUBLISHER_KIND);
  const { Item } = await dynamodb.send(
    new GetItemCommand({ TableName: stack.stateTableName, Key }),
  );
  const { properties, ...givenUp } = JSON.parse(
    Item?.[STATE_DOCUMENT]?.S ?? '{}',
  ) as PublisherState;
  const write = (state: PublisherState) =>
    dynamodb.send(
      new PutItemCommand({
        TableName: stack.stateTableName,
        Item: { ...Key, [STATE_DOCUMENT]: { S: JSON.stringify(state) } },
      }),
    );
  await write(givenUp);
  stack.rakuten.setSlot(stack.sid, undefined);
  expect(await finding()).toBe('not-registered');
  expect(slot()).toBeUndefined();
  await write({ ...givenUp, properties });
});

describe('the record', () => {
  it('of two concurrent runs is the one that was written first', async () => {
    const store = new DynamoWatchStore(stack.clients.dynamodb, stack.stateTableName);
    const first = await store.writeRecord(newRecord('7'), Date.now());
    expect(first.revision).toBe(1);
    await expect(
      store.writeRecord({ ...newRecord('7'), failures: 9 }, Date.now()),
    ).rejects.toBeInstanceOf(RecordConflictError);
    await store.writeRecord({ ...first, activeAt: '2026-03-01T00:00:00.000Z' }, Date.now());
    expect(await store.readRecord('7')).toEqual({
      ...newRecord('7'),
      revision: 2,
      activeAt: '2026-03-01T00:00:00.000Z',
    });
  });

  it('is no conflict where a write is repeated after a lost response', async () => {
    const { dynamodb } = stack.clients;
    const twice = async (command: PutItemCommand): Promise<unknown> => {
      if (command instanceof PutItemCommand) await dynamodb.send(command);
      return dynamodb.send(command);
    };
    const store = new DynamoWatchStore(
      { send: twice as typeof dynamodb.send },
      stack.stateTableName,
    );
    const written = await store.writeRecord(newRecord('8'), Date.now());
    expect(written).toEqual({ ...newRecord('8'), revision: 1 });
    expect(await store.readRecord('8')).toEqual(written);
  });
});

/** As if a day had passed. */
async function forget(): Promise<void> {
  const store = new DynamoWatchStore(stack.clients.dynamodb, stack.stateTableName);
  const record = await store.readRecord(stack.sid);
  if (record !== undefined)
    await store.writeRecord(
      { ...record, restoredAt: [], spell: undefined, flapping: false },
      Date.now(),
    );
}
