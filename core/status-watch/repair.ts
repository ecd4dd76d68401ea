import { UserError } from '../errors';
import type { Slot } from '../rakuten/api/client';
import { changeSlot, putSlot } from '../registration/change-slot';
import { PreviousSlotStore } from '../registration/previous-slot';
import { belongings, type Run, readUrlSecret, wantedSlot } from '../registration/run';
import { isSameSlot, isSameUrl, ownerOf } from '../registration/slot-url';
import { accepting, markFor, retiringAllBut } from '../registration/state';
import type { PublisherState } from '../state/publisher-state';

/** Somebody changes the slot at this moment. */
const slotMovedError = (sid: string): UserError =>
  new UserError({
    name: 'SlotMovedError',
    problem: `The slot of SID ${sid} was changed by somebody while it was put right. The next check decides.`,
  });

/**
 * Switches the URL in the slot on again.
 *
 * @param url as we write it: Rakuten may show it escaped
 */
export async function enableAgain(run: Run, url: string): Promise<void> {
  const wanted = { url, active: true };
  await changeSlot(run, {
    wanted,
    reached: (slot) => slot?.active === true && isSameUrl(slot.url, url),
    approve: async (slot) => {
      if (slot === undefined || !isSameUrl(slot.url, url)) throw slotMovedError(run.desired.sid);
    },
    write: (_slot, until) => run.client.update(wanted, until),
  });
}

/**
 * Registers the URL that the template wants, over what was found in the slot. Remembers a URL of
 * somebody else that gives way for it, as a deployment does, so that a removal can restore it.
 */
export async function registerAgain(
  run: Run,
  earlier: PublisherState,
  found: Slot | undefined,
): Promise<void> {
  const { desired, ports } = run;
  const secret = await readUrlSecret(run);
  const wanted = { ...wantedSlot(desired, secret), active: true };
  const isForeign =
    found !== undefined && ownerOf(found, belongings(desired, earlier, secret)) !== 'ours';
  const remembered = isForeign
    ? await new PreviousSlotStore(run, earlier).save(earlier, found)
    : earlier;
  const state = accepting(remembered, markFor(secret, desired.fields), desired.fields);
  // Before anything can be sent under the secret, the consumer must know it.
  await ports.store.writeState(state);
  await changeSlot(run, {
    wanted,
    reached: (slot) => isSameSlot(slot, wanted),
    approve: async (slot) => {
      if (!isSameSlot(slot, found) && !isSameSlot(slot, { ...wanted, active: false })) {
        throw slotMovedError(desired.sid);
      }
    },
    write: putSlot(run, wanted),
  });
  await ports.store.writeState(retiringAllBut(state, wanted, ports.clock.now()));
}
