/** The app that `cdk deploy` runs: one stack with one RakutenPostback, set by context (`-c name=value`) or environment (`RAKUTEN_…`). */
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { RakutenPostback } from '../lib';
import { appSettings } from './settings';

const app = new App();
const settings = appSettings((name) => app.node.tryGetContext(name) as unknown, process.env);
const stack = new Stack(app, 'RakutenPostback', {
  stackName: settings.stackName,
  description: 'Receives the postbacks of Rakuten Advertising, each exactly once',
  env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION },
});
const postback = new RakutenPostback(stack, 'Postback', {
  publisher: {
    sid: settings.sid,
    credentials: Secret.fromSecretNameV2(stack, 'Credentials', settings.credentialsSecretName),
  },
  fields: settings.fields,
  removalPolicy: settings.removalPolicy,
  rakutenApiUrl: settings.rakutenApiUrl,
  endpointBaseUrl: settings.endpointBaseUrl,
});

const outputs: Record<string, [value: string, description: string]> = {
  EndpointUrl: [postback.endpointUrl, 'Where Rakuten sends to (without the secret and the fields)'],
  TableName: [postback.table.tableName, 'The table with one row per line'],
  QueueUrl: [postback.queue.queueUrl, 'The queue between endpoint and table'],
  DeadLetterQueueUrl: [postback.deadLetterQueue.queueUrl, 'Messages that could not be processed'],
  RegistrationStatus: [postback.registrationStatus, 'What the deployment left at Rakuten'],
  Sid: [settings.sid, 'The publisher id'],
  StateTableName: [postback.stateTable.tableName, 'What the functions share'],
  RegistrationFunctionName: [postback.registrationFunction.functionName, 'The function that talks to Rakuten'],
  UrlSecretArn: [postback.urlSecret.secretArn, 'The secret in the registered URL'],
};
for (const [id, [value, description]] of Object.entries(outputs)) new CfnOutput(stack, id, { value, description });
