import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { archiveRecord } from '../../../core/archive/archive-record';
import { SOURCES } from '../../../core/names';
import { ALL_FIELDS } from '../../../core/rakuten/postback/fields';
import { normalisedQuery } from '../../../core/rakuten/postback/message';
import { sha256 } from '../../../core/sha256';
import { PUBLISHER_KIND, STATE_DOCUMENT, STATE_KEYS } from '../../../core/state/publisher-state';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../../local/embedded/clients';
import { type EmbeddedServices, startEmbeddedServices } from '../../../local/embedded/services';
import { startFirehose } from '../../support/delivery-stream';
import { type Ran, runIn } from '../../support/terminal';

/** The command `forget` with an archive. */

const MEMBER = 'ana+müller@example.com';
const [SID, OTHER_SID] = ['3900112', '3900113'];
const [BUCKET, PREFIX, STREAM] = ['raw-messages', 'rakuten/', 'archive-stream'];
const [PLAIN, TWICE, RENAMED, FETCHED, UNPACKED, FORGED] = [
  'plain',
  'twice',
  'renamed',
  'fetched',
  'unpacked',
  'forged',
].map((name) => `${PREFIX}day=2026-03-13/${name}.jsonl.gz`) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const IN_ALL = [FETCHED, FORGED, PLAIN, RENAMED, TWICE, UNPACKED];

let services: EmbeddedServices;
let firehose: Awaited<ReturnType<typeof startFirehose>>;
let s3: S3Client;
const folders: string[] = [];

beforeAll(async () => {
  services = await startEmbeddedServices();
  firehose = await startFirehose(STREAM, BUCKET, PREFIX);
  await services.createTables(createTableInput('Transactions'), createStateTableInput('State'));
  const fields = ALL_FIELDS.map((parameter) =>
    parameter.name === 'u1' ? { name: 'who', field: 'u1' } : parameter,
  );
  const accepted = [{ secretSha256: sha256('secret'), fieldListId: '0', fields }];
  const key = { [STATE_KEYS.partition]: { S: PUBLISHER_KIND }, [STATE_KEYS.sort]: { S: SID } };
  const document = { [STATE_DOCUMENT]: { S: JSON.stringify({ sid: SID, accepted }) } };
  await services.clients.dynamodb.send(
    new PutItemCommand({ TableName: 'State', Item: { ...key, ...document } }),
  );
  s3 = new S3Client({
    endpoint: services.sqs.endpoint,
    region: LOCAL_REGION,
    credentials: LOCAL_CREDENTIALS,
    forcePathStyle: true,
  });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const others = recordOf('bob@example.com');
  await put(PLAIN, others, recordOf(MEMBER));
  await put(TWICE, recordOf(encodeURIComponent(MEMBER), { sid: OTHER_SID }), others);
  await put(RENAMED, recordOf(MEMBER, { name: 'who' }));
  await put(FETCHED, recordOf(MEMBER, { source: SOURCES.eventsApi }));
  await put(FORGED, recordOf(MEMBER, { sid: '' }));
  await put(
    `${PREFIX}day=2026-03-14/others.jsonl.gz`,
    others,
    recordOf(`${MEMBER}.au`),
    recordOf(MEMBER, { name: 'site' }),
  );
  await put('elsewhere/day=2026-03-13/plain.jsonl.gz', recordOf(MEMBER));
  await putBytes(UNPACKED, Buffer.from(recordOf(MEMBER)));
  await putBytes(`${PREFIX}day=2026-03-15/`, Buffer.alloc(0));
});
afterAll(async () => {
  for (const folder of folders) rmSync(folder, { recursive: true });
  s3?.destroy();
  await firehose?.close();
  await services?.close();
});

interface RecordOptions {
  readonly name?: string;
  readonly sid?: string;
  readonly source?: string;
}

function recordOf(
  u1: string,
  { name = 'u1', sid = SID, source = SOURCES.push }: RecordOptions = {},
): string {
  const key = sid === '' ? undefined : ({ lineId: `${sid}#A1`, isEvent: 'N' } as const);
  const arrival = {
    receivedAt: '2026-03-13T12:00:00.000Z',
    requestId: 'request-1',
    sourceIp: '192.0.2.1',
  };
  const query = normalisedQuery([
    [name, u1],
    ['order_id', 'ORDER-1'],
  ]);
  return `${JSON.stringify(archiveRecord({ ...arrival, source, outcome: 'stored', key, query }))}\n`;
}

const putBytes = (Key: string, Body: Buffer) =>
  s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
const put = (key: string, ...lines: string[]) => putBytes(key, gzipSync(lines.join('')));

