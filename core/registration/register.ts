import type { Slot } from '../rakuten/api/client';
import type { PublisherState } from '../state/publisher-state';
import { changeSlot, putSlot } from './change-slot';
import { SlotBusyError } from './lease';
import { slotTakenError } from './messages';
import { PreviousSlotStore, protectPreviousSlot, withoutPreviousSlot } from './previous-slot';
import { belongings, type Run, readUrlSecret, wantedSlot } from './run';
import { type SelfTestResult, selfTest } from './self-test';
import { isSameSlot, ownerOf } from './slot-url';
import {
  accepting,
  accepts,
  emptyState,
  markFor,
  otherOwners,
  retiringAllBut,
  withOwner,
} from './state';
import { type Progress, undo } from './undo';

export interface Registered {
  readonly active: boolean;
  /** Absent when there was none, now or earlier. */
  readonly selfTest?: SelfTestResult;
}

/**
 * Makes the slot as desired. `fresh`: nothing of this resource was there before, so a failure must
 * leave nothing of ours behind. Throws a `RegistrationFailure`, or a `SlotBusyError` when another
 * run took over.
 */
export async function register(run: Run, fresh: boolean): Promise<Registered> {
  const earlier = await readEarlier(run);
  const progress: OwnProgress = {
    state: earlier,
    first: undefined,
    before: undefined,
    written: false,
    previousSlots: new PreviousSlotStore(run, earlier),
  };
  let wanted: Slot | undefined;
  try {
    const secret = await readUrlSecret(run);
    wanted = wantedSlot(run.desired, secret);
    return await registerUrl(run, fresh, secret, wanted, progress);
  } catch (cause) {
    // Whoever took over decides what becomes of slot and state.
    if (cause instanceof SlotBusyError) throw cause;
    throw await undo(run, fresh, { wanted, earlier, progress, cause });
  }
}

/**
 * The state before the run. A deployment, which may store secrets, brings the URL to restore into
 * the present URL secret.
 */
async function readEarlier(run: Run): Promise<PublisherState> {
  const state = (await run.ports.store.readState(run.desired.sid)) ?? emptyState(run.desired.sid);
  if (run.owner === undefined) return state;
  const safe = await protectPreviousSlot(run, state);
  if (safe !== state) await run.ports.store.writeState(safe);
  return safe;
}

interface OwnProgress extends Progress {
  readonly previousSlots: PreviousSlotStore;
}

async function savePrevious(progress: OwnProgress, slot: Slot | undefined): Promise<void> {
  const { state, previousSlots } = progress;
  progress.state =
    slot === undefined ? withoutPreviousSlot(state) : await previousSlots.save(state, slot);
}

async function registerUrl(
  run: Run,
  fresh: boolean,
  secret: string,
  wanted: Slot,
  progress: OwnProgress,
): Promise<Registered> {
  const { desired, owner } = run;
  const { store, clock } = run.ports;
  const mark = markFor(secret, desired.fields);
  const first = await run.client.read(run.workUntil);
  progress.first = first;
  // Remembered at first sight, so that not even a read that fails to show it again can lose it.
  if (refuseTaken(run, progress.state, secret, first) === 'takeover')
    await savePrevious(progress, first);
  const settled = !fresh && isSameSlot(first, wanted) && accepts(progress.state, mark);

  progress.state = withOwner(accepting(progress.state, mark, desired.fields), owner);
  // Before anything can be sent under the new secret, the consumer must know it.
  await store.writeState(progress.state);
  if (desired.selfTest && !settled) {
    progress.state = {
      ...progress.state,
      selfTest: await selfTest(run, secret, { until: run.workUntil, queue: true }),
    };
  }
  await changeSlot(run, {
    wanted,
    reached: (slot) => isSameSlot(slot, wanted),
    approve: (slot) => approve(run, fresh, secret, progress, slot),
    write: putSlot(run, wanted),
  });
  const { failedUpdate, unsettled, setAside, leaving, ...done } = retiringAllBut(
    progress.state,
    wanted,
    clock.now(),
  );
  await store.writeState({ ...done, properties: desired.raw, registeredBy: run.request });
  return { active: wanted.active, selfTest: done.selfTest };
}

function refuseTaken(
  run: Run,
  state: PublisherState,
  secret: string,
  slot: Slot | undefined,
): 'free' | 'ours' | 'takeover' {
  const owner = ownerOf(slot, belongings(run.desired, state, secret));
  if (slot === undefined) return 'free';
  if (owner === 'ours' || owner === 'endpoint') return 'ours';
  if (run.desired.existingPostback !== 'REPLACE')
    throw slotTakenError(run.desired.sid, slot, owner);
  return 'takeover';
}

/**
 * Right before a write: nobody else's URL is overwritten unasked, and none before it has been
 * remembered.
 */
async function approve(
  run: Run,
  fresh: boolean,
  secret: string,
  progress: OwnProgress,
  slot: Slot | undefined,
): Promise<void> {
  const finding = refuseTaken(run, progress.state, secret, slot);
  progress.before = slot;
  progress.written = true;
  const startsAnew =
    finding === 'free' &&
    progress.first === undefined &&
    fresh &&
    otherOwners(progress.state, run.owner).length === 0;
  if (finding === 'takeover' || startsAnew) await savePrevious(progress, slot);
  progress.state = { ...progress.state, unsettled: true };
  await run.ports.store.writeState(progress.state);
}
