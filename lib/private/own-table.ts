import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { schemaProblems, type TableSchema } from '../../core/transactions/table-schema';
import { templateProperties } from './template-properties';

/** CloudFormation types of a table. */
export const TABLE_TYPES = ['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable'];

/**
 * Errors about the keys and indexes of a table that the user passed.
 *
 * To be called when the app is synthesized, as indexes can be added until then. The keys of an
 * imported table are not known: `doctor` checks them after the deployment.
 */
export function ownTableErrors(table: ITable): string[] {
  const problems = schemaProblems(templateProperties<TableSchema>(table, ...TABLE_TYPES));
  if (problems.length === 0) return [];
  return [
    `the table ${table.node.path} cannot be the \`table\`: ${problems.join('; ')}. ` +
      'Give it the keys and indexes of docs/rows.md, or leave `table` out',
  ];
}
