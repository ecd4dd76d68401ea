import type {
  CreateTableCommandInput,
  GlobalSecondaryIndex,
  KeySchemaElement,
} from '@aws-sdk/client-dynamodb';
import { INDEX_KEYS, TABLE_KEYS } from '../transactions/keys';
import { STATE_KEYS } from './publisher-state';

interface IndexKeys {
  readonly partition: string;
  readonly sort: string;
  readonly projected: readonly string[];
}

/**
 * The transaction table as a `CreateTable` call: for embedded servers, where no template makes it.
 */
export function createTableInput(tableName: string): CreateTableCommandInput {
  const indexes: [string, IndexKeys][] = Object.entries(INDEX_KEYS);
  const keyAttributes = new Set([
    ...Object.values(TABLE_KEYS),
    ...indexes.flatMap(([, { partition, sort }]) => [partition, sort]),
  ]);
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...keyAttributes].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: keySchema(TABLE_KEYS),
    GlobalSecondaryIndexes: indexes.map(([name, keys]) => globalIndex(name, keys)),
  };
}

/** The state table as a `CreateTable` call, likewise. */
export function createStateTableInput(tableName: string): CreateTableCommandInput {
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: Object.values(STATE_KEYS).map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: keySchema(STATE_KEYS),
  };
}

const globalIndex = (name: string, keys: IndexKeys): GlobalSecondaryIndex => ({
  IndexName: name,
  KeySchema: keySchema(keys),
  Projection:
    keys.projected.length === 0
      ? { ProjectionType: 'KEYS_ONLY' }
      : { ProjectionType: 'INCLUDE', NonKeyAttributes: [...keys.projected] },
});

const keySchema = ({
  partition,
  sort,
}: {
  partition: string;
  sort: string;
}): KeySchemaElement[] => [
  { AttributeName: partition, KeyType: 'HASH' },
  { AttributeName: sort, KeyType: 'RANGE' },
];
