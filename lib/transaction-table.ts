import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { ATTRIBUTES } from '../core/names';
import { INDEX_KEYS, MAX_PROJECTED_ATTRIBUTES, TABLE_KEYS } from '../core/store/keys';
import type { TableOptions } from './table-options';

/**
 * The table with one row per transaction line.
 *
 * On demand, with point-in-time recovery, encryption, protection against deletion and a stream.
 */
export class TransactionTable extends Construct {
  /** The DynamoDB table. */
  public readonly table: dynamodb.TableV2;

  constructor(scope: Construct, id: string, props: Omit<TableOptions, 'table'> = {}) {
    super(scope, id);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    this.table = new dynamodb.TableV2(this, 'Table', {
      partitionKey: stringKey(TABLE_KEYS.partition),
      sortKey: stringKey(TABLE_KEYS.sort),
      billing: dynamodb.Billing.onDemand(),
      encryption: props.encryptionKey
        ? dynamodb.TableEncryptionV2.customerManagedKey(props.encryptionKey, props.replicaKeyArns)
        : dynamodb.TableEncryptionV2.awsManagedKey(),
      ...(props.preliminaryExpiry === undefined ? {} : { timeToLiveAttribute: ATTRIBUTES.expiresAt }),
      replicas: props.replicaRegions?.map((region) => ({ region })),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      dynamoStream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
      removalPolicy,
      deletionProtection: props.deletionProtection ?? removalPolicy !== RemovalPolicy.DESTROY,
      globalSecondaryIndexes: Object.entries(INDEX_KEYS).map(([indexName, { partition, sort, projected }]) => ({
        indexName,
        partitionKey: stringKey(partition),
        sortKey: stringKey(sort),
        ...projectionOf(indexName, projected),
      })),
    });
  }
}

const stringKey = (name: string): dynamodb.Attribute => ({ name, type: dynamodb.AttributeType.STRING });

type Projection = Pick<dynamodb.GlobalSecondaryIndexPropsV2, 'projectionType' | 'nonKeyAttributes'>;

/** Throws if DynamoDB would reject the index: CloudFormation finds that out only while it deploys. */
export function projectionOf(indexName: string, projected: readonly string[]): Projection {
  if (projected.length > MAX_PROJECTED_ATTRIBUTES) {
    throw new Error(`the index ${indexName} projects ${projected.length} attributes; DynamoDB takes ${MAX_PROJECTED_ATTRIBUTES}`);
  }
  if (projected.length === 0) return { projectionType: dynamodb.ProjectionType.KEYS_ONLY };
  return { projectionType: dynamodb.ProjectionType.INCLUDE, nonKeyAttributes: [...projected] };
}
