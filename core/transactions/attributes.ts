import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import type { ParseProblem } from '../rakuten/postback/fields';
import { ROW_FIELDS } from '../rakuten/postback/fields';
import { type LineFields, STORED_FIELDS } from './row';

export type Item = Record<string, AttributeValue>;

/** Rakuten's fields as DynamoDB keeps them: under their own names, decimals as numbers. */
export function writeFields(fields: LineFields): Item {
  const item: Item = {};
  for (const field of STORED_FIELDS) {
    const value = fields[field];
    if (value !== undefined)
      item[field] = ROW_FIELDS[field] === 'decimal' ? { N: value } : { S: value };
  }
  return item;
}

/** What `writeFields` wrote, from an item that has other attributes too. */
export function readFields(item: Item): LineFields {
  const fields: { -readonly [F in keyof LineFields]: string } = {};
  for (const field of STORED_FIELDS) {
    const attribute = item[field];
    if (attribute !== undefined)
      fields[field] =
        attribute.N === undefined ? readText(attribute) : canonicalNumber(attribute.N);
  }
  return fields;
}

/** Texts by name, as a map. Names are sorted. */
export const writeMap = (texts: Readonly<Record<string, string>>): AttributeValue => ({
  M: Object.fromEntries(
    Object.entries(texts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, S]) => [storableName(name), { S }]),
  ),
});

export const readMap = (map: AttributeValue | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(map?.M ?? {}).map(([name, value]) => [storedName(name), readText(value)]),
  );

/**
 * DynamoDB accepts no empty name, and a JavaScript object has no value under `__proto__`. Such a
 * name gets an equals sign in front, and so does a name that begins with one.
 */
const storableName = (name: string): string =>
  name === '' || name === '__proto__' || name.startsWith('=') ? `=${name}` : name;
const storedName = (name: string): string => (name.startsWith('=') ? name.slice(1) : name);

/** `field: reason` each, sorted. */
export const writeProblems = (problems: readonly ParseProblem[]): AttributeValue =>
  writeTexts(problems.map(({ field, reason }) => `${field}: ${reason}`).sort());

export const readProblems = (list: AttributeValue | undefined): ParseProblem[] =>
  readTexts(list).map((text) => {
    const separator = text.indexOf(': ');
    // This package wrote it, so a field's name is in front.
    return {
      field: text.slice(0, separator) as ParseProblem['field'],
      reason: text.slice(separator + 2),
    };
  });

/** DynamoDB may return a number in another notation than it was written in. */
export const canonicalNumber = (text: string): string => new Big(text).toFixed();

export const readText = (attribute: AttributeValue | undefined): string => attribute?.S ?? '';
export const writeTexts = (texts: readonly string[]): AttributeValue => ({
  L: texts.map((S) => ({ S })),
});
export const readTexts = (list: AttributeValue | undefined): string[] =>
  (list?.L ?? []).map(readText);
