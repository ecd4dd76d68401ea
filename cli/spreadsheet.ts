/** Signs that begin a formula. Some programs read the full-width forms as well. */
const SIGNS = '=+\\-@＝＋－＠﹦﹢﹣﹫\u2212';

/**
 * The beginning of a text, or a character at which a program may begin another cell, before a sign.
 *
 * Spaces and invisible characters in between do not count. A zero-width space is one.
 */
const FORMULA_START = new RegExp(
  `(?<=^|[;,|\\t\\r\\n\\v\\f\\u0085\\u2028\\u2029]|\\p{Cf})(?=[\\p{Z}\\p{C}]*[${SIGNS}])`,
  'gu',
);

/**
 * Names of months and of Japanese eras, and other characters of numbers, dates and times: see
 * `NUMERIC`.
 */
const WORDS = new RegExp(
  [
    'jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sep(t(ember)?)?|oct(ober)?|nov(ember)?|dec(ember)?',
    '明治|大正|昭和|平成|令和|元',
    '[mtshr](?=[0-9]+[./-])',
    'true|false',
    'am|pm|午前|午後',
  ].join('|'),
  'gi',
);
const NUMERIC = /^[\p{N}\p{Sc}\p{Z}\p{C}.,:;/%()'"+\-\u2212e年月日時分秒tz]*$/iu;
const HAS_NUMBER = /\p{N}/u;

/**
 * A text that no spreadsheet reads as a formula, a number or a date.
 *
 * An apostrophe comes before what would be one: at the beginning, and after each character at which
 * a program may begin another cell.
 */
export function protectCell(text: string): string {
  const safe = text.replace(FORMULA_START, "'");
  return safe.startsWith("'") || !looksLikeValue(text) ? safe : `'${safe}`;
}

/** Whether a spreadsheet would change the text: drop zeros or digits, or make a date of it. */
function looksLikeValue(text: string): boolean {
  // Full-width digits are numbers, too.
  const normal = text.normalize('NFKC').trim();
  if (/^(true|false)$/i.test(normal)) return true;
  return HAS_NUMBER.test(normal) && NUMERIC.test(normal.replace(WORDS, ''));
}
