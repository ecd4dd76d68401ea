import { UserError } from '../errors';
import type { Slot } from '../rakuten/api/client';
import { summarizeUrl } from '../rakuten/postback/url';
import type { PreviousSlot, PublisherState, SecretVersionPlace } from '../state/publisher-state';
import { SlotBusyError } from './lease';
import type { ReadingPorts, RegistrationPorts } from './ports';
import { isJsonObject, type Run } from './run';

/**
 * Two, so that the URL of the state before a run stays labelled while the run stores another: a run
 * that fails goes back to it. Secrets Manager deletes only versions without a label.
 */
const labelsOf = (sid: string) => [`PREVIOUS_SLOT_${sid}`, `PREVIOUS_SLOT_${sid}_2`] as const;

interface Secrets {
  readonly desired: { readonly sid: string; readonly urlSecret: string };
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
    // With the SID: a deployment can give the publisher with this secret another one.
    const [first, second] = labelsOf(run.desired.sid);
    this.label = earlier.previousSlot?.label === first ? second : first;
  }

  /** The state with this slot as the previous one. */
  public async save(state: PublisherState, slot: Slot): Promise<PublisherState> {
    const { run, label } = this;
    const rest = withoutPreviousSlot(state);
    const secret = run.desired.urlSecret;
    const isSaved = state.previousSlot !== undefined && this.saved?.url === slot.url;
    const versionId = isSaved
      ? state.previousSlot.versionId
      : await run.ports.saveSecretVersion(secret, slot.url, label);
    this.saved = slot;
    return {
      ...rest,
      previousSlot: { secret, versionId, label, active: slot.active, ...summarizeUrl(slot.url) },
    };
  }
}

export function withoutPreviousSlot(state: PublisherState): PublisherState {
  const { previousSlot, previousUrl, previousActive, ...rest } = state;
  return rest;
}

/** The slot in a state of an earlier version, which has its URL in clear text. */
const clearSlot = ({ previousUrl, previousActive = true }: PublisherState): Slot | undefined =>
  previousUrl === undefined ? undefined : { url: previousUrl, active: previousActive };

/** The state with its previous slot in the publisher's URL secret. */
export async function protectPreviousSlot(
  run: Run,
  state: PublisherState,
): Promise<PublisherState> {
  const slot = clearSlot(state);
  return slot === undefined
    ? copyPreviousSlot(run, state)
    : new PreviousSlotStore(run, state).save(state, slot);
}

/**
 * The state with its previous slot copied from the URL secret that the publisher had before.
 *
 * CloudFormation creates the new secret before it deletes the old one, but takes the permission to
 * read the old one first: a copy may be impossible. The new version gets the same label, so that
 * the next run replaces neither of them.
 */
async function copyPreviousSlot(run: Run, state: PublisherState): Promise<PublisherState> {
  const { previousSlot } = state;
  const secret = run.desired.urlSecret;
  if (previousSlot === undefined || !isInOtherSecret(run, previousSlot)) return state;
  try {
    const { text, place } = await readAnyPlace(run, previousSlot);
    const versionId = await run.ports.saveSecretVersion(secret, text, previousSlot.label);
    return { ...state, previousSlot: { ...previousSlot, secret, versionId, copiedFrom: place } };
  } catch (error) {
    throw error instanceof PreviousSlotError
      ? notCopiedError(run.desired.sid, previousSlot, error.cause)
      : error;
  }
}

/** The URL to restore is in a secret that the stack is about to delete. Nothing was changed. */
const notCopiedError = (sid: string, { host, secret }: PreviousSlot, cause: Error): UserError =>
  new UserError({
    name: 'PreviousSlotNotCopiedError',
    problem:
      `The URL that the slot of SID ${sid} had before (${host ?? 'not a URL'}) cannot be read ` +
      `from the secret ${secret}, so it would be lost with that secret: ${cause.name}. ` +
      'Nothing was changed at Rakuten',
    meaning:
      'the publisher has another URL secret, mostly because its construct has another id, ' +
      'and the registration function has no permission for the old one',
    nextStep:
      'restore that URL with cdk-rakuten-postback unregister --rule RESTORE, ' +
      'or give it up with --rule DELETE, and deploy again, ' +
      'with existingPostback REPLACE if the slot holds it',
    cause,
  });

