import { decodeQuery } from '../../local/gateway/query';

export interface Arrival {
  /** ISO 8601 UTC with milliseconds. */
  readonly receivedAt?: string;
  readonly requestId?: string;
  readonly sourceIp?: string;
}

/** What API Gateway makes of a query string: decoded, of a repeated name the last. */
export const parametersOf = (query: string): [string, string][] => [
  ...decodeQuery(`/?${Buffer.from(query).toString('latin1')}`),
];

/** The body that the mapping template writes for a GET with this query string. */
export function messageBody(
  query: string,
  { receivedAt, requestId = 'JKJaXmPLvHcESHA=', sourceIp = '198.51.100.7' }: Arrival = {},
): string {
  const at = Date.parse(receivedAt ?? '2026-04-18T09:31:13.250Z');
  const form = parametersOf(query).map(
    ([name, value]) => `&${formEncode(name)}=${formEncode(value)}`,
  );
  return `at=${at}&id=${formEncode(requestId)}&ip=${sourceIp}&q=${formEncode(form.join(''))}`;
}

const formEncode = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');
