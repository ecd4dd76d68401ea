import fs from 'node:fs';
import { join } from 'node:path';
import type { StackResourceSummary } from '@aws-sdk/client-cloudformation';
import {
  Aws,
  Annotations as CdkAnnotations,
  CfnCondition,
  CfnParameter,
  Duration,
  Fn,
  PropertyInjectors,
  RemovalPolicies,
  RemovalPolicy,
  Stack,
  Token,
} from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { EndpointType } from 'aws-cdk-lib/aws-apigateway';
import {
  AttributeType,
  type CfnGlobalTable,
  type GlobalSecondaryIndexProps,
  type GlobalSecondaryIndexPropsV2,
  type ITable,
  ProjectionType,
  Table,
  TableEncryptionV2,
  type TablePropsV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type IStringParameter, StringParameter } from 'aws-cdk-lib/aws-ssm';
import { readResources } from '../../../cli/stack-resources';
import {
  ENVIRONMENT,
  METRICS_NAMESPACE,
  REGISTRATION_ID_PREFIX,
  REGISTRATION_PROPERTIES,
  REGISTRATION_RESOURCE_TYPE,
} from '../../../core/names';
import { parseFieldList } from '../../../core/rakuten/postback/fields';
import { parseProperties } from '../../../core/registration/properties';
import { createTableInput } from '../../../core/state/table';
import { INDEX_KEYS, MAX_PROJECTED_ATTRIBUTES, TABLE_KEYS } from '../../../core/transactions/keys';
import { schemaProblems, type TableSchema } from '../../../core/transactions/table-schema';
import {
  ExistingPostback,
  PostbackFields,
  RakutenPostback,
  type RakutenPostbackProps,
  RemovalAction,
} from '../../../lib';
import { projectionOf } from '../../../lib/transaction-table';
import { permissionsInWords } from '../../support/iam-words';
import { ownTable, stringKey, TABLE_SCHEMA } from '../../support/own-table';
import { ROOT, reachedFrom, textOf } from '../../support/sources';
import {
  appContext,
  emptyStack,
  Resources,
  SID,
  type SomeProps,
  type StackOptions,
  withPostback,
} from '../../support/stacks';

class Synthesized extends Resources {
  constructor(
    stack: Stack,
    readonly postback: RakutenPostback,
  ) {
    super(stack);
  }
}

function synthesized(props?: SomeProps, options?: StackOptions): Synthesized {
  const { stack, postback } = withPostback(props, options);
  return new Synthesized(stack, postback);
}

let standard: Synthesized;
beforeAll(() => {
  standard = synthesized();
});
afterEach(() => jest.restoreAllMocks());

const credentialsOf = (stack: Stack): ISecret =>
  Secret.fromSecretNameV2(stack, 'Api', 'rakuten/api');

const secureString = (stack: Stack): IStringParameter =>
  StringParameter.fromSecureStringParameterAttributes(stack, 'Parameter', {
    parameterName: '/rakuten/api',
  });

