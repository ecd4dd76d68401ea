import { join } from 'node:path';
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { AttributeType, Billing, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { RakutenPostback, TransactionChange, TransactionTarget } from 'cdk-rakuten-postback';

const app = new App();
const stack = new Stack(app, 'CashBack', { env: { region: 'us-east-1' } });

const postback = new RakutenPostback(stack, 'Postback', {
  publisher: {
    sid: '3900112',
    credentials: Secret.fromSecretNameV2(stack, 'RakutenApi', 'rakuten/api'),
  },
});

// The balances are in a table of their own. The transaction table has only Rakuten's lines.
const ledger = new TableV2(stack, 'Ledger', {
  partitionKey: { name: 'pk', type: AttributeType.STRING },
  sortKey: { name: 'sk', type: AttributeType.STRING },
  billing: Billing.onDemand(),
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  deletionProtection: true,
});

// Events that cannot be booked wait here for two weeks. The table's stream keeps them for a day.
const deadLetterQueue = new Queue(stack, 'NotBooked', {
  retentionPeriod: Duration.days(14),
  enforceSSL: true,
});
const events = new Queue(stack, 'Events', {
  visibilityTimeout: Duration.minutes(3),
  retentionPeriod: Duration.days(14),
  enforceSSL: true,
  deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: 5 },
});
postback.onTransaction('CashBack', TransactionTarget.queue(events), {
  filter: {
    changes: [
      TransactionChange.NEW_LINE,
      TransactionChange.CHANGED,
      TransactionChange.VERIFIED,
      TransactionChange.WITHDRAWN,
    ],
  },
});

const bookkeeper = new NodejsFunction(stack, 'Bookkeeper', {
  description: 'Credits cash-back for Rakuten transaction lines',
  entry: join(__dirname, 'ledger', 'handler.ts'),
  depsLockFilePath: join(__dirname, 'package.json'),
  runtime: Runtime.NODEJS_24_X,
  timeout: Duration.seconds(30),
  environment: { LEDGER_TABLE_NAME: ledger.tableName, CASH_BACK_PERCENT: '2' },
});
ledger.grantReadWriteData(bookkeeper);
bookkeeper.addEventSource(
  new SqsEventSource(events, { batchSize: 10, reportBatchItemFailures: true, maxConcurrency: 5 }),
);

new CfnOutput(stack, 'LedgerTableName', { value: ledger.tableName });
new CfnOutput(stack, 'NotBookedQueueUrl', { value: deadLetterQueue.queueUrl });
new CfnOutput(stack, 'RegistrationStatus', { value: postback.registrationStatus });
