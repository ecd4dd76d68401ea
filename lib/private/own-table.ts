import { CfnResource, Stack } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { schemaProblems, type TableSchema } from '../../core/store/table-schema';

const TABLE_TYPES = ['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable'];

/**
 * Errors about the keys and indexes of a table that the user passed.
 *
 * To be called when the app is synthesized, as indexes can be added until then. The keys of an
 * imported table are not known: `doctor` checks them after the deployment.
 */
export function ownTableErrors(table: ITable): string[] {
  const problems = schemaProblems(templateProperties(table));
  if (problems.length === 0) return [];
  return [
    `the table ${table.node.path} cannot be the \`table\`: ${problems.join('; ')}. ` +
      'Give it the keys and indexes of docs/rows.md, or leave `table` out',
  ];
}

/** The table as the template will have it, overrides included. Nothing for an imported table. */
function templateProperties(table: ITable): TableSchema {
  const resource = table.node.defaultChild;
  if (resource === undefined || !CfnResource.isCfnResource(resource)) return {};
  if (!TABLE_TYPES.includes(resource.cfnResourceType)) return {};
  const { Resources = {} } = Stack.of(resource).resolve(resource._toCloudFormation());
  const [rendered] = Object.values(Resources) as { Properties?: TableSchema }[];
  return rendered?.Properties ?? {};
}
