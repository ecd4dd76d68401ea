import { ATTRIBUTES } from '../names';
import type { EventFilter, TransactionReason } from './event-filter';

/** What EventBridge accepts at a path of a pattern: one of these. */
type Condition = string | { readonly exists: boolean } | { readonly prefix: string };

/** An EventBridge pattern: a record matches if one condition holds at each path. */
export type EventPattern = { readonly [name: string]: EventPattern | readonly Condition[] };

const EXISTS = { S: [{ exists: true }] };
const MISSING = { S: [{ exists: false }] };

type Attributes = Record<string, EventPattern>;

/**
 * The part of a filter that a pipe can evaluate itself, so that other records cost nothing.
 *
 * Every record with a matching event matches one of the patterns. A pattern can neither compare two
 * images nor calculate, so the function decides whether a change shows another value, and the sign
 * of an amount. A pipe accepts five patterns; these are at most two.
 */
export function pipePatterns(filter: EventFilter): EventPattern[] {
  const line: Attributes = {
    [ATTRIBUTES.receivedAt]: EXISTS,
    ...ofKey(filter),
    ...ofReasons(filter),
  };
  const state = ofState(filter);
  if (hasOnly(filter, 'new')) {
    return [
      pattern(['INSERT'], { ...line, ...state }),
      // A row that the application wrote before the line arrived.
      pattern(['MODIFY'], { ...line, ...state }, { [ATTRIBUTES.receivedAt]: MISSING }),
    ];
  }
  const now = pattern(['INSERT', 'MODIFY'], { ...line, ...state });
  return Object.keys(state).length === 0 ? [now] : [now, pattern(['MODIFY'], line, state)];
}

/** Conditions on the key, which never changes. */
const ofKey = ({ sids, kinds }: EventFilter): Attributes => ({
  ...(sids === undefined
    ? {}
    : { [ATTRIBUTES.lineId]: { S: sids.map((sid) => ({ prefix: `${sid}#` })) } }),
  ...(kinds === undefined || kinds.includes('unknown')
    ? {}
    : { [ATTRIBUTES.isEvent]: { S: isEventValues(kinds) } }),
});

function isEventValues(kinds: NonNullable<EventFilter['kinds']>): string[] {
  const isConfirmed = kinds.some((kind) => kind !== 'preliminary');
  return [...(kinds.includes('preliminary') ? ['Y'] : []), ...(isConfirmed ? ['N'] : [])];
}

const ofReasons = (filter: EventFilter): Attributes => ({
  ...(hasOnly(filter, 'verified') ? { [ATTRIBUTES.verifiedAt]: EXISTS } : {}),
  ...(hasOnly(filter, 'withdrawn') ? { [ATTRIBUTES.withdrawnAt]: EXISTS } : {}),
});

/** Conditions that a line can meet before its change, after it, or both times. */
const ofState = ({ advertiserIds, verifiedOnly }: EventFilter): Attributes => ({
  ...(advertiserIds === undefined ? {} : { advertiser_id: { S: advertiserIds } }),
  ...(verifiedOnly === true ? { [ATTRIBUTES.verifiedAt]: EXISTS } : {}),
});

const hasOnly = (filter: EventFilter, reason: TransactionReason): boolean =>
  filter.reasons.every((one) => one === reason);

const pattern = (
  eventName: readonly string[],
  NewImage: Attributes,
  OldImage?: Attributes,
): EventPattern => ({
  eventName,
  dynamodb: { NewImage, ...(OldImage === undefined ? {} : { OldImage }) },
});