/** A run with new queues, so that a message of another test is not hidden. */
async function forget(
  args: readonly string[],
  entries: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'rakuten-forget-archive-'));
  const queue = await services.clients.sqs.send(
    new CreateQueueCommand({ QueueName: `queue-${folders.length}` }),
  );
  const deadLetters = await services.clients.sqs.send(
    new CreateQueueCommand({ QueueName: `dead-${folders.length}` }),
  );
  folders.push(folder);
  mkdirSync(join(folder, '.local'));
  const { dynamodb, sqs } = services.endpoints;
  const all = {
    ...{ dynamodb, sqs, s3: sqs, firehose: firehose.endpoint, region: LOCAL_REGION },
    ...{
      tableName: 'Transactions',
      stateTableName: 'State',
      queueUrl: queue.QueueUrl,
      deadLetterQueueUrl: deadLetters.QueueUrl,
    },
    archiveStreamName: STREAM,
    ...entries,
  };
  writeFileSync(join(folder, '.local', 'endpoints.json'), JSON.stringify(all));
  const options = { now: new Date(), signal, pause: async () => {} };
  return runIn(folder, ['forget', '--member', MEMBER, '--local', ...args], options);
}

const archiveOf = ({ stdout }: Ran): unknown =>
  (JSON.parse(stdout) as { archive: unknown }).archive;

it('lists the keys of the objects that contain the member in any spelling, and no others', async () => {
  const preview = await forget(['--dry-run']);
  expect(preview).toMatchObject({ exitCode: 0, stderr: '' });
  expect(preview.stdout).toContain(`the member is in 6 objects of the archive in s3://${BUCKET}. `);
  expect(preview.stdout.split('\n').filter((line) => line.includes('day='))).toEqual(IN_ALL);
  const ran = await forget(['--yes', '--json']);
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  expect(archiveOf(ran)).toEqual({ bucket: BUCKET, keys: IN_ALL, failures: [] });
});

it('lists only objects with lines of the publisher that --sid names', async () => {
  const own = await forget(['--dry-run', '--json', '--sid', SID]);
  expect(archiveOf(own)).toEqual({
    bucket: BUCKET,
    keys: [FETCHED, PLAIN, RENAMED, UNPACKED],
    failures: [],
  });
  const others = await forget(['--dry-run', '--json', '--sid', OTHER_SID]);
  expect(archiveOf(others)).toEqual({ bucket: BUCKET, keys: [TWICE], failures: [] });
  const none = await forget(['--dry-run', '--sid', '1']);
  expect(none).toMatchObject({
    exitCode: 3,
    stdout: expect.stringContaining(`no object of the archive in s3://${BUCKET} `),
  });
});

it('says in one line that there is no archive', async () => {
  const ran = await forget(['--dry-run'], { archiveStreamName: '' });
  expect(ran).toMatchObject({ exitCode: 3, stderr: '' });
  expect(ran.stdout.split('\n').filter((line) => line.includes('archive'))).toEqual([
    'there is no archive',
  ]);
  expect(archiveOf(await forget(['--dry-run', '--json'], { archiveStreamName: '' }))).toBeNull();
});

it('reports an archive that cannot be found or listed, after everything else', async () => {
  const unknown = await forget(['--dry-run', '--json'], { archiveStreamName: 'another' });
  expect(unknown).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/^error: not searched for the member: the archive, /),
  });
  expect(archiveOf(unknown)).toEqual({
    keys: [],
    failures: [expect.stringContaining('there is no delivery stream another')],
  });
  const gone = await startFirehose(STREAM, 'deleted-bucket', PREFIX);
  const unlisted = await forget(['--dry-run'], { firehose: gone.endpoint });
  await gone.close();
  expect(unlisted).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/objects that could not be listed \(NoSuchBucket: /),
  });
});

it('stops reading when the command is aborted', async () => {
  await expect(forget(['--dry-run'], {}, AbortSignal.abort())).resolves.toMatchObject({
    exitCode: 1,
  });
});

it('reports objects and lines that cannot be read, with the key, and lists the others', async () => {
  const [cut, mixed] = [
    `${PREFIX}day=2026-03-16/cut.jsonl.gz`,
    `${PREFIX}day=2026-03-16/mixed.jsonl.gz`,
  ];
  await putBytes(cut, gzipSync(recordOf(MEMBER)).subarray(0, 60));
  await put(mixed, 'no JSON\n', recordOf(MEMBER), '{"query":1}\n', 'x\n'.repeat(9));
  const ran = await forget(['--dry-run', '--json']);
  expect(ran.exitCode).toBe(1);
  expect(archiveOf(ran)).toEqual({
    bucket: BUCKET,
    keys: [...IN_ALL, mixed],
    failures: [
      expect.stringMatching(`^${cut} \\(Error: unexpected end of file\\)$`),
      `${mixed} (no record of the archive: lines 1, 3, 4, 5, 6 and 6 more)`,
    ],
  });
  expect(ran.stderr).toContain(`error: not searched for the member: ${cut} `);
});
