/**
 * Reads a query string as API Gateway hands it to a mapping template: form-decoded (`+` is a
 * space), an unescaped `;` divides like `&`, the last value of a repeated name wins, and bytes that
 * are not UTF-8 become U+FFFD.
 *
 * @param rawUrl the request's URL as Node gives it, one character for each byte
 */
export function decodeQuery(rawUrl: string): Map<string, string> {
  const start = rawUrl.indexOf('?');
  const parameters = new Map<string, string>();
  if (start < 0) return parameters;
  for (const part of rawUrl.slice(start + 1).split(/[&;]/)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    parameters.set(decodeForm(name), equals < 0 ? '' : decodeForm(part.slice(equals + 1)));
  }
  return parameters;
}

/**
 * Percent-escapes to bytes, `+` to a space, the bytes to text. An escape that is none (`50%`) stays
 * as it is.
 */
export function decodeForm(text: string): string {
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
