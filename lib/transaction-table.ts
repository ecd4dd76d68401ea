import { CfnDeletionPolicy, type CfnResource, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { ATTRIBUTES } from '../core/names';
import { INDEX_KEYS, MAX_PROJECTED_ATTRIBUTES, TABLE_KEYS } from '../core/transactions/keys';
import { expiryOption, type TableOptions } from './table-options';

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
    this.table = new dynamodb.TableV2(this, 'Table', {
      partitionKey: stringKey(TABLE_KEYS.partition),
      sortKey: stringKey(TABLE_KEYS.sort),
      billing: dynamodb.Billing.onDemand(),
      encryption: props.encryptionKey
        ? dynamodb.TableEncryptionV2.customerManagedKey(props.encryptionKey, props.replicaKeyArns)
        : dynamodb.TableEncryptionV2.awsManagedKey(),
      ...(expiryOption(props) === undefined ? {} : { timeToLiveAttribute: ATTRIBUTES.expiresAt }),
      replicas: props.replicaRegions?.map((region) => ({ region })),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      dynamoStream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
      deletionProtection: props.deletionProtection ?? this.protectionByPolicy(),
      globalSecondaryIndexes: Object.entries(INDEX_KEYS).map(
        ([indexName, { partition, sort, projected }]) => ({
          indexName,
          partitionKey: stringKey(partition),
          sortKey: stringKey(sort),
          ...projectionOf(indexName, projected),
        }),
      ),
    });
  }

  /**
   * True unless CloudFormation is to delete the table, which it cannot do with a protected one.
   *
   * By the policy of the template, since an aspect or a property injector may have changed it.
   */
  private protectionByPolicy(): boolean {
    const produce = (): boolean => {
      const { deletionPolicy } = (this.table.node.defaultChild as CfnResource).cfnOptions;
      return (
        deletionPolicy !== CfnDeletionPolicy.DELETE &&
        deletionPolicy !== CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
      );
    };
    // The type of the property has no room for a token.
    return Lazy.any({ produce }) as unknown as boolean;
  }
}

const stringKey = (name: string): dynamodb.Attribute => ({
  name,
  type: dynamodb.AttributeType.STRING,
});

type Projection = Pick<dynamodb.GlobalSecondaryIndexPropsV2, 'projectionType' | 'nonKeyAttributes'>;

/**
 * Throws if DynamoDB would reject the index: CloudFormation finds that out only while it deploys.
 */
export function projectionOf(indexName: string, projected: readonly string[]): Projection {
  if (projected.length > MAX_PROJECTED_ATTRIBUTES) {
    throw new Error(
      `the index ${indexName} projects ${projected.length} attributes; DynamoDB takes ${MAX_PROJECTED_ATTRIBUTES}`,
    );
  }
  if (projected.length === 0) return { projectionType: dynamodb.ProjectionType.KEYS_ONLY };
  return { projectionType: dynamodb.ProjectionType.INCLUDE, nonKeyAttributes: [...projected] };
}
