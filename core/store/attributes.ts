import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import Big from 'big.js';
import { isRowField, ROW_FIELDS } from '../rakuten/fields';
import { extraName, extraSlot, type Slot } from './merge';

export type Item = Record<string, AttributeValue>;

/** Values by slot as DynamoDB keeps them: Rakuten's fields under their own names, decimals as numbers; everything else in a map. */
export function writeValues(values: ReadonlyMap<Slot, string>): { fields: Item; extra: Item } {
  const fields: Item = {};
  const extra: Item = {};
  for (const [slot, text] of [...values].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = extraName(slot);
    if (name !== undefined) extra[storableName(name)] = { S: text };
    else fields[slot] = isRowField(slot) && ROW_FIELDS[slot] === 'decimal' ? { N: text } : { S: text };
  }
  return { fields, extra };
}

/** What `writeValues` wrote, from an item that may have other attributes too. */
export function readValues(item: Item, extra: Item = {}): Map<Slot, string> {
  const values = new Map<Slot, string>();
  for (const [name, attribute] of Object.entries(item)) {
    if (isRowField(name)) values.set(name, attribute.N === undefined ? readText(attribute) : canonicalNumber(attribute.N));
  }
  for (const [name, attribute] of Object.entries(extra)) values.set(extraSlot(storedName(name)), readText(attribute));
  return values;
}

/**
 * DynamoDB takes no empty name, and an object of JavaScript has no value under `__proto__`: an equals sign stands before such a name, and, so that none is
 * taken for another, before a name that begins with one.
 */
const storableName = (name: string): string => (name === '' || name === '__proto__' || name.startsWith('=') ? `=${name}` : name);
const storedName = (name: string): string => (name.startsWith('=') ? name.slice(1) : name);

/** DynamoDB may give a number back in another notation than it was written in. */
export const canonicalNumber = (text: string): string => new Big(text).toFixed();

export const readText = (attribute: AttributeValue | undefined): string => attribute?.S ?? '';
export const writeTexts = (texts: readonly string[]): AttributeValue => ({ L: texts.map((S) => ({ S })) });
export const readTexts = (list: AttributeValue | undefined): string[] => (list?.L ?? []).map(readText);
