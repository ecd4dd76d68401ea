import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { type Maker, physicalName } from '../context';

/** Properties that SQS knows as attributes under the same name. */
const ATTRIBUTES = [
  'VisibilityTimeout',
  'MessageRetentionPeriod',
  'DelaySeconds',
  'MaximumMessageSize',
  'ReceiveMessageWaitTimeSeconds',
] as const;

export const makeQueue: Maker = async (resource, context) => {
  const { properties } = resource;
  const QueueName = physicalName(resource, context, properties.QueueName);
  const own = Object.fromEntries(
    ATTRIBUTES.flatMap((name) =>
      properties[name] === undefined ? [] : [[name, String(properties[name])]],
    ),
  );
  const { QueueUrl = '' } = await context.clients.sqs.send(
    new CreateQueueCommand({
      QueueName,
      Attributes: {
        ...own,
        ...(context.visibilityTimeoutSeconds === undefined
          ? {}
          : { VisibilityTimeout: String(context.visibilityTimeoutSeconds) }),
        ...(properties.RedrivePolicy === undefined
          ? {}
          : { RedrivePolicy: JSON.stringify(properties.RedrivePolicy) }),
      },
    }),
  );
  const { Attributes } = await context.clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const Arn = Attributes?.QueueArn ?? '';
  context.queues.set(Arn, QueueUrl);
  return { ref: QueueUrl, attributes: { Arn, QueueName, QueueUrl } };
};
