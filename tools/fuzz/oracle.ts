import Big from 'big.js';
import { ATTRIBUTES, URL_PARAMETERS } from '../../core/names';
import {
  FIELD_ALIASES,
  type FieldList,
  ROW_FIELDS,
  type RowField,
} from '../../core/rakuten/postback/fields';
import { fromItem, toItem } from '../../core/transactions/item';
import type { RowKey } from '../../core/transactions/keys';
import {
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type PushedLine,
  type RowState,
} from '../../core/transactions/row-state';
import { itemBytes } from '../cost/item-size';
import { ARRIVAL, FUZZ_SID, ITEM_OPTIONS, type Item, type Journey } from './pipeline';
import { LISTS } from './queries';

const SQS_MAX_BYTES = 1_048_576;
const ROW_MAX_BYTES = 16 * 1024;
const QUERY_MAX_BYTES = 1024;
/** Of the undocumented parameters, and of the problems, of one delivery. */
const LIST_MAX_BYTES = 1024;
/** No problem is longer. */
const PROBLEM_MAX_BYTES = 512;
const TEXT_MAX_BYTES = 512;
const IDENTIFIER_MAX_BYTES = 256;
/** Characters that SQS accepts; it rejects others as `InvalidMessageContents`. */
const SQS_CHARACTERS = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]+$/u;
const OWN: ReadonlySet<string> = new Set(Object.values(URL_PARAMETERS));
/** A row has these in its key only. */
const KEY_FIELDS: readonly RowField[] = ['sid', 'etransaction_id', 'is_event'];

type Parameters = Journey['parameters'];

/**
 * What is wrong with a journey, in words; undefined if nothing is.
 *
 * Written from the promises of the documentation. It shares names with the code that keeps them,
 * and nothing else.
 */
export function complaintAbout(journey: Journey): string | undefined {
  return (
    requestComplaint(journey) ??
    messageComplaint(journey) ??
    decisionComplaint(journey) ??
    rowComplaint(journey)
  );
}

/** The request to SQS is exactly one SendMessage with a body that SQS accepts. */
function requestComplaint({ rendered, body }: Journey): string | undefined {
  if (!/^Action=SendMessage&MessageBody=[\w.*+%-]+$/.test(rendered))
    return 'the request has other characters than a form has';
  const names = [...new URLSearchParams(rendered).keys()].join();
  if (names !== 'Action,MessageBody') return `the request has the parameters ${names}`;
  if (body === '') return 'the message is empty';
  if (!SQS_CHARACTERS.test(body)) return 'SQS rejects a character of the message';
  if (Buffer.byteLength(body) > SQS_MAX_BYTES)
    return `the message has ${Buffer.byteLength(body)} bytes`;
  return undefined;
}

/** The message has time, ID and address of the GET, and every parameter as it was decoded. */
function messageComplaint({ body, parameters }: Journey): string | undefined {
  const message = [...new URLSearchParams(body)];
  if (message.map(([name]) => name).join() !== 'at,id,ip,q')
    return 'the message has other parts than at, id, ip and q';
  const [at, id, ip, query] = message.map(([, value]) => value);
  if (at !== String(ARRIVAL.at) || id !== ARRIVAL.id || ip !== ARRIVAL.ip)
    return 'the message has another time, ID or address';
  const arrived = [...new URLSearchParams(query)];
  if (arrived.length !== parameters.size)
    return `${parameters.size} parameters became ${arrived.length}`;
  const changed = arrived.find(([name, value]) => parameters.get(name) !== value);
  return changed && `the parameter ${JSON.stringify(changed[0])} came through changed`;
}

/** A GET is no line only without a secret, as a probe, or without any value. */
function decisionComplaint({ decision, parameters, case: { list } }: Journey): string | undefined {
  if (decision.kind === 'line' || (decision.kind === 'rejected' && decision.reason === 'forged'))
    return undefined;
  const lost = [...parameters].find(
    ([name, value]) =>
      meaningOf(name, LISTS[list]) !== undefined && value.trim() !== '' && !isToken(value),
  );
  return (
    lost &&
    `${lost[0]} has a value, but the GET was ${decision.kind === 'probe' ? 'a probe' : 'rejected as no postback'}`
  );
}

