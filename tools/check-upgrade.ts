/**
 * Upgrades an installation under traffic on an AWS emulator: deploys an older version, keeps
 * sending postbacks, upgrades to this version, lets a further update fail and roll back, and
 * destroys the stack. No acknowledged line may be lost, no stateful resource replaced, and the
 * slots at the fake Rakuten must be correct after each step.
 *
 *     node tools/run.mjs check-upgrade --endpoint http://127.0.0.1:4566
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type FakeRakuten, startFakeRakuten } from '../fake-rakuten';
import { ACCOUNT, cdk, tryCdk } from './emulator/cdk';
import { REGION } from './emulator/program';
import { assert, run, step } from './emulator/step';
import { BASELINE, extractBaseline, hasBaseline } from './upgrade/baseline';
import { expectUnchanged, type Rows, readRows } from './upgrade/rows';
import {
  type PhysicalIds,
  physicalIds,
  replacedInDiff,
  replacedResources,
} from './upgrade/stateful';
import { synthesize } from './upgrade/synthesize';
import { Traffic } from './upgrade/traffic';

const ROOT = join(__dirname, '..');
const STACK_NAME = 'UpgradeCheck';
const CREDENTIALS = { clientId: 'emulator-client', clientSecret: 'emulator-client-secret' };
const SECRET_NAME = 'rakuten/upgrade-check';
/** The slot of the one holds a tracker's URL before, that of the other is empty. */
const [TRACKED, EMPTY] = ['3900112', '3900113'];
const SIDS = [TRACKED, EMPTY];
const TRACKER = { url: 'https://tracker.example/in?click=<u1>', active: true };
const VERIFIED_LINES = 20;
const VISIBILITY_SECONDS = 60;
const ROWS_WITHIN_MILLIS = 10 * 60_000;
/** Nothing here may depend on how fast the machine is. */
const PUSH_TIMEOUT_MILLIS = 60_000;

type Outputs = Record<
  'EndpointUrl' | 'TableName' | 'QueueUrl' | 'DeadLetterQueueUrl' | 'ReconciliationFunctionName',
  string
