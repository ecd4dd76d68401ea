import { SOURCES } from '../names';
import { normalisedQuery, type PostbackMessage } from '../rakuten/message';
import type { RowKey } from '../store/keys';

/** One message as the archive keeps it: a line of JSON, the names in this order. A name without a value is left out. */
export interface ArchiveRecord {
  /** When the GET reached the endpoint, or the line was fetched from the Events API: ISO 8601 UTC with milliseconds. */
  readonly received_at: string;
  /** API Gateway's id of the GET; the run that fetched a line of the Events API. */
  readonly request_id: string;
  /** `push`, or `events-api` for a line that the reconciliation fetched. */
  readonly source: string;
  /** Address that the GET came from. */
  readonly source_ip?: string;
  /** What became of the message: `stored`, `duplicate`, `completed`, `changed`, `forged` or `not-a-postback`. */
  readonly outcome: string;
  /** Key of the row that it became part of. */
  readonly order_key?: string;
  readonly line_key?: string;
  /** The normalised query string, without the URL's secret and field list. */
  readonly query: string;
}

/** The record's names, for a table over the archive. */
export const ARCHIVE_COLUMNS = [
  'received_at',
  'request_id',
  'source',
  'source_ip',
  'outcome',
  'order_key',
  'line_key',
  'query',
] as const satisfies readonly (keyof ArchiveRecord)[];

/** What the archive keeps of a message. The secret is not in it, be it the right one or a wrong one: which of them it was, the outcome tells. */
export function archiveRecord(message: PostbackMessage, outcome: string, key: RowKey | undefined): ArchiveRecord {
  return {
    received_at: message.receivedAt,
    request_id: message.requestId,
    source: message.eventsApiSid === undefined ? SOURCES.push : SOURCES.eventsApi,
    ...(message.sourceIp === '' ? {} : { source_ip: message.sourceIp }),
    outcome,
    ...(key === undefined ? {} : { order_key: key.orderKey, line_key: key.lineKey }),
    query: normalisedQuery(message.parameters),
  };
}
