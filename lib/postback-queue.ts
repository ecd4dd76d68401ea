import { Duration } from 'aws-cdk-lib';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** SQS's maximum: whoever repairs the consumer has two weeks before a line is gone from the queue. */
const RETENTION = Duration.days(14);
/** AWS asks for at least 5, so that a throttled function does not send good messages to the dead-letter queue. */
const MAX_RECEIVE_COUNT = 5;

export interface PostbackQueueProps {
  /**
   * How long a message stays hidden from others while one reader has it: AWS recommends six times the reader's timeout, and the batching window on top.
   */
  readonly visibilityTimeout: Duration;
}

/** The queue between the endpoint and the consumer, and the dead-letter queue behind it. Both are encrypted and refuse plain HTTP. */
export class PostbackQueue extends Construct {
  /** The queue that the endpoint writes to. */
  public readonly queue: sqs.Queue;

  /** Where a message goes that could not be processed five times. */
  public readonly deadLetterQueue: sqs.Queue;

  constructor(scope: Construct, id: string, props: PostbackQueueProps) {
    super(scope, id);
    const shared = { retentionPeriod: RETENTION, encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true };
    this.deadLetterQueue = new sqs.Queue(this, 'DeadLetterQueue', shared);
    this.queue = new sqs.Queue(this, 'Queue', {
      ...shared,
      visibilityTimeout: props.visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  }
}
