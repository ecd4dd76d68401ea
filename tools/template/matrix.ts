import { type App, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { EndpointType, RestApi } from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { HostedZone, type IHostedZone } from 'aws-cdk-lib/aws-route53';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import {
  AlarmKind,
  AlarmSeverity,
  ExistingPostback,
  PostbackFields,
  PostbackRelay,
  type Publisher,
  RakutenPostback,
  type RakutenPostbackProps,
  RemovalAction,
  TakeoverAction,
  TransactionChange,
  TransactionKind,
  TransactionTarget,
} from '../../lib';

const ACCOUNT = '111122223333';

/** Stacks that together use every option, by their names. */
const STACKS: Record<string, (stack: Stack) => void> = {
  Minimal: (stack) => {
    create(stack, {
      reconciliation: { enabled: false },
      statusWatch: { enabled: false },
      monitoring: { enabled: false },
    });
  },
  Encrypted: (stack) => {
    const postback = create(stack, {
      encryptionKey: new Key(stack, 'Key', { enableKeyRotation: true }),
      archive: {
        prefix: 'raw/',
        expireAfter: Duration.days(400),
        glacierAfter: Duration.days(30),
        bufferInterval: Duration.minutes(5),
      },
      accessLogs: {},
      tracing: true,
      logPayloads: true,
      logRetention: RetentionDays.ONE_YEAR,
    });
    postback.grantReadTransactions(reader(stack));
  },
  Restricted: (stack) => {
    create(stack, {
      webAclArn: `arn:aws:wafv2:us-east-1:${ACCOUNT}:regional/webacl/postback/a1b2c3d4-5678-90ab-cdef-EXAMPLE11111`,
      allowedSourceRanges: ['203.0.113.0/24'],
      throttling: { rateLimit: 2000, burstLimit: 1000 },
      accessLogs: { accountRole: true },
      maxConcurrency: 20,
      dayShards: 4,
      removalPolicy: RemovalPolicy.DESTROY,
      deletionProtection: false,
      preliminaryExpiry: Duration.days(60),
      rowExpiry: Duration.days(400),
      rotateUrlSecretEvery: Duration.days(90),
      rakutenApiUrl: 'https://proxy.example.com',
      fields: PostbackFields.all().rename('u1', 'unique_id').staticValue('site', 'shop'),
    });
  },
  Scheduled: (stack) => {
    create(stack, {
      reconciliation: {
        window: Duration.hours(6),
        dailyWindow: Duration.days(14),
        backfill: Duration.days(7),
        unverifiedAfter: Duration.hours(48),
        memberFromPostback: true,
        notBefore: '2026-01-01T00:00:00Z',
      },
      statusWatch: {
        interval: Duration.minutes(10),
        onTakeover: TakeoverAction.RECLAIM,
        selfProbe: false,
        flappingAfter: 5,
        flappingWindow: Duration.hours(12),
      },
    });
  },
  Publishers: (stack) => {
    const postback = create(stack, {
      publisher: publisher(stack, { selfTest: false, acknowledgementLimit: Duration.millis(250) }),
    });
    const credentialsParameter = StringParameter.fromSecureStringParameterAttributes(
      stack,
      'Parameter',
      { parameterName: '/rakuten/api' },
    );
    postback.addPublisher('Second', {
      sid: '3900113',
      credentialsParameter,
      existingPostback: ExistingPostback.REPLACE,
    });
    postback.addPublisher('Third', {
      ...publisher(stack),
      sid: '3900114',
      enabled: false,
      onRemoval: RemovalAction.RETAIN,
    });
  },
  Notified: (stack) => {
    const action = new SnsAction(new Topic(stack, 'Topic', { enforceSSL: true }));
    create(stack, {
      monitoring: {
        alarmActions: [action],
        pageActions: [action],
        ticketActions: [action],
        okActions: [action],
        runbookUrl: 'https://wiki.example.com/postback/',
        dashboard: false,
        savedQueries: false,
        alarms: [{ kind: AlarmKind.ENDPOINT_ERRORS, threshold: 3, severity: AlarmSeverity.TICKET }],
      },
    });
  },
  // The stream of a table has two readers at most.
  Queues: (stack) => {
    const postback = create(stack, {});
    postback.onTransaction(
      'Queue',
      TransactionTarget.queue(new Queue(stack, 'Queue', { enforceSSL: true })),
    );
    postback.onTransaction(
      'Fifo',
      TransactionTarget.queue(new Queue(stack, 'Fifo', { enforceSSL: true, fifo: true })),
      {
        filter: { verifiedOnly: true, sids: ['3900112'], advertiserIds: ['39001', '39002'] },
        batchSize: 5,
        batchWindow: Duration.seconds(20),
      },
    );
  },
  Events: (stack) => {
    const postback = create(stack, {});
    postback.onTransaction('Bus', TransactionTarget.eventBus(new EventBus(stack, 'Bus')), {
      filter: {
        changes: [TransactionChange.NEW_LINE],
        kinds: [TransactionKind.SALE, TransactionKind.RETURN],
      },
    });
    postback.onTransaction('Function', TransactionTarget.function(reader(stack)), {
      parallelization: 4,
      retryAttempts: 7,
    });
  },
  Global: (stack) => {
    create(stack, {
      replicaRegions: ['us-west-2'],
      domain: { ...domain(stack), latencyRouting: true },
    });
  },
  Edge: (stack) => {
    const certificate = Certificate.fromCertificateArn(
      stack,
      'Certificate',
      `arn:aws:acm:us-east-1:${ACCOUNT}:certificate/a1b2c3d4-5678-90ab-cdef-EXAMPLE11111`,
    );
    create(stack, {
      endpointType: EndpointType.EDGE,
      domain: {
        domainName: 'postback.example.com',
        certificate,
        basePath: 'rakuten',
        disableDefaultEndpoint: true,
      },
    });
  },
  Existing: (stack) => {
    const api = new RestApi(stack, 'Api');
    api.root.addMethod('GET');
    const table = TableV2.fromTableAttributes(stack, 'Table', {
      tableArn: `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/transactions`,
      tableStreamArn: `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/transactions/stream/2026-01-01T00:00:00.000`,
    });
    const bucket = Bucket.fromBucketName(stack, 'Bucket', 'archive-of-postbacks');
    const postback = create(stack, {
      existingApi: { resource: api.root },
      table,
      archive: { bucket },
    });
    postback.onTransaction('Machine', TransactionTarget.stateMachine(machine(stack)), {
      filter: { changes: [TransactionChange.WITHDRAWN] },
      maxEventAge: Duration.hours(1),
      enabled: false,
    });
  },
  Relay: (stack) => {
    const queue = Queue.fromQueueArn(stack, 'Queue', `arn:aws:sqs:us-west-2:${ACCOUNT}:postback`);
    new PostbackRelay(stack, 'Relay', {
      queue,
      accessLogs: {},
      domain: { ...domain(stack), latencyRouting: true },
    });
  },
};

/** Adds the stacks to an app. Their templates are `<name>.template.json`. */
export function addMatrix(app: App): string[] {
  for (const [name, fill] of Object.entries(STACKS))
    fill(new Stack(app, name, { env: { account: ACCOUNT, region: 'us-east-1' } }));
  return Object.keys(STACKS);
}

const create = (stack: Stack, props: Partial<RakutenPostbackProps>): RakutenPostback =>
  new RakutenPostback(stack, 'Postback', { publisher: publisher(stack), ...props });

const publisher = (stack: Stack, options: Partial<Publisher> = {}): Publisher => ({
  sid: '3900112',
  credentials:
    (stack.node.tryFindChild('Credentials') as ISecret | undefined) ??
    Secret.fromSecretNameV2(stack, 'Credentials', 'rakuten/api'),
  ...options,
});

const reader = (stack: Stack): LambdaFunction =>
  new LambdaFunction(stack, 'Reader', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => []'),
  });

const machine = (stack: Stack): StateMachine =>
  new StateMachine(stack, 'Machine', {
    definitionBody: DefinitionBody.fromChainable(new Pass(stack, 'Pass')),
  });

const domain = (stack: Stack): { domainName: string; hostedZone: IHostedZone } => ({
  domainName: 'postback.example.com',
  hostedZone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
    hostedZoneId: 'Z0123456789EXAMPLE',
    zoneName: 'example.com',
  }),
});
