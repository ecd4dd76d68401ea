import { CfnResource, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * The CloudFormation resource behind a construct. Undefined for an imported one.
 *
 * Not by `instanceof`, which fails where an app has two copies of aws-cdk-lib.
 *
 * @param types CloudFormation types that count
 */
export function resourceOf({ node }: IConstruct, ...types: string[]): CfnResource | undefined {
  const resource = node.defaultChild;
  if (resource === undefined || !CfnResource.isCfnResource(resource)) return undefined;
  return types.includes(resource.cfnResourceType) ? resource : undefined;
}

/**
 * The properties as the template will have them, overrides included. Nothing for an imported
 * construct.
 */
export function templateProperties<Properties extends object>(
  construct: IConstruct,
  ...types: string[]
): Partial<Properties> {
  const resource = resourceOf(construct, ...types);
  if (resource === undefined) return {};
  const { Resources = {} } = Stack.of(resource).resolve(resource._toCloudFormation());
  const [rendered] = Object.values(Resources) as { Properties?: Partial<Properties> }[];
  return rendered?.Properties ?? {};
}
