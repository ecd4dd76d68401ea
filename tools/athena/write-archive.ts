import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { App } from 'aws-cdk-lib';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import type { ArchiveRecord } from '../../core/archive/archive-record';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import { postbackUrl } from '../../core/rakuten/postback/url';
import { fillTemplate } from '../../fake-rakuten/sender';
import type { LineRecord } from '../../fake-rakuten/types';
import { postbackDay } from '../../local/day';
import { decodeQuery } from '../../local/gateway/query';
import { type Row, scanTable } from '../../local/verify';
import { recordOf } from '../faults/batch';
import { STATE_TABLE, TABLE, URL_SECRET } from '../faults/names';
import { acceptedUrl, putState } from '../faults/publisher';
import { startWorld, type World } from '../faults/world';
import { REAL_PARTS } from '../fuzz/pipeline';
import { addMatrix } from '../template/matrix';

/** The queries of docs/archive.md ask for this day and this line. */
export const DAY = '2026-03-13';
export const ETRANSACTION_ID = '0A1B2C3D4E5F60718293A4B5C6D7E8F9';
export const SID = '3900112';
const ORDERS = 60;
const BATCH_SIZE = 10;
const SEED = 20260313;

/** One delivery of a GET to the function. */
export interface Delivery {
  readonly requestId: string;
  readonly ip: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  /** Undefined for a forged GET. */
  readonly line?: LineRecord;
}

/**
 * Writes an archive below a folder, as Firehose writes it to a bucket.
 *
 * The bundled function with an archive receives a day of postbacks, redeliveries, forged GETs and
 * a message that SQS delivers twice. Returns the deliveries and the rows of the table.
 */
export async function writeArchive(
  folder: string,
): Promise<{ deliveries: Delivery[]; rows: Row[] }> {
  const world = await startWorld();
  const consumer = world.fresh('archiving-consumer', 30);
  try {
    await putState(world.clients.dynamodb, STATE_TABLE, {
      sid: SID,
      accepted: [acceptedUrl(URL_SECRET)],
    });
    const deliveries = deliveriesOfDay();
    for (let start = 0; start < deliveries.length; start += BATCH_SIZE) {
      const Records = deliveries.slice(start, start + BATCH_SIZE).map(asMessage);
      const { batchItemFailures } = (await consumer.invoke({ Records })) as SQSBatchResponse;
      if (batchItemFailures.length > 0)
        throw new Error(`${batchItemFailures.length} messages failed: ${world.output.at(-1)}`);
    }
    writeObjects(folder, world);
    return { deliveries, rows: await scanTable(world.clients.dynamodb, TABLE) };
  } finally {
    await consumer.close();
    await world.close();
  }
}

function deliveriesOfDay(): Delivery[] {
  const pushes = postbackDay({
    seed: SEED,
    sid: SID,
    day: new Date(`${DAY}T00:00:00Z`),
    orders: ORDERS,
  });
  const again = pushes.find(({ redelivery }) => redelivery)?.line;
  const start = Date.parse(`${DAY}T20:00:00Z`);
  const deliveries = pushes.flatMap(({ line }, i): Delivery[] => {
    const named = line === again ? { ...line, etransaction_id: ETRANSACTION_ID } : line;
    const at = new Date(start + i * 1000).toISOString();
    const push = { requestId: `push-${i}`, ip: '203.0.113.1', at, line: named };
    const forged = { requestId: `forged-${i}`, ip: `198.51.100.${i % 4}`, at };
    return i % 9 === 0 ? [push, forged] : [push];
  });
  // SQS delivers at least once.
  return [
    ...deliveries,
    ...deliveries.filter(({ line }) => line?.etransaction_id === ETRANSACTION_ID).slice(-1),
  ];
}

/** The message that API Gateway makes of a GET. */
function asMessage({ requestId, ip, at, line }: Delivery, index: number): SQSRecord {
  const url = postbackUrl(
    'https://endpoint.example/postback',
    line === undefined ? 'another-secret' : URL_SECRET,
    ALL_FIELDS,
  );
  const { pathname, search } = new URL(fillTemplate(url, line ?? { sid: SID }));
  const context = {
    requestTimeEpoch: String(Date.parse(at)),
    extendedRequestId: requestId,
    identity: { sourceIp: ip },
  };
  const form = REAL_PARTS.template.render({
    querystring: decodeQuery(`${pathname}${search}`),
    context,
  });
  return {
    ...recordOf(`${requestId}-${index}`, {}),
    body: new URLSearchParams(form).get('MessageBody') ?? '',
  };
}

/** Under the keys of the template's delivery stream, one object for each hour of arrival. */
function writeObjects(folder: string, { standIns }: World): void {
  const { Prefix, FileExtension } = destination();
  const hourOf = (text: string): string =>
    (JSON.parse(text) as ArchiveRecord).received_at.slice(0, 13);
  for (const hour of new Set(standIns.archived.map(hourOf))) {
    const records = standIns.archived.filter((text) => hourOf(text) === hour);
    const key = `${Prefix.replace('!{timestamp:yyyy-MM-dd}', hour.slice(0, 10))}archive-${hour.slice(11)}${FileExtension}`;
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), gzipSync(records.join('')));
  }
}

function destination(): { Prefix: string; FileExtension: string } {
  const app = new App();
  addMatrix(app);
  const { Resources } = app.synth().getStackByName('Existing').template;
  const stream = Object.values<{
    Type: string;
    Properties: { ExtendedS3DestinationConfiguration: ReturnType<typeof destination> };
  }>(Resources).find(({ Type }) => Type === 'AWS::KinesisFirehose::DeliveryStream');
  if (stream === undefined) throw new Error('the template has no delivery stream');
  return stream.Properties.ExtendedS3DestinationConfiguration;
}
