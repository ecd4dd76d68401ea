import { Duration, Names } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/**
 * SQS's maximum: whoever repairs what reads a queue has two weeks before anything is gone from it.
 */
export const QUEUE_RETENTION = Duration.days(14);

/** A dead-letter queue that keeps as long as SQS does, encrypted, and closed to plain HTTP. */
export function deadLetterQueue(
  scope: Construct,
  id: string,
  encryptionKey: kms.IKey | undefined,
  queueName?: string,
): sqs.Queue {
  return new sqs.Queue(scope, id, {
    queueName,
    retentionPeriod: QUEUE_RETENTION,
    enforceSSL: true,
    ...queueEncryption(encryptionKey),
  });
}

/**
 * How long SQS uses a data key before it asks KMS for another: at its longest nearly no call to KMS
 * stands on the way of a postback.
 */
const DATA_KEY_REUSE = Duration.hours(24);

/** How the queues are encrypted: by SQS's own keys, or by the user's. */
export function queueEncryption(
  encryptionKey: kms.IKey | undefined,
): Pick<sqs.QueueProps, 'encryption' | 'encryptionMasterKey' | 'dataKeyReuse'> {
  if (encryptionKey === undefined) return { encryption: sqs.QueueEncryption.SQS_MANAGED };
  return {
    encryption: sqs.QueueEncryption.KMS,
    encryptionMasterKey: encryptionKey,
    dataKeyReuse: DATA_KEY_REUSE,
  };
}

/**
 * Lets somebody send to a queue, and use its key where the user gave it one. Not by
 * `grantSendMessages`, which allows more than sending takes: the queue's attributes, and every way
 * to encrypt anew.
 */
export function allowSending({ grantPrincipal }: iam.IGrantable, queue: sqs.IQueue): void {
  const allow = (actions: string[], resource: string): unknown =>
    grantPrincipal.addToPrincipalPolicy(
      new iam.PolicyStatement({ actions, resources: [resource] }),
    );
  allow(['sqs:SendMessage'], queue.queueArn);
  if (queue.encryptionMasterKey)
    allow(['kms:GenerateDataKey', 'kms:Decrypt'], queue.encryptionMasterKey.keyArn);
}

/**
 * Lets a function process the messages of a queue.
 *
 * Not by `SqsEventSource`, which also grants `sqs:ChangeMessageVisibility` and `sqs:GetQueueUrl`.
 * Lambda needs neither.
 */
export function processMessages(
  fn: lambda.Function,
  queue: sqs.IQueue,
  options: lambda.EventSourceMappingOptions,
): void {
  // The name that `SqsEventSource` gives: with another one CloudFormation would replace the
  // mapping.
  fn.addEventSourceMapping(`SqsEventSource:${Names.nodeUniqueId(queue.node)}`, {
    ...options,
    eventSourceArn: queue.queueArn,
    reportBatchItemFailures: true,
  });
  const actions = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  fn.addToRolePolicy(new iam.PolicyStatement({ actions, resources: [queue.queueArn] }));
  queue.encryptionMasterKey?.grantDecrypt(fn);
}