describe('the endpoint', () => {
  const TEMPLATE = fs.readFileSync(join(ROOT, 'lib/ingestion-api.vtl'), 'utf8').trim();
  const method = () => standard.at('Postback/IngestionApi/Api/Default/postback/GET').Properties;

  it('hands a GET of any usual content type to SQS by the same template, and nothing untransformed', () => {
    const { Integration, HttpMethod, AuthorizationType } = method();
    expect({ HttpMethod, AuthorizationType }).toEqual({
      HttpMethod: 'GET',
      AuthorizationType: 'NONE',
    });
    expect(Integration).toMatchObject({
      Type: 'AWS',
      IntegrationHttpMethod: 'POST',
      PassthroughBehavior: 'NEVER',
    });
    expect(Integration.RequestTemplates).toEqual({
      'application/json': TEMPLATE,
      'application/x-www-form-urlencoded': TEMPLATE,
      'text/plain': TEMPLATE,
      'text/html': TEMPLATE,
      'application/xml': TEMPLATE,
      'text/xml': TEMPLATE,
    });
    expect(Integration.RequestParameters).toEqual({
      'integration.request.header.Content-Type': "'application/x-www-form-urlencoded'",
    });
  });

  it('sends a template of one line without a space at its end, which would become part of the message', () => {
    expect(method().Integration.RequestTemplates['application/json']).toMatch(/^\S.*\S$/);
  });

  it('calls exactly our queue', () => {
    const queue = standard.at('Postback/PostbackQueue/Queue').logicalId;
    const [separator, parts] = method().Integration.Uri['Fn::Join'];
    const text = parts
      .map((part: unknown) => (typeof part === 'string' ? part : JSON.stringify(part)))
      .join(separator);
    expect(text).toBe(
      `arn:{"Ref":"AWS::Partition"}:apigateway:{"Ref":"AWS::Region"}:sqs:path/{"Ref":"AWS::AccountId"}/{"Fn::GetAtt":["${queue}","QueueName"]}`,
    );
  });

  it('answers 200 only to a 200 of SQS; whatever else, is a 500', () => {
    const responses = method().Integration.IntegrationResponses;
    expect(responses).toEqual([
      {
        StatusCode: '200',
        SelectionPattern: '200',
        ResponseTemplates: { 'application/json': '{"accepted":true}' },
      },
      { StatusCode: '500', ResponseTemplates: { 'application/json': '{"accepted":false}' } },
    ]);
    expect(method().MethodResponses.map((r: { StatusCode: string }) => r.StatusCode)).toEqual([
      '200',
      '500',
    ]);
  });

  it('leaves the time to answer as long as API Gateway gives, since a late success still stores the line', () => {
    expect(method().Integration.TimeoutInMillis).toBeUndefined();
  });

  it('is a regional API with a name of its own, and touches nothing that the account shares', () => {
    expect(standard.at('Postback/IngestionApi/Api').Properties.EndpointConfiguration).toEqual({
      Types: ['REGIONAL'],
    });
    for (const type of ['Account', 'UsagePlan', 'ApiKey', 'Authorizer', 'RequestValidator']) {
      standard.template.resourceCountIs(`AWS::ApiGateway::${type}`, 0);
    }
    expect(
      synthesized({ endpointType: EndpointType.EDGE }).at('Postback/IngestionApi/Api').Properties
        .EndpointConfiguration,
    ).toEqual({
      Types: ['EDGE'],
    });
  });

  it('gives two installations in one stack, and in two stacks, names apart, since the name is the dimension of the metrics', () => {
    const nameOf = (resources: Resources): string[] =>
      resources.of('AWS::ApiGateway::RestApi').map(({ Properties }) => Properties.Name);
    const { stack } = withPostback();
    new RakutenPostback(stack, 'Other', {
      publisher: { sid: '3900113', credentials: credentialsOf(stack) },
    });
    const both = new Resources(stack);
    expect(nameOf(both)).toHaveLength(2);

    const elsewhere = new Stack(undefined, 'Elsewhere');
    new RakutenPostback(elsewhere, 'Postback', {
      publisher: { sid: SID, credentials: credentialsOf(elsewhere) },
    });
    const names = [...nameOf(both), ...nameOf(new Resources(elsewhere))];
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9-]{1,128}$/);

    const services = both
      .of('AWS::Lambda::Function')
      .map(({ Properties }) => Properties.Environment?.Variables?.[ENVIRONMENT.metricsService]);
    expect(new Set(services.filter((service) => service !== undefined)).size).toBe(2);
  });

  it('deploys a changed mapping template, and an unchanged one not again', () => {
    const deploymentOf = (resources: Resources): string =>
      String(resources.of('AWS::ApiGateway::Deployment')[0]?.logicalId);
    expect(deploymentOf(synthesized())).toBe(deploymentOf(standard));
    const read = fs.readFileSync;
    jest
      .spyOn(fs, 'readFileSync')
      .mockImplementation(((file: string, encoding: BufferEncoding) =>
        file.endsWith('.vtl')
          ? `${TEMPLATE}&x=1`
          : read(file, encoding)) as typeof fs.readFileSync);
    const changed = synthesized();
    expect(deploymentOf(changed)).not.toBe(deploymentOf(standard));
    expect(changed.of('AWS::ApiGateway::Stage')[0]?.Properties.DeploymentId).toEqual({
      Ref: deploymentOf(changed),
    });
  });

  it('has the same URL for a deployment of other fields, and no new deployment of the API', () => {
    const other = synthesized({
      fields: PostbackFields.only('commissions').rename('commissions', 'c'),
    });
    expect(other.of('AWS::ApiGateway::Deployment')[0]?.logicalId).toBe(
      standard.of('AWS::ApiGateway::Deployment')[0]?.logicalId,
    );
  });

  it.each<[string, RakutenPostbackProps['endpointBaseUrl'], string]>([
    [
      "API Gateway's by default",
      undefined,
      'https://<api>.execute-api.<Region>.<URLSuffix>/<stage>/postback',
    ],
    [
      'that of a domain',
      'https://postback.example.com/rakuten/',
      'https://postback.example.com/rakuten/postback',
    ],
    [
      'that of an emulator',
      'http://127.0.0.1:4566/_aws/execute-api/{apiId}/{stage}',
      'http://127.0.0.1:4566/_aws/execute-api/<api>/<stage>/postback',
    ],
  ])('has a URL: %s', (_what, endpointBaseUrl, expected) => {
    const resources = synthesized({ endpointBaseUrl });
    const { stack, postback } = resources;
    const names: Record<string, string> = {
      [resources.at('Postback/IngestionApi/Api').logicalId]: 'api',
      [String(resources.of('AWS::ApiGateway::Stage')[0]?.logicalId)]: 'stage',
    };
    const url = stack.resolve(postback.endpointUrl) as
      | string
      | { 'Fn::Join': [string, (string | { Ref: string })[]] };
    const parts = typeof url === 'string' ? [url] : url['Fn::Join'][1];
    expect(
      parts
        .map((p) => (typeof p === 'string' ? p : `<${names[p.Ref] ?? p.Ref.replace('AWS::', '')}>`))
        .join(''),
    ).toBe(expected);
    expect(
      resources.at('Postback/Publisher').Properties[REGISTRATION_PROPERTIES.endpointUrl],
    ).toEqual(url);
  });

  it('adds no output to the stack of its user', () => {
    expect(standard.template.toJSON().Outputs).toBeUndefined();
  });

  it('needs none for the command line, which finds each part among the resources', () => {
    const summaries = (resources: Resources): StackResourceSummary[] =>
      Object.entries(resources.template.toJSON().Resources as Record<string, { Type: string }>).map(
        ([LogicalResourceId, { Type }]) => ({
          LogicalResourceId,
          ResourceType: Type,
          PhysicalResourceId:
            Type === REGISTRATION_RESOURCE_TYPE
              ? `${REGISTRATION_ID_PREFIX}${SID}`
              : `the-${LogicalResourceId}`,
          LastUpdatedTimestamp: undefined,
          ResourceStatus: undefined,
        }),
      );
    const physicalId = (path: string) => `the-${standard.at(path).logicalId}`;
    const found = {
      stateTableName: physicalId('Postback/StateTable/Table'),
      queueUrl: physicalId('Postback/PostbackQueue/Queue'),
      deadLetterQueueUrl: physicalId('Postback/PostbackQueue/DeadLetterQueue'),
      registrationFunctionName: physicalId('Postback/RegistrationProvider/Function'),
      statusWatchFunctionName: physicalId('Postback/StatusWatch/Function'),
      reconciliationFunctionName: physicalId('Postback/Reconciliation/Function'),
      archiveStreamName: '',
      sid: SID,
    };
    expect(readResources(summaries(standard))).toEqual(found);
    expect(readResources([...summaries(standard), ...summaries(standard)])).toEqual({});

    const { stack } = withPostback({
      statusWatch: { enabled: false },
      reconciliation: { enabled: false },
    });
    expect(readResources(summaries(new Resources(stack)))).toEqual({
      ...found,
      statusWatchFunctionName: '',
      reconciliationFunctionName: '',
    });
  });
});

