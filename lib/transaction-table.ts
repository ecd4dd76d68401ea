import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { ATTRIBUTES } from '../core/names';
import { INDEX_KEYS, TABLE_KEYS } from '../core/store/keys';
import type { TableOptions } from './table-options';

/** The table with one row per pushed line: on demand, point-in-time recovery, encrypted, protected against deletion, with a stream. */
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
        ...(sort === undefined ? {} : { sortKey: stringKey(sort) }),
        ...projection([...projected], [partition, sort]),
      })),
    });
  }
}

const stringKey = (name: string): dynamodb.Attribute => ({ name, type: dynamodb.AttributeType.STRING });

/** DynamoDB refuses a projected attribute that is a key of the index or the table, as those are there anyway. */
function projection(
  projected: string[],
  keys: (string | undefined)[],
): Pick<dynamodb.GlobalSecondaryIndexPropsV2, 'projectionType' | 'nonKeyAttributes'> {
  const nonKeyAttributes = projected.filter((name) => !keys.includes(name));
  if (nonKeyAttributes.length === 0) return { projectionType: dynamodb.ProjectionType.KEYS_ONLY };
  return { projectionType: dynamodb.ProjectionType.INCLUDE, nonKeyAttributes };
}
