import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { STATE_KEYS, STATE_TTL } from '../core/state/publisher-state';

/**
 * A small table for what the functions must share and a template cannot know: which secrets and
 * field lists are accepted, which URL stood in the slot before ours, which probes have come
 * through. It goes with the stack.
 */
export class StateTable extends Construct {
  /** The DynamoDB table. */
  public readonly table: dynamodb.TableV2;

  constructor(scope: Construct, id: string, encryptionKey?: kms.IKey) {
    super(scope, id);
    this.table = new dynamodb.TableV2(this, 'Table', {
      partitionKey: { name: STATE_KEYS.partition, type: dynamodb.AttributeType.STRING },
      sortKey: { name: STATE_KEYS.sort, type: dynamodb.AttributeType.STRING },
      billing: dynamodb.Billing.onDemand(),
      encryption: encryptionKey
        ? dynamodb.TableEncryptionV2.customerManagedKey(encryptionKey)
        : dynamodb.TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: STATE_TTL,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}
