import type { SQSEvent } from 'aws-lambda';
import { SOURCES } from '../../../../core/names';
import { ALL_FIELDS } from '../../../../core/rakuten/fields';
import { normalisedQuery, parseMessage } from '../../../../core/rakuten/message';
import { parsePostback } from '../../../../core/rakuten/parse';
import { toItem } from '../../../../core/store/item';
import { rowKey } from '../../../../core/store/keys';
import { stateOf } from '../../../../core/store/merge';

/** The row of a message, as the consumer makes it. */
export function itemOf(body: string): ReturnType<typeof toItem> {
  const { parameters, requestId, receivedAt } = parseMessage(body);
  const { fields, problems, extra } = parsePostback(parameters, ALL_FIELDS);
  const line = { fields: { ...fields, sid: fields.sid ?? '' }, problems, extra, query: normalisedQuery(parameters), requestId, receivedAt };
  return toItem(rowKey(line.fields), stateOf({ ...line, source: SOURCES.push }), 1);
}

/** Reads each message and writes its row as JSON, to nowhere: no SDK, no signature. */
export const handler = async (event: SQSEvent): Promise<number> =>
  event.Records.reduce((bytes, { body }) => bytes + JSON.stringify(itemOf(body)).length, 0);
