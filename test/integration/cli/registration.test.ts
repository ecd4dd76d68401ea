import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  type DynamoDBClient,
  PutItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { REGISTRATION_PROPERTIES as P, URL_PARAMETERS } from '../../../core/names';
import { sendHttp } from '../../../core/rakuten/api/http';
import { systemClock } from '../../../core/rakuten/api/request-with-retry';
import { ALL_FIELDS } from '../../../core/rakuten/postback/fields';
import { handleRegistrationEvent } from '../../../core/registration/events';
import type { RegistrationPorts } from '../../../core/registration/ports';
import { DynamoRegistrationStore } from '../../../core/registration/registration-store';
import { PROBE_KIND, STATE_KEYS } from '../../../core/state/publisher-state';
import { readSecret, SecretsManagerVersions } from '../../../core/state/secrets';

import { createStateTableInput } from '../../../core/state/table';
import { type FakeRakuten, startFakeRakuten } from '../../../fake-rakuten';
import { dynamoDbClient, secretsManagerClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { startSecretsManager } from '../../../local/embedded/secrets-manager';
import type { EmbeddedServer, FaultyServer } from '../../../local/embedded/server-thread';
import { putState } from '../../../tools/faults/publisher';
import { type LambdaApi, startLambdaApi } from '../../support/lambda-api';
import { seedTable } from '../../support/seed';
import { type Ran, runIn } from '../../support/terminal';

const SID = '3900112';
const CLIENT = { clientId: 'client-id-of-the-tests', clientSecret: 'client-secret-of-the-tests' };
const URL_SECRET = 'UrlSecretOfTheTests0123456789abcdefghij';
const TRACKER = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};

let dynamodb: FaultyServer;
let secretsManager: EmbeddedServer;
let client: DynamoDBClient;
let secrets: SecretsManagerClient;
let rakuten: FakeRakuten;
let endpoint: Server;
let endpointUrl: string;
let endpointStatus: number;
let directory: string;

