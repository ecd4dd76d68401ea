import { LOCAL_REGION } from './clients';
import { type FaultyServer, startServerThread } from './server-thread';

/**
 * Starts an empty DynamoDB in memory (dynalite) on 127.0.0.1. It knows no transactions, streams or
 * time to live, and leaves the old item out of a `ConditionalCheckFailedException`.
 */
export const startDynamoDb = (options: { port?: number } = {}): Promise<FaultyServer> =>
  startServerThread('dynamodb', { region: LOCAL_REGION, ...options });
