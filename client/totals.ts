import { SOURCES } from '../core/names';
import { MoneySum } from './amounts';
import { DEFAULT_LOOK_BACK_DAYS } from './changes';
import { ofPublisher } from './conditions';
import {
  InvalidQueryError,
  requireCount,
  requireNames,
  requireOneOf,
  requireSpan,
  requireText,
  requireTimeZone,
  type Span,
} from './input';
import { signOf } from './kind';
import { LINES_AT_ONCE, readOrders, type SumName, sumInOrder } from './order-lines';
import { batches, filtered } from './pages';
import type { Total, TotalsDate, TotalsGroup, TotalsOptions } from './report-types';
import { settle } from './settlement';
import type { SummaryOptions } from './summary-types';
import type { DatedLine, TableReader } from './table-reader';
import { dayIn } from './time-zone';
import { isWithin } from './times';
import type { Transaction } from './types';

export const TOTALS_GROUPS = [
  'month',
  'day',
  'advertiser',
  'currency',
  'sid',
] as const satisfies readonly TotalsGroup[];
export const TOTALS_DATES = [
  'process_date',
  'transaction_date',
] as const satisfies readonly TotalsDate[];

export interface RequiredTotals extends SummaryOptions {
  readonly span: Span;
  readonly timeZone: string;
  readonly by: readonly TotalsGroup[];
  readonly dateField: TotalsDate;
  readonly lookBackDays: number;
  readonly sid: string | undefined;
  readonly source: Transaction['source'] | undefined;
}

export function requireTotals(options: TotalsOptions): RequiredTotals {
  const { sid, source, includeUnverified } = options;
  return {
    span: requireSpan(options),
    timeZone: requireTimeZone(options.timeZone),
    by: requireNames('by', options.by, TOTALS_GROUPS),
    dateField: requireOneOf('dateField', options.dateField ?? 'process_date', TOTALS_DATES),
    lookBackDays: requireLookBack(options),
    sid: sid === undefined ? undefined : requireText('sid', sid),
    source:
      source === undefined ? undefined : requireOneOf('source', source, Object.values(SOURCES)),
    includeUnverified,
  };
}

function requireLookBack({ lookBackDays, dateField }: TotalsOptions): number {
  if (lookBackDays !== undefined && dateField !== 'transaction_date') {
    throw new InvalidQueryError(
      "lookBackDays goes with dateField 'transaction_date': by process_date, no other days are read",
    );
  }
  return requireCount('lookBackDays', lookBackDays) ?? DEFAULT_LOOK_BACK_DAYS;
}

/** Adds up the lines of a span of time by groups. Its memory grows with the number of groups. */
export async function addUp(
  reader: TableReader,
  options: RequiredTotals,
  now: number,
): Promise<Total[]> {
  const groups = new Map<string, { key: GroupKey; sums: Record<SumName, MoneySum> }>();
  for await (const batch of batches(selectedLines(reader, options, now), LINES_AT_ONCE)) {
    const orders = await readOrders(
      reader,
      batch.map(({ line }) => line).filter((line) => needsOrder(line)),
    );
    for (const dated of batch) {
      const { line } = dated;
      const name = needsOrder(line) ? sumInOrder(line, orders, options) : sumAlone(line, options);
      if (name === undefined) continue;
      const key = groupKey(dated, options);
      const text = JSON.stringify(options.by.map((group) => key[ATTRIBUTE_OF[group]] ?? null));
      const group = groups.get(text) ?? {
        key,
        sums: { pending: new MoneySum(), awaiting: new MoneySum(), earned: new MoneySum() },
      };
      groups.set(text, group);
      group.sums[name].addLine(line);
    }
  }
  const totals = [...groups.values()].map(({ key, sums }) => ({
    ...key,
    pending: sums.pending.toMoney(),
    awaiting: sums.awaiting.toMoney(),
    earned: sums.earned.toMoney(),
  }));
  return totals.sort((a, b) => compareKeys(a, b, options.by));
}

/** Lines whose date is within the span. */
function selectedLines(
  reader: TableReader,
  options: RequiredTotals,
  now: number,
): AsyncIterable<DatedLine> {
  const { span, dateField, sid, source } = options;
  const conditions = [
    ...ofPublisher(sid),
    ...(source === undefined ? [] : [{ attribute: 'source', test: '=', value: source } as const]),
  ];
  if (dateField === 'process_date') return reader.datedLines(span, conditions);
  const dated = reader.datedLines(processedSpan(options, now), conditions);
  return filtered(dated, ({ line }) => isWithin(line.occurred_at, span.range));
}

const DAY_MILLIS = 24 * 60 * 60 * 1000;

/**
 * When lines of a span of order time can have been processed: up to now, and before the span if
 * their order date was in the future.
 */
function processedSpan({ span: { range }, lookBackDays }: RequiredTotals, now: number): Span {
  const from = new Date(Date.parse(range.from) - lookBackDays * DAY_MILLIS);
  return requireSpan({ from, to: new Date(Math.max(now, Date.parse(range.to)) + DAY_MILLIS) });
}

/**
 * Whether the sum of a line depends on the other lines of its order: an event may be confirmed, and
 * a negative line may cancel an event. A positive confirmed line always counts.
 */
const needsOrder = (line: Transaction): boolean =>
  line.withdrawn_at === undefined &&
  line.kind !== 'unknown' &&
  (line.is_event === 'Y' || signOf(line) === -1);

const sumAlone = (line: Transaction, settings: SummaryOptions): SumName | undefined => {
  const { awaiting, earned } = settle([line], settings);
  if (earned.length > 0) return 'earned';
  return awaiting.length > 0 ? 'awaiting' : undefined;
};

type GroupKey = Pick<Total, 'month' | 'day' | 'advertiser_id' | 'currency' | 'sid'>;

const ATTRIBUTE_OF = {
  month: 'month',
  day: 'day',
  advertiser: 'advertiser_id',
  currency: 'currency',
  sid: 'sid',
} as const;

function groupKey(
  { line, processedAt }: DatedLine,
  { by, dateField, timeZone }: RequiredTotals,
): GroupKey {
  const day =
    by.includes('day') || by.includes('month')
      ? dayIn(timeZone, dateField === 'process_date' ? processedAt : line.occurred_at)
      : '';
  const all: GroupKey = {
    month: day.slice(0, 7),
    day,
    advertiser_id: line.advertiser_id,
    currency: line.currency,
    sid: line.sid,
  };
  return Object.fromEntries(
    by
      .map((group) => [ATTRIBUTE_OF[group], all[ATTRIBUTE_OF[group]]])
      .filter(([, value]) => value !== undefined),
  );
}

function compareKeys(a: GroupKey, b: GroupKey, by: readonly TotalsGroup[]): number {
  for (const group of by) {
    const [first = '\uffff', second = '\uffff'] = [a[ATTRIBUTE_OF[group]], b[ATTRIBUTE_OF[group]]];
    if (first !== second) return first < second ? -1 : 1;
  }
  return 0;
}
