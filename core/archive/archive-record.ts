import type { RowKey } from '../transactions/keys';

/**
 * One delivery in the archive: a line of JSON, names in this order. A name without a value is left
 * out.
 */
export interface ArchiveRecord {
  /**
   * When the GET reached the endpoint, or the page of the Events API was fetched. ISO 8601 UTC with
   * milliseconds.
   */
  readonly received_at: string;
  /** API Gateway's ID of the GET; the run that fetched a line from the Events API. */
  readonly request_id: string;
  /** `push`, or `events-api`. */
  readonly source: string;
  /** Address that the GET came from. */
  readonly source_ip?: string;
  /**
   * What became of the delivery. A postback: `stored`, `duplicate`, `other`, `changed`, `forged` or
   * `not-a-postback`. A line of the Events API: what its answer did, see docs/reconciliation.md.
   */
  readonly outcome: string;
  /** Key of the row that it became part of. */
  readonly line_id?: string;
  readonly is_event?: string;
  /**
   * Normalised query string without the URL's secret and field list; a record of the Events API
   * likewise.
   */
  readonly query: string;
}

/** The record's names, for a table over the archive. */
export const ARCHIVE_COLUMNS = [
  'received_at',
  'request_id',
  'source',
  'source_ip',
  'outcome',
  'line_id',
  'is_event',
  'query',
] as const satisfies readonly (keyof ArchiveRecord)[];

export interface ArchivedDelivery {
  readonly receivedAt: string;
  readonly requestId: string;
  readonly source: string;
  readonly sourceIp?: string;
  readonly outcome: string;
  readonly key?: RowKey;
  /** Without any secret. */
  readonly query: string;
}

/** What the archive keeps of a delivery. */
export function archiveRecord({
  receivedAt,
  requestId,
  source,
  sourceIp,
  outcome,
  key,
  query,
}: ArchivedDelivery): ArchiveRecord {
  return {
    received_at: receivedAt,
    request_id: requestId,
    source,
    ...(sourceIp === undefined || sourceIp === '' ? {} : { source_ip: sourceIp }),
    outcome,
    ...(key === undefined ? {} : { line_id: key.lineId, is_event: key.isEvent }),
    query,
  };
}

/** Where raw deliveries are kept. */
export interface Archive {
  /** Keeps records. The result names those that could not be kept, by index, with the reason. */
  put(records: readonly ArchiveRecord[]): Promise<ReadonlyMap<number, string>>;
}
