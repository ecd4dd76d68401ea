import { Duration } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { TableEncryptionV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ENVIRONMENT } from '../../../core/names';
import { parseRequest } from '../../../core/reconciliation/request';
import { PostbackFields, type ReconciliationOptions } from '../../../lib';
import { permissionsInWords } from '../../support/iam-words';
import { ownTable } from '../../support/own-table';
import { reachedFrom, textOf } from '../../support/sources';
import { Resources, SID, type SomeProps, withPostback } from '../../support/stacks';

const synthesized = (props?: SomeProps): Resources => new Resources(withPostback(props).stack);
const withOptions = (reconciliation: ReconciliationOptions): Resources =>
  synthesized({ reconciliation });
const rules = (resources: Resources) =>
  resources
    .of('AWS::Events::Rule')
    .filter(({ logicalId }) => resources.pathOf(logicalId).startsWith('Postback/Reconciliation/'))
    .map(({ Properties }) => Properties);
const inputs = (resources: Resources): unknown[] =>
  rules(resources).flatMap(({ Targets }) =>
    Targets.map((t: { Input: string }) => JSON.parse(t.Input)),
  );
const settings = (resources: Resources) =>
  JSON.parse(
    resources.at('Postback/Reconciliation/Function').Properties.Environment.Variables[
      ENVIRONMENT.reconciliation
    ],
  );

let standard: Resources;
beforeAll(() => {
  standard = synthesized();
});

it('compares every publisher hourly and daily, by events that the handler reads', () => {
  const { stack, postback } = withPostback();
  postback.addPublisher('Japan', {
    sid: '3900113',
    credentials: Secret.fromSecretNameV2(stack, 'Japan', 'rakuten/japan'),
  });
  const resources = new Resources(stack);
  expect(inputs(resources)).toEqual([
    { sid: SID, run: 'hourly' },
    { sid: SID, run: 'daily' },
    { sid: '3900113', run: 'hourly' },
    { sid: '3900113', run: 'daily' },
  ]);
  for (const input of inputs(resources)) expect(parseRequest(input, 0)).toEqual(input);
  expect(
    rules(resources).map(({ ScheduleExpression, State }) => [ScheduleExpression, State]),
  ).toEqual([
    ['rate(1 hour)', 'ENABLED'],
    ['rate(1 day)', 'ENABLED'],
    ['rate(1 hour)', 'ENABLED'],
    ['rate(1 day)', 'ENABLED'],
  ]);
  // One function for all, which may read the credentials of each.
  expect(
    resources
      .of('AWS::Lambda::Function')
      .filter(({ Properties }) => Properties.Environment?.Variables?.[ENVIRONMENT.reconciliation]),
  ).toHaveLength(1);
  expect(
    JSON.stringify(resources.at('Postback/Reconciliation/FunctionRole/DefaultPolicy').Properties),
  ).toMatch(/rakuten\/api-.*rakuten\/japan-/);
});

it('begins when the deployment has ended, without the deployment waiting for it', () => {
  const [hourly, daily] = rules(standard);
  expect(hourly.EventPattern).toEqual({
    source: ['aws.cloudformation'],
    'detail-type': ['CloudFormation Stack Status Change'],
    detail: {
      'stack-id': [{ Ref: 'AWS::StackId' }],
      'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] },
    },
  });
  expect(daily.EventPattern).toBeUndefined();
  expect(
    standard.all.filter(({ Type }) => Type.startsWith('Custom::')).map(({ Type }) => Type),
  ).toEqual(['Custom::RakutenPostbackPrecheck', 'Custom::RakutenPostbackRegistration']);
});

it('is scheduled after the registration, and stops before it is undone', () => {
  for (const name of ['Hourly', 'Daily']) {
    expect(standard.dependenciesOf(`Postback/Reconciliation/Publisher${name}`)).toContain(
      'Postback/Publisher',
    );
  }
});

it('has the time and the settings that it needs, by default and as asked for', () => {
  expect(standard.at('Postback/Reconciliation/Function').Properties).toMatchObject({
    Timeout: 900,
    MemorySize: 1024,
  });
  expect(settings(standard)).toEqual({
    hourlyWindowSeconds: 10_800,
    dailyWindowSeconds: 2_505_600,
    backfillSeconds: 2_505_600,
    unverifiedAfterSeconds: 86_400,
  });
  const asked = withOptions({
    window: Duration.hours(6),
    dailyWindow: Duration.days(14),
    backfill: Duration.days(0),
    unverifiedAfter: Duration.hours(48),
    notBefore: '2026-03-01T00:00:00+09:00',
  });
  expect(settings(asked)).toEqual({
    hourlyWindowSeconds: 21_600,
    dailyWindowSeconds: 1_209_600,
    backfillSeconds: 0,
    unverifiedAfterSeconds: 172_800,
    notBefore: '2026-03-01T00:00:00+09:00',
  });
});

it('takes nothing from the account that others need: its runs keep out of each other by a lease, not by reserved concurrency', () => {
  expect(
    standard.at('Postback/Reconciliation/Function').Properties.ReservedConcurrentExecutions,
  ).toBeUndefined();
});

it('can be left out', () => {
  const { stack, postback } = withPostback({ reconciliation: { enabled: false } });
  expect(postback.reconciliationFunction).toBeUndefined();
  expect(rules(new Resources(stack))).toEqual([]);
  expect(JSON.stringify(Template.fromStack(stack).toJSON())).not.toContain('Reconciliation');
  expect(withPostback().postback.reconciliationFunction).toBeDefined();
});

