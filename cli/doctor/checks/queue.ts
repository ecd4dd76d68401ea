import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, together, warning } from '../finding';
import { metricsOver } from '../metrics';
import { spanText } from '../span';

/** More than a burst leaves behind for long. */
const BACKLOG = 1000;
/** Fewer, and a throttled function sends good messages to the dead-letter queue. */
const FEWEST_TRIES = 5;
const OLD_MILLIS = 15 * 60_000;

export const queue: Check = {
  area: 'Queues',
  name: 'Queue',
  permissions: ['sqs:GetQueueAttributes'],
  run: async (examination) => {
    const { ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, RedrivePolicy } =
      await attributesOf(examination, await examination.resource('queueUrl', 'QueueUrl'));
    const waiting = Number(ApproximateNumberOfMessages);
    const found = `about ${waiting} waiting, ${ApproximateNumberOfMessagesNotVisible} in work`;
    const depth =
      waiting > BACKLOG
        ? warning(
            found,
            'see that the consumer below works; if it does, the backlog goes down by itself',
          )
        : ok(found);
    return together(depth, judgeRedrivePolicy(RedrivePolicy));
  },
};

function judgeRedrivePolicy(policy: string | undefined): Finding {
  const mend = 'deploy again, which restores the queue';
  if (policy === undefined)
    return problem('no dead-letter queue is behind it: what fails is tried for ever', mend);
  const tries = Number((JSON.parse(policy) as { maxReceiveCount?: unknown }).maxReceiveCount);
  return tries >= FEWEST_TRIES ? ok(`${tries} tries`) : warning(`only ${tries} tries`, mend);
}

export const deadLetters: Check = {
  area: 'Queues',
  name: 'Dead-letter queue',
  permissions: ['sqs:GetQueueAttributes'],
  run: async (examination) => {
    const url = await examination.resource('deadLetterQueueUrl', 'DeadLetterQueueUrl');
    const {
      ApproximateNumberOfMessages,
      ApproximateNumberOfMessagesNotVisible,
      MessageRetentionPeriod,
    } = await attributesOf(examination, url);
    const count =
      Number(ApproximateNumberOfMessages) + Number(ApproximateNumberOfMessagesNotVisible);
    if (count === 0) return ok('empty');
    const kept = spanText(Number(MessageRetentionPeriod) * 1000);
    return problem(
      `about ${count} ${count === 1 ? 'message' : 'messages'}, each of which SQS deletes ${kept} after it came`,
      'cdk-rakuten-postback dlq list tells why; mend that, then cdk-rakuten-postback dlq redrive',
    );
  },
};

async function attributesOf(examination: Examination, QueueUrl: string) {
  const client = new SQSClient(await examination.aws('sqs'));
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return Attributes;
}

/** Only CloudWatch knows it. Messages that failed three times are not in it. */
export const oldestMessage: Check = {
  area: 'Queues',
  name: 'Oldest message',
  permissions: ['cloudwatch:GetMetricData'],
  stackOnly: true,
  run: async (examination) => {
    const url = await examination.resource('queueUrl', 'QueueUrl');
    const dimensions = { QueueName: url.split('/').at(-1) ?? '' };
    const [seconds] = await metricsOver(examination, OLD_MILLIS, [
      {
        namespace: 'AWS/SQS',
        name: 'ApproximateAgeOfOldestMessage',
        dimensions,
        statistic: 'Maximum',
      },
    ]);
    if (seconds === undefined)
      return ok('CloudWatch has no number for the last quarter of an hour: nothing waited');
    const found = `at most ${spanText(seconds * 1000)} in the last quarter of an hour`;
    return seconds * 1000 > OLD_MILLIS
      ? problem(found, 'see why the consumer below does not keep up')
      : ok(found);
  },
};
