import type { Slot } from '../rakuten/api/client';
import { RakutenError } from '../rakuten/api/errors';
import { backoffMillis, SHORT_BACKOFF } from '../rakuten/api/request-with-retry';
import { notShownError } from './messages';
import type { ReadingPorts } from './ports';
import type { Run } from './run';
import { isSameSlot } from './slot-url';

export interface SlotChange {
  /** What the slot shall hold, for the error message. */
  readonly wanted: Slot | undefined;
  /** Whether what is there is as it should be. */
  readonly reached: (slot: Slot | undefined) => boolean;
  /**
   * Called with what was just read, right before each write. Throws when that must not be
   * overwritten.
   */
  readonly approve: (slot: Slot | undefined) => Promise<void>;
  /** The one call that makes the change, given what is there. */
  readonly write: (slot: Slot | undefined, until: number) => Promise<void>;
}

/** How long a change is tried whose effect stays unknown. */
const PATIENCE_MILLIS = 180_000;
/** How long the status call may lag behind an acknowledged change. */
const LAG_MILLIS = 60_000;
/**
 * How often a create that is refused is compared with the slot before the refusal is believed: the
 * read may lag behind somebody's write.
 */
const REFUSALS_BELIEVED = 4;

/**
 * Reads, compares, writes, and reads until the change shows. A write whose answer was lost is never
 * repeated blindly: what the slot shows decides. Returns what the slot holds in the end.
 */
export async function changeSlot(
  run: Run,
  change: SlotChange,
  endUntil = run.workUntil,
): Promise<Slot | undefined> {
  const { clock } = run.ports;
  const until = Math.min(endUntil, clock.now() + PATIENCE_MILLIS);
  let acknowledgedAt: number | undefined;
  let problem: unknown;
  let refusals = 0;
  for (let round = 1; ; round += 1) {
    const slot = await run.client.read(until);
    if (change.reached(slot)) return slot;
    if (acknowledgedAt === undefined) {
      await change.approve(slot);
      try {
        await change.write(slot, until);
        acknowledgedAt = clock.now();
        problem = undefined;
        continue;
      } catch (error) {
        if (!(error instanceof RakutenError) || !worthAnotherLook(error)) throw error;
        if (isRefusal(error)) refusals += 1;
        if (refusals >= REFUSALS_BELIEVED) throw error;
        problem = error;
      }
    }
    const wait = backoffMillis(SHORT_BACKOFF, Math.min(round, 4), clock.random());
    const waited = clock.now() - (acknowledgedAt ?? clock.now());
    if (waited > LAG_MILLIS || clock.now() + wait >= until) {
      throw (
        problem ?? notShownError(run.desired.sid, change.wanted, slot, Math.round(waited / 1000))
      );
    }
    await clock.sleep(wait);
  }
}

/** The effect of the call is unknown, or the slot was not as the last read showed it. */
const worthAnotherLook = (error: RakutenError): boolean =>
  error.kind === 'uncertain' || error.kind === 'not-found' || isRefusal(error);

const isRefusal = ({ kind, operation, status = 0 }: RakutenError): boolean =>
  kind === 'refused' && operation === 'create' && status >= 400;

/** A write through the right call: POST into an empty slot, PUT over what is there. */
export const putSlot =
  (run: Run, wanted: Slot) =>
  (slot: Slot | undefined, until: number): Promise<void> =>
    slot === undefined ? run.client.create(wanted, until) : run.client.update(wanted, until);

const LOOKS = 4;
const LOOK_PAUSE_MILLIS = 1_000;

/**
 * Reads until the slot shows what it is asked for, a few times: the status call may lag behind a
 * write whose answer was lost. Returns the last read.
 */
export async function lookFor(
  run: Run<ReadingPorts>,
  test: (slot: Slot) => boolean,
  until: number,
): Promise<Slot | undefined> {
  for (let look = 1; ; look += 1) {
    const slot = await run.client.read(until);
    if (look === LOOKS || (slot !== undefined && test(slot))) return slot;
    await run.ports.clock.sleep(LOOK_PAUSE_MILLIS);
  }
}

/**
 * Replaces what is ours in the slot by what was there before (`undefined`: nothing). What is not
 * ours stays. Returns what the slot holds in the end.
 */
export function putBack(
  run: Run,
  target: Slot | undefined,
  isMine: (slot: Slot) => boolean,
  until: number,
): Promise<Slot | undefined> {
  return changeSlot(
    run,
    {
      wanted: target,
      // Also reached when nothing of ours is there, so a write happens only right after a read that
      // showed ours.
      reached: (slot) => slot === undefined || !isMine(slot) || isSameSlot(slot, target),
      approve: async () => {},
      write: (_slot, limit) =>
        target === undefined ? run.client.delete(limit) : run.client.update(target, limit),
    },
    until,
  );
}
