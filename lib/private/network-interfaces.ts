import { AspectPriority, Aspects, type IAspect } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { CfnFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct, IConstruct } from 'constructs';

/**
 * Allows the role to manage network interfaces if its function is in a VPC.
 *
 * The constructs create their functions outside of a VPC. An aspect of the application can move
 * them, and Lambda then rejects a function whose role lacks these permissions.
 *
 * @param scope of the function
 */
export function allowNetworkInterfaces(scope: Construct, role: iam.Role): void {
  Aspects.of(scope).add(new NetworkInterfaces(role), { priority: AspectPriority.READONLY });
}

class NetworkInterfaces implements IAspect {
  private isAllowed = false;

  constructor(private readonly role: iam.Role) {}

  visit(node: IConstruct): void {
    if (this.isAllowed || !isFunctionInVpc(node) || node.role !== this.role.roleArn) return;
    this.isAllowed = true;
    this.role.addManagedPolicy(
      iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AWSLambdaENIManagementAccess'),
    );
  }
}

/** Also of another copy of the CDK, hence by the type of the resource. */
function isFunctionInVpc(node: IConstruct): node is CfnFunction {
  const resource = node as Partial<CfnFunction>;
  return (
    resource.cfnResourceType === CfnFunction.CFN_RESOURCE_TYPE_NAME &&
    resource.vpcConfig !== undefined
  );
}
