import type { Slot } from '../rakuten/api/client';
import { Redactor } from '../rakuten/api/redact';
import { lookFor } from '../registration/change-slot';
import { SlotBusyError, TAKEOVER_MILLIS, withLease } from '../registration/lease';
import type { LeasedPorts, ReadingPorts } from '../registration/ports';
import { parseProperties } from '../registration/properties';
import { openRun, type Run } from '../registration/run';
import { sanitizeError } from '../registration/sanitize-error';
import type { PublisherState } from '../state/publisher-state';
import {
  deliver,
  findingAnnouncement,
  flappingAnnouncement,
  noteFailure,
  type Plan,
  restoredAnnouncement,
} from './announcements';
import { expectedUrl, type Finding, isTrouble, judge, type Trouble } from './finding';
import { RecordConflictError, type WatchPorts } from './ports';
import type { WatchSettings } from './record';
import {
  afterSpell,
  inSpell,
  isFlapping,
  newRecord,
  nextRestorationAt,
  type WatchRecord,
  withAnnouncement,
  withRestoration,
} from './record';
import { enableAgain, registerAgain } from './repair';

/** What a check of one publisher found and did. Nothing secret. */
export interface Check {
  readonly sid: string;
  /**
   * `busy`: a registration, a rotation or another check is at work. `not-registered`: the template
   * does not want it (any more), or not yet. `unknown`: the check failed.
   */
  readonly finding: Finding | 'busy' | 'not-registered' | 'unknown';
  /** What is done about it; absent where nothing needs to be. */
  readonly plan?: Plan;
  /** Whether this check put the postback right. */
  readonly restored: boolean;
  readonly flapping: boolean;
  /** Why it failed, fit to be seen. */
  readonly problem?: string;
}

/** Rakuten that does not answer must not use up the time of the other publishers. */
const LONGEST_CHECK_MILLIS = 120_000;
const RESERVE_MILLIS = 5_000;

/**
 * Checks one publisher's postback, and puts right what may be put right. Never throws: a problem is
 * part of the answer.
 */
export async function checkPublisher(
  ports: WatchPorts,
  settings: WatchSettings,
  sid: string,
  endUntil: number,
): Promise<Check> {
  const redactor = new Redactor();
  const context: Context = {
    ports,
    settings,
    sid,
    redactor,
    endUntil: Math.min(endUntil, ports.clock.now() + LONGEST_CHECK_MILLIS),
  };
  try {
    return await check(context);
  } catch (error) {
    if (error instanceof SlotBusyError || error instanceof RecordConflictError)
      return { sid, finding: 'busy', restored: false, flapping: false };
    return {
      sid,
      finding: 'unknown',
      restored: false,
      flapping: false,
      problem: await failed(context, error),
    };
  }
}

interface Context {
  readonly ports: WatchPorts;
  readonly settings: WatchSettings;
  readonly sid: string;
  readonly redactor: Redactor;
  readonly endUntil: number;
}

interface Seen<Ports extends ReadingPorts> {
  readonly state: PublisherState;
  readonly run: Run<Ports>;
  readonly slot: Slot | undefined;
  readonly finding: Finding;
}

/**
 * Looks without the right to change anything, as almost always nothing needs to be; what looks
 * wrong is looked at again with it.
 */
async function check(context: Context): Promise<Check> {
  const { ports, sid, endUntil } = context;
  const seen = await look(context, ports);
  if (seen === undefined)
    return { sid, finding: 'not-registered', restored: false, flapping: false };
  if (!isTrouble(seen.finding)) return conclude(context, await readRecord(context), seen.finding);
  // Long enough to take over from a run that was killed.
  const waitUntil = Math.min(endUntil, ports.clock.now() + TAKEOVER_MILLIS);
  return withLease(ports, sid, waitUntil, (leased) => checkInLease(context, leased));
}

async function look<Ports extends ReadingPorts>(
  { sid, redactor, endUntil }: Context,
  ports: Ports,
): Promise<Seen<Ports> | undefined> {
  const state = await ports.store.readState(sid);
  // Also the mark of a removal: it takes the properties away before it empties the slot.
  if (state?.properties === undefined) return undefined;
  const desired = parseProperties(state.properties);
  const run = await openRun(ports, desired, { endUntil, reserveMillis: RESERVE_MILLIS, redactor });
  if (!desired.enabled) return { state, run, slot: undefined, finding: 'switched-off' };
  // A slot that looks empty is looked at several times: the status call may lag.
  const slot = await lookFor(run, () => true, run.workUntil);
  return { state, run, slot, finding: judge(slot, state, desired) };
}

