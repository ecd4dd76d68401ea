import { SOURCES } from '../names';
import { type EventsApiMessage, normalisedQuery } from '../rakuten/message';
import { type Parameters, parseEventsApiRecord } from '../rakuten/parse';
import type { DeliveredLine } from '../store/merge';

/** A record of the Events API as names and texts, the form in which it travels through the queue. `null` is left out. */
export function recordParameters(record: Readonly<Record<string, unknown>>): Parameters {
  return Object.entries(record).flatMap(([name, value]): [string, string][] => {
    if (value === null || value === undefined) return [];
    return [[name, typeof value === 'object' ? JSON.stringify(value) : String(value)]];
  });
}

/** What the consumer makes of such a message. The reconciliation compares this very line with the row, so that the two cannot disagree. */
export function eventsApiLine({ sid, receivedAt, requestId, parameters }: EventsApiMessage): DeliveredLine {
  const { fields, extra, problems } = parseEventsApiRecord(Object.fromEntries(parameters));
  return {
    fields: { ...fields, sid: fields.sid ?? sid },
    extra,
    problems,
    query: normalisedQuery(parameters),
    requestId,
    receivedAt,
    source: SOURCES.eventsApi,
  };
}