beforeAll(async () => {
  dynamodb = await startDynamoDb();
  secretsManager = await startSecretsManager();
  client = dynamoDbClient(dynamodb.endpoint);
  secrets = secretsManagerClient(secretsManager.endpoint);
  await seedTable(client, 'Transactions');
  await secrets.send(
    new CreateSecretCommand({ Name: 'credentials', SecretString: JSON.stringify(CLIENT) }),
  );
  await secrets.send(new CreateSecretCommand({ Name: 'url-secret', SecretString: URL_SECRET }));
  endpoint = createServer((request, response) => {
    const probe =
      new URL(request.url ?? '', endpointUrl).searchParams.get(URL_PARAMETERS.probe) ?? '';
    const Item = { [STATE_KEYS.partition]: { S: PROBE_KIND }, [STATE_KEYS.sort]: { S: probe } };
    void client
      .send(new PutItemCommand({ TableName: stateTable, Item }))
      .then(() => response.writeHead(endpointStatus).end());
  });
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  endpointUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/postback`;
});
afterAll(async () => {
  client.destroy();
  secrets.destroy();
  endpoint.close();
  endpoint.closeAllConnections();
  await Promise.all([dynamodb.close(), secretsManager.close()]);
});

let stateTable = '';
let tables = 0;
beforeEach(async () => {
  tables += 1;
  stateTable = `State${tables}`;
  endpointStatus = 200;
  await client.send(new CreateTableCommand(createStateTableInput(stateTable)));
  await waitUntilTableExists(
    { client, minDelay: 0.01, maxDelay: 0.05, maxWaitTime: 10 },
    { TableName: stateTable },
  );
  rakuten = await startFakeRakuten(CLIENT);
  directory = mkdtempSync(join(tmpdir(), 'rakuten-cli-'));
  mkdirSync(join(directory, '.local'));
  const entries = {
    dynamodb: dynamodb.endpoint,
    secretsManager: secretsManager.endpoint,
    tableName: 'Transactions',
    stateTableName: stateTable,
    endpointUrl: `${endpointUrl}?k=${URL_SECRET}`,
    region: 'us-east-1',
    sid: SID,
  };
  writeFileSync(join(directory, '.local', 'endpoints.json'), JSON.stringify(entries));
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  await rakuten.close();
});

/** Registers as a deployment does. */
async function deploy(sid = SID): Promise<void> {
  const ports: RegistrationPorts = {
    store: new DynamoRegistrationStore(client, stateTable),
    readSecret: (id) =>
      readSecret(
        {
          secretsManager: secrets,
          ssm: () => Promise.reject(new Error('no parameters here')) as never,
        },
        id,
      ),
    saveSecretVersion: (id, text, label) =>
      new SecretsManagerVersions(secrets).save(id, text, label),
    urls: { rakutenApiUrl: rakuten.url, endpointUrl },
    send: sendHttp,
    probe: () => Promise.reject(new Error('not tested')),
    clock: systemClock,
    randomId: () => 'deployment',
    log: () => {},
  };
  const event = {
    RequestType: 'Create' as const,
    RequestId: `deploy-${sid}`,
    StackId: 'stack',
    LogicalResourceId: `Registration${sid}`,
    ResourceProperties: {
      [P.sid]: sid,
      [P.credentialsSecretArn]: 'credentials',
      [P.urlSecretArn]: 'url-secret',
      [P.endpointUrl]: endpointUrl,
      [P.fieldList]: JSON.stringify(ALL_FIELDS),
      [P.rakutenApiUrl]: rakuten.url,
      [P.selfTest]: 'false',
    },
  };
  await handleRegistrationEvent(ports, event, Date.now() + 5 * 60_000);
}

async function cli(...args: string[]): Promise<Ran> {
  const ran = await runIn(directory, [...args, '--local'], {
    now: new Date('2026-03-28T12:00:00.000Z'),
  });
  for (const secret of [URL_SECRET, CLIENT.clientSecret, 'tracker-secret-4711'])
    expect(ran.stdout + ran.stderr).not.toContain(secret);
  return ran;
}

const statusJson = async (): Promise<Record<string, unknown>> =>
  JSON.parse((await cli('status', '--json')).stdout)[0];

describe('status', () => {
  it('shows slot, state, last postback and self-test', async () => {
    await deploy();
    const { exitCode, stdout } = await cli('status');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`SID ${SID}`);
    expect(stdout).toContain(`slot           ${new URL(endpointUrl).host}, 16 fields (is_event, `);
    expect(stdout).toMatch(/state +as deployed/);
    expect(stdout).toMatch(/last received +2026-03-\d\d \d\d:\d\d UTC/);
    expect(stdout).toMatch(/self-test +never/);
  });

  it.each([
    ['in the path', 'https://tracker.example/hooks/T0/PATHSECRET?click=<u1>'],
    ['in a matrix parameter', 'https://tracker.example/in;token=PATHSECRET?click=<u1>'],
    ['in the user info', 'https://user:PATH/SECRET@tracker.example/?click=<u1>'],
    ['in the name of a parameter', 'https://tracker.example/?PATHSECRET=1&click=<u1>'],
  ])(
    'and the errors of register show no secret %s; --reveal does, with a warning',
    async (_where, url) => {
      await deploy();
      rakuten.setSlot(SID, { url, active: true });
      for (const args of [['status'], ['status', '--json'], ['register'], ['watch'], ['doctor']]) {
        const { stdout, stderr } = await cli(...args);
        expect([args, stdout + stderr]).toEqual([args, expect.not.stringMatching(/PATH|SECRET/)]);
      }
      const revealed = await cli('status', '--reveal');
      expect([revealed.stdout, revealed.stderr]).toEqual([
        expect.stringContaining(`${url}, active`),
        expect.stringContaining('contain secrets'),
      ]);
      expect(JSON.parse((await cli('status', '--reveal', '--json')).stdout)[0].slot.url).toBe(url);
    },
  );

  it.each([
    ['switched off', { active: false }, /switched off, though it should be on/],
    ['taken', TRACKER, /somebody else/],
    ['empty', undefined, /Rakuten sends nothing/],
  ])('says when the slot is %s, and ends with 1', async (_name, change, words) => {
    await deploy();
    const ours = rakuten.slot(SID);
    rakuten.setSlot(
      SID,
      change === undefined || ours === undefined ? undefined : { ...ours, ...change },
    );
    const { exitCode, stdout } = await cli('status');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(words);
    expect(stdout).toContain('cdk-rakuten-postback register');
  });

  it('says what is wrong with one publisher and goes on with the others', async () => {
    await deploy();
    await deploy('3900113');
    // Refused for good, in both forms.
    rakuten.fault({ operation: 'token', status: 401, times: 2 });
    const { exitCode, stdout } = await cli('status', '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      { sid: SID, problem: expect.stringContaining('client id and secret') },
      { drift: [] },
    ]);
  });

  it('lists every publisher, and says when there is none', async () => {
    expect(await cli('status')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('no publisher is registered'),
    });
    await deploy();
    await deploy('3900113');
    expect(
      JSON.parse((await cli('status', '--json')).stdout).map((s: { sid: string }) => s.sid),
    ).toEqual([SID, '3900113']);
    expect(await cli('disable')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('choose one with --sid'),
    });
    expect(await cli('disable', '--sid', '1')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('3900112, 3900113'),
    });
  });
});

it('disable and enable switch it off and on, and status knows that it is on purpose', async () => {
  await deploy();
  expect((await cli('disable')).stdout).toBe(`SID ${SID}: registered, switched off\n`);
  expect(rakuten.slot(SID)?.active).toBe(false);
  expect(await cli('status')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('switched off on purpose'),
  });
  expect((await cli('enable')).exitCode).toBe(0);
  expect(rakuten.slot(SID)?.active).toBe(true);
});

it('unregister takes ours out, register puts it back', async () => {
  await deploy();
  const ours = rakuten.slot(SID);
  expect(await cli('unregister')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('our postback is deleted'),
  });
  expect(rakuten.slot(SID)).toBeUndefined();
  expect((await statusJson()).drift).toContain('it was unregistered by hand');
  expect((await cli('register')).exitCode).toBe(0);
  expect(rakuten.slot(SID)).toEqual(ours);
  expect((await statusJson()).drift).toEqual([]);
});

it('register stops before a slot that is taken; --replace takes it, and unregister gives it back', async () => {
  await deploy();
  rakuten.setSlot(SID, TRACKER);
  expect(await cli('unregister')).toMatchObject({
    stdout: expect.stringContaining('nothing of ours'),
  });
  expect(await cli('register')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is taken: tracker.example, 1 field (u1), active.'),
  });
  expect(rakuten.slot(SID)).toEqual(TRACKER);
  expect((await cli('register', '--replace')).exitCode).toBe(0);
  expect((await statusJson()).previous).toEqual({
    host: 'tracker.example',
    fields: ['u1'],
    active: true,
  });
  expect(await cli('unregister', '--rule', 'restore')).toMatchObject({
    stdout: expect.stringContaining('was there before is back'),
  });
  expect(rakuten.slot(SID)).toEqual(TRACKER);
  expect(await cli('unregister', '--rule', 'burn')).toMatchObject({ exitCode: 2 });
});

it('test proves the endpoint and touches nothing', async () => {
  await deploy();
  const before = rakuten.calls.length;
  const { exitCode, stdout } = await cli('test', '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    sid: SID,
    p50Millis: expect.any(Number),
    maxMillis: expect.any(Number),
    queue: true,
  });
  expect(rakuten.calls).toHaveLength(before);
});

describe('rotate-secret', () => {
  let lambda: LambdaApi;
  beforeEach(async () => {
    const answer = {
      sid: SID,
      outcome: 'rotated',
      resumed: false,
      discarded: true,
      previousAcceptedUntil: '2026-03-28T13:00:00.000Z',
    };
    lambda = await startLambdaApi((event) => ({
      result: event.fresh === true ? answer : { ...answer, resumed: true, discarded: false },
    }));
    const file = join(directory, '.local', 'endpoints.json');
    const endpoints = {
      ...JSON.parse(readFileSync(file, 'utf8')),
      lambda: lambda.endpoint,
      registrationFunctionName: 'Registration',
    };
    writeFileSync(file, JSON.stringify(endpoints));
    await deploy();
  });
  afterEach(() => lambda.close());

  it('discards the value of an interrupted run, which may have leaked', async () => {
    expect(await cli('rotate-secret')).toMatchObject({
      exitCode: 0,
      stdout: `SID ${SID}: a new secret is registered in place of that of an interrupted run; postbacks under the old one are accepted until 2026-03-28 13:00 UTC\n`,
    });
    expect(lambda.events).toEqual([{ operation: 'rotate-secret', sid: SID, fresh: true }]);
  });

  it('discards it with --fresh, which excludes --resume', async () => {
    expect(await cli('rotate-secret', '--fresh', '--resume')).toMatchObject({ exitCode: 2 });
    expect((await cli('rotate-secret', '--fresh')).stdout).toContain(
      'in place of that of an interrupted run',
    );
  });

  it('installs it with --resume only', async () => {
    expect((await cli('rotate-secret', '--resume')).stdout).toContain(
      'the new secret of an interrupted run is registered;',
    );
    expect(lambda.events).toEqual([{ operation: 'rotate-secret', sid: SID, fresh: false }]);
  });
});

describe('a state table that names other URLs', () => {
  it.each(['register', 'test', 'status', 'doctor'])(
    'does not lead the secrets of "%s" there',
    async (command) => {
      await deploy();
      const received: unknown[] = [];
      const evil = createServer((request, response) => {
        received.push(request.url);
        response.end();
      });
      await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
      const evilUrl = `http://127.0.0.1:${(evil.address() as AddressInfo).port}/postback`;
      const state = await new DynamoRegistrationStore(client, stateTable).readState(SID);
      if (state === undefined) throw new Error('not registered');
      await putState(client, stateTable, {
        ...state,
        properties: { ...state.properties, [P.endpointUrl]: evilUrl },
      });
      const before = rakuten.slot(SID);
      const { stdout, stderr } = await cli(command);
      await new Promise((resolve) => evil.close(resolve));
      expect((stdout + stderr).replace(/\s+/g, ' ')).toContain(
        'which is not what this stack was deployed with',
      );
      expect([received, rakuten.slot(SID)]).toEqual([[], before]);
    },
  );
});
