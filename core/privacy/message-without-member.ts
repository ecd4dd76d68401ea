import { readMessage, recognise } from '../dead-letters/contents';
import type { Publishers } from '../state/publishers';
import type { KnownMember } from './known-member';
import { inAnyForm, mayHoldMember } from './without-member';

/**
 * The body of a message without the member; undefined where it is not in it.
 *
 * A parameter that the URL of its publisher asks for as another field stays: the quantity 12 of the
 * member 12, under whatever name.
 */
export function messageWithoutMember(body: string, member: KnownMember, publishers: Publishers): string | undefined {
  const message = readMessage(body);
  const publisher = message && recognise(message, publishers);
  if (member.sid !== undefined && publisher?.sid !== member.sid) return undefined;
  if (message === undefined) {
    const masked = member.mask(body);
    return masked === body ? undefined : masked;
  }
  const others = new Set(
    publisher?.fields.flatMap((parameter) => ('field' in parameter && parameter.field !== 'u1' ? [parameter.name] : [])),
  );
  const { isMember } = inAnyForm(member);
  const kept = message.parameters.filter(([name, value]) => others.has(name.trim()) || !mayHoldMember(name) || !isMember(value));
  if (kept.length === message.parameters.length) return undefined;
  const form = new URLSearchParams(body);
  form.set('q', new URLSearchParams(kept.map(([name, value]): [string, string] => [name, value])).toString());
  return form.toString();
}
