import {
  EVENTS_API_ONLY_FIELDS,
  POSTBACK_FIELDS,
  ROW_FIELDS,
  type RowField,
} from '../core/rakuten/postback/fields';
import { sha256 } from '../core/sha256';
import { encodeText } from './charsets';
import type { GarbledFields, Modes, Side } from './modes';
import type { LineRecord } from './types';

const HOUR_MILLIS = 60 * 60 * 1000;
/** Tokyo's distance from UTC. */
const LOCAL_MILLIS = 9 * HOUR_MILLIS;
const FIELDS = [
  ...Object.keys(POSTBACK_FIELDS),
  ...Object.keys(EVENTS_API_ONLY_FIELDS),
] as RowField[];
const CASED_IDS: readonly RowField[] = ['etransaction_id', 'order_id', 'sku_number'];

type Step = (text: string, field: RowField) => string;

/**
 * The values of a line as one interface prints them, before they are escaped or become JSON.
 *
 * @param now milliseconds since 1970
 */
export function printed(line: LineRecord, side: Side, modes: Modes, now: number): LineRecord {
  const steps = stepsOf(line, side, modes, now);
  if (steps.length === 0) return line;
  const values = FIELDS.flatMap((field) => {
    const value = line[field];
    return value === undefined
      ? []
      : [[field, steps.reduce((text, step) => step(text, field), value)]];
  });
  return Object.fromEntries(values);
}

function stepsOf(line: LineRecord, side: Side, modes: Modes, now: number): Step[] {
  const age = (now - Date.parse(line.process_date ?? '')) / HOUR_MILLIS;
  const { memberAfterHours: hours } = modes;
  const has = (sides: readonly Side[]): boolean => sides.includes(side);
  const steps: readonly (readonly [boolean, Step])[] = [
    [
      side === 'events-api' && (hours === 'never' || age < hours),
      (text, field) => (field === 'u1' ? '' : text),
    ],
    [has(modes.decomposed), (text) => text.normalize('NFD')],
    [has(modes.htmlEntities), (text, field) => (isText(field) ? withEntities(text) : text)],
    [
      has(modes.lowerCaseIds),
      (text, field) => (CASED_IDS.includes(field) ? text.toLowerCase() : text),
    ],
    [
      has(modes.floatIds),
      (text, field) =>
        ROW_FIELDS[field] === 'identifier' && /^\d+$/.test(text) ? `${text}.0` : text,
    ],
    [has(modes.floatAmounts), floatAmount],
    [
      has(modes.paddedIds),
      (text, field) => (ROW_FIELDS[field] === 'identifier' && text !== '' ? ` ${text} ` : text),
    ],
    [
      side === 'push' && modes.localTimes,
      (text, field) => (ROW_FIELDS[field] === 'date' ? localTime(text) : text),
    ],
    [
      isGarbled(modes.blank, line, side, age),
      garbled(modes.blank, (field) => (field === 'is_event' ? '?' : '')),
    ],
    [isGarbled(modes.unreadable, line, side, age), garbled(modes.unreadable, () => 'n/a')],
  ];
  return steps.flatMap(([isOn, step]) => (isOn ? [step] : []));
}

const isText = (field: RowField): boolean =>
  ROW_FIELDS[field] === 'text' || ROW_FIELDS[field] === 'identifier';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  é: '&eacute;',
};
const withEntities = (text: string): string =>
  text.replace(
    /[&<>"'\u{a0}-\u{10ffff}]/gu,
    (character) => ENTITIES[character] ?? `&#${character.codePointAt(0)};`,
  );

/** One amount from a 32-bit float, the other with every digit of a 64-bit one. */
function floatAmount(text: string, field: RowField): string {
  if (field === 'sale_amount') return String(Math.fround(Number(text)));
  return field === 'commissions' ? Number(text).toFixed(18) : text;
}

function localTime(text: string): string {
  const millis = Date.parse(text);
  return Number.isNaN(millis)
    ? text
    : new Date(millis + LOCAL_MILLIS).toISOString().replace('Z', '');
}

/** Whether the interface lacks fields of this line now: always the same lines. */
function isGarbled(
  fields: GarbledFields | undefined,
  line: LineRecord,
  side: Side,
  ageHours: number,
): boolean {
  if (
    fields === undefined ||
    fields.side !== side ||
    ageHours >= (fields.hours ?? Number.POSITIVE_INFINITY)
  )
    return false;
  return isAmong(line, fields.share, fields.fields.join());
}

/** Whether a line is in a part of all lines: always the same ones for the same name. */
export function isAmong(
  { etransaction_id, is_event }: LineRecord,
  share: number,
  name: string,
): boolean {
  if (share <= 0 || share >= 1) return share >= 1;
  return (
    Number.parseInt(sha256(`${name} ${etransaction_id} ${is_event}`).slice(0, 8), 16) / 2 ** 32 <
    share
  );
}

const garbled =
  (fields: GarbledFields | undefined, replacement: (field: RowField) => string): Step =>
  (text, field) =>
    fields?.fields.includes(field) ? (fields.value ?? replacement(field)) : text;

/** A value as a postback URL carries it. Bytes that no URL can hold are escaped in any case. */
export function escaped(text: string, { escaping, charset }: Modes): string {
  const keep = escaping === 'never' ? ALLOWED : UNRESERVED;
  const once = Array.from(encodeText(text, charset), (byte) => {
    const character = String.fromCharCode(byte);
    return keep.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
  return escaping === 'twice' ? encodeURIComponent(once) : once;
}

/** What `encodeURIComponent` leaves as it is. */
const UNRESERVED = /[\w.!~*'()-]/;
/** What a request line can hold. */
const ALLOWED = /[!-~]/;
