/**
 * The app of the upgrade check, with every part that keeps something. The check copies this file
 * into the older version too, so it may only use what both versions have.
 */
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  ExistingPostback,
  PostbackFields,
  RakutenPostback,
  TransactionTarget,
} from 'cdk-rakuten-postback';

const app = new App();
const context = (name: string): string => app.node.getContext(name) as string;
const [trackedSid = '', emptySid = ''] = app.node.getContext('sids') as string[];
const stack = new Stack(app, 'UpgradeCheck');

const publisher = {
  credentials: Secret.fromSecretNameV2(stack, 'RakutenApi', context('secretName')),
  // A slow machine must not fail the self-test.
  acknowledgementLimit: Duration.seconds(10),
};
const postback = new RakutenPostback(stack, 'Postback', {
  publisher: { ...publisher, sid: trackedSid, existingPostback: ExistingPostback.REPLACE },
  fields: PostbackFields.all().rename('u1', context('memberParameter')),
  rakutenApiUrl: context('rakutenApiUrl'),
  endpointBaseUrl: context('endpointBaseUrl'),
  archive: { bufferInterval: Duration.minutes(1) },
  accessLogs: {},
  reconciliation: { memberFromPostback: true },
  statusWatch: { interval: Duration.minutes(5) },
  preliminaryExpiry: Duration.days(400),
  rotateUrlSecretEvery: Duration.days(30),
});
postback.addPublisher('Second', { ...publisher, sid: emptySid });
postback.onTransaction(
  'Events',
  TransactionTarget.queue(new Queue(stack, 'Events', { enforceSSL: true })),
);

new CfnOutput(stack, 'EndpointUrl', { value: postback.endpointUrl });
new CfnOutput(stack, 'TableName', { value: postback.table.tableName });
new CfnOutput(stack, 'QueueUrl', { value: postback.queue.queueUrl });
new CfnOutput(stack, 'DeadLetterQueueUrl', { value: postback.deadLetterQueue.queueUrl });
new CfnOutput(stack, 'ReconciliationFunctionName', {
  value: postback.reconciliationFunction?.functionName ?? '',
});
