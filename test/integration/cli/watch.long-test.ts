import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import { DynamoRegistrationStore } from '../../../core/registration/registration-store';
import { writeEndpoints } from '../../../local/endpoints';
import { LocalFunction } from '../../../local/lambda/local-function';
import { type LocalStack, startLocalStack } from '../../../local/stack';
import { putState } from '../../../tools/faults/publisher';
import { AwsServices } from '../../support/aws-services';
import { startCloudFormation } from '../../support/cloudformation-server';
import { type Ran, runIn } from '../../support/terminal';

/**
 * `rotate-secret` and `watch`, on the local run and on a deployed stack. Their functions are
 * invoked through Lambda's API.
 */

let stack: LocalStack;
let services: AwsServices;
let cloudFormation: Awaited<ReturnType<typeof startCloudFormation>>;
let folder: string;
const functions: LocalFunction[] = [];
const environment: Record<string, string> = {};

beforeAll(async () => {
  stack = await startLocalStack();
  // Ten GETs in a row within the limit are a matter of how busy the machine is.
  const store = new DynamoRegistrationStore(stack.clients.dynamodb, stack.stateTableName);
  const state = await store.readState(stack.sid);
  if (state !== undefined)
    await putState(stack.clients.dynamodb, stack.stateTableName, {
      ...state,
      properties: { ...state.properties, [P.selfTest]: 'false' },
    });

  services = await AwsServices.start(() => functions);
  for (const { definition } of stack.functions.values()) {
    functions.push(
      new LocalFunction({
        ...definition,
        variables: { ...definition.variables, ...services.variables },
      }),
    );
  }
  cloudFormation = await startCloudFormation({
    RakutenPostback: { outputs: { ...stack.outputs }, tables: [] },
  });
  folder = mkdtempSync(join(tmpdir(), 'rakuten-cli-'));
  await writeEndpoints(join(folder, '.local', 'endpoints.json'), stack);
  Object.assign(environment, {
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamodb.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: services.endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  });
  for (const [name, value] of Object.entries(environment)) process.env[name] = value;
});
afterAll(async () => {
  for (const name of Object.keys(environment)) delete process.env[name];
  rmSync(folder, { recursive: true, force: true });
  await Promise.all(functions.map((fn) => fn.close()));
  await cloudFormation?.close();
  await services?.close();
  await stack?.close();
});
afterEach(() => stack.rakuten.clearFaults());

const registered = (): string => stack.rakuten.slot(stack.sid)?.url ?? '';
const secretIn = (url: string): string => new URL(url).searchParams.get('k') ?? '';

async function cli(where: 'local' | 'stack', ...args: string[]): Promise<Ran> {
  const before = secretIn(registered());
  const ran = await runIn(folder, where === 'local' ? [...args, '--local'] : args);
  for (const secret of [before, secretIn(registered())])
    if (secret !== '') expect(ran.stdout + ran.stderr).not.toContain(secret);
  return ran;
}

describe.each(['local', 'stack'] as const)('on the %s', (where) => {
  it('rotate-secret registers a new secret, and reports until when the old one is accepted', async () => {
    const before = registered();
    const { stdout, exitCode } = await cli(where, 'rotate-secret');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^SID ${stack.sid}: a new secret is registered; postbacks under the old one are accepted until 20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC\n$`,
      ),
    );
    expect(registered()).not.toBe(before);
    const { SecretString } = await stack.clients.secretsManager.send(
      new GetSecretValueCommand({ SecretId: stack.outputs.UrlSecretArn }),
    );
    expect(secretIn(registered())).toBe(SecretString);
  });

  it('rotate-secret fails with the response of Rakuten, and --resume continues with the same secret', async () => {
    stack.rakuten.fault({
      operation: 'update',
      status: 400,
      body: '{"message":"url is not valid"}',
      times: 10,
    });
    const failed = await cli(where, 'rotate-secret');
    expect([failed.exitCode, failed.stdout]).toEqual([1, '']);
    expect(failed.stderr).toMatch(
      /^error: .*could not update the postback of SID 3900112: HTTP 400.*url is not valid/,
    );
    stack.rakuten.clearFaults();
    const { stdout } = await cli(where, 'rotate-secret', '--all', '--resume', '--json');
    expect(JSON.parse(stdout)).toEqual([
      {
        sid: stack.sid,
        outcome: 'rotated',
        resumed: true,
        discarded: false,
        previousAcceptedUntil: expect.any(String),
      },
    ]);
  });

  it('watch puts right what was switched off, and says so', async () => {
    stack.rakuten.setSlot(stack.sid, { url: registered(), active: false });
    const { stdout, exitCode } = await cli(where, 'watch');
    expect(stdout).toMatch(
      /^SID 3900112: switched off at Rakuten: put right\nendpoint: acknowledged after \d+ ms\n$/,
    );
    expect(exitCode).toBe(0);
    expect(stack.rakuten.slot(stack.sid)?.active).toBe(true);
    expect((await cli(where, 'watch')).stdout).toMatch(/^SID 3900112: on\n/);
  });

  it('watch fails where a postback is not what it should be', async () => {
    const ours = stack.rakuten.slot(stack.sid);
    stack.rakuten.setSlot(stack.sid, {
      url: 'https://tracker.example/in?token=4711',
      active: true,
    });
    const { stdout, exitCode } = await cli(where, 'watch');
    expect([exitCode, stdout]).toEqual([
      1,
      expect.stringContaining("SID 3900112: somebody else's URL is in the slot: left alone\n"),
    ]);
    expect(stdout).not.toContain('4711');
    stack.rakuten.fault({ operation: 'read', status: 400, times: 10 });
    const json = await cli(where, 'watch', '--json');
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout).checks).toEqual([
      expect.objectContaining({ finding: 'unknown', problem: expect.stringContaining('HTTP 400') }),
    ]);
    stack.rakuten.clearFaults();
    stack.rakuten.setSlot(stack.sid, ours);
    expect((await cli(where, 'watch')).exitCode).toBe(0);
  });
});

it('says what is missing where the watch is left out of the stack', async () => {
  const { StatusWatchFunctionName, ...outputs } = stack.outputs;
  const without = await startCloudFormation({ RakutenPostback: { outputs, tables: [] } });
  process.env.AWS_ENDPOINT_URL_CLOUDFORMATION = without.endpoint;
  const { stderr, exitCode } = await cli('stack', 'watch');
  process.env.AWS_ENDPOINT_URL_CLOUDFORMATION = cloudFormation.endpoint;
  await without.close();
  expect([exitCode, stderr]).toEqual([
    2,
    expect.stringContaining('its StatusWatchFunctionName is unknown'),
  ]);
});

it('rotate-secret needs to know which, and finds out that there is none', async () => {
  expect((await cli('local', 'rotate-secret', '--sid', '7')).stderr).toContain(
    'SID 7 is not registered',
  );
  const store = new DynamoRegistrationStore(stack.clients.dynamodb, stack.stateTableName);
  const state = await store.readState(stack.sid);
  if (state === undefined) throw new Error('no state');
  await putState(stack.clients.dynamodb, stack.stateTableName, { ...state, sid: '3900113' });
  expect(await cli('local', 'rotate-secret')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('choose one with --sid'),
  });
  await putState(stack.clients.dynamodb, stack.stateTableName, {
    ...state,
    properties: undefined,
    setAside: state.properties,
  });
  const { stdout, exitCode } = await cli('local', 'rotate-secret', '--sid', stack.sid);
  expect([exitCode, stdout]).toEqual([
    3,
    `SID ${stack.sid}: nothing is registered, so there is nothing to rotate\n`,
  ]);
});
