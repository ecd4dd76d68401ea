import { type FirehoseClient, PutRecordBatchCommand } from '@aws-sdk/client-firehose';
import type { Archive, ArchiveRecord } from '../../core/archive/archive-record';

/** Firehose takes 4 MiB in one call. A full batch of the longest messages is near that. */
const MAX_CALL_BYTES = 3.5 * 1024 * 1024;
const MAX_CALL_RECORDS = 500;

/** Sends records as lines of JSON to a delivery stream of Firehose, which writes them to S3. */
export class FirehoseArchive implements Archive {
  constructor(
    private readonly client: Pick<FirehoseClient, 'send'>,
    private readonly deliveryStreamName: string,
  ) {}

  async put(records: readonly ArchiveRecord[]): Promise<ReadonlyMap<number, string>> {
    const failed = new Map<number, string>();
    for (const call of calls(records)) {
      const { RequestResponses = [], FailedPutCount = 0 } = await this.client.send(
        new PutRecordBatchCommand({
          DeliveryStreamName: this.deliveryStreamName,
          Records: call.lines.map((Data) => ({ Data })),
        }),
      );
      if (FailedPutCount === 0) continue;
      RequestResponses.forEach(({ ErrorCode, ErrorMessage }, i) => {
        if (ErrorCode !== undefined)
          failed.set(
            call.start + i,
            `Firehose did not take the message for the archive: ${ErrorCode} ${ErrorMessage ?? ''}`,
          );
      });
    }
    return failed;
  }
}

interface Call {
  readonly start: number;
  readonly lines: Buffer[];
}

function calls(records: readonly ArchiveRecord[]): Call[] {
  const all: Call[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  records.forEach((record, start) => {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    const last = all.at(-1);
    if (
      last === undefined ||
      bytes + line.length > MAX_CALL_BYTES ||
      last.lines.length === MAX_CALL_RECORDS
    ) {
      all.push({ start, lines: [line] });
      bytes = line.length;
    } else {
      last.lines.push(line);
      bytes += line.length;
    }
  });
  return all;
}
