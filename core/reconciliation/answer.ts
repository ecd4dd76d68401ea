import type { EventsRecord } from '../rakuten/events-api/events';
import { normalisedQuery } from '../rakuten/postback/message';
import { type Parameters, parseEventsApiRecord } from '../rakuten/postback/parse';
import { type RowKey, rowKey } from '../transactions/keys';
import { isForeignSid, missingId } from '../transactions/pushed-line';
import type { Answer } from '../transactions/row-state';
import { answerWithoutMember, type MemberTest } from '../transactions/without-member';

/** A record of the Events API as an answer about one row. */
export interface KeyedAnswer {
  readonly key: RowKey;
  readonly answer: Answer;
}

/** Where a record of the Events API comes from. */
export interface AnswerOrigin {
  readonly sid: string;
  readonly fetchedAt: string;
  readonly runId: string;
  /** Members to leave out. @default - nobody was forgotten */
  readonly member?: MemberTest;
}

/**
 * The answer in a record of the Events API, under the publisher whose credentials fetched it.
 *
 * Undefined for a record of another publisher: a token can be valid for several, and each has runs
 * of its own.
 */
export function readAnswer(
  record: EventsRecord,
  { sid, fetchedAt, runId, member }: AnswerOrigin,
): KeyedAnswer | undefined {
  const parsed = parseEventsApiRecord(record);
  if (isForeignSid(parsed, sid)) return undefined;
  const { fields, extra, problems } = parsed;
  const answer: Answer = {
    fields,
    extra,
    problems: [...problems, ...missingId(parsed)],
    fetchedAt,
    runId,
    query: normalisedQuery(parametersOf(record)),
  };
  return {
    key: rowKey(sid, fields, problems),
    answer: member === undefined ? answer : answerWithoutMember(answer, member),
  };
}

const parametersOf = (record: EventsRecord): Parameters =>
  Object.entries(record).flatMap(([name, value]): [string, string][] => {
    if (value === null || value === undefined) return [];
    return [[name, typeof value === 'object' ? JSON.stringify(value) : String(value)]];
  });

/** More than a part of a window has, unless thousands of lines were processed in one second. */
const MAX_REMEMBERED = 20_000;

/**
 * The lines that a walk may bring again: those of its present part, as a part can be cut and read
 * again, and those of the second at which two parts meet. Without this they would be counted twice.
 */
export class SeenLines {
  private readonly seconds = new Map<string, number>();

  /** Whether the line comes for the first time in this form. */
  isNew({ answer: { query, fields } }: KeyedAnswer): boolean {
    if (this.seconds.has(query)) return false;
    if (this.seconds.size < MAX_REMEMBERED)
      this.seconds.set(query, Date.parse(fields.process_date ?? ''));
    return true;
  }

  /** Nothing that was processed before this time comes again. Milliseconds since 1970. */
  forgetBefore(time: number): void {
    for (const [query, second] of this.seconds) if (!(second >= time)) this.seconds.delete(query);
  }
}
