import type { Slot } from '../rakuten/api/client';
import { postbackUrl } from '../rakuten/postback/url';
import type { Desired } from '../registration/properties';
import { belongings } from '../registration/run';
import { isSameUrl, ownerOf, ownSecret } from '../registration/slot-url';
import { isMark } from '../registration/state';
import type { PublisherState } from '../state/publisher-state';

/**
 * Why postbacks do not arrive:
 * - `disabled`: our URL is in the slot, switched off (by Rakuten after failed pushes, or by a
 *   person)
 * - `missing`: the slot is empty
 * - `taken-over`: a URL that this installation does not know
 * - `outdated`: a URL of this installation that is not exactly as it was registered. Its postbacks
 *   are lost or changed: another endpoint, a secret that is no more accepted, other parameters
 */
export type Trouble = 'disabled' | 'missing' | 'taken-over' | 'outdated';

/** `switched-off`: the template wants no postbacks, so there is nothing to be found. */
export type Finding = 'active' | 'switched-off' | Trouble;

export const isTrouble = (finding: Finding): finding is Trouble =>
  finding !== 'active' && finding !== 'switched-off';

/** What a slot means for an installation that wants the postback on. */
export function judge(
  slot: Slot | undefined,
  state: PublisherState,
  desired: Desired,
): Exclude<Finding, 'switched-off'> {
  if (slot === undefined) return 'missing';
  // At our endpoint under a secret we do not know, it may be of a stack that took our domain over:
  // that is not ours to undo.
  if (ownerOf(slot, belongings(desired, state)) !== 'ours') return 'taken-over';
  if (!isReceived(slot, state, desired)) return 'outdated';
  return slot.active ? 'active' : 'disabled';
}

/**
 * The URL that a slot of ours should hold: our endpoint with an accepted secret, and the field list
 * that was registered with it. Undefined where the slot's secret is not accepted.
 *
 * During a rotation, and after a registration that was cut off, another URL than the template's is
 * received just as well.
 */
export function expectedUrl(
  { url }: Slot,
  state: PublisherState,
  { endpointUrl }: Desired,
): string | undefined {
  const known = ownSecret(url);
  const entry = state.accepted.find(
    (accepted) => known !== undefined && isMark(accepted, known.mark),
  );
  if (known === undefined || entry === undefined || entry.acceptedUntil !== undefined)
    return undefined;
  return postbackUrl(endpointUrl, known.secret, entry.fields);
}

/** Any other parameter, value or scheme loses lines or changes what they say. */
function isReceived(slot: Slot, state: PublisherState, desired: Desired): boolean {
  const expected = expectedUrl(slot, state, desired);
  return expected !== undefined && isSameUrl(slot.url, expected);
}
