import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { IConstruct } from 'constructs';
import { PostbackStack } from '../../../bin/postback-stack';
import { appSettings } from '../../../bin/settings';
import { permissionsInWords } from '../../support/iam-words';
import { ACKNOWLEDGED, checkWithNag, nagFindings } from '../../support/nag';
import { textOf } from '../../support/sources';
import { appContext } from '../../support/stacks';

/** The stack that `cdk deploy` deploys, in us-east-1, with the flags of cdk.json. */
let app: App;
let stack: Stack;
let postback: IConstruct;
let template: Template;
beforeAll(() => {
  const before = process.env.CDK_DEFAULT_REGION;
  process.env.CDK_DEFAULT_REGION = 'us-east-1';
  const settings: Record<string, string> = { sid: '3900112', credentialsSecretName: 'rakuten/api' };
  app = new App({ context: { ...appContext(), 'aws:cdk:enable-path-metadata': true } });
  stack = new PostbackStack(
    app,
    'RakutenPostback',
    appSettings((name) => settings[name], {}),
  );
  postback = stack.node.findChild('Postback');
  checkWithNag(app, postback);
  template = Template.fromStack(stack);
  if (before === undefined) delete process.env.CDK_DEFAULT_REGION;
  else process.env.CDK_DEFAULT_REGION = before;
});

it('may do this and nothing else', () => {
  expect(permissionsInWords(template, 'RakutenPostback/Postback')).toEqual(
    [
      // The endpoint may send to the one queue.
      'IngestionApi/SendRole may sqs:SendMessage on PostbackQueue/Queue',
      // Without aws:SourceAccount, which API Gateway does not send when it assumes the role of an
      // integration.
      'apigateway.amazonaws.com may act as IngestionApi/SendRole',
      // The consumer reads the queue, writes rows, reads which secrets are accepted, and notes
      // probes and failures. It cannot change what is accepted.
      'Consumer/FunctionRole may dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on TransactionTable/Table',
      'Consumer/FunctionRole may dynamodb:PutItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals probe or failure',
      'Consumer/FunctionRole may dynamodb:Query on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher or forgotten',
      'Consumer/FunctionRole may logs:CreateLogStream, logs:PutLogEvents on Consumer/FunctionLogs',
      'Consumer/FunctionRole may sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage on PostbackQueue/Queue',
      'lambda.amazonaws.com may act as Consumer/FunctionRole',
      // The registration reads its two secrets, stores another value of the one that is its own,
      // and keeps the state. It cannot see a row.
      'RegistrationProvider/FunctionRole may dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on StateTable/Table',
      'RegistrationProvider/FunctionRole may logs:CreateLogStream, logs:PutLogEvents on RegistrationProvider/FunctionLogs',
      'RegistrationProvider/FunctionRole may secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:<AccountId>:secret:rakuten/api-??????',
      'RegistrationProvider/FunctionRole may secretsmanager:GetSecretValue, secretsmanager:PutSecretValue, secretsmanager:UpdateSecretVersionStage on Publisher/UrlSecret',
      'lambda.amazonaws.com may act as RegistrationProvider/FunctionRole',
      // The reconciliation reads and writes rows, and reads the publisher's credentials. Of the
      // state it writes its own items only.
      'Reconciliation/FunctionRole may dynamodb:BatchGetItem, dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on TransactionTable/Table',
      'Reconciliation/FunctionRole may dynamodb:DeleteItem, dynamodb:PutItem, dynamodb:UpdateItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals reconciliation or missing',
      'Reconciliation/FunctionRole may dynamodb:GetItem, dynamodb:Query on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher or reconciliation or missing or forgotten',
      'Reconciliation/FunctionRole may dynamodb:Query on TransactionTable/Table and TransactionTable/Table/index/by-day',
      'Reconciliation/FunctionRole may lambda:InvokeFunction on Reconciliation/Function',
      'Reconciliation/FunctionRole may logs:CreateLogStream, logs:PutLogEvents on Reconciliation/FunctionLogs',
      'Reconciliation/FunctionRole may secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:<AccountId>:secret:rakuten/api-??????',
      'events.amazonaws.com may lambda:InvokeFunction on Reconciliation/Function for Reconciliation/PublisherDaily',
      'events.amazonaws.com may lambda:InvokeFunction on Reconciliation/Function for Reconciliation/PublisherHourly',
      'lambda.amazonaws.com may act as Reconciliation/FunctionRole',
      // The status watch reads the same two secrets, keeps the state as the registration does,
      // speaks as itself on the event bus, and asks for a reconciliation.
      'StatusWatch/FunctionRole may dynamodb:GetItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher or watch',
      'StatusWatch/FunctionRole may dynamodb:PutItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals watch',
      'StatusWatch/FunctionRole may dynamodb:Query, dynamodb:UpdateItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher',
      'StatusWatch/FunctionRole may events:PutEvents on arn:aws:events:us-east-1:<AccountId>:event-bus/default if events:source ForAllValues:StringEquals cdk-rakuten-postback and events:source Null false',
      'StatusWatch/FunctionRole may lambda:InvokeFunction on Reconciliation/Function',
      'StatusWatch/FunctionRole may logs:CreateLogStream, logs:PutLogEvents on StatusWatch/FunctionLogs',
      'StatusWatch/FunctionRole may secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:<AccountId>:secret:rakuten/api-?????? and Publisher/UrlSecret',
      'events.amazonaws.com may lambda:InvokeFunction on StatusWatch/Function for StatusWatch/Schedule',
      'lambda.amazonaws.com may act as StatusWatch/FunctionRole',
      // CDK's provider framework invokes the registration.
      'RegistrationProvider/ProviderRole may lambda:GetFunction on RegistrationProvider/Function',
      'RegistrationProvider/ProviderRole may lambda:InvokeFunction on RegistrationProvider/Function and RegistrationProvider/Function:*',
      'RegistrationProvider/ProviderRole may logs:CreateLogStream, logs:PutLogEvents on RegistrationProvider/ProviderLogs',
      'lambda.amazonaws.com may act as RegistrationProvider/ProviderRole',
      // Nobody reaches the queues over plain HTTP.
      'anyone must not sqs:* on PostbackQueue/DeadLetterQueue if aws:SecureTransport Bool false',
      'anyone must not sqs:* on PostbackQueue/Queue if aws:SecureTransport Bool false',
    ].sort(),
  );
});

