import Big from 'big.js';
import { sha256 } from '../../sha256';
import type { FieldKind } from './fields';

/** A value that was read, or why it could not be. */
export type Reading = { readonly value: string } | { readonly problem: string };

/**
 * One value of Rakuten, read by its kind and into one form, independent of other values.
 *
 * @param text trimmed and in NFC
 */
export function readValue(kind: FieldKind, text: string): Reading {
  return READERS[kind](text);
}

const READERS: Record<FieldKind, (text: string) => Reading> = {
  flag: readFlag,
  identifier: readIdentifier,
  text: (text) => ({ value: truncateUtf8(text, MAX_TEXT_BYTES) }),
  currency: readCurrency,
  decimal: readDecimal,
  date: readDate,
};

/**
 * Longest free text that a row keeps, in bytes of UTF-8. The query string and the archive have
 * more.
 */
const MAX_TEXT_BYTES = 512;

const ELLIPSIS = '…';

/**
 * The text itself, or its beginning with an ellipsis.
 *
 * Cutting a cut text again at fewer bytes gives what cutting the whole text there would have given.
 */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let bytes = Buffer.byteLength(ELLIPSIS);
  let end = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return `${text.slice(0, end)}${ELLIPSIS}`;
}

/**
 * Rakuten's interface description calls `is_event` a boolean and shows `"N"`; live data has always
 * been `Y` or `N`.
 */
function readFlag(text: string): Reading {
  if (/^(y|true)$/i.test(text)) return { value: 'Y' };
  if (/^(n|false)$/i.test(text)) return { value: 'N' };
  return { problem: `neither Y nor N: ${quote(text)}` };
}

/**
 * Longest identifier, in bytes of UTF-8. Rakuten's are far shorter: `u1` has at most 72 characters.
 */
const MAX_IDENTIFIER_BYTES = 256;

function readIdentifier(text: string): Reading {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_IDENTIFIER_BYTES) return { value: text };
  // The hash keeps lines apart that differ in nothing else.
  return {
    problem: `longer than ${MAX_IDENTIFIER_BYTES} bytes (${bytes}, sha256 ${sha256(text).slice(0, 16)}): ${quote(text)}`,
  };
}

function readCurrency(text: string): Reading {
  return /^[a-z]{3}$/i.test(text)
    ? { value: text.toUpperCase() }
    : { problem: `not three letters: ${quote(text)}` };
}

/** Largest amount, either sign. No line of Rakuten comes near it. */
const MAX_AMOUNT = new Big('1e15');
/** Smallest exponent of a number other than zero. */
const MIN_EXPONENT = -20;
/** Only a binary float that was printed in full has this many digits. */
const FLOAT_DIGITS = 15;
/** A 32-bit float holds a decimal of this many digits exactly. */
const FLOAT32_DIGITS = 6;

/**
 * An exact decimal in plain notation. A comma is not accepted: `1,234` is a thousand in one country
 * and one and a bit in another, and Rakuten does not document its number format.
 *
 * A number of 15 digits or more is the noise of a binary float (Rakuten's interface description
 * types amounts as `float`). It becomes the shortest decimal that is the same 64-bit float if that
 * is shorter. If not, it becomes that of the 32-bit float, provided that six digits suffice.
 */
function readDecimal(text: string): Reading {
  if (!/^[+-]?(\d{1,40}(\.\d{0,60})?|\.\d{1,60})(e[+-]?\d{1,3})?$/i.test(text))
    return { problem: `not a number: ${quote(text)}` };
  const number = new Big(text.replace(/^\+/, ''));
  if (number.eq(0)) return { value: '0' };
  if (number.abs().gt(MAX_AMOUNT) || number.e < MIN_EXPONENT)
    return { problem: `out of range: ${quote(text)}` };
  return { value: (number.c.length < FLOAT_DIGITS ? number : withoutFloatNoise(number)).toFixed() };
}

function withoutFloatNoise(number: Big): Big {
  const float64 = Number(number.toFixed());
  const exact = new Big(String(float64));
  // 2499999.88, printed in full from 64 bits, is the same 32-bit float as 2500000.
  if (exact.c.length < FLOAT_DIGITS) return exact;
  return shortestDecimalOfFloat32(Math.fround(float64)) ?? exact;
}

/** Undefined where six digits do not suffice. */
function shortestDecimalOfFloat32(float32: number): Big | undefined {
  for (let digits = 1; digits <= FLOAT32_DIGITS; digits++) {
    const text = float32.toPrecision(digits);
    if (Math.fround(Number(text)) === float32) return new Big(text);
  }
  return undefined;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * `2026-03-13T18:17:25.000+00:00`, with `+0000`, `+00`, `Z` or no offset (Rakuten's times are UTC
 * unless they say otherwise), and with the `+` turned into a space by form decoding.
 */
const ISO_DATE =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|([ +-])(\d\d)(?::?(\d\d))?)?$/;
/**
 * `Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)`, as the Events API prints it, with the `+` perhaps
 * turned into a space.
 */
const EVENTS_DATE =
  /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d?) (\d{4}) (\d\d):(\d\d):(\d\d) GMT(?:([ +-])(\d\d):?(\d\d))?(?: \([^)]*\))?$/;

function readDate(text: string): Reading {
  const iso = ISO_DATE.exec(text);
  if (iso) {
    const [, year, month, day, hour, minute, second, sign, offsetHours, offsetMinutes] = iso;
    return utc(
      [year, month, day, hour, minute, second],
      offset(sign, offsetHours, offsetMinutes),
      text,
    );
  }
  const events = EVENTS_DATE.exec(text);
  if (events) {
    const [, month = '', day, year, hour, minute, second, sign, offsetHours, offsetMinutes] =
      events;
    return utc(
      [year, MONTHS.indexOf(month) + 1, day, hour, minute, second],
      offset(sign, offsetHours, offsetMinutes),
      text,
    );
  }
  return { problem: `not a date in a known form: ${quote(text)}` };
}

const MINUTE_MILLIS = 60_000;
const MAX_OFFSET_HOURS = 14;

/** Milliseconds to UTC; not a number for what no place on earth has. */
function offset(sign: string | undefined, hours = '0', minutes = '0'): number {
  if (Number(hours) > MAX_OFFSET_HOURS || Number(minutes) > 59) return Number.NaN;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MILLIS;
}

function utc(parts: (string | number | undefined)[], offsetMillis: number, text: string): Reading {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second);
  // The calendar moves the 31st of February on; a date that moved was not one.
  const moved =
    local.getUTCFullYear() !== year ||
    local.getUTCMonth() !== month - 1 ||
    local.getUTCDate() !== day;
  const impossible = moved || hour > 23 || minute > 59 || second > 59 || Number.isNaN(offsetMillis);
  if (impossible) return { problem: `not a possible date: ${quote(text)}` };
  const date = new Date(local.getTime() - offsetMillis);
  // Other years are written with another number of digits, and dates would no longer sort as texts.
  if (date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999)
    return { problem: `out of range: ${quote(text)}` };
  return { value: wholeSecond(date) };
}

/** `2026-03-13T18:02:43Z`. The Events API has no milliseconds, so neither source keeps them. */
export const wholeSecond = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;

const quote = (text: string): string => JSON.stringify(truncateUtf8(text, 60));
