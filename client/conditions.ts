import type { AttributeValue, QueryCommandInput, ScanCommandInput } from '@aws-sdk/client-dynamodb';
import { INDEXES } from '../core/names';
import { INDEX_KEYS, TABLE_KEYS } from '../core/transactions/keys';
import type { RequiredList } from './list';
import { nextSecond, startOfSecond, type TimeRange } from './times';

type TimedIndex = typeof INDEXES.byMember | typeof INDEXES.byDay;

/**
 * The query of an index that is sorted by time.
 *
 * It may return lines of up to a second around the range.
 */
export function indexQuery(
  tableName: string,
  index: TimedIndex,
  value: string,
  range: TimeRange,
  list: RequiredList,
): QueryCommandInput {
  const { partition, sort } = INDEX_KEYS[index];
  const time = timeCondition(range);
  return {
    TableName: tableName,
    IndexName: index,
    KeyConditionExpression: `#partition = :partition${time.condition}`,
    ExpressionAttributeNames: {
      '#partition': partition,
      ...(time.condition === '' ? {} : { '#time': sort }),
    },
    ExpressionAttributeValues: textValues({ ':partition': value, ...time.values }),
    ScanIndexForward: !list.newestFirst,
    Limit: list.readAtOnce,
  };
}

/**
 * A key condition takes one range, and `BETWEEN` includes its end.
 *
 * No row has a bare second, so here that is the same.
 */
function timeCondition({ from, to }: TimeRange): {
  condition: string;
  values: Record<string, string>;
} {
  const values: Record<string, string> = {};
  if (from !== undefined) values[':from'] = startOfSecond(from);
  if (to !== undefined) values[':to'] = nextSecond(to);
  if (from !== undefined && to !== undefined)
    return { condition: ' AND #time BETWEEN :from AND :to', values };
  if (from !== undefined) return { condition: ' AND #time >= :from', values };
  if (to !== undefined) return { condition: ' AND #time < :to', values };
  return { condition: '', values };
}

/** The keys of a publisher's lines that show an order number, of whichever advertiser. */
export function orderQuery(tableName: string, sid: string, orderId: string): QueryCommandInput {
  const { partition, sort } = INDEX_KEYS[INDEXES.byOrder];
  return {
    TableName: tableName,
    IndexName: INDEXES.byOrder,
    KeyConditionExpression: '#order = :order AND begins_with(#line, :publisher)',
    ExpressionAttributeNames: { '#order': partition, '#line': sort },
    ExpressionAttributeValues: textValues({ ':order': orderId, ':publisher': `${sid}#` }),
  };
}

/** The rows of a line: at most one each for `Y`, `N` and `-`. */
export const lineQuery = (tableName: string, lineId: string): QueryCommandInput => ({
  TableName: tableName,
  KeyConditionExpression: '#line = :line',
  ExpressionAttributeNames: { '#line': TABLE_KEYS.partition },
  ExpressionAttributeValues: textValues({ ':line': lineId }),
});

/** A condition on an attribute that is no key of the queried table or index. */
export interface Condition {
  readonly attribute: string;
  readonly test: 'exists' | 'missing' | '=' | '>=' | 'begins with';
  readonly value?: string;
}

/** A condition, or several of which one must hold. */
export type Filter = Condition | { readonly anyOf: readonly Condition[] };

/** Lines of one publisher. */
export const ofPublisher = (sid: string | undefined): Condition[] =>
  sid === undefined
    ? []
    : [{ attribute: TABLE_KEYS.partition, test: 'begins with', value: `${sid}#` }];

/** A query or scan that returns only items of all conditions. It reads the others, too. */
export function withFilter<I extends QueryCommandInput | ScanCommandInput>(
  input: I,
  filters: readonly Filter[],
): I {
  const alternatives = filters.map((filter) => ('anyOf' in filter ? filter.anyOf : [filter]));
  const conditions = alternatives.flat();
  if (conditions.length === 0) return input;
  const values = Object.fromEntries(
    conditions.flatMap(({ value }, index) =>
      value === undefined ? [] : [[`:filter${index}`, value]],
    ),
  ) as Record<string, string>;
  return {
    ...input,
    FilterExpression: filterExpression(alternatives),
    ExpressionAttributeNames: {
      ...input.ExpressionAttributeNames,
      ...Object.fromEntries(
        conditions.map(({ attribute }, index) => [`#filter${index}`, attribute]),
      ),
    },
    // DynamoDB refuses an empty map.
    ...(Object.keys(values).length === 0
      ? {}
      : {
          ExpressionAttributeValues: { ...input.ExpressionAttributeValues, ...textValues(values) },
        }),
  };
}

function filterExpression(alternatives: readonly (readonly Condition[])[]): string {
  let index = 0;
  const terms = alternatives.map((conditions) =>
    conditions.map(({ test }) => {
      const term = filterTerm(test, `#filter${index}`, `:filter${index}`);
      index += 1;
      return term;
    }),
  );
  return terms.map((any) => `(${any.join(' OR ')})`).join(' AND ');
}

function filterTerm(test: Condition['test'], name: string, value: string): string {
  if (test === 'exists') return `attribute_exists(${name})`;
  if (test === 'missing') return `attribute_not_exists(${name})`;
  return test === 'begins with' ? `begins_with(${name}, ${value})` : `${name} ${test} ${value}`;
}

export const textValues = (values: Record<string, string>): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { S: value }]));
