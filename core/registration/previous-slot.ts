import type { Slot } from '../rakuten/api/client';
import { summarizeUrl } from '../rakuten/postback/url';
import type { PreviousSlot, PublisherState } from '../state/publisher-state';
import { SlotBusyError } from './lease';
import type { ReadingPorts, RegistrationPorts } from './ports';
import type { Run } from './run';

/**
 * Two, so that the URL of the state before a run stays labelled while the run stores another: a run
 * that fails goes back to it. Secrets Manager deletes only versions without a label.
 */
const LABELS = ['PREVIOUS_SLOT', 'PREVIOUS_SLOT_2'] as const;

interface Secrets {
  readonly desired: { readonly urlSecret: string };
  readonly ports: Pick<RegistrationPorts, 'saveSecretVersion'>;
}

/** Stores the slot that one run replaces. */
export class PreviousSlotStore {
  private saved: Slot | undefined;
  private readonly label: string;

  /** @param earlier the state before the run */
  public constructor(
    private readonly run: Secrets,
    earlier: PublisherState,
  ) {
    this.label = earlier.previousSlot?.label === LABELS[0] ? LABELS[1] : LABELS[0];
  }

  /** The state with this slot as the previous one. */
  public async save(state: PublisherState, slot: Slot): Promise<PublisherState> {
    const { run, label } = this;
    const rest = withoutPreviousSlot(state);
    const isSaved = state.previousSlot !== undefined && this.saved?.url === slot.url;
    const versionId = isSaved ? state.previousSlot.versionId : await run.ports.saveSecretVersion(run.desired.urlSecret, slot.url, label);
    this.saved = slot;
    return { ...rest, previousSlot: { versionId, label, active: slot.active, ...summarizeUrl(slot.url) } };
  }
}

export function withoutPreviousSlot(state: PublisherState): PublisherState {
  const { previousSlot, previousUrl, previousActive, ...rest } = state;
  return rest;
}

/** The slot in a state of an earlier version, which has its URL in clear text. */
const clearSlot = ({ previousUrl, previousActive = true }: PublisherState): Slot | undefined =>
  previousUrl === undefined ? undefined : { url: previousUrl, active: previousActive };

/** The state with its previous slot in Secrets Manager. */
export async function protectPreviousSlot(run: Secrets, state: PublisherState): Promise<PublisherState> {
  const slot = clearSlot(state);
  return slot === undefined ? state : new PreviousSlotStore(run, state).save(state, slot);
}

/** The slot to restore. Undefined if there was none. */
export async function readPreviousSlot(
  { desired, ports }: Pick<Run<ReadingPorts>, 'desired' | 'ports'>,
  state: PublisherState,
): Promise<Slot | undefined> {
  const { previousSlot } = state;
  if (previousSlot === undefined) return clearSlot(state);
  try {
    return { url: await ports.readSecret(desired.urlSecret, previousSlot.versionId), active: previousSlot.active };
  } catch (error) {
    throw error instanceof SlotBusyError ? error : new PreviousSlotError(desired.sid, desired.urlSecret, previousSlot, error as Error);
  }
}

/** The URL to restore cannot be read. The message does not have it. */
export class PreviousSlotError extends Error {
  public constructor(sid: string, secret: string, { host, versionId }: PreviousSlot, cause: Error) {
    super(
      `The URL that the slot of SID ${sid} had before (${host ?? 'not a URL'}) cannot be read, so it is not restored: ${cause.name}. ` +
        `Meaning: it is the version ${versionId} of the secret ${secret}. ` +
        'Next step: make that version readable (secretsmanager:GetSecretValue) and try again, or remove our URL without restoring that one: ' +
        'rakuten-postback unregister --rule DELETE, or onRemoval DELETE.',
      { cause },
    );
    this.name = 'PreviousSlotError';
  }
}

/** What may be shown of the slot to restore. */
export function shownPreviousSlot(state: PublisherState): Omit<PreviousSlot, 'versionId' | 'label'> | undefined {
  const clear = clearSlot(state);
  if (state.previousSlot === undefined) return clear && { ...summarizeUrl(clear.url), active: clear.active };
  const { host, fields, active } = state.previousSlot;
  return { host, fields, active };
}
