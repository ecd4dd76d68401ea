import { URL_PARAMETERS } from '../names';
import {
  normalisedQuery,
  ownParameter,
  type PostbackMessage,
  parseMessage,
  probeOf,
} from '../rakuten/postback/message';
import { type ParsedLine, parsePostback } from '../rakuten/postback/parse';
import type { Publishers } from '../state/publishers';
import type { RowKey } from '../transactions/keys';
import { type RecognisedPublisher, readPushedLine } from '../transactions/pushed-line';
import type { LineFields } from '../transactions/row';
import { MASK, type Mask, maskedValue, secretMask } from './secret-mask';

/**
 * What a message is:
 * - `postback`: a line that Rakuten pushed
 * - `probe`: a test of the endpoint; nothing is lost with it
 * - `unrecognised`: a GET without an accepted secret, or without any field; the consumer rejects it
 * - `unreadable`: not a message that the endpoint writes
 */
export type ContentsKind = 'postback' | 'probe' | 'unrecognised' | 'unreadable';

/** What is in a message, without the secret of its URL. */
export interface Contents {
  readonly kind: ContentsKind;
  /** When it reached the endpoint, ISO 8601 UTC. */
  readonly receivedAt?: string;
  /** Follows the line through the logs. */
  readonly requestId?: string;
  readonly sourceIp?: string;
  /** The publisher of the URL secret. A different `sid` in the query is among the problems. */
  readonly sid?: string;
  readonly fields: LineFields;
  readonly extra: Readonly<Record<string, string>>;
  readonly problems: ParsedLine['problems'];
  /** The row that it makes or changes. */
  readonly key?: RowKey;
  /** The normalised query string, without our secret; of an unreadable message its beginning. */
  readonly query: string;
}

/** Reads a message as the consumer would, with every URL secret of ours masked. Never throws. */
export function contentsOf(body: string, publishers: Publishers): Contents {
  const mask = secretMask(publishers);
  const message = readMessage(body);
  if (message === undefined)
    return {
      kind: 'unreadable',
      fields: {},
      extra: {},
      problems: [],
      query: beginning(body, mask),
    };
  const publisher = recognise(message, publishers);
  // Masked before it is read: a problem quotes the beginning of a value, in which a secret could
  // not be recognised.
  const shown = maskedValue(message, mask);
  const { receivedAt, requestId, sourceIp, parameters } = shown;
  const line = publisher && readPushedLine(shown, publisher);
  // Without a publisher it is read under Rakuten's own names, to show what was sent.
  const { fields, extra, problems } = line?.push ?? parsePostback(parameters, []);
  const shared = {
    receivedAt,
    requestId,
    sourceIp,
    sid: publisher?.sid,
    fields,
    extra,
    problems,
    query: normalisedQuery(parameters),
  };
  if (publisher !== undefined && probeOf(message) !== undefined)
    return { ...shared, kind: 'probe' };
  return line === undefined
    ? { ...shared, kind: 'unrecognised' }
    : { ...shared, kind: 'postback', key: line.key };
}

/**
 * The key of the row that a message makes or changes. Nothing in it is masked. Undefined if it
 * makes none.
 */
export function rowKeyOf(body: string, publishers: Publishers): RowKey | undefined {
  const message = readMessage(body);
  const publisher = message && recognise(message, publishers);
  if (message === undefined || publisher === undefined || probeOf(message) !== undefined)
    return undefined;
  return readPushedLine(message, publisher)?.key;
}

/** The message; undefined where the endpoint did not write it. */
export function readMessage(body: string): PostbackMessage | undefined {
  try {
    return parseMessage(body);
  } catch {
    // The endpoint did not write it: the caller shows it as unreadable.
    return undefined;
  }
}

/** The publisher whose URL secret a message has. */
export function recognise(
  { parameters, receivedAt }: PostbackMessage,
  publishers: Publishers,
): RecognisedPublisher | undefined {
  const secret = ownParameter(parameters, 'secret');
  return secret === undefined
    ? undefined
    : publishers.recognise(secret, ownParameter(parameters, 'fieldList'), new Date(receivedAt));
}

/**
 * A message as it may be kept and shown: whole, except for URL secrets and each value of the
 * parameter for them.
 */
export function maskedBody(body: string, publishers: Publishers): string {
  return maskBody(body, secretMask(publishers));
}

function maskBody(body: string, mask: Mask): string {
  if (readMessage(body) === undefined) return maskedText(mask(body));
  const form = [...new URLSearchParams(body)].map(([name, value]): [string, string] => [
    mask(name),
    name === 'q' ? maskedQuery(value, mask) : mask(value),
  ]);
  return new URLSearchParams(form).toString();
}

function maskedQuery(query: string, mask: Mask): string {
  const parameters = [...new URLSearchParams(query)].map(([name, value]): [string, string] => [
    mask(name),
    name.trim() === URL_PARAMETERS.secret ? MASK : mask(value),
  ]);
  return new URLSearchParams(parameters).toString();
}

/**
 * A query string's parameter with our secret: plain, encoded once, encoded twice, each up to its
 * delimiter.
 */
const SECRET_PARAMETERS = [
  /(?<=\bk=)[^&\s"'<>]+/g,
  /(?<=k%3D)(?:(?!%26)[^&\s"'<>])+/gi,
  /(?<=k%253D)(?:(?!%26|%2526)[^&\s"'<>])+/gi,
];

/** Text that is not one of our forms may still contain a postback's URL. */
const maskedText = (text: string): string =>
  SECRET_PARAMETERS.reduce((masked, value) => masked.replace(value, MASK), text);

const SHOWN_CHARACTERS = 300;

function beginning(body: string, mask: Mask): string {
  const text = maskBody(body, mask);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
