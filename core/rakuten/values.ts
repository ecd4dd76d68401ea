import Big from 'big.js';
import { sha256 } from '../sha256';
import type { FieldKind } from './fields';

/** A value that was read, or why it could not be. */
export type Reading = { readonly value: string } | { readonly problem: string };

/** Reads one value of Rakuten's by its kind. Never throws: what cannot be read is a problem, and the line is kept. */
export function readValue(kind: FieldKind, text: string): Reading {
  return READERS[kind](text);
}

const READERS: Record<FieldKind, (text: string) => Reading> = {
  flag: readFlag,
  identifier: readIdentifier,
  text: (text) => ({ value: text }),
  decimal: readDecimal,
  date: readDate,
};

/** Rakuten's interface description calls `is_event` a boolean and shows `"N"`; live data has always been `Y` or `N`. */
function readFlag(text: string): Reading {
  if (/^(y|true)$/i.test(text)) return { value: 'Y' };
  if (/^(n|false)$/i.test(text)) return { value: 'N' };
  return { problem: `neither Y nor N: ${quote(text)}` };
}

/** An index key of DynamoDB may have 2,048 bytes and a sort key 1,024; identifiers of Rakuten are far shorter (`u1` has at most 72). */
const MAX_IDENTIFIER_BYTES = 1000;

/** What stands for an identifier that is too long to be a key. The text itself is in the row's `query`. */
export const longIdentifierStandIn = (text: string): string => `~sha256:${sha256(text)}`;

function readIdentifier(text: string): Reading {
  if (Buffer.byteLength(text) <= MAX_IDENTIFIER_BYTES) return { value: text };
  return { value: longIdentifierStandIn(text) };
}

/** DynamoDB's numbers: 38 significant digits, magnitudes from 1E-130 to 9.9E+125. */
const MAX_DIGITS = 38;
const MAX_EXPONENT = 125;
const MIN_EXPONENT = -130;

/**
 * An exact decimal in plain notation, never through a binary float. A comma is not taken for anything: `1,234` is a thousand in one country and
 * one and a bit in another, and Rakuten does not document its number format.
 */
function readDecimal(text: string): Reading {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,4})?$/i.test(text)) return { problem: `not a number: ${quote(text)}` };
  const number = new Big(text.replace(/^\+/, ''));
  if (number.eq(0)) return { value: '0' };
  if (number.c.length > MAX_DIGITS) return { problem: `more than ${MAX_DIGITS} digits: ${quote(text)}` };
  if (number.e > MAX_EXPONENT || number.e < MIN_EXPONENT) return { problem: `out of range: ${quote(text)}` };
  return { value: number.toFixed() };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `2026-03-13T18:17:25.000+00:00`, with `+0000`, `+00`, `Z` or no offset (Rakuten's times are UTC unless they say otherwise), and with the `+` turned into a space by form decoding. */
const ISO_DATE = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([ +-])(\d\d)(?::?(\d\d))?)?$/;
/** `Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)`, as the Events API prints it, with the `+` perhaps turned into a space. */
const EVENTS_DATE = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d?) (\d{4}) (\d\d):(\d\d):(\d\d) GMT(?:([ +-])(\d\d):?(\d\d))?(?: \([^)]*\))?$/;

function readDate(text: string): Reading {
  const iso = ISO_DATE.exec(text);
  if (iso) {
    const [, year, month, day, hour, minute, second, fraction, sign, offsetHours, offsetMinutes] = iso;
    return utc([year, month, day, hour, minute, second], offset(sign, offsetHours, offsetMinutes), text, fraction);
  }
  const events = EVENTS_DATE.exec(text);
  if (events) {
    const [, month = '', day, year, hour, minute, second, sign, offsetHours, offsetMinutes] = events;
    return utc([year, MONTHS.indexOf(month) + 1, day, hour, minute, second], offset(sign, offsetHours, offsetMinutes), text);
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

function utc(parts: (string | number | undefined)[], offsetMillis: number, text: string, fraction = ''): Reading {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, Number(fraction.padEnd(3, '0').slice(0, 3)));
  // The calendar moves the 31st of February on; a date that moved was not one.
  const moved = local.getUTCFullYear() !== year || local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day;
  const impossible = moved || hour > 23 || minute > 59 || second > 59 || Number.isNaN(offsetMillis);
  if (impossible) return { problem: `not a possible date: ${quote(text)}` };
  const date = new Date(local.getTime() - offsetMillis);
  // Other years are written with another number of digits, and dates would no longer sort as texts.
  if (date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) return { problem: `out of range: ${quote(text)}` };
  return { value: date.toISOString() };
}

const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
