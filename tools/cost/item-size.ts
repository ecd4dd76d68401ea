import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';

/**
 * Sizes as DynamoDB counts them.
 *
 * Names, texts, lists and maps follow AWS's developer guide, "DynamoDB item sizes and formats". For
 * numbers the guide says only "approximately" a byte for two significant digits and one more. The
 * rule here was measured on AWS to the byte, with items on either side of the limit of 400 KB
 * (github.com/paritysuite/dynamodb-conformance, `src/item-size.ts`, eu-west-2, August 2026).
 */
export type Item = Readonly<Record<string, AttributeValue>>;

/** Bytes of an item: of each attribute the name in UTF-8 and the value. */
export const itemBytes = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + utf8(name) + valueBytes(value), 0);

export function valueBytes(value: AttributeValue): number {
  if (value.S !== undefined) return utf8(value.S);
  if (value.N !== undefined) return numberBytes(value.N);
  // Three bytes for a list or a map, and one more for each of its members.
  if (value.L !== undefined)
    return 3 + value.L.reduce((sum, member) => sum + 1 + valueBytes(member), 0);
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemBytes(value.M);
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1;
  throw new Error(`a kind of attribute that no row has: ${Object.keys(value)}`);
}

/**
 * One byte, one more for each two digits before the point and for each two after it, and one for a
 * minus sign. Zeros at the ends do not count: 1000 is one digit, 0.05 too. Zero is one byte.
 */
function numberBytes(text: string): number {
  // Digits without the zeros at the ends, the exponent of the first, and the sign.
  const { c: digits, e: exponent, s: sign } = new Big(text);
  if (digits[0] === 0) return 1;
  const whole = Math.min(digits.length, Math.max(0, exponent + 1));
  return 1 + Math.ceil(whole / 2) + Math.ceil((digits.length - whole) / 2) + (sign < 0 ? 1 : 0);
}

const utf8 = (text: string): number => Buffer.byteLength(text);
