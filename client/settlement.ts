import Big from 'big.js';
import { hasKnownKind } from '../core/rakuten/postback/kind';

/** The attributes of a line that `settle` uses. */
export interface SettlementLine {
  /** `<sid>#<etransaction_id>`. An event and a confirmed line can share it. */
  readonly line_id: string;
  readonly is_event: 'Y' | 'N' | '-';
  readonly sku_number?: string;
  readonly currency?: string;
  readonly sale_amount?: string;
  readonly commissions?: string;
  readonly verified_at?: string;
  readonly withdrawn_at?: string;
  readonly parse_problems?: readonly string[];
}

/** The lines of one order by what they mean for money. No line is in two lists. */
export interface Settlement<L> {
  /** Events (`Y`) that no confirmed line has confirmed or cancelled. */
  readonly pending: L[];
  /** Confirmed lines (`N`) that the Events API has not returned. */
  readonly awaiting: L[];
  /** Verified confirmed lines, returns included. Depends on no unverified line. */
  readonly earned: L[];
}

/** How the lines of an order are settled. */
export interface SettlementOptions {
  /**
   * Whether unverified confirmed lines are earned, too. A forged postback is then earned as well.
   * @default false
   */
  readonly includeUnverified?: boolean;
}

/**
 * Settles the lines of one order: one publisher, one advertiser, one `order_id`.
 *
 * A confirmed line replaces its event, so only one of the two counts. Their IDs differ as a rule,
 * so events are matched with confirmed lines of the same sign: same ID first, then same SKU, then a
 * missing SKU on either side, then equal currency and amount. A negative confirmed line cancels an
 * event of its SKU if no positive confirmed line has that SKU; then neither counts.
 *
 * Withdrawn lines and lines of unknown kind are in no list. The order of `lines` does not matter.
 */
export function settle<L extends SettlementLine>(
  lines: readonly L[],
  options: SettlementOptions = {},
): Settlement<L> {
  const entries = lines
    .filter((line) => line.withdrawn_at === undefined && hasKnownKind(line))
    .map(toEntry)
    .sort(byLineId);
  const isTrusted = ({ line }: Entry<L>): boolean =>
    options.includeUnverified === true || line.verified_at !== undefined;
  const all = matchLines(entries);
  return {
    pending: linesOf(all.pending),
    awaiting: linesOf(all.counting.filter((entry) => !isTrusted(entry))),
    earned: linesOf(matchLines(entries.filter(isTrusted)).counting),
  };
}

/** A line with its amount as a decimal. */
interface Entry<L> {
  readonly line: L;
  /** `sale_amount`, or `commissions` where that is zero or absent. */
  readonly amount: Big;
  /** Absolute amount in plain notation. */
  readonly magnitude: string;
  readonly isNegative: boolean;
}

function toEntry<L extends SettlementLine>(line: L): Entry<L> {
  const sale = new Big(line.sale_amount ?? 0);
  const amount = sale.eq(0) ? new Big(line.commissions ?? 0) : sale;
  return { line, amount, magnitude: amount.abs().toFixed(), isNegative: amount.lt(0) };
}

const byLineId = <L extends SettlementLine>(a: Entry<L>, b: Entry<L>): number =>
  compareTexts(a.line.line_id, b.line.line_id);
const compareTexts = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
const linesOf = <L>(entries: readonly Entry<L>[]): L[] => entries.map(({ line }) => line);

/**
 * Maximum number of pairs that are compared. No order of Rakuten comes near it. A flood of forged
 * lines would, so beyond it nothing is matched.
 */
const MAX_PAIRS = 100_000;

