import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { type Construct, DependencyGroup, type IDependable } from 'constructs';
import { GroupedPermissions, isInTemplate } from './grouped-permissions';

/**
 * Rights of a function in a policy of their own, to be granted as to the function itself. What
 * needs them depends on the policy, so that it comes after them and goes before them: from its
 * role's one default policy they would be taken at the beginning of an update, before
 * CloudFormation removes what is no more in the template.
 */
export class OwnPolicy implements iam.IGrantable, iam.IPrincipal {
  /** What a resource depends on that needs the permissions. */
  public readonly policy: IDependable;
  public readonly grantPrincipal: iam.IPrincipal = this;
  public readonly assumeRoleAction: string;
  public readonly policyFragment: iam.PrincipalPolicyFragment;
  public readonly principalAccount?: string;
  public readonly permissions: GroupedPermissions;

  private readonly add: (statement: iam.PolicyStatement) => unknown;

  constructor(scope: Construct, id: string, { role, node }: lambda.Function) {
    if (role === undefined) throw new Error(`${node.path} has no role to give rights to`);
    this.permissions = new GroupedPermissions(this, role);
    const policy = isInTemplate(role) ? new iam.Policy(scope, id, { roles: [role] }) : undefined;
    this.policy = policy ?? new DependencyGroup();
    this.add = (statement) =>
      policy ? policy.addStatements(statement) : role.addToPrincipalPolicy(statement);
    this.assumeRoleAction = role.assumeRoleAction;
    this.policyFragment = role.policyFragment;
    this.principalAccount = role.principalAccount;
  }

  public addToPrincipalPolicy(statement: iam.PolicyStatement): iam.AddToPrincipalPolicyResult {
    this.add(statement);
    return { statementAdded: true, policyDependable: this.policy };
  }

  public addToPolicy(statement: iam.PolicyStatement): boolean {
    return this.addToPrincipalPolicy(statement).statementAdded;
  }
}
