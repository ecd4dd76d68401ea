import { FIELD_ALIASES, type FieldList, isRowField, RESERVED_PARAMETER_NAMES } from '../rakuten/postback/fields';
import type { Parameters } from '../rakuten/postback/parse';
import type { LineFields } from '../transactions/row';
import type { Answer, PushedLine } from '../transactions/row-state';
import { decodedForms } from './decoded-forms';

/** Whether a value is the ID of a member to remove. The value is trimmed and in NFC. */
export type IsMember = (value: string) => boolean;

/** How a text is compared with the member. */
export interface MemberTest {
  readonly isMember: IsMember;
  /** Whether the member's ID begins so. Only known where the ID itself is. */
  readonly beginsWith?: (beginning: string) => boolean;
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
export function isPushOf(u1: string | undefined, { query, extra = {} }: PushTexts, member: MemberTest): boolean {
  return [u1, extra.u1].some((value) => value !== undefined && member.isMember(value)) || isQueryOf(parametersIn(query), [], member);
}

interface PushTexts {
  readonly query: string;
  readonly extra?: Readonly<Record<string, string>>;
}

/** Whether a query string is the member's: by `u1`, or by a name that one of the URLs gives it. */
export function isQueryOf(parameters: Parameters, fieldLists: readonly FieldList[], { isMember }: MemberTest): boolean {
  const named = fieldLists.flat().filter((parameter) => 'field' in parameter && parameter.field === 'u1');
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
  return isTheirs ? { ...deliveryWithout(answer, inAnyForm(member)), memberForgotten: true } : answer;
}

/** Only for a delivery of the member: the same value in another one has nothing to do with them. */
function deliveryWithout<D extends PushedLine | Answer>(delivery: D, member: MemberTest): D {
  const fields = fieldsWithoutMember(delivery.fields, member);
  const extra = extraWithoutMember(delivery.extra, member);
  return { ...delivery, fields, extra, query: queryWithoutMember(delivery.query, member) };
}

export function fieldsWithoutMember<F extends Pick<LineFields, 'u1'>>(fields: F, { isMember }: MemberTest): F {
  if (fields.u1 === undefined || !isMember(fields.u1)) return fields;
  const { u1: _, ...others } = fields;
  return others as F;
}

/** The undocumented parameters of a delivery of the member, without those whose value is the member. */
export function extraWithoutMember(extra: Readonly<Record<string, string>>, { isMember }: MemberTest): Readonly<Record<string, string>> {
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
    return !isMember(value) && !(isCut && beginsWith?.(value.slice(0, -CUT.length).replace(/%[0-9a-f]?$/i, '')));
  });
  return kept.length === parts.length ? query : kept.join('&');
}

/** Whether a parameter may be `u1`, under this name or under one that the URL gives it. */
export function mayHoldMember(name: string): boolean {
  const trimmed = name.trim();
  return trimmed === 'u1' || !(isRowField(trimmed) || Object.hasOwn(FIELD_ALIASES, trimmed) || RESERVED_PARAMETER_NAMES.includes(trimmed));
}

function parameterIn(part: string): readonly [name: string, value: string] {
  const separator = part.indexOf('=');
  return separator < 0 ? [decoded(part), ''] : [decoded(part.slice(0, separator)), decoded(part.slice(separator + 1))];
}

const parametersIn = (query: string): Parameters => query.split('&').map(parameterIn);

const decoded = (text: string): string => new URLSearchParams(`text=${text}`).get('text') ?? '';
