import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { dynamoDbClient, secretsManagerClient, sqsClient } from './clients';
import { startDynamoDb } from './dynamodb';
import { startSecretsManager } from './secrets-manager';
import type { EmbeddedServer, FaultyServer } from './server-thread';
import { startSqs } from './sqs';

/** An empty DynamoDB, SQS and Secrets Manager, each with a client. */
export interface EmbeddedServices {
  readonly dynamodb: FaultyServer;
  readonly sqs: FaultyServer;
  readonly secretsManager: EmbeddedServer;
  readonly clients: {
    readonly dynamodb: DynamoDBClient;
    readonly sqs: SQSClient;
    readonly secretsManager: SecretsManagerClient;
  };
  /** As a local function is told them. */
  readonly endpoints: {
    readonly dynamodb: string;
    readonly sqs: string;
    readonly secretsManager: string;
  };
  /** Makes tables, and waits until they can be used. */
  createTables(...inputs: readonly CreateTableCommandInput[]): Promise<void>;
  close(): Promise<void>;
}

export async function startEmbeddedServices(): Promise<EmbeddedServices> {
  const [dynamodb, sqs, secretsManager] = await Promise.all([
    startDynamoDb(),
    startSqs(),
    startSecretsManager(),
  ]);
  const clients = {
    dynamodb: dynamoDbClient(dynamodb.endpoint),
    sqs: sqsClient(sqs.endpoint),
    secretsManager: secretsManagerClient(secretsManager.endpoint),
  };
  return {
    dynamodb,
    sqs,
    secretsManager,
    clients,
    endpoints: {
      dynamodb: dynamodb.endpoint,
      sqs: sqs.endpoint,
      secretsManager: secretsManager.endpoint,
    },
    createTables: async (...inputs) => {
      for (const input of inputs) {
        await clients.dynamodb.send(new CreateTableCommand(input));
        await waitUntilTableExists(
          { client: clients.dynamodb, minDelay: 0.01, maxDelay: 0.05, maxWaitTime: 10 },
          { TableName: input.TableName },
        );
      }
    },
    close: async () => {
      for (const client of Object.values(clients)) client.destroy();
      await Promise.all([dynamodb.close(), sqs.close(), secretsManager.close()]);
    },
  };
}