function rowComplaint({ decision, item, parameters, case: { list } }: Journey): string | undefined {
  if (decision.kind !== 'line' || item === undefined) return undefined;
  return (
    queryComplaint(item, decision.push.query, parameters) ??
    keyComplaint(item, parameters, LISTS[list]) ??
    sidComplaint(item, decision.hasForeignSid, parameters, LISTS[list]) ??
    valueComplaint(item, parameters, LISTS[list]) ??
    inventedComplaint(item, parameters) ??
    itemComplaint(item) ??
    boundComplaint(decision.key, decision.push)
  );
}

/** The query has every parameter, except secret and field list ID. The row has its start. */
function queryComplaint(item: Item, query: string, parameters: Parameters): string | undefined {
  const expected = new Map([...parameters].filter(([name]) => !['k', 'f'].includes(name.trim())));
  const kept = [...new URLSearchParams(query)];
  const isSame =
    kept.length === expected.size && kept.every(([name, value]) => expected.get(name) === value);
  if (!isSame) return 'the query does not have the parameters that came';
  return isCut(item[ATTRIBUTES.query]?.S ?? '', query, QUERY_MAX_BYTES)
    ? undefined
    : "the row's query is another one";
}

/** Whether a text is another one as far as its bytes allow. */
function isCut(stored: string, text: string, maxBytes: number): boolean {
  if (Buffer.byteLength(text) <= maxBytes) return stored === text;
  const bytes = Buffer.byteLength(stored);
  return (
    stored.endsWith('…') &&
    text.startsWith(stored.slice(0, -1)) &&
    bytes <= maxBytes &&
    bytes > maxBytes - 4
  );
}

/** The key is the publisher of the secret, Rakuten's ID, and `is_event`. */
function keyComplaint(item: Item, parameters: Parameters, list: FieldList): string | undefined {
  const [lineId = '', isEvent = ''] = [item[ATTRIBUTES.lineId]?.S, item[ATTRIBUTES.isEvent]?.S];
  if (!lineId.startsWith(`${FUZZ_SID}#`)) return `the row belongs to another publisher: ${lineId}`;
  const id = sent('etransaction_id', parameters, list);
  const line = lineId.slice(FUZZ_SID.length + 1);
  if (id !== undefined && Buffer.byteLength(id) <= IDENTIFIER_MAX_BYTES && line !== keyOf(id)) {
    return `the ID ${JSON.stringify(id)} became ${JSON.stringify(line)}`;
  }
  if ((line === '' || /^~[^~]/.test(line)) && !/^~[0-9a-f]{32}$/.test(line))
    return `${line} is no hash of a content`;
  const flag = sent('is_event', parameters, list);
  const expected =
    flag === undefined
      ? isEvent
      : /^(y|true)$/i.test(flag)
        ? 'Y'
        : /^(n|false)$/i.test(flag)
          ? 'N'
          : '-';
  return isEvent === expected && ['Y', 'N', '-'].includes(isEvent)
    ? undefined
    : `is_event ${flag} became ${isEvent}`;
}

function keyOf(id: string): string {
  if (/^[0-9a-fA-F]+$/.test(id)) return id.toUpperCase();
  return id.startsWith('~') ? `~${id}` : id;
}

/** Another publisher in the query is a problem of the row, and counted. */
function sidComplaint(
  item: Item,
  hasForeignSid: boolean,
  parameters: Parameters,
  list: FieldList,
): string | undefined {
  const sid = sent('sid', parameters, list);
  if (sid === undefined || areProblemsFull(item)) return undefined;
  const isForeign = Number(sid) !== Number(FUZZ_SID);
  if (isForeign !== hasForeignSid)
    return `the sid ${JSON.stringify(sid)} is ${isForeign ? 'not ' : ''}counted as foreign`;
  return isForeign && problemOf(item, 'sid') === undefined
    ? `the foreign sid ${JSON.stringify(sid)} is no problem of the row`
    : undefined;
}

/** The value that came under the one name that means a field; undefined if there is none. */
function sent(field: RowField, parameters: Parameters, list: FieldList): string | undefined {
  const [value, ...others] = [...parameters]
    .filter(
      ([name, text]) =>
        text.trim() !== '' &&
        (meaningOf(name, list) === field || meaningOf(name.trim(), list) === field),
    )
    .map(([, text]) => read(text));
  return value === undefined || others.length > 0 || isToken(value) ? undefined : value;
}

const read = (text: string): string => text.trim().normalize('NFC');

