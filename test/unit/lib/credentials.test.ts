import { App, Aws, PropertyInjectors, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EndpointType } from 'aws-cdk-lib/aws-apigateway';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { type IStringParameter, StringParameter } from 'aws-cdk-lib/aws-ssm';
import { REGISTRATION_PROPERTIES } from '../../../core/names';
import { type Publisher, RakutenPostback } from '../../../lib';
import { permissionsInWords } from '../../support/iam-words';
import {
  appContext,
  emptyStack,
  Resources,
  SID,
  type StackOptions,
  withPostback,
} from '../../support/stacks';

const HERE: StackOptions = { region: 'us-east-1', account: '111122223333' };
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000';
const ROLES = ['Reconciliation', 'RegistrationProvider', 'StatusWatch'];

const arnOf = (
  name: string,
  { region = HERE.region, account = HERE.account }: StackOptions = {},
): string => `arn:aws:secretsmanager:${region}:${account}:secret:${name}`;
const secureString = (
  stack: Stack,
  parameterName = '/rakuten/api',
  id = 'Parameter',
): IStringParameter =>
  StringParameter.fromSecureStringParameterAttributes(stack, id, { parameterName });

type Credentials = (stack: Stack) => Pick<Publisher, 'credentials' | 'credentialsParameter'>;

function synthesized(credentials: Credentials, options: StackOptions = HERE): Resources {
  return new Resources(
    withPostback((stack) => ({ publisher: { sid: SID, ...credentials(stack) } }), options).stack,
  );
}

const statementsOn = (resources: Resources, actions: RegExp): string[] =>
  permissionsInWords(resources.template, 'Stack/Postback').filter((words) => actions.test(words));
const idIn = (resources: Resources): unknown =>
  resources.at('Postback/Publisher').Properties[REGISTRATION_PROPERTIES.credentialsSecretArn];

