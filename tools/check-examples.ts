/**
 * Deploys the examples for real with the CDK CLI to an AWS emulator, as they are: synthesized as a
 * user would, with only the addresses of Rakuten and of the emulator put in. Each must register its
 * URLs, and turn a postback for each of its publishers into a row.
 *
 *     node tools/run.mjs check-examples --endpoint http://127.0.0.1:4566
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { parseLineId } from '../core/transactions/keys';
import { startFakeRakuten } from '../fake-rakuten';
import { moveToEmulator, type Surroundings } from './emulator/assembly';
import { ACCOUNT, cdk } from './emulator/cdk';
import { createHostedZone } from './emulator/hosted-zone';
import { startName } from './emulator/name-server';
import { REGION } from './emulator/program';
import { assert, run, step } from './emulator/step';

const CREDENTIALS = { clientId: 'emulator-client', clientSecret: 'emulator-client-secret' };
const ZONE = 'example.com';
const NAME = 'postback.example.com';
const ROOT = join(__dirname, '..');
const ROWS_WITHIN_MILLIS = 60_000;

interface Example {
  readonly folder: string;
  readonly sids: readonly string[];
  readonly secrets: readonly string[];
  /** What the registered URLs begin with. */
  readonly url: RegExp;
  /** SID of the publisher in whose slot a tracker's URL stands. */
  readonly tracked?: string;
}

const OWN_URL = /^http:\/\/127\.0\.0\.1:\d+\/_aws\/execute-api\/\w+\/prod\/postback\?/;
const EXAMPLES: readonly Example[] = [
  { folder: 'minimal', sids: ['3900112'], secrets: ['rakuten/api'], url: OWN_URL },
  {
    folder: 'own-table-and-domain',
    sids: ['3900112'],
    secrets: ['rakuten/api'],
    url: /^http:\/\/127\.0\.0\.1:\d+\/postback\?/,
  },
  {
    folder: 'several-publishers',
    sids: ['3900112', '3900113', '3900114'],
    secrets: ['rakuten/united-states', 'rakuten/japan', 'rakuten/coupons'],
    url: OWN_URL,
    tracked: '3900114',
  },
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { endpoint: { type: 'string', default: 'http://127.0.0.1:4566' } },
  });
  const { endpoint } = values;
  await prepare(endpoint);
  const zoneId = await createHostedZone(endpoint, ZONE);
  const name = await startName(NAME, endpoint);
  const surroundings = {
    endpoint,
    hosts: { [NAME]: name.url },
    names: { Z0123456789EXAMPLE: zoneId },
  };
  try {
    for (const example of EXAMPLES) {
      await step(`examples/${example.folder}: deployed, registered, a row for each publisher`, () =>
        check(example, surroundings),
      );
    }
  } finally {
    await name.close();
  }
}

async function prepare(endpoint: string): Promise<void> {
  await step('secrets with the API credentials, and cdk bootstrap', async () => {
    const secretsManager = new SecretsManagerClient(aws(endpoint));
    for (const Name of new Set(EXAMPLES.flatMap(({ secrets }) => secrets))) {
      const command = new CreateSecretCommand({ Name, SecretString: JSON.stringify(CREDENTIALS) });
      await secretsManager
        .send(command)
        .catch((error: Error) => assert(error.name === 'ResourceExistsException', error.message));
    }
    await cdk({ endpoint, args: ['bootstrap', `aws://${ACCOUNT}/${REGION}`], cwd: tmpdir() });
  });
}

async function check(
  example: Example,
  surroundings: Pick<Surroundings, 'endpoint' | 'hosts' | 'names'>,
): Promise<void> {
  const { endpoint } = surroundings;
  const folder = mkdtempSync(join(tmpdir(), 'example-check-'));
  const rakuten = await startFakeRakuten({ ...CREDENTIALS });
  try {
    if (example.tracked !== undefined)
      rakuten.setSlot(example.tracked, { url: 'https://tracker.example/in', active: true });
    const assembly = join(folder, 'cdk.out');
    synthesize(example.folder, assembly);
    moveToEmulator(assembly, {
      ...surroundings,
      rakuten: rakuten.url,
      stackName: `Example-${example.folder}`,
    });

    const outputsFile = join(folder, 'outputs.json');
    await cdk({
      endpoint,
      cwd: folder,
      args: [
        'deploy',
        '--app',
        assembly,
        '--require-approval',
        'never',
        '--outputs-file',
        outputsFile,
      ],
    });
    for (const sid of example.sids) {
      const slot = rakuten.slot(sid);
      assert(
        slot?.active === true && example.url.test(slot.url),
        `the slot of ${sid} holds ${slot?.url.split('?')[0]}`,
      );
      const pushed = await rakuten.push(line(sid));
      assert(
        pushed.status === 200,
        `a postback of ${sid} was answered ${pushed.status ?? pushed.error ?? pushed.skipped}`,
      );
    }
    const [outputs] = Object.values(
      JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, { TableName: string }>,
    );
    await expectRows(endpoint, String(outputs?.TableName), example.sids);
  } finally {
    await rakuten.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Against the sources, by the path mapping of the project's own tsconfig; the packed package is
 * tried by its own test.
 */
function synthesize(example: string, outdir: string): void {
  const env = {
    ...process.env,
    TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.json'),
    CDK_OUTDIR: outdir,
  };
  execFileSync(
    process.execPath,
    ['--import', join(ROOT, 'tools/typescript.mjs'), join(ROOT, 'examples', example, 'app.ts')],
    { env },
  );
}

async function expectRows(
  endpoint: string,
  TableName: string,
  sids: readonly string[],
): Promise<void> {
  const dynamodb = new DynamoDBClient(aws(endpoint));
  const deadline = Date.now() + ROWS_WITHIN_MILLIS;
  for (;;) {
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName }));
    const found = Items.map(({ line_id }) => parseLineId(line_id?.S ?? '').sid).sort();
    if (found.join() === [...sids].sort().join()) return;
    assert(
      Date.now() < deadline && found.length <= sids.length,
      `expected a row of each of ${sids.join(', ')}; there are rows of ${found.join(', ')}`,
    );
    await sleep(250);
  }
}

const aws = (endpoint: string) => ({
  endpoint,
  region: REGION,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
});

const line = (sid: string) => ({
  is_event: 'N' as const,
  etransaction_id: `EXAMPLE${sid.padStart(25, '0')}`,
  sid,
  advertiser_id: '39001',
  order_id: `ORDER-${sid}`,
  offer_id: '727010',
  transaction_type: 'realtime' as const,
  transaction_date: '2026-03-13T18:02:43.000+00:00',
  process_date: '2026-03-13T18:17:25.000+00:00',
  currency: 'USD',
  sale_amount: '45.10',
  commissions: '3.61',
  quantity: '1',
  sku_number: 'SKU-1',
  u1: 'member-42',
  product_name: 'Größe & Farbe "blau"',
});

run('examples check', main);
