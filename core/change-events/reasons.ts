import { ATTRIBUTES } from '../names';
import { EVENTS_API_ONLY_FIELDS } from '../rakuten/postback/fields';
import type { AttributeChange, EventTransaction } from './event';
import type { TransactionReason } from './event-filter';

/** Attributes whose change leaves the values of the transaction as they are. */
const BOOKKEEPING_ATTRIBUTES: ReadonlySet<string> = new Set([
  ATTRIBUTES.receivedAt,
  ATTRIBUTES.occurredAt,
  ATTRIBUTES.updatedAt,
  ATTRIBUTES.source,
  ATTRIBUTES.requestId,
  ATTRIBUTES.differingFields,
  ATTRIBUTES.u1FromPostback,
  ATTRIBUTES.verifiedAt,
  ATTRIBUTES.withdrawnAt,
]);

/**
 * Why an event is sent.
 *
 * @param before undefined for a new line
 */
export function reasonsOf(
  before: EventTransaction | undefined,
  after: EventTransaction,
  changes: Readonly<Record<string, AttributeChange>>,
): TransactionReason[] {
  const reasons: TransactionReason[] = [];
  if (before === undefined) reasons.push('new');
  else if (hasChangedValue(changes) || becameUnverified(before, after)) reasons.push('changed');
  if (before?.verified_at === undefined && after.verified_at !== undefined) reasons.push('verified');
  if (before?.withdrawn_at === undefined && after.withdrawn_at !== undefined) reasons.push('withdrawn');
  return reasons.length > 0 ? reasons : ['bookkeeping'];
}

const hasChangedValue = (changes: Readonly<Record<string, AttributeChange>>): boolean =>
  Object.entries(changes).some(([name, { old }]) => !BOOKKEEPING_ATTRIBUTES.has(name) && !(old === null && isEventsApiOnly(name)));

/** Its first value comes with the first answer for nearly every line, and changes nothing about the line. */
const isEventsApiOnly = (name: string): boolean => Object.hasOwn(EVENTS_API_ONLY_FIELDS, name);

/** As when the Events API no longer returns the `u1` of a verified line: the sums change. */
const becameUnverified = (before: EventTransaction, after: EventTransaction): boolean => isSettled(before) && !isSettled(after);

const isSettled = (line: EventTransaction): boolean => line.verified_at !== undefined || line.withdrawn_at !== undefined;
