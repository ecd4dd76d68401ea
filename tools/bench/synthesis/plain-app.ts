/** The parts of the construct, written by hand with the CDK alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, Aws, CustomResource, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Provider } from 'aws-cdk-lib/custom-resources';

const ROOT = join(__dirname, '..', '..', '..');
const ALARMS = 21;
const QUERIES = 8;
const text = (name: string): dynamodb.Attribute => ({ name, type: dynamodb.AttributeType.STRING });

const app = new App();
const stack = new Stack(app, 'ByHand');

const deadLetterQueue = new sqs.Queue(stack, 'DeadLetterQueue', {
  retentionPeriod: Duration.days(14),
  enforceSSL: true,
});
const queue = new sqs.Queue(stack, 'Queue', {
  retentionPeriod: Duration.days(14),
  visibilityTimeout: Duration.seconds(181),
  enforceSSL: true,
  deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: 5 },
});

const table = new dynamodb.TableV2(stack, 'Table', {
  partitionKey: text('order_key'),
  sortKey: text('line_key'),
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  dynamoStream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
  globalSecondaryIndexes: [
    { indexName: 'by-member', partitionKey: text('u1'), sortKey: text('occurred_at') },
    { indexName: 'by-day', partitionKey: text('process_day'), sortKey: text('received_at') },
    {
      indexName: 'by-transaction',
      partitionKey: text('etransaction_id'),
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    },
  ],
});
const stateTable = new dynamodb.TableV2(stack, 'StateTable', {
  partitionKey: text('kind'),
  sortKey: text('id'),
  timeToLiveAttribute: 'expires_at',
});

const sendRole = new iam.Role(stack, 'SendRole', {
  assumedBy: new iam.ServicePrincipal('apigateway.amazonaws.com'),
});
queue.grantSendMessages(sendRole);
const api = new apigateway.RestApi(stack, 'Api', {
  endpointTypes: [apigateway.EndpointType.REGIONAL],
  cloudWatchRole: false,
});
const integration = new apigateway.AwsIntegration({
  service: 'sqs',
  path: `${Aws.ACCOUNT_ID}/${queue.queueName}`,
  options: {
    credentialsRole: sendRole,
    passthroughBehavior: apigateway.PassthroughBehavior.NEVER,
    requestParameters: {
      'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'",
    },
    requestTemplates: {
      'application/json': readFileSync(join(ROOT, 'lib', 'ingestion-api.vtl'), 'utf8').trim(),
    },
    integrationResponses: [{ statusCode: '200', selectionPattern: '200' }, { statusCode: '500' }],
  },
});
api.root.addResource('postback').addMethod('GET', integration, {
  methodResponses: [{ statusCode: '200' }, { statusCode: '500' }],
});

const urlSecret = new secretsmanager.Secret(stack, 'UrlSecret', {
  generateSecretString: { passwordLength: 43, excludePunctuation: true },
});
const [consumer, registration, reconciliation, watch] = [
  'consumer',
  'registration',
  'reconciliation',
  'status-watch',
].map((name) => {
  const logGroup = new logs.LogGroup(stack, `${name}-logs`, {
    retention: logs.RetentionDays.THREE_MONTHS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const made = new lambda.Function(stack, name, {
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: lambda.Code.fromAsset(join(ROOT, 'lambda-dist', name)),
    memorySize: 512,
    timeout: Duration.seconds(30),
    environment: {
      TABLE: table.tableName,
      STATE_TABLE: stateTable.tableName,
      QUEUE: queue.queueUrl,
    },
    logGroup,
  });
  table.grantReadWriteData(made);
  stateTable.grantReadWriteData(made);
  urlSecret.grantRead(made);
  return made;
}) as [lambda.Function, lambda.Function, lambda.Function, lambda.Function];

consumer.addEventSource(
  new SqsEventSource(queue, {
    batchSize: 50,
    maxBatchingWindow: Duration.seconds(1),
    reportBatchItemFailures: true,
    maxConcurrency: 10,
  }),
);
queue.grantSendMessages(reconciliation);
const provider = new Provider(stack, 'Provider', { onEventHandler: registration });
new CustomResource(stack, 'Registration', {
  serviceToken: provider.serviceToken,
  properties: { Sid: '3900112', Url: api.urlForPath('/postback') },
});

for (const [id, hours, handler] of [
  ['Hourly', 1, reconciliation],
  ['Daily', 24, reconciliation],
] as const) {
  new events.Rule(stack, id, {
    schedule: events.Schedule.rate(Duration.hours(hours)),
    targets: [new targets.LambdaFunction(handler)],
  });
}
new events.Rule(stack, 'Watch', {
  schedule: events.Schedule.rate(Duration.minutes(5)),
  targets: [new targets.LambdaFunction(watch)],
});

const metrics = Array.from(
  { length: ALARMS },
  (_, i) => new cloudwatch.Metric({ namespace: 'RakutenPostback', metricName: `Metric${i}` }),
);
for (const [i, metric] of metrics.entries()) {
  new cloudwatch.Alarm(stack, `Alarm${i}`, {
    metric,
    threshold: 1,
    evaluationPeriods: 1,
    alarmDescription: `Metric ${i} is not what it should be: see its page in the runbook`,
  });
}
new cloudwatch.Dashboard(stack, 'Dashboard', {
  widgets: metrics.map((metric) => [new cloudwatch.GraphWidget({ left: [metric] })]),
});
for (let i = 0; i < QUERIES; i++) {
  new logs.QueryDefinition(stack, `Query${i}`, {
    queryDefinitionName: `query-${i}`,
    queryString: new logs.QueryString({ fields: ['@timestamp', 'message'] }),
  });
}
