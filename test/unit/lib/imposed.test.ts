import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Aspects, type IAspect, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import { RakutenPostback, TransactionTarget } from '../../../lib';
import { emptyStack, Resources, withPostback } from '../../support/stacks';

/** An organization's rule: functions run in its VPC. */
class InVpc implements IAspect {
  visit(node: IConstruct): void {
    if (node instanceof CfnFunction)
      node.vpcConfig = { subnetIds: ['subnet-0a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'] };
  }
}

describe('an aspect that moves functions into a VPC', () => {
  it('finds roles that may manage network interfaces, and without it they may not', () => {
    const policies = (moves: boolean) => {
      const { stack, postback } = withPostback();
      postback.onTransaction('Ledger', TransactionTarget.queue(new Queue(stack, 'Ledger')));
      if (moves) Aspects.of(stack).add(new InVpc());
      const resources = new Resources(stack);
      return resources.of('AWS::Lambda::Function').map(({ Properties }) => {
        const role = resources.all.find(
          ({ logicalId }) => logicalId === Properties.Role['Fn::GetAtt'][0],
        );
        return JSON.stringify(role?.Properties.ManagedPolicyArns ?? []);
      });
    };
    const moved = policies(true);
    // Four of a RakutenPostback, the provider's, and the pipe's.
    expect(moved).toHaveLength(6);
    for (const arns of moved)
      expect(arns.match(/service-role\/AWSLambdaENIManagementAccess/g)).toHaveLength(1);
    expect(policies(false)).toEqual(moved.map(() => '[]'));
  });
});

describe('roles that the application customizes', () => {
  const secretOf = (stack: Stack, name: string) =>
    Secret.fromSecretNameV2(stack, name, `rakuten/${name}`);

  /** Permissions in the report, by the path of the role. */
  function reported() {
    const stack = emptyStack();
    iam.Role.customizeRoles(stack);
    const postback = new RakutenPostback(stack, 'Postback', {
      publisher: { sid: '3900112', credentials: secretOf(stack, 'first') },
    });
    postback.addPublisher('Second', { sid: '3900113', credentials: secretOf(stack, 'second') });
    postback.addPublisher('Third', { sid: '3900114', credentials: secretOf(stack, 'third') });
    expect(new Resources(stack).of('AWS::IAM::Policy')).toEqual([]);
    const text = readFileSync(
      join((stack.node.root as App).synth().directory, 'iam-policy-report.json'),
      'utf8',
    );
    const { roles } = JSON.parse(text) as {
      roles: { roleConstructPath: string; identityPolicyStatements: unknown }[];
    };
    return (path: string): string =>
      JSON.stringify(
        roles.find(({ roleConstructPath }) => roleConstructPath === `Stack/Postback/${path}`)
          ?.identityPolicyStatements,
      );
  }

  it('get no policy of ours, and their report names every permission', () => {
    const policyOf = reported();
    expect(policyOf('RegistrationProvider/FunctionRole')).toContain(
      'secretsmanager:PutSecretValue',
    );
    // It continues in a new invocation of itself.
    expect(policyOf('Reconciliation/FunctionRole')).toContain('lambda:InvokeFunction');
    expect(policyOf('StatusWatch/FunctionRole')).toContain('events:PutEvents');
  });

  it('have the secrets of all publishers in their report, those of publishers that were added later too', () => {
    const policyOf = reported();
    for (const role of ['RegistrationProvider', 'Reconciliation', 'StatusWatch']) {
      const policy = policyOf(`${role}/FunctionRole`);
      const named = ['first', 'second', 'third'].filter((name) =>
        policy.includes(`secret:rakuten/${name}`),
      );
      expect([role, named]).toEqual([role, ['first', 'second', 'third']]);
    }
  });
});
