import { setTimeout as sleep } from 'node:timers/promises';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import {
  ENVIRONMENT,
  METRICS,
  REGISTRATION_PROPERTIES as P,
  URL_PARAMETERS,
} from '../../../core/names';
import { DynamoRegistrationStore } from '../../../core/registration/registration-store';
import type { RotationAnswer } from '../../../core/registration/rotate';
import type { Fault, LineRecord } from '../../../fake-rakuten';
import { postbackDay } from '../../../local/day';
import { queueDepth, untilEmpty } from '../../../local/drain';
import { LocalFunction } from '../../../local/lambda/local-function';
import { MetricSums } from '../../../local/metrics';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { compareRows, scanTable } from '../../../local/verify';
import { endLease as endLeaseOf, putState } from '../../../tools/faults/publisher';
import { Tripwire } from '../../support/tripwire';

/**
 * Rotates the secret in the URL while Rakuten pushes without a pause, with the deployed
 * registration and consumer in processes of their own. Whatever fails, and wherever the rotation is
 * cut off, every pushed line is in the table once, and none is rejected as forged.
 *
 * `ROTATION_EVERY=1 node tools/run.mjs test-long test/e2e/rotation` cuts it off at each call, not
 * at some.
 */
const EVERY = Number(process.env.ROTATION_EVERY ?? 4);
const WHEN = ['before', 'after'] as const;

let stack: LocalStack;
let registration: LocalFunction;
let store: DynamoRegistrationStore;
const tripwire = new Tripwire();
const metrics = new MetricSums();
const texts: string[] = [];
const secrets = new Set<string>();
const acknowledged: LineRecord[] = [];
let pushing = true;
let days = 0;
let pusher: Promise<void>;
const failures: unknown[] = [];

beforeAll(async () => {
  stack = await startLocalStack({
    autoDisableAfter: Number.POSITIVE_INFINITY,
    // How fast the endpoint answers on a busy machine is not what this is about.
    pushTimeoutMillis: 20_000,
    onOutput: (_, line) => {
      if (!metrics.read(line)) texts.push(line);
    },
  });
  store = new DynamoRegistrationStore(stack.clients.dynamodb, stack.stateTableName);
  const deployed = [...stack.functions.values()].find(
    ({ name }) => name === stack.outputs.RegistrationFunctionName,
  );
  if (deployed === undefined) throw new Error('the stack has no registration');
  const { definition } = deployed;
  const rakutenUrl = await tripwire.before(stack.rakuten.url);
  registration = new LocalFunction({
    ...definition,
    variables: { ...definition.variables, [ENVIRONMENT.rakutenApiUrl]: rakutenUrl },
    endpoints: {
      ...definition.endpoints,
      dynamodb: await tripwire.before(definition.endpoints.dynamodb),
      secretsManager: await tripwire.before(definition.endpoints.secretsManager),
    },
  });
  await changeProperties({ [P.rakutenApiUrl]: rakutenUrl });
  noteSecret();
  pusher = push();
});
afterAll(async () => {
  pushing = false;
  await pusher;
  await registration?.close();
  await tripwire.close();
  await stack?.close();
});

/** Pushes new lines, one after the other, without a pause. */
async function push(): Promise<void> {
  while (pushing) {
    days += 1;
    const day = postbackDay({
      seed: days,
      sid: stack.sid,
      day: new Date('2026-04-18'),
      orders: 20,
    });
    for (const { line, redelivery } of day) {
      if (redelivery) continue;
      if (!pushing) return;
      const result = await stack.rakuten.push(line);
      if (result.status === 200) acknowledged.push(line);
      else failures.push(result);
      // Leaves a part of the machine to the others.
      await sleep(3);
    }
  }
}

async function changeProperties(changes: Record<string, string>): Promise<void> {
  const state = await store.readState(stack.sid);
  if (state === undefined) return;
  const changed = { ...state, properties: { ...state.properties, ...changes } };
  await putState(stack.clients.dynamodb, stack.stateTableName, changed);
}

const registeredSecret = (): string =>
  new URL(stack.rakuten.slot(stack.sid)?.url ?? '').searchParams.get(URL_PARAMETERS.secret) ?? '';
const noteSecret = (): void => void secrets.add(registeredSecret());
async function currentSecret(): Promise<string> {
  const { SecretString = '' } = await stack.clients.secretsManager.send(
    new GetSecretValueCommand({ SecretId: stack.outputs.UrlSecretArn }),
  );
  return SecretString;
}

async function rotate(): Promise<RotationAnswer> {
  const answer = (await registration.invoke({
    operation: 'rotate-secret',
    sid: stack.sid,
  })) as RotationAnswer;
  texts.push(JSON.stringify(answer));
  noteSecret();
  return answer;
}

/** As when the time has passed for which a run that was cut off keeps others from the slot. */
const endLease = () => endLeaseOf(stack.clients.dynamodb, stack.stateTableName, stack.sid);

