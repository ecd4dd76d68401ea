import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ATTRIBUTES, SOURCES } from '../names';
import { truncateUtf8 } from '../rakuten/postback/values';
import {
  canonicalNumber,
  type Item,
  readFields,
  readMap,
  readProblems,
  readText,
  writeFields,
  writeMap,
  writeProblems,
  writeTexts,
} from './attributes';
import { processDay, type RowKey } from './keys';
import { type LineContent, STORED_FIELDS } from './row';
import {
  comparedFields,
  differingFields,
  fingerprint,
  MAX_OTHER_QUERY_BYTES,
  memberOfFirstPush,
  type Push,
  pushHash,
  type ReplacedAnswer,
  type RowState,
  receivedAt,
  type StoredAnswer,
  shownContent,
} from './row-state';

/** The names that this package writes. An application's own attributes on a row are left alone. */
export const OWN_ATTRIBUTES: readonly string[] = [
  ...new Set([...STORED_FIELDS, ...Object.values(ATTRIBUTES)]),
];

/** A change of one of these is a change of what the row shows. */
const SHOWN_ATTRIBUTES: readonly string[] = [
  ...STORED_FIELDS,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.source,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.withdrawnAt,
  ATTRIBUTES.parseProblems,
  ATTRIBUTES.u1FromPostback,
  ATTRIBUTES.extra,
  ATTRIBUTES.eventsApiExtra,
];

export interface ItemOptions {
  /** Number of partition keys over which a day is spread. */
  readonly dayShards: number;
  /** How long an event is kept. @default - as long as any row */
  readonly preliminaryExpirySeconds?: number;
  /** How long any row is kept. @default - forever */
  readonly rowExpirySeconds?: number;
  /** Whether a `u1` that only the first push carried counts as verified. @default false */
  readonly memberFromPostback?: boolean;
}

/** The item of a line, without `updated_at`. The same state always gives the same item. */
export function toItem(key: RowKey, row: RowState, options: ItemOptions): Item {
  const { fields, problems } = shownContent(row);
  const received = receivedAt(row);
  const [first, ...others] = row.pushes;
  const differing = differingFields(row);
  const processed = processedAt(row);
  const item = compact({
    [ATTRIBUTES.lineId]: text(key.lineId),
    [ATTRIBUTES.isEvent]: text(key.isEvent),
    [ATTRIBUTES.processDay]: text(processDay(processed, key.lineId, options.dayShards)),
    [ATTRIBUTES.occurredAt]: text(fields.transaction_date ?? fields.process_date ?? received),
    [ATTRIBUTES.receivedAt]: text(received),
    [ATTRIBUTES.source]: text(first?.source ?? SOURCES.eventsApi),
    [ATTRIBUTES.requestId]: text(first?.requestId ?? row.answer?.runId),
    [ATTRIBUTES.query]: text(first?.query),
    ...writeFields(fields),
    [ATTRIBUTES.extra]: mapOf(first?.content?.extra),
    [ATTRIBUTES.parseProblems]: problems.length > 0 ? writeProblems(problems) : undefined,
    [ATTRIBUTES.withdrawnAt]: text(row.withdrawnAt),
    [ATTRIBUTES.differingFields]: differing.length > 0 ? writeTexts(differing) : undefined,
    ...(row.answer === undefined ? {} : answerAttributes(row, row.answer, first, options)),
    [ATTRIBUTES.otherPushes]: listOf(others.map(otherPush)),
    [ATTRIBUTES.morePushes]: row.hasMorePushes ? { BOOL: true } : undefined,
    [ATTRIBUTES.replacedAnswers]: listOf(row.replacedAnswers.map(replacedAnswer)),
    [ATTRIBUTES.expiresAt]: expiresAt(key, processed, options),
  });
  return withRevision(item);
}

/**
 * The item after a change by a program that does not know the options of the row's writer: what
 * those decided stays as it is.
 */
export function changedItem(key: RowKey, before: Item, row: RowState): Item {
  const processed = Date.parse(processedAt(row));
  const expiry = before[ATTRIBUTES.expiresAt]?.N;
  const item = toItem(key, row, {
    dayShards: 1,
    rowExpirySeconds:
      expiry === undefined ? undefined : Number(expiry) - Math.floor(processed / 1000),
    memberFromPostback:
      before[ATTRIBUTES.u1FromPostback] !== undefined &&
      before[ATTRIBUTES.verifiedAt] !== undefined,
  });
  const { [ATTRIBUTES.revision]: _, ...others } = item;
  const day = before[ATTRIBUTES.processDay];
  return withRevision(day === undefined ? others : { ...others, [ATTRIBUTES.processDay]: day });
}

/** A writer sees by the revision whether another one wrote in between. */
const withRevision = (item: Item): Item => ({
  ...item,
  [ATTRIBUTES.revision]: { S: fingerprint(item, 8) },
});

const processedAt = (row: RowState): string =>
  row.answer?.content.fields.process_date ?? receivedAt(row);

