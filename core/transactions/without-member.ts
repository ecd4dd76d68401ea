import {
  FIELD_ALIASES,
  type FieldList,
  isRowField,
  RESERVED_PARAMETER_NAMES,
} from '../rakuten/postback/fields';
import type { Parameters } from '../rakuten/postback/parse';
import type { LineFields } from './row';
import type { Answer, PushedLine } from './row-state';

/** Whether a value is the ID of a member to remove. The value is trimmed and in NFC. */
export type IsMember = (value: string) => boolean;

/** How a text is compared with the member. */
export interface MemberTest {
  readonly isMember: IsMember;
  /** Whether the member's ID begins so. Only known where the ID itself is. */
  readonly beginsWith?: (beginning: string) => boolean;
}

/** The members to forget. */
export interface MembersToForget {
  /** The test for lines of a publisher; undefined where nobody was forgotten. */
  testFor(sid: string | undefined): MemberTest | undefined;
}

/** Source of the members to forget. */
export interface ForgottenSource {
  /** The members as of a minute ago at most. */
  current(): Promise<MembersToForget>;
}

/** As `isMember`, for a value that may be escaped. */
export const inAnyForm = ({ isMember, beginsWith }: MemberTest): MemberTest => ({
  isMember: (value) => [...decodedForms(value)].some(isMember),
  beginsWith: beginsWith && ((beginning) => [...decodedForms(beginning)].some(beginsWith)),
});

/**
 * The push without the member; the same object where it is not in it.
 *
 * A postback's values may be escaped in several ways, so every form counts.
 */
export function pushWithoutMember(push: PushedLine, member: MemberTest): PushedLine {
  const escaped = inAnyForm(member);
  return isPushOf(push.fields.u1, push, escaped) ? deliveryWithout(push, escaped) : push;
}

/**
 * Whether a push is the member's: by its `u1`, or by a parameter of this name that the URL does not
 * ask for so.
 */
export function isPushOf(
  u1: string | undefined,
  { query, extra = {} }: PushTexts,
  member: MemberTest,
): boolean {
  return (
    [u1, extra.u1].some((value) => value !== undefined && member.isMember(value)) ||
    isQueryOf(parametersIn(query), [], member)
  );
}

interface PushTexts {
  readonly query: string;
  readonly extra?: Readonly<Record<string, string>>;
}

/** Whether a query string is the member's: by `u1`, or by a name that one of the URLs gives it. */
export function isQueryOf(
  parameters: Parameters,
  fieldLists: readonly FieldList[],
  { isMember }: MemberTest,
): boolean {
  const named = fieldLists
    .flat()
    .filter((parameter) => 'field' in parameter && parameter.field === 'u1');
  const names = new Set(['u1', ...named.map(({ name }) => name)]);
  return parameters.some(([name, value]) => names.has(name.trim()) && isMember(value));
}

/**
 * The answer without the member; the same object where it is not in it.
 *
 * The Events API decides who earns a line, so only exactly this `u1` counts: `a b` is not `a+b`.
 */
export function answerWithoutMember(answer: Answer, member: MemberTest): Answer {
  const isTheirs = answer.fields.u1 !== undefined && member.isMember(answer.fields.u1);
  return isTheirs
    ? { ...deliveryWithout(answer, inAnyForm(member)), memberForgotten: true }
    : answer;
}

/** Only for a delivery of the member: the same value in another one has nothing to do with them. */
function deliveryWithout<D extends PushedLine | Answer>(delivery: D, member: MemberTest): D {
  const fields = fieldsWithoutMember(delivery.fields, member);
  const extra = extraWithoutMember(delivery.extra, member);
  return { ...delivery, fields, extra, query: queryWithoutMember(delivery.query, member) };
}

export function fieldsWithoutMember<F extends Pick<LineFields, 'u1'>>(
  fields: F,
  { isMember }: MemberTest,
): F {
  if (fields.u1 === undefined || !isMember(fields.u1)) return fields;
  const { u1: _, ...others } = fields;
  return others as F;
}

/**
 * The undocumented parameters of a delivery of the member, without those whose value is the member.
 */
export function extraWithoutMember(
  extra: Readonly<Record<string, string>>,
  { isMember }: MemberTest,
): Readonly<Record<string, string>> {
  const kept = Object.entries(extra).filter(([, value]) => !isMember(value));
  return kept.length === Object.keys(extra).length ? extra : Object.fromEntries(kept);
}

/** Text that was cut ends so. See `truncateUtf8`. */
const CUT = '…';

/**
 * The query string of a delivery of the member, without the parameters whose value is the member.
 *
 * Another field of Rakuten may have the same value: the quantity 12 of the member 12 stays.
 */
