import { App, Duration, Stack } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { PostbackRelay, RakutenPostback, TakeoverAction, TransactionTarget } from '../../lib';
import { TransactionTable } from '../../lib/transaction-table';
import { ACCOUNT, type Template } from './deployed';

const REGION = 'us-east-1';
const RELAY_REGION = 'eu-west-1';

/** An app whose roles are checked. */
export interface CheckedApp {
  readonly name: string;
  readonly templates: readonly Template[];
  /**
   * Secrets and parameters with the credentials: a construct path, or an ARN of something that the
   * app does not create.
   */
  readonly credentials: readonly string[];
  /** Construct path of the table with the rows. */
  readonly table: string;
  /** KMS keys of resources that the app does not create, by the ARN of the resource. */
  readonly keys?: ReadonlyMap<string, string>;
  /** ARN of the queue that a relay forwards to. */
  readonly relayedTo?: string;
}

const arn = (service: string, resource: string, region = REGION): string =>
  `arn:aws:${service}:${region}:${ACCOUNT}:${resource}`;
const keyArn = (digit: number): string =>
  arn('kms', `key/00000000-0000-0000-0000-00000000000${digit}`);
const inApp = (path: string): string => `CashBack/${path}`;

function stackIn(app: App, id = 'CashBack', region = REGION): Stack {
  return new Stack(app, id, { env: { account: ACCOUNT, region } });
}

function templatesOf(app: App): Template[] {
  return app
    .synth()
    .stacks.map(({ template, environment }) => ({ ...template, region: environment.region }));
}

const newApp = (): App =>
  new App({ context: { 'aws:cdk:enable-path-metadata': true }, analyticsReporting: false });

/** Every default. */
function defaults(): CheckedApp {
  const app = newApp();
  const stack = stackIn(app);
  new RakutenPostback(stack, 'Postback', {
    publisher: {
      sid: '3900112',
      credentials: Secret.fromSecretNameV2(stack, 'Api', 'rakuten/api'),
    },
  });
  return {
    name: 'every default',
    templates: templatesOf(app),
    credentials: [arn('secretsmanager', 'secret:rakuten/api-AbCdEf')],
    table: inApp('Postback/TransactionTable/Table'),
  };
}

/** Every option that creates a resource or a permission. */
function everything(): CheckedApp {
  const app = newApp();
  const stack = stackIn(app);
  const encryptionKey = new Key(stack, 'Key');
  const [secretKey, parameterKey, relayKey] = [
    keyArn(1),
    keyArn(2),
    arn('kms', 'key/00000000-0000-0000-0000-000000000003', REGION),
  ];
  const [secret, relayedTo] = [
    arn('secretsmanager', 'secret:rakuten/second-AbCdEf'),
    arn('sqs', 'postbacks'),
  ];
  const postback = new RakutenPostback(stack, 'Postback', {
    publisher: {
      sid: '3900112',
      credentials: Secret.fromSecretNameV2(stack, 'Api', 'rakuten/api'),
    },
    encryptionKey,
    archive: {},
    tracing: true,
    accessLogs: { accountRole: true },
    rotateUrlSecretEvery: Duration.days(30),
    statusWatch: { onTakeover: TakeoverAction.RECLAIM },
  });
  postback.addPublisher('Second', {
    sid: '3900113',
    credentials: Secret.fromSecretAttributes(stack, 'Second', {
      secretCompleteArn: secret,
      encryptionKey: Key.fromKeyArn(stack, 'SecretKey', secretKey),
    }),
  });
  postback.addPublisher('Third', {
    sid: '3900114',
    credentials: new Secret(stack, 'Third', { encryptionKey: new Key(stack, 'OwnKey') }),
  });
  postback.addPublisher('Fourth', {
    sid: '3900115',
    credentialsParameter: StringParameter.fromSecureStringParameterAttributes(stack, 'Fourth', {
      parameterName: '/rakuten/fourth',
      encryptionKey: Key.fromKeyArn(stack, 'ParameterKey', parameterKey),
    }),
  });
  postback.addPublisher('Fifth', {
    sid: '3900116',
    credentialsParameter: StringParameter.fromSecureStringParameterAttributes(stack, 'Fifth', {
      parameterName: '/rakuten/fifth',
    }),
  });
  postback.onTransaction(
    'Queue',
    TransactionTarget.queue(
      new Queue(stack, 'Ledger', { encryptionMasterKey: new Key(stack, 'LedgerKey') }),
    ),
  );
  postback.onTransaction('Bus', TransactionTarget.eventBus(new EventBus(stack, 'Bus')));
  const away = stackIn(app, 'Relay', RELAY_REGION);
  new PostbackRelay(away, 'Relay', {
    queue: Queue.fromQueueAttributes(away, 'Queue', { queueArn: relayedTo, keyArn: relayKey }),
  });
  const parameter = (name: string): string => arn('ssm', `parameter/rakuten/${name}`);
  return {
    name: 'every option',
    templates: templatesOf(app),
    credentials: [
      arn('secretsmanager', 'secret:rakuten/api-AbCdEf'),
      secret,
      inApp('Third'),
      parameter('fourth'),
      parameter('fifth'),
    ],
    table: inApp('Postback/TransactionTable/Table'),
    keys: new Map([
      [secret, secretKey],
      [parameter('fourth'), parameterKey],
      [relayedTo, relayKey],
    ]),
    relayedTo,
  };
}

/** A table and a bucket of the user's, each under a key of its own, and the other targets. */
function ownResources(): CheckedApp {
  const app = newApp();
  const stack = stackIn(app);
  const { table } = new TransactionTable(stack, 'Own', {
    encryptionKey: new Key(stack, 'TableKey'),
  });
  const postback = new RakutenPostback(stack, 'Postback', {
    publisher: {
      sid: '3900112',
      credentials: Secret.fromSecretPartialArn(
        stack,
        'Api',
        arn('secretsmanager', 'secret:rakuten/api'),
      ),
    },
    table,
    encryptionKey: new Key(stack, 'Key'),
    archive: {
      bucket: new Bucket(stack, 'Bucket', { encryptionKey: new Key(stack, 'BucketKey') }),
    },
    allowedSourceRanges: ['203.0.113.0/24', '2001:db8::/32'],
  });
  const fn = new LambdaFunction(stack, 'Reader', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('0'),
  });
  postback.onTransaction('Function', TransactionTarget.function(fn));
  const definitionBody = DefinitionBody.fromChainable(new Pass(stack, 'Pass'));
  postback.onTransaction(
    'Machine',
    TransactionTarget.stateMachine(new StateMachine(stack, 'Machine', { definitionBody })),
  );
  return {
    name: 'own table and bucket',
    templates: templatesOf(app),
    credentials: [arn('secretsmanager', 'secret:rakuten/api-AbCdEf')],
    table: inApp('Own/Table'),
  };
}

export const checkedApps = (): CheckedApp[] => [defaults(), everything(), ownResources()];
