import type { Duration } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deadLetterQueue, QUEUE_RETENTION, queueEncryption } from './private/queues';

/**
 * AWS asks for at least 5, so that a throttled function does not send good messages to the
 * dead-letter queue.
 */
const MAX_RECEIVE_COUNT = 5;

export interface PostbackQueueProps {
  /**
   * How long a message stays hidden from others while one reader has it: AWS recommends six times
   * the reader's timeout, and the batching window on top.
   */
  readonly visibilityTimeout: Duration;

  /** @default - SQS's own key */
  readonly encryptionKey?: kms.IKey;
}

/**
 * The queue between the endpoint and the consumer, and the dead-letter queue behind it. Both are
 * encrypted and refuse plain HTTP.
 */
export class PostbackQueue extends Construct {
  /** The queue that the endpoint writes to. */
  public readonly queue: sqs.Queue;

  /** Where a message goes that could not be processed five times. */
  public readonly deadLetterQueue: sqs.Queue;

  constructor(scope: Construct, id: string, props: PostbackQueueProps) {
    super(scope, id);
    this.deadLetterQueue = deadLetterQueue(this, 'DeadLetterQueue', props.encryptionKey);
    this.queue = new sqs.Queue(this, 'Queue', {
      retentionPeriod: QUEUE_RETENTION,
      enforceSSL: true,
      ...queueEncryption(props.encryptionKey),
      visibilityTimeout: props.visibilityTimeout,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  }
}
