import { setTimeout as pause } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { RowStore } from '../../core/transactions/row-store';
import { TABLE } from './names';

/** The store that the functions use, for the rows that a case begins with. */
export const rowStore = (client: DynamoDBClient): RowStore =>
  new RowStore({ client, tableName: TABLE, dayShards: 1, clock: { now: Date.now, pause } });
