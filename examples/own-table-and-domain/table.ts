import {
  type Attribute,
  AttributeType,
  Billing,
  ProjectionType,
  StreamViewType,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

/**
 * A table of your own. It needs exactly these keys and at least these three indexes.
 *
 * Name, billing, encryption, backups and everything else are yours to choose.
 */
export function transactionTable(scope: Construct): TableV2 {
  return new TableV2(scope, 'Transactions', {
    tableName: 'affiliate-transactions',
    partitionKey: text('line_id'),
    sortKey: text('is_event'),
    globalSecondaryIndexes: [
      {
        indexName: 'by-order',
        partitionKey: text('order_id'),
        sortKey: text('line_id'),
        projectionType: ProjectionType.KEYS_ONLY,
      },
      {
        indexName: 'by-member',
        partitionKey: text('u1'),
        sortKey: text('occurred_at'),
        projectionType: ProjectionType.ALL,
      },
      {
        indexName: 'by-day',
        partitionKey: text('process_day'),
        sortKey: text('received_at'),
        projectionType: ProjectionType.ALL,
      },
    ],
    billing: Billing.onDemand(),
    // Needed for onTransaction.
    dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
  });
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });
