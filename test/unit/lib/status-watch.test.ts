import { Annotations as CdkAnnotations, Duration, Fn, Token } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ENVIRONMENT, REGISTRATION_PROPERTIES, WATCH_EVENTS } from '../../../core/names';
import { isRotationEvent } from '../../../core/registration/rotate';
import type { WatchSettings } from '../../../core/status-watch/record';
import {
  RakutenPostback,
  type RakutenPostbackProps,
  type StatusWatchOptions,
  TakeoverAction,
} from '../../../lib';
import { permissionsInWords } from '../../support/iam-words';
import { reachedFrom, textOf } from '../../support/sources';
import { Resources, SID, type SomeProps, withPostback } from '../../support/stacks';

const synthesized = (props?: SomeProps): Resources => new Resources(withPostback(props).stack);
const withOptions = (statusWatch: StatusWatchOptions): Resources => synthesized({ statusWatch });
const watchFunction = (resources: Resources) => resources.at('Postback/StatusWatch/Function');
const schedule = (resources: Resources) => resources.at('Postback/StatusWatch/Schedule');

/**
 * The settings as the function gets them, with the name of the reconciliation's function as what it
 * refers to.
 */
function settings(resources: Resources): WatchSettings {
  const json = watchFunction(resources).Properties.Environment.Variables[ENVIRONMENT.statusWatch];
  const parts: (string | { Ref: string })[] =
    typeof json === 'string' ? [json] : json['Fn::Join'][1];
  return JSON.parse(
    parts.map((part) => (typeof part === 'string' ? part : resources.pathOf(part.Ref))).join(''),
  );
}

let standard: Resources;
beforeAll(() => {
  standard = synthesized();
});

describe('the schedule', () => {
  it('is every five minutes by default, and a look that failed is not repeated: the next one comes', () => {
    const { ScheduleExpression, State, Targets } = schedule(standard).Properties;
    expect([ScheduleExpression, State]).toEqual(['rate(5 minutes)', 'ENABLED']);
    expect(Targets).toEqual([
      {
        Arn: { 'Fn::GetAtt': [watchFunction(standard).logicalId, 'Arn'] },
        Id: 'Target0',
        RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 300 },
      },
    ]);
    // Lambda itself would repeat a failed asynchronous invocation twice.
    expect(
      standard.of('AWS::Lambda::EventInvokeConfig').map(({ Properties }) => Properties),
    ).toEqual([
      {
        FunctionName: { Ref: watchFunction(standard).logicalId },
        Qualifier: '$LATEST',
        MaximumRetryAttempts: 0,
        MaximumEventAgeInSeconds: 300,
      },
    ]);
    expect(
      schedule(withOptions({ interval: Duration.minutes(1) })).Properties.ScheduleExpression,
    ).toBe('rate(1 minute)');
  });

  it('is gone before any registration is removed, as a look in between would register again', () => {
    const { stack, postback } = withPostback();
    postback.addPublisher('Japan', {
      sid: '3900113',
      credentials: Secret.fromSecretNameV2(stack, 'Japan', 'rakuten/japan'),
    });
    const resources = new Resources(stack);
    const waitsFor = resources.dependenciesOf('Postback/StatusWatch/Schedule');
    expect(waitsFor).toEqual(
      expect.arrayContaining(['Postback/Publisher', 'Postback/PublisherJapan']),
    );
    // And nothing of the registration waits for the watch, or CloudFormation would have no order to
    // go by.
    for (const publisher of ['Postback/Publisher', 'Postback/PublisherJapan']) {
      expect(
        resources.dependenciesOf(publisher).filter((path) => path.includes('StatusWatch')),
      ).toEqual([]);
    }
  });

  it('can be left out', () => {
    const { stack, postback } = withPostback({ statusWatch: { enabled: false } });
    expect(postback.statusWatchFunction).toBeUndefined();
    expect(JSON.stringify(new Resources(stack).template.toJSON())).not.toContain('StatusWatch');
    expect(withPostback().postback.statusWatchFunction).toBeDefined();
  });
});

