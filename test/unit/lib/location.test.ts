import { type App, Aws, CfnParameter, Stack } from 'aws-cdk-lib';
import { DomainName, RestApi } from 'aws-cdk-lib/aws-apigateway';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Table, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { CfnWebACL } from 'aws-cdk-lib/aws-wafv2';
import { PostbackRelay, type RakutenPostbackProps, TransactionTarget } from '../../../lib';
import { emptyStack, SID, withPostback } from '../../support/stacks';

const ACCOUNT = '111122223333';
const OTHER_ACCOUNT = '444455556666';
const HERE = { region: 'us-east-1', account: ACCOUNT };

/** `us-east-1:111122223333`, as ARNs have it. */
type At = string;
const OWN: At = `us-east-1:${ACCOUNT}`;
const FAR: At = `eu-west-1:${ACCOUNT}`;
const FOREIGN: At = `us-east-1:${OTHER_ACCOUNT}`;

type Props = (stack: Stack, at: At) => Partial<RakutenPostbackProps>;

const environment = (at: At) => {
  const [region = '', account = ''] = at.split(':');
  return { region, account };
};
const elsewhere = ({ node }: Stack, at: At): Stack =>
  new Stack(node.root as App, 'Elsewhere', { env: environment(at) });
const keyIn = (stack: Stack, at: At) =>
  Key.fromKeyArn(stack, 'Key', `arn:aws:kms:${at}:key/00000000-0000-0000-0000-000000000000`);
const topicIn = (stack: Stack, at: At) =>
  Topic.fromTopicArn(stack, 'Topic', `arn:aws:sns:${at}:alarms`);
const domainOf = (stack: Stack) =>
  DomainName.fromDomainNameAttributes(stack, 'Name', {
    domainName: 'postback.example.com',
    domainNameAliasTarget: 'd-1.execute-api.amazonaws.com',
    domainNameAliasHostedZoneId: 'Z1',
  });

/** By the name of the resource. */
const PASSED: Record<string, Props> = {
  webAclArn: (_, at) => ({
    webAclArn: `arn:aws:wafv2:${at}:regional/webacl/acl/00000000-0000-0000-0000-000000000000`,
  }),
  encryptionKey: (stack, at) => ({ encryptionKey: keyIn(stack, at) }),
  'accessLogs.logGroup': (stack, at) => ({
    accessLogs: {
      accountRole: true,
      logGroup: LogGroup.fromLogGroupArn(stack, 'Log', `arn:aws:logs:${at}:log-group:gets`),
    },
  }),
  'an alarm action': (stack, at) => ({
    monitoring: { alarmActions: [new SnsAction(topicIn(stack, at))] },
  }),
  'archive.bucket': (stack, at) => ({
    archive: {
      bucket: Bucket.fromBucketAttributes(stack, 'Bucket', {
        bucketName: 'raw',
        ...environment(at),
      }),
    },
  }),
  'the key of archive.bucket': (stack, at) => ({
    archive: {
      bucket: Bucket.fromBucketAttributes(stack, 'Bucket', {
        bucketName: 'raw',
        encryptionKey: keyIn(stack, at),
      }),
    },
  }),
  existingApi: (stack, at) => {
    const attributes = { restApiId: 'abc123', rootResourceId: 'root', restApiName: 'shop' };
    return {
      existingApi: {
        resource: RestApi.fromRestApiAttributes(elsewhere(stack, at), 'Api', attributes).root,
        stageName: 'live',
      },
    };
  },
  'the table': (stack, at) => ({
    table: Table.fromTableArn(stack, 'Table', `arn:aws:dynamodb:${at}:table/transactions`),
  }),
  credentials: (stack, at) => ({
    publisher: {
      sid: SID,
      credentials: Secret.fromSecretCompleteArn(
        stack,
        'S',
        `arn:aws:secretsmanager:${at}:secret:api-AbCdEf`,
      ),
    },
  }),
  credentialsParameter: (stack, at) => ({
    publisher: {
      sid: SID,
      credentialsParameter: StringParameter.fromSecureStringParameterAttributes(
        elsewhere(stack, at),
        'P',
        { parameterName: '/api' },
      ),
    },
  }),
  'domain.existingDomain': (stack, at) => ({
    domain: { existingDomain: domainOf(elsewhere(stack, at)) },
  }),
  'domain.certificate': (stack, at) => ({
    domain: {
      domainName: 'postback.example.com',
      certificate: Certificate.fromCertificateArn(
        stack,
        'C',
        `arn:aws:acm:${at}:certificate/00000000-0000-0000-0000-000000000000`,
      ),
    },
  }),
};