>;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { endpoint: { type: 'string', default: 'http://127.0.0.1:4566' } },
  });
  const folder = mkdtempSync(join(tmpdir(), 'upgrade-check-'));
  const rakuten = await startFakeRakuten({ ...CREDENTIALS, timeoutMillis: PUSH_TIMEOUT_MILLIS });
  const traffic = new Traffic(rakuten, SIDS);
  try {
    await new UpgradeCheck(values.endpoint, rakuten, traffic, folder).run();
  } finally {
    await traffic.stop();
    await rakuten.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

class UpgradeCheck {
  private readonly aws;
  private readonly dynamodb: DynamoDBClient;
  private readonly sqs: SQSClient;

  constructor(
    private readonly endpoint: string,
    private readonly rakuten: FakeRakuten,
    private readonly traffic: Traffic,
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
    const { traffic } = this;
    const [before, after, failing] = await step(
      `this version, and ${BASELINE.slice(0, 7)} to upgrade from`,
      async () => {
        const baseline = extractBaseline(ROOT, this.folder);
        return [
          this.synthesize(baseline, 'before'),
          this.synthesize(ROOT, 'after'),
          this.synthesize(ROOT, 'failing', 'member'),
        ];
      },
    );
    await step('`cdk diff` shows no replacement of a stateful resource', () =>
      this.expectNoReplacement(before, after),
    );
    await step('secret with the API credentials, and cdk bootstrap', () => this.prepare());

    const outputs = await step('cdk deploy of the older version', () => this.deploy(before));
    const urls = this.registeredUrls(outputs);
    const ids = await this.physicalIds();
    await this.shortenVisibility(outputs);
    const verified = await step(`${VERIFIED_LINES} lines, verified by the older version`, () =>
      this.verifyLines(outputs),
    );

    traffic.start();
    await this.underTraffic(
      'an upgrade that fails at Rakuten rolls back to the older version',
      () => this.failUpdate(failing),
    );
    await this.expectSame(ids);
    assert(
      this.registeredUrls(outputs).join() === urls.join(),
      'after the rollback a slot holds another URL',
    );

    await this.underTraffic('cdk deploy of this version', async () => {
      const upgraded = await this.deploy(after);
      assert(
        JSON.stringify(upgraded) === JSON.stringify(outputs),
        `outputs changed to ${JSON.stringify(upgraded)}`,
      );
    });
    await this.expectSame(ids);
    const upgradedUrls = this.registeredUrls(outputs);
    assert(
      secrets(upgradedUrls) === secrets(urls),
      'the upgrade changed the secret in a registered URL',
    );

    await this.underTraffic(
      'this version reconciles and leaves the verified rows as they are',
      async () => {
        await this.reconcile(outputs);
        expectUnchanged(verified, await readRows(this.dynamodb, outputs.TableName));
      },
    );

    await this.underTraffic('a further update that fails at Rakuten rolls back', () =>
      this.failUpdate(failing),
    );
    await this.expectSame(ids);
    assert(
      this.registeredUrls(outputs).join() === upgradedUrls.join(),
      'after the rollback a slot holds another URL',
    );

    await this.underTraffic('postbacks after the rollback', () => this.acknowledgeMore(50));
    await traffic.stop();
    assert(
      traffic.failures.length === 0,
      `${traffic.failures.length} postbacks failed:\n${traffic.failures.slice(0, 10).join('\n')}`,
    );
    await step(`a row for each of ${traffic.acknowledged.size} acknowledged lines`, () =>
      this.expectRows(outputs),
    );
    await step('nothing in the dead-letter queue', () => this.expectNoDeadLetters(outputs));

    await step('cdk destroy restores the one slot and empties the other', async () => {
      await this.cdk('destroy', '--force', '--app', after, STACK_NAME);
      assert(this.rakuten.slot(EMPTY) === undefined, `our URL is still in the slot of ${EMPTY}`);
      const restored = JSON.stringify(this.rakuten.slot(TRACKED));
      assert(restored === JSON.stringify(TRACKER), `the slot of ${TRACKED} holds ${restored}`);
    });
    await step('the table is kept, with the rows', async () => {
      await this.expectRows(outputs);
      expectUnchanged(verified, await readRows(this.dynamodb, outputs.TableName));
    });
  }

  private async prepare(): Promise<void> {
    const secret = new CreateSecretCommand({
      Name: SECRET_NAME,
      SecretString: JSON.stringify(CREDENTIALS),
    });
    await new SecretsManagerClient(this.aws).send(secret);
    await this.cdk('bootstrap', `aws://${ACCOUNT}/${REGION}`);
    this.rakuten.setSlot(TRACKED, TRACKER);
  }

  private synthesize(version: string, name: string, memberParameter = 'u1'): string {
    const assembly = join(this.folder, name);
    synthesize(version, assembly, {
      sids: SIDS,
      secretName: SECRET_NAME,
      memberParameter,
      rakutenApiUrl: this.rakuten.url,
      endpointBaseUrl: `${this.endpoint}/_aws/execute-api/{apiId}/{stage}`,
    });
    return assembly;
  }

  private async expectNoReplacement(before: string, after: string): Promise<void> {
    const template = join(before, `${STACK_NAME}.template.json`);
    const args = ['diff', '--app', after, '--template', template, '--no-color', STACK_NAME];
    const { code, stdout, stderr } = await tryCdk({
      endpoint: this.endpoint,
      cwd: this.folder,
      args,
    });
    const diff = stdout + stderr;
    assert(
      code === 0 && diff.includes('[~] AWS::Lambda::Function'),
      `cdk diff ended with ${code}:\n${diff.slice(-2000)}`,
    );
    const replaced = replacedInDiff(diff);
    assert(replaced.length === 0, `an upgrade would replace:\n${replaced.join('\n')}`);
  }

  private async deploy(assembly: string): Promise<Outputs> {
    const file = join(this.folder, 'outputs.json');
    await this.cdk(
      'deploy',
      '--app',
      assembly,
      '--require-approval',
      'never',
      '--outputs-file',
      file,
    );
    return (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Outputs>)[
      STACK_NAME
    ] as Outputs;
  }

  /** The URLs in the slots, which must be active and lead to the deployed endpoint. */
  private registeredUrls({ EndpointUrl }: Outputs): string[] {
    return SIDS.map((sid) => {
      const slot = this.rakuten.slot(sid);
      assert(
        slot?.active === true,
        `the postback of ${sid} is ${slot === undefined ? 'not registered' : 'disabled'}`,
      );
      assert(
        slot.url.startsWith(`${EndpointUrl}?`),
        `the slot of ${sid} holds another URL than ${EndpointUrl}`,
      );
      return slot.url;
    });
  }

  private physicalIds = (): Promise<PhysicalIds> =>
    physicalIds(new CloudFormationClient(this.aws), STACK_NAME);

  private async expectSame(ids: PhysicalIds): Promise<void> {
    const replaced = replacedResources(ids, await this.physicalIds());
    assert(replaced.length === 0, `replaced: ${replaced.join(', ')}`);
  }

  /** The emulator ends a function that is updated, and its messages are invisible for that time. */
  private async shortenVisibility({ QueueUrl }: Outputs): Promise<void> {
    const Attributes = { VisibilityTimeout: String(VISIBILITY_SECONDS) };
    await this.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  }

  /** Lines that Rakuten has too, each in a row that the Events API confirmed. */
  private async verifyLines(outputs: Outputs): Promise<Rows> {
    const lines = Array.from({ length: VERIFIED_LINES }, (_, number) =>
      this.traffic.line(number, 'VERIFIED'),
    );
    for (const line of lines) {
      this.rakuten.record(line);
      await this.traffic.push(line);
    }
    await this.expectRows(outputs);
    await this.reconcile(outputs);
    const rows = await readRows(this.dynamodb, outputs.TableName);
    const unverified = [...rows]
      .filter(([, row]) => row.verified_at === undefined)
      .map(([id]) => id);
    assert(
      rows.size === VERIFIED_LINES && unverified.length === 0,
      `not verified: ${unverified.join(', ')}`,
    );
    return rows;
  }

  private async reconcile({ ReconciliationFunctionName: FunctionName }: Outputs): Promise<void> {
    const lambda = new LambdaClient(this.aws);
    for (const sid of SIDS) {
      const Payload = JSON.stringify({
        sid,
        from: new Date(Date.now() - 24 * 60 * 60_000).toISOString(),
      });
      const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload }));
      const result = Buffer.from(answer.Payload ?? []).toString();
      const { outcome } = JSON.parse(result) as { outcome?: string };
      assert(outcome === 'done', `the reconciliation returned ${result}`);
    }
  }

  private async failUpdate(failing: string): Promise<void> {
    const body = '{"message":"url is not valid","error":"REQUEST_PARAM_INVALID"}';
    const before = this.refusals();
    this.rakuten.fault({ operation: 'update', times: 1, status: 400, body });
    const deployed = await this.deploy(failing).then(
      () => true,
      () => false,
    );
    this.rakuten.clearFaults();
    assert(!deployed, 'the deployment succeeded though Rakuten refused the URL');
    assert(this.refusals() === before + 1, 'the deployment failed before Rakuten refused the URL');
  }

  private refusals = (): number =>
    this.rakuten.calls.filter(({ operation, status }) => operation === 'update' && status === 400)
      .length;

  /** Does the work while postbacks arrive: some must be acknowledged meanwhile. */
  private async underTraffic(name: string, work: () => Promise<void>): Promise<void> {
    const { acknowledged } = this.traffic;
    const before = acknowledged.size;
    await step(name, work);
    const count = acknowledged.size - before;
    assert(count > 0, 'no postback was acknowledged meanwhile');
    console.log(`    ${count} new lines acknowledged meanwhile`);
  }

  private async acknowledgeMore(count: number): Promise<void> {
    const { acknowledged, failures } = this.traffic;
    const enough = acknowledged.size + count;
    while (acknowledged.size < enough && failures.length === 0) await pause(100);
  }

  /** Waits until each acknowledged line has a row. */
  private async expectRows(outputs: Outputs): Promise<void> {
    const deadline = Date.now() + ROWS_WITHIN_MILLIS;
    for (;;) {
      const rows = await readRows(this.dynamodb, outputs.TableName);
      const missing = [...this.traffic.acknowledged].filter((id) => !rows.has(id));
      if (missing.length === 0) return;
      assert(
        Date.now() < deadline,
        `${missing.length} acknowledged lines have no row: ${missing.slice(0, 10).join(', ')}`,
      );
      await pause(500);
    }
  }

  private async expectNoDeadLetters({ DeadLetterQueueUrl: QueueUrl }: Outputs): Promise<void> {
    const query = new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages'],
    });
    const { Attributes } = await this.sqs.send(query);
    const count = Attributes?.ApproximateNumberOfMessages;
    assert(count === '0', `${count} messages there`);
  }

  private cdk = (...args: string[]): Promise<void> =>
    cdk({ endpoint: this.endpoint, cwd: this.folder, args });
}

const secrets = (urls: readonly string[]): string =>
  urls.map((url) => new URL(url.replace(/[<>]/g, '')).searchParams.get('k')).join();

if (hasBaseline(ROOT)) run('upgrade check', main);
else
  console.log(
    `NOT CHECKED: this clone does not have commit ${BASELINE}, from which to upgrade; fetch the whole history`,
  );