describe('the function', () => {
  it('gets exactly the variables that the handler reads', () => {
    const { NODE_OPTIONS, ...variables } = watchFunction(standard).Properties.Environment.Variables;
    const read = reachedFrom('lambda/status-watch/index.ts').flatMap((file) =>
      [...textOf(file).matchAll(/\bENVIRONMENT\.(\w+)/g)].map(
        (m) => ENVIRONMENT[m[1] as keyof typeof ENVIRONMENT],
      ),
    );
    expect(new Set(Object.keys(variables))).toEqual(new Set(read));
    expect(NODE_OPTIONS).toBe('--enable-source-maps');
  });

  it('is set by the options, and knows whom to ask for what a spell lost', () => {
    expect(settings(standard)).toEqual({
      onTakeover: 'REPORT',
      selfProbe: true,
      flappingAfter: 3,
      flappingWindowSeconds: 86_400,
      reconciliationFunction: 'Postback/Reconciliation/Function',
    });
    const other = withOptions({
      onTakeover: TakeoverAction.RECLAIM,
      selfProbe: false,
      flappingAfter: 5,
      flappingWindow: Duration.hours(6),
    });
    expect(settings(other)).toMatchObject({
      onTakeover: 'RECLAIM',
      selfProbe: false,
      flappingAfter: 5,
      flappingWindowSeconds: 21_600,
    });
    expect(settings(synthesized({ reconciliation: { enabled: false } }))).not.toHaveProperty(
      'reconciliationFunction',
    );
  });

  it('may do nothing that it does not do: no rows, no queue, no secret to write', () => {
    const { stack, postback } = withPostback({ reconciliation: { enabled: false } });
    postback.addPublisher('Japan', {
      sid: '3900113',
      credentials: Secret.fromSecretNameV2(stack, 'Japan', 'rakuten/japan'),
    });
    const words = permissionsInWords(new Resources(stack).template, 'Stack/Postback').filter((w) =>
      w.startsWith('StatusWatch/FunctionRole'),
    );
    const secret = (name: string): string =>
      `arn:<Partition>:secretsmanager:<Region>:<AccountId>:secret:rakuten/${name}-??????`;
    const mayRead = 'StatusWatch/FunctionRole may secretsmanager:GetSecretValue on';
    expect(words).toEqual(
      [
        'StatusWatch/FunctionRole may dynamodb:GetItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher or watch',
        'StatusWatch/FunctionRole may dynamodb:PutItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals watch',
        'StatusWatch/FunctionRole may dynamodb:Query on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher',
        'StatusWatch/FunctionRole may dynamodb:UpdateItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals publisher',
        `StatusWatch/FunctionRole may events:PutEvents on arn:<Partition>:events:<Region>:<AccountId>:event-bus/default if events:source ForAllValues:StringEquals ${WATCH_EVENTS.source} and events:source Null false`,
        'StatusWatch/FunctionRole may logs:CreateLogStream, logs:PutLogEvents on StatusWatch/FunctionLogs',
        `${mayRead} ${secret('api')} and Publisher/UrlSecret and ${secret('japan')} and PublisherJapan/UrlSecret`,
      ].sort(),
    );
  });

  it('may store the URL that it replaces, where it takes a slot back', () => {
    const { stack } = withPostback({ statusWatch: { onTakeover: TakeoverAction.RECLAIM } });
    const words = permissionsInWords(new Resources(stack).template, 'Stack/Postback');
    expect(words).toContain(
      'StatusWatch/FunctionRole may secretsmanager:PutSecretValue on Publisher/UrlSecret',
    );
  });
});

describe('wrong options', () => {
  it.each<[StatusWatchOptions, string]>([
    [
      { interval: Duration.seconds(30) },
      'statusWatch.interval is 30 seconds; give 1 minute to 1 hour',
    ],
    [{ interval: Duration.seconds(90) }, 'statusWatch.interval is 90 seconds; give whole minutes'],
    [{ interval: Duration.hours(2) }, 'statusWatch.interval is 2 hours; give 1 minute to 1 hour'],
    [
      { interval: Duration.minutes(Token.asNumber(Fn.ref('Minutes'))) },
      'statusWatch.interval is a token',
    ],
    [
      { flappingWindow: Duration.hours(Token.asNumber(Fn.ref('Hours'))) },
      'statusWatch.flappingWindow is a token in hours, which cannot be converted at synthesis; give Duration.seconds(token)',
    ],
    [{ flappingAfter: 1 }, 'statusWatch.flappingAfter is 1; give a whole number from 2 to 20'],
    [
      { flappingWindow: Duration.minutes(5) },
      'statusWatch.flappingWindow is 5 minutes; give 1 hour to 7 days',
    ],
  ])('%j fail at synthesis', (statusWatch, message) => {
    expect(() => withPostback({ statusWatch })).toThrow(`Stack/Postback/StatusWatch: ${message}`);
  });
});

