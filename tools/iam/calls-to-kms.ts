import type { CheckedApp } from './apps';
import { type Call, callOf } from './call';
import type { Deployed, DeployedResource } from './deployed';

/** What a service asks KMS for, with the permissions of whoever called the service. */
interface KeyRule {
  /** Actions on a resource that is encrypted under a key of the user's. */
  readonly on: RegExp;
  readonly actions: readonly string[];
  readonly source: string;
}

const RULES: readonly KeyRule[] = [
  {
    // What AWS lists as the minimum, without what the principal needs that chooses the key for a
    // table.
    on: /^dynamodb:(BatchGetItem|DeleteItem|GetItem|PutItem|Query|UpdateItem)$/,
    actions: [
      'Encrypt',
      'Decrypt',
      'ReEncryptFrom',
      'ReEncryptTo',
      'GenerateDataKey',
      'GenerateDataKeyWithoutPlaintext',
    ],
    source:
      'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html',
  },
  {
    on: /^dynamodb:GetRecords$/,
    actions: ['Decrypt'],
    source:
      'https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html',
  },
  {
    on: /^sqs:SendMessage$/,
    actions: ['GenerateDataKey', 'Decrypt'],
    source:
      'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html',
  },
  {
    on: /^sqs:ReceiveMessage$/,
    actions: ['Decrypt'],
    source:
      'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html',
  },
  {
    on: /^secretsmanager:GetSecretValue$/,
    actions: ['Decrypt'],
    source: 'https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html',
  },
  {
    on: /^secretsmanager:PutSecretValue$/,
    actions: ['GenerateDataKey', 'Decrypt'],
    source: 'https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html',
  },
  {
    on: /^ssm:GetParameter$/,
    actions: ['Decrypt'],
    source: 'https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html',
  },
  {
    on: /^s3:PutObject$/,
    actions: ['GenerateDataKey', 'Decrypt'],
    source: 'https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3',
  },
];

/**
 * Calls to KMS that follow from calls to other services.
 *
 * Firehose makes a grant for the key of a delivery stream, so that no role uses it.
 */
export function callsToKms(calls: readonly Call[], app: CheckedApp, deployed: Deployed): Call[] {
  return calls.flatMap(({ principal, action, resource }) => {
    const found = deployed.withArn(resource);
    const key = app.keys?.get(resource) ?? (found && keyOf(found));
    if (key === undefined) return [];
    const [, , , region] = key.split(':');
    const via = `${action.split(':')[0]}.${region}.amazonaws.com`;
    const actions = RULES.filter(({ on }) => on.test(action)).flatMap((rule) => rule.actions);
    return actions.map((name) => callOf(principal, `kms:${name}`, key, { 'kms:ViaService': via }));
  });
}

/** ARN of the key under which a resource is encrypted. Undefined for a key of AWS. */
function keyOf({ type, region, properties }: DeployedResource): string | undefined {
  switch (type) {
    case 'AWS::DynamoDB::GlobalTable':
      return properties.Replicas.find((replica: { Region: string }) => replica.Region === region)
        ?.SSESpecification?.KMSMasterKeyId;
    case 'AWS::SQS::Queue':
      return properties.KmsMasterKeyId;
    case 'AWS::SecretsManager::Secret':
      return properties.KmsKeyId;
    case 'AWS::S3::Bucket':
      return properties.BucketEncryption?.ServerSideEncryptionConfiguration[0]
        .ServerSideEncryptionByDefault.KMSMasterKeyID;
    default:
      return undefined;
  }
}
