// An app as a user of the package writes it, in plain JavaScript: synthesized by `node app.cjs
// <output folder>`.
const { App, Stack } = require('aws-cdk-lib');
const { Role, ServicePrincipal } = require('aws-cdk-lib/aws-iam');
const { Secret } = require('aws-cdk-lib/aws-secretsmanager');
const { ExistingPostback, PostbackFields, RakutenPostback } = require('cdk-rakuten-postback');

const app = new App({ outdir: process.argv[2] });
const stack = new Stack(app, 'CashBack', { env: { region: 'us-east-1' } });
const postback = new RakutenPostback(stack, 'Postback', {
  publisher: {
    sid: '3900112',
    credentials: Secret.fromSecretNameV2(stack, 'RakutenApi', 'rakuten/api'),
  },
  fields: PostbackFields.all().rename('u1', 'unique_id').staticValue('site', 'cashback'),
});
postback.addPublisher('Japan', {
  sid: '3900113',
  credentials: Secret.fromSecretNameV2(stack, 'RakutenApiJapan', 'rakuten/japan'),
  existingPostback: ExistingPostback.REPLACE,
});
postback.grantReadTransactions(
  new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
);
app.synth();
