import { URL_PARAMETERS } from '../names';
import { FIELD_ALIASES, type FieldList, isRowField, ROW_FIELDS, type RowField } from './fields';
import { readValue } from './values';

/** What a postback or an Events API record says, under Rakuten's field names. */
export interface ParsedLine {
  /** Fields that were there and could be read: decimals in plain notation, dates as ISO 8601 UTC with milliseconds, `is_event` as `Y` or `N`. */
  readonly fields: { readonly [F in RowField]?: string };
  /** Static values and parameters that Rakuten does not document, as they came. */
  readonly extra: Readonly<Record<string, string>>;
  /** What was there and could not be read, in words. The line is kept all the same. */
  readonly problems: readonly string[];
}

export type Parameters = readonly (readonly [name: string, value: string])[];

/**
 * Reads the decoded parameters of a postback.
 *
 * @param parameters in the order they came; of a repeated name the last counts, as API Gateway hands over only that one
 * @param registered the field list under which the URL was registered: it says what a renamed parameter means
 */
export function parsePostback(parameters: Parameters, registered: FieldList): ParsedLine {
  const meaning = new Map<string, RowField>(registered.flatMap((p) => ('field' in p ? [[p.name, p.field] as const] : [])));
  const fixed = new Set(registered.flatMap((p) => ('value' in p ? [p.name] : [])));
  const texts = new Map<RowField, string>();
  const extra = new Map<string, string>();
  const debris: string[] = [];

  for (const [rawName, rawValue] of parameters) {
    const name = rawName.trim();
    if (OWN_PARAMETERS.has(name)) continue;
    const field = meaning.get(name) ?? (fixed.has(name) ? undefined : unregisteredField(name, meaning));
    if (field !== undefined) texts.set(field, rawValue);
    else if (rawValue === '' && !fixed.has(name)) debris.push(rawName);
    else extra.set(name === '' ? '=' : name, rawValue);
  }
  rejoinProductName(texts, extra, debris);
  return readFields(texts, Object.fromEntries(extra));
}

/** Reads a record of the Events API. Other types than text come as JSON has them; `null` is absent. */
export function parseEventsApiRecord(record: Readonly<Record<string, unknown>>): ParsedLine {
  const texts = new Map<RowField, string>();
  const extra: Record<string, string> = {};
  for (const [name, value] of Object.entries(record)) {
    if (value === null || value === undefined) continue;
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    const field = isRowField(name) ? name : FIELD_ALIASES[name];
    if (field === undefined) extra[name] = text;
    else if (!texts.has(field) || isRowField(name)) texts.set(field, text);
  }
  return readFields(texts, extra);
}

const OWN_PARAMETERS: ReadonlySet<string> = new Set(Object.values(URL_PARAMETERS));

/** A field that comes under its own name or an alias although the list does not ask for it so, unless it is asked for under another name. */
function unregisteredField(name: string, meaning: ReadonlyMap<string, RowField>): RowField | undefined {
  const field = isRowField(name) ? name : Object.hasOwn(FIELD_ALIASES, name) ? FIELD_ALIASES[name] : undefined;
  const askedForUnderAnotherName = field !== undefined && [...meaning.values()].includes(field);
  return askedForUnderAnotherName ? undefined : field;
}

/**
 * A product name with an `&` that Rakuten did not escape arrives cut: the rest of it is a parameter without a value. One such rest belongs to the name;
 * of several the order is not known, so they are kept beside it as they are.
 */
function rejoinProductName(texts: Map<RowField, string>, extra: Map<string, string>, debris: readonly string[]): void {
  const [rest] = debris;
  const productName = texts.get('product_name');
  if (debris.length === 1 && rest !== undefined && productName !== undefined) texts.set('product_name', `${productName}&${rest}`);
  else for (const name of debris) if (name.trim() !== '') extra.set(name.trim(), '');
}

function readFields(texts: ReadonlyMap<RowField, string>, extra: Record<string, string>): ParsedLine {
  const fields: Partial<Record<RowField, string>> = {};
  const problems: string[] = [];
  for (const [field, rawText] of texts) {
    const text = rawText.trim();
    if (text === '' || isUnsubstituted(text)) continue;
    const reading = readValue(ROW_FIELDS[field], text);
    if ('value' in reading) fields[field] = reading.value;
    else problems.push(`${field}: ${reading.problem}`);
  }
  return { fields, extra, problems: problems.sort() };
}

/** Rakuten left its own placeholder in: the token is unknown to it or it has no value for it (which of the two is not documented). */
const isUnsubstituted = (text: string): boolean => /^<\w+>$/.test(text);
