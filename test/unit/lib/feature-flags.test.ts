import { Queue } from 'aws-cdk-lib/aws-sqs';
import { FLAGS } from 'aws-cdk-lib/cx-api';
import { TransactionTarget } from '../../../lib';
import { Resources, withPostback } from '../../support/stacks';

/** Flags that an app can set: those of CDK 1 are always on. */
const selectable = Object.entries(FLAGS).filter(
  ([, { introducedIn }]) => introducedIn.v2 !== undefined && introducedIn.v1 === undefined,
);
const valued = (value: boolean): Record<string, unknown> =>
  Object.fromEntries(
    selectable.map(([flag, { recommendedValue }]) => [
      flag,
      typeof recommendedValue === 'boolean' ? value : recommendedValue,
    ]),
  );

function synthesized(context: Record<string, unknown>): Resources {
  const { stack, postback } = withPostback(
    { archive: {}, tracing: true },
    { region: 'us-east-1', account: '111122223333', context },
  );
  postback.onTransaction('Queue', TransactionTarget.queue(new Queue(stack, 'Queue')));
  return new Resources(stack);
}

/** Starts or invokes functions as soon as it exists. */
const STARTERS = [
  'AWS::Lambda::EventSourceMapping',
  'AWS::Events::Rule',
  'AWS::Pipes::Pipe',
  'Custom::RakutenPostbackPrecheck',
  'Custom::RakutenPostbackRegistration',
];

describe.each([
  ['no feature flag', {}],
  ['all feature flags on', valued(true)],
  ['all feature flags off', valued(false)],
])('with %s', (_how, context) => {
  let resources: Resources;
  beforeAll(() => {
    resources = synthesized(context);
  });

  it('every permission of a function exists before anything starts the function', () => {
    const rolesOf = new Map(
      resources
        .of('AWS::Lambda::Function')
        .map(({ logicalId, Properties }) => [
          resources.pathOf(logicalId),
          Properties.Role['Fn::GetAtt'][0],
        ]),
    );
    const policiesOf = (role: string): string[] =>
      resources
        .of('AWS::IAM::Policy')
        .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(`"${role}"`))
        .map(({ logicalId }) => resources.pathOf(logicalId))
        // Names the function itself, so it can only follow. Used by a run that takes minutes.
        .filter((path) => !path.endsWith('/HandOnPolicy'));
    const starters = resources.all.filter(({ Type }) => STARTERS.includes(Type));
    expect(new Set(starters.map(({ Type }) => Type)).size).toBe(STARTERS.length);
    let checked = 0;
    for (const { logicalId } of starters) {
      const path = resources.pathOf(logicalId);
      const before = new Set(resources.waitsFor(path));
      for (const [fn, role] of rolesOf) {
        if (!before.has(fn)) continue;
        for (const policy of policiesOf(role)) {
          checked += 1;
          expect([path, policy, before.has(policy)]).toEqual([path, policy, true]);
        }
      }
    }
    expect(checked).toBeGreaterThanOrEqual(STARTERS.length);
  });

  it('what holds data keeps its logical ID', () => {
    expect(resources.of('AWS::DynamoDB::GlobalTable').map(({ logicalId }) => logicalId)).toEqual([
      'PostbackTransactionTable7B1402E1',
      'PostbackStateTable9082D4F8',
    ]);
  });
});

it('the flag that makes a policy per statement is among those that are turned on', () => {
  expect(valued(true)).toMatchObject({
    '@aws-cdk/aws-lambda:createNewPoliciesWithAddToRolePolicy': true,
  });
  expect(selectable.length).toBeGreaterThan(80);
});
