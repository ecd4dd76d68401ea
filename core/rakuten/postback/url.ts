import { domainToASCII } from 'node:url';
import { URL_PARAMETERS } from '../../names';
import { type FieldList, fieldListId, isPostbackField, type PostbackField } from './fields';

/**
 * The URL to register at Rakuten: our secret and field list id first, then the fields as
 * `<token>`s, which Rakuten replaces (the brackets stay raw: they are Rakuten's syntax), then
 * static values, url-encoded.
 */
export function postbackUrl(endpointUrl: string, secret: string, fields: FieldList): string {
  const own = [
    `${URL_PARAMETERS.secret}=${encodeURIComponent(secret)}`,
    `${URL_PARAMETERS.fieldList}=${fieldListId(fields)}`,
  ];
  const asked = fields.map(
    (p) =>
      `${encodeURIComponent(p.name)}=${'field' in p ? `<${p.field}>` : encodeURIComponent(p.value)}`,
  );
  return `${endpointUrl}?${[...own, ...asked].join('&')}`;
}

/**
 * The parts of a URL that may be shown. Path, user info and parameters of a tracker's URL can be
 * secrets.
 */
export interface UrlSummary {
  /** With its port. Undefined if the text has no part that is certainly a host. */
  readonly host: string | undefined;
  /** The Rakuten fields that it asks for, each once. */
  readonly fields: readonly PostbackField[];
}

/** The summary of any text, as Rakuten also accepts `test.com`. It has no control characters. */
export function summarizeUrl(url: string): UrlSummary {
  return { host: hostOf(url), fields: fieldsOf(url) };
}

/** A summary in words: `tracker.example, 2 fields (u1, order_id)`. */
export function summaryText({ host = 'not a URL', fields }: UrlSummary): string {
  if (fields.length === 0) return `${host}, no fields`;
  return `${host}, ${fields.length} field${fields.length === 1 ? '' : 's'} (${fields.join(', ')})`;
}

const MAX_HOST_CHARACTERS = 253;
const NAME = /^(?:[\p{L}\p{N}_-]{1,63}\.){1,126}(?:\p{L}{2,24}|xn--[a-z0-9-]{1,59})\.?$/iu;
const IPV4_OR_LOCALHOST = /^(?:\d{1,3}(?:\.\d{1,3}){3}|localhost)$/i;
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/i;

/** A password may contain `/`, so an `@` in the path makes it unclear where the host is. */
function hostOf(url: string): string | undefined {
  const [address = ''] = url
    .trim()
    .replace(/^[a-z][a-z0-9+.-]*:(?=\/\/)/i, '')
    .replace(/^\/\//, '')
    .split(/[?#]/, 1);
  const [authority = '', ...path] = address.split(/[/\\;]/);
  if (path.some((part) => part.includes('@'))) return undefined;
  const [host = '', port = ''] = authority
    .slice(authority.lastIndexOf('@') + 1)
    .split(/(?=:\d{1,5}$)/);
  if (
    host.length > MAX_HOST_CHARACTERS ||
    !(NAME.test(host) || IPV4_OR_LOCALHOST.test(host) || IPV6.test(host))
  )
    return undefined;
  // Letters of other scripts come out as ASCII, which cannot be taken for another host.
  const ascii = IPV6.test(host) ? host.toLowerCase() : domainToASCII(host);
  return ascii === '' ? undefined : ascii + port;
}

/** Rakuten may escape the brackets of the tokens. */
const fieldsOf = (url: string): PostbackField[] => {
  const tokens = [...url.matchAll(/(?:<|%3C|&lt;)(\w{1,40})(?=>|%3E|&gt;)/gi)].map(
    ([, name = '']) => name,
  );
  return [...new Set(tokens.filter(isPostbackField))];
};

/** Whether a URL registered at Rakuten points at this endpoint, whatever its query string. */
export function isSameEndpoint(registeredUrl: string, endpointUrl: string): boolean {
  return withoutQuery(registeredUrl) === withoutQuery(endpointUrl);
}

function withoutQuery(url: string): string {
  const [bare = ''] = url.split(/[?#]/, 1);
  return bare
    .replace(/\/+$/, '')
    .toLowerCase()
    .replace(/^https?:\/\//, '');
}
