import { type Attribute, AttributeType, Billing, ProjectionType, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

/** A table of your own. Its keys and its three indexes must be these; name, billing, encryption, backups and all else are yours to choose. */
export function transactionTable(scope: Construct): TableV2 {
  return new TableV2(scope, 'Transactions', {
    tableName: 'affiliate-transactions',
    partitionKey: text('order_key'),
    sortKey: text('line_key'),
    globalSecondaryIndexes: [
      { indexName: 'by-member', partitionKey: text('u1'), sortKey: text('occurred_at'), projectionType: ProjectionType.ALL },
      { indexName: 'by-day', partitionKey: text('process_day'), sortKey: text('received_at'), projectionType: ProjectionType.ALL },
      { indexName: 'by-transaction', partitionKey: text('etransaction_id'), projectionType: ProjectionType.KEYS_ONLY },
    ],
    billing: Billing.onDemand(),
    // With a stream the rows can be sent on as they change.
    dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
  });
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });
