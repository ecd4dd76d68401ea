import { normalForm } from './decoded-forms';
import type { MemberTest } from './without-member';

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

const formEncode = (text: string): string => new URLSearchParams({ text }).toString().slice('text='.length);

/** The ID in its usual encodings, each also applied to another. The longest first, as one may contain another. */
function formsOf(id: string): string[] {
  const encodings = [(text: string) => text, encodeURIComponent, formEncode, (text: string) => JSON.stringify(text).slice(1, -1)];
  const once = encodings.map((encode) => encode(id));
  const forms = [...once, ...once.flatMap((form) => encodings.map((encode) => encode(form)))];
  const inLowerCase = forms.map((form) => form.replace(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()));
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