const build = (props: Props, at: At, options: { region?: string; account?: string } = HERE) =>
  withPostback((stack) => props(stack, at), options).stack;

const otherAccountWarnings = ({ node }: Stack): string[] =>
  node
    .findAll()
    .flatMap((construct) => construct.node.metadata)
    .filter(({ type }) => type === 'aws:cdk:warning')
    .map(({ data }) => String(data))
    .filter((text) => text.includes('otherAccount-'));

const named = (...names: string[]): [string, Props][] =>
  names.map((name) => [name, PASSED[name] as Props]);

describe('a resource that the user passes', () => {
  it.each(Object.entries(PASSED))(
    'as %s is accepted without a warning in the account and region of the stack',
    (_, props) => {
      expect(otherAccountWarnings(build(props, OWN))).toEqual([]);
    },
  );

  it.each(
    named(
      'webAclArn',
      'encryptionKey',
      'accessLogs.logGroup',
      'an alarm action',
      'existingApi',
      'the table',
      'credentials',
      'credentialsParameter',
      'domain.existingDomain',
    ),
  )('as %s is rejected from another region, as AWS cannot use it there', (name, props) => {
    expect(() => build(props, FAR)).toThrow(
      new RegExp(
        `^Stack/Postback.*: ${name} is in the region eu-west-1, and the .* in us-east-1; `,
      ),
    );
  });

  it.each(
    named(
      'webAclArn',
      'accessLogs.logGroup',
      'existingApi',
      'the table',
      'domain.existingDomain',
      'domain.certificate',
    ),
  )('as %s is rejected from another account, as AWS cannot use it there', (name, props) => {
    expect(() => build(props, FOREIGN)).toThrow(
      new RegExp(
        `^Stack/Postback.*: ${name} is in the account ${OTHER_ACCOUNT}, and the .* in ${ACCOUNT}; pass one of the same account`,
      ),
    );
  });

  it.each<[string, string, RegExp]>([
    [
      'encryptionKey',
      'encryptionKey',
      /its key policy has to allow the account 111122223333 .*kms:GenerateDataKey\*.* and kms:CreateGrant/,
    ],
    [
      'the key of archive.bucket',
      'key-of-archive.bucket',
      /its key policy has to allow the account 111122223333 kms:Decrypt/,
    ],
    [
      'archive.bucket',
      'archive.bucket',
      /its policy has to allow the role of the delivery stream .* and s3:PutObject/,
    ],
    [
      'an alarm action',
      'alarm-action',
      /the policy of a topic has to allow cloudwatch\.amazonaws\.com sns:Publish/,
    ],
    [
      'credentials',
      'credentials',
      /its resource policy has to allow the functions secretsmanager:GetSecretValue, .* kms:Decrypt/,
    ],
    [
      'credentialsParameter',
      'credentialsParameter',
      /has to share it by AWS RAM, as an advanced parameter under a KMS key/,
    ],
  ])(
    'as %s is accepted from another account, with one warning that names the permission it needs there',
    (name, id, permission) => {
      const warnings = otherAccountWarnings(build(PASSED[name] as Props, FOREIGN));
      expect(warnings).toEqual([expect.stringMatching(permission)]);
      expect(warnings[0]).toContain(
        `${name} is in the account ${OTHER_ACCOUNT}, where this stack can set no policy: `,
      );
      expect(warnings[0]).toContain(`[ack: cdk-rakuten-postback:otherAccount-${id}]`);
    },
  );

  it.each(named('archive.bucket', 'the key of archive.bucket'))(
    'as %s is accepted from another region, to which Firehose delivers',
    (_, props) => {
      expect(otherAccountWarnings(build(props, FAR))).toEqual([]);
    },
  );

  it.each(Object.entries(PASSED).filter(([name]) => name !== 'encryptionKey'))(
    'as %s is accepted from anywhere in a stack without account and region, which are known at deploy time only',
    (_, props) => {
      expect(otherAccountWarnings(build(props, `eu-west-1:${OTHER_ACCOUNT}`, {}))).toEqual([]);
    },
  );

  it('is accepted if its ARN is known at deploy time only', () => {
    const arn = (stack: Stack, id: string): string => new CfnParameter(stack, id).valueAsString;
    const props: Props = (stack) => ({
      webAclArn: arn(stack, 'Acl'),
      encryptionKey: Key.fromKeyArn(stack, 'Key', arn(stack, 'KeyArn')),
      table: TableV2.fromTableArn(
        stack,
        'Table',
        `arn:aws:dynamodb:${Aws.REGION}:${Aws.ACCOUNT_ID}:table/transactions`,
      ),
      monitoring: {
        alarmActions: [new SnsAction(Topic.fromTopicArn(stack, 'Topic', arn(stack, 'TopicArn')))],
      },
    });
    expect(otherAccountWarnings(build(props, OWN))).toEqual([]);
  });

  it.each<[string, Props]>([
    [
      'webAclArn',
      (stack, at) => {
        const visibilityConfig = {
          cloudWatchMetricsEnabled: false,
          metricName: 'acl',
          sampledRequestsEnabled: false,
        };
        const acl = new CfnWebACL(elsewhere(stack, at), 'Acl', {
          defaultAction: { allow: {} },
          scope: 'REGIONAL',
          visibilityConfig,
        });
        return { webAclArn: acl.attrArn };
      },
    ],
    [
      'an alarm action',
      (stack, at) => ({
        monitoring: { okActions: [new SnsAction(new Topic(elsewhere(stack, at), 'Topic'))] },
      }),
    ],
    ['encryptionKey', (stack, at) => ({ encryptionKey: new Key(elsewhere(stack, at), 'Key') })],
  ])('as %s is found in the stack of the app that creates it', (name, props) => {
    expect(() => build(props, OWN)).not.toThrow();
    expect(() => build(props, FAR)).toThrow(`: ${name} is in the region eu-west-1, and the`);
  });
});

