import { AttributeType, type TablePropsV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { INDEX_KEYS, TABLE_KEYS } from '../../core/transactions/keys';
import { projectionOf } from '../../lib/transaction-table';

export const stringKey = (name: string) => ({ name, type: AttributeType.STRING });

/** Keys and indexes that a table needs to be passed as `table`. */
export const TABLE_SCHEMA: TablePropsV2 = {
  partitionKey: stringKey(TABLE_KEYS.partition),
  sortKey: stringKey(TABLE_KEYS.sort),
  globalSecondaryIndexes: Object.entries(INDEX_KEYS).map(
    ([indexName, { partition, sort, projected }]) => ({
      indexName,
      partitionKey: stringKey(partition),
      sortKey: stringKey(sort),
      ...projectionOf(indexName, projected),
    }),
  ),
};

/** A table that can be passed as `table`. */
export const ownTable = (
  scope: Construct,
  id = 'Own',
  props: Partial<TablePropsV2> = {},
): TableV2 => new TableV2(scope, id, { ...TABLE_SCHEMA, ...props });
