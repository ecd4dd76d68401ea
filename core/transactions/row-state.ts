import { createHash } from 'node:crypto';
import { SOURCES } from '../names';
import { POSTBACK_FIELDS, type PostbackField, type RowField } from '../rakuten/postback/fields';
import { truncateUtf8 } from '../rakuten/postback/values';
import { CHECKED_FIELDS, type LineContent, type LineFields, STORED_FIELDS } from './row';

/**
 * How deliveries of one line become one row: two registers, one per source, and nothing that mixes
 * them. docs/rows.md explains why.
 *
 * - `pushes`: the earliest arrival of each different content. The first one is shown until the
 *   Events API answers.
 * - `answer`: the latest answer of the Events API. Once there is one, the row shows it alone, with
 *   one exception (`memberOfFirstPush`).
 *
 * Pushes may come in any order and any number of times: the row is the same.
 */
export interface RowState {
  /** By arrival, each with other content: the first and up to five others. */
  readonly pushes: readonly Push[];
  /** Whether there were more of them. */
  readonly hasMorePushes: boolean;
  readonly answer?: StoredAnswer;
  /** When the line was withdrawn, ISO 8601 UTC. */
  readonly withdrawnAt?: string;
  /** The last answers that newer ones replaced, oldest first. */
  readonly replacedAnswers: readonly ReplacedAnswer[];
}

/** One delivery by a postback (or an answer of the Events API that counts as one). */
export interface PushedLine extends LineContent {
  /** The endpoint's clock, ISO 8601 UTC with milliseconds. */
  readonly receivedAt: string;
  readonly requestId: string;
  /** Normalised query string. */
  readonly query: string;
  readonly source: (typeof SOURCES)[keyof typeof SOURCES];
}

/** One answer of the Events API about a line. */
export interface Answer extends LineContent {
  /** When its page was fetched, ISO 8601 UTC with milliseconds. */
  readonly fetchedAt: string;
  readonly runId: string;
  /** The record as a normalised query string. */
  readonly query: string;
}

/** In these a push that differs from the answer is reported. */
export const COMPARED_FIELDS = [
  'sale_amount',
  'commissions',
  'currency',
  'u1',
] as const satisfies readonly RowField[];
type ComparedFields = Pick<LineFields, (typeof COMPARED_FIELDS)[number]>;

/** What a row keeps of a push. */
export interface Push extends Pick<PushedLine, 'receivedAt' | 'requestId' | 'query' | 'source'> {
  /** Fingerprint of all fields that could be read. */
  readonly hash: string;
  readonly compared: ComparedFields;
  /**
   * What it said. Known of the first push: all of it until the Events API answers, then `extra`.
   */
  readonly content?: LineContent;
}

export interface StoredAnswer {
  readonly content: LineContent;
  readonly hash: string;
  /** When the answer was fetched; of a withdrawn line when it was withdrawn. ISO 8601 UTC. */
  readonly answeredAt: string;
  readonly firstAnsweredAt: string;
  /** Since when the checked fields are as they are. Absent on a withdrawn line. */
  readonly checkedSince?: string;
  /** The run that first returned the line, on a row without pushes. */
  readonly runId?: string;
}

export interface ReplacedAnswer {
  readonly answeredAt: string;
  /** The values that the next answer changed, as a query string; empty where there was none. */
  readonly values: string;
}

export const EMPTY_ROW: RowState = { pushes: [], hasMorePushes: false, replacedAnswers: [] };

/**
 * The first push and five others: enough to see what was claimed, and a bound on the row's size.
 */
const MAX_PUSHES = 6;
const MAX_REPLACED_ANSWERS = 5;
/** Bytes of the query string of the first push. */
const MAX_QUERY_BYTES = 1024;
/** Bytes of the query string of another push. */
export const MAX_OTHER_QUERY_BYTES = 512;
/** Bytes of the values of a replaced answer. */
const MAX_REPLACED_BYTES = 512;

/** The state after these pushes, in whatever order and however often they came. */
export function joinPushes(row: RowState, lines: readonly PushedLine[]): RowState {
  const earliest = new Map<string, Push>();
  for (const push of [...row.pushes, ...lines.map(pushOf)]) {
    const known = earliest.get(push.hash);
    if (known === undefined || comparePushes(push, known) < 0) earliest.set(push.hash, push);
  }
  const pushes = [...earliest.values()].sort(comparePushes);
  return {
    ...row,
    pushes: pushes.slice(0, MAX_PUSHES),
    hasMorePushes: row.hasMorePushes || pushes.length > MAX_PUSHES,
    answer: row.answer && {
      ...row.answer,
      runId: pushes.length > 0 ? undefined : row.answer.runId,
    },
  };
}