/**
 * The state that an item was made from. Undefined where an application began the row before its
 * line came.
 */
export function fromItem(item: Item): RowState | undefined {
  if (item[ATTRIBUTES.receivedAt] === undefined) return undefined;
  const answer = item[ATTRIBUTES.answerHash] === undefined ? undefined : readAnswer(item);
  const first = readFirstPush(item, answer);
  return {
    pushes:
      first === undefined
        ? []
        : [first, ...(item[ATTRIBUTES.otherPushes]?.L ?? []).map(readOtherPush)],
    hasMorePushes: item[ATTRIBUTES.morePushes]?.BOOL === true,
    answer,
    withdrawnAt: item[ATTRIBUTES.withdrawnAt]?.S,
    replacedAnswers: (item[ATTRIBUTES.replacedAnswers]?.L ?? []).map(readReplacedAnswer),
  };
}

/** Whether two items of one row show something else. */
export const showsChange = (before: Item, after: Item): boolean =>
  SHOWN_ATTRIBUTES.some(
    (name) => canonicalAttribute(before[name]) !== canonicalAttribute(after[name]),
  );

/**
 * Text that is equal exactly when two attributes are: maps whatever the order of their keys,
 * numbers by value.
 */
export function canonicalAttribute(attribute: AttributeValue | undefined): string {
  if (attribute === undefined) return '';
  if (attribute.N !== undefined) return `N${canonicalNumber(attribute.N)}`;
  if (attribute.L !== undefined) return `L[${attribute.L.map(canonicalAttribute).join(',')}]`;
  if (attribute.M !== undefined) {
    const entries = Object.entries(attribute.M).sort(([a], [b]) => (a < b ? -1 : 1));
    return `M{${entries.map(([name, value]) => `${JSON.stringify(name)}:${canonicalAttribute(value)}`).join(',')}}`;
  }
  return attribute.BOOL === undefined ? `S${JSON.stringify(attribute.S)}` : `B${attribute.BOOL}`;
}

/**
 * Seconds since 1970 after which a row may be deleted. It counts from Rakuten's processing, so that
 * the row expires at the same time in whichever order its deliveries come.
 */
function expiresAt(
  { isEvent }: RowKey,
  processed: string,
  options: ItemOptions,
): AttributeValue | undefined {
  const {
    preliminaryExpirySeconds = Number.POSITIVE_INFINITY,
    rowExpirySeconds = Number.POSITIVE_INFINITY,
  } = options;
  const seconds =
    isEvent === 'Y' ? Math.min(preliminaryExpirySeconds, rowExpirySeconds) : rowExpirySeconds;
  return Number.isFinite(seconds)
    ? { N: String(Math.floor(Date.parse(processed) / 1000) + seconds) }
    : undefined;
}

function answerAttributes(
  row: RowState,
  answer: StoredAnswer,
  first: Push | undefined,
  options: ItemOptions,
): Record<string, AttributeValue | undefined> {
  const { hash, answeredAt, firstAnsweredAt, checkedSince, content } = answer;
  const isPushedMember = memberOfFirstPush(row) !== undefined;
  const verifiedAt =
    isPushedMember && options.memberFromPostback !== true ? undefined : checkedSince;
  return {
    [ATTRIBUTES.verifiedAt]: text(verifiedAt),
    [ATTRIBUTES.answerHash]: text(hash),
    // Each of these is written only where the one before does not imply it.
    [ATTRIBUTES.answeredAt]: text(
      answeredAt === (verifiedAt ?? row.withdrawnAt) ? undefined : answeredAt,
    ),
    [ATTRIBUTES.firstAnsweredAt]: text(
      firstAnsweredAt === answeredAt ? undefined : firstAnsweredAt,
    ),
    [ATTRIBUTES.checkedSince]: text(verifiedAt === checkedSince ? undefined : checkedSince),
    [ATTRIBUTES.u1FromPostback]: isPushedMember ? { BOOL: true } : undefined,
    [ATTRIBUTES.memberForgotten]: content.memberForgotten === true ? { BOOL: true } : undefined,
    [ATTRIBUTES.eventsApiExtra]: mapOf(content.extra),
    [ATTRIBUTES.firstPush]: first && firstPush(first, answer, receivedAt(row)),
  };
}

function readAnswer(item: Item): StoredAnswer {
  const verifiedAt = item[ATTRIBUTES.verifiedAt]?.S;
  const answeredAt =
    (item[ATTRIBUTES.answeredAt] ?? item[ATTRIBUTES.verifiedAt] ?? item[ATTRIBUTES.withdrawnAt])
      ?.S ?? '';
  const { u1, ...others } = readFields(item);
  const isPushedMember = item[ATTRIBUTES.u1FromPostback]?.BOOL === true;
  const fields = u1 === undefined || isPushedMember ? others : { ...others, u1 };
  return {
    content: {
      fields,
      problems: readProblems(item[ATTRIBUTES.parseProblems]),
      extra: readMap(item[ATTRIBUTES.eventsApiExtra]),
      memberForgotten: item[ATTRIBUTES.memberForgotten]?.BOOL,
    },
    hash: readText(item[ATTRIBUTES.answerHash]),
    answeredAt,
    firstAnsweredAt: item[ATTRIBUTES.firstAnsweredAt]?.S ?? answeredAt,
    checkedSince: verifiedAt ?? item[ATTRIBUTES.checkedSince]?.S,
    runId: hasPush(item) ? undefined : item[ATTRIBUTES.requestId]?.S,
  };
}

