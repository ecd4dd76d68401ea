/**
 * Deploys the app to an AWS emulator, sends postbacks, changes the fields, rolls back and destroys.
 *
 * After each step the slot at the fake Rakuten must be what the template says.
 *
 *     node tools/run.mjs check-deployment --endpoint http://127.0.0.1:4566
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  GetQueueAttributesCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type FakeRakuten, type LineRecord, startFakeRakuten } from '../fake-rakuten';
import { ACCOUNT } from './emulator/cdk';
import { emulatorLine, lineId } from './emulator/line';
import { type Ended, REGION, runProgram } from './emulator/program';
import { assert, run, step } from './emulator/step';

const SID = '3900112';
const CREDENTIALS = { clientId: 'emulator-client', clientSecret: 'emulator-client-secret' };
const SECRET_NAME = 'rakuten/api';
const TRACKER = { url: 'https://tracker.example/in?click=<u1>', active: true };
const STACK_NAME = 'PostbackCheck';
const ROWS_WITHIN_MILLIS = 60_000;

type Outputs = Record<
  'EndpointUrl' | 'TableName' | 'QueueUrl' | 'DeadLetterQueueUrl' | 'RegistrationStatus',
  string
>;

/**
 * What is otherwise here than in an installation that is to last: the root user, no backups,
 * schedules and alarms that have had no time, lines of March, few members.
 */
