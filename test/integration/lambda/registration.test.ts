import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CreateTableCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { ENVIRONMENT, REGISTRATION_PROPERTIES as P, URL_PARAMETERS } from '../../../core/names';
import { createStateTableInput } from '../../../core/state/table';
import { type FakeRakuten, startFakeRakuten } from '../../../fake-rakuten';
import { stateTableClient } from '../../../lambda/registration/state-table';
import { dynamoDbClient, secretsManagerClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { startSecretsManager } from '../../../local/embedded/secrets-manager';
import type { EmbeddedServer, FaultyServer } from '../../../local/embedded/server-thread';
import { LocalFunction } from '../../../local/lambda/local-function';
import {
  cloudFormationRequest,
  type Endpoint,
  endLease,
  propertiesOf,
  startEndpoint,
} from '../../../tools/faults/publisher';
import { deviations } from '../../support/rakuten-schemas';

/**
 * The bundle that is deployed, in a process of its own, with the real SDK, against servers on this
 * machine.
 */

const SID = '3900112';
const CLIENT = { clientId: 'client-id-of-the-tests', clientSecret: 'client-secret-of-the-tests' };
const URL_SECRET = 'UrlSecretOfTheTests0123456789abcdefghij';
const TRACKER = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};
const STATE_TABLE = 'state';
const BUNDLE = join(__dirname, '../../../lambda-dist/registration');

let dynamodb: FaultyServer;
let secretsManager: EmbeddedServer;
let state: DynamoDBClient;
let secrets: SecretsManagerClient;
let rakuten: FakeRakuten;
let endpoint: Endpoint;
let endpointMillis: number;
let registration: LocalFunction;
/** Everything that the function wrote, answered or failed with. */
const texts: string[] = [];

const functionOf = (
  timeoutSeconds: number,
  variables: Record<string, string> = {},
): LocalFunction =>
  new LocalFunction({
    name: 'registration',
    taskRoot: BUNDLE,
    handler: 'index.handler',
    timeoutSeconds,
    memoryMegabytes: 512,
    variables: {
      [ENVIRONMENT.stateTableName]: STATE_TABLE,
      [ENVIRONMENT.rakutenApiUrl]: rakuten.url,
      [ENVIRONMENT.endpointUrl]: endpoint.url,
      ...variables,
    },
    endpoints: {
      dynamodb: dynamodb.endpoint,
      sqs: 'http://127.0.0.1:1',
      secretsManager: secretsManager.endpoint,
    },
    onOutput: (line) => texts.push(line),
  });

beforeAll(async () => {
  if (!existsSync(join(BUNDLE, 'index.js')))
    throw new Error('lambda-dist/registration is missing: run "node tools/run.mjs bundle" first');
  dynamodb = await startDynamoDb();
  secretsManager = await startSecretsManager();
  state = dynamoDbClient(dynamodb.endpoint);
  secrets = secretsManagerClient(secretsManager.endpoint);
  await state.send(new CreateTableCommand(createStateTableInput(STATE_TABLE)));
  await secrets.send(
    new CreateSecretCommand({ Name: 'credentials', SecretString: JSON.stringify(CLIENT) }),
  );
  await secrets.send(new CreateSecretCommand({ Name: 'url-secret', SecretString: URL_SECRET }));
  endpoint = await startEndpoint(state, STATE_TABLE, () => endpointMillis);
});

beforeEach(async () => {
  rakuten = await startFakeRakuten(CLIENT);
  registration = functionOf(600);
  endpointMillis = 0;
});
afterEach(async () => {
  await dynamodb.accept();
  const forbidden = [
    URL_SECRET,
    CLIENT.clientSecret,
    'tracker-secret-4711',
    'fake-access-',
    'cloudformation-answer-url',
  ];
  const credentials = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64');
  const all = texts.join('\n');
  for (const secret of [...forbidden, credentials]) expect(all).not.toContain(secret);
  await Promise.all([registration.close(), rakuten.close()]);
});
afterAll(async () => {
  state.destroy();
  secrets.destroy();
  await Promise.all([endpoint.close(), dynamodb.close(), secretsManager.close()]);
});

