import type { AddressInfo } from 'node:net';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** Starts a table browser (dynamodb-admin) on 127.0.0.1. */
export async function startTableBrowser(
  dynamoDbClient: DynamoDBClient,
  dynamoEndpoint: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const { createServer } = await import('dynamodb-admin');
  const server = createServer({ dynamoDbClient, dynamoEndpoint }).listen(0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
