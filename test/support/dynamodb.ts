import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS } from '../../core/transactions/keys';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import type { FaultyServer } from '../../local/embedded/server-thread';

/** A DynamoDB for tests. */
export type TestDynamoDb = Pick<FaultyServer, 'endpoint' | 'close' | 'refuse' | 'accept'>;

/**
 * Address of a DynamoDB that runs already and has no tables. @default - the tests start an embedded
 * server
 */
const ENDPOINT = process.env.DYNAMODB_ENDPOINT;

/** Whether the tests start a server themselves. Only that one can refuse calls. */
export const IS_EMBEDDED = ENDPOINT === undefined;

/** Starts the embedded server, or uses the one that `DYNAMODB_ENDPOINT` names. */
export async function startTestDynamoDb(): Promise<TestDynamoDb> {
  if (ENDPOINT === undefined) return startDynamoDb();
  const unsupported = () =>
    Promise.reject(new Error('the server of DYNAMODB_ENDPOINT refuses nothing on request'));
  return { endpoint: ENDPOINT, close: async () => {}, refuse: unsupported, accept: unsupported };
}

/**
 * The client with one correction: a refused put brings the row that is there, as DynamoDB does when
 * asked for `ALL_OLD`. The embedded server omits it.
 */
export function withRefusedRows(client: DynamoDBClient): Pick<DynamoDBClient, 'send'> {
  const send = async (command: PutItemCommand): Promise<unknown> => {
    try {
      return await client.send(command);
    } catch (error) {
      const isOmitted =
        error instanceof ConditionalCheckFailedException && error.Item === undefined;
      const { TableName, Item = {}, ReturnValuesOnConditionCheckFailure: wanted } = command.input;
      if (!isOmitted || !(command instanceof PutItemCommand) || wanted !== 'ALL_OLD') throw error;
      const Key = Object.fromEntries(
        Object.values(TABLE_KEYS).map((name) => [name, Item[name] ?? { S: '' }]),
      );
      const found = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
      throw new ConditionalCheckFailedException({
        message: error.message,
        $metadata: error.$metadata,
        Item: found.Item,
      });
    }
  };
  return { send } as unknown as Pick<DynamoDBClient, 'send'>;
}