export function queryWithoutMember(query: string, { isMember, beginsWith }: MemberTest): string {
  const parts = query.split('&');
  const kept = parts.filter((part, index) => {
    const [name, value] = parameterIn(part);
    if (!mayHoldMember(name)) return true;
    const isCut = index === parts.length - 1 && value.endsWith(CUT);
    return (
      !isMember(value) &&
      !(isCut && beginsWith?.(value.slice(0, -CUT.length).replace(/%[0-9a-f]?$/i, '')))
    );
  });
  return kept.length === parts.length ? query : kept.join('&');
}

/** Whether a parameter may be `u1`, under this name or under one that the URL gives it. */
export function mayHoldMember(name: string): boolean {
  const trimmed = name.trim();
  return (
    trimmed === 'u1' ||
    !(
      isRowField(trimmed) ||
      Object.hasOwn(FIELD_ALIASES, trimmed) ||
      RESERVED_PARAMETER_NAMES.includes(trimmed)
    )
  );
}

function parameterIn(part: string): readonly [name: string, value: string] {
  const separator = part.indexOf('=');
  return separator < 0
    ? [decoded(part), '']
    : [decoded(part.slice(0, separator)), decoded(part.slice(separator + 1))];
}

const parametersIn = (query: string): Parameters => query.split('&').map(parameterIn);

const decoded = (text: string): string => new URLSearchParams(`text=${text}`).get('text') ?? '';

/** A member whose ID is known. */
export interface KnownMember extends MemberTest {
  /** Only lines of this publisher. @default - of every publisher */
  readonly sid?: string;
  /** Text, such as an error message, with asterisks in place of the ID in its usual encodings. */
  readonly mask: (text: string) => string;
}

export function knownMember(id: string, sid?: string): KnownMember {
  const known = normalForm(id);
  const forms = formsOf(known);
  return {
    sid,
    isMember: (value) => value === known,
    beginsWith: (beginning) => beginning !== '' && known.startsWith(beginning),
    mask: (text) => forms.reduce(maskForm, text),
  };
}

const formEncode = (text: string): string =>
  new URLSearchParams({ text }).toString().slice('text='.length);

/**
 * The ID in its usual encodings, each also applied to another. The longest first, as one may
 * contain another.
 */
function formsOf(id: string): string[] {
  const encodings = [
    (text: string) => text,
    encodeURIComponent,
    formEncode,
    (text: string) => JSON.stringify(text).slice(1, -1),
  ];
  const once = encodings.map((encode) => encode(id));
  const forms = [...once, ...once.flatMap((form) => encodings.map((encode) => encode(form)))];
  const inLowerCase = forms.map((form) =>
    form.replace(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()),
  );
  return [...new Set([...forms, ...inLowerCase])].sort((a, b) => b.length - a.length);
}

/** Replaces a form of the ID where it is not a part of a longer word or number. */
function maskForm(text: string, form: string): string {
  const [first = '', ...others] = text.split(form);
  return others.reduce((masked, part) => {
    // Two code units hold any character.
    const isPart = /[\p{L}\p{N}]$/u.test(masked.slice(-2)) || /^[\p{L}\p{N}]/u.test(part);
    return `${masked}${isPart ? form : '***'}${part}`;
  }, first);
}

/**
 * Rakuten may escape a value once more than the URL needs. Nothing is known to do it more often.
 */
const MAX_DECODINGS = 3;
/** An escaped member ID is far shorter. A longer value costs no time. */
const MAX_CHARACTERS = 2048;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

type Decoding = (text: string) => string;

/** How a postback may change a value: see docs/rows.md. */
const DECODINGS: readonly Decoding[] = [
  (text) =>
    text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
      Buffer.from(bytes.replaceAll('%', ''), 'hex').toString(),
    ),
  (text) => text.replaceAll('+', ' '),
  // A plus sign that Rakuten did not escape arrives as a space.
  (text) => text.replaceAll(' ', '+'),
  (text) =>
    text.replace(
      /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,4}));/gi,
      (entity, decimal?: string, hex?: string, name = '') => {
        const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
        return code <= 0x10ffff ? String.fromCodePoint(code) : (ENTITIES[name] ?? entity);
      },
    ),
];

/** The one form of a value that rows keep: trimmed, in NFC. */
export const normalForm = (value: string): string => value.trim().normalize('NFC');

/** The value, and what it may have been before it was escaped. */
export function decodedForms(value: string): ReadonlySet<string> {
  const forms = new Set([normalForm(value)]);
  if (value.length > MAX_CHARACTERS) return forms;
  let latest = [value];
  for (let round = 0; round < MAX_DECODINGS && latest.length > 0; round += 1) {
    latest = latest
      .flatMap((text) => DECODINGS.map((decode) => decode(text)))
      .filter((text) => !forms.has(normalForm(text)));
    for (const text of latest) forms.add(normalForm(text));
  }
  return forms;
}
