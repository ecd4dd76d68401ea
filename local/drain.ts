import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** Number of messages in a queue, messages in flight included. */
export async function queueDepth(client: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}

/** Waits until a queue is empty. Throws if it is not after this many seconds. */
export async function untilEmpty(
  client: SQSClient,
  queueUrl: string,
  timeoutSeconds: number,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
  // SQS has no event for an empty queue, so this polls.
  for (
    let depth = await queueDepth(client, queueUrl);
    depth > 0;
    depth = await queueDepth(client, queueUrl)
  ) {
    signal?.throwIfAborted();
    if (Date.now() > deadline)
      throw new Error(
        `after ${timeoutSeconds} seconds ${depth} messages are still in the queue ${queueUrl}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
