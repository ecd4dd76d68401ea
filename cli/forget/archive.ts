import { addAbortSignal, type Readable } from 'node:stream';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DescribeDeliveryStreamCommand, FirehoseClient } from '@aws-sdk/client-firehose';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { isRecordOf } from '../../core/archive/record-of-member';
import type { FieldList } from '../../core/rakuten/postback/fields';
import { Publishers } from '../../core/state/publishers';
import type { KnownMember } from '../../core/transactions/without-member';
import { type Installation, RESOURCES, requireResource } from '../installation';
import { numberText, withProgress } from '../progress';
import { archivedLines } from './archive-object';
import type { ForgetContext } from './options';

/** The objects of the archive that contain a member. */
export interface ArchivedMember {
  /** Undefined if it could not be found. */
  readonly bucket?: string;
  readonly keys: readonly string[];
  /** Objects that could not be checked in full, with the reason. */
  readonly failures: readonly string[];
}

interface ArchiveLocation {
  readonly bucket: string;
  /** With what every key begins, before the day. */
  readonly prefix: string;
}

/** Objects that are read at the same time. */
const OBJECTS_AT_ONCE = 8;
const CONNECTION_MILLIS = 10_000;
/** Time without any byte. */
const IDLE_MILLIS = 60_000;
/** Bad lines of an object that are named. */
const NAMED_LINES = 5;

/** Finds the objects of the archive that contain a member. Undefined without an archive. */
export async function searchArchive(
  context: ForgetContext,
  member: KnownMember,
): Promise<ArchivedMember | undefined> {
  const installation = await context.installation();
  const { archiveStreamName: streamName } = installation.resources;
  if (streamName === '') return undefined;
  const dynamodb = new DynamoDBClient(installation.aws('dynamodb'));
  const { fieldLists } = await Publishers.read(
    dynamodb,
    requireResource(installation, 'stateTableName'),
  );
  const { signal } = context.terminal;
  try {
    if (streamName === undefined)
      throw new Error(`give the stack an output ${RESOURCES.archiveStreamName}`);
    const location = await locateArchive(installation, streamName, signal);
    return await new ArchiveSearch(
      context,
      s3Client(installation),
      location,
      member,
      fieldLists,
    ).run();
  } catch (error) {
    signal.throwIfAborted();
    return { keys: [], failures: [`the archive, whose bucket is unknown (${String(error)})`] };
  }
}

/** The delivery stream knows the bucket, also one that is not of the stack. */
async function locateArchive(
  installation: Installation,
  DeliveryStreamName: string,
  abortSignal: AbortSignal,
): Promise<ArchiveLocation> {
  const firehose = new FirehoseClient(installation.aws('firehose'));
  const described = await firehose.send(new DescribeDeliveryStreamCommand({ DeliveryStreamName }), {
    abortSignal,
  });
  const [destination] = described.DeliveryStreamDescription?.Destinations ?? [];
  const { BucketARN = '', Prefix = '' } = destination?.ExtendedS3DestinationDescription ?? {};
  const bucket = BucketARN.split(':').at(-1) ?? '';
  if (bucket === '') throw new Error(`the delivery stream ${DeliveryStreamName} has no bucket`);
  return { bucket, prefix: Prefix.split('!{', 1)[0] ?? '' };
}

const s3Client = (installation: Installation): S3Client =>
  new S3Client({
    ...installation.aws('s3'),
    // The bucket may be in another region. The local server has one host for all buckets.
    followRegionRedirects: true,
    forcePathStyle: installation.kind === 'local',
    requestHandler: { connectionTimeout: CONNECTION_MILLIS, socketTimeout: IDLE_MILLIS },
  });

class ArchiveSearch {
  private readonly keys: string[] = [];
  private readonly failures: string[] = [];

  constructor(
    private readonly context: ForgetContext,
    private readonly s3: S3Client,
    private readonly location: ArchiveLocation,
    private readonly member: KnownMember,
    private readonly fieldLists: readonly FieldList[],
  ) {}

  async run(): Promise<ArchivedMember> {
    const { keys, failures } = this;
    try {
      await withProgress(this.context, 'objects', async (progress) => {
        const objects = progress.count(this.listKeys());
        const read = async (): Promise<void> => {
          for await (const key of objects) await this.readObject(key);
        };
        await Promise.all(Array.from({ length: OBJECTS_AT_ONCE }, read));
      });
    } catch (error) {
      this.signal.throwIfAborted();
      failures.push(`objects that could not be listed (${String(error)})`);
    }
    return { bucket: this.location.bucket, keys: keys.sort(), failures: failures.sort() };
  }

  private get signal(): AbortSignal {
    return this.context.terminal.signal;
  }

  private async *listKeys(): AsyncGenerator<string> {
    const { bucket, prefix } = this.location;
    const pages = paginateListObjectsV2(
      { client: this.s3 },
      { Bucket: bucket, Prefix: prefix },
      { abortSignal: this.signal },
    );
    for await (const { Contents = [] } of pages) {
      for (const { Key, Size } of Contents) if (Key !== undefined && Size !== 0) yield Key;
    }
  }

  private async readObject(key: string): Promise<void> {
    const badLines: number[] = [];
    let badCount = 0;
    let isFound = false;
    try {
      for await (const { number, record } of archivedLines(await this.open(key))) {
        if (record !== undefined) {
          isFound ||= isRecordOf(record, this.member, this.fieldLists);
          continue;
        }
        badCount += 1;
        if (badCount <= NAMED_LINES) badLines.push(number);
      }
    } catch (error) {
      this.signal.throwIfAborted();
      this.failures.push(`${key} (${String(error)})`);
    }
    if (isFound) this.keys.push(key);
    if (badCount > 0)
      this.failures.push(`${key} (${badLinesText(badLines, badCount - badLines.length)})`);
  }

  private async open(Key: string): Promise<Readable> {
    const { signal } = this;
    const { Body } = await this.s3.send(
      new GetObjectCommand({ Bucket: this.location.bucket, Key }),
      { abortSignal: signal },
    );
    return addAbortSignal(signal, Body as Readable);
  }
}

function badLinesText(numbers: readonly number[], more: number): string {
  const which = `${numbers.length === 1 ? 'line' : 'lines'} ${numbers.join(', ')}${more > 0 ? ` and ${numberText(more)} more` : ''}`;
  return `no record of the archive: ${which}`;
}
