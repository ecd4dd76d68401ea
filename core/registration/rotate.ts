import { UserError } from '../errors';
import type { Slot } from '../rakuten/api/client';
import { Redactor } from '../rakuten/api/redact';
import { sha256 } from '../sha256';
import type { SecretVersion, SecretVersions } from '../state/publisher-state';
import { ACCEPT_PREVIOUS_FOR_MILLIS, type PublisherState } from '../state/publisher-state';
import { changeSlot, putSlot } from './change-slot';
import { withLease } from './lease';
import { describeSlot } from './messages';
import type { LeasedPorts, RegistrationPorts } from './ports';
import { parseProperties, sidOf } from './properties';
import { belongings, checkUrlSecret, openRun, type Run, wantedSlot } from './run';
import { hasNextStep, sanitizeError, unforeseenText } from './sanitize-error';
import { selfTest } from './self-test';
import { isSameSlot, ownerOf } from './slot-url';
import { accepting, markFor, retiringAllBut } from './state';

/** Asks the registration function, invoked directly, for a new secret in a publisher's URL. */
export interface RotationEvent {
  readonly operation: 'rotate-secret';
  readonly sid: string;
  /**
   * Whether to make a new value although an interrupted run has left one, which may be known to
   * others.
   * @default false: the interrupted run is continued, also when Lambda retries
   */
  readonly fresh?: boolean;
}

export const isRotationEvent = (event: unknown): event is RotationEvent =>
  typeof event === 'object' &&
  event !== null &&
  (event as { operation?: unknown }).operation === 'rotate-secret';

/** How a rotation ended. Nothing secret. */
export interface RotationAnswer {
  readonly sid: string;
  /**
   * `not-registered`: there is nothing to rotate, as the publisher's registration has not succeeded
   * yet, or is given up.
   */
  readonly outcome: 'rotated' | 'not-registered';
  /** Whether this run ended what an earlier one had begun. */
  readonly resumed?: boolean;
  /** Whether this run discarded the value of an earlier one that had not ended. */
  readonly discarded?: boolean;
  /** Until when postbacks under the previous secret are taken, ISO 8601 UTC. */
  readonly previousAcceptedUntil?: string;
}

export interface RotationPorts extends RegistrationPorts {
  readonly versions: SecretVersions;
  /** A new unguessable value that needs no escaping in a URL. */
  readonly newSecret: () => string;
}

/** What is kept for the steps after the new URL stands at Rakuten. */
const RESERVE_MILLIS = 20_000;
/** What must be left to begin after waiting for another run. */
const WORK_MILLIS = 120_000;

type LeasedRotationPorts = LeasedPorts & Pick<RotationPorts, 'versions' | 'newSecret'>;

/** A run that lost the lease leaves the secret alone, too. */
const leasedVersions = (versions: SecretVersions, { renewLease }: LeasedPorts): SecretVersions => ({
  current: (secret) => versions.current(secret),
  pending: (secret) => versions.pending(secret),
  addPending: async (secret, text) => {
    await renewLease();
    return versions.addPending(secret, text);
  },
  promote: async (secret, pending, current) => {
    await renewLease();
    return versions.promote(secret, pending, current);
  },
});

const STILL_WORKS = 'Postbacks go on arriving under the secret that is registered';

const rotationError = (sid: string, problem: string, nextStep: string): UserError =>
  new UserError({
    name: 'RotationError',
    problem: `The secret of SID ${sid} was not rotated: ${problem}. ${STILL_WORKS}`,
    nextStep,
  });

/**
 * Puts a new secret into the registered URL without losing a postback. In this order, so that
 * whatever Rakuten sends at any moment, the consumer knows its secret: the new value is stored as
 * pending, accepted beside the old one, proven by the self-test, registered at Rakuten, made
 * current, and only then the old one is retired, still accepted for an hour. A run that ends
 * anywhere on the way leaves a working postback. The next one goes on with the same value, or makes
 * another: then all of them are accepted until that one is registered, as any may be in the slot.
 *
 * @param endUntil milliseconds since 1970
 */
export async function rotateUrlSecret(
  ports: RotationPorts,
  event: RotationEvent,
  endUntil: number,
): Promise<RotationAnswer> {
  const redactor = new Redactor();
  try {
    const sid = sidOf({ Sid: event.sid });
    if (sid === undefined)
      throw rotationError(
        String(event.sid),
        'that is no publisher id',
        'give a number such as 3900112',
      );
    return await withLease(ports, sid, endUntil - WORK_MILLIS, (leased) =>
      rotate(
        { ...leased, versions: leasedVersions(ports.versions, leased), newSecret: ports.newSecret },
        { ...event, sid },
        endUntil,
        redactor,
      ),
    );
  } catch (error) {
    ports.log('rotation failed', { sid: event.sid, reason: (error as Error).name });
    throw sanitizeError(goingOn(error, event.sid), redactor);
  }
}

