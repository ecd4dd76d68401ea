import { type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, INDEXES } from '../names';
import type { EventsWindow } from '../rakuten/events';
import type { Item } from '../store/attributes';
import { processDayKeys } from '../store/keys';

const DAY_MILLIS = 24 * 60 * 60 * 1000;

export interface UnverifiedQuery {
  readonly tableName: string;
  readonly dayShards: number;
  readonly sid: string;
  /** Rows that Rakuten processed in this span, or that came in it where that is not known. Whole UTC days are read. */
  readonly window: EventsWindow;
  /** Milliseconds since 1970: only rows that came before. */
  readonly receivedBefore: number;
}

/**
 * Rows of a publisher that the Events API has not told: forged ones, or lines that the advertiser eliminated. Asks the day index, which carries the attribute;
 * its reads cost a sixth of those of the rows.
 */
export async function* unverifiedRows(
  client: DynamoDBClient,
  { tableName, dayShards, sid, window, receivedBefore }: UnverifiedQuery,
): AsyncGenerator<Item> {
  for (const day of daysOf(window)) {
    for (const key of processDayKeys(day, dayShards)) {
      const pages = paginateQuery(
        { client },
        {
          TableName: tableName,
          IndexName: INDEXES.byDay,
          KeyConditionExpression: '#day = :day AND #received < :before',
          FilterExpression: 'attribute_not_exists(#verified) AND #sid = :sid',
          ExpressionAttributeNames: {
            '#day': ATTRIBUTES.processDay,
            '#received': ATTRIBUTES.receivedAt,
            '#verified': ATTRIBUTES.verifiedAt,
            '#sid': 'sid',
          },
          ExpressionAttributeValues: { ':day': { S: key }, ':before': { S: new Date(receivedBefore).toISOString() }, ':sid': { S: sid } },
        },
      );
      for await (const { Items = [] } of pages) yield* Items.filter((row) => isWithin(window, row));
    }
  }
}

/** Of a day that the window cuts, the other part was not compared: its rows may be from before lines can be compared at all. */
function isWithin({ from, to }: EventsWindow, row: Item): boolean {
  const time = Date.parse((row.process_date ?? row[ATTRIBUTES.receivedAt])?.S ?? '');
  return time >= from && time <= to;
}

function daysOf({ from, to }: EventsWindow): string[] {
  const first = Math.floor(from / DAY_MILLIS);
  const last = Math.floor(to / DAY_MILLIS);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, day) => new Date((first + day) * DAY_MILLIS).toISOString().slice(0, 10));
}
