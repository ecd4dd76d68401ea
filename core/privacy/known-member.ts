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
  const pattern = patternOf(known);
  return {
    sid,
    isMember: (value) => value === known,
    beginsWith: (beginning) => beginning !== '' && known.startsWith(beginning),
    mask: (text) => text.replace(pattern, '***'),
  };
}

const formEncode = (text: string): string => new URLSearchParams({ text }).toString().slice('text='.length);

/** The ID where it is not a part of a longer word or number. */
function patternOf(id: string): RegExp {
  const encodings = [(text: string) => text, encodeURIComponent, formEncode, (text: string) => JSON.stringify(text).slice(1, -1)];
  const once = encodings.map((encode) => encode(id));
  const forms = new Set([...once, ...once.flatMap((form) => encodings.map((encode) => encode(form)))]);
  const alternatives = [...forms].map((form) => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${alternatives.join('|')})(?![\\p{L}\\p{N}])`, 'giu');
}
