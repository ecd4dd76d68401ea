/**
 * Deploys the app for real with the CDK CLI to an AWS emulator, sends postbacks from a fake Rakuten, checks the rows, changes the fields, makes an update fail
 * and roll back, and destroys the stack; after each step the slot at the fake Rakuten must be what the template says.
 *
 *     node --import ./scripts/typescript.mjs scripts/check-deployment.ts --endpoint http://127.0.0.1:4566
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { LineRecord } from '../local/fake-rakuten';
import { type FakeRakuten, startFakeRakuten } from '../local/fake-rakuten';

const SID = '3900112';
const REGION = 'us-east-1';
const CREDENTIALS = { clientId: 'emulator-client', clientSecret: 'emulator-client-secret' };
const SECRET_NAME = 'rakuten/api';
const STACK_NAME = 'PostbackCheck';
const ROWS_WITHIN_MILLIS = 60_000;

type Outputs = Record<'EndpointUrl' | 'TableName' | 'QueueUrl' | 'DeadLetterQueueUrl' | 'RegistrationStatus', string>;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { endpoint: { type: 'string', default: 'http://127.0.0.1:4566' } } });
  const rakuten = await startFakeRakuten({ ...CREDENTIALS });
  const folder = mkdtempSync(join(tmpdir(), 'postback-check-'));
  try {
    await new Check(values.endpoint, rakuten, folder).run();
  } finally {
    await rakuten.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

class Check {
  private readonly aws: { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } };
  private readonly dynamodb: DynamoDBClient;
  private readonly sqs: SQSClient;
  /** Everything that the CLI has printed: the stack's events and errors are in it. */
  private printed = '';
  /** The secrets that were in a registered URL. */
  private readonly urlSecrets = new Set<string>();

  constructor(
    private readonly endpoint: string,
    private readonly rakuten: FakeRakuten,
    private readonly folder: string,
  ) {
    this.aws = { endpoint, region: REGION, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    this.dynamodb = new DynamoDBClient(this.aws);
    this.sqs = new SQSClient(this.aws);
  }

  async run(): Promise<void> {
    await this.step('secret with the API credentials', () =>
      new SecretsManagerClient(this.aws).send(new CreateSecretCommand({ Name: SECRET_NAME, SecretString: JSON.stringify(CREDENTIALS) })),
    );
    await this.step('cdk bootstrap', () => this.cdk(['bootstrap', `aws://000000000000/${REGION}`]));

    const first = await this.step('cdk deploy', () => this.deploy());
    this.expectCalls('POST');
    const registered = this.slotUrl();
    this.urlSecrets.add(secretOf(registered));
    assert(registered.startsWith(`${first.EndpointUrl}?`), `the slot holds another URL than ${first.EndpointUrl}`);
    assert(!JSON.stringify(first).includes(secretOf(registered)), 'the secret is in an output');
    console.log(`    ${first.RegistrationStatus}`);

    await this.step('20 postbacks, each twice', async () => {
      const lines = Array.from({ length: 20 }, (_, i) => line(i));
      for (const sent of [...lines, ...lines]) await this.push(sent);
      await this.expectRows(first, lines.length);
    });

    await this.step('cdk deploy with u1 renamed', () => this.deploy('all,u1:unique_id,source=check'));
    this.expectCalls('POST', 'PUT');
    assert(this.slotUrl().includes('unique_id=<u1>'), 'the slot does not hold the new fields');

    await this.step('postbacks under the new fields, and one in flight under the old', async () => {
      await this.push(line(20));
      const inFlight = await fetch(fill(registered, line(21)));
      assert(inFlight.status === 200, `the postback in flight was answered ${inFlight.status}`);
      const rows = await this.expectRows(first, 22);
      const members = rows.filter((row) => row.u1?.S === 'member-20' || row.u1?.S === 'member-21');
      assert(members.length === 2, 'u1 is not in both rows');
    });

    await this.step('an update that fails at Rakuten rolls back', async () => {
      const before = this.slotUrl();
      this.rakuten.fault({
        operation: 'update',
        times: 1,
        status: 400,
        body: '{"message":"url is not valid","error":"REQUEST_PARAM_INVALID"}',
      });
      const failed = await this.deploy('all,u1:member').then(
        () => false,
        () => true,
      );
      this.rakuten.clearFaults();
      assert(failed, 'the deployment succeeded though Rakuten refused the URL');
      assert(this.slotUrl() === before, 'after the rollback the slot holds another URL than before');
      await this.push(line(22));
      await this.expectRows(first, 23);
    });

    await this.step('nothing in the dead-letter queue', async () => {
      const { Attributes } = await this.sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: first.DeadLetterQueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
      );
      assert(Attributes?.ApproximateNumberOfMessages === '0', `${Attributes?.ApproximateNumberOfMessages} messages there`);
    });

    await this.step('no secret in the template, the assets, the events, the errors or the outputs', async () => this.expectNoLeak());

    await this.step('cdk destroy', () => this.cdk(['destroy', '--force', ...this.context()]));
    assert(this.rakuten.slot(SID) === undefined, 'our URL is still in the slot');
    assert(
      this.rakuten.requests.some((r) => r.method === 'DELETE'),
      'no DELETE was called',
    );
  }

  private expectNoLeak(): void {
    const tokens = this.rakuten.calls.flatMap((call) =>
      call.operation === 'token' ? (call.responseBody.match(/"access_token":"([^"]+)"/)?.[1] ?? []) : [],
    );
    const secrets = [CREDENTIALS.clientSecret, ...this.urlSecrets, ...tokens];
    assert(this.urlSecrets.size > 0 && tokens.length > 0, 'there is no secret to look for');
    const texts: [place: string, text: string][] = readdirSync(this.folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(this.folder, name))
      .filter((file) => statSync(file).isFile())
      .map((file) => [file.slice(this.folder.length + 1), readFileSync(file, 'latin1')]);
    assert(
      texts.some(([place]) => place.endsWith('.template.json')),
      'there is no template to look into',
    );
    for (const [place, text] of [...texts, ['what the CLI printed', this.printed] as const]) {
      assert(!secrets.some((secret) => text.includes(secret)), `a secret is in ${place}`);
    }
  }

  private async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    process.stdout.write(`  ${name} … `);
    const started = Date.now();
    try {
      const result = await work();
      console.log(`ok (${((Date.now() - started) / 1000).toFixed(1)} s)`);
      return result;
    } catch (error) {
      console.log('FAILED');
      throw error;
    }
  }

  private context(fields?: string): string[] {
    const settings: Record<string, string> = {
      sid: SID,
      credentialsSecretName: SECRET_NAME,
      rakutenApiUrl: this.rakuten.url,
      endpointBaseUrl: `${this.endpoint}/_aws/execute-api/{apiId}/{stage}`,
      removalPolicy: 'destroy',
      stackName: STACK_NAME,
      ...(fields === undefined ? {} : { fields }),
    };
    return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  }

  private async deploy(fields?: string): Promise<Outputs> {
    const file = join(this.folder, 'outputs.json');
    await this.cdk(['deploy', '--require-approval', 'never', '--outputs-file', file, ...this.context(fields)]);
    return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Outputs>)[STACK_NAME] as Outputs;
  }

  /** Runs the CLI against the emulator alone: of this shell's environment only what Node and npm need is passed on. */
  private cdk(args: string[]): Promise<void> {
    const child = spawn('npx', ['cdk', ...args, '--output', join(this.folder, 'cdk.out'), '--ci', '--progress', 'events'], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        AWS_ENDPOINT_URL: this.endpoint,
        AWS_ENDPOINT_URL_S3: this.endpoint,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_REGION: REGION,
        AWS_DEFAULT_REGION: REGION,
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        CDK_DISABLE_CLI_TELEMETRY: 'true',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => {
        this.printed += log;
        if (code === 0) resolve();
        else reject(new Error(`cdk ${args[0]} ended with ${code}:\n${log.slice(-6000)}`));
      });
    });
  }

  private slotUrl(): string {
    const slot = this.rakuten.slot(SID);
    assert(slot !== undefined, 'the slot is empty');
    assert(slot.active, 'the postback is switched off');
    return slot.url;
  }

  private expectCalls(...methods: string[]): void {
    const writes = this.rakuten.requests.filter((r) => r.method !== 'GET').map((r) => r.method);
    assert(writes.join() === methods.join(), `expected the calls ${methods.join(', ')} at Rakuten, seen ${writes.join(', ')}`);
  }

  private async push(sent: LineRecord): Promise<void> {
    const result = await this.rakuten.push(sent);
    assert(result.status === 200, `a postback was answered ${result.status ?? result.error ?? result.skipped} after ${result.millis} ms`);
  }

  private async expectRows(outputs: Outputs, count: number): Promise<Record<string, { S?: string; N?: string }>[]> {
    const deadline = Date.now() + ROWS_WITHIN_MILLIS;
    for (;;) {
      const { Items = [] } = await this.dynamodb.send(new ScanCommand({ TableName: outputs.TableName }));
      if (Items.length === count) return Items as Record<string, { S?: string; N?: string }>[];
      assert(Items.length < count && Date.now() < deadline, `expected ${count} rows, there are ${Items.length}`);
      await sleep(250);
    }
  }
}

function line(i: number): LineRecord {
  return {
    is_event: 'N',
    etransaction_id: `EMULATOR${String(i).padStart(24, '0')}`,
    sid: SID,
    advertiser_id: '39001',
    order_id: `ORDER-${Math.floor(i / 2)}`,
    offer_id: '727010',
    transaction_type: 'realtime',
    transaction_date: '2026-03-13T18:02:43.000+00:00',
    process_date: '2026-03-13T18:17:25.000+00:00',
    currency: 'USD',
    sale_amount: `${i}.10`,
    commissions: '0.30',
    quantity: '1',
    sku_number: `SKU-${i}`,
    u1: `member-${i}`,
    product_name: 'Größe & Farbe "blau"',
  };
}

const fill = (url: string, values: LineRecord): string =>
  url.replace(/<(\w+)>/g, (token, field: keyof LineRecord) => encodeURIComponent(values[field] ?? token));

const secretOf = (url: string): string => new URL(url.replace(/[<>]/g, '')).searchParams.get('k') ?? '';

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

main().then(
  () => console.log('deployment check passed'),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
