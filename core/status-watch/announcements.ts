import { errorText } from '../errors';
import { WATCH_EVENTS } from '../names';
import type { Slot } from '../rakuten/api/client';
import { Redactor } from '../rakuten/api/redact';
import { summarizeUrl } from '../rakuten/postback/url';
import { sanitizeError } from '../registration/sanitize-error';
import type { Trouble } from './finding';
import type { WatchPorts } from './ports';
import {
  type Announcement,
  newRecord,
  nextRestorationAt,
  recentRestorations,
  type Spell,
  type WatchRecord,
  type WatchSettings,
  withAnnouncement,
} from './record';

/** What the watch does about a finding. */
export type Plan =
  /** Switches it on again. */
  | 'enable'
  /** Registers the URL of the template. */
  | 'register'
  /** Says so, and leaves the slot alone. */
  | 'report'
  /** Lets time pass, as it was restored again and again. */
  | 'back-off'
  /** Leaves it to a registration that began and has not ended. */
  | 'leave';

const DETAIL_TYPES: Record<Trouble, string> = {
  disabled: WATCH_EVENTS.detailTypes.disabled,
  missing: WATCH_EVENTS.detailTypes.missing,
  'taken-over': WATCH_EVENTS.detailTypes.takenOver,
  outdated: WATCH_EVENTS.detailTypes.outdated,
};

export function findingAnnouncement(
  sid: string,
  spell: Spell,
  plan: Plan,
  slot: Slot | undefined,
): Announcement {
  const host: Announcement['detail'] =
    spell.finding === 'taken-over' && slot !== undefined
      ? { takenOverBy: summarizeUrl(slot.url).host ?? 'not a URL' }
      : {};
  return {
    detailType: DETAIL_TYPES[spell.finding],
    detail: {
      sid,
      finding: spell.finding,
      plan,
      mayMissLinesSince: spell.from,
      noticedAt: spell.noticedAt,
      ...host,
    },
  };
}

export const restoredAnnouncement = (
  sid: string,
  spell: Spell,
  by: 'status-watch' | 'somebody else',
  restoredAt: string,
): Announcement => ({
  detailType: WATCH_EVENTS.detailTypes.restored,
  detail: {
    sid,
    finding: spell.finding,
    restoredBy: by,
    mayMissLinesSince: spell.from,
    noticedAt: spell.noticedAt,
    restoredAt,
  },
});

export function flappingAnnouncement(
  record: WatchRecord,
  settings: WatchSettings,
  now: number,
): Announcement {
  return {
    detailType: WATCH_EVENTS.detailTypes.flapping,
    detail: {
      sid: record.sid,
      restorations: recentRestorations(record, settings, now).length,
      withinHours: settings.flappingWindowSeconds / 3600,
      nextRestorationNotBefore: new Date(nextRestorationAt(record, settings, now)).toISOString(),
    },
  };
}

/** `reason` must be fit to be seen. */
export const unknownAnnouncement = (
  sid: string,
  failures: number,
  reason: string,
): Announcement => ({
  detailType: WATCH_EVENTS.detailTypes.unknown,
  detail: { sid, failures, reason },
});

/**
 * So many failed checks in a row are said on the event bus: one alone is mostly Rakuten's or the
 * network's hiccup.
 */
const FAILURES_TOLD = 3;
const LONGEST_REASON = 500;

/**
 * Says what is in the outbox and asks for what was lost, and takes both off the record where that
 * went well. What did not go well stays for the next check: the postback itself does not depend on
 * it.
 */
export async function deliver(ports: WatchPorts, record: WatchRecord): Promise<void> {
  const { outbox, gap, sid } = record;
  if (outbox.length === 0 && gap === undefined) return;
  const told =
    outbox.length === 0 ||
    (await succeeds(ports, sid, 'event not sent', () => ports.announce(outbox)));
  const asked =
    gap === undefined ||
    ports.reconcile === undefined ||
    (await succeeds(ports, sid, 'reconciliation not requested', async () =>
      ports.reconcile?.(sid, gap),
    ));
  if (!told && !asked) return;
  await ports.store.writeRecord(
    { ...record, outbox: told ? [] : outbox, gap: asked ? undefined : gap },
    ports.clock.now(),
  );
}

/** Counts a check that could not be made, and says so when it was not the first. */
export async function noteFailure(ports: WatchPorts, sid: string, reason: string): Promise<void> {
  await succeeds(ports, sid, 'failure not noted', async () => {
    const earlier = (await ports.store.readRecord(sid)) ?? newRecord(sid);
    const failures = (earlier.failures ?? 0) + 1;
    let record: WatchRecord = { ...earlier, failures };
    if (failures === FAILURES_TOLD)
      record = withAnnouncement(
        record,
        unknownAnnouncement(sid, failures, reason.slice(0, LONGEST_REASON)),
      );
    await deliver(ports, await ports.store.writeRecord(record, ports.clock.now()));
  });
}

async function succeeds(
  ports: WatchPorts,
  sid: string,
  message: string,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    ports.taskFailed({ message, sid, reason: reasonOf(error) });
    return false;
  }
}

/** Name and message of an error, for the log. */
export function reasonOf(error: unknown, redactor = new Redactor()): string {
  return errorText(sanitizeError(error, redactor)).slice(0, LONGEST_REASON);
}