const NOT_AS_ON_AWS = [
  'AWS identity',
  'Safety of the rows',
  'Last line',
  'Last look',
  'Last reconciliation',
  'Alarms',
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { endpoint: { type: 'string', default: 'http://127.0.0.1:4566' } },
  });
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
  private readonly aws: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  private readonly dynamodb: DynamoDBClient;
  private readonly sqs: SQSClient;
  /** Everything that the CLI has printed: the stack's events and errors are in it. */
  private printed = '';
  /** Secrets of every registered URL. */
  private readonly urlSecrets = new Set<string>();

  constructor(
    private readonly endpoint: string,
    private readonly rakuten: FakeRakuten,
    private readonly folder: string,
  ) {
    this.aws = {
      endpoint,
      region: REGION,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    this.dynamodb = new DynamoDBClient(this.aws);
    this.sqs = new SQSClient(this.aws);
  }

  async run(): Promise<void> {
    await step('secret with the API credentials', () =>
      new SecretsManagerClient(this.aws).send(
        new CreateSecretCommand({ Name: SECRET_NAME, SecretString: JSON.stringify(CREDENTIALS) }),
      ),
    );
    await step('cdk bootstrap', () => this.cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`]));

    await step('a first deployment into a taken slot fails and leaves no table', async () => {
      this.rakuten.setSlot(SID, TRACKER);
      assert(
        !(await this.succeeds(this.deploy(undefined, 'retain'))),
        'the deployment succeeded though the slot is taken',
      );
      assert(this.slotUrl() === TRACKER.url, 'the URL of the tracker is no longer in the slot');
      assert(this.printed.includes('The one postback slot of SID'), 'the reason is not shown');
      const { TableNames = [] } = await this.dynamodb.send(new ListTablesCommand({}));
      assert(TableNames.length === 0, `left behind: ${TableNames.join(', ')}`);
      this.rakuten.setSlot(SID, undefined);
    });

    const first = await step('cdk deploy', () => this.deploy());
    this.expectCalls('POST');
    const registered = this.slotUrl();
    this.urlSecrets.add(secretOf(registered));
    assert(
      registered.startsWith(`${first.EndpointUrl}?`),
      `the slot holds another URL than ${first.EndpointUrl}`,
    );
    assert(!JSON.stringify(first).includes(secretOf(registered)), 'the secret is in an output');
    console.log(`    ${first.RegistrationStatus}`);

    await step('20 postbacks, each twice', async () => {
      const lines = Array.from({ length: 20 }, (_, i) => line(i));
      for (const sent of [...lines, ...lines]) await this.push(sent);
      await this.expectRows(first, lines.length);
    });

    await step('cdk deploy with u1 renamed', () => this.deploy('all,u1:unique_id,source=check'));
    this.expectCalls('POST', 'PUT');
    assert(this.slotUrl().includes('unique_id=<u1>'), 'the slot does not hold the new fields');

    await step('postbacks under the new fields, and one in flight under the old', async () => {
      await this.push(line(20));
      const inFlight = await fetch(fill(registered, line(21)));
      assert(inFlight.status === 200, `the postback in flight was answered ${inFlight.status}`);
      const rows = await this.expectRows(first, 22);
      const members = rows.filter((row) => row.u1?.S === 'member-20' || row.u1?.S === 'member-21');
      assert(members.length === 2, 'u1 is not in both rows');
    });

    await step('doctor finds nothing wrong', async () => {
      const { code, stdout } = await this.cli('doctor', '--json');
      const { findings } = JSON.parse(stdout) as {
        findings: { status: string; what: string; found: string }[];
      };
      const wrong = findings.filter(
        ({ status, what }) => status !== 'ok' && !NOT_AS_ON_AWS.includes(what),
      );
      assert(
        wrong.length === 0,
        wrong.map(({ status, what, found }) => `${status}: ${what}: ${found}`).join('\n'),
      );
      // The emulator evaluates an alarm on metric math by its first metric, so alarms say nothing
      // here.
      const expected = findings.some(({ status }) => status === 'problem') ? 1 : 0;
      assert(
        code === expected && findings.length > 20,
        `it ended with ${code} after ${findings.length} findings`,
      );
    });

    await step('an update that fails at Rakuten rolls back', async () => {
      const before = this.slotUrl();
      this.rakuten.fault({
        operation: 'update',
        times: 1,
        status: 400,
        body: '{"message":"url is not valid","error":"REQUEST_PARAM_INVALID"}',
      });
      const succeeded = await this.succeeds(this.deploy('all,u1:member'));
      this.rakuten.clearFaults();
      assert(!succeeded, 'the deployment succeeded though Rakuten refused the URL');
      assert(
        this.slotUrl() === before,
        'after the rollback the slot holds another URL than before',
      );
      await this.push(line(22));
      await this.expectRows(first, 23);
    });

    await step('dlq: what failed is explained, sent back, and dropped into a file', () =>
      this.deadLetters(first, registered),
    );

    await step('nothing in the dead-letter queue', async () => {
      const count = await this.messagesIn(first.DeadLetterQueueUrl);
      assert(count === 0, `${count} messages there`);
    });

    await step(
      'no secret in the template, the assets, the events, the errors or the outputs',
      async () => this.expectNoLeak(),
    );

    await step('cdk destroy', () => this.cdk(['destroy', '--force', ...this.context()]));
    assert(this.rakuten.slot(SID) === undefined, 'our URL is still in the slot');
    assert(
      this.rakuten.requests.some((r) => r.method === 'DELETE'),
      'no DELETE was called',
    );
  }

  /** A message that no try can help, and a line that failed and need not have. */
  private async deadLetters(outputs: Outputs, registered: string): Promise<void> {
    await this.failAtOnce(outputs, () =>
      this.sqs.send(new SendMessageCommand({ QueueUrl: outputs.QueueUrl, MessageBody: 'poison' })),
    );
    const q = fill(registered, line(23)).split('?')[1] ?? '';
    const MessageBody = new URLSearchParams({
      at: String(Date.now()),
      id: 'check',
      ip: '192.0.2.1',
      q,
    }).toString();
    await this.sqs.send(
      new SendMessageCommand({ QueueUrl: outputs.DeadLetterQueueUrl, MessageBody }),
    );

    const listed = await this.cli('dlq', 'list', '--json');
    const letters = JSON.parse(listed.stdout) as {
      noted?: string;
      contents: { kind: string; fields: Record<string, string> };
    }[];
    const poison = letters.find(({ contents }) => contents.kind === 'unreadable');
    assert(
      poison?.noted?.includes('not a message of the endpoint') === true,
      `the reason of the poison is not told: ${listed.stdout}`,
    );
    assert(
      letters.some(({ contents }) => contents.fields.u1 === 'member-23'),
      `the line is not told: ${listed.stdout}`,
    );

    const redriven = await this.cli('dlq', 'redrive', '--all');
    assert(
      redriven.code === 0 && redriven.stdout.includes('1 line is in the table'),
      redriven.stdout + redriven.stderr,
    );
    await this.expectRows(outputs, 24);
    const dropped = await this.cli(
      'dlq',
      'drop',
      '--all',
      '--yes',
      '--output',
      join(this.folder, 'dropped.jsonl'),
    );
    assert(dropped.code === 0, dropped.stderr);
    assert(
      readFileSync(join(this.folder, 'dropped.jsonl'), 'utf8').includes('"body":"poison"'),
      'what was dropped is not in the file',
    );
  }

  /**
   * SQS gives a message up after the first failure, and a few seconds: five tries take a quarter of
   * an hour.
   */
  private async failAtOnce(
    { QueueUrl, DeadLetterQueueUrl }: Outputs,
    send: () => Promise<unknown>,
  ): Promise<void> {
    const names = ['RedrivePolicy', 'VisibilityTimeout'] as const;
    const { Attributes = {} } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }),
    );
    const RedrivePolicy = JSON.stringify({
      ...JSON.parse(Attributes.RedrivePolicy ?? '{}'),
      maxReceiveCount: 1,
    });
    await this.sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl,
        Attributes: { RedrivePolicy, VisibilityTimeout: '3' },
      }),
    );
    await send();
    const deadline = Date.now() + ROWS_WITHIN_MILLIS;
    while ((await this.messagesIn(DeadLetterQueueUrl)) === 0) {
      assert(
        Date.now() < deadline,
        'the message that fails does not get into the dead-letter queue',
      );
      await sleep(250);
    }
    await this.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  }

  private async messagesIn(QueueUrl: string): Promise<number> {
    const AttributeNames = ['ApproximateNumberOfMessages'] as const;
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages);
  }

  private expectNoLeak(): void {
    const tokens = this.rakuten.calls.flatMap((call) =>
      call.operation === 'token'
        ? (call.responseBody.match(/"access_token":"([^"]+)"/)?.[1] ?? [])
        : [],
    );
    const secrets = [CREDENTIALS.clientSecret, ...this.urlSecrets, ...tokens];
    assert(this.urlSecrets.size > 0 && tokens.length > 0, 'there is no secret to look for');
    const texts: [place: string, text: string][] = readdirSync(this.folder, {
      recursive: true,
      encoding: 'utf8',
    })
      .map((name) => join(this.folder, name))
      .filter((file) => statSync(file).isFile())
      .map((file) => [file.slice(this.folder.length + 1), readFileSync(file, 'latin1')]);
    const hasTemplate = texts.some(([place]) => place.endsWith('.template.json'));
    assert(hasTemplate, 'there is no template to look into');
    for (const [place, text] of [...texts, ['what the CLI printed', this.printed] as const]) {
      assert(!secrets.some((secret) => text.includes(secret)), `a secret is in ${place}`);
    }
  }

  private succeeds = (deployment: Promise<unknown>): Promise<boolean> =>
    deployment.then(
      () => true,
      () => false,
    );

  private context(fields?: string, removalPolicy = 'destroy'): string[] {
    const settings: Record<string, string> = {
      sid: SID,
      credentialsSecretName: SECRET_NAME,
      rakutenApiUrl: this.rakuten.url,
      endpointBaseUrl: `${this.endpoint}/_aws/execute-api/{apiId}/{stage}`,
      removalPolicy,
      stackName: STACK_NAME,
      ...(fields === undefined ? {} : { fields }),
    };
    return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  }

  private async deploy(fields?: string, removalPolicy?: string): Promise<Outputs> {
    const file = join(this.folder, 'outputs.json');
    await this.cdk(['synth', '--quiet', ...this.context(fields, removalPolicy)]);
    await this.cdk([
      'deploy',
      '--app',
      join(this.folder, 'cdk.out'),
      '--require-approval',
      'never',
      '--outputs-file',
      file,
    ]);
    return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Outputs>)[
      STACK_NAME
    ] as Outputs;
  }

  private async cdk(args: string[]): Promise<void> {
    // An app that is a folder already is not written anywhere.
    const output = args.includes('--app') ? [] : ['--output', join(this.folder, 'cdk.out')];
    const { code, stdout, stderr } = await this.runProgram('npx', [
      'cdk',
      ...args,
      ...output,
      '--ci',
      '--progress',
      'events',
    ]);
    if (code !== 0)
      throw new Error(`cdk ${args[0]} ended with ${code}:\n${(stdout + stderr).slice(-6000)}`);
  }

  /** The command line of this package. */
  private cli(...args: string[]): Promise<Ended> {
    const program = ['--import', './tools/typescript.mjs', 'bin/cdk-rakuten-postback.ts'];
    return this.runProgram(process.execPath, [...program, ...args, '--stack', STACK_NAME]);
  }

  private async runProgram(program: string, args: string[]): Promise<Ended> {
    const ended = await runProgram(this.endpoint, program, args);
    this.printed += ended.stdout + ended.stderr;
    return ended;
  }

  private slotUrl(): string {
    const slot = this.rakuten.slot(SID);
    assert(slot !== undefined, 'the slot is empty');
    assert(slot.active, 'the postback is switched off');
    return slot.url;
  }

  private expectCalls(...methods: string[]): void {
    const writes = this.rakuten.requests.filter((r) => r.method !== 'GET').map((r) => r.method);
    assert(
      writes.join() === methods.join(),
      `expected the calls ${methods.join(', ')} at Rakuten, seen ${writes.join(', ')}`,
    );
  }

  private async push(sent: LineRecord): Promise<void> {
    const result = await this.rakuten.push(sent);
    assert(
      result.status === 200,
      `a postback was answered ${result.status ?? result.error ?? result.skipped} after ${result.millis} ms`,
    );
  }

  private async expectRows(
    outputs: Outputs,
    count: number,
  ): Promise<Record<string, { S?: string; N?: string }>[]> {
    const deadline = Date.now() + ROWS_WITHIN_MILLIS;
    for (;;) {
      const { Items = [] } = await this.dynamodb.send(
        new ScanCommand({ TableName: outputs.TableName }),
      );
      if (Items.length === count) return Items as Record<string, { S?: string; N?: string }>[];
      assert(
        Items.length < count && Date.now() < deadline,
        `expected ${count} rows, there are ${Items.length}`,
      );
      await sleep(250);
    }
  }
}

const line = (number: number): LineRecord =>
  emulatorLine(number, {
    sid: SID,
    etransaction_id: lineId('EMULATOR', number),
    transaction_date: '2026-03-13T18:02:43.000+00:00',
    process_date: '2026-03-13T18:17:25.000+00:00',
  });

const fill = (url: string, values: LineRecord): string =>
  url.replace(/<(\w+)>/g, (token, field: keyof LineRecord) =>
    encodeURIComponent(values[field] ?? token),
  );

const secretOf = (url: string): string =>
  new URL(url.replace(/[<>]/g, '')).searchParams.get('k') ?? '';

run('deployment check', main);
