import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { close, listen } from '../../fake-rakuten/http-server';

/** In the lockfile of this folder, which only `--ui` installs. */
const PACKAGE: string = 'dynamodb-admin';

/** Starts a table browser (dynamodb-admin) on 127.0.0.1. */
export async function startTableBrowser(
  dynamoDbClient: DynamoDBClient,
  dynamoEndpoint: string,
): Promise<{ url: string; close(): Promise<void> }> {
  const { createServer: createBrowser } = (await import(PACKAGE)) as {
    createServer(options: object): RequestListener;
  };
  const server = createServer(createBrowser({ dynamoDbClient, dynamoEndpoint }));
  await listen(server, 0);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => close(server),
  };
}
