import type { SQSEvent } from 'aws-lambda';
import { ALL_FIELDS } from '../../../../../core/rakuten/postback/fields';
import { parseMessage } from '../../../../../core/rakuten/postback/message';
import type { Item } from '../../../../../core/transactions/attributes';
import { toItem } from '../../../../../core/transactions/item';
import { readPushedLine } from '../../../../../core/transactions/pushed-line';
import { EMPTY_ROW, joinPushes } from '../../../../../core/transactions/row-state';

const PUBLISHER = { sid: '3900112', fieldListId: '', fields: ALL_FIELDS };

/** The row of a message, as the consumer makes it. */
export function itemOf(body: string): Item {
  const line = readPushedLine(parseMessage(body), PUBLISHER);
  if (line === undefined) throw new Error('a message without a line');
  return toItem(line.key, joinPushes(EMPTY_ROW, [line.push]), { dayShards: 1 });
}

/** Reads each message and makes JSON of its row: no SDK, no signature, nothing is sent. */
export const handler = async (event: SQSEvent): Promise<number> =>
  event.Records.reduce((bytes, { body }) => bytes + JSON.stringify(itemOf(body)).length, 0);
