import Big from 'big.js';
import { ATTRIBUTES, URL_PARAMETERS } from '../../core/names';
import { FIELD_ALIASES, type FieldList, ROW_FIELDS, type RowField } from '../../core/rakuten/fields';
import { fromItem, toItem } from '../../core/store/item';
import { join } from '../../core/store/merge';
import { ARRIVAL, type Item, type Journey } from './pipeline';
import { LISTS } from './queries';

const SQS_MAX_BYTES = 1_048_576;
const DYNAMODB_ITEM_BYTES = 400 * 1024;
/** What SQS takes; everything else is `InvalidMessageContents`. */
const SQS_CHARACTERS = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]+$/u;
const OWN: ReadonlySet<string> = new Set(Object.values(URL_PARAMETERS));

/**
 * What is wrong with a journey, in words; undefined when nothing is. Written from the promises that the documentation makes, with nothing of the code that
 * keeps them but its names.
 */
export function complaintAbout(journey: Journey): string | undefined {
  return requestComplaint(journey) ?? messageComplaint(journey) ?? decisionComplaint(journey) ?? rowComplaint(journey);
}

/** The request to SQS is exactly one SendMessage with a body that SQS takes. */
function requestComplaint({ rendered, body }: Journey): string | undefined {
  if (!/^Action=SendMessage&MessageBody=[\w.*+%-]+$/.test(rendered)) return 'the request has other characters than a form has';
  const names = [...new URLSearchParams(rendered).keys()].join();
  if (names !== 'Action,MessageBody') return `the request has the parameters ${names}`;
  if (body === '') return 'the message is empty';
  if (!SQS_CHARACTERS.test(body)) return 'SQS refuses a character of the message';
  if (Buffer.byteLength(body) > SQS_MAX_BYTES) return `the message has ${Buffer.byteLength(body)} bytes`;
  return undefined;
}

/** The message says when, from where and what, and has every parameter as API Gateway decoded it. */
function messageComplaint({ body, parameters }: Journey): string | undefined {
  const message = [...new URLSearchParams(body)];
  if (message.map(([name]) => name).join() !== 'at,id,ip,q') return 'the message has other parts than at, id, ip and q';
  const [at, id, ip, query] = message.map(([, value]) => value);
  if (at !== String(ARRIVAL.at) || id !== ARRIVAL.id || ip !== ARRIVAL.ip) return 'the message says another time, id or address';
  const arrived = [...new URLSearchParams(query)];
  if (arrived.length !== parameters.size) return `${parameters.size} parameters became ${arrived.length}`;
  const changed = arrived.find(([name, value]) => parameters.get(name) !== value);
  return changed && `the parameter ${JSON.stringify(changed[0])} came through changed`;
}

/** Only without a secret, as a probe, or without any value is a GET no line. */
function decisionComplaint({ decision, parameters, case: { list } }: Journey): string | undefined {
  if (decision.kind !== 'rejected' || decision.as === 'forged') return undefined;
  const told = [...parameters].find(
    ([name, value]) => meaningOf(name, LISTS[list]) !== undefined && value.trim() !== '' && !isToken(value),
  );
  return told && `${told[0]} has a value, but the GET was taken for no postback`;
}

function rowComplaint({ decision, item, parameters, case: { list } }: Journey): string | undefined {
  if (decision.kind !== 'line' || item === undefined) return undefined;
  return (
    queryComplaint(item, parameters) ??
    valueComplaint(item, parameters, LISTS[list]) ??
    inventedComplaint(item, parameters) ??
    storeComplaint(item)
  );
}

/** The row's `query` has every parameter, but for our own secret and field list id. */
function queryComplaint(item: Item, parameters: Journey['parameters']): string | undefined {
  const expected = new Map([...parameters].filter(([name]) => !['k', 'f'].includes(name.trim())));
  const kept = [...new URLSearchParams(item[ATTRIBUTES.query]?.S ?? '')];
  const isSame = kept.length === expected.size && kept.every(([name, value]) => expected.get(name) === value);
  return isSame ? undefined : "the row's query does not have the parameters that came";
}

