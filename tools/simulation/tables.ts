import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createStateTableInput, createTableInput } from '../../core/state/table';
import { LOCAL_CREDENTIALS, LOCAL_REGION } from '../../local/embedded/clients';
import { type Row, scanTable } from '../../local/verify';
import type { DynamoDbServer } from './memory-dynamodb';
import { TABLES } from './settings';

/** Makes the tables of an installation. */
export async function createTables(server: DynamoDbServer): Promise<void> {
  for (const input of [createStateTableInput(TABLES.state), createTableInput(TABLES.transactions)])
    await server.execute(new CreateTableCommand(input));
}

/** Every row, when all is over. */
export const transactionRows = (server: DynamoDbServer): Promise<Row[]> => scanTable(new DirectClient(server), TABLES.transactions);

/** Straight to the tables, without taking simulated time. */
class DirectClient extends DynamoDBClient {
  public constructor(private readonly server: DynamoDbServer) {
    super({ region: LOCAL_REGION, credentials: LOCAL_CREDENTIALS, endpoint: 'http://127.0.0.1:9' });
  }

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of the SDK's own method speak of callbacks and of types for each command
  public override async send(command: any): Promise<any> {
    return this.server.execute(command);
  }
}
