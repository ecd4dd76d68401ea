import { URL_PARAMETERS } from '../names';
import { normalisedQuery, ownParameter, type PostbackMessage, parseMessage } from '../rakuten/message';
import { type ParsedLine, parsePostback } from '../rakuten/parse';
import type { RowKey } from '../store/keys';
import type { Publishers, RecognisedPublisher } from '../store/publishers';
import { readPushedLine } from '../store/pushed-line';
import type { LineFields } from '../store/row';

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

/** Reads a message as the consumer would. Never throws. */
export function contentsOf(body: string, publishers: Publishers): Contents {
  let message: PostbackMessage;
  try {
    message = parseMessage(body);
  } catch {
    return { kind: 'unreadable', fields: {}, extra: {}, problems: [], query: beginning(body) };
  }
  const publisher = recognise(message, publishers);
  const { receivedAt, requestId, sourceIp, parameters } = message;
  const line = publisher && readPushedLine(message, publisher);
  // Without a publisher it is read under Rakuten's own names, to show what was sent.
  const { fields, extra, problems } = line?.push ?? parsePostback(parameters, []);
  const shared = { receivedAt, requestId, sourceIp, sid: publisher?.sid, fields, extra, problems, query: normalisedQuery(parameters) };
  if (publisher !== undefined && (ownParameter(parameters, 'probe') ?? '') !== '') return { ...shared, kind: 'probe' };
  return line === undefined ? { ...shared, kind: 'unrecognised' } : { ...shared, kind: 'postback', key: line.key };
}

function recognise({ parameters, receivedAt }: PostbackMessage, publishers: Publishers): RecognisedPublisher | undefined {
  const secret = ownParameter(parameters, 'secret');
  return secret === undefined ? undefined : publishers.recognise(secret, ownParameter(parameters, 'fieldList'), new Date(receivedAt));
}

const MASK = '***';

/** A message as it may be kept and shown: whole, but for the value of the URL's secret. */
export function maskedBody(body: string): string {
  if (!isMessage(body)) return maskedText(body);
  const form = new URLSearchParams(body);
  const parameters = [...new URLSearchParams(form.get('q') ?? '')].map(([name, value]): [string, string] => [
    name,
    name.trim() === URL_PARAMETERS.secret ? MASK : value,
  ]);
  form.set('q', new URLSearchParams(parameters).toString());
  return form.toString();
}

function isMessage(body: string): boolean {
  try {
    parseMessage(body);
    return true;
  } catch {
    return false;
  }
}

/** A query string's parameter with our secret: plain, encoded once, encoded twice, each up to its delimiter. */
const SECRET_PARAMETERS = [/(?<=\bk=)[^&\s"'<>]+/g, /(?<=k%3D)(?:(?!%26)[^&\s"'<>])+/gi, /(?<=k%253D)(?:(?!%26|%2526)[^&\s"'<>])+/gi];

/** Text that is not one of our forms may still contain a postback's URL. */
const maskedText = (text: string): string => SECRET_PARAMETERS.reduce((masked, value) => masked.replace(value, MASK), text);

const SHOWN_CHARACTERS = 300;

function beginning(body: string): string {
  const text = maskedBody(body);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
