import { SOURCES } from '../names';
import type { FieldList, ParseProblem, PostbackField } from '../rakuten/postback/fields';
import { normalisedQuery, type PostbackMessage } from '../rakuten/postback/message';
import { type ParsedLine, parsePostback } from '../rakuten/postback/parse';
import { truncateUtf8 } from '../rakuten/postback/values';
import { type RowKey, rowKey } from './keys';
import type { PushedLine } from './row-state';

/** Whose postback it is and how to read it. */
export interface RecognisedPublisher {
  readonly sid: string;
  readonly fieldListId: string;
  readonly fields: FieldList;
}

/** A postback as a delivery of one row. */
export interface KeyedPush {
  readonly key: RowKey;
  readonly push: PushedLine;
  /** Whether the query named another publisher than the URL secret does. */
  readonly hasForeignSid: boolean;
}

/**
 * The line in a postback, under the publisher whose URL secret it carried.
 *
 * Undefined when no field of Rakuten has a value.
 */
export function readPushedLine(
  message: PostbackMessage,
  publisher: RecognisedPublisher,
): KeyedPush | undefined {
  const parsed = parsePostback(message.parameters, publisher.fields);
  if (Object.keys(parsed.fields).length === 0 && parsed.problems.length === 0) return undefined;
  const hasForeignSid = isForeignSid(parsed, publisher.sid);
  const asksForId = publisher.fields.some(
    (parameter) => 'field' in parameter && parameter.field === 'etransaction_id',
  );
  const problems = [
    ...parsed.problems,
    ...(hasForeignSid ? foreignSid(parsed, publisher.sid) : []),
    ...(asksForId ? missingId(parsed) : []),
  ];
  return {
    key: rowKey(publisher.sid, parsed.fields, parsed.problems),
    push: {
      fields: parsed.fields,
      extra: parsed.extra,
      problems,
      query: normalisedQuery(message.parameters),
      requestId: message.requestId,
      receivedAt: message.receivedAt,
      source: SOURCES.push,
    },
    hasForeignSid,
  };
}

/** Whether a line names another publisher. A number may be written in several ways. */
export const isForeignSid = ({ fields, problems }: ParsedLine, sid: string): boolean =>
  fields.sid === undefined
    ? problems.some(({ field }) => field === 'sid')
    : Number(fields.sid) !== Number(sid);

/** An unreadable `sid` is a problem of its own already. */
const foreignSid = ({ fields }: ParsedLine, sid: string): ParseProblem[] =>
  fields.sid === undefined
    ? []
    : [
        problemOf(
          'sid',
          `${truncateUtf8(fields.sid, 32)} is not the publisher of this URL, which is ${sid}`,
        ),
      ];

/** A line that should have an ID and has none is in no sum: it may be a copy of another row. */
export const missingId = ({ fields, problems }: ParsedLine): ParseProblem[] =>
  fields.etransaction_id !== undefined || problems.some(({ field }) => field === 'etransaction_id')
    ? []
    : [problemOf('etransaction_id', 'missing')];

const problemOf = (field: PostbackField, reason: string): ParseProblem => ({ field, reason });
