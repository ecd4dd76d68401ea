import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { GroupedPermissions } from './grouped-permissions';

/**
 * Rights of a function in a policy of their own, to be granted as to the function itself. What needs them depends on the policy, so that it comes after them and goes
 * before them: from its role's one default policy they would be taken at the beginning of an update, before CloudFormation removes what is no more in the template.
 */
export class OwnPolicy implements iam.IGrantable, iam.IPrincipal {
  public readonly policy: iam.Policy;
  public readonly grantPrincipal: iam.IPrincipal = this;
  public readonly assumeRoleAction: string;
  public readonly policyFragment: iam.PrincipalPolicyFragment;
  public readonly principalAccount?: string;
  public readonly permissions = new GroupedPermissions(this);

  constructor(scope: Construct, id: string, { role, node }: lambda.Function) {
    if (role === undefined) throw new Error(`${node.path} has no role to give rights to`);
    this.policy = new iam.Policy(scope, id, { roles: [role] });
    this.assumeRoleAction = role.assumeRoleAction;
    this.policyFragment = role.policyFragment;
    this.principalAccount = role.principalAccount;
  }

  public addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    this.policy.addStatements(statement);
    return { statementAdded: true, policyDependable: this.policy };
  }

  public addToPolicy(statement: iam.PolicyStatement): boolean {
    return this.addToPrincipalPolicy(statement).statementAdded;
  }
}
