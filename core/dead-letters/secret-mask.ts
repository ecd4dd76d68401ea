import type { Publishers } from '../state/publishers';

export const MASK = '***';

/** Replaces secrets in a text. */
export type Mask = (text: string) => string;

/** No URL secret is shorter. */
const PIECES = /[^&=?#;,\s"'<>]{16,}/g;
/** An escape, which ends a token, or a token. */
const TOKENS = /(%(?:25)*[0-9a-f]{2}|\\u[0-9a-f]{4})|[\w.~-]{16,}/gi;
const LETTERS_AND_DIGITS = /[a-z0-9]{16,}/gi;

/**
 * A mask for the URL secrets of these publishers, wherever they are in a text.
 *
 * Only their hashes are known, so each part of a text that can be a secret is hashed: the text,
 * each value of a query string as it is and decoded, each run of unreserved characters, and each
 * run of letters and digits, which a generated secret is. A secret of other characters next to
 * unreserved characters is not recognised.
 */
export function secretMask(publishers: Publishers): Mask {
  const orMasked = (text: string, otherwise: Mask): string =>
    publishers.hasSecret(text.trim()) ? MASK : otherwise(text);
  const tokens: Mask = (text) =>
    text.replace(TOKENS, (token, code?: string) =>
      code === undefined
        ? orMasked(token, (run) => run.replace(LETTERS_AND_DIGITS, (part) => orMasked(part, same)))
        : token,
    );
  const piece: Mask = (text) =>
    forms(text).some((form) => publishers.hasSecret(form)) ? MASK : tokens(text);
  return (text) => orMasked(text, (whole) => tokens(whole.replace(PIECES, piece)));
}

const same: Mask = (text) => text;

/** A text as it is, decoded and decoded twice. */
function forms(text: string): string[] {
  const once = decoded(text);
  return [...new Set([text, once, decoded(once)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Not percent-encoded.
    return text;
  }
}

/** A value with every text in it masked, names of properties included. */
export function maskedValue<T>(value: T, mask: Mask): T {
  if (typeof value === 'string') return mask(value) as T;
  if (Array.isArray(value)) return value.map((item) => maskedValue(item, mask)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [mask(name), maskedValue(item, mask)]),
  ) as T;
}
