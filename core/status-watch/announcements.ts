import { WATCH_EVENTS } from '../names';
import type { Slot } from '../rakuten/api/client';
import { summarizeUrl } from '../rakuten/postback/url';
import type { Trouble } from './finding';
import { type Announcement, nextRestorationAt, recentRestorations, type Spell, type WatchRecord } from './record';
import type { WatchSettings } from './settings';

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

export function findingAnnouncement(sid: string, spell: Spell, plan: Plan, slot: Slot | undefined): Announcement {
  const host: Announcement['detail'] =
    spell.finding === 'taken-over' && slot !== undefined ? { takenOverBy: summarizeUrl(slot.url).host ?? 'not a URL' } : {};
  return {
    detailType: DETAIL_TYPES[spell.finding],
    detail: { sid, finding: spell.finding, plan, mayMissLinesSince: spell.from, noticedAt: spell.noticedAt, ...host },
  };
}

export const restoredAnnouncement = (
  sid: string,
  spell: Spell,
  by: 'status-watch' | 'somebody else',
  restoredAt: string,
): Announcement => ({
  detailType: WATCH_EVENTS.detailTypes.restored,
  detail: { sid, finding: spell.finding, restoredBy: by, mayMissLinesSince: spell.from, noticedAt: spell.noticedAt, restoredAt },
});

export function flappingAnnouncement(record: WatchRecord, settings: WatchSettings, now: number): Announcement {
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
export const unknownAnnouncement = (sid: string, failures: number, reason: string): Announcement => ({
  detailType: WATCH_EVENTS.detailTypes.unknown,
  detail: { sid, failures, reason },
});
