import { ATTRIBUTES } from '../names';
import type { EventFilter, TransactionReason } from './event-filter';

/** A pattern of EventBridge: a stream's record passes when it has, at each path, one of the values listed there. */
export type EventPattern = { readonly [name: string]: EventPattern | readonly (string | { readonly exists: boolean })[] };

const THERE = { S: [{ exists: true }] };
const NOT_THERE = { S: [{ exists: false }] };

/**
 * What of a filter a pipe can tell by itself, so that other records cost nothing: as patterns of which one must fit. Every record with a wanted event fits one. Whether a change says anything new, and the sign of
 * an amount, is left to the function, since a pattern can neither compare two images nor calculate. A pipe takes five patterns; these are four at most.
 */
export function pipePatterns(filter: EventFilter): EventPattern[] {
  const wanted: Record<string, EventPattern> = { [ATTRIBUTES.receivedAt]: THERE };
  if (filter.sids !== undefined) wanted.sid = { S: filter.sids };
  if (filter.advertiserIds !== undefined) wanted.advertiser_id = { S: filter.advertiserIds };
  const isEvent = isEventValues(filter.kinds);
  if (isEvent !== undefined) wanted.is_event = { S: isEvent };

  const only = (...reasons: TransactionReason[]): boolean => filter.reasons.every((reason) => reasons.includes(reason));
  if (only('verified')) wanted[ATTRIBUTES.verifiedAt] = THERE;
  if (only('contradicted')) wanted[ATTRIBUTES.contradictedAt] = THERE;
  const changes: Images[] = only('new')
    ? [
        { eventName: ['INSERT'], now: wanted, before: {} },
        // A row that the application had begun.
        { eventName: ['MODIFY'], now: wanted, before: { [ATTRIBUTES.receivedAt]: NOT_THERE } },
      ]
    : [{ eventName: ['INSERT', 'MODIFY'], now: wanted, before: {} }];
  return changes.flatMap((images) => (filter.verifiedOnly === true ? verifiedNowOrBefore(images) : [images])).map(patternOf);
}

interface Images {
  readonly eventName: readonly string[];
  readonly now: Record<string, EventPattern>;
  readonly before: Record<string, EventPattern>;
}

const verifiedNowOrBefore = ({ eventName, now, before }: Images): Images[] => [
  { eventName, now: { ...now, [ATTRIBUTES.verifiedAt]: THERE }, before },
  { eventName, now, before: { ...before, [ATTRIBUTES.verifiedAt]: THERE } },
];

const patternOf = ({ eventName, now, before }: Images): EventPattern => ({
  eventName,
  dynamodb: { NewImage: now, ...(Object.keys(before).length === 0 ? {} : { OldImage: before }) },
});

/** Whether a line is an event stands in its key, so that it never changes. */
function isEventValues(kinds: EventFilter['kinds']): string[] | undefined {
  if (kinds === undefined || kinds.includes('unknown')) return undefined;
  const others = kinds.filter((kind) => kind !== 'preliminary');
  if (others.length === 0) return ['Y'];
  return others.length === kinds.length ? ['N'] : ['Y', 'N'];
}
