import { URL_PARAMETERS } from '../../names';
import type { ParseProblem } from './fields';
import { FIELD_ALIASES, type FieldList, isRowField, ROW_FIELDS, type RowField } from './fields';
import { readValue, truncateUtf8 } from './values';

/** What a postback or an Events API record says, under Rakuten's field names. */
export interface ParsedLine {
  /**
   * Fields that were there and could be read: decimals in plain notation, times in whole seconds
   * UTC, `is_event` as `Y` or `N`.
   */
  readonly fields: { readonly [F in RowField]?: string };
  /** What was there and could not be read. The line is kept all the same. */
  readonly problems: readonly ParseProblem[];
  /**
   * Static values and parameters that Rakuten does not document, as they came: the first kilobyte
   * by name.
   */
  readonly extra: Readonly<Record<string, string>>;
}

export type Parameters = readonly (readonly [name: string, value: string])[];

/**
 * Reads the decoded parameters of a postback.
 *
 * @param parameters in the order they came; of a repeated name the last counts, as API Gateway
 *   hands over only that one
 * @param registered the field list under which the URL was registered: it says what a renamed
 *   parameter means
 */
export function parsePostback(parameters: Parameters, registered: FieldList): ParsedLine {
  const names = new ParameterNames(registered);
  const nameOf = new Map<RowField, string>();
  const exact = new Set(parameters.map(([name]) => name));
  const texts = new Map<RowField, string>();
  const extra = new Map<string, string>();
  const debris = new Map<string, string>();

  for (const [rawName, value] of parameters) {
    const trimmed = rawName.trim();
    if (OWN_PARAMETERS.has(trimmed)) continue;
    // Beside the name itself, the name with spaces around it is something else: `u1` and the rest
    // of `product_name=Tea & u1`.
    const name = trimmed !== rawName && exact.has(trimmed) ? undefined : trimmed;
    const field = name === undefined ? undefined : names.fieldOf(name);
    if (field !== undefined) {
      const rival = nameOf.get(field) ?? rawName;
      const [shown, beside] = inPrecedence([rawName, value], [rival, texts.get(field) ?? '']);
      nameOf.set(field, shown[0]);
      texts.set(field, shown[1]);
      if (rival !== rawName && beside[1] !== '') extra.set(beside[0], beside[1]);
    } else if (value === '' && (name === undefined || !names.isStatic(name)))
      debris.set(rawName, value);
    else extra.set(name ?? rawName, value);
  }
  rejoinProductName(texts, extra, [...debris.keys()]);
  return readFields(texts, extra);
}

/**
 * Reads a record of the Events API. Other types than text come as JSON has them; `null` is absent.
 */
export function parseEventsApiRecord(record: Readonly<Record<string, unknown>>): ParsedLine {
  const texts = new Map<RowField, string>();
  const extra = new Map<string, string>();
  for (const [name, value] of Object.entries(record)) {
    if (value === null || value === undefined) continue;
    const text = wellFormed(typeof value === 'object' ? JSON.stringify(value) : String(value));
    const field = fieldOrAlias(name);
    if (field === undefined) extra.set(wellFormed(name), text);
    else if (!texts.has(field) || isRowField(name)) texts.set(field, text);
  }
  return readFields(texts, extra);
}

/** What the parameters of a registered URL mean. */
class ParameterNames {
  private readonly fields = new Map<string, RowField>();
  private readonly statics = new Set<string>();

  constructor(registered: FieldList) {
    for (const parameter of registered) {
      if ('field' in parameter) this.fields.set(parameter.name, parameter.field);
      else this.statics.add(parameter.name);
    }
  }

  isStatic(name: string): boolean {
    return this.statics.has(name);
  }

  fieldOf(name: string): RowField | undefined {
    return this.fields.get(name) ?? (this.statics.has(name) ? undefined : this.unasked(name));
  }

  /**
   * A field that comes under its own name or an alias although the list does not ask for it so,
   * unless it is asked for under another name.
   */
  private unasked(name: string): RowField | undefined {
    const field = fieldOrAlias(name);
    const askedForUnderAnotherName =
      field !== undefined && [...this.fields.values()].includes(field);
    return askedForUnderAnotherName ? undefined : field;
  }
}

type Parameter = readonly [name: string, value: string];

/**
 * Of two parameters that mean one field the one to read, then the one to keep beside it: one that
 * has a value before one that has none, the field's own name before another spelling of it. Never
 * by their order, which API Gateway does not promise. Of a repeated name `a` is the later.
 */
function inPrecedence(a: Parameter, b: Parameter): readonly [Parameter, Parameter] {
  if (a[0] === b[0]) return [a, b];
  const rank = ([name, value]: Parameter) =>
    `${Number(value.trim() === '')} ${Number(Object.hasOwn(FIELD_ALIASES, name.trim()))} ${name}`;
  return rank(a) < rank(b) ? [a, b] : [b, a];
}

const OWN_PARAMETERS: ReadonlySet<string> = new Set(Object.values(URL_PARAMETERS));

function fieldOrAlias(name: string): RowField | undefined {
  if (isRowField(name)) return name;
  return Object.hasOwn(FIELD_ALIASES, name) ? FIELD_ALIASES[name] : undefined;
}

/** JSON can carry half a surrogate pair, which DynamoDB refuses. */
const wellFormed = (text: string): string => Buffer.from(text).toString();

/**
 * A product name with an `&` that Rakuten did not escape arrives cut: the rest of it is a parameter
 * without a value. One such rest belongs to the name; of several the order is not known, so they
 * are kept beside it as they are.
 */
function rejoinProductName(
  texts: Map<RowField, string>,
  extra: Map<string, string>,
  debris: readonly string[],
): void {
  const rests = debris.filter((name) => name.trim() !== '');
  const [rest] = rests;
  const productName = texts.get('product_name');
  if (rests.length === 1 && rest !== undefined && productName !== undefined)
    texts.set('product_name', `${productName}&${rest}`);
  else for (const name of rests) extra.set(name.trim(), '');
}

/** Each problem is kept: an answer with an unreadable checked field verifies nothing. */
const MAX_PROBLEM_BYTES = 80;

function readFields(
  texts: ReadonlyMap<RowField, string>,
  extra: ReadonlyMap<string, string>,
): ParsedLine {
  const fields: Partial<Record<RowField, string>> = {};
  const problems: ParseProblem[] = [];
  for (const [field, rawText] of texts) {
    const text = rawText.trim().normalize('NFC');
    if (text === '' || isUnsubstituted(text)) continue;
    const reading = readValue(ROW_FIELDS[field], text);
    if ('value' in reading) fields[field] = reading.value;
    else problems.push({ field, reason: truncateUtf8(reading.problem, MAX_PROBLEM_BYTES) });
  }
  return {
    fields,
    problems,
    extra: Object.fromEntries(withinBytes([...extra].sort(byName))),
  };
}

/** What a row keeps of the undocumented parameters of one delivery. */
const MAX_EXTRA_BYTES = 1024;

/** The first parameters that fit. The query string and the archive have the others. */
function withinBytes(entries: readonly Parameter[]): Parameter[] {
  let bytes = 0;
  return entries.filter(([name, value]) => {
    bytes += Buffer.byteLength(name + value);
    return bytes <= MAX_EXTRA_BYTES;
  });
}

const byName = ([a]: Parameter, [b]: Parameter): number => (a < b ? -1 : 1);

/**
 * Rakuten left its own placeholder in: the token is unknown to it or it has no value for it (which
 * of the two is not documented).
 */
const isUnsubstituted = (text: string): boolean => /^<\w+>$/.test(text);