let requests = 0;
function event(
  type: 'Create' | 'Update' | 'Delete',
  changes: Record<string, string> = {},
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  requests += 1;
  const properties = propertiesOf(SID, endpoint.url, rakuten.url, changes);
  return { ...cloudFormationRequest(type, `request-${requests}`, properties), ...more };
}

type Answer = { PhysicalResourceId: string; Data: Record<string, string> };

async function invoke(given: Record<string, unknown>, fn = registration): Promise<Answer> {
  try {
    const answer = (await fn.invoke(given)) as Answer;
    texts.push(JSON.stringify(answer));
    return answer;
  } catch (error) {
    texts.push(String(error), (error as Error).stack ?? '');
    throw error;
  }
}

it('registers, updates and removes, and Rakuten sees only documented calls', async () => {
  const created = await invoke(event('Create'));
  expect(created.PhysicalResourceId).toBe(`rakuten-postback-${SID}`);
  expect(created.Data.Status).toBe('registered, active');
  expect(Number(created.Data.SelfTestMaxMillis)).toBeGreaterThanOrEqual(
    Number(created.Data.SelfTestP50Millis),
  );
  const url = new URL(rakuten.slot(SID)?.url ?? '');
  expect(url.searchParams.get(URL_PARAMETERS.secret)).toBe(URL_SECRET);
  expect(url.searchParams.get('product_name')).toBe('<product_name>');

  await invoke(
    event(
      'Update',
      { [P.enabled]: 'false' },
      { OldResourceProperties: event('Create').ResourceProperties },
    ),
  );
  expect(rakuten.slot(SID)?.active).toBe(false);
  await invoke(event('Delete'));
  expect(rakuten.slot(SID)).toBeUndefined();
  expect(rakuten.calls.flatMap(deviations)).toEqual([]);
  expect(rakuten.requests.map((r) => r.method).filter((m) => m !== 'GET')).toEqual([
    'POST',
    'PUT',
    'DELETE',
  ]);
});

it('does a request that is delivered twice at once, and again later, one time', async () => {
  const create = event('Create');
  const answers = await Promise.all([invoke(create), invoke(create)]);
  answers.push(await invoke(create));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(rakuten.requests.map((r) => r.method).filter((m) => m !== 'GET')).toEqual(['POST']);
  await invoke(event('Delete'));
});

