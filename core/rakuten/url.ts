import { URL_PARAMETERS } from '../names';
import { type FieldList, fieldListId } from './fields';

/**
 * The URL to register at Rakuten: our secret and field list id first, then the fields as `<token>`s, which Rakuten replaces
 * (the brackets stay raw: they are Rakuten's syntax), then static values, url-encoded.
 */
export function postbackUrl(endpointUrl: string, secret: string, fields: FieldList): string {
  const own = [`${URL_PARAMETERS.secret}=${encodeURIComponent(secret)}`, `${URL_PARAMETERS.fieldList}=${fieldListId(fields)}`];
  const asked = fields.map((p) => `${encodeURIComponent(p.name)}=${'field' in p ? `<${p.field}>` : encodeURIComponent(p.value)}`);
  return `${endpointUrl}?${[...own, ...asked].join('&')}`;
}

/**
 * A URL that may be shown: user info and fragment dropped, and every query value that is not a `<token>` replaced by `***`, since a tracker's
 * URL carries its own secret there. Works on text that is not a valid URL, as Rakuten accepts `test.com`.
 */
export function maskUrl(url: string): string {
  const [beforeFragment = ''] = url.split('#', 1);
  const queryStart = beforeFragment.indexOf('?');
  const base = (queryStart < 0 ? beforeFragment : beforeFragment.slice(0, queryStart)).replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
  if (queryStart < 0) return base;
  const query = beforeFragment
    .slice(queryStart + 1)
    .split('&')
    .map(maskParameter)
    .join('&');
  return `${base}?${query}`;
}

function maskParameter(parameter: string): string {
  const equals = parameter.indexOf('=');
  if (equals < 0) return parameter === '' ? '' : '***';
  const value = parameter.slice(equals + 1);
  const shown = value === '' || /^<\w+>$/.test(value) ? value : '***';
  return `${parameter.slice(0, equals)}=${shown}`;
}

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