async function expectSettled(): Promise<void> {
  expect(registeredSecret()).toBe(await currentSecret());
  const state = await store.readState(stack.sid);
  expect(state?.accepted.filter((entry) => entry.acceptedUntil === undefined)).toHaveLength(1);
  expect(state?.rotation).toBeUndefined();
}

async function expectNothingLost(): Promise<void> {
  pushing = false;
  await pusher;
  expect(failures).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(20);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, 60);
  const { intact, ...wrong } = compareRows(
    acknowledged,
    await scanTable(stack.clients.dynamodb, stack.tableName),
  );
  expect(wrong).toEqual({ missing: [], repeated: [], different: [], unexpected: [] });
  expect(intact).toBe(acknowledged.length);
  expect(metrics.sum(METRICS.forged)).toBe(0);
  expect(await queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl)).toBe(0);
  pushing = true;
  pusher = push();
}

it('registers another secret after the self-test while postbacks arrive', async () => {
  const before = registeredSecret();
  const probes = metrics.sum(METRICS.probes);
  expect(await rotate()).toMatchObject({ sid: stack.sid, outcome: 'rotated', resumed: false });
  expect(registeredSecret()).not.toBe(before);
  expect(registeredSecret()).toMatch(/^[A-Za-z0-9]{43}$/);
  await expectSettled();
  await expectNothingLost();
  expect(metrics.sum(METRICS.probes) - probes).toBeGreaterThanOrEqual(10);
});

it('registers several secrets within the hour while postbacks arrive', async () => {
  await changeProperties({ [P.selfTest]: 'false' });
  for (let i = 0; i < 5; i += 1)
    expect(await rotate()).toMatchObject({ outcome: 'rotated', resumed: false });
  await expectSettled();
  await expectNothingLost();
});

it.each<[string, Fault[]]>([
  [
    'an answer of the PUT that is lost after the effect',
    [{ operation: 'update', connection: 'drop', afterEffect: true }],
  ],
  ['a PUT that is lost', [{ operation: 'update', connection: 'drop' }]],
  ['a PUT that fails twice', [{ operation: 'update', status: 500, times: 2 }]],
  ['a status call that breaks off', [{ operation: 'read', connection: 'truncate' }]],
  ['a token that expired', [{ operation: 'read', status: 401 }]],
])('registers another secret despite %s', async (_what, faults) => {
  for (const fault of faults) stack.rakuten.fault(fault);
  expect(await rotate()).toMatchObject({ outcome: 'rotated' });
  stack.rakuten.clearFaults();
  await expectSettled();
  expect(failures).toEqual([]);
});

it('registers another secret while DynamoDB throttles', async () => {
  await stack.dynamodb.refuse({
    operations: ['PutItem'],
    status: 400,
    type: 'ProvisionedThroughputExceededException',
    times: 3,
  });
  expect(await rotate()).toMatchObject({ outcome: 'rotated' });
  await expectSettled();
});

it('keeps the old secret while Rakuten refuses, and continues with the same new one afterwards', async () => {
  const before = registeredSecret();
  stack.rakuten.fault({
    operation: 'update',
    status: 400,
    body: '{"message":"url is not valid"}',
    times: 10,
  });
  await expect(rotate()).rejects.toThrow(/HTTP 400.*url is not valid/);
  stack.rakuten.clearFaults();
  expect([registeredSecret(), await currentSecret()]).toEqual([before, before]);
  expect(await rotate()).toMatchObject({ outcome: 'rotated', resumed: true });
  await expectSettled();
});

it('leaves an accepted URL when it is cut off at any call, and the next rotation completes it', async () => {
  tripwire.set(Number.POSITIVE_INFINITY, 'before', () => {});
  await rotate();
  const calls = tripwire.unset();
  expect(calls).toBeGreaterThan(12);
  let cut = 0;
  for (let call = 0; call < calls; call += 1) {
    for (const [index, when] of WHEN.entries()) {
      if ((call * WHEN.length + index) % EVERY !== 0) continue;
      cut += 1;
      tripwire.set(call, when, () => registration.kill());
      const context = `${when} call ${call}`;
      const answer = await rotate().catch((error: { errorType?: string }) => error);
      tripwire.unset();
      noteSecret();
      expect([context, answer]).toEqual([
        context,
        expect.objectContaining({ errorType: 'Runtime.ExitError' }),
      ]);
      await endLease();
      expect([context, (await rotate()).outcome]).toEqual([context, 'rotated']);
      await expectSettled();
      expect([context, failures]).toEqual([context, []]);
    }
  }
  expect(cut).toBeGreaterThan(5);
  await expectNothingLost();
});

it('writes no secret, neither old nor new, to any result, error or log line', () => {
  expect(secrets.size).toBeGreaterThan(10);
  const all = texts.join('\n');
  for (const secret of secrets) expect(all).not.toContain(secret);
});