async function checkInLease(context: Context, leased: LeasedPorts): Promise<Check> {
  const { ports, settings, sid } = context;
  const seen = await look(context, leased);
  if (seen === undefined)
    return { sid, finding: 'not-registered', restored: false, flapping: false };
  const earlier = await readRecord(context);
  if (!isTrouble(seen.finding)) return conclude(context, earlier, seen.finding);

  const now = ports.clock.now();
  const plan = planFor(seen, seen.finding, earlier, settings, now);
  // Written before the slot is: a run that is cut off must not make a spell forgotten.
  const record = await ports.store.writeRecord(
    noticed(earlier, seen, seen.finding, plan, now),
    now,
  );
  const unrestored = {
    sid,
    finding: seen.finding,
    plan,
    restored: false,
    flapping: isFlapping(record, settings, now),
  };
  if (plan !== 'enable' && plan !== 'register') {
    await deliver(ports, record);
    return unrestored;
  }
  try {
    const url = seen.slot && expectedUrl(seen.slot, seen.state, seen.run.desired);
    if (plan === 'enable' && url !== undefined) await enableAgain(seen.run, url);
    else await registerAgain(seen.run, seen.state, seen.slot);
  } catch (error) {
    if (error instanceof SlotBusyError) throw error;
    return { ...unrestored, problem: await failed(context, error) };
  }
  ports.log('postback restored', { sid, finding: seen.finding });
  const restored = withRestoration(record, settings, ports.clock.now());
  return {
    ...(await conclude(context, restored, 'active', 'status-watch')),
    finding: seen.finding,
    plan,
    restored: true,
  };
}

/** Notes why a check failed, and says it in words that may be seen. */
async function failed({ ports, sid, redactor }: Context, error: unknown): Promise<string> {
  const { name, message: whole } = sanitizeError(error, redactor);
  const message = withoutPaths(whole);
  ports.log('check failed', { sid, reason: name });
  await noteFailure(ports, sid, `${name}: ${message}`);
  return message;
}

/**
 * A URL of somebody else may have a secret in its path too. A person who deploys is shown it; a log
 * and an event bus are not.
 */
const withoutPaths = (text: string): string =>
  text.replace(/((?:[a-z][a-z0-9+.-]*:\/\/)?[\w-]+(?:\.[\w-]+)+(?::\d+)?)[/?#][^\s,;)]*/gi, '$1/…');

function planFor(
  { state }: Pick<Seen<ReadingPorts>, 'state'>,
  finding: Trouble,
  record: WatchRecord,
  settings: WatchSettings,
  now: number,
): Plan {
  if (finding === 'taken-over' && settings.onTakeover === 'REPORT') return 'report';
  if (finding === 'outdated' && state.unsettled) return 'leave';
  if (now < nextRestorationAt(record, settings, now)) return 'back-off';
  return finding === 'disabled' ? 'enable' : 'register';
}

/** The record with the finding, which is announced when it is a new one. */
function noticed(
  earlier: WatchRecord,
  { state, slot }: Pick<Seen<ReadingPorts>, 'state' | 'slot'>,
  finding: Trouble,
  plan: Plan,
  now: number,
): WatchRecord {
  const isRepaired = plan === 'enable' || plan === 'register';
  const record = inSpell(
    isRepaired ? earlier : { ...earlier, failures: undefined },
    finding,
    now,
    state.selfTest?.at,
  );
  if (record.spell === undefined || earlier.spell?.finding === finding) return record;
  return withAnnouncement(record, findingAnnouncement(record.sid, record.spell, plan, slot));
}

/** All is well: a spell has ended, and its gap is to be fetched. */
async function conclude(
  { ports, settings, sid }: Context,
  earlier: WatchRecord,
  finding: 'active' | 'switched-off',
  by: 'status-watch' | 'somebody else' = 'somebody else',
): Promise<Check> {
  const now = ports.clock.now();
  const flapping = isFlapping(earlier, settings, now);
  let record: WatchRecord = { ...afterSpell(earlier, now), failures: undefined, flapping };
  if (finding === 'active') {
    record = { ...record, activeAt: new Date(now).toISOString() };
    if (earlier.spell !== undefined)
      record = withAnnouncement(
        record,
        restoredAnnouncement(sid, earlier.spell, by, new Date(now).toISOString()),
      );
    if (flapping && !earlier.flapping)
      record = withAnnouncement(record, flappingAnnouncement(record, settings, now));
  }
  await deliver(ports, await ports.store.writeRecord(record, now));
  return { sid, finding, restored: false, flapping };
}

const readRecord = async ({ ports, sid }: Context): Promise<WatchRecord> =>
  (await ports.store.readRecord(sid)) ?? newRecord(sid);
