import { ATTRIBUTES } from '../core/names';
import { type Condition, ofPublisher } from './conditions';
import {
  requireCount,
  requireMoment,
  requireSpan,
  requireText,
  requireTimeZone,
  type Span,
} from './input';
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

export function requireChanges(
  moment: unknown,
  options: ChangeOptions,
  now: number,
): RequiredChanges {
  const since = requireMoment('moment', moment as string, requireTimeZone(options.timeZone));
  const lookBack = requireCount('lookBackDays', options.lookBackDays) ?? DEFAULT_LOOK_BACK_DAYS;
  return {
    since,
    // Rakuten's clock may be fast.
    span: requireSpan({
      from: new Date(Date.parse(since) - lookBack * DAY_MILLIS),
      to: new Date(Math.max(now, Date.parse(since)) + DAY_MILLIS),
    }),
    conditions: ofPublisher(
      options.sid === undefined ? undefined : requireText('sid', options.sid),
    ),
  };
}

const since = (attribute: string, value: string): Condition => ({ attribute, test: '>=', value });

export function changedLines(
  reader: TableReader,
  { since: moment, span, conditions }: RequiredChanges,
  now: number,
): Changes {
  const startedAt = new Date(now).toISOString();
  const cursor = new Date(Math.max(Date.parse(moment), now - CURSOR_MARGIN_MILLIS)).toISOString();
  const lines = reader.linesProcessed(span, undefined, [
    since(ATTRIBUTES.updatedAt, moment),
    ...conditions,
  ]);
  // A line that changes during the read can move to a day that is read later. The next run has it.
  const once = filtered(lines, ({ updated_at }) => updated_at < startedAt);
  return { cursor, [Symbol.asyncIterator]: () => once };
}

/** Lines that are earned, returns apart, and whose verification is not older. */
export function confirmedLines(
  reader: TableReader,
  changes: RequiredChanges,
): AsyncIterableIterator<Transaction> {
  const earnable = filtered(
    confirmedSince(reader, changes, [ATTRIBUTES.verifiedAt]),
    ({ kind }) => kind !== 'unknown',
  );
  return filtered(earnedLines(reader, earnable), ({ kind }) => kind !== 'return');
}

/** Returns that are earned and whose verification is not older, and lines that were withdrawn. */
export function reversedLines(
  reader: TableReader,
  changes: RequiredChanges,
): AsyncIterableIterator<Transaction> {
  const lines = confirmedSince(reader, changes, [ATTRIBUTES.verifiedAt, ATTRIBUTES.withdrawnAt]);
  const lost = filtered(
    lines,
    (line) => isWithdrawn(line) || (line.kind !== 'unknown' && signOf(line) === -1),
  );
  return filtered(earnedLines(reader, lost), (line) => isWithdrawn(line) || line.kind === 'return');
}

/** Confirmed lines of which one of the times is not older. */
const confirmedSince = (
  reader: TableReader,
  { since: moment, span, conditions }: RequiredChanges,
  times: readonly string[],
): AsyncIterable<Transaction> =>
  reader.linesProcessed(span, undefined, [
    CONFIRMED,
    { anyOf: times.map((time) => since(time, moment)) },
    ...conditions,
  ]);

const CONFIRMED: Condition = { attribute: ATTRIBUTES.isEvent, test: '=', value: 'N' };

const isWithdrawn = ({ withdrawn_at }: Transaction): boolean => withdrawn_at !== undefined;

/**
 * Whether it depends on the order. A negative line can cancel an event; then nothing was earned.
 */
const needsOrder = (line: Transaction): boolean => signOf(line) === -1 && !isWithdrawn(line);

/**
 * The lines without negative ones that are not earned. The kind of these is that in their order.
 */
async function* earnedLines(
  reader: TableReader,
  lines: AsyncIterable<Transaction>,
): AsyncGenerator<Transaction, void, undefined> {
  for await (const batch of batches(lines, LINES_AT_ONCE)) {
    const orders = await readOrders(reader, batch.filter(needsOrder));
    for (const line of batch) {
      if (!needsOrder(line)) yield line;
      else if (sumInOrder(line, orders, {}) === 'earned') {
        const classified = kindsInOrder(rowsWith(line, orders), reader.props.adjustmentSku).find(
          (row) => isSameRow(row, line),
        );
        yield { ...line, kind: classified?.kind ?? line.kind };
      }
    }
  }
}
