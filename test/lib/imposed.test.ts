import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Aspects, type IAspect } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import { RakutenPostback, TransactionTarget } from '../../lib';
import { emptyStack, Resources, withPostback } from '../support/stacks';

/** An organization's rule: functions run in its VPC. */
class InVpc implements IAspect {
  visit(node: IConstruct): void {
    if (node instanceof CfnFunction) node.vpcConfig = { subnetIds: ['subnet-0a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'] };
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
        const role = resources.all.find(({ logicalId }) => logicalId === Properties.Role['Fn::GetAtt'][0]);
        return JSON.stringify(role?.Properties.ManagedPolicyArns ?? []);
      });
    };
    const moved = policies(true);
    // Four of a RakutenPostback, the provider's, and the pipe's.
    expect(moved).toHaveLength(6);
    for (const arns of moved) expect(arns.match(/service-role\/AWSLambdaENIManagementAccess/g)).toHaveLength(1);
    expect(policies(false)).toEqual(moved.map(() => '[]'));
  });
});

describe('roles that the application customizes', () => {
  it('get no policy of ours, and their report names every permission', () => {
    const stack = emptyStack();
    iam.Role.customizeRoles(stack);
    new RakutenPostback(stack, 'Postback', {
      publisher: { sid: '3900112', credentials: Secret.fromSecretNameV2(stack, 'Credentials', 'rakuten/api') },
    });
    const template = new Resources(stack);
    expect(template.of('AWS::IAM::Policy')).toEqual([]);
    const text = readFileSync(join((stack.node.root as App).synth().directory, 'iam-policy-report.json'), 'utf8');
    const { roles } = JSON.parse(text) as { roles: { roleConstructPath: string; identityPolicyStatements: unknown }[] };
    const policyOf = (path: string): string =>
      JSON.stringify(roles.find(({ roleConstructPath }) => roleConstructPath === `Stack/Postback/${path}`)?.identityPolicyStatements);
    expect(policyOf('RegistrationProvider/FunctionRole')).toContain('secretsmanager:PutSecretValue');
    // It continues in a new invocation of itself.
    expect(policyOf('Reconciliation/FunctionRole')).toContain('lambda:InvokeFunction');
    expect(policyOf('StatusWatch/FunctionRole')).toContain('events:PutEvents');
  });
});
