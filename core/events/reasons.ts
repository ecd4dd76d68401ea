import { ATTRIBUTES } from '../names';
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

const hasChangedValue = (changes: object): boolean => Object.keys(changes).some((name) => !BOOKKEEPING_ATTRIBUTES.has(name));

/** As when the Events API no longer returns the `u1` of a verified line: the sums change. */
const becameUnverified = (before: EventTransaction, after: EventTransaction): boolean => isSettled(before) && !isSettled(after);

const isSettled = (line: EventTransaction): boolean => line.verified_at !== undefined || line.withdrawn_at !== undefined;
