import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../names';
import type { EventsWindow } from '../rakuten/events-api/events';
import type { Item } from '../transactions/attributes';
import { keyText, processDayKeys, type RowKey, UNKNOWN_IS_EVENT } from '../transactions/keys';
import { hasKnownRow } from '../transactions/known-row';
import { queryItems } from '../transactions/query-items';
import { keyOfItem } from '../transactions/row-store';

/** What the day index says of a row that the Events API has answered. */
export interface IndexedRow {
  readonly key: RowKey;
  readonly answerHash: string;
  readonly processDate: string | undefined;
  readonly isWithdrawn: boolean;
}

/** Answered rows of one publisher by the UTC day of their `process_date`. */
export interface DayIndex {
  /** By `keyText`. Eventually consistent. */
  read(sid: string, day: string): Promise<ReadonlyMap<string, IndexedRow>>;
}

const PROJECTED = [
  ATTRIBUTES.lineId,
  ATTRIBUTES.isEvent,
  ATTRIBUTES.answerHash,
  ATTRIBUTES.withdrawnAt,
  'process_date',
];

/**
 * Reads the day index of the transaction table. An index entry costs about a sixth of the read
 * units of its row, and nearly all lines of a run are unchanged.
 */
export class TableDayIndex implements DayIndex {
  constructor(
    private readonly client: Pick<DynamoDBClient, 'send'>,
    private readonly tableName: string,
    private readonly dayShards: number,
  ) {}

  async read(sid: string, day: string): Promise<ReadonlyMap<string, IndexedRow>> {
    const rows = new Map<string, IndexedRow>();
    await Promise.all(
      processDayKeys(day, this.dayShards).map(async (key) => {
        for await (const item of this.query(sid, key)) {
          const row = indexedRow(item);
          rows.set(keyText(row.key), row);
        }
      }),
    );
    return rows;
  }

  private query(sid: string, key: string): AsyncIterable<Item> {
    return queryItems(this.client, {
      TableName: this.tableName,
      IndexName: INDEXES.byDay,
      KeyConditionExpression: '#day = :day',
      FilterExpression: 'begins_with(#0, :sid) AND attribute_exists(#2)',
      ProjectionExpression: PROJECTED.map((_, index) => `#${index}`).join(', '),
      ExpressionAttributeNames: {
        '#day': ATTRIBUTES.processDay,
        ...Object.fromEntries(PROJECTED.map((name, index) => [`#${index}`, name])),
      },
      ExpressionAttributeValues: { ':day': { S: key }, ':sid': { S: `${sid}#` } },
    });
  }
}

const indexedRow = (item: Item): IndexedRow => ({
  key: keyOfItem(item),
  answerHash: item[ATTRIBUTES.answerHash]?.S ?? '',
  processDate: item.process_date?.S,
  isWithdrawn: item[ATTRIBUTES.withdrawnAt] !== undefined,
});

const DAY_MILLIS = 24 * 60 * 60 * 1000;

export interface UnverifiedQuery {
  readonly tableName: string;
  readonly dayShards: number;
  /** Rows of lines that first arrived in this span. */
  readonly window: EventsWindow;
  /** Milliseconds since 1970: only lines that arrived before. */
  readonly receivedBefore: number;
  /** @default - all publishers, also those that were removed */
  readonly sid?: string;
}

/**
 * Rows that the Events API has not confirmed and did not withdraw: forged, or not returned (yet).
 *
 * They are selected by arrival, which the endpoint's clock decides, so that no date in a postback
 * hides a row. A row without a readable `is_event` is omitted if the same line has one with it.
 */
export async function* unverifiedRows(
  client: Pick<DynamoDBClient, 'send'>,
  query: UnverifiedQuery,
): AsyncGenerator<Item> {
  const { tableName, dayShards, window, sid } = query;
  const before = Math.min(window.to, query.receivedBefore);
  if (before <= window.from) return;
  const ofPublisher = sid === undefined ? [] : ['begins_with(#line, :sid)'];
  const conditions = [
    'attribute_not_exists(#verified)',
    'attribute_not_exists(#withdrawn)',
    ...ofPublisher,
  ];
  for (const day of arrivalDays(window)) {
    for (const key of processDayKeys(day, dayShards)) {
      const items = queryItems(client, {
        TableName: tableName,
        IndexName: INDEXES.byDay,
        KeyConditionExpression: '#day = :day AND #received BETWEEN :from AND :before',
        FilterExpression: conditions.join(' AND '),
        ExpressionAttributeNames: {
          '#day': ATTRIBUTES.processDay,
          '#received': ATTRIBUTES.receivedAt,
          '#verified': ATTRIBUTES.verifiedAt,
          '#withdrawn': ATTRIBUTES.withdrawnAt,
          ...(sid === undefined ? {} : { '#line': ATTRIBUTES.lineId }),
        },
        ExpressionAttributeValues: {
          ':day': { S: key },
          ':from': { S: new Date(window.from).toISOString() },
          // `BETWEEN` includes its end.
          ':before': { S: new Date(before - 1).toISOString() },
          ...(sid === undefined ? {} : { ':sid': { S: `${sid}#` } }),
        },
      });
      for await (const item of items) {
        const isUnknown = item[ATTRIBUTES.isEvent]?.S === UNKNOWN_IS_EVENT;
        if (!isUnknown || !(await hasKnownRow(client, tableName, item[ATTRIBUTES.lineId]?.S ?? '')))
          yield item;
      }
    }
  }
}

/**
 * UTC days whose partitions can hold a line that arrived in the window: of its arrival, or of its
 * processing, which the Events API dates up to a day before or, by another clock, after.
 */
export function arrivalDays({ from, to }: EventsWindow): string[] {
  const first = Math.floor(from / DAY_MILLIS) - 1;
  const last = Math.floor(to / DAY_MILLIS) + 1;
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, day) =>
    new Date((first + day) * DAY_MILLIS).toISOString().slice(0, 10),
  );
}