/** Whatever a rotation is ended by, the postback works on, and the next one can go on. */
const goingOn = (error: unknown, sid: string): UserError =>
  hasNextStep(error)
    ? error
    : rotationError(
        sid,
        unforeseenText(error),
        'rotate again; if it fails in the same way, look into the log of the registration function',
      );

async function rotate(
  ports: LeasedRotationPorts,
  { sid, fresh = false }: RotationEvent,
  endUntil: number,
  redactor: Redactor,
): Promise<RotationAnswer> {
  const { store, clock, versions, log } = ports;
  const state = await store.readState(sid);
  if (state?.properties === undefined) return { sid, outcome: 'not-registered' };
  const desired = parseProperties(state.properties);
  const { current, next, ...earlier } = await chooseVersion(
    ports,
    desired.urlSecret,
    state,
    fresh,
    redactor,
  );
  if (state.unsettled)
    throw rotationError(
      sid,
      'a registration began and did not end',
      'deploy the stack again, then rotate',
    );
  const run = await openRun(ports, desired, { endUntil, reserveMillis: RESERVE_MILLIS, redactor });
  assertOwnSlot(run, state, current.text, await run.client.read(run.workUntil));

  const version = next ?? (await versions.addPending(desired.urlSecret, ports.newSecret()));
  redactor.add(version.text);
  checkUrlSecret(desired.urlSecret, version.text);
  const accepted = await accept(run, state, version.text);
  await register(run, accepted, version.text);
  if (version.id !== current.id) await versions.promote(desired.urlSecret, version, current);

  const wanted = wantedSlot(run.desired, version.text);
  const { rotation, ...done } = retiringAllBut(accepted, wanted, clock.now());
  await store.writeState({ ...done, rotatedAt: new Date(clock.now()).toISOString() });
  log('secret rotated', { sid, ...earlier });
  const previousAcceptedUntil = new Date(clock.now() + ACCEPT_PREVIOUS_FOR_MILLIS).toISOString();
  return { sid, outcome: 'rotated', ...earlier, previousAcceptedUntil };
}

interface Choice {
  readonly current: SecretVersion;
  /** The version to install. Undefined if it is not made yet. */
  readonly next: SecretVersion | undefined;
  readonly resumed: boolean;
  readonly discarded: boolean;
}

/**
 * The version that an interrupted run left, or a new one in its place.
 *
 * A version that is not wanted is replaced before anything else can fail: no later run may install
 * it.
 */
async function chooseVersion(
  { versions, newSecret }: Pick<RotationPorts, 'versions' | 'newSecret'>,
  secretId: string,
  state: PublisherState,
  fresh: boolean,
  redactor: Redactor,
): Promise<Choice> {
  const current = await versions.current(secretId);
  redactor.add(current.text);
  const unfinished = await unfinishedVersion(versions, secretId, state, current);
  redactor.add(unfinished?.text);
  const discarded = fresh && unfinished !== undefined;
  const next = discarded ? await versions.addPending(secretId, newSecret()) : unfinished;
  return { current, next, resumed: unfinished !== undefined && !discarded, discarded };
}

async function unfinishedVersion(
  versions: SecretVersions,
  secretId: string,
  state: PublisherState,
  current: SecretVersion,
): Promise<SecretVersion | undefined> {
  const pending = await versions.pending(secretId);
  if (pending !== undefined && pending.id !== current.id) return pending;
  // Current already, and only the old one was not retired.
  return state.rotation?.secretSha256 === sha256(current.text) ? current : undefined;
}

/** Before anything can be sent under the new secret, the consumer must know it. */
async function accept(run: Run, state: PublisherState, secret: string): Promise<PublisherState> {
  const mark = markFor(secret, run.desired.fields);
  const startedAt = new Date(run.ports.clock.now()).toISOString();
  const next = {
    ...accepting(state, mark, run.desired.fields),
    rotation: { secretSha256: mark.secretSha256, startedAt },
  };
  await run.ports.store.writeState(next);
  return next;
}

async function register(run: Run, state: PublisherState, secret: string): Promise<void> {
  if (run.desired.selfTest) await selfTest(run, secret, { until: run.workUntil, queue: true });
  const wanted = wantedSlot(run.desired, secret);
  await changeSlot(run, {
    wanted,
    reached: (slot) => isSameSlot(slot, wanted),
    approve: async (slot) => assertOwnSlot(run, state, secret, slot),
    write: putSlot(run, wanted),
  });
}

/** A rotation never takes a slot over: whose it is, a deployment or the status watch decides. */
function assertOwnSlot(
  { desired }: Run,
  state: PublisherState,
  secret: string,
  slot: Slot | undefined,
): void {
  const owner = ownerOf(slot, belongings(desired, state, secret));
  if (owner === 'empty' || owner === 'ours') return;
  throw rotationError(
    desired.sid,
    `the one postback slot holds a URL that is not of this installation: ${describeSlot(slot)}`,
    'see who took the slot over, take it back with a deployment (existingPostback REPLACE) or the status watch (onTakeover RECLAIM), then rotate again',
  );
}