describe('the rotation of the URL secret', () => {
  it('is on demand only, unless it is scheduled: for each publisher by an event that the registration function reads', () => {
    const rotations = (resources: Resources) =>
      resources
        .of('AWS::Events::Rule')
        .filter(({ logicalId }) => resources.pathOf(logicalId).endsWith('/RotationSchedule'));
    expect(rotations(standard)).toEqual([]);

    const { stack, postback } = withPostback({ rotateUrlSecretEvery: Duration.days(30) });
    postback.addPublisher('Japan', {
      sid: '3900113',
      credentials: Secret.fromSecretNameV2(stack, 'Japan', 'rakuten/japan'),
    });
    const resources = new Resources(stack);
    const rules = rotations(resources).map(({ Properties }) => Properties);
    expect(rules.map(({ ScheduleExpression }) => ScheduleExpression)).toEqual([
      'rate(30 days)',
      'rate(30 days)',
    ]);
    const events = rules.map(({ Targets }) => JSON.parse(Targets[0].Input));
    expect(events).toEqual([
      { operation: 'rotate-secret', sid: SID },
      { operation: 'rotate-secret', sid: '3900113' },
    ]);
    for (const event of events) expect(isRotationEvent(event)).toBe(true);
    for (const { Targets } of rules) {
      expect(Targets[0].Arn).toEqual({
        'Fn::GetAtt': [resources.at('Postback/RegistrationProvider/Function').logicalId, 'Arn'],
      });
    }
  });

  it('does not begin before there is something to rotate, and is gone before the registration is', () => {
    const resources = synthesized({ rotateUrlSecretEvery: Duration.days(30) });
    expect(resources.dependenciesOf('Postback/Publisher/RotationSchedule')).toContain(
      'Postback/Publisher',
    );
  });

  it.each([Duration.hours(1), Duration.days(366)])(
    'more often than daily or less often than yearly is refused: %s',
    (rotateUrlSecretEvery) => {
      expect(() => withPostback({ rotateUrlSecretEvery })).toThrow(
        /Stack\/Postback\/Publisher: rotateUrlSecretEvery is .*; give 1 day to 365 days/,
      );
    },
  );
});

