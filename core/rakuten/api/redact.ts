import { summarizeUrl } from '../postback/url';

const SHORTEST_SECRET = 4;

/**
 * Knows the secrets of a run and masks them, and text that looks like a secret, in what people
 * read.
 */
export class Redactor {
  private readonly forms = new Set<string>();

  public add(...secrets: (string | undefined)[]): void {
    for (const secret of secrets) {
      if (secret === undefined || secret.length < SHORTEST_SECRET) continue;
      for (const form of formsOf(secret)) this.forms.add(form);
    }
  }

  /**
   * The text without secrets: query values, user info and authorization headers are masked even
   * when they are not known.
   */
  public clean(text: string): string {
    let cleaned = text;
    // The longest first, as one secret may be the beginning of another.
    for (const form of [...this.forms].sort((a, b) => b.length - a.length))
      cleaned = cleaned.replaceAll(form, '***');
    return cleaned
      .replace(/\b(Bearer|Basic) [\w+/=.~-]{8,}/gi, '$1 ***')
      .replace(/("(?:access_|refresh_)?token"\s*:\s*")[^"]*/gi, '$1***')
      .replace(/:\/\/[^/@\s]*@/g, '://')
      .replace(/([?&](?:amp;)?[\w.~%-]+=)[^&\s"'<>\\]+/g, '$1***');
  }
}

type Encoding = (text: string) => string;

/** Every character but letters and digits. */
const percent: Encoding = (text) =>
  [...Buffer.from(text)]
    .map((byte) =>
      /\w/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${hex(byte, 2)}`,
    )
    .join('');
const hex = (code: number, digits: number): string =>
  code.toString(16).toUpperCase().padStart(digits, '0');
const lowerCaseEscapes: Encoding = (text) =>
  text.replace(/%[0-9A-F]{2}|\\u[0-9A-F]{4}/g, (code) => code.toLowerCase());
const json: Encoding = (text) => JSON.stringify(text).slice(1, -1);
const jsonUnicode: Encoding = (text) =>
  json(text).replace(/[<>&'/=+]|[^ -~]/g, (character) => `\\u${hex(character.charCodeAt(0), 4)}`);
const html =
  (apostrophe: string): Encoding =>
  (text) =>
    text.replace(
      /[&<>"']/g,
      (character) =>
        ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? apostrophe,
    );

/** How other programs write a text in a URL, in JSON, in HTML, in a header or in one line. */
const ENCODINGS: readonly Encoding[] = [
  percent,
  encodeURIComponent,
  encodeURI,
  (text) => new URLSearchParams([['', text]]).toString().slice(1),
  json,
  (text) => json(text).replaceAll('/', '\\/'),
  jsonUnicode,
  html('&#39;'),
  html('&#x27;'),
  html('&apos;'),
  (text) => Buffer.from(text).toString('base64'),
  (text) =>
    Buffer.from(text)
      .toString('base64')
      .replace(/={1,2}$/, ''),
  (text) => Buffer.from(text).toString('base64url'),
  (text) => text.replace(/\s+/g, ' '),
];

/** As toWellFormed(), which jsii's library lacks. A lone surrogate cannot be encoded in a URL. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\uFFFD');

const encodedOnce = (text: string): string[] =>
  ENCODINGS.map((encode) => encode(wellFormed(text))).flatMap((form) => [
    form,
    lowerCaseEscapes(form),
  ]);

/** A secret in each encoding, and in each encoding of that. */
function formsOf(secret: string): Set<string> {
  const once = [secret, ...encodedOnce(secret)];
  return new Set([...once, ...once.flatMap(encodedOnce)]);
}

const QUOTED_CHARACTERS = 300;
const MAX_BODY_CHARACTERS = 100_000;
/**
 * Of a page; taking its markup out of a hostile one takes time that grows with the square of its
 * length.
 */
const MAX_PAGE_CHARACTERS = 20_000;

/**
 * Text of another server, short enough for an error message: no markup, no line breaks, no secrets,
 * of a URL only the host.
 */
export function quote(body: string, redactor: Redactor): string {
  const cleaned = redactor.clean(body.replace(/\s+/g, ' ').slice(0, MAX_BODY_CHARACTERS));
  // `<u1>` is a token of a URL, `<html>` markup: only a body that is a page loses its tags.
  const text = /<(html|!doctype|body|head)\b/i.test(body)
    ? withoutMarkup(cleaned.slice(0, MAX_PAGE_CHARACTERS))
    : cleaned;
  const line = text.replace(URLS, shortUrl).replace(/\s+/g, ' ').trim();
  return line.length <= QUOTED_CHARACTERS ? line : `${line.slice(0, QUOTED_CHARACTERS)}…`;
}

const withoutMarkup = (page: string): string =>
  page.replace(/<(script|style)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^<>]*>/g, ' ');

/**
 * A URL with or without a scheme, also percent-encoded or in JSON. Rakuten may repeat the URL of a
 * tracker that we restore.
 */
const URLS =
  /(?<![\w+.-])[a-z][a-z0-9+.-]{0,30}(?::|%3A)(?:\\?\/|\\u002f|%2F){2}[^\s"]*|(?<![\w.-])(?:[\w-]{1,63}\.){1,20}[a-z]{2,24}(?::\d{1,5})?(?:[/?#;]|\\\/|\\u002f|%2F)[^\s"]*/gi;

function shortUrl(url: string): string {
  const { host } = summarizeUrl(url.replace(/%3A/gi, ':').replace(/\\\/|\\u002f|%2F/gi, '/'));
  return host === undefined ? '[URL]' : `${host}/…`;
}
