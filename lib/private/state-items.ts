import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type * as iam from 'aws-cdk-lib/aws-iam';

/**
 * Permission for these actions on the items of these kinds in the state table, and on no other
 * item.
 */
export const onStateItems = (
  stateTable: ITable,
  actions: string[],
  ...kinds: string[]
): iam.PolicyStatementProps => ({
  actions,
  resources: [stateTable.tableArn],
  conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': kinds } },
});
