import Big from 'big.js';
import { isRowField, ROW_FIELDS } from '../rakuten/fields';

/**
 * Whether a value says the same as another, only less precisely: Rakuten's two interfaces write one line in two ways, and neither of them changed it then.
 * A value that says less than another is never more precise than a third one, so the order in which they are compared does not matter.
 *
 * @param slot the Rakuten field that the values are of, or the name of something else
 */
export function saysLess(slot: string, value: string, other: string): boolean {
  const kind = isRowField(slot) ? ROW_FIELDS[slot] : undefined;
  if (kind === 'date') return lacksMilliseconds(value) && !lacksMilliseconds(other) && value.slice(0, 19) === other.slice(0, 19);
  if (kind === 'decimal') return isFloatNoise(value) && !isFloatNoise(other) && isFloatOf(value, other);
  return hasGaps(value) && !hasGaps(other) && fitsGaps(value, other);
}

/** The Events API writes times without milliseconds. */
const lacksMilliseconds = (isoDate: string): boolean => isoDate.endsWith('.000Z');

/** `19.989999771118164`: as many digits as only a binary float that was printed in full has. */
function isFloatNoise(decimal: string): boolean {
  const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
  return fraction !== '' && `${whole}${fraction}`.replace(/^0+/, '').length >= 15;
}

/** Half a unit in the last place of a 32-bit float, which is what Rakuten's interface description calls the amounts. */
const FLOAT_PRECISION = new Big('5.9604644775390625e-8');

const isFloatOf = (noise: string, decimal: string): boolean =>
  new Big(noise).minus(decimal).abs().lte(new Big(decimal).abs().times(FLOAT_PRECISION));

/** U+FFFD stands where bytes were not UTF-8: a name in Latin-1 loses its umlauts on the way through a query string, but not through JSON. */
const GAP = '\uFFFD';
const hasGaps = (text: string): boolean => text.includes(GAP);

/** One U+FFFD can stand for up to three bytes, each of them a character of its own in Latin-1. */
const MAX_CHARACTERS_LOST = 3;
/** Far longer than any product name; comparing takes time that grows with the square. */
const MAX_COMPARED_LENGTH = 500;

/** Whether `other` is `text` with something in place of each run of U+FFFD. */
function fitsGaps(text: string, other: string): boolean {
  if (other.length > MAX_COMPARED_LENGTH) return false;
  const start = text.indexOf(GAP);
  if (!other.startsWith(text.slice(0, start))) return false;
  let ends = new Set([start]);
  for (const [, gap = '', part = ''] of text.matchAll(/(\uFFFD+)([^\uFFFD]*)/g)) {
    const next = new Set<number>();
    for (const end of ends) {
      for (let lost = 1; lost <= gap.length * MAX_CHARACTERS_LOST; lost++) {
        if (other.startsWith(part, end + lost)) next.add(end + lost + part.length);
      }
    }
    ends = next;
  }
  return ends.has(other.length);
}
