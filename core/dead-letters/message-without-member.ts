import type { Publishers } from '../state/publishers';
import {
  inAnyForm,
  isQueryOf,
  type KnownMember,
  mayHoldMember,
} from '../transactions/without-member';
import { readMessage, recognise } from './contents';

/**
 * The body of a message without the member; undefined where the message is not the member's.
 *
 * A parameter that the URL of its publisher asks for as another field stays: the quantity 12 of the
 * member 12, under whatever name.
 */
export function messageWithoutMember(
  body: string,
  member: KnownMember,
  publishers: Publishers,
): string | undefined {
  const message = readMessage(body);
  const publisher = message && recognise(message, publishers);
  if (member.sid !== undefined && publisher?.sid !== member.sid) return undefined;
  if (message === undefined) {
    const masked = member.mask(body);
    return masked === body ? undefined : masked;
  }
  const others = new Set(
    publisher?.fields.flatMap((parameter) =>
      'field' in parameter && parameter.field !== 'u1' ? [parameter.name] : [],
    ),
  );
  const escaped = inAnyForm(member);
  const possible = message.parameters.filter(([name]) => !others.has(name.trim()));
  // Without its publisher, a message may be under any of the URLs.
  if (
    !isQueryOf(
      possible,
      publisher === undefined ? publishers.fieldLists : [publisher.fields],
      escaped,
    )
  )
    return undefined;
  const kept = message.parameters.filter(
    ([name, value]) => others.has(name.trim()) || !mayHoldMember(name) || !escaped.isMember(value),
  );
  const form = new URLSearchParams(body);
  form.set(
    'q',
    new URLSearchParams(kept.map(([name, value]): [string, string] => [name, value])).toString(),
  );
  return form.toString();
}