function valueComplaint(item: Item, parameters: Parameters, list: FieldList): string | undefined {
  for (const [name, value] of parameters) {
    if (OWN.has(name.trim()) || value.trim() === '') continue;
    const field = meaningOf(name, list);
    if (field !== undefined && KEY_FIELDS.includes(field)) continue;
    const complaint =
      field === undefined
        ? extraComplaint(item, name, value, parameters)
        : fieldComplaint(item, field, read(value));
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

/** What a parameter of exactly this name means. */
function meaningOf(name: string, list: FieldList): RowField | undefined {
  const asked = list.find((parameter) => parameter.name === name);
  if (asked !== undefined) return 'field' in asked ? asked.field : undefined;
  return Object.hasOwn(ROW_FIELDS, name) && !list.some((p) => 'field' in p && p.field === name)
    ? (name as RowField)
    : undefined;
}

function fieldComplaint(item: Item, field: RowField, text: string): string | undefined {
  const stored = item[field]?.N ?? item[field]?.S;
  if (isToken(text))
    return stored === undefined || stored.includes('&')
      ? undefined
      : `${field} has the value of an unsubstituted token`;
  if (stored === undefined) {
    return problemOf(item, field) === undefined && !areProblemsFull(item)
      ? `${field} is lost: ${JSON.stringify(text)}`
      : undefined;
  }
  return isRightReading(field, text, item)
    ? undefined
    : `${field} is ${JSON.stringify(stored)}, sent was ${JSON.stringify(text)}`;
}

const problemsOf = (item: Item): string[] =>
  (item[ATTRIBUTES.parseProblems]?.L ?? []).map(({ S = '' }) => S);
const problemOf = (item: Item, field: RowField): string | undefined =>
  problemsOf(item).find((text) => text.startsWith(`${field}: `));
/** Whether there may have been no room for another problem. */
const areProblemsFull = (item: Item): boolean =>
  bytesOf(problemsOf(item)) > LIST_MAX_BYTES - PROBLEM_MAX_BYTES;
const bytesOf = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

function isRightReading(field: RowField, text: string, item: Item): boolean {
  const { S: stored = '', N: number } = item[field] ?? {};
  switch (ROW_FIELDS[field]) {
    case 'decimal':
      return number !== undefined && isSameAmount(text.replace(/^\+/, ''), number);
    case 'date':
      return isSameSecond(text, stored);
    case 'currency':
      return stored === text.toUpperCase() && /^[A-Z]{3}$/.test(stored);
    case 'identifier':
      return stored === text && Buffer.byteLength(text) <= IDENTIFIER_MAX_BYTES;
    default: {
      // The rest of a name with an `&` that was not escaped follows it.
      const isRejoined =
        field === 'product_name' && stored.includes('&') && isSameStart(stored, text);
      return isCut(stored, text, TEXT_MAX_BYTES) || isRejoined;
    }
  }
}

const isSameStart = (stored: string, text: string): boolean =>
  stored.startsWith(text) || text.startsWith(stored.replace(/…$/, ''));

/** Exact below 15 digits; else a decimal of the same binary float, with no more digits. */
function isSameAmount(text: string, stored: string): boolean {
  const [given, kept] = [new Big(text), new Big(stored)];
  if (given.eq(kept)) return given.abs().lte('1e15');
  const isSameFloat =
    Number(text) === Number(stored) || Math.fround(Number(text)) === Math.fround(Number(stored));
  return given.c.length >= 15 && kept.c.length <= given.c.length && isSameFloat;
}

/** Only for the form that Rakuten documents. The parser's own tests have the others. */
function isSameSecond(text: string, stored: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(stored)) return false;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?([+-]\d\d:\d\d|Z)$/.test(text)) return true;
  return Math.floor(Date.parse(text) / 1000) * 1000 === Date.parse(stored);
}

function extraComplaint(
  item: Item,
  name: string,
  value: string,
  parameters: Parameters,
): string | undefined {
  const trimmed = name.trim();
  // A name with spaces may mean the one without, and an alias the field, if those did not come.
  if (trimmed !== name || Object.hasOwn(FIELD_ALIASES, name)) return undefined;
  const extra = item[ATTRIBUTES.extra]?.M ?? {};
  const kept = extra[writtenName(name)]?.S;
  if (kept === value) return undefined;
  if (kept === undefined && bytesOf([...parameters].flat()) > LIST_MAX_BYTES) return undefined;
  return [...parameters.keys()].some((other) => other !== name && other.trim() === trimmed)
    ? undefined
    : `the parameter ${JSON.stringify(name)} is not among the extra ones`;
}

