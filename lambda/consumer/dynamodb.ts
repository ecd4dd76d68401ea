import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { leaveThrottlingToCaller } from './own-tries';

/**
 * A stuck call must not take the whole batch's 30 seconds: it is cut off and tried again well
 * inside them.
 */
const OVER_HTTP: DynamoDBClientConfig['requestHandler'] = {
  connectionTimeout: 1000,
  requestTimeout: 4000,
  throwOnRequestTimeout: true,
};

/** A client for one small call after the other, many times a second. */
export function dynamoDb(requestHandler = OVER_HTTP): DynamoDBClient {
  // The SDK would sort its own steps anew for each call. Nothing changes them here after this
  // function.
  const client = new DynamoDBClient({ maxAttempts: 4, requestHandler, cacheMiddleware: true });
  // It copies each input and output, without what is secret in them, for a logger that this client
  // does not have.
  client.middlewareStack.remove('loggerMiddleware');
  return leaveThrottlingToCaller(client);
}