type Reading = Pick<Run<ReadingPorts>, 'desired' | 'ports'>;

/** The slot to restore. Undefined if there was none. Throws a `PreviousSlotError`. */
export async function readPreviousSlot(
  run: Reading,
  state: PublisherState,
): Promise<Slot | undefined> {
  const { previousSlot } = state;
  if (previousSlot === undefined) return clearSlot(state);
  return { url: (await readAnyPlace(run, previousSlot)).text, active: previousSlot.active };
}

/**
 * The same for a removal, which must not fail for a secret that is deleted with an earlier URL
 * secret of the publisher: no permission or repetition brings it back.
 */
export async function readRestorableSlot(
  run: Reading,
  state: PublisherState,
): Promise<Slot | undefined> {
  try {
    return await readPreviousSlot(run, state);
  } catch (error) {
    const { previousSlot } = state;
    if (
      !(error instanceof PreviousSlotError) ||
      previousSlot === undefined ||
      !isInOtherSecret(run, previousSlot)
    )
      throw error;
    const { host, fields } = previousSlot;
    const shown = {
      sid: run.desired.sid,
      host,
      fields: fields.join(' '),
      reason: error.cause.name,
    };
    run.ports.log(
      'the URL to restore was in a URL secret that the publisher no longer has: ours is removed, nothing is restored',
      shown,
    );
    return undefined;
  }
}

/** Where its URL is, in the publisher's present secret first. */
function placesOf({ desired }: Reading, previousSlot: PreviousSlot): SecretVersionPlace[] {
  const { secret = desired.urlSecret, versionId, copiedFrom } = previousSlot;
  const places = [{ secret, versionId }, ...(copiedFrom === undefined ? [] : [copiedFrom])];
  return places.sort(
    (a, b) => Number(b.secret === desired.urlSecret) - Number(a.secret === desired.urlSecret),
  );
}

const isInOtherSecret = (run: Reading, previousSlot: PreviousSlot): boolean =>
  placesOf(run, previousSlot)[0]?.secret !== run.desired.urlSecret;

async function readAnyPlace(
  run: Reading,
  previousSlot: PreviousSlot,
): Promise<{ text: string; place: SecretVersionPlace }> {
  const failures: { readonly place: SecretVersionPlace; readonly error: Error }[] = [];
  for (const place of placesOf(run, previousSlot)) {
    try {
      const text = await run.ports.readSecret(place.secret, place.versionId);
      // Whoever can write the state could name the credentials as the URL to restore.
      if (isJsonObject(text)) {
        throw new UserError({
          name: 'CredentialsInSlotError',
          problem: 'that version is not a URL',
        });
      }
      return { text, place };
    } catch (error) {
      if (error instanceof SlotBusyError) throw error;
      failures.push({ place, error: error as Error });
    }
  }
  // Of the present secret: the one that somebody can make readable again.
  const [{ place, error }] = failures as [(typeof failures)[0]];
  throw new PreviousSlotError(run.desired.sid, place, previousSlot, error);
}

/** The URL to restore cannot be read. The message does not have it. */
class PreviousSlotError extends UserError {
  public constructor(
    sid: string,
    { secret, versionId }: SecretVersionPlace,
    { host }: PreviousSlot,
    public override readonly cause: Error,
  ) {
    super({
      name: 'PreviousSlotError',
      problem:
        `The URL that the slot of SID ${sid} had before (${host ?? 'not a URL'}) cannot be read, ` +
        `so it is not restored: ${cause.name}`,
      meaning: `it is the version ${versionId} of the secret ${secret}`,
      nextStep:
        'make that version readable (secretsmanager:GetSecretValue) and try again, ' +
        'or remove our URL without restoring that one: ' +
        'cdk-rakuten-postback unregister --rule DELETE, or onRemoval DELETE',
      cause,
    });
  }
}

/** What may be shown of the slot to restore. */
export function shownPreviousSlot(
  state: PublisherState,
): Pick<PreviousSlot, 'host' | 'fields' | 'active'> | undefined {
  const clear = clearSlot(state);
  if (state.previousSlot === undefined)
    return clear && { ...summarizeUrl(clear.url), active: clear.active };
  const { host, fields, active } = state.previousSlot;
  return { host, fields, active };
}