describe('the queues', () => {
  const queue = () => standard.at('Postback/PostbackQueue/Queue');
  const deadLetterQueue = () => standard.at('Postback/PostbackQueue/DeadLetterQueue');

  it('keep a message two weeks, encrypted, and move it aside after five failures', () => {
    expect(deadLetterQueue().Properties).toEqual({
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
    });
    expect(queue().Properties).toMatchObject({
      MessageRetentionPeriod: 1_209_600,
      SqsManagedSseEnabled: true,
      RedrivePolicy: {
        deadLetterTargetArn: { 'Fn::GetAtt': [deadLetterQueue().logicalId, 'Arn'] },
        maxReceiveCount: 5,
      },
    });
    expect(queue().Properties.FifoQueue).toBeUndefined();
  });

  it('refuse plain HTTP', () => {
    for (const name of ['Queue', 'DeadLetterQueue']) {
      const [statement, ...more] = standard.at(`Postback/PostbackQueue/${name}/Policy`).Properties
        .PolicyDocument.Statement;
      expect(more).toEqual([]);
      expect(statement).toMatchObject({
        Effect: 'Deny',
        Action: 'sqs:*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      });
    }
  });

  it('hide a message for six timeouts of the consumer and its batching window', () => {
    const { Timeout } = standard.at('Postback/Consumer/Function').Properties;
    const { MaximumBatchingWindowInSeconds } =
      standard.of('AWS::Lambda::EventSourceMapping')[0]?.Properties ?? {};
    expect(queue().Properties.VisibilityTimeout).toBeGreaterThanOrEqual(
      6 * Timeout + MaximumBatchingWindowInSeconds,
    );
  });

  it('have no physical names', () => {
    for (const { Properties } of standard.all) {
      for (const name of ['QueueName', 'TableName', 'FunctionName', 'RoleName', 'LogGroupName'])
        expect(Properties?.[name]).not.toEqual(expect.any(String));
    }
  });
});

describe('the table', () => {
  const table = (resources: Resources = standard) =>
    resources.at('Postback/TransactionTable/Table');
  const replica = (resources?: Resources) => table(resources).Properties.Replicas[0];

  it('is on demand, recoverable, encrypted, streams changes, and outlives the stack', () => {
    const { Properties, DeletionPolicy, UpdateReplacePolicy } = table();
    expect(Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: true },
      StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
    expect(Properties.Replicas).toHaveLength(1);
    expect(replica()).toMatchObject({
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    });
    expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['Retain', 'Retain']);
  });

  it('goes with the stack when that is asked for', () => {
    const gone = synthesized({ removalPolicy: RemovalPolicy.DESTROY });
    expect([table(gone).DeletionPolicy, table(gone).UpdateReplacePolicy]).toEqual([
      'Delete',
      'Delete',
    ]);
    expect(replica(gone).DeletionProtectionEnabled).toBe(false);

    const guarded = synthesized({ removalPolicy: RemovalPolicy.DESTROY, deletionProtection: true });
    expect([table(guarded).DeletionPolicy, replica(guarded).DeletionProtectionEnabled]).toEqual([
      'Delete',
      true,
    ]);
    // With RetainExceptOnCreate CloudFormation deletes the table of a first deployment that fails.
    const byCreation = synthesized({ removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE });
    expect([
      table(byCreation).DeletionPolicy,
      replica(byCreation).DeletionProtectionEnabled,
    ]).toEqual(['RetainExceptOnCreate', false]);

    const unguarded = synthesized({ deletionProtection: false });
    expect([table(unguarded).DeletionPolicy, replica(unguarded).DeletionProtectionEnabled]).toEqual(
      ['Retain', false],
    );
  });

  it('is protected by the policy that the template has, whoever set it', () => {
    const { stack } = withPostback();
    RemovalPolicies.of(stack).destroy();
    const gone = new Resources(stack);
    expect([table(gone).DeletionPolicy, replica(gone).DeletionProtectionEnabled]).toEqual([
      'Delete',
      false,
    ]);

    const guarded = withPostback({ deletionProtection: true }).stack;
    RemovalPolicies.of(guarded).destroy();
    expect(replica(new Resources(guarded)).DeletionProtectionEnabled).toBe(true);

    const kept = withPostback({ removalPolicy: RemovalPolicy.DESTROY }).stack;
    RemovalPolicies.of(kept).retain();
    expect([
      table(new Resources(kept)).DeletionPolicy,
      replica(new Resources(kept)).DeletionProtectionEnabled,
    ]).toEqual(['Retain', true]);

    const injected = emptyStack();
    PropertyInjectors.of(injected).add({
      constructUniqueId: TableV2.PROPERTY_INJECTION_ID,
      inject: (props) => ({ ...props, removalPolicy: RemovalPolicy.DESTROY }),
    });
    new RakutenPostback(injected, 'Postback', {
      publisher: { sid: SID, credentials: credentialsOf(injected) },
    });
    expect(replica(new Resources(injected)).DeletionProtectionEnabled).toBe(false);
  });

  it('is created after the precheck of each publisher, as is the archive bucket: a first deployment that cannot register leaves nothing', () => {
    const { stack, postback } = withPostback({ archive: {} });
    postback.addPublisher('Japan', { sid: '3900113', credentials: credentialsOf(stack) });
    const resources = new Resources(stack);
    const prechecks = ['Postback/Publisher/Precheck', 'Postback/PublisherJapan/Precheck'];
    expect(resources.dependenciesOf('Postback/TransactionTable/Table')).toEqual(prechecks);
    expect(resources.dependenciesOf('Postback/Archive/Bucket')).toEqual(prechecks);
    const retained = resources.all
      .filter(({ DeletionPolicy = 'Delete' }) => DeletionPolicy !== 'Delete')
      .map(({ logicalId }) => logicalId);
    expect(retained.map((id) => resources.pathOf(id)).sort()).toEqual([
      'Postback/Archive/Bucket',
      'Postback/TransactionTable/Table',
    ]);
    for (const path of prechecks) {
      const waitsFor = resources.waitsFor(path);
      expect(waitsFor).toEqual(
        expect.arrayContaining([
          'Postback/StateTable/Table',
          path.replace('Precheck', 'SecretsPolicy'),
        ]),
      );
      const others = waitsFor.filter(
        (one) => !/^Postback\/(RegistrationProvider|StateTable|Publisher(Japan)?)\//.test(one),
      );
      // The function knows the endpoint by the API's ID, and waits for none of its methods.
      expect(others).toEqual(['Postback/IngestionApi/Api']);
    }
  });

  it('has the key and the indexes that the rows are written for and asked by', () => {
    const { KeySchema, GlobalSecondaryIndexes, AttributeDefinitions } = table().Properties;
    expect(KeySchema).toEqual(schema(TABLE_KEYS.partition, TABLE_KEYS.sort));
    const indexes = Object.entries(INDEX_KEYS);
    expect(
      GlobalSecondaryIndexes.map((index: { IndexName: string; KeySchema: unknown }) => [
        index.IndexName,
        index.KeySchema,
      ]),
    ).toEqual(indexes.map(([name, { partition, sort }]) => [name, schema(partition, sort)]));
    expect(
      new Set(AttributeDefinitions.map((a: { AttributeType: string }) => a.AttributeType)),
    ).toEqual(new Set(['S']));
    for (const [i, [, { projected }]] of indexes.entries()) {
      expect(GlobalSecondaryIndexes[i].Projection).toEqual(
        projected.length === 0
          ? { ProjectionType: 'KEYS_ONLY' }
          : { ProjectionType: 'INCLUDE', NonKeyAttributes: projected },
      );
    }
  });

  it('projects as many attributes as an index takes, and no key: DynamoDB rejects the table otherwise', () => {
    const keys: string[] = Object.values(TABLE_KEYS);
    for (const [name, { partition, sort, projected }] of Object.entries(INDEX_KEYS)) {
      expect(projected.length).toBeLessThanOrEqual(MAX_PROJECTED_ATTRIBUTES);
      expect(new Set(projected).size).toBe(projected.length);
      expect(
        projected.filter((attribute) => [...keys, partition, sort].includes(attribute)),
      ).toEqual([]);
      expect(() => projectionOf(name, projected)).not.toThrow();
    }
    const tooMany = Array.from({ length: MAX_PROJECTED_ATTRIBUTES + 1 }, (_, i) => `a${i}`);
    expect(() => projectionOf('by-day', tooMany)).toThrow(
      'the index by-day projects 21 attributes; DynamoDB takes 20',
    );
  });

  const schema = (partition: string, sort: string) => [
    { AttributeName: partition, KeyType: 'HASH' },
    { AttributeName: sort, KeyType: 'RANGE' },
  ];

  it('stands beside a small one for what the functions share, which forgets old entries and goes with the stack', () => {
    const state = standard.at('Postback/StateTable/Table');
    expect(state.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: schema('kind', 'id'),
      SSESpecification: { SSEEnabled: true },
      TimeToLiveSpecification: { AttributeName: 'expires_at', Enabled: true },
    });
    expect(state.Properties.Replicas[0].PointInTimeRecoverySpecification).toEqual({
      PointInTimeRecoveryEnabled: true,
    });
    expect(state.DeletionPolicy).toBe('Delete');
  });
});