describe('limits at the edge', () => {
  const api = (resources: Resources) => resources.at('Postback/IngestionApi/Api').Properties;
  const stage = (resources: Resources) => resources.of('AWS::ApiGateway::Stage')[0]?.Properties;
  const ACL =
    'arn:aws:wafv2:us-east-1:111122223333:regional/webacl/postback/0e6cf8a1-0000-0000-0000-000000000000';

  it('are those of the account, where nothing is asked for', () => {
    expect(api(standard).Policy).toBeUndefined();
    expect(stage(standard).MethodSettings).toBeUndefined();
    standard.template.resourceCountIs('AWS::WAFv2::WebACLAssociation', 0);
  });

  it('may be a number of requests', () => {
    const limited = synthesized({ throttling: { rateLimit: 2000, burstLimit: 1000 } });
    expect(stage(limited).MethodSettings).toEqual([
      expect.objectContaining({
        HttpMethod: '*',
        ResourcePath: '/*',
        ThrottlingRateLimit: 2000,
        ThrottlingBurstLimit: 1000,
      }),
    ]);
  });

  it('may be a web ACL in front of the stage', () => {
    const { stack } = withPostback({ webAclArn: ACL });
    const resources = new Resources(stack);
    const { WebACLArn, ResourceArn } =
      resources.of('AWS::WAFv2::WebACLAssociation')[0]?.Properties ?? {};
    expect(WebACLArn).toBe(ACL);
    const stageId = resources.of('AWS::ApiGateway::Stage')[0]?.logicalId;
    expect(JSON.stringify(ResourceArn)).toContain(`"/stages/",{"Ref":"${stageId}"}`);
    // The registration tests the endpoint as it will be: behind the web ACL.
    expect(resources.dependenciesOf('Postback/Publisher')).toContain(
      'Postback/IngestionApi/WebAcl',
    );
  });

  it('may be the addresses that are let in, with the self-test and the probe off unless asked for', () => {
    const props: Partial<RakutenPostbackProps> = {
      allowedSourceRanges: ['203.0.113.0/24', '2001:db8::/32'],
    };
    const { stack } = withPostback(props);
    const resources = new Resources(stack);
    expect(api(resources).Policy.Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 'execute-api:Invoke',
        Resource: 'execute-api:/prod/GET/postback',
        Condition: { IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '2001:db8::/32'] } },
      },
    ]);
    // A policy takes effect with a deployment of the API.
    const deployment = (r: Resources): string =>
      String(r.of('AWS::ApiGateway::Deployment')[0]?.logicalId);
    expect(deployment(resources)).not.toBe(deployment(standard));

    const selfTest = (r: Resources): string =>
      r.at('Postback/Publisher').Properties[REGISTRATION_PROPERTIES.selfTest];
    expect([selfTest(resources), settings(resources).selfProbe]).toEqual(['false', false]);
    expect([selfTest(standard), settings(standard).selfProbe]).toEqual(['true', true]);
    const asked = synthesized((scope) => ({
      ...props,
      publisher: {
        sid: SID,
        credentials: Secret.fromSecretNameV2(scope, 'Api', 'rakuten/api'),
        selfTest: true,
      },
      statusWatch: { selfProbe: true },
    }));
    expect([selfTest(asked), settings(asked).selfProbe]).toEqual(['true', true]);

    const warnings = () =>
      Annotations.fromStack(stack).findWarning(
        '*',
        Match.stringLikeRegexp('sourceRangesUnpublished'),
      );
    expect(warnings()).toHaveLength(1);
    CdkAnnotations.of(stack).acknowledgeWarning(
      'cdk-rakuten-postback:sourceRangesUnpublished',
      'asked Rakuten for them',
    );
    expect(warnings()).toHaveLength(0);
  });

  it.each<[Partial<RakutenPostbackProps>, string]>([
    [{ allowedSourceRanges: [] }, 'allowedSourceRanges is empty, which would let nobody in'],
    [
      { allowedSourceRanges: ['203.0.113.0/33'] },
      "allowedSourceRanges has '203.0.113.0/33'; give addresses such as 203.0.113.7",
    ],
    [
      { allowedSourceRanges: ['203.0.113.7', 'rakuten.com'] },
      "allowedSourceRanges has 'rakuten.com'",
    ],
    [
      { webAclArn: ACL.replace('regional', 'global') },
      'give the ARN of a web ACL of scope REGIONAL',
    ],
    [{ webAclArn: 'postback' }, "webAclArn is 'postback'; give the ARN"],
    [
      { throttling: { rateLimit: 0 } },
      'throttling.rateLimit is 0, which would turn postbacks away',
    ],
    [
      { throttling: { burstLimit: 0 } },
      'throttling.burstLimit is 0, which would turn postbacks away',
    ],
  ])('%j are refused', (props, message) => {
    expect(() => withPostback(props)).toThrow(`Stack/Postback/IngestionApi: `);
    expect(() => withPostback(props)).toThrow(message);
  });

  it('are not looked for in what is known at deploy time only', () => {
    expect(() =>
      withPostback({
        webAclArn: Fn.importValue('WebAcl'),
        allowedSourceRanges: [Fn.importValue('Range')],
      }),
    ).not.toThrow();
  });
});

it('counts under the name of its installation', () => {
  const { stack } = withPostback();
  new RakutenPostback(stack, 'Other', {
    publisher: {
      sid: '3900113',
      credentials: Secret.fromSecretNameV2(stack, 'Api', 'rakuten/api'),
    },
  });
  const resources = new Resources(stack);
  const service = (path: string): string =>
    resources.at(path).Properties.Environment.Variables[ENVIRONMENT.metricsService];
  expect(service('Postback/StatusWatch/Function')).toBe(service('Postback/Consumer/Function'));
  expect(service('Other/StatusWatch/Function')).not.toBe(service('Postback/StatusWatch/Function'));
});
