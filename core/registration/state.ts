import type { Slot } from '../rakuten/api/client';
import { type FieldList, fieldListId } from '../rakuten/postback/fields';
import { sha256 } from '../sha256';
import {
  ACCEPT_PREVIOUS_FOR_MILLIS,
  type AcceptedUrl,
  type PublisherState,
} from '../state/publisher-state';
import { markOf, type UrlMark } from './slot-url';

/**
 * Retired entries are also how an old URL of ours is recognised in the slot, so they are kept
 * beyond their time.
 */
const ENTRIES_KEPT = 12;

export const emptyState = (sid: string): PublisherState => ({ sid, accepted: [] });

export const markFor = (secret: string, fields: FieldList): UrlMark => ({
  secretSha256: sha256(secret),
  fieldListId: fieldListId(fields),
});

export const isMark = (a: UrlMark, b: UrlMark): boolean =>
  a.secretSha256 === b.secretSha256 && a.fieldListId === b.fieldListId;

/**
 * The state in which postbacks under this secret and field list are accepted, beside all that were
 * before.
 */
export function accepting(state: PublisherState, mark: UrlMark, fields: FieldList): PublisherState {
  const entry: AcceptedUrl = {
    secretSha256: mark.secretSha256,
    fieldListId: mark.fieldListId,
    fields,
  };
  const accepted = [entry, ...state.accepted.filter((other) => !isMark(other, mark))];
  // Rakuten may still send under one that is not retired.
  return {
    ...state,
    accepted: accepted.filter(
      ({ acceptedUntil }, index) => acceptedUntil === undefined || index < ENTRIES_KEPT,
    ),
  };
}

export const accepts = (state: PublisherState, mark: UrlMark): boolean =>
  state.accepted.some((entry) => isMark(entry, mark) && entry.acceptedUntil === undefined);

/** One entry is accepted for a while only. */
export function retiring(state: PublisherState, mark: UrlMark, now: number): PublisherState {
  const acceptedUntil = new Date(now + ACCEPT_PREVIOUS_FOR_MILLIS).toISOString();
  return {
    ...state,
    accepted: state.accepted.map((e) =>
      isMark(e, mark) && e.acceptedUntil === undefined ? { ...e, acceptedUntil } : e,
    ),
  };
}

/**
 * Everything but the URL in the slot is accepted for a while only: a postback may still be on its
 * way.
 */
export function retiringAllBut(
  state: PublisherState,
  slot: Slot | undefined,
  now: number,
): PublisherState {
  const kept = slot === undefined ? undefined : markOf(slot.url);
  const acceptedUntil = new Date(now + ACCEPT_PREVIOUS_FOR_MILLIS).toISOString();
  const accepted = state.accepted.map((entry) =>
    entry.acceptedUntil !== undefined || (kept !== undefined && isMark(entry, kept))
      ? entry
      : { ...entry, acceptedUntil },
  );
  return { ...state, accepted };
}

export const otherOwners = (state: PublisherState, owner: string | undefined): string[] =>
  (state.owners ?? []).filter((other) => other !== owner);

export const withOwner = (state: PublisherState, owner: string | undefined): PublisherState =>
  owner === undefined ? state : { ...state, owners: [...otherOwners(state, owner), owner] };

export const withoutOwner = (state: PublisherState, owner: string | undefined): PublisherState => ({
  ...state,
  owners: otherOwners(state, owner),
});

/** Before a removal begins: whatever becomes of it, the resource no longer wants the slot. */
export function givenUp(state: PublisherState, owner: string): PublisherState {
  const { properties, ...rest } = withoutOwner(state, owner);
  return (rest.owners ?? []).length > 0 ? { ...rest, properties } : rest;
}
