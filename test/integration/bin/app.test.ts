import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, RemovalPolicy } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { PostbackStack } from '../../../bin/postback-stack';
import { appSettings, fieldsFrom, SettingError } from '../../../bin/settings';
import { ExistingPostback, PostbackFields, RemovalAction } from '../../../lib';
import { ROOT } from '../../support/sources';

type Context = Record<string, unknown>;
const REQUIRED = { sid: '3900112', credentialsSecretName: 'rakuten/api' };
const settingsOf = (context: Context, environment: Record<string, string> = {}) =>
  appSettings((name) => context[name], environment);

describe('the settings of the app', () => {
  it('need a SID and the name of the credentials, and have a default for the rest', () => {
    const { fields, ...settings } = settingsOf(REQUIRED);
    expect(settings).toEqual({
      ...REQUIRED,
      stackName: 'RakutenPostback',
      removalPolicy: RemovalPolicy.RETAIN,
    });
    expect(fields.names).toEqual(PostbackFields.all().names);
  });

  it('come from the context or the environment, and the context wins', () => {
    const environment = {
      RAKUTEN_SID: '7',
      RAKUTEN_CREDENTIALS_SECRET_NAME: 'from/environment',
      RAKUTEN_API_URL: 'https://rakuten.example.com',
      RAKUTEN_ENDPOINT_BASE_URL: 'https://{apiId}.example.com/{stage}',
      RAKUTEN_FIELDS: 'commissions',
      RAKUTEN_REMOVAL_POLICY: 'destroy',
      RAKUTEN_EXISTING_POSTBACK: 'replace',
      RAKUTEN_ON_REMOVAL: 'restore',
      RAKUTEN_STACK_NAME: 'Other',
      RAKUTEN_ALARM_EMAIL: 'ops@example.com',
      RAKUTEN_DOMAIN_NAME: 'postback.eu.example.com',
      RAKUTEN_HOSTED_ZONE_ID: 'Z0123',
      RAKUTEN_HOSTED_ZONE_NAME: 'example.com',
    };
    expect(settingsOf({}, environment)).toEqual({
      sid: '7',
      credentialsSecretName: 'from/environment',
      rakutenApiUrl: 'https://rakuten.example.com',
      endpointBaseUrl: 'https://{apiId}.example.com/{stage}',
      fields: PostbackFields.only('commissions'),
      removalPolicy: RemovalPolicy.DESTROY,
      existingPostback: ExistingPostback.REPLACE,
      onRemoval: RemovalAction.RESTORE,
      stackName: 'Other',
      alarmEmail: 'ops@example.com',
      domain: {
        name: 'postback.eu.example.com',
        hostedZoneId: 'Z0123',
        hostedZoneName: 'example.com',
      },
    });
    expect(settingsOf(REQUIRED, environment).sid).toBe('3900112');
    expect(settingsOf({ ...REQUIRED, sid: 3900113 }).sid).toBe('3900113');
  });

  it.each<[Context, string]>([
    [
      {},
      `the setting 'sid' is missing: the publisher id (SID) at Rakuten Advertising, a number such as 3900112. Give it as "-c sid=…" or in the environment as RAKUTEN_SID`,
    ],
    [{ ...REQUIRED, sid: '' }, "the setting 'sid' is missing"],
    [
      { sid: '7' },
      'the setting \'credentialsSecretName\' is missing: the name of the Secrets Manager secret with {"clientId": "…", "clientSecret": "…"}',
    ],
    [
      { ...REQUIRED, alarmEmail: 'ops@example' },
      "alarmEmail is 'ops@example'; give one address, such as you@example.com",
    ],
    [
      { ...REQUIRED, domainName: 'postback.example.com' },
      "domainName is 'postback.example.com' and hostedZoneId is missing",
    ],
    [
      { ...REQUIRED, hostedZoneId: 'Z0123' },
      'hostedZoneId or hostedZoneName is given without domainName',
    ],
    [
      {
        ...REQUIRED,
        domainName: 'postback.example.com',
        hostedZoneId: 'Z0123',
        hostedZoneName: 'example.org',
      },
      "which is not in the hosted zone 'example.org'",
    ],
    [{ ...REQUIRED, sid: 'seven' }, "the sid 'seven' is not a publisher id"],
    [
      { ...REQUIRED, credentialsSecretName: 'arn:aws:secretsmanager:us-east-1:1:secret:a' },
      "give the secret's name, such as rakuten/api, not its ARN",
    ],
    [
      { ...REQUIRED, stackName: 'my_stack' },
      "stackName is 'my_stack'; CloudFormation takes a letter and then",
    ],
    [
      { ...REQUIRED, removalPolicy: 'keep' },
      "the setting 'removalPolicy' is 'keep'; give one of retain, destroy",
    ],
    [
      { ...REQUIRED, existingPostback: 'ask' },
      "the setting 'existingPostback' is 'ask'; give one of fail, replace",
    ],
    [
      { ...REQUIRED, onRemoval: 'keep' },
      "the setting 'onRemoval' is 'keep'; give one of delete, disable, restore, retain",
    ],
    [{ ...REQUIRED, rakutenApiUrl: 'rakuten' }, "rakutenApiUrl is 'rakuten'; give a URL such as"],
    [
      { ...REQUIRED, endpointBaseUrl: 'https://example.com/{stge}' },
      'only {apiId} and {stage} are filled in',
    ],
    [
      { ...REQUIRED, fields: 'sale_amont' },
      "the setting 'fields': only(): 'sale_amont' is not a field of Rakuten's postbacks; there are is_event",
    ],
  ])('%j is an error that says how to mend it', (context, message) => {
    expect(() => settingsOf(context)).toThrow(SettingError);
    expect(() => settingsOf(context)).toThrow(message);
  });
});