/** Attributes of a push within `first_push` and `other_pushes`. */
const PUSH = { hash: 'hash', source: 'source' } as const;

/** What of the first push cannot be seen in the row, once the row shows the answer. */
function firstPush(
  push: Push,
  { content }: StoredAnswer,
  received: string,
): AttributeValue | undefined {
  const isAsAnswered = push.hash === pushHash(content.fields);
  const map = compact({
    [ATTRIBUTES.receivedAt]: text(push.receivedAt === received ? undefined : push.receivedAt),
    [PUSH.hash]: text(isAsAnswered ? undefined : push.hash),
    ...(isAsAnswered ? {} : writeFields(push.compared)),
  });
  // Of a push that was an unreadable answer nothing else in the row shows that there is one.
  return Object.keys(map).length > 0 || push.source === SOURCES.eventsApi ? { M: map } : undefined;
}

const hasPush = (item: Item): boolean =>
  item[ATTRIBUTES.source]?.S === SOURCES.push ||
  item[ATTRIBUTES.firstPush] !== undefined ||
  item[ATTRIBUTES.answerHash] === undefined;

function readFirstPush(item: Item, answer: StoredAnswer | undefined): Push | undefined {
  if (!hasPush(item)) return undefined;
  const { M: kept = {} } = item[ATTRIBUTES.firstPush] ?? {};
  const fields = answer?.content.fields ?? readFields(item);
  const extra = readMap(item[ATTRIBUTES.extra]);
  const content: LineContent =
    answer === undefined
      ? { fields, problems: readProblems(item[ATTRIBUTES.parseProblems]), extra }
      : { fields: {}, problems: [], extra };
  return {
    receivedAt: readText(kept[ATTRIBUTES.receivedAt] ?? item[ATTRIBUTES.receivedAt]),
    requestId: readText(item[ATTRIBUTES.requestId]),
    source: readText(item[ATTRIBUTES.source]) as Push['source'],
    query: readText(item[ATTRIBUTES.query]),
    hash: kept[PUSH.hash]?.S ?? pushHash(fields),
    compared: comparedFields(kept[PUSH.hash] === undefined ? fields : readFields(kept)),
    content,
  };
}

function otherPush(push: Push): AttributeValue {
  return {
    M: compact({
      [ATTRIBUTES.receivedAt]: text(push.receivedAt),
      [ATTRIBUTES.requestId]: text(push.requestId),
      [ATTRIBUTES.query]: text(truncateUtf8(push.query, MAX_OTHER_QUERY_BYTES)),
      [PUSH.hash]: text(push.hash),
      [PUSH.source]: text(push.source === SOURCES.push ? undefined : push.source),
      ...writeFields(push.compared),
    }),
  };
}

function readOtherPush({ M: kept = {} }: AttributeValue): Push {
  return {
    receivedAt: readText(kept[ATTRIBUTES.receivedAt]),
    requestId: readText(kept[ATTRIBUTES.requestId]),
    query: readText(kept[ATTRIBUTES.query]),
    hash: readText(kept[PUSH.hash]),
    source: (kept[PUSH.source]?.S ?? SOURCES.push) as Push['source'],
    compared: comparedFields(readFields(kept)),
  };
}

const VALUES = 'values';

const replacedAnswer = ({ answeredAt, values }: ReplacedAnswer): AttributeValue => ({
  M: { [ATTRIBUTES.answeredAt]: { S: answeredAt }, [VALUES]: { S: values } },
});

const readReplacedAnswer = ({ M: kept = {} }: AttributeValue): ReplacedAnswer => ({
  answeredAt: readText(kept[ATTRIBUTES.answeredAt]),
  values: readText(kept[VALUES]),
});

const text = (value: string | undefined): AttributeValue | undefined =>
  value === undefined ? undefined : { S: value };
const listOf = (values: AttributeValue[]): AttributeValue | undefined =>
  values.length === 0 ? undefined : { L: values };
const mapOf = (texts: Readonly<Record<string, string>> | undefined): AttributeValue | undefined =>
  texts === undefined || Object.keys(texts).length === 0 ? undefined : writeMap(texts);

const compact = (attributes: Record<string, AttributeValue | undefined>): Item =>
  Object.fromEntries(
    Object.entries(attributes).filter(
      (entry): entry is [string, AttributeValue] => entry[1] !== undefined,
    ),
  );