describe('the consumer', () => {
  const consumer = (resources: Resources = standard) =>
    resources.at('Postback/Consumer/Function').Properties;
  const mapping = (resources: Resources = standard) =>
    resources.of('AWS::Lambda::EventSourceMapping')[0]?.Properties;

  it('is a bundled function on a current runtime, with a log group that ends', () => {
    expect(consumer()).toMatchObject({
      Architectures: ['arm64'],
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      LoggingConfig: {
        LogFormat: 'JSON',
        LogGroup: { Ref: standard.at('Postback/Consumer/FunctionLogs').logicalId },
      },
    });
    for (const group of standard.of('AWS::Logs::LogGroup'))
      expect(group.Properties.RetentionInDays).toBe(90);
    const short = synthesized({ logRetention: RetentionDays.ONE_WEEK }).of('AWS::Logs::LogGroup');
    expect(short.map(({ Properties }) => Properties.RetentionInDays)).toEqual([7, 7, 7, 7, 7]);
  });

  it('reads batches, reports the messages that failed, and runs so many times at once as allowed', () => {
    expect(mapping()).toMatchObject({
      EventSourceArn: {
        'Fn::GetAtt': [standard.at('Postback/PostbackQueue/Queue').logicalId, 'Arn'],
      },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BatchSize: 50,
      ScalingConfig: { MaximumConcurrency: 10 },
    });
    expect(mapping(synthesized({ maxConcurrency: 2 })).ScalingConfig).toEqual({
      MaximumConcurrency: 2,
    });
  });

  it.each(['consumer', 'registration'])(
    'sets exactly the variables that the handler of %s reads',
    (handler) => {
      const path = {
        consumer: 'Postback/Consumer/Function',
        registration: 'Postback/RegistrationProvider/Function',
      }[handler];
      // Some are set only where something is asked for.
      const asked = synthesized({
        preliminaryExpiry: Duration.days(30),
        rowExpiry: Duration.days(60),
        logPayloads: true,
        reconciliation: { memberFromPostback: true },
      });
      const { NODE_OPTIONS, ...variables } = asked.at(String(path)).Properties.Environment
        .Variables;
      const read = reachedFrom(`lambda/${handler}/index.ts`).flatMap((file) =>
        [...textOf(file).matchAll(/\bENVIRONMENT\.(\w+)/g)].map((m) => m[1]),
      );
      const names = new Set(read.map((key) => ENVIRONMENT[key as keyof typeof ENVIRONMENT]));
      expect(new Set(Object.keys(variables))).toEqual(names);
      expect(NODE_OPTIONS).toBe('--enable-source-maps');
    },
  );

  it('logs what a postback carries only when asked to', () => {
    expect(consumer().Environment.Variables[ENVIRONMENT.logPayloads]).toBeUndefined();
    expect(
      consumer(synthesized({ logPayloads: true })).Environment.Variables[ENVIRONMENT.logPayloads],
    ).toBe('true');
  });

  it('knows its tables, how the days are spread, and under which name it counts', () => {
    const { Variables } = consumer(synthesized({ dayShards: 4 })).Environment;
    expect(Variables).toMatchObject({
      [ENVIRONMENT.tableName]: { Ref: standard.at('Postback/TransactionTable/Table').logicalId },
      [ENVIRONMENT.stateTableName]: { Ref: standard.at('Postback/StateTable/Table').logicalId },
      [ENVIRONMENT.dayShards]: '4',
      [ENVIRONMENT.metricsNamespace]: METRICS_NAMESPACE,
    });
    expect(consumer().Environment.Variables[ENVIRONMENT.dayShards]).toBe('1');
  });
});