it("deviates from cdk-nag's AwsSolutions only where a reason is written down", () => {
  const { unexplained, acknowledged } = nagFindings(app.synth().directory, postback);
  expect(unexplained).toEqual([]);
  expect(acknowledged).toEqual(ACKNOWLEDGED.map(({ rule, path }) => `${rule} at ${path}`).sort());
  const told = textOf('docs/security.md');
  for (const { reason, rule } of ACKNOWLEDGED) {
    expect(reason).toMatch(/^.{40,}\.$/);
    expect([rule, told.includes(String(rule.split('[')[0]))]).toEqual([rule, true]);
  }
});

it('keeps the logical ids of what holds data: another id would replace it at the next update', () => {
  const ids = (type: string): string[] => Object.keys(template.findResources(type));
  expect(ids('AWS::DynamoDB::GlobalTable')).toEqual([
    'PostbackTransactionTable7B1402E1',
    'PostbackStateTable9082D4F8',
  ]);
  expect(ids('AWS::SQS::Queue')).toEqual([
    'PostbackPostbackQueueDeadLetterQueueF0F13699',
    'PostbackPostbackQueueFD1C56D3',
  ]);
  expect(ids('AWS::Logs::LogGroup').sort()).toEqual([
    'PostbackConsumerFunctionLogs7972E386',
    'PostbackReconciliationFunctionLogs9D4A7A54',
    'PostbackRegistrationProviderFunctionLogsEBC3C302',
    'PostbackRegistrationProviderProviderLogs1E0C7A13',
    'PostbackStatusWatchFunctionLogs9DB1C4AC',
  ]);
  // Another secret would be another registered URL, another API another host in it, another
  // resource another registration.
  expect(ids('AWS::SecretsManager::Secret')).toEqual(['PostbackPublisherUrlSecretBA56E265']);
  expect(ids('AWS::ApiGateway::RestApi')).toEqual(['PostbackIngestionApi788F5FC6']);
  expect(ids('AWS::ApiGateway::Stage')).toEqual([
    'PostbackIngestionApiDeploymentStageprod8D890EBA',
  ]);
  expect(ids('Custom::RakutenPostbackRegistration')).toEqual(['PostbackPublisher796E8720']);
});

it('says in its outputs what an operator needs, and no secret', () => {
  const outputs = template.toJSON().Outputs as Record<
    string,
    { Value: unknown; Description: string }
  >;
  expect(Object.keys(outputs).sort()).toEqual([
    'DashboardName',
    'DeadLetterQueueUrl',
    'EndpointUrl',
    'QueueUrl',
    'ReconciliationFunctionName',
    'RegistrationFunctionName',
    'RegistrationStatus',
    'Sid',
    'StateTableName',
    'StatusWatchFunctionName',
    'TableName',
    'UrlSecretArn',
  ]);
  expect(JSON.stringify(outputs.EndpointUrl?.Value)).toMatch(/\/postback"\]\]\}$/);
  for (const { Description } of Object.values(outputs))
    expect(Description.length).toBeGreaterThan(8);
});

it('is this template, as a whole', () => {
  expect(readable(template.toJSON())).toMatchSnapshot();
});

/**
 * The template without what changes with every build (hashes of assets and deployments) or says
 * nothing (metadata, bootstrap rules), and the mapping template once.
 */
function readable(whole: Record<string, Record<string, unknown>>): unknown {
  const { Resources, Outputs } = structuredClone(whole) as {
    Resources: Record<string, Resource>;
    Outputs: unknown;
  };
  delete Resources.CDKMetadata;
  for (const resource of Object.values(Resources)) {
    delete resource.Metadata;
    const { Code, Integration } = resource.Properties ?? {};
    if (Code?.S3Key !== undefined) Code.S3Key = '<hash of the bundle>.zip';
    const [[first, mapping] = [], ...others] = Object.entries(Integration?.RequestTemplates ?? {});
    for (const [type, text] of others)
      if (text === mapping) Integration.RequestTemplates[type] = `<as ${first}>`;
  }
  return JSON.parse(
    JSON.stringify({ Resources, Outputs }).replace(
      /(ApiDeployment[0-9A-F]{8})[0-9a-f]{32}/g,
      '$1<hash of the API>',
    ),
  );
}

interface Resource {
  // biome-ignore lint/suspicious/noExplicitAny: a template is what it is
  readonly Properties?: any;
  Metadata?: unknown;
}