function valueComplaint(item: Item, parameters: Journey['parameters'], list: FieldList): string | undefined {
  for (const [name, value] of parameters) {
    if (OWN.has(name.trim()) || value.trim() === '') continue;
    const field = meaningOf(name, list);
    const complaint = field === undefined ? extraComplaint(item, name, value, parameters) : fieldComplaint(item, field, value.trim());
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

/** What a parameter of exactly this name means. */
function meaningOf(name: string, list: FieldList): RowField | undefined {
  const asked = list.find((parameter) => parameter.name === name);
  if (asked !== undefined) return 'field' in asked ? asked.field : undefined;
  return Object.hasOwn(ROW_FIELDS, name) && !list.some((p) => 'field' in p && p.field === name) ? (name as RowField) : undefined;
}

function fieldComplaint(item: Item, field: RowField, text: string): string | undefined {
  const stored = item[field]?.N ?? item[field]?.S;
  if (isToken(text))
    return stored === undefined || field === 'sid' || stored.includes('&') ? undefined : `${field} has the value of an unsubstituted token`;
  const isUnread = (item[ATTRIBUTES.parseProblems]?.L ?? []).some(({ S = '' }) => S.startsWith(`${field}: `));
  if (stored === undefined) return isUnread ? undefined : `${field} is lost: ${JSON.stringify(text)}`;
  return isRightReading(field, text, item) ? undefined : `${field} is ${JSON.stringify(stored)}, sent was ${JSON.stringify(text)}`;
}

function isRightReading(field: RowField, text: string, item: Item): boolean {
  const { S: stored = '', N: number } = item[field] ?? {};
  switch (ROW_FIELDS[field]) {
    case 'decimal':
      return number !== undefined && new Big(text.replace(/^\+/, '')).eq(number);
    case 'flag':
      return stored === (/^(y|true)$/i.test(text) ? 'Y' : 'N');
    case 'date':
      return isSameMoment(text, stored);
    case 'identifier':
      return stored === text || (Buffer.byteLength(text) > 1000 && /^~sha256:[0-9a-f]{64}$/.test(stored));
    default:
      // The rest of a name with an `&` that was not escaped stands behind it.
      return stored === text || (field === 'product_name' && stored.startsWith(`${text}`) && stored.includes('&'));
  }
}

/** Only for the form that Rakuten documents; that of the Events API and of others has the parser's own tests. */
function isSameMoment(text: string, stored: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?([+-]\d\d:\d\d|Z)$/.test(text))
    return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(stored);
  return Date.parse(text) === Date.parse(stored);
}

function extraComplaint(item: Item, name: string, value: string, parameters: Journey['parameters']): string | undefined {
  const trimmed = name.trim();
  // A name with spaces around it may mean the one without, and an alias the field, where those did not come themselves.
  if (trimmed !== name || Object.hasOwn(FIELD_ALIASES, name)) return undefined;
  const extra = item[ATTRIBUTES.extra]?.M ?? {};
  // DynamoDB takes no empty name and JavaScript no `__proto__`: docs/rows.md says how they are written.
  const kept = extra[/^$|^__proto__$|^=/.test(name) ? `=${name}` : name]?.S;
  if (kept === value) return undefined;
  return [...parameters.keys()].some((other) => other !== name && other.trim() === trimmed)
    ? undefined
    : `the parameter ${JSON.stringify(name)} is not among the extra ones`;
}

/** No field has a value that nobody sent. */
function inventedComplaint(item: Item, parameters: Journey['parameters']): string | undefined {
  const texts = [...parameters.values()].map((value) => value.trim());
  for (const field of Object.keys(ROW_FIELDS) as RowField[]) {
    const stored = item[field]?.S;
    if (
      stored === undefined ||
      field === 'sid' ||
      ROW_FIELDS[field] === 'date' ||
      ROW_FIELDS[field] === 'flag' ||
      stored.startsWith('~sha256:')
    )
      continue;
    if (!texts.includes(stored) && !(field === 'product_name' && stored.includes('&')))
      return `${field} is ${JSON.stringify(stored)}, which nobody sent`;
  }
  return undefined;
}

/** DynamoDB takes the item, and the same line once more changes nothing. */
function storeComplaint(item: Item): string | undefined {
  for (const [key, most] of [
    [ATTRIBUTES.orderKey, 2048],
    [ATTRIBUTES.lineKey, 1024],
    ['u1', 2048],
    ['etransaction_id', 2048],
    [ATTRIBUTES.occurredAt, 1024],
  ] as const) {
    const text = item[key]?.S;
    if (text === '' || Buffer.byteLength(text ?? '') > most) return `DynamoDB refuses the key ${key}`;
  }
  const secret = JSON.stringify(item).includes(`k=fuzz`);
  if (secret) return 'the row has our secret in it';
  if (Buffer.byteLength(JSON.stringify(item)) > DYNAMODB_ITEM_BYTES) return 'the row is larger than DynamoDB takes';
  if (Object.keys(item[ATTRIBUTES.extra]?.M ?? {}).includes('')) return 'DynamoDB refuses an empty name';
  const { [ATTRIBUTES.orderKey]: orderKey, [ATTRIBUTES.lineKey]: lineKey } = item;
  const state = fromItem(item);
  const again = toItem({ orderKey: orderKey?.S ?? '', lineKey: lineKey?.S ?? '' }, join(state, state), 1);
  return sameItem(again, item) ? undefined : 'the same line once more changes the row';
}

export const sameItem = (a: Item, b: Item): boolean => canonical(a) === canonical(b);
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))
      : inner,
  );

const isToken = (text: string): boolean => /^<\w+>$/.test(text.trim());