describe('the registration', () => {
  const registration = (resources: Resources = standard) => resources.at('Postback/Publisher');

  it('waits for everything that receives, and is given up before any of it goes', () => {
    const { Type } = registration();
    expect(Type).toBe('Custom::RakutenPostbackRegistration');
    const waitsFor = standard.dependenciesOf('Postback/Publisher');
    const receiving = [
      'Postback/IngestionApi/',
      'Postback/PostbackQueue/',
      'Postback/Consumer/',
      'Postback/TransactionTable/',
      'Postback/StateTable/',
      'Postback/RegistrationProvider/',
    ];
    const resources = new Set(
      standard.all
        .filter(({ Type: type }) => type !== 'AWS::CDK::Metadata')
        .map(({ logicalId }) => standard.pathOf(logicalId))
        .filter((path) => receiving.some((part) => path.startsWith(part))),
    );
    const ownParts = ['Postback/Publisher/Precheck', 'Postback/Publisher/SecretsPolicy'];
    expect(new Set(waitsFor)).toEqual(new Set([...resources, ...ownParts]));
    expect(resources.size).toBeGreaterThanOrEqual(17);
  });

  it('says what is wanted, by default and in full', () => {
    const { ServiceToken, ServiceTimeout, ...properties } = registration().Properties;
    expect(ServiceToken).toEqual({
      'Fn::GetAtt': [
        standard.at('Postback/RegistrationProvider/Provider/framework-onEvent').logicalId,
        'Arn',
      ],
    });
    expect(properties).toEqual({
      FormatVersion: '1',
      Sid: SID,
      CredentialsSecretArn: 'rakuten/api',
      UrlSecretArn: { Ref: standard.at('Postback/Publisher/UrlSecret').logicalId },
      EndpointUrl: expect.anything(),
      FieldList: JSON.stringify(PostbackFields.all()._toFieldList()),
      Enabled: 'true',
      ExistingPostback: 'FAIL',
      OnRemoval: '',
      RakutenApiUrl: 'https://api.linksynergy.com',
      SelfTest: 'true',
    });

    const other = synthesized((stack) => ({
      publisher: {
        sid: '7',
        credentials: credentialsOf(stack),
        fields: PostbackFields.exactly(
          'is_event',
          'etransaction_id',
          'sale_amount',
          'order_id',
          'advertiser_id',
        ).rename('sale_amount', 'amount'),
        enabled: false,
        existingPostback: ExistingPostback.REPLACE,
        onRemoval: RemovalAction.DISABLE,
        selfTest: false,
        acknowledgementLimit: Duration.seconds(1),
      },
      fields: PostbackFields.all(),
      rakutenApiUrl: 'http://127.0.0.1:9999',
    }));
    expect(registration(other).Properties).toMatchObject({
      Sid: '7',
      Enabled: 'false',
      ExistingPostback: 'REPLACE',
      OnRemoval: 'DISABLE',
      RakutenApiUrl: 'http://127.0.0.1:9999',
      SelfTest: 'false',
      AcknowledgementLimitMillis: 1000,
    });
    expect(parseFieldList(registration(other).Properties.FieldList).map((p) => p.name)).toContain(
      'amount',
    );
  });

  it.each(['default', 'full'] as const)(
    'says it in properties that the handler reads: %s',
    (which) => {
      const resources =
        which === 'default'
          ? standard
          : synthesized((stack) => ({ publisher: fullPublisher(stack) }));
      const asCloudFormationSendsThem = Object.fromEntries(
        Object.entries(registration(resources).Properties).map(([name, value]) => [
          name,
          typeof value === 'object' ? 'https://resolved.example' : String(value),
        ]),
      );
      const { raw, ...desired } = parseProperties(asCloudFormationSendsThem);
      expect(desired).toMatchObject(
        which === 'default'
          ? {
              sid: SID,
              enabled: true,
              existingPostback: 'FAIL',
              selfTest: true,
              limitMillis: 400,
              credentialsSecret: 'rakuten/api',
            }
          : {
              sid: '7',
              enabled: false,
              existingPostback: 'REPLACE',
              onRemoval: 'RETAIN',
              selfTest: false,
              limitMillis: 250,
            },
      );
      expect(Object.keys(raw).sort()).toEqual(
        Object.keys(asCloudFormationSendsThem)
          .filter((name) => !name.startsWith('Service') && asCloudFormationSendsThem[name] !== '')
          .sort(),
      );
    },
  );

  const fullPublisher = (stack: Stack) => ({
    sid: '7',
    credentials: credentialsOf(stack),
    enabled: false,
    existingPostback: ExistingPostback.REPLACE,
    onRemoval: RemovalAction.RETAIN,
    selfTest: false,
    acknowledgementLimit: Duration.millis(250),
  });

  it('gives up in minutes, and not before its function has', () => {
    const { Timeout } = standard.at('Postback/RegistrationProvider/Function').Properties;
    const serviceTimeout = Number(registration().Properties.ServiceTimeout);
    expect(serviceTimeout).toBeGreaterThan(Timeout);
    expect(serviceTimeout).toBeLessThanOrEqual(15 * 60);
  });

  it('generates the secret where it stays: neither it nor the credentials are in the template', () => {
    expect(standard.at('Postback/Publisher/UrlSecret').Properties.GenerateSecretString).toEqual({
      ExcludePunctuation: true,
      IncludeSpace: false,
      PasswordLength: 43,
    });
    const text = JSON.stringify(standard.template.toJSON());
    for (const written of ['{{resolve:', '"SecretString"', '"SecretObjectValue"'])
      expect([written, text.includes(written)]).toEqual([written, false]);
    for (const { Properties } of standard.of('AWS::Lambda::Function')) {
      expect(JSON.stringify(Properties.Environment)).not.toContain(
        standard.at('Postback/Publisher/UrlSecret').logicalId,
      );
    }
  });

  it('says in an attribute how it went', () => {
    const status = standard.stack.resolve(standard.postback.registrationStatus);
    expect(status).toEqual({ 'Fn::GetAtt': [registration().logicalId, 'Status'] });
  });

  it("keeps the event's response URL out of the logs: the provider framework writes none", () => {
    const framework = standard.at(
      'Postback/RegistrationProvider/Provider/framework-onEvent',
    ).Properties;
    expect(framework.LoggingConfig.LogGroup).toEqual({
      Ref: standard.at('Postback/RegistrationProvider/ProviderLogs').logicalId,
    });
    standard.template.resourceCountIs('AWS::StepFunctions::StateMachine', 0);
    standard.template.resourceCountIs('Custom::LogRetention', 0);
  });
});

describe('several publishers', () => {
  it('share the endpoint, the table and the function, and each has its own secret and registration', () => {
    const { stack, postback } = withPostback({
      fields: PostbackFields.all().rename('u1', 'unique_id'),
    });
    postback.addPublisher('Japan', {
      sid: '3900113',
      credentials: Secret.fromSecretNameV2(stack, 'JapanApi', 'rakuten/japan'),
    });
    postback.addPublisher('Korea', {
      sid: '3900114',
      credentials: Secret.fromSecretNameV2(stack, 'KoreaApi', 'rakuten/korea'),
      fields: PostbackFields.only('commissions'),
    });
    const resources = new Resources(stack);
    expect(resources.of('AWS::SecretsManager::Secret')).toHaveLength(3);
    expect(resources.of('AWS::Lambda::Function')).toHaveLength(5);
    const registrations = resources
      .of('Custom::RakutenPostbackRegistration')
      .map(({ Properties }) => Properties);
    expect(registrations.map(({ Sid }) => Sid)).toEqual(['3900112', '3900113', '3900114']);
    expect(
      new Set(registrations.map(({ UrlSecretArn }) => JSON.stringify(UrlSecretArn))).size,
    ).toBe(3);
    const names = registrations.map(({ FieldList }) =>
      parseFieldList(FieldList).map((p) => p.name),
    );
    expect(names[1]).toEqual(names[0]);
    expect(names[2]).toEqual(PostbackFields.only('commissions').names);
    const dependencies = (id: string): string[] =>
      resources.dependenciesOf(`Postback/${id}`).map((path) => path.replace(`/${id}/`, '/'));
    // The registrations run one after another, and only after the precheck of every publisher.
    expect(dependencies('Publisher')).toContain('Postback/PublisherKorea/Precheck');
    expect(dependencies('PublisherJapan')).toContain('Postback/Publisher');
    const withoutPublishers = (id: string) =>
      dependencies(id).filter(
        (path) => !/^Postback\/(Publisher|PublisherKorea\/Precheck)$/.test(path),
      );
    expect(withoutPublishers('PublisherJapan')).toEqual(withoutPublishers('Publisher'));
  });

  it('can be taken out again: the permission to read the credentials goes after the registration, which needs it once more', () => {
    const { stack, postback } = withPostback();
    postback.addPublisher('Japan', {
      sid: '3900113',
      credentials: Secret.fromSecretNameV2(stack, 'JapanApi', 'rakuten/japan'),
    });
    const resources = new Resources(stack);
    for (const [id, name] of [
      ['Publisher', 'api'],
      ['PublisherJapan', 'japan'],
    ]) {
      expect(resources.dependenciesOf(`Postback/${id}`)).toContain(`Postback/${id}/SecretsPolicy`);
      const statements = JSON.stringify(
        resources.at(`Postback/${id}/SecretsPolicy`).Properties.PolicyDocument.Statement,
      );
      expect(statements).toContain(`:secret:rakuten/${name}-`);
    }
    // The role's default policy changes at the start of an update, before anything is removed. The
    // URL secret may be gone by then too.
    expect(
      JSON.stringify(
        resources.at('Postback/RegistrationProvider/FunctionRole/DefaultPolicy').Properties,
      ),
    ).not.toContain('rakuten/');
  });

  it('are each another SID, since Rakuten keeps one postback per SID', () => {
    const { stack, postback } = withPostback();
    expect(() =>
      postback.addPublisher('Again', { sid: SID, credentials: credentialsOf(stack) }),
    ).toThrow(
      'Stack/Postback: the publisher 3900112 is there twice, and Rakuten keeps one postback per SID; remove one of them',
    );
  });

  it('may have SIDs that are known at deploy time only', () => {
    const { stack, postback } = withPostback();
    for (const id of ['One', 'Two']) {
      postback.addPublisher(id, {
        sid: new CfnParameter(stack, `Sid${id}`).valueAsString,
        credentials: Secret.fromSecretNameV2(stack, `Api${id}`, id),
      });
    }
    expect(new Resources(stack).at('Postback/PublisherTwo').Properties.Sid).toEqual({
      Ref: 'SidTwo',
    });
  });
});

