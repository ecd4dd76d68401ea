import type { Slot } from '../rakuten/client';
import { Redactor } from '../rakuten/redact';
import { postbackUrl } from '../rakuten/url';
import { sha256 } from '../sha256';
import { ACCEPT_PREVIOUS_FOR_MILLIS, type PublisherState } from '../store/publisher-state';
import { changeSlot, putSlot } from './change-slot';
import { withLease } from './lease';
import { describeSlot } from './messages';
import type { LeasedPorts, RegistrationPorts } from './ports';
import { explained, presentable } from './presentable';
import { parseProperties, sidOf } from './properties';
import { belongings, checkUrlSecret, openRun, type Run } from './run';
import { selfTest } from './self-test';
import { isSameSlot, ownerOf } from './slot-url';
import { accepting, markFor, retiringAllBut } from './state';

/** Asks the registration function, invoked directly, for a new secret in a publisher's URL. */
export interface RotationEvent {
  readonly operation: 'rotate-secret';
  readonly sid: string;
}

export const isRotationEvent = (event: unknown): event is RotationEvent =>
  typeof event === 'object' && event !== null && (event as { operation?: unknown }).operation === 'rotate-secret';

/** How a rotation ended. Nothing secret. */
export interface RotationAnswer {
  readonly sid: string;
  /** `not-registered`: there is nothing to rotate, as the publisher's registration has not succeeded yet, or is given up. */
  readonly outcome: 'rotated' | 'not-registered';
  /** Whether this run ended what an earlier one had begun. */
  readonly resumed?: boolean;
  /** Until when postbacks under the previous secret are taken, ISO 8601 UTC. */
  readonly previousAcceptedUntil?: string;
}

/** A version of the URL secret. */
export interface SecretVersion {
  readonly id: string;
  readonly text: string;
}