describe('the address for alarms', () => {
  const withAddress = (context: Context) =>
    Template.fromStack(
      new PostbackStack(new App(), 'Stack', settingsOf({ ...REQUIRED, ...context })),
    );

  it('is written to by every alarm, when it begins and when it is over', () => {
    const template = withAddress({ alarmEmail: 'ops@example.com' });
    const topics = Object.keys(template.findResources('AWS::SNS::Topic')).map((Ref) => ({ Ref }));
    expect(topics).toHaveLength(1);
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
      TopicArn: topics[0],
    });
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
    expect(alarms.length).toBeGreaterThan(15);
    for (const { Properties } of alarms)
      expect([Properties.AlarmActions, Properties.OKActions]).toEqual([topics, topics]);
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Resource: topics[0],
          }),
        ]),
      },
    });
  });

  it('is asked for: without one there is no topic, and no alarm tells anybody', () => {
    const template = withAddress({});
    template.resourceCountIs('AWS::SNS::Topic', 0);
    for (const { Properties } of Object.values(template.findResources('AWS::CloudWatch::Alarm')))
      expect(Properties.AlarmActions).toBeUndefined();
  });
});

describe("a domain of one's own", () => {
  it('gets its certificate and records in the hosted zone, whose name follows from it', () => {
    const settings = settingsOf({
      ...REQUIRED,
      domainName: 'postback.example.com',
      hostedZoneId: 'Z0123',
    });
    const template = Template.fromStack(new PostbackStack(new App(), 'Stack', settings));
    template.hasResourceProperties('AWS::ApiGateway::DomainName', {
      DomainName: 'postback.example.com',
    });
    template.hasResourceProperties('AWS::Route53::RecordSet', {
      Name: 'postback.example.com.',
      HostedZoneId: 'Z0123',
    });
    template.hasOutput('EndpointUrl', { Value: 'https://postback.example.com/postback' });
  });
});

describe('fields in one line of text', () => {
  it.each<[string | undefined, PostbackFields]>([
    [undefined, PostbackFields.all()],
    ['all', PostbackFields.all()],
    ['commissions, quantity', PostbackFields.only('commissions', 'quantity')],
    ['all,u1:unique_id', PostbackFields.all().rename('u1', 'unique_id')],
    [
      'u1:unique_id,commissions',
      PostbackFields.only('u1', 'commissions').rename('u1', 'unique_id'),
    ],
    ['source=rakuten', PostbackFields.all().staticValue('source', 'rakuten')],
    ['commissions,note=a=b:c', PostbackFields.only('commissions').staticValue('note', 'a=b:c')],
    [
      'exactly:is_event,u1:unique_id',
      PostbackFields.exactly('is_event', 'u1').rename('u1', 'unique_id'),
    ],
    ['commissions,', PostbackFields.only('commissions')],
  ])('%j', (text, fields) => {
    expect(fieldsFrom(text)._toFieldList()).toEqual(fields._toFieldList());
  });

  it.each([
    ['exactly:', 'exactly: needs the names of fields behind it'],
    ['exactly:all', 'exactly: needs the names of fields behind it'],
    ['commissions,all', "'all' is not a field"],
    ['u1:a:b', "'u1:a:b' has more than one colon; write field:name"],
    ['u1:', "the name '' is empty"],
    ['=x', "the name '' is empty"],
    ['u1=x', "'u1' is the name of a Rakuten field"],
  ])('%j is an error', (text, message) => {
    expect(() => fieldsFrom(text)).toThrow(message);
  });
});

describe('cdk synth', () => {
  let outDir: string;
  beforeAll(async () => {
    outDir = await mkdtemp(join(tmpdir(), 'cdk-synth-'));
  });
  afterAll(() => rm(outDir, { recursive: true }));

  /**
   * The CLI as a user runs it, but for the build of the bundles, which are there, and news from the
   * network.
   */
  function cdkSynth(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const environment = {
      PATH: process.env.PATH,
      HOME: outDir,
      TMPDIR: process.env.TMPDIR,
      CDK_DISABLE_CLI_TELEMETRY: 'true',
      // No account is looked up: whoever runs the tests may have one configured.
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    const cdk = [
      join(ROOT, 'node_modules/aws-cdk/bin/cdk'),
      'synth',
      '--build',
      '',
      '--no-notices',
      '--output',
      outDir,
      ...args,
    ];
    return new Promise((resolve) => {
      execFile(process.execPath, cdk, { cwd: ROOT, env: environment }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  }

  it('prints the template and no warning', async () => {
    const { code, stdout, stderr } = await cdkSynth(
      '-c',
      'sid=3900112',
      '-c',
      'credentialsSecretName=rakuten/api',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^Description: Receives the postbacks of Rakuten Advertising, each exactly once\n/,
    );
    expect(stdout).not.toMatch(/\[warning|deprecated/i);
    const report = JSON.parse(await readFile(join(outDir, 'validation-report.json'), 'utf8'));
    expect(report.pluginReports).toEqual([]);
  });

  it('says in one line what is missing, and how to give it', async () => {
    const { code, stdout, stderr } = await cdkSynth('-c', 'sid=3900112');
    expect(code).toBe(1);
    expect(stdout + stderr).toContain(
      `the setting 'credentialsSecretName' is missing: the name of the Secrets Manager secret`,
    );
    expect(stdout + stderr).not.toMatch(/^\s+at /m);
  });
});