it('the key of a copy of the table is rejected from another region than the copy', () => {
  const replicaKeyArns = { 'us-west-2': `arn:aws:kms:eu-west-1:${ACCOUNT}:key/1` };
  const props: Props = (stack, at) => ({
    encryptionKey: keyIn(stack, at),
    replicaRegions: ['us-west-2'],
    replicaKeyArns,
  });
  expect(() => build(props, OWN)).toThrow(
    `replicaKeyArns has for us-west-2 the key ${replicaKeyArns['us-west-2']}; give a key of that region`,
  );
});

it('a relay accepts the queue of another account, with a warning that names the permission it needs there', () => {
  const relay = (at: At): Stack => {
    const stack = emptyStack({ region: 'us-west-2', account: ACCOUNT });
    new PostbackRelay(stack, 'Relay', {
      queue: Queue.fromQueueArn(stack, 'Main', `arn:aws:sqs:${at}:main`),
    });
    return stack;
  };
  expect(otherAccountWarnings(relay(OWN))).toEqual([]);
  expect(otherAccountWarnings(relay(FOREIGN))).toEqual([
    expect.stringContaining('its policy has to allow the role of the relay sqs:SendMessage'),
  ]);
});

it('an event bus of another account is accepted as a target, with a warning that names the permission it needs there', () => {
  const { stack, postback } = withPostback({}, HERE);
  const bus = EventBus.fromEventBusArn(stack, 'Bus', `arn:aws:events:${FOREIGN}:event-bus/b`);
  postback.onTransaction('Bus', TransactionTarget.eventBus(bus));
  expect(otherAccountWarnings(stack)).toEqual([
    expect.stringContaining("its policy has to allow the pipe's role events:PutEvents"),
  ]);
});
