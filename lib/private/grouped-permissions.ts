import * as iam from 'aws-cdk-lib/aws-iam';

/**
 * Permissions of one principal, with all resources of the same actions in one statement.
 *
 * A statement per resource would exceed what IAM accepts for a role with many of them.
 */
export class GroupedPermissions {
  private readonly statements = new Map<string, iam.PolicyStatement>();

  constructor(private readonly grantee: iam.IGrantable) {}

  /** Account of the principal. */
  public get account(): string | undefined {
    return this.grantee.grantPrincipal.principalAccount;
  }

  public allow(actions: string[], resource: string, conditions: iam.Conditions = {}): void {
    const key = JSON.stringify([actions, conditions]);
    const existing = this.statements.get(key);
    if (existing !== undefined) {
      existing.addResources(resource);
      return;
    }
    const statement = new iam.PolicyStatement({ actions, resources: [resource], conditions });
    this.statements.set(key, statement);
    this.grantee.grantPrincipal.addToPrincipalPolicy(statement);
  }
}
