import type { SQSEvent, SQSRecord } from 'aws-lambda';
import { ALL_FIELDS, fieldListId } from '../../core/rakuten/postback/fields';
import { acknowledgedOf } from '../../local/lambda/event-source';
import type { LocalFunction } from '../../local/lambda/local-function';
import { URL_SECRET } from './names';

const AT = '2026-04-18T09:31:13.250Z';

/** Messages that SQS delivers to a function until it acknowledged them. */
export class Batch {
  private open: SQSRecord[];

  constructor(private readonly records: readonly SQSRecord[]) {
    this.open = [...records];
  }

  /** Whether the message at this place was acknowledged. */
  isDone(index: number): boolean {
    return !this.open.some((record) => record === this.records[index]);
  }

  get isOpen(): boolean {
    return this.open.length > 0;
  }

  /** Delivers what is not acknowledged yet. Returns how that ended, in words of the tables. */
  async deliver(fn: LocalFunction): Promise<string> {
    const response = await fn.invoke({ Records: this.open } satisfies SQSEvent);
    const acknowledged = acknowledgedOf(this.open, response, ({ messageId }) => messageId);
    this.open = this.open.filter((record) => !acknowledged.includes(record));
    return this.isOpen
      ? `${this.open.length} of ${this.records.length} messages come again`
      : 'all done';
  }

  /** Delivers once more what is left. */
  async deliverRest(fn: LocalFunction): Promise<void> {
    if (this.isOpen) await this.deliver(fn);
  }
}

export function recordOf(
  messageId: string,
  parameters: Readonly<Record<string, string>>,
): SQSRecord {
  const q = new URLSearchParams({
    k: URL_SECRET,
    f: fieldListId(ALL_FIELDS),
    ...parameters,
  }).toString();
  return {
    messageId,
    receiptHandle: messageId,
    body: new URLSearchParams({
      at: String(Date.parse(AT)),
      id: messageId,
      ip: '198.51.100.7',
      q: `&${q}`,
    }).toString(),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '0',
      SenderId: '',
      ApproximateFirstReceiveTimestamp: '0',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:postbacks',
    awsRegion: 'us-east-1',
  };
}