describe('what the user has already', () => {
  it('credentials neither or in both places are an error', () => {
    expect(() => synthesized({ publisher: { sid: SID } })).toThrow(
      "Rakuten's API credentials are missing; give a Secrets Manager secret",
    );
    expect(() =>
      synthesized((stack) => ({
        publisher: {
          sid: SID,
          credentials: credentialsOf(stack),
          credentialsParameter: secureString(stack),
        },
      })),
    ).toThrow('both credentials and credentialsParameter are given; keep one of them');
  });

  it('a table of the same region, by its name', () => {
    const resources = synthesized((stack) => ({
      table: TableV2.fromTableName(stack, 'T', 'transactions'),
    }));
    expect(resources.of('AWS::DynamoDB::GlobalTable').map(({ logicalId }) => logicalId)).toEqual([
      resources.at('Postback/StateTable/Table').logicalId,
    ]);
    expect(
      resources.at('Postback/Consumer/Function').Properties.Environment.Variables[
        ENVIRONMENT.tableName
      ],
    ).toBe('transactions');
    expect(permissionsInWords(resources.template, 'Stack/Postback')).toContainEqual(
      'Consumer/FunctionRole may dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on arn:<Partition>:dynamodb:<Region>:<AccountId>:table/transactions',
    );
    expect(resources.postback.table.tableName).toBe('transactions');
  });

  it('a table under a key of the user, made in the same app: the consumer and readers may use the key', () => {
    const { stack, postback } = withPostback(
      (scope) => ({
        table: ownTable(scope, 'Own', {
          encryption: TableEncryptionV2.customerManagedKey(new Key(scope, 'Key')),
        }),
      }),
      { region: 'us-east-1' },
    );
    postback.grantReadTransactions(
      new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
    );
    const words = permissionsInWords(new Resources(stack).template, 'Stack/Postback');
    expect(words).toContainEqual(
      'Consumer/FunctionRole may kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on Stack/Key',
    );
    expect(words).toContainEqual('Stack/Reader may kms:Decrypt on Stack/Key');
  });

  it.each<[string, (stack: Stack) => Partial<RakutenPostbackProps>, string]>([
    [
      'in another region',
      (stack) => ({
        table: Table.fromTableArn(stack, 'T', 'arn:aws:dynamodb:eu-west-1:111122223333:table/t'),
      }),
      'the table is in the region eu-west-1, and the functions that write to it in us-east-1; pass one of the same region',
    ],
    [
      'in another account',
      (stack) => ({
        table: Table.fromTableArn(stack, 'T', 'arn:aws:dynamodb:us-east-1:444455556666:table/t'),
      }),
      'the table is in the account 444455556666, and the functions that write to it in 111122223333; pass one of the same account',
    ],
    [
      'with a removal policy that would not be its own',
      (stack) => ({
        table: Table.fromTableName(stack, 'T', 't'),
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      'removalPolicy is of the table that is made here',
    ],
    [
      'with a deletion protection that would not be its own',
      (stack) => ({ table: Table.fromTableName(stack, 'T', 't'), deletionProtection: false }),
      'set it on that table instead',
    ],
  ])('a table %s is refused', (_what, props, message) => {
    expect(() => withPostback(props, { region: 'us-east-1', account: '111122223333' })).toThrow(
      `Stack/Postback: `,
    );
    expect(() => withPostback(props, { region: 'us-east-1', account: '111122223333' })).toThrow(
      message,
    );
  });
});

describe('the keys and indexes of a table that is passed in', () => {
  /** What synthesis says of it. `later`: what the app does with it after it was passed. */
  function synthesize<T extends ITable>(
    table: (scope: Stack) => T,
    later: (table: T) => void = () => {},
  ): void {
    let made: T | undefined;
    const { stack } = withPostback((scope) => {
      made = table(scope);
      return { table: made };
    });
    if (made !== undefined) later(made);
    Template.fromStack(stack);
  }

  const { globalSecondaryIndexes: indexes = [], ...keys } = TABLE_SCHEMA;
  const without = (...names: string[]) =>
    indexes.filter(({ indexName }) => !names.includes(indexName));
  const index = (
    name: string,
    props: Partial<GlobalSecondaryIndexPropsV2> = {},
  ): GlobalSecondaryIndexPropsV2 => {
    const found = indexes.find(({ indexName }) => indexName === name);
    if (found === undefined) throw new Error(`there is no index ${name}`);
    return { ...found, ...props };
  };

  it.each<[string, Partial<TablePropsV2>, string]>([
    [
      'another key',
      { partitionKey: stringKey('order_key'), sortKey: stringKey('line_key') },
      'the table has the key order_key and line_key instead of line_id and is_event',
    ],
    [
      'no sort key',
      { sortKey: undefined },
      'the table has the key line_id instead of line_id and is_event',
    ],
    [
      'a key of another type',
      { sortKey: { name: TABLE_KEYS.sort, type: AttributeType.NUMBER } },
      'is_event has the type N instead of S',
    ],
    [
      'no indexes',
      { globalSecondaryIndexes: undefined },
      'by-order is missing; by-member is missing; by-day is missing',
    ],
    [
      'an index too few',
      { globalSecondaryIndexes: without('by-member') },
      ': by-member is missing. Give it',
    ],
    [
      'an index with another key',
      {
        globalSecondaryIndexes: [
          ...without('by-order'),
          index('by-order', { sortKey: stringKey('occurred_at') }),
        ],
      },
      'by-order has the key order_id and occurred_at instead of order_id and line_id',
    ],
    [
      'an index of keys only',
      {
        globalSecondaryIndexes: [
          ...without('by-day'),
          index('by-day', {
            projectionType: ProjectionType.KEYS_ONLY,
            nonKeyAttributes: undefined,
          }),
        ],
      },
      'by-day does not project advertiser_id, order_id, ',
    ],
    [
      'an index with an attribute too few',
      {
        globalSecondaryIndexes: [
          ...without('by-day'),
          index('by-day', {
            nonKeyAttributes: INDEX_KEYS['by-day'].projected.filter(
              (name) => name !== 'withdrawn_at',
            ),
          }),
        ],
      },
      'by-day does not project withdrawn_at. Give it the keys and indexes of docs/rows.md, or leave `table` out',
    ],
  ])('are rejected at synthesis: %s', (_what, props, message) => {
    const wrong = () => synthesize((scope) => ownTable(scope, 'Own', props));
    expect(wrong).toThrow('[Stack/Postback] the table Stack/Own cannot be the `table`: ');
    expect(wrong).toThrow(message);
  });

  it.each<[string, (scope: Stack) => ITable]>([
    ['as the construct makes them', (scope) => ownTable(scope)],
    [
      'with more of everything',
      (scope) =>
        ownTable(scope, 'Own', {
          globalSecondaryIndexes: [
            ...indexes.map((one) => ({
              ...one,
              projectionType: ProjectionType.ALL,
              nonKeyAttributes: undefined,
            })),
            { indexName: 'by-sku', partitionKey: stringKey('sku_number') },
          ],
        }),
    ],
    [
      'of an imported table, which are not known',
      (scope) => Table.fromTableName(scope, 'Own', 'transactions'),
    ],
    [
      'known at deploy time only',
      (scope) => {
        const name = new CfnParameter(scope, 'IndexName').valueAsString;
        return ownTable(scope, 'Own', {
          globalSecondaryIndexes: [...without('by-day'), index('by-day', { indexName: name })],
        });
      },
    ],
  ])('are accepted: %s', (_what, table) => {
    expect(() => synthesize(table)).not.toThrow();
  });

  it('are checked when the app is synthesized, as indexes can be added after the table was passed', () => {
    const bare = (scope: Stack): Table =>
      new Table(scope, 'Own', {
        partitionKey: stringKey(TABLE_KEYS.partition),
        sortKey: stringKey(TABLE_KEYS.sort),
      });
    const addIndexes = (table: Table): void => {
      for (const one of indexes) table.addGlobalSecondaryIndex(one as GlobalSecondaryIndexProps);
    };
    expect(() => synthesize(bare)).toThrow('by-order is missing');
    expect(() => synthesize(bare, addIndexes)).not.toThrow();
  });

  it('are accepted wherever a part is known at deploy time only', () => {
    const schema = createTableInput('T');
    expect(schemaProblems(schema)).toEqual([]);
    /** Every copy of a value in which one part is a reference. */
    function* withReference(value: unknown): Generator<unknown> {
      yield { Ref: 'Parameter' };
      if (typeof value !== 'object' || value === null) return;
      for (const [name, part] of Object.entries(value)) {
        for (const other of withReference(part))
          yield Array.isArray(value)
            ? value.with(Number(name), other)
            : { ...value, [name]: other };
      }
    }
    const copies = [...withReference(schema)] as TableSchema[];
    expect(copies.length).toBeGreaterThan(100);
    expect(copies.flatMap(schemaProblems)).toEqual([]);
  });

  it('are those of the template: property overrides count, and an intrinsic function is accepted', () => {
    const override = (value: unknown) => (table: TableV2) => {
      new CfnCondition(table, 'Condition', {
        expression: Fn.conditionEquals('a', Aws.REGION),
      }).overrideLogicalId('Condition');
      (table.node.defaultChild as CfnGlobalTable).addPropertyOverride(
        'GlobalSecondaryIndexes',
        value,
      );
    };
    expect(() => synthesize(ownTable, override([]))).toThrow('by-order is missing');
    expect(() =>
      synthesize(
        (scope) => ownTable(scope, 'Own', keys),
        override({ 'Fn::If': ['Condition', [], { Ref: 'AWS::NoValue' }] }),
      ),
    ).not.toThrow();
  });
});

describe('reading the rows', () => {
  it('is granted on the table and its indexes, and writing is not', () => {
    const { stack, postback } = withPostback();
    const grant = postback.grantReadTransactions(
      new Role(stack, 'Reader', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
    );
    expect(grant.success).toBe(true);
    const words = permissionsInWords(new Resources(stack).template, 'Stack/Postback').filter((w) =>
      w.startsWith('Stack/Reader may'),
    );
    expect(words).toEqual([
      'Stack/Reader may dynamodb:BatchGetItem, dynamodb:DescribeTable, dynamodb:GetItem, dynamodb:Query, dynamodb:Scan on TransactionTable/Table and TransactionTable/Table/index/*',
    ]);
  });
});

describe('wrong values', () => {
  const publisher =
    (sid: string): SomeProps =>
    (stack) => ({ publisher: { sid, credentials: credentialsOf(stack) } });

  it.each<[SomeProps, string]>([
    [
      { maxConcurrency: 1 },
      'Stack/Postback: maxConcurrency is 1; give a whole number from 2 to 1000',
    ],
    [{ maxConcurrency: 1001 }, 'Stack/Postback: maxConcurrency is 1001; give'],
    [{ maxConcurrency: 2.5 }, 'Stack/Postback: maxConcurrency is 2.5; give'],
    [{ maxConcurrency: Number.NaN }, 'Stack/Postback: maxConcurrency is NaN; give'],
    [{ dayShards: 0 }, 'Stack/Postback: dayShards is 0; give a whole number from 1 to 100'],
    [{ dayShards: 101 }, 'Stack/Postback: dayShards is 101; give'],
    [
      { endpointBaseUrl: 'postback.example.com' },
      "Stack/Postback: endpointBaseUrl is 'postback.example.com'; give a URL such as https://",
    ],
    [
      { endpointBaseUrl: 'ftp://example.com' },
      "endpointBaseUrl is 'ftp://example.com'; give a URL",
    ],
    [{ endpointBaseUrl: 'https://example.com/?a=b' }, 'without ? and #'],
    [
      { endpointBaseUrl: 'https://example.com/{region}' },
      'only {apiId} and {stage} are filled in, so leave other braces out',
    ],
    [{ rakutenApiUrl: 'https://example.com/{apiId}' }, 'nothing in braces is filled in here'],
    [
      { rakutenApiUrl: 'https://user:hunter2@example.com' },
      'rakutenApiUrl has a user name or password in it',
    ],
    [
      { endpointType: EndpointType.PRIVATE },
      'Stack/Postback/IngestionApi: endpointType is PRIVATE, which Rakuten cannot reach',
    ],
    [{ publisher: undefined }, 'Stack/Postback: the publisher is missing; give publisher: {'],
    [
      { fields: ['u1'] as unknown as PostbackFields },
      'Stack/Postback: fields is not a PostbackFields; give PostbackFields.all()',
    ],
    [
      { publisher: { sid: SID, credentials: 'hunter2' as unknown as ISecret } },
      'Stack/Postback/Publisher: credentials is not a secret of the CDK; give, for example, Secret.fromSecretNameV2(',
    ],
    [
      { publisher: { sid: SID, credentialsParameter: 'rakuten' as unknown as IStringParameter } },
      'Stack/Postback/Publisher: credentialsParameter is not a parameter of the CDK; give',
    ],
    [
      publisher('abc'),
      "Stack/Postback/Publisher: the sid 'abc' is not a publisher id: Rakuten's are whole numbers such as 3900112",
    ],
    [publisher(''), "the sid '' is not a publisher id"],
    [publisher('0123'), "the sid '0123' is not a publisher id"],
    [publisher('3900112 '), "the sid '3900112 ' is not a publisher id"],
    [publisher('2147483648'), "the sid '2147483648' is not a publisher id"],
    [
      (stack) => ({
        publisher: {
          sid: SID,
          credentials: credentialsOf(stack),
          acknowledgementLimit: Duration.millis(10),
        },
      }),
      'Stack/Postback/Publisher: acknowledgementLimit in milliseconds is 10; give a whole number from 50 to 10000',
    ],
  ])('%j fail at synthesis with the path and the mend', (props, message) => {
    expect(() => withPostback(props)).toThrow(message);
  });

  it('do not show a password that stood in a URL', () => {
    expect(() => withPostback({ rakutenApiUrl: 'https://user:hunter2@example.com' })).toThrow(
      /^(?!.*hunter2)/,
    );
  });

  it('are not looked for in what is known at deploy time only', () => {
    expect(() =>
      withPostback((stack) => ({
        maxConcurrency: Token.asNumber({ Ref: 'Concurrency' }),
        endpointBaseUrl: `https://postback.${Aws.REGION}.example.com`,
        publisher: {
          sid: new CfnParameter(stack, 'Sid').valueAsString,
          credentials: credentialsOf(stack),
        },
      })),
    ).not.toThrow();
  });

  it('a bundle that is missing from the package is named, with how to make it', () => {
    const exists = fs.existsSync;
    jest
      .spyOn(fs, 'existsSync')
      .mockImplementation((file) => !String(file).includes('lambda-dist') && exists(file));
    expect(() => withPostback()).toThrow(
      'lambda-dist/consumer/index.js is missing from the package: run "node tools/run.mjs bundle"',
    );
  });
});

describe('warnings', () => {
  const warningsOf = (stack: Stack, id = 'cdk-rakuten-postback'): string[] =>
    Annotations.fromStack(stack)
      .findWarning('*', Match.stringLikeRegexp(id))
      .map(({ id: path, entry }) => `${path}: ${String(entry.data)}`);

  it('there are none where the defaults are kept, with the flags of cdk.json and without', () => {
    for (const context of [undefined, appContext()]) {
      for (const options of [
        { context },
        { context, region: 'us-east-2', account: '111122223333' },
      ])
        expect(warningsOf(withPostback({}, options).stack, '')).toEqual([]);
    }
  });

  it.each(['ap-northeast-1', 'eu-central-1', 'sa-east-1'])(
    'an endpoint in %s is far from the sender, unless it has an edge',
    (region) => {
      const [warning, ...more] = warningsOf(withPostback({}, { region }).stack);
      expect(more).toEqual([]);
      expect(warning).toMatch(
        /^\/Stack\/Postback\/IngestionApi: the endpoint is in .*400 ms.*put the stack in us-east-1 or us-east-2, or use endpointType EDGE/,
      );
      expect(
        warningsOf(withPostback({ endpointType: EndpointType.EDGE }, { region }).stack),
      ).toEqual([]);
    },
  );

  it.each(['us-east-1', 'us-west-2', 'ca-central-1', 'mx-central-1', 'us-gov-west-1'])(
    'an endpoint in %s is near enough',
    (region) => {
      expect(warningsOf(withPostback({}, { region }).stack)).toEqual([]);
    },
  );

  it('a choice of fields that costs something is warned of where it was made', () => {
    const { stack, postback } = withPostback({
      fields: PostbackFields.exactly('transaction_date', 'sku_number', 'quantity'),
    });
    postback.addPublisher('Other', {
      sid: '7',
      credentials: credentialsOf(stack),
      fields: PostbackFields.all(),
    });
    const warnings = warningsOf(stack);
    expect(warnings.map((w) => /cdk-rakuten-postback:(\w+)/.exec(w)?.[1])).toEqual([
      'cancellationsIndistinguishable',
      'noTransactionId',
      'noIsEvent',
      'noOrder',
      'notReconciled',
    ]);
    for (const warning of warnings)
      expect(warning.startsWith('/Stack/Postback/Publisher: ')).toBe(true);
  });

  it.each(['endpointBaseUrl', 'rakutenApiUrl'])(
    '%s over plain http is rejected, unless it is of this machine',
    (name) => {
      for (const url of [
        'http://example.com',
        'http://localhost.example.com',
        'http://evil.localhost',
      ])
        expect(() => withPostback({ [name]: url })).toThrow(
          `Stack/Postback: ${name} is plain http`,
        );
      for (const here of [
        'http://127.0.0.1:4566',
        'http://localhost:4566',
        'http://[::1]:4566',
        'https://example.com',
      ]) {
        expect(warningsOf(withPostback({ [name]: here }).stack)).toEqual([]);
      }
    },
  );

  it('more invocations than the shards of a day take writes from are warned of, with the numbers and the mend', () => {
    expect(warningsOf(withPostback({ maxConcurrency: 200 }).stack)).toEqual([]);
    expect(warningsOf(withPostback({ maxConcurrency: 1000, dayShards: 5 }).stack)).toEqual([]);
    expect(warningsOf(withPostback({ maxConcurrency: 500 }).stack)).toEqual([
      expect.stringMatching(
        /^\/Stack\/Postback: maxConcurrency: 500 lets 25000 messages wait at once .* takes 1000 a second with dayShards: 1\. .* for 25 seconds .* Set dayShards to 3 or more, or maxConcurrency to 200 or less\./,
      ),
    ]);
  });

  it('can be acknowledged', () => {
    const { stack, postback } = withPostback(
      { fields: PostbackFields.exactly('etransaction_id', 'sku_number') },
      { region: 'eu-west-1' },
    );
    expect(warningsOf(stack)).toHaveLength(5);
    for (const id of [
      'cancellationsIndistinguishable',
      'noIsEvent',
      'noOrder',
      'notReconciled',
      'endpointFarFromSender',
    ]) {
      CdkAnnotations.of(postback).acknowledgeWarning(
        `cdk-rakuten-postback:${id}`,
        'known and wanted',
      );
    }
    expect(warningsOf(stack)).toEqual([]);
  });
});
