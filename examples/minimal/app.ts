import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { RakutenPostback } from 'cdk-rakuten-postback';

const app = new App();
const stack = new Stack(app, 'RakutenPostback', { env: { region: 'us-east-1' } });

const postback = new RakutenPostback(stack, 'Postback', {
  publisher: {
    sid: '3900112',
    credentials: Secret.fromSecretNameV2(stack, 'RakutenApi', 'rakuten/api'),
  },
});

new CfnOutput(stack, 'TableName', { value: postback.table.tableName });
new CfnOutput(stack, 'RegistrationStatus', { value: postback.registrationStatus });