it('finishes what a killed run began, once the lease of the dead has ended', async () => {
  const create = event('Create');
  rakuten.fault({ operation: 'create', afterEffect: true, connection: 'hang' });
  const first = registration.invoke(create).catch((error: unknown) => error);
  while (rakuten.slot(SID) === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  registration.kill();
  expect(await first).toBeInstanceOf(Error);
  await endLease(state, STATE_TABLE, SID);
  expect((await invoke(create)).Data.Status).toBe('registered, active');
  expect(rakuten.requests.map((r) => r.method).filter((m) => m !== 'GET')).toEqual(['POST']);
  await invoke(event('Delete'));
});

it('stops before a slot that is taken, with a reason that CloudFormation can show', async () => {
  rakuten.setSlot(SID, TRACKER);
  await expect(invoke(event('Create'))).rejects.toThrow(
    /taken: tracker\.example, 1 field \(u1\), active/,
  );
  expect(rakuten.slot(SID)).toEqual(TRACKER);
  await invoke(event('Create', { [P.existingPostback]: 'REPLACE' }));
  await invoke(event('Delete'));
  expect(rakuten.slot(SID)).toEqual(TRACKER);
});

it('stops before an endpoint that is too slow, and leaves nothing behind', async () => {
  endpointMillis = 450;
  // A short time limit leaves the self-test a few seconds.
  const hurried = functionOf(100);
  try {
    await expect(invoke(event('Create'), hurried)).rejects.toThrow(
      /did not answer ten GETs in a row .* 4\d\d ms.*Next step/,
    );
  } finally {
    await hurried.close();
  }
  expect(rakuten.slot(SID)).toBeUndefined();
});

it('explains secrets that are missing or cannot be used', async () => {
  await expect(invoke(event('Create', { [P.credentialsSecretArn]: 'nowhere' }))).rejects.toThrow(
    /secret nowhere cannot be read: there is none of this name/,
  );
  await secrets.send(new CreateSecretCommand({ Name: 'no-value' }));
  await expect(invoke(event('Create', { [P.credentialsSecretArn]: 'no-value' }))).rejects.toThrow(
    /no value yet/,
  );
  await secrets.send(new PutSecretValueCommand({ SecretId: 'no-value', SecretString: '{}' }));
  await expect(invoke(event('Create', { [P.credentialsSecretArn]: 'no-value' }))).rejects.toThrow(
    /no value for clientId and clientSecret/,
  );
  expect(rakuten.calls).toEqual([]);
});

it('takes the credentials from a SecureString parameter as well, and says so when there is none', async () => {
  const asked: unknown[] = [];
  let isThere = false;
  const parameters = createServer((request, response) => {
    request.on('data', (body: Buffer) =>
      asked.push(request.headers['x-amz-target'], JSON.parse(body.toString())),
    );
    request.on('end', () => {
      if (isThere) response.end(JSON.stringify({ Parameter: { Value: JSON.stringify(CLIENT) } }));
      else
        response
          .writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
          .end('{"__type":"ParameterNotFound"}');
    });
  });
  await new Promise<void>((resolve) => parameters.listen(0, '127.0.0.1', resolve));
  const withParameters = functionOf(600, {
    AWS_ENDPOINT_URL_SSM: `http://127.0.0.1:${(parameters.address() as AddressInfo).port}`,
  });
  const arn = 'arn:aws:ssm:us-east-1:111122223333:parameter/rakuten/api';
  try {
    await expect(
      invoke(event('Create', { [P.credentialsSecretArn]: arn }), withParameters),
    ).rejects.toThrow('there is none of this name');
    isThere = true;
    await invoke(event('Create', { [P.credentialsSecretArn]: arn }), withParameters);
    await invoke(event('Delete', { [P.credentialsSecretArn]: arn }), withParameters);
  } finally {
    await withParameters.close();
    parameters.close();
    parameters.closeAllConnections();
  }
  expect(asked.slice(0, 2)).toEqual([
    'AmazonSSM.GetParameter',
    { Name: arn, WithDecryption: true },
  ]);
});

it('ends with an error when the state cannot be written, with nothing registered', async () => {
  await dynamodb.refuse({
    operations: ['UpdateItem'],
    status: 400,
    type: 'ResourceNotFoundException',
    message: 'no such table',
  });
  await expect(invoke(event('Create'))).rejects.toThrow(
    /The state table state cannot be used: ResourceNotFoundException: no such table\. Next step: bring the table back/,
  );
  expect(rakuten.slot(SID)).toBeUndefined();
});

it.each([
  ['ResourceNotFoundException', 'bring the table back'],
  ['ProvisionedThroughputExceededException', "raise the table's capacity"],
  ['TimeoutError', 'see whether DynamoDB works in this region'],
])('a state table that answers %s: %s', async (name, next) => {
  const failing = {
    send: () => Promise.reject(Object.assign(new Error('as DynamoDB says'), { name })),
  } as unknown as DynamoDBClient;
  await expect(
    stateTableClient(failing, 'state').send(new PutItemCommand({ TableName: 'state', Item: {} })),
  ).rejects.toThrow(
    new RegExp(
      `^The state table state cannot be used: ${name}: as DynamoDB says. Next step: .*${next}.*, and try again.$`,
    ),
  );
});