describe('the credentials of a publisher', () => {
  it.each<[string, (stack: Stack) => ISecret, named: unknown, granted: string]>([
    [
      'imported by name are read by name',
      (stack) => Secret.fromSecretNameV2(stack, 'S', 'rakuten/api-prod01'),
      'rakuten/api-prod01',
      'arn:<Partition>:secretsmanager:us-east-1:111122223333:secret:rakuten/api-prod01-??????',
    ],
    [
      'imported by complete ARN are read by it',
      (stack) => Secret.fromSecretCompleteArn(stack, 'S', arnOf('rakuten/api-AbCdEf')),
      arnOf('rakuten/api-AbCdEf'),
      arnOf('rakuten/api-AbCdEf'),
    ],
    [
      'imported by partial ARN of the own account and region are read by name',
      (stack) => Secret.fromSecretPartialArn(stack, 'S', arnOf('rakuten/api')),
      'rakuten/api',
      arnOf('rakuten/api-??????'),
    ],
    [
      'imported by partial ARN of another account are read by ARN',
      (stack) =>
        Secret.fromSecretPartialArn(stack, 'S', arnOf('rakuten/api', { account: '444455556666' })),
      arnOf('rakuten/api', { account: '444455556666' }),
      arnOf('rakuten/api-??????', { account: '444455556666' }),
    ],
  ])('%s', (_how, secret, named, granted) => {
    const resources = synthesized((stack) => ({ credentials: secret(stack) }));
    expect(idIn(resources)).toEqual(named);
    expect(statementsOn(resources, /secretsmanager|kms/)).toEqual([
      `Reconciliation/FunctionRole may secretsmanager:GetSecretValue on ${granted}`,
      `RegistrationProvider/FunctionRole may secretsmanager:GetSecretValue on ${granted}`,
      'RegistrationProvider/FunctionRole may secretsmanager:GetSecretValue, secretsmanager:PutSecretValue, secretsmanager:UpdateSecretVersionStage on Publisher/UrlSecret',
      `StatusWatch/FunctionRole may secretsmanager:GetSecretValue on ${granted} and Publisher/UrlSecret`,
    ]);
  });

  it('imported by partial ARN are read by ARN where the stack does not know its own account and region', () => {
    const partial = synthesized(
      (stack) => ({ credentials: Secret.fromSecretPartialArn(stack, 'S', arnOf('rakuten/api')) }),
      {},
    );
    expect(idIn(partial)).toBe(arnOf('rakuten/api'));
    const byName = synthesized(
      (stack) => ({ credentials: Secret.fromSecretNameV2(stack, 'S', 'rakuten/api') }),
      {},
    );
    expect(idIn(byName)).toBe('rakuten/api');
  });

  it.each<[string, Credentials, StackOptions]>([
    [
      'partial ARN',
      (stack) => ({
        credentials: Secret.fromSecretPartialArn(
          stack,
          'S',
          arnOf('rakuten/api', { region: 'us-west-2' }),
        ),
      }),
      HERE,
    ],
    [
      'complete ARN',
      (stack) => ({
        credentials: Secret.fromSecretCompleteArn(
          stack,
          'S',
          arnOf('rakuten/api-AbCdEf', { region: 'us-west-2' }),
        ),
      }),
      { region: 'us-east-1' },
    ],
    [
      'name in a stack there',
      ({ node }) => ({
        credentials: Secret.fromSecretNameV2(
          new Stack(node.root, 'West', { env: { region: 'us-west-2' } }),
          'S',
          'api',
        ),
      }),
      HERE,
    ],
    [
      'stack there',
      ({ node }) => ({
        credentials: new Secret(
          new Stack(node.root, 'West', { env: { region: 'us-west-2' } }),
          'S',
        ),
      }),
      HERE,
    ],
    [
      'SecureString there',
      ({ node }) => ({
        credentialsParameter: secureString(
          new Stack(node.root, 'West', { env: { region: 'us-west-2' } }),
        ),
      }),
      HERE,
    ],
  ])('in another region are rejected: %s', (_how, credentials, options) => {
    expect(() => synthesized(credentials, options)).toThrow(
      /^Stack\/Postback\/Publisher: credentials(Parameter)? is in the region us-west-2, and the functions that read it run in us-east-1; store the credentials in us-east-1 too/,
    );
  });

  it('in a SecureString: each function that calls Rakuten may get that parameter', () => {
    const resources = synthesized((stack) => ({ credentialsParameter: secureString(stack) }));
    expect(JSON.stringify(idIn(resources))).toContain(':parameter/rakuten/api');
    expect(statementsOn(resources, /ssm:/)).toEqual(
      ROLES.map(
        (role) =>
          `${role}/FunctionRole may ssm:GetParameter on arn:<Partition>:ssm:us-east-1:111122223333:parameter/rakuten/api`,
      ),
    );
  });

  it('of another account of the app are read by the name that CDK gives them', () => {
    const app = new App({ context: { 'aws:cdk:enable-path-metadata': true } });
    const secrets = new Stack(app, 'Secrets', { env: { ...HERE, account: '444455556666' } });
    const stack = new Stack(app, 'Stack', { env: HERE });
    new RakutenPostback(stack, 'Postback', {
      publisher: { sid: SID, credentials: new Secret(secrets, 'S', { secretName: 'rakuten/api' }) },
    });
    const resources = new Resources(stack);
    const arn = 'arn:<Partition>:secretsmanager:us-east-1:444455556666:secret:rakuten/api';
    expect(JSON.stringify(idIn(resources))).toContain('444455556666:secret:rakuten/api');
    expect(statementsOn(resources, /StatusWatch.*secretsmanager/)).toEqual([
      `StatusWatch/FunctionRole may secretsmanager:GetSecretValue on ${arn}-?????? and Publisher/UrlSecret`,
    ]);
  });
});

