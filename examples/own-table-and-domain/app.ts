import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { RakutenPostback } from 'cdk-rakuten-postback';
import { transactionTable } from './table';

const app = new App();
const stack = new Stack(app, 'RakutenPostback', {
  env: { account: '111122223333', region: 'us-east-1' },
});

const postback = new RakutenPostback(stack, 'Postback', {
  publisher: {
    sid: '3900112',
    credentials: Secret.fromSecretNameV2(stack, 'RakutenApi', 'rakuten/api'),
  },
  table: transactionTable(stack),
  domain: {
    domainName: 'postback.example.com',
    hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
      hostedZoneId: 'Z0123456789EXAMPLE',
      zoneName: 'example.com',
    }),
  },
});

new CfnOutput(stack, 'EndpointUrl', { value: postback.endpointUrl });
new CfnOutput(stack, 'TableName', { value: postback.table.tableName });
new CfnOutput(stack, 'RegistrationStatus', { value: postback.registrationStatus });