/** The events that stay pending, and the confirmed lines that count. */
function matchLines<L extends SettlementLine>(
  entries: readonly Entry<L>[],
): { pending: Entry<L>[]; counting: Entry<L>[] } {
  const events = entries.filter(({ line }) => line.is_event === 'Y');
  const confirmed = entries.filter(({ line }) => line.is_event === 'N');
  if (events.length * confirmed.length > MAX_PAIRS) return { pending: events, counting: confirmed };
  const confirmations = closestPairs(events, confirmed, (event, other) =>
    hasSameSign(event, other) ? fitOf(event, other) : undefined,
  );
  const open = events.filter((event) => !confirmations.has(event));
  const unsold = confirmed.filter(
    (entry) => !confirmations.has(entry) && entry.isNegative && !isSold(entry, confirmed),
  );
  const cancellations = closestPairs(open, unsold, (event, other) =>
    hasSameSign(event, other) ? undefined : skuFitOf(event, other),
  );
  return {
    pending: open.filter((event) => !cancellations.has(event)),
    counting: confirmed.filter((entry) => !cancellations.has(entry)),
  };
}

/** How well an event fits a confirmed line. A lower value is a better fit. */
const FIT = { sameId: 0, sameSku: 1, missingSku: 2, sameAmount: 3 } as const;

function fitOf<L extends SettlementLine>(event: Entry<L>, confirmed: Entry<L>): number | undefined {
  const [a, b] = [event.line, confirmed.line];
  if (a.line_id === b.line_id) return FIT.sameId;
  if (a.currency !== b.currency) return undefined;
  if (isSkuMissing(a, b)) return FIT.missingSku;
  if (a.sku_number === b.sku_number) return FIT.sameSku;
  return event.magnitude === confirmed.magnitude ? FIT.sameAmount : undefined;
}

const isSkuMissing = (a: SettlementLine, b: SettlementLine): boolean =>
  a.sku_number === undefined || b.sku_number === undefined;

const hasSameSign = <L>(a: Entry<L>, b: Entry<L>): boolean => a.isNegative === b.isNegative;

/** The same without the fit by amount, which is too weak for a cancellation. */
function skuFitOf<L extends SettlementLine>(
  event: Entry<L>,
  negative: Entry<L>,
): number | undefined {
  const fit = fitOf(event, negative);
  return fit === FIT.sameAmount ? undefined : fit;
}

/** Whether the article of a negative line was confirmed. If not, the line can cancel an event. */
const isSold = <L extends SettlementLine>(
  { line }: Entry<L>,
  confirmed: readonly Entry<L>[],
): boolean =>
  confirmed.some(
    (other) =>
      other.amount.gt(0) &&
      other.line.currency === line.currency &&
      (other.line.sku_number === line.sku_number || isSkuMissing(other.line, line)),
  );

/** An event and a confirmed line that may belong together. */
interface Pair<L> {
  readonly event: Entry<L>;
  readonly confirmed: Entry<L>;
  readonly fit: number;
  /** Of the amounts. Only a preference, so a binary number is exact enough. */
  readonly difference: number;
}

/** The lines of the closest pairs. Each line is in one pair at most. */
function closestPairs<L extends SettlementLine>(
  events: readonly Entry<L>[],
  confirmed: readonly Entry<L>[],
  fitOfPair: (event: Entry<L>, confirmed: Entry<L>) => number | undefined,
): Set<Entry<L>> {
  const pairs: Pair<L>[] = [];
  for (const event of events) {
    for (const other of confirmed) {
      const fit = fitOfPair(event, other);
      if (fit === undefined) continue;
      const difference = Math.abs(Number(event.magnitude) - Number(other.magnitude));
      pairs.push({ event, confirmed: other, fit, difference });
    }
  }
  const paired = new Set<Entry<L>>();
  for (const pair of pairs.sort(comparePairs)) {
    if (!paired.has(pair.event) && !paired.has(pair.confirmed))
      paired.add(pair.event).add(pair.confirmed);
  }
  return paired;
}

const comparePairs = <L extends SettlementLine>(a: Pair<L>, b: Pair<L>): number =>
  a.fit - b.fit ||
  a.difference - b.difference ||
  byLineId(a.event, b.event) ||
  byLineId(a.confirmed, b.confirmed);
