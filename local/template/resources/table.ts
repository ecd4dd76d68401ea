import {
  CreateTableCommand,
  type CreateTableCommandInput,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../embedded/clients';
import { type Maker, physicalName } from '../context';

/** A global table of one replica, as CDK's TableV2 makes it: keys and indexes, on demand. */
export const makeTable: Maker = async (resource, context) => {
  const { properties } = resource;
  const TableName = physicalName(resource, context, properties.TableName);
  await context.clients.dynamodb.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      ...({
        AttributeDefinitions: properties.AttributeDefinitions,
        KeySchema: properties.KeySchema,
        GlobalSecondaryIndexes: withoutThroughput(properties.GlobalSecondaryIndexes),
      } as Pick<
        CreateTableCommandInput,
        'AttributeDefinitions' | 'KeySchema' | 'GlobalSecondaryIndexes'
      >),
    }),
  );
  await waitUntilTableExists(
    { client: context.clients.dynamodb, maxWaitTime: 10, minDelay: 0.05, maxDelay: 0.5 },
    { TableName },
  );
  const Arn = `arn:aws:dynamodb:${LOCAL_REGION}:${LOCAL_ACCOUNT}:table/${TableName}`;
  return {
    ref: TableName,
    attributes: { Arn, StreamArn: `${Arn}/stream/local`, TableId: TableName },
  };
};

function withoutThroughput(indexes: unknown): unknown {
  if (!Array.isArray(indexes)) return undefined;
  return indexes.map(({ IndexName, KeySchema, Projection }) => ({
    IndexName,
    KeySchema,
    Projection,
  }));
}
