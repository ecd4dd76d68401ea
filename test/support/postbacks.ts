import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import type { LineRecord } from '../../fake-rakuten';

/** How the value of a parameter is escaped. */
export type Encode = (value: string) => string;
export const once: Encode = encodeURIComponent;
export const twice: Encode = (value) => encodeURIComponent(encodeURIComponent(value));

/** The query string of a postback, without the URL's own parameters. */
export const queryOf = (line: LineRecord, encode: Encode = once): string =>
  ALL_FIELDS.flatMap((parameter) =>
    'field' in parameter ? [`${parameter.name}=${encode(line[parameter.field] ?? '')}`] : [],
  ).join('&');

/** The URL's own parameters. */
export const ownPartOf = (registeredUrl: string): string =>
  /^[^?]*\?(k=[^&]*&f=[^&]*)/.exec(registeredUrl)?.[1] ?? '';