it.each<[ReconciliationOptions, string]>([
  [{ window: Duration.minutes(30) }, 'reconciliation.window is 30 minutes; give 1 hour to 1 day'],
  [{ window: Duration.days(2) }, 'reconciliation.window is 2 days'],
  [
    { dailyWindow: Duration.days(30) },
    'reconciliation.dailyWindow is 30 days; give 1 day to 29 days',
  ],
  [{ backfill: Duration.days(30) }, 'reconciliation.backfill is 30 days'],
  [{ unverifiedAfter: Duration.minutes(1) }, 'reconciliation.unverifiedAfter is 1 minute'],
  [{ notBefore: '2026-02-29T00:00:00Z' }, "reconciliation.notBefore is '2026-02-29T00:00:00Z'"],
  [
    { notBefore: '2026-03-01' },
    "reconciliation.notBefore is '2026-03-01'; give a time such as 2026-03-01T00:00:00Z",
  ],
])('refuses %j', (reconciliation, message) => {
  expect(() => withPostback({ reconciliation })).toThrow(
    `Stack/Postback/Reconciliation: ${message}`,
  );
});

it('leaves out a publisher whose rows cannot be matched with lines of the Events API, and warns', () => {
  const { stack } = withPostback({
    fields: PostbackFields.exactly('sid', 'advertiser_id', 'order_id', 'commissions'),
  });
  expect(rules(new Resources(stack))).toEqual([]);
  Annotations.fromStack(stack).hasWarning(
    '/Stack/Postback/Publisher',
    Match.stringLikeRegexp(
      'SID 3900112 are not reconciled.*etransaction_id, is_event is not asked for',
    ),
  );
  // The secret says whose line it is; order and advertiser are content, which the Events API
  // returns.
  const { stack: other } = withPostback({
    fields: PostbackFields.exactly('is_event', 'etransaction_id', 'commissions'),
  });
  expect(rules(new Resources(other))).toHaveLength(2);
});

describe('what the function knows and may do', () => {
  const variables = (resources: Resources, part = 'Reconciliation') =>
    resources.at(`Postback/${part}/Function`).Properties.Environment.Variables;
  const mayDo = (resources: Resources): string[] =>
    permissionsInWords(resources.template, 'Stack/Postback').filter((words) =>
      words.startsWith('Reconciliation/FunctionRole may'),
    );
  const everything = () =>
    synthesized({
      reconciliation: { memberFromPostback: true },
      preliminaryExpiry: Duration.days(90),
      rowExpiry: Duration.days(400),
      archive: {},
    });

  it('sets exactly the variables that the handler reads, with every option', () => {
    const { NODE_OPTIONS, ...set } = variables(everything());
    const read = reachedFrom('lambda/reconciliation/index.ts').flatMap((file) =>
      [...textOf(file).matchAll(/\bENVIRONMENT\.(\w+)/g)].map(
        ([, key]) => ENVIRONMENT[key as keyof typeof ENVIRONMENT],
      ),
    );
    expect(new Set(Object.keys(set))).toEqual(new Set(read));
  });

  it('accepts the member of the first postback only when asked to, in both functions that write rows', () => {
    for (const part of ['Reconciliation', 'Consumer']) {
      expect(variables(standard, part)[ENVIRONMENT.memberFromPostback]).toBeUndefined();
      expect(variables(everything(), part)[ENVIRONMENT.memberFromPostback]).toBe('true');
      expect(
        variables(withOptions({ memberFromPostback: false }), part)[ENVIRONMENT.memberFromPostback],
      ).toBeUndefined();
    }
  });

  it('writes rows itself: it sends nothing to a queue', () => {
    expect(variables(standard)).not.toHaveProperty(ENVIRONMENT.queueUrl);
    expect(mayDo(standard).filter((words) => /sqs|firehose/.test(words))).toEqual([]);
    expect(mayDo(standard).filter((words) => words.includes('TransactionTable'))).toEqual([
      'Reconciliation/FunctionRole may dynamodb:BatchGetItem, dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem on TransactionTable/Table',
      'Reconciliation/FunctionRole may dynamodb:Query on TransactionTable/Table and TransactionTable/Table/index/by-day',
    ]);
  });

  it('cannot change which secrets are accepted', () => {
    const writes = mayDo(standard).filter((words) => /PutItem.*StateTable/.test(words));
    expect(writes).toEqual([
      'Reconciliation/FunctionRole may dynamodb:DeleteItem, dynamodb:PutItem, dynamodb:UpdateItem on StateTable/Table if dynamodb:LeadingKeys ForAllValues:StringEquals reconciliation or missing',
    ]);
  });

  it('archives what it writes, where there is an archive, and expires rows as the consumer does', () => {
    const resources = everything();
    expect(mayDo(resources)).toContain(
      'Reconciliation/FunctionRole may firehose:PutRecordBatch on Archive/Stream',
    );
    for (const name of [
      ENVIRONMENT.archiveStreamName,
      ENVIRONMENT.preliminaryExpiry,
      ENVIRONMENT.rowExpiry,
    ]) {
      expect(variables(resources)[name]).toEqual(variables(resources, 'Consumer')[name]);
      expect(variables(standard)[name]).toBeUndefined();
    }
  });

  it('may write the rows of a table with a key of its own', () => {
    const { stack } = withPostback(
      (scope) => ({
        table: ownTable(scope, 'Own', {
          encryption: TableEncryptionV2.customerManagedKey(new Key(scope, 'Key')),
        }),
      }),
      { region: 'us-east-1' },
    );
    expect(mayDo(new Resources(stack))).toContain(
      'Reconciliation/FunctionRole may kms:Decrypt, kms:Encrypt, kms:GenerateDataKey*, kms:ReEncrypt* on Stack/Key',
    );
  });
});
