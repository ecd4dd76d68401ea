import { UserError } from '../errors';
import { REGISTRATION_PROPERTIES as P } from '../names';
import type { Slot } from '../rakuten/api/client';
import { Redactor } from '../rakuten/api/redact';
import { summarizeUrl, type UrlSummary } from '../rakuten/postback/url';
import type { PublisherState } from '../state/publisher-state';
import { withAllowedUrls } from './allowed-urls';
import { withLease } from './lease';
import type { LeasedPorts, ReadingPorts, RegistrationPorts } from './ports';
import { readPreviousSlot, shownPreviousSlot } from './previous-slot';
import { type Desired, parseProperties, type RemovalRule } from './properties';
import { type Registered, register } from './register';
import { belongings, openRun, type Run, readUrlSecret, wantedSlot } from './run';
import { sanitizeError } from './sanitize-error';
import { type SelfTestResult, selfTest } from './self-test';
import { isSameSlot, isSameUrl, ownerOf, type SlotOwner } from './slot-url';
import { type Removal, unregister } from './unregister';

/** Work on a slot by hand, with what the last deployment registered. */

const LONGEST_MILLIS = 8 * 60_000;
const UNDO_RESERVE_MILLIS = 60_000;

export interface Changes {
  /** Kept: the watch goes by it, until a deployment says otherwise. */
  readonly enabled?: boolean;
  /** For this run only. @default - as deployed */
  readonly selfTest?: boolean;
  /** For this run only. @default - as deployed */
  readonly replace?: boolean;
}

/** Registers again, with changes. Throws as a deployment would. */
export function registerByHand(
  ports: RegistrationPorts,
  sid: string,
  changes: Changes,
): Promise<Registered> {
  return byHand(ports, (redactor) =>
    leased(ports, sid, async (inLease) => {
      const { desired } = await registered(inLease, sid);
      return register(await open(inLease, changed(desired, changes), redactor), false);
    }),
  );
}

/** Takes our URL out of the slot. `registerByHand` puts it back. */
export function unregisterByHand(
  ports: RegistrationPorts,
  sid: string,
  rule?: Exclude<RemovalRule, 'RETAIN'>,
): Promise<Removal> {
  return byHand(ports, (redactor) =>
    leased(ports, sid, async (inLease) => {
      const { desired } = await registered(inLease, sid);
      // Whoever removes it by hand does not want it retained.
      const byRule = rule ?? (desired.onRemoval === 'RETAIN' ? 'RESTORE' : desired.onRemoval);
      const removal = await unregister(
        await open(inLease, withAllowedUrls(inLease.urls, desired), redactor),
        byRule,
      );
      const state = await inLease.store.readState(sid);
      if (state !== undefined) await inLease.store.writeState({ ...state, setAside: desired.raw });
      return removal;
    }),
  );
}

/** The self-test alone, from where this runs. Changes nothing. */
export function testByHand(
  ports: RegistrationPorts,
  sid: string,
  queue: boolean,
): Promise<SelfTestResult> {
  return byHand(ports, async (redactor) => {
    const { desired } = await registered(ports, sid);
    const run = await open(ports, desired, redactor);
    return selfTest(run, await readUrlSecret(run), { until: run.workUntil, queue });
  });
}

/** A slot as it may be shown: of its URL only the host and the Rakuten fields. */
export interface ShownSlot extends UrlSummary {
  readonly active: boolean;
  /** The whole URL, with its secrets. Only with `reveal`. */
  readonly url?: string;
}

export interface SlotStatus {
  readonly sid: string;
  /** The content of the slot. Undefined if it is empty. */
  readonly slot: ShownSlot | undefined;
  readonly owner: SlotOwner;
  /** Where the slot differs from what was deployed, in words. Empty when it does not. */
  readonly drift: readonly string[];
  /** What a removal restores. Undefined if there was nothing before. */
  readonly previous: ShownSlot | undefined;
  readonly enabled: boolean;
  readonly selfTest: PublisherState['selfTest'];
}

export interface SlotStatusOptions {
  /** As the stack's outputs have it. */
  readonly stackEndpointUrl?: string;
  /** How long Rakuten may take. @default 8 minutes */
  readonly patienceMillis?: number;
  /** Whether to return whole URLs. @default false */
  readonly reveal?: boolean;
}

/** Reads the slot and compares it with what was deployed. Changes nothing. */
export function slotStatus(
  ports: RegistrationPorts,
  sid: string,
  options: SlotStatusOptions = {},
): Promise<SlotStatus> {
  return byHand(ports, (redactor) => readStatus(ports, sid, options, redactor));
}

