import type { AttributeValue, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import type { INDEXES } from '../core/names';
import { INDEX_KEYS, TABLE_KEYS } from '../core/store/keys';
import type { TimeRange } from './input';
import type { RequiredList } from './list';

type TimedIndex = typeof INDEXES.byMember | typeof INDEXES.byDay;

/** The query of an index that is sorted by time. */
export function indexQuery(tableName: string, index: TimedIndex, value: string, range: TimeRange, list: RequiredList): QueryCommandInput {
  const { partition, sort } = INDEX_KEYS[index];
  const time = timeCondition(range);
  return {
    TableName: tableName,
    IndexName: index,
    KeyConditionExpression: `#partition = :partition${time.condition}`,
    ExpressionAttributeNames: { '#partition': partition, ...(time.condition === '' ? {} : { '#time': sort }) },
    ExpressionAttributeValues: stringKey({ ':partition': value, ...time.values }),
    ScanIndexForward: !list.newestFirst,
    Limit: list.readAtOnce,
  };
}

/** A key condition takes one range, and `BETWEEN` includes its end: the millisecond before the end is the last that rows can have. */
function timeCondition({ from, to }: TimeRange): { condition: string; values: Record<string, string> } {
  if (from !== undefined && to !== undefined) {
    const last = new Date(Date.parse(to) - 1).toISOString();
    return { condition: ' AND #time BETWEEN :from AND :last', values: { ':from': from, ':last': last } };
  }
  if (from !== undefined) return { condition: ' AND #time >= :from', values: { ':from': from } };
  if (to !== undefined) return { condition: ' AND #time < :to', values: { ':to': to } };
  return { condition: '', values: {} };
}

export const stringKey = (values: Record<string, string>): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { S: value }]));

export const tableKey = (orderKey: string, lineKey: string): Record<string, AttributeValue> =>
  stringKey({ [TABLE_KEYS.partition]: orderKey, [TABLE_KEYS.sort]: lineKey });