/** DynamoDB accepts no empty name, and JavaScript no `__proto__`. See docs/rows.md. */
const writtenName = (name: string): string => (/^$|^__proto__$|^=/.test(name) ? `=${name}` : name);

/** No field has a value that was not sent. */
function inventedComplaint(item: Item, parameters: Parameters): string | undefined {
  const texts = [...parameters.values()].map(read);
  for (const field of Object.keys(ROW_FIELDS) as RowField[]) {
    const stored = item[field]?.S;
    if (stored === undefined || KEY_FIELDS.includes(field) || ROW_FIELDS[field] === 'date')
      continue;
    const isRejoined = field === 'product_name' && stored.includes('&');
    const isSent = texts.some(
      (text) => stored === (ROW_FIELDS[field] === 'currency' ? text.toUpperCase() : text),
    );
    if (!isSent && !isRejoined && !texts.some((text) => isCut(stored, text, TEXT_MAX_BYTES))) {
      return `${field} is ${JSON.stringify(stored)}, which was not sent`;
    }
  }
  return undefined;
}

/** DynamoDB accepts the item, its parts are bounded, and the same line again changes nothing. */
function itemComplaint(item: Item): string | undefined {
  for (const [key, mostBytes] of [
    [ATTRIBUTES.lineId, 2048],
    [ATTRIBUTES.isEvent, 1024],
    ['order_id', 2048],
    ['u1', 2048],
    [ATTRIBUTES.processDay, 2048],
    [ATTRIBUTES.occurredAt, 1024],
  ] as const) {
    const text = item[key]?.S;
    if (text === '' || Buffer.byteLength(text ?? '') > mostBytes)
      return `DynamoDB rejects the key ${key}`;
  }
  if (JSON.stringify(item).includes('k=fuzz')) return 'the row has our secret in it';
  const extra = Object.entries(item[ATTRIBUTES.extra]?.M ?? {});
  if (extra.some(([name]) => name === '')) return 'DynamoDB rejects an empty name';
  // An escaped name has a sign more.
  if (bytesOf(extra.flatMap(([name, { S = '' }]) => [name.replace(/^=/, ''), S])) > LIST_MAX_BYTES)
    return 'the extra parameters are too long';
  const key = {
    lineId: item[ATTRIBUTES.lineId]?.S ?? '',
    isEvent: item[ATTRIBUTES.isEvent]?.S as 'Y',
  };
  const state = fromItem(item);
  if (state === undefined) return 'no state can be read from the row';
  const again = toItem(key, joinPushes(state, [pushIn(state)]), ITEM_OPTIONS);
  return sameItem(again, item) ? undefined : 'the same line again changes the row';
}

/** The delivery that a row was made from, as the row has it. */
function pushIn({ pushes: [first] }: RowState): PushedLine {
  if (first?.content === undefined) throw new Error('a row of a push without its content');
  return { ...first, ...first.content };
}

/** More other pushes and answers than a row keeps, each with as many values as this one. */
const COPIES = Array.from({ length: 8 }, (_, index) => index);

/** The row stays within its bound, whatever else comes for it. */
function boundComplaint(key: RowKey, push: PushedLine): string | undefined {
  const pushes = COPIES.map((copy) => ({
    ...push,
    fields: { ...push.fields, quantity: String(copy) },
  }));
  let row = joinPushes(EMPTY_ROW, pushes);
  for (const copy of COPIES) {
    const fetchedAt = new Date(ARRIVAL.at + copy).toISOString();
    // Every second answer has other values in all fields, and is empty where this one has values.
    const fields = copy % 2 === 0 ? push.fields : { is_event: push.fields.is_event };
    // Problems of a field that is not checked, so that the answer counts as one.
    const problems = push.problems.map((problem) => ({ ...problem, field: 'offer_id' as const }));
    const answer = {
      fields: { ...fields, etransaction_id: 'A', quantity: String(copy) },
      problems,
      extra: push.extra,
    };
    row = applyAnswer(row, { ...answer, fetchedAt, runId: 'fuzz', query: push.query });
  }
  const bytes = itemBytes(toItem(key, row, ITEM_OPTIONS));
  return bytes > ROW_MAX_BYTES ? `a row can grow to ${bytes} bytes` : undefined;
}

export const sameItem = (a: Item, b: Item): boolean => canonical(a) === canonical(b);
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))
      : inner,
  );

const isToken = (text: string): boolean => /^<\w+>$/.test(text.trim());
