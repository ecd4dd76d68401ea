import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  GetItemCommand,
  PutItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS } from '../../core/transactions/keys';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import type { DynamoDbServer } from './memory-dynamodb';

/** The embedded DynamoDB server of the local run, over HTTP. */
export async function startDynalite(): Promise<{ readonly server: DynamoDbServer; close(): Promise<void> }> {
  const running = await startDynamoDb();
  const client = dynamoDbClient(running.endpoint);
  const server: DynamoDbServer = {
    async execute(command) {
      if (command instanceof CreateTableCommand) {
        await client.send(command);
        const { TableName } = command.input;
        return waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.05, maxDelay: 0.5 }, { TableName });
      }
      try {
        return await client.send(command as GetItemCommand);
      } catch (error) {
        throw await withItem(error, command);
      }
    },
  };
  /**
   * AWS returns the item that a condition failed on; this server does not.
   *
   * Simulated time is stopped, so nothing changes in between.
   */
  const withItem = async (error: unknown, command: unknown): Promise<unknown> => {
    if (!(error instanceof ConditionalCheckFailedException) || !(command instanceof PutItemCommand)) return error;
    const { TableName, Item = {}, ReturnValuesOnConditionCheckFailure } = command.input;
    if (ReturnValuesOnConditionCheckFailure !== 'ALL_OLD') return error;
    const Key = Object.fromEntries(Object.entries(Item).filter(([name]) => KEYS.includes(name)));
    error.Item = (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
    return error;
  };
  return {
    server,
    close: async () => {
      client.destroy();
      await running.close();
    },
  };
}

const KEYS: readonly string[] = Object.values(TABLE_KEYS);
