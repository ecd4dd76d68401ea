import { ATTRIBUTES } from '../core/names';
import { type Condition, ofPublisher } from './conditions';
import { requireCount, requireMoment, requireSpan, requireText, requireTimeZone, type Span } from './input';
import { kindsInOrder, signOf } from './kind';
import { isSameRow, LINES_AT_ONCE, readOrders, rowsWith, sumInOrder } from './order-lines';
import { batches, filtered } from './pages';
import type { ChangeOptions, Changes } from './report-types';
import type { TableReader } from './table-reader';
import type { Transaction } from './types';

/** What normally changes was processed in these days: the daily reconciliation reads 29. */
export const DEFAULT_LOOK_BACK_DAYS = 35;

const DAY_MILLIS = 24 * 60 * 60 * 1000;

/**
 * How far the next run goes back before the beginning of this one.
 *
 * A Lambda function runs for up to 15 minutes, and `updated_at` is its clock before it writes. The
 * index usually follows within a second.
 */
const CURSOR_MARGIN_MILLIS = 15 * 60 * 1000;

export interface RequiredChanges {
  /** ISO 8601 with milliseconds, as rows have it. */
  readonly since: string;
  readonly span: Span;
  readonly conditions: readonly Condition[];
}

export function requireChanges(moment: unknown, options: ChangeOptions, now: number): RequiredChanges {
  const since = requireMoment('moment', moment as string, requireTimeZone(options.timeZone));
  const lookBack = requireCount('lookBackDays', options.lookBackDays) ?? DEFAULT_LOOK_BACK_DAYS;
  return {
    since,
    // Rakuten's clock may be fast.
    span: requireSpan({
      from: new Date(Date.parse(since) - lookBack * DAY_MILLIS),
      to: new Date(Math.max(now, Date.parse(since)) + DAY_MILLIS),
    }),
    conditions: ofPublisher(options.sid === undefined ? undefined : requireText('sid', options.sid)),
  };
}

const since = (attribute: string, value: string): Condition => ({ attribute, test: '>=', value });

export function changedLines(reader: TableReader, { since: moment, span, conditions }: RequiredChanges, now: number): Changes {
  const startedAt = new Date(now).toISOString();
  const cursor = new Date(Math.max(Date.parse(moment), now - CURSOR_MARGIN_MILLIS)).toISOString();
  const lines = reader.linesProcessed(span, undefined, [since(ATTRIBUTES.updatedAt, moment), ...conditions]);
  // A line that changes during the read can move to a day that is read later. The next run has it.
  const once = filtered(lines, ({ updated_at }) => updated_at < startedAt);
  return { cursor, [Symbol.asyncIterator]: () => once };
}

/** Lines that are earned, returns apart, and whose verification is not older. */
export const confirmedLines = (reader: TableReader, changes: RequiredChanges): AsyncIterableIterator<Transaction> =>
  filtered(verifiedLines(reader, changes, false), ({ kind }) => kind !== 'return');

/** Returns that are earned and whose verification is not older, then lines that were withdrawn. */
export async function* reversedLines(reader: TableReader, changes: RequiredChanges): AsyncGenerator<Transaction, void, undefined> {
  yield* filtered(verifiedLines(reader, changes, true), ({ kind }) => kind === 'return');
  yield* reader.linesProcessed(changes.span, undefined, [CONFIRMED, since(ATTRIBUTES.withdrawnAt, changes.since), ...changes.conditions]);
}

const CONFIRMED: Condition = { attribute: ATTRIBUTES.isEvent, test: '=', value: 'N' };

/** Earned lines verified since a moment. The kind of a negative line is that in its order. */
async function* verifiedLines(
  reader: TableReader,
  { since: moment, span, conditions }: RequiredChanges,
  isNegativeOnly: boolean,
): AsyncGenerator<Transaction, void, undefined> {
  const lines = reader.linesProcessed(span, undefined, [CONFIRMED, since(ATTRIBUTES.verifiedAt, moment), ...conditions]);
  const earnable = filtered(lines, (line) => line.kind !== 'unknown' && (!isNegativeOnly || signOf(line) === -1));
  for await (const batch of batches(earnable, LINES_AT_ONCE)) {
    const orders = await readOrders(
      reader,
      batch.filter((line) => signOf(line) === -1),
    );
    for (const line of batch) {
      if (signOf(line) !== -1) yield line;
      // A negative line can cancel an event that was never confirmed. Then nothing was earned.
      else if (sumInOrder(line, orders, {}) === 'earned') {
        const classified = kindsInOrder(rowsWith(line, orders), reader.props.adjustmentSku).find((row) => isSameRow(row, line));
        yield { ...line, kind: classified?.kind ?? line.kind };
      }
    }
  }
}
