import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';

/**
 * Region and account of everything that runs locally. The account is the one that fauxqs puts into
 * its queue URLs.
 */
export const LOCAL_REGION = 'us-east-1';
export const LOCAL_ACCOUNT = '000000000000';

/** Not a secret: the embedded servers accept any key, and these exist nowhere else. */
export const LOCAL_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/**
 * Endpoint and credentials stand in code and every switch that could lead elsewhere is set, so that
 * a developer's own profile or environment can never send a call to a real account.
 */
const localConfig = (endpoint: string) => ({
  endpoint,
  region: LOCAL_REGION,
  credentials: LOCAL_CREDENTIALS,
  useFipsEndpoint: false,
  useDualstackEndpoint: false,
});

export const dynamoDbClient = (endpoint: string): DynamoDBClient =>
  new DynamoDBClient(localConfig(endpoint));
export const sqsClient = (
  endpoint: string,
  options: Pick<SQSClientConfig, 'maxAttempts' | 'md5'> = {},
): SQSClient => new SQSClient({ ...localConfig(endpoint), ...options });
export const secretsManagerClient = (endpoint: string): SecretsManagerClient =>
  new SecretsManagerClient(localConfig(endpoint));
