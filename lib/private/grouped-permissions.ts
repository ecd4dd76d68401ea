import * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';

/** Whether the template has the role: with `iam.Role.customizeRoles` it is only in a report. */
export const isInTemplate = ({ node }: IConstruct): boolean =>
  node.tryFindChild('Resource') !== undefined;

/**
 * Permissions of one principal, with all resources of the same actions in one statement.
 *
 * A statement per resource would exceed what IAM accepts for a role with many of them. The report
 * of `iam.Role.customizeRoles` has a statement per resource, as it copies each statement at once.
 */
export class GroupedPermissions {
  private readonly statements = new Map<string, iam.PolicyStatement>();

  /**
   * @param grantee principal that receives the permissions
   * @param role of that principal
   */
  constructor(
    private readonly grantee: iam.IGrantable,
    private readonly role: iam.IRole | undefined,
  ) {}

  /** Account of the principal. */
  public get account(): string | undefined {
    return this.grantee.grantPrincipal.principalAccount;
  }

  public allow(actions: string[], resource: string, conditions: iam.Conditions = {}): void {
    const key = JSON.stringify([actions, conditions]);
    const existing = this.statements.get(key);
    if (existing !== undefined && this.role !== undefined && isInTemplate(this.role)) {
      existing.addResources(resource);
      return;
    }
    const statement = new iam.PolicyStatement({ actions, resources: [resource], conditions });
    this.statements.set(key, statement);
    this.grantee.grantPrincipal.addToPrincipalPolicy(statement);
  }
}