export function pushOf({
  receivedAt,
  requestId,
  query,
  source,
  fields,
  problems,
  extra,
}: PushedLine): Push {
  return {
    receivedAt,
    requestId,
    source,
    query: truncateUtf8(query, MAX_QUERY_BYTES),
    hash: pushHash(fields),
    compared: comparedFields(fields),
    content: { fields, problems, extra },
  };
}

/** By arrival; the rest only makes the order the same every time. */
function comparePushes(a: Push, b: Push): number {
  return (
    compareTexts(a.receivedAt, b.receivedAt) ||
    compareTexts(a.requestId, b.requestId) ||
    compareTexts(a.hash, b.hash) ||
    compareTexts(a.query, b.query)
  );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What an answer does to a row:
 *
 * - `missing`: there is no row, so no postback delivered the line
 * - `unverified`: the row was never answered
 * - `returned`: the row was withdrawn
 * - `different`: replaces or empties a checked value of an answered row
 * - `updated`: changes something else
 * - `same`: nothing, or the answer is older than the one that is known
 * - `unreadable`: a checked field cannot be read, or there is no ID. The answer counts as a push
 * - `reused`: another advertiser, order or SKU than the answer before. The answer counts as a push
 */
export type AnswerEffect =
  | 'missing'
  | 'unverified'
  | 'returned'
  | 'different'
  | 'updated'
  | 'same'
  | 'unreadable'
  | 'reused';

export function effectOf(row: RowState | undefined, answer: Answer): AnswerEffect {
  if (!isReadable(answer)) return 'unreadable';
  if (row === undefined) return 'missing';
  const known = row.answer;
  if (known === undefined) return 'unverified';
  const hash = answerHash(answer);
  if (isOutdated(known, answer, hash)) return 'same';
  if (isReusedId(known.content.fields, answer.fields)) return 'reused';
  if (row.withdrawnAt !== undefined) return 'returned';
  if (hash === known.hash) return 'same';
  return CHECKED_FIELDS.some(
    (field) =>
      known.content.fields[field] !== undefined &&
      known.content.fields[field] !== answer.fields[field],
  )
    ? 'different'
    : 'updated';
}

/**
 * The state after an answer. Answers apply in the order of their requests; an older one is dropped.
 */
export function applyAnswer(row: RowState, answer: Answer): RowState {
  const effect = effectOf(row, answer);
  if (effect === 'same') return row;
  if (effect === 'unreadable' || effect === 'reused') return joinPushes(row, [asPush(answer)]);
  const known = row.answer;
  const { fields, problems, extra, memberForgotten, fetchedAt } = answer;
  const isUnchanged =
    known?.checkedSince !== undefined &&
    CHECKED_FIELDS.every((field) => known.content.fields[field] === fields[field]);
  return {
    ...row,
    answer: {
      content: { fields: storedFields(fields), problems, extra, memberForgotten },
      hash: answerHash(answer),
      answeredAt: fetchedAt,
      firstAnsweredAt: known?.firstAnsweredAt ?? fetchedAt,
      checkedSince: isUnchanged ? known.checkedSince : fetchedAt,
      runId: row.pushes.length > 0 ? undefined : (known?.runId ?? answer.runId),
    },
    withdrawnAt: undefined,
    replacedAnswers: replacedAnswers(row, fields),
  };
}

/** The state after complete reads lacked the line. Only an answered row can be withdrawn. */
export function withdraw(row: RowState, fetchedAt: string): RowState {
  if (
    row.answer === undefined ||
    row.withdrawnAt !== undefined ||
    fetchedAt <= row.answer.answeredAt
  )
    return row;
  return {
    ...row,
    answer: { ...row.answer, answeredAt: fetchedAt, checkedSince: undefined },
    withdrawnAt: fetchedAt,
  };
}

const isOutdated = (known: StoredAnswer, { fetchedAt }: Answer, hash: string): boolean =>
  fetchedAt < known.answeredAt || (fetchedAt === known.answeredAt && hash <= known.hash);

const isReadable = ({ fields, problems }: Answer): boolean =>
  fields.etransaction_id !== undefined &&
  !problems.some(({ field }) => (CHECKED_FIELDS as readonly RowField[]).includes(field));

/** Rakuten never changes these in place, so with others it is another line. */
const IDENTITY_FIELDS = [
  'advertiser_id',
  'order_id',
  'sku_number',
] as const satisfies readonly RowField[];

const isReusedId = (known: LineFields, fields: LineFields): boolean =>
  IDENTITY_FIELDS.some(
    (field) =>
      known[field] !== undefined && fields[field] !== undefined && known[field] !== fields[field],
  );

function asPush({ fetchedAt, runId, ...content }: Answer): PushedLine {
  return { ...content, receivedAt: fetchedAt, requestId: runId, source: SOURCES.eventsApi };
}

function replacedAnswers(
  { answer, replacedAnswers: known }: RowState,
  fields: LineFields,
): readonly ReplacedAnswer[] {
  if (answer === undefined) return known;
  const old = answer.content.fields;
  const changed = STORED_FIELDS.filter((field) => old[field] !== fields[field]);
  if (changed.length === 0) return known;
  const values = changed.map((field) => `${field}=${encodeValue(old[field] ?? '')}`).join('&');
  return [
    ...known,
    { answeredAt: answer.answeredAt, values: truncateUtf8(values, MAX_REPLACED_BYTES) },
  ].slice(-MAX_REPLACED_ANSWERS);
}

const encodeValue = (text: string): string =>
  text.replace(/[%&+#]/g, (sign) => encodeURIComponent(sign)).replaceAll(' ', '+');

/** What the row shows of the line. */
export function shownContent(row: RowState): LineContent {
  const { answer } = row;
  if (answer === undefined)
    return row.pushes[0]?.content ?? { fields: {}, problems: [], extra: {} };
  const u1 = memberOfFirstPush(row);
  return u1 === undefined
    ? answer.content
    : { ...answer.content, fields: { ...answer.content.fields, u1 } };
}

/**
 * The `u1` that only the first push has, from before the Events API's first answer. Rakuten may
 * match members hours later, so the row shows it, unverified, until the Events API returns one. A
 * member that it returned and that was forgotten is no gap to fill.
 */
export function memberOfFirstPush({ answer, pushes: [first] }: RowState): string | undefined {
  if (answer === undefined || first === undefined) return undefined;
  if (answer.content.fields.u1 !== undefined || answer.content.memberForgotten === true)
    return undefined;
  return first.receivedAt < answer.firstAnsweredAt ? first.compared.u1 : undefined;
}

/** When the line first arrived, by whichever interface. */
export function receivedAt({ pushes: [first], answer }: RowState): string {
  const times = [first?.receivedAt, answer?.firstAnsweredAt].filter((time) => time !== undefined);
  return times.sort()[0] ?? '';
}

/**
 * Fields in which a push says something else than the answer. They change neither sums nor
 * verification.
 */
export function differingFields({ pushes, answer }: RowState): string[] {
  if (answer === undefined) return [];
  const { fields } = answer.content;
  return COMPARED_FIELDS.filter((field) =>
    pushes.some(
      ({ compared }) => compared[field] !== undefined && compared[field] !== fields[field],
    ),
  );
}

const PUSHED_FIELDS = (Object.keys(POSTBACK_FIELDS) as PostbackField[]).filter((field) =>
  (STORED_FIELDS as string[]).includes(field),
);

/** Fingerprint of what a push said: fields that a postback can carry and that could be read. */
export const pushHash = (fields: LineFields): string =>
  fingerprint(
    PUSHED_FIELDS.map((field) => fields[field] ?? null),
    16,
  );

export const answerHash = ({ fields, problems, extra, memberForgotten }: LineContent): string =>
  fingerprint(
    [
      STORED_FIELDS.map((field) => fields[field] ?? null),
      problems.map(({ field, reason }) => `${field}: ${reason}`).sort(),
      Object.entries(extra).sort(([a], [b]) => compareTexts(a, b)),
      ...(memberForgotten === true ? ['member forgotten'] : []),
    ],
    11,
  );

/** A short hash of a JSON value. Six bits for each character. */
export const fingerprint = (value: unknown, characters: number): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, characters);

export const comparedFields = (fields: LineFields): ComparedFields =>
  Object.fromEntries(
    COMPARED_FIELDS.flatMap((field) =>
      fields[field] === undefined ? [] : [[field, fields[field]]],
    ),
  );

const storedFields = (fields: LineFields): LineFields =>
  Object.fromEntries(
    STORED_FIELDS.flatMap((field) => (fields[field] === undefined ? [] : [[field, fields[field]]])),
  );
