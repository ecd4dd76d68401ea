import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ExistingPostback, PostbackFields, RakutenPostback } from 'cdk-rakuten-postback';

const app = new App();
const stack = new Stack(app, 'RakutenPostback', { env: { region: 'us-east-1' } });

const secret = (name: string) => Secret.fromSecretNameV2(stack, name, `rakuten/${name}`);

// The site that came first, with every field, and the member's id under the name that its programs
// know.
const postback = new RakutenPostback(stack, 'Postback', {
  publisher: { sid: '3900112', credentials: secret('united-states') },
  fields: PostbackFields.all().rename('u1', 'member').staticValue('site', 'us'),
});

// Its sister in Japan: another network, other credentials, a value of its own in every row.
postback.addPublisher('Japan', {
  sid: '3900113',
  credentials: secret('japan'),
  fields: PostbackFields.all().staticValue('site', 'jp'),
});

// A site that was bought: its slot still holds the URL of a tracker, which is taken over and comes
// back if this publisher is removed.
postback.addPublisher('Coupons', {
  sid: '3900114',
  credentials: secret('coupons'),
  existingPostback: ExistingPostback.REPLACE,
});

new CfnOutput(stack, 'EndpointUrl', { value: postback.endpointUrl });
new CfnOutput(stack, 'TableName', { value: postback.table.tableName });
