import type { RakutenClient } from '../api/client';
import { RakutenError, type RakutenErrorKind } from '../api/errors';
import { NOTHING_FOUND } from '../api/request-with-retry';
import { isRowField } from '../postback/fields';

/** A record of the Events API with Rakuten's names. Numbers are texts with the digits that came. */
export type EventsRecord = Readonly<Record<string, unknown>>;

/**
 * A span of `process_date`, in milliseconds since 1970. Rakuten takes whole seconds; both ends
 * belong to it.
 */
export interface EventsWindow {
  readonly from: number;
  readonly to: number;
}

/** Reads one page of the lines that Rakuten processed in a window, 1 being the first. */
export type ReadPage = (
  window: EventsWindow,
  page: number,
  size: number,
) => Promise<readonly EventsRecord[]>;

/**
 * `GET /events/1.0/transactions` with the client's token and patience. The answer has neither a
 * total nor links: a page that is shorter than asked for is the last.
 *
 * @param until milliseconds since 1970 at which a call must have ended, asked for each call
 */
export function eventsPages(client: RakutenClient, until: () => number): ReadPage {
  let most = Number.POSITIVE_INFINITY;
  return async (window, page, size) => {
    const limit = Math.min(size, most);
    try {
      return await readPage(client, window, { page, limit, until: until() });
    } catch (error) {
      // The highest limit is not documented. A page that is shorter for it is taken as one of a
      // server that gives fewer lines than were asked for.
      const mayBeTooMany =
        isOfKind(error, 'refused') && error.status === 400 && page === 1 && limit > DEFAULT_LIMIT;
      if (!mayBeTooMany) throw error;
      const records = await readPage(client, window, {
        page,
        limit: DEFAULT_LIMIT,
        until: until(),
      });
      most = DEFAULT_LIMIT;
      return records;
    }
  };
}

/** What Rakuten documents as its own default. */
const DEFAULT_LIMIT = 100;

async function readPage(
  client: RakutenClient,
  window: EventsWindow,
  { page, limit, until }: { readonly page: number; readonly limit: number; readonly until: number },
): Promise<readonly EventsRecord[]> {
  const query = new URLSearchParams({
    process_date_start: parameterDate(window.from),
    process_date_end: parameterDate(window.to),
    limit: String(limit),
    page: String(page),
  });
  try {
    const path = `/events/1.0/transactions?${query}`;
    const readable = (body: string, status: number): boolean =>
      status === NO_CONTENT || readRecords(body) !== undefined;
    const response = await client.call({
      operation: 'events',
      method: 'GET',
      path,
      until,
      readable,
    });
    return readRecords(response.body) ?? [];
  } catch (error) {
    // The postback calls tell "nothing there" so; this one may do the same.
    if (isOfKind(error, 'not-found')) return [];
    throw error;
  }
}

const isOfKind = (error: unknown, kind: RakutenErrorKind): error is RakutenError =>
  error instanceof RakutenError && error.kind === kind;

const NO_CONTENT = 204;

/** `2026-03-13 18:17:25`, in UTC. */
const parameterDate = (millis: number): string =>
  new Date(millis).toISOString().slice(0, 19).replace('T', ' ');

/** The records in an answer. Undefined when it is not one, or not whole. */
export function readRecords(body: string): readonly EventsRecord[] | undefined {
  let records: readonly EventsRecord[];
  try {
    records = parseEventsApiBody(body);
  } catch {
    return undefined;
  }
  const [only] = records;
  if (only === undefined || records.length > 1 || isTransaction(only)) return records;
  // A bare object may be a message; how Rakuten says that there is nothing is not documented for
  // this call.
  return NOTHING_FOUND.test(String(only.message)) ? [] : undefined;
}

/** Whether anything in a record is a field of a line. */
export const isTransaction = (record: EventsRecord): boolean =>
  Object.keys(record).some(isRowField);

/**
 * Reads the body of an Events API answer. `JSON.parse` alone would send every number through a
 * binary float and change `0.10` or a long id; here numbers become texts with the digits that came.
 * An array of records, an object with `transactions` and a single record are all taken, as
 * Rakuten's description and what it is seen to send differ.
 *
 * Throws a `SyntaxError` when the body is not JSON, and an `Error` when it is JSON of another
 * shape.
 */
export function parseEventsApiBody(body: string): Record<string, unknown>[] {
  // Refuses what is not JSON, so that the replacement below only meets numbers and strings where
  // JSON has them.
  JSON.parse(body);
  const value: unknown = JSON.parse(
    body.replace(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`)),
  );
  const records: unknown = isRecord(value) ? (value.transactions ?? [value]) : value;
  if (Array.isArray(records) && records.every(isRecord)) return records;
  throw new Error('not an answer of the Events API: expected a JSON array of transactions');
}

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
