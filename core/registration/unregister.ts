import type { Slot } from '../rakuten/api/client';
import type { PublisherState } from '../state/publisher-state';
import { lookFor, putBack } from './change-slot';
import { SlotBusyError } from './lease';
import { readRestorableSlot, withoutPreviousSlot } from './previous-slot';
import type { RemovalRule } from './properties';
import { belongings, type Run, readUrlSecret } from './run';
import { isSameSlot, ownerOf } from './slot-url';
import { emptyState, retiringAllBut } from './state';

export type Removal =
  | 'removed'
  | 'switched off'
  | 'restored'
  /** Nothing of ours was there. */
  | 'nothing to do';

/**
 * Takes our URL out of the slot by the rule; what is not ours stays. Doing it twice changes nothing
 * more.
 */
export async function unregister(run: Run, rule: Exclude<RemovalRule, 'RETAIN'>): Promise<Removal> {
  const { store, clock } = run.ports;
  const { sid } = run.desired;
  const state = (await store.readState(sid)) ?? emptyState(sid);
  const known = belongings(run.desired, state, await urlSecretIfThere(run));
  const isMine = (slot: Slot): boolean => {
    const owner = ownerOf(slot, known);
    // At our endpoint under a secret we do not know: of another stack that took our domain over,
    // unless we know no secret at all.
    return owner === 'ours' || (owner === 'endpoint' && known.secretHashes.length === 0);
  };
  const slot = state.unsettled
    ? await lookFor(run, isMine, run.workUntil)
    : await run.client.read(run.workUntil);
  let removal: Removal = 'nothing to do';
  if (slot !== undefined && isMine(slot)) {
    const target = await removalTarget(run, rule, slot, state);
    const left = await putBack(run, target, isMine, run.workUntil);
    // Else somebody else took the place of ours at the last moment.
    if (isSameSlot(left, target))
      removal = target === undefined ? 'removed' : rule === 'DISABLE' ? 'switched off' : 'restored';
  }
  const { properties, failedUpdate, unsettled, leaving, ...retired } = retiringAllBut(
    state,
    undefined,
    clock.now(),
  );
  // A URL that is not in the slot again, and was not given up either, stays remembered.
  const settled = removal === 'removed' || removal === 'restored';
  await store.writeState(settled ? withoutPreviousSlot(retired) : retired);
  return removal;
}

async function removalTarget(
  run: Run,
  rule: RemovalRule,
  slot: Slot,
  state: PublisherState,
): Promise<Slot | undefined> {
  if (rule === 'DISABLE') return { url: slot.url, active: false };
  return rule === 'RESTORE' ? readRestorableSlot(run, state) : undefined;
}

/** The secret may be gone before the registration; its hash is then known from the state. */
async function urlSecretIfThere(run: Run): Promise<string | undefined> {
  try {
    return await readUrlSecret(run);
  } catch (error) {
    if (error instanceof SlotBusyError) throw error;
    run.ports.log('the URL secret cannot be read; going on with what the state knows', {
      sid: run.desired.sid,
      reason: (error as Error).name,
    });
    return undefined;
  }
}
