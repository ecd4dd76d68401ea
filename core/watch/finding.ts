import type { Slot } from '../rakuten/client';
import { isSameEndpoint } from '../rakuten/url';
import type { Desired } from '../registration/properties';
import { belongings } from '../registration/run';
import { markOf, ownerOf } from '../registration/slot-url';
import { accepts } from '../registration/state';
import type { PublisherState } from '../store/publisher-state';

/**
 * Why postbacks do not arrive:
 * - `disabled`: our URL is in the slot, switched off (by Rakuten after failed pushes, or by a person)
 * - `missing`: the slot is empty
 * - `taken-over`: a URL that this installation does not know
 * - `outdated`: a URL of this installation whose postbacks are lost: to an endpoint that is no more ours, or under a secret that is no more accepted
 */
export type Trouble = 'disabled' | 'missing' | 'taken-over' | 'outdated';

/** `switched-off`: the template wants no postbacks, so there is nothing to be found. */
export type Finding = 'active' | 'switched-off' | Trouble;

export const isTrouble = (finding: Finding): finding is Trouble => finding !== 'active' && finding !== 'switched-off';

/** What a slot means for an installation that wants the postback on. */
export function judge(slot: Slot | undefined, state: PublisherState, desired: Desired): Exclude<Finding, 'switched-off'> {
  if (slot === undefined) return 'missing';
  // At our endpoint under a secret we do not know, it may be of a stack that took our domain over: that is not ours to undo.
  if (ownerOf(slot, belongings(desired, state)) !== 'ours') return 'taken-over';
  if (!isReceived(slot, state, desired)) return 'outdated';
  return slot.active ? 'active' : 'disabled';
}

/** During a rotation, and after a registration that was cut off, another URL than the template's is received just as well. */
function isReceived({ url }: Slot, state: PublisherState, desired: Desired): boolean {
  const mark = markOf(url);
  return mark !== undefined && accepts(state, mark) && isSameEndpoint(url, desired.endpointUrl);
}