async function readStatus(
  ports: RegistrationPorts,
  sid: string,
  { stackEndpointUrl, patienceMillis = LONGEST_MILLIS, reveal = false }: SlotStatusOptions,
  redactor: Redactor,
): Promise<SlotStatus> {
  const until = ports.clock.now() + patienceMillis;
  const { state, desired } = await registered(ports, sid);
  const run = await open(ports, desired, redactor);
  const secret = await readUrlSecret(run);
  const slot = await run.client.read(until);
  const wanted = wantedSlot(desired, secret);
  const owner = ownerOf(slot, belongings(desired, state, secret));
  const drift = isSameSlot(slot, wanted) ? [] : [differenceOf(slot, wanted, owner)];
  if (stackEndpointUrl !== undefined && stackEndpointUrl !== desired.endpointUrl) {
    drift.push(
      `the stack's endpoint is ${stackEndpointUrl}, registered was ${desired.endpointUrl}`,
    );
  }
  if (state.unsettled) drift.push('a registration began and was cut off');
  if (state.properties === undefined) drift.push('it was unregistered by hand');
  return {
    sid,
    slot: shownSlot(slot, reveal),
    owner,
    drift,
    previous: reveal
      ? shownSlot(await readPreviousSlot(run, state), true)
      : shownPreviousSlot(state),
    enabled: desired.enabled,
    selfTest: state.selfTest,
  };
}

const shownSlot = (slot: Slot | undefined, reveal: boolean): ShownSlot | undefined =>
  slot === undefined
    ? undefined
    : { ...summarizeUrl(slot.url), active: slot.active, ...(reveal ? { url: slot.url } : {}) };

const NOT_OURS: Record<Exclude<SlotOwner, 'ours'>, string> = {
  empty: 'the slot is empty: Rakuten sends nothing',
  endpoint:
    'the slot has our endpoint under a secret that is not ours: what Rakuten sends is turned away as forged',
  installation: 'the slot holds the URL of another installation of this construct',
  foreign: 'the slot holds a URL of somebody else',
};

function differenceOf(
  slot: { url: string; active: boolean } | undefined,
  wanted: { url: string; active: boolean },
  owner: SlotOwner,
): string {
  if (slot === undefined) return NOT_OURS.empty;
  if (owner !== 'ours') return NOT_OURS[owner];
  if (!isSameUrl(slot.url, wanted.url))
    return 'the slot holds an older URL of ours (other secret, fields or endpoint)';
  return wanted.active
    ? 'the postback is switched off, though it should be on'
    : 'the postback is on, though it should be off';
}

function changed(
  desired: Desired,
  { enabled = desired.enabled, selfTest: test = desired.selfTest, replace }: Changes,
): Desired {
  const raw = { ...desired.raw, [P.enabled]: String(enabled) };
  return {
    ...desired,
    enabled,
    selfTest: test,
    existingPostback: replace ? 'REPLACE' : desired.existingPostback,
    raw,
  };
}

async function registered(
  { store }: Pick<ReadingPorts, 'store'>,
  sid: string,
): Promise<{ state: PublisherState; desired: Desired }> {
  const state = await store.readState(sid);
  const properties = state?.properties ?? state?.setAside;
  if (state === undefined || properties === undefined) {
    throw new UserError({
      name: 'NotRegisteredError',
      problem: `SID ${sid} is not registered by this installation`,
      nextStep: 'deploy the stack, which registers it',
    });
  }
  return { state, desired: parseProperties(properties) };
}

/** Nothing secret leaves in an error. */
async function byHand<T>(
  { clock, log }: RegistrationPorts,
  work: (redactor: Redactor) => Promise<T>,
): Promise<T> {
  const redactor = new Redactor();
  const startedAt = clock.now();
  try {
    return await work(redactor);
  } catch (error) {
    log('failed', { reason: (error as Error).name, millis: clock.now() - startedAt });
    throw sanitizeError(error, redactor);
  }
}

const open = <Ports extends ReadingPorts>(
  ports: Ports,
  desired: Desired,
  redactor: Redactor,
): Promise<Run<Ports>> =>
  openRun(ports, desired, {
    endUntil: ports.clock.now() + LONGEST_MILLIS,
    reserveMillis: UNDO_RESERVE_MILLIS,
    redactor,
  });

const leased = <T>(
  ports: RegistrationPorts,
  sid: string,
  work: (ports: LeasedPorts) => Promise<T>,
): Promise<T> => withLease(ports, sid, ports.clock.now() + LONGEST_MILLIS, work);