describe('a KMS key of the user', () => {
  const inEachRole = (key: string, service = 'secretsmanager'): string[] =>
    ROLES.map(
      (role) =>
        `${role}/FunctionRole may kms:Decrypt on ${key} if kms:ViaService StringEquals ${service}.us-east-1.amazonaws.com`,
    );

  it.each<[string, string, Credentials]>([
    [
      'an imported secret',
      'secretsmanager',
      (stack) => ({
        credentials: Secret.fromSecretAttributes(stack, 'S', {
          secretCompleteArn: arnOf('rakuten/api-AbCdEf'),
          encryptionKey: Key.fromKeyArn(stack, 'Key', KEY),
        }),
      }),
    ],
    [
      'a secret of another account',
      'secretsmanager',
      (stack) => ({
        credentials: Secret.fromSecretAttributes(stack, 'S', {
          secretCompleteArn: arnOf('rakuten/api-AbCdEf', { account: '444455556666' }),
          encryptionKey: Key.fromKeyArn(stack, 'Key', KEY),
        }),
      }),
    ],
    [
      'a SecureString',
      'ssm',
      (stack) => ({
        credentialsParameter: StringParameter.fromSecureStringParameterAttributes(stack, 'P', {
          parameterName: '/rakuten/api',
          encryptionKey: Key.fromKeyArn(stack, 'Key', KEY),
        }),
      }),
    ],
  ])(
    'that is imported with %s may be used by each reader, through that service only',
    (_what, service, credentials) => {
      expect(statementsOn(synthesized(credentials), /kms:/)).toEqual(inEachRole(KEY, service));
    },
  );

  it('that the app owns keeps its policy', () => {
    const resources = synthesized((stack) => ({
      credentials: new Secret(stack, 'Own', { encryptionKey: new Key(stack, 'Key') }),
    }));
    expect(idIn(resources)).toEqual({ Ref: resources.at('Own').logicalId });
    expect(statementsOn(resources, /FunctionRole may kms:/)).toEqual(inEachRole('Stack/Key'));
    expect(JSON.stringify(resources.at('Key').Properties)).not.toContain('FunctionRole');
  });

  it('in another stack of the app, with its secret, makes no cycle', () => {
    const app = new App({ context: { 'aws:cdk:enable-path-metadata': true } });
    const secrets = new Stack(app, 'Secrets', { env: HERE });
    const credentials = new Secret(secrets, 'S', { encryptionKey: new Key(secrets, 'Key') });
    const stack = new Stack(app, 'Stack', { env: HERE });
    new RakutenPostback(stack, 'Postback', { publisher: { sid: SID, credentials } });
    expect(() => app.synth()).not.toThrow();
    const policies = JSON.stringify(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
    expect(policies.match(/"kms:Decrypt"/g)).toHaveLength(3);
    expect(policies).toContain('"kms:ViaService":"secretsmanager.us-east-1.amazonaws.com"');
  });

  it('that a property injector gives every secret may be used for the URL secret too', () => {
    const stack = emptyStack(HERE);
    const encryptionKey = Key.fromKeyArn(stack, 'Key', KEY);
    PropertyInjectors.of(stack).add({
      constructUniqueId: Secret.PROPERTY_INJECTION_ID,
      inject: (props) => ({ ...props, encryptionKey }),
    });
    const credentials = Secret.fromSecretNameV2(stack, 'S', 'rakuten/api');
    new RakutenPostback(stack, 'Postback', { publisher: { sid: SID, credentials } });
    const via = `on ${KEY} if kms:ViaService StringEquals secretsmanager.us-east-1.amazonaws.com`;
    expect(statementsOn(new Resources(stack), /kms:/)).toEqual([
      `RegistrationProvider/FunctionRole may kms:Decrypt, kms:GenerateDataKey ${via}`,
      `StatusWatch/FunctionRole may kms:Decrypt ${via}`,
    ]);
  });
});

describe('16 publishers', () => {
  const keyOf = (stack: Stack, i: number) =>
    Key.fromKeyArn(stack, `Key${i}`, KEY.replace(/0{12}$/, String(i).padStart(12, '0')));
  const name = (i: number): string => `rakuten/production/publisher-${3900100 + i}`;
  const kinds: Record<
    string,
    (stack: Stack, i: number) => Pick<Publisher, 'credentials' | 'credentialsParameter'>
  > = {
    'secrets by name': (stack, i) => ({
      credentials: Secret.fromSecretNameV2(stack, `S${i}`, name(i)),
    }),
    'secrets by complete ARN under a key': (stack, i) => ({
      credentials: Secret.fromSecretAttributes(stack, `S${i}`, {
        secretCompleteArn: arnOf(`${name(i)}-AbCdEf`, { region: 'ap-northeast-1' }),
        encryptionKey: keyOf(stack, i),
      }),
    }),
    'secrets by partial ARN under a key': (stack, i) => ({
      credentials: Secret.fromSecretAttributes(stack, `S${i}`, {
        secretPartialArn: arnOf(name(i), { region: 'ap-northeast-1' }),
        encryptionKey: keyOf(stack, i),
      }),
    }),
    'secrets and keys of the stack': (stack, i) => ({
      credentials: new Secret(stack, `RakutenApi${i}`, {
        encryptionKey: new Key(stack, `Key${i}`),
      }),
    }),
    SecureStrings: (stack, i) => ({
      credentialsParameter: secureString(stack, `/${name(i)}`, `P${i}`),
    }),
    'SecureStrings under a key': (stack, i) => ({
      credentialsParameter: StringParameter.fromSecureStringParameterAttributes(stack, `P${i}`, {
        parameterName: `/${name(i)}`,
        encryptionKey: keyOf(stack, i),
      }),
    }),
  };
  const cases = Object.entries(kinds).flatMap(([kind, of]) =>
    [appContext(), { '@aws-cdk/aws-iam:minimizePolicies': false }].map(
      (context, i) => [kind, i === 0 ? 'with' : 'without', of, context] as const,
    ),
  );

  function withSixteen(
    of: (stack: Stack, i: number) => Pick<Publisher, 'credentials' | 'credentialsParameter'>,
    context = {},
  ) {
    const options = { region: 'ap-northeast-1', account: HERE.account, context };
    const { stack, postback } = withPostback(
      (scope) => ({ endpointType: EndpointType.EDGE, publisher: { sid: '1', ...of(scope, 1) } }),
      options,
    );
    for (let i = 2; i <= 16; i += 1)
      postback.addPublisher(`Publisher${i}`, { sid: String(i), ...of(stack, i) });
    return { stack, postback };
  }

  /**
   * Characters of the inline policies of each role, with ARNs of the length that AWS gives them.
   */
  function sizes(resources: Resources): Record<string, number> {
    const typeOf = (id: string): string =>
      resources.all.find(({ logicalId }) => logicalId === id)?.Type ?? '';
    const arn = (id: string): string => {
      if (typeOf(id) === 'AWS::KMS::Key') return KEY.replace('us-east-1', 'ap-northeast-1');
      return arnOf(`${id}-012345678901-AbCdEf`, { region: 'ap-northeast-1' });
    };
    const result: Record<string, number> = {};
    for (const { Properties } of resources.of('AWS::IAM::Policy')) {
      const text = JSON.stringify(Properties.PolicyDocument)
        .replace(/\{"Ref":"AWS::Partition"\}/g, '"aws"')
        .replace(/\{"(?:Ref":|Fn::GetAtt":\[)"([^"]+)"[^}]*\}/g, (_, id) => `"${arn(id)}"`)
        .replace(/\{"Fn::Join":\["",\[([^\]]*)\]\]\}/g, (_, parts) =>
          JSON.stringify(JSON.parse(`[${parts}]`).join('')),
        );
      for (const role of Properties.Roles) result[role.Ref] = (result[role.Ref] ?? 0) + text.length;
    }
    return result;
  }

  it.each(cases)(
    'fit into the inline policies of a role: %s, %s minimized policies',
    (_kind, _how, of, context) => {
      const resources = new Resources(withSixteen(of, context).stack);
      const all = sizes(resources);
      expect(Object.keys(all).length).toBeGreaterThanOrEqual(5);
      expect(Math.max(...Object.values(all))).toBeLessThanOrEqual(10_240);
      expect(Math.max(...Object.values(all))).toBeGreaterThan(3_000);
    },
  );

  it('are the maximum', () => {
    const { stack, postback } = withSixteen(kinds.SecureStrings as never);
    expect(() =>
      postback.addPublisher('P17', { sid: '17', credentialsParameter: secureString(stack) }),
    ).toThrow(
      'Stack/Postback: it has more than 16 publishers, for which the policies of a role have no room; put the others into a second RakutenPostback with the same table',
    );
  });

  it('whose names are too long for the policies of a role are rejected at synthesis, with the size', () => {
    const { stack } = withSixteen((scope, i) => ({
      credentialsParameter: secureString(scope, `/${'x'.repeat(500)}/${i}`, `P${i}`),
    }));
    expect(() => (stack.node.root as App).synth()).toThrow(
      /the inline policies of the role Stack\/Postback\/RegistrationProvider\/FunctionRole need about 1\d{4} characters, and IAM accepts 10240\. Use one KMS key/,
    );
  });

  it('whose ARNs are known at deploy time only are accepted', () => {
    const unknown = (stack: Stack, i: number) => ({
      credentials: Secret.fromSecretCompleteArn(
        stack,
        `S${i}`,
        `arn:aws:secretsmanager:${Aws.REGION}:${Aws.ACCOUNT_ID}:secret:s${i}-AbCdEf`,
      ),
    });
    expect(() => (withSixteen(unknown).stack.node.root as App).synth()).not.toThrow();
  });
});
