import { URL_PARAMETERS } from '../../names';
import type { Parameters } from './parse';

/**
 * A message of the queue. The mapping template (`lib/ingestion-api.vtl`) writes it as a form: `at`
 * (arrival, milliseconds since 1970), `id` (API Gateway's extended request id), `ip` (the sender's
 * address) and `q` (the query string, rebuilt from the decoded parameters).
 */
export interface PostbackMessage {
  /** ISO 8601 UTC with milliseconds. */
  readonly receivedAt: string;
  readonly requestId: string;
  readonly sourceIp: string;
  readonly parameters: Parameters;
}

/** Reads a message body. Throws when it is not one that the endpoint writes. */
export function parseMessage(body: string): PostbackMessage {
  const form = new URLSearchParams(body);
  const at = Number(form.get('at'));
  const query = form.get('q');
  if (
    query === null ||
    !Number.isSafeInteger(at) ||
    at <= 0 ||
    Number.isNaN(new Date(at).getTime())
  ) {
    throw new Error(
      'not a message of the endpoint: expected a form with at (milliseconds since 1970), id, ip and q (the query string)',
    );
  }
  return {
    receivedAt: new Date(at).toISOString(),
    requestId: form.get('id') ?? '',
    sourceIp: form.get('ip') ?? '',
    parameters: [...new URLSearchParams(query)],
  };
}

/**
 * The value of one of our own parameters, of a repeated one the last. The name itself counts before
 * the name with spaces around it.
 */
export function ownParameter(
  parameters: Parameters,
  name: keyof typeof URL_PARAMETERS,
): string | undefined {
  const exact = parameters.findLast(([key]) => key === URL_PARAMETERS[name]);
  return (exact ?? parameters.findLast(([key]) => key.trim() === URL_PARAMETERS[name]))?.[1];
}

/**
 * The `probe` of a test GET of the self-test or the status watch; undefined for any other message.
 *
 * A message with any other parameter is a line. A `probe` in a registered URL or in a buyer's link
 * would otherwise lose lines.
 */
export function probeOf({ parameters }: PostbackMessage): string | undefined {
  const hasOnlyOwnParameters = parameters.every(([name]) => OWN_NAMES.has(name.trim()));
  return hasOnlyOwnParameters ? ownParameter(parameters, 'probe') : undefined;
}

/** Whether a probe has an ID that `randomUUID` made, as ours have. */
export const isProbeId = (probe: string): boolean => UUID.test(probe);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const OWN_NAMES: ReadonlySet<string> = new Set(Object.values(URL_PARAMETERS));

/**
 * The normalised query string that a row keeps: the parameters as they came, sorted by name (API
 * Gateway promises no order), without our secret and field list id, and escaped only where it must
 * be, so that it can be read and takes little room. It is not the raw one: API Gateway has decoded
 * it and dropped all but the last of a repeated name. `URLSearchParams` and every other form
 * decoder reads it back.
 */
export function normalisedQuery(parameters: Parameters): string {
  return parameters
    .filter(([name]) => !HIDDEN.has(name.trim()))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${escapeName(name)}=${escapePart(value)}`)
    .join('&');
}

const HIDDEN: ReadonlySet<string> = new Set([URL_PARAMETERS.secret, URL_PARAMETERS.fieldList]);

/** What would be read back as something else, and what cannot be seen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const ESCAPED = /[%&+#\u0000-\u001f\u007f-\u00a0\u2028\u2029\ufeff]/g;
/**
 * A question mark at the very beginning of a query string is taken for its mark by
 * `URLSearchParams`.
 */
const escapeName = (name: string): string =>
  escapePart(name).replaceAll('=', '%3D').replace(/^\?/, '%3F');
const escapePart = (text: string): string =>
  text.replace(ESCAPED, (character) => encodeURIComponent(character)).replaceAll(' ', '+');
