import { UserError } from '../errors';
import type { Slot } from '../rakuten/api/client';
import type { PublisherState } from '../state/publisher-state';
import { lookFor, putBack } from './change-slot';
import { SlotBusyError } from './lease';
import { readPreviousSlot } from './previous-slot';
import type { Run } from './run';
import { toErrorFields, withSentence } from './sanitize-error';
import { isSameUrl, markOf } from './slot-url';
import { accepts, otherOwners, retiring, retiringAllBut, withoutOwner } from './state';

/** A registration that failed. The message is the cause's, with what became of the slot. */
export class RegistrationFailure extends UserError {
  public constructor(
    cause: unknown,
    /** Whether the slot is as it was before. */
    public readonly slotUntouched: boolean,
    undoProblem?: unknown,
  ) {
    const fields =
      undoProblem === undefined
        ? toErrorFields(cause)
        : withSentence(cause, notRestored(undoProblem));
    super({ ...fields, name: 'RegistrationFailure', cause });
  }
}

const notRestored = (problem: unknown): string =>
  `Besides, the slot could not be put back as it was (${problem instanceof Error ? problem.message : String(problem)}) ` +
  'and may hold our URL: look with "npx cdk-rakuten-postback status".';

/** What is known of the slot while a registration runs. */
export interface Progress {
  state: PublisherState;
  /** What the first read showed. */
  first: Slot | undefined;
  /** What stood there right before our first write; only meaningful once `written`. */
  before: Slot | undefined;
  written: boolean;
}

interface Failed {
  readonly wanted: Slot | undefined;
  readonly earlier: PublisherState;
  readonly progress: Progress;
  readonly cause: unknown;
}

/**
 * Puts back what a registration changed before it failed: the framework sends no Delete after a
 * failed Create. Returns the error to throw. Throws a `SlotBusyError` when another run has taken
 * over.
 */
export async function undo(run: Run, fresh: boolean, failed: Failed): Promise<RegistrationFailure> {
  const { log } = run.ports;
  try {
    await undoSlot(run, fresh, failed);
  } catch (problem) {
    if (problem instanceof SlotBusyError) throw problem;
    log('the slot could not be put back', { sid: run.desired.sid });
    return new RegistrationFailure(failed.cause, false, problem);
  }
  try {
    await undoState(run, fresh, failed);
  } catch (problem) {
    if (problem instanceof SlotBusyError) throw problem;
    // The slot is what counts; an entry too many in the state only means that a secret of ours
    // stays accepted.
    log('the state could not be put back', {
      sid: run.desired.sid,
      reason: (problem as Error).name,
    });
  }
  return new RegistrationFailure(failed.cause, failed.earlier.unsettled !== true);
}

/**
 * Whether a run of the same request may have left its URL in the slot: one that was cut off, or
 * that ended well and could not say so any more.
 */
const isRepetition = (run: Run, fresh: boolean, { earlier, progress }: Failed): boolean =>
  fresh &&
  otherOwners(progress.state, run.owner).length === 0 &&
  (earlier.unsettled === true ||
    (run.request !== undefined && run.request === earlier.registeredBy));

const isOwner = ({ owner }: Run, { owners = [] }: PublisherState): boolean =>
  owner !== undefined && owners.includes(owner);

async function undoSlot(run: Run, fresh: boolean, failed: Failed): Promise<void> {
  const { wanted, earlier, progress } = failed;
  const repetition = isRepetition(run, fresh, failed);
  if (!progress.written && !repetition) return;
  const hashes = earlier.accepted.map((entry) => entry.secretSha256);
  // It is not what was there before.
  const isLeftOver = (slot: Slot | undefined): boolean =>
    repetition && slot !== undefined && hashes.includes(markOf(slot.url)?.secretSha256 ?? '');
  const isMine = (slot: Slot): boolean =>
    (wanted !== undefined && isSameUrl(slot.url, wanted.url)) || isLeftOver(slot);
  await lookFor(run, isMine, run.endUntil);
  const fromBefore = progress.written && !isLeftOver(progress.before);
  const target = fromBefore ? progress.before : await readPreviousSlot(run, progress.state);
  await putBack(run, target, isMine, run.endUntil);
}

async function undoState(run: Run, fresh: boolean, failed: Failed): Promise<void> {
  const { wanted, earlier, progress } = failed;
  const repetition = isRepetition(run, fresh, failed);
  if (progress.state === earlier && !repetition && !(fresh && isOwner(run, earlier))) return;
  const { previousSlot, previousUrl, previousActive, unsettled } = earlier;
  const now = run.ports.clock.now();
  const mark = wanted === undefined ? undefined : markOf(wanted.url);
  let state: PublisherState = {
    ...progress.state,
    previousSlot,
    previousUrl,
    previousActive,
    unsettled,
  };
  // A postback may be on its way under the new URL, even if that stood in the slot for a moment
  // only.
  if (repetition)
    state = {
      ...retiringAllBut(state, undefined, now),
      unsettled: undefined,
      properties: undefined,
    };
  else if (mark !== undefined && !accepts(earlier, mark)) state = retiring(state, mark, now);
  if (fresh) state = withoutOwner(state, run.owner);
  await run.ports.store.writeState(state);
}
