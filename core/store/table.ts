import type { CreateTableCommandInput, GlobalSecondaryIndex } from '@aws-sdk/client-dynamodb';
import { INDEX_KEYS, TABLE_KEYS } from './keys';
import { STATE_KEYS } from './publisher-state';

interface IndexKeys {
  readonly partition: string;
  readonly sort: string | undefined;
  readonly projected: readonly string[];
}

/** The transaction table as a `CreateTable` call: for embedded servers, where no template makes it. */
export function createTableInput(tableName: string): CreateTableCommandInput {
  const indexes: [string, IndexKeys][] = Object.entries(INDEX_KEYS);
  const keyAttributes = new Set([...Object.values(TABLE_KEYS), ...indexes.flatMap(([, keys]) => keyNames(keys))]);
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...keyAttributes].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: keySchema(TABLE_KEYS),
    GlobalSecondaryIndexes: indexes.map(([name, keys]) => globalIndex(name, keys)),
  };
}

/** The state table as a `CreateTable` call, likewise. */
export function createStateTableInput(tableName: string): CreateTableCommandInput {
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: Object.values(STATE_KEYS).map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: keySchema(STATE_KEYS),
  };
}

function globalIndex(name: string, keys: IndexKeys): GlobalSecondaryIndex {
  const ownKeys: readonly string[] = [...keyNames(keys), ...Object.values(TABLE_KEYS)];
  // DynamoDB refuses a projection that names a key: keys are always there.
  const projected = keys.projected.filter((attribute) => !ownKeys.includes(attribute));
  return {
    IndexName: name,
    KeySchema: keySchema(keys),
    Projection: projected.length === 0 ? { ProjectionType: 'KEYS_ONLY' } : { ProjectionType: 'INCLUDE', NonKeyAttributes: projected },
  };
}

const keyNames = ({ partition, sort }: { partition: string; sort: string | undefined }): string[] =>
  sort === undefined ? [partition] : [partition, sort];

const keySchema = (keys: { partition: string; sort: string | undefined }): { AttributeName: string; KeyType: 'HASH' | 'RANGE' }[] =>
  keyNames(keys).map((AttributeName, position) => ({ AttributeName, KeyType: position === 0 ? 'HASH' : 'RANGE' }));