/** The versions of a secret: the one in use, and one that is about to be. */
export interface SecretVersions {
  current(secret: string): Promise<SecretVersion>;
  pending(secret: string): Promise<SecretVersion | undefined>;
  /** Stores a value as the pending version; the current one stays what it is. */
  addPending(secret: string, text: string): Promise<SecretVersion>;
  /** Makes the pending version the current one; the one that was becomes the previous. */
  promote(secret: string, pending: SecretVersion, current: SecretVersion): Promise<void>;
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

export class RotationError extends Error {
  public constructor(sid: string, problem: string, next: string) {
    super(
      `The secret of SID ${sid} was not rotated: ${problem}. Postbacks go on arriving under the secret that is registered. Next step: ${next}.`,
    );
    this.name = 'RotationError';
  }
}

/**
 * Puts a new secret into the registered URL without losing a postback. In this order, so that whatever Rakuten sends at any moment, the consumer knows its
 * secret: the new value is stored as pending, accepted beside the old one, proven by the self-test, registered at Rakuten, made current, and only then the old
 * one is retired, still accepted for an hour. A run that ends anywhere on the way leaves a working postback, and the next one goes on with the same value.
 *
 * @param endUntil milliseconds since 1970
 */
export async function rotateUrlSecret(ports: RotationPorts, event: RotationEvent, endUntil: number): Promise<RotationAnswer> {
  const redactor = new Redactor();
  try {
    const sid = sidOf({ Sid: event.sid });
    if (sid === undefined) throw new RotationError(String(event.sid), 'that is no publisher id', 'give a number such as 3900112');
    return await withLease(ports, sid, endUntil - WORK_MILLIS, (leased) =>
      rotate({ ...leased, versions: leasedVersions(ports.versions, leased), newSecret: ports.newSecret }, sid, endUntil, redactor),
    );
  } catch (error) {
    ports.log('rotation failed', { sid: event.sid, reason: (error as Error).name });
    throw presentable(goingOn(error, event.sid), redactor);
  }
}

/** Whatever a rotation is ended by, the postback works on, and the next one can go on. */
const goingOn = (error: unknown, sid: string): unknown =>
  explained(
    error,
    (problem) =>
      new RotationError(
        sid,
        problem,
        'rotate again, which goes on where this one ended; if it fails in the same way, look into the log of the registration function',
      ),
  );

async function rotate(ports: LeasedRotationPorts, sid: string, endUntil: number, redactor: Redactor): Promise<RotationAnswer> {
  const { store, clock, versions, log } = ports;
  const state = await store.readState(sid);
  if (state?.properties === undefined) return { sid, outcome: 'not-registered' };
  if (state.unsettled) throw new RotationError(sid, 'a registration began and did not end', 'deploy the stack again, then rotate');
  const run = await openRun(ports, parseProperties(state.properties), { endUntil, reserveMillis: RESERVE_MILLIS, redactor });
  const secretId = run.desired.urlSecret;
  const current = await versions.current(secretId);
  redactor.add(current.text);
  refuseTaken(run, state, current.text, await run.client.read(run.workUntil));

  const { next, resumed } = await nextVersion(ports, run, state, current);
  redactor.add(next.text);
  checkUrlSecret(secretId, next.text);
  const accepted = await accept(run, state, next.text);
  await register(run, accepted, next.text);
  if (next.id !== current.id) await versions.promote(secretId, next, current);

  const wanted = wantedSlot(run, next.text);
  const { rotation, ...done } = retiringAllBut(accepted, wanted, clock.now());
  await store.writeState({ ...done, rotatedAt: new Date(clock.now()).toISOString() });
  log('secret rotated', { sid, resumed });
  const previousAcceptedUntil = new Date(clock.now() + ACCEPT_PREVIOUS_FOR_MILLIS).toISOString();
  return { sid, outcome: 'rotated', resumed, previousAcceptedUntil };
}

/** The value that an earlier run stored and did not bring to an end, else a new one. */
async function nextVersion(
  { versions, newSecret }: Pick<RotationPorts, 'versions' | 'newSecret'>,
  { desired }: Run,
  state: PublisherState,
  current: SecretVersion,
): Promise<{ next: SecretVersion; resumed: boolean }> {
  const pending = await versions.pending(desired.urlSecret);
  if (pending !== undefined && pending.id !== current.id) return { next: pending, resumed: true };
  // Current already, and only the old one was not retired.
  if (state.rotation?.secretSha256 === sha256(current.text)) return { next: current, resumed: true };
  return { next: await versions.addPending(desired.urlSecret, newSecret()), resumed: false };
}

/** Before anything can be sent under the new secret, the consumer must know it. */
async function accept(run: Run, state: PublisherState, secret: string): Promise<PublisherState> {
  const mark = markFor(secret, run.desired.fields);
  const startedAt = new Date(run.ports.clock.now()).toISOString();
  const next = { ...accepting(state, mark, run.desired.fields), rotation: { secretSha256: mark.secretSha256, startedAt } };
  await run.ports.store.writeState(next);
  return next;
}

async function register(run: Run, state: PublisherState, secret: string): Promise<void> {
  if (run.desired.selfTest) await selfTest(run, secret, { until: run.workUntil, queue: true });
  const wanted = wantedSlot(run, secret);
  await changeSlot(run, {
    wanted,
    reached: (slot) => isSameSlot(slot, wanted),
    approve: async (slot) => refuseTaken(run, state, secret, slot),
    write: putSlot(run, wanted),
  });
}

const wantedSlot = ({ desired }: Run, secret: string): Slot => ({
  url: postbackUrl(desired.endpointUrl, secret, desired.fields),
  active: desired.enabled,
});

/** A rotation never takes a slot over: whose it is, a deployment or the status watch decides. */
function refuseTaken({ desired }: Run, state: PublisherState, secret: string, slot: Slot | undefined): void {
  const owner = ownerOf(slot, belongings(desired, state, secret));
  if (owner === 'empty' || owner === 'ours') return;
  throw new RotationError(
    desired.sid,
    `the one postback slot holds a URL that is not of this installation: ${describeSlot(slot)}`,
    'see who took the slot over, take it back with a deployment (existingPostback REPLACE) or the status watch (onTakeover RECLAIM), then rotate again',
  );
}
