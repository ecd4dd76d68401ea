import type { Trouble } from './finding';

/**
 * What the status watch remembers of a publisher from one check to the next. Times are ISO 8601
 * UTC.
 */
export interface WatchRecord {
  readonly sid: string;
  /** Counts the writes, so that of two runs at once none undoes what the other has written. */
  readonly revision: number;
  /** When the postback was last seen switched on, receiving. */
  readonly activeAt?: string;
  /** Since when, and why, postbacks do not arrive. */
  readonly spell?: Spell;
  /**
   * When the watch put the postback right, newest last. What is older than the window of flapping
   * is forgotten.
   */
  readonly restoredAt: readonly string[];
  /** Whether it was said that the postback flaps. */
  readonly flapping?: boolean;
  /** Checks in a row that could not be made. */
  readonly failures?: number;
  /** A span whose lines the reconciliation has yet to be asked for. */
  readonly gap?: Gap;
  /** What has yet to be said on the event bus. */
  readonly outbox: readonly Announcement[];
}

export interface Spell {
  readonly finding: Trouble;
  /** From when on lines may be missing: when all was last known to be well. */
  readonly from: string;
  readonly noticedAt: string;
}

export interface Gap {
  readonly from: string;
  readonly to: string;
  readonly reason: Trouble;
}

export interface Announcement {
  readonly detailType: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

export const newRecord = (sid: string): WatchRecord => ({
  sid,
  revision: 0,
  restoredAt: [],
  outbox: [],
});

/**
 * Rakuten tells a line within ten minutes of having it: what came right before a spell may have
 * been due within it.
 */
const GAP_MARGIN_MILLIS = 15 * 60_000;
/** Rakuten keeps what it processed less than 30 days ago. */
const LONGEST_GAP_MILLIS = 29 * 24 * 60 * 60_000;
const FIRST_BACKOFF_MILLIS = 15 * 60_000;
const LONGEST_BACKOFF_MILLIS = 2 * 60 * 60_000;
/** More than a check can bring; whoever does not take events for hours need not get every one. */
const OUTBOX_SIZE = 20;

const iso = (millis: number): string => new Date(millis).toISOString();

/**
 * The record with a spell that goes on, or begins now. `provenAt`: when the URL was last proven,
 * for a postback that was never seen active.
 */
export function inSpell(
  record: WatchRecord,
  finding: Trouble,
  now: number,
  provenAt: string | undefined,
): WatchRecord {
  if (record.spell !== undefined) return { ...record, spell: { ...record.spell, finding } };
  const from = record.activeAt ?? provenAt ?? iso(now - LONGEST_GAP_MILLIS);
  return { ...record, spell: { finding, from, noticedAt: iso(now) } };
}

/** The record after a spell, which leaves a gap. A gap that was not asked for yet grows. */
export function afterSpell(record: WatchRecord, now: number): WatchRecord {
  const { spell, ...rest } = record;
  if (spell === undefined) return record;
  const from = Date.parse(spell.from) - GAP_MARGIN_MILLIS;
  const earliest = Math.max(
    Math.min(from, Date.parse(record.gap?.from ?? spell.from)),
    now - LONGEST_GAP_MILLIS,
  );
  return { ...rest, gap: { from: iso(earliest), to: iso(now), reason: spell.finding } };
}

export const withAnnouncement = (record: WatchRecord, announcement: Announcement): WatchRecord => ({
  ...record,
  outbox: [...record.outbox, announcement].slice(-OUTBOX_SIZE),
});

export function withRestoration(
  record: WatchRecord,
  settings: WatchSettings,
  now: number,
): WatchRecord {
  return { ...record, restoredAt: [...recentRestorations(record, settings, now), iso(now)] };
}

/** Restorations within the window of flapping. */
export const recentRestorations = (
  { restoredAt }: WatchRecord,
  { flappingWindowSeconds }: WatchSettings,
  now: number,
): string[] => restoredAt.filter((at) => Date.parse(at) > now - flappingWindowSeconds * 1000);

export const isFlapping = (record: WatchRecord, settings: WatchSettings, now: number): boolean =>
  recentRestorations(record, settings, now).length >= settings.flappingAfter;

/**
 * When a flapping postback may be restored next: each time twice as long after the last, up to two
 * hours. Milliseconds since 1970; 0: at once.
 */
export function nextRestorationAt(
  record: WatchRecord,
  settings: WatchSettings,
  now: number,
): number {
  const recent = recentRestorations(record, settings, now);
  const beyond = recent.length - settings.flappingAfter;
  if (beyond < 0) return 0;
  return (
    Date.parse(recent.at(-1) ?? '') +
    Math.min(FIRST_BACKOFF_MILLIS * 2 ** beyond, LONGEST_BACKOFF_MILLIS)
  );
}

/** How an installation's status watch is set. The construct writes it, the function reads it. */
export interface WatchSettings {
  /** Whether a slot that somebody else has taken is only reported, or taken back. */
  readonly onTakeover: 'REPORT' | 'RECLAIM';
  /** Whether each run sends a GET of its own to the endpoint. */
  readonly selfProbe: boolean;
  /** So many restorations within the window make a postback a flapping one. */
  readonly flappingAfter: number;
  readonly flappingWindowSeconds: number;
  /** Name or ARN of the function that is asked to fetch what a spell without postbacks lost. */
  readonly reconciliationFunction?: string;
}
