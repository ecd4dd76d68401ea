import { postbackDay } from '../local/day';
import type { LineRecord } from '../local/fake-rakuten';
import { Random } from '../local/random';
import { idOf } from './line-diary';

/** What Rakuten does with a line, and when. Times are milliseconds since 1970. */
export type RakutenStep =
  /** From now on the Events API tells it. */
  | { readonly at: number; readonly does: 'record'; readonly line: LineRecord }
  /** One GET, if the postback is on. */
  | { readonly at: number; readonly does: 'push'; readonly line: LineRecord };

export interface TrafficOptions {
  readonly seed: number;
  readonly sid: string;
  /** When the installation begins, on a UTC midnight. */
  readonly start: number;
  readonly days: number;
  /** How many lines are pushed. Those that Rakuten has from before come on top. */
  readonly lines: number;
}

export interface Traffic {
  /** In the order of time. */
  readonly steps: readonly RakutenStep[];
  /** What Rakuten holds from before the installation. */
  readonly history: readonly LineRecord[];
  readonly redeliveries: number;
  /** The lines that are corrected later, by the sort key of their row. */
  readonly corrected: readonly string[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A day of `postbackDay` has about so many lines for each order. */
const LINES_PER_ORDER = 2.6;
/** Rakuten pushes a line within ten minutes of having it. */
const PUSHED_WITHIN_MILLIS = 9 * MINUTE;
/** A batch goes out as fast as Rakuten can: thousands of GETs within a minute or two. */
const BATCH_WITHIN_MILLIS = 100_000;
const REDELIVERED = 0.03;
const CORRECTED = 0.012;
/** The Events API tells a line a little later than the push, and now and then much later. */
const TOLD_WITHIN_MILLIS = 12 * MINUTE;
const TOLD_LATE = 0.004;
const TOLD_LATE_WITHIN_MILLIS = 20 * HOUR;

/** How many orders an hour of the day has, from midnight UTC: the evenings of the United States are the busiest. */
const HOURS = [9, 8, 7, 5, 3, 2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 7, 6, 6, 6, 7];
/** Sunday first. */
const WEEKDAYS = [1.25, 1.1, 1, 0.95, 0.95, 0.9, 1.1];
const SALE_DAY = 0.08;
const SALE_DAY_FACTOR = 3;

/** Everything that Rakuten has to tell in these days, with the shape of real ones. */
export function traffic(options: TrafficOptions): Traffic {
  const random = new Random(options.seed);
  const all = linesOf(options, random);
  const isBefore = (line: LineRecord): boolean => processedAt(line) < options.start;
  const lines = random.shuffle(all.filter((line) => !isBefore(line))).slice(0, options.lines);
  const steps: RakutenStep[] = [];
  const corrected: string[] = [];
  let redeliveries = 0;
  for (const line of lines) {
    const processed = processedAt(line);
    const pushed = processed + pushDelay(line, random);
    steps.push({ at: processed + tellDelay(random), does: 'record', line }, { at: pushed, does: 'push', line });
    if (random.chance(REDELIVERED)) {
      redeliveries += 1;
      steps.push({ at: pushed + random.next() * 2 * HOUR, does: 'push', line });
    }
    const newer = random.chance(CORRECTED) ? correction(line, processed + HOUR + random.next() * 5 * DAY, random) : undefined;
    if (newer === undefined || processedAt(newer) > options.start + options.days * DAY) continue;
    corrected.push(idOf(line));
    steps.push(
      { at: processedAt(newer) + tellDelay(random), does: 'record', line: newer },
      { at: processedAt(newer) + pushDelay(newer, random), does: 'push', line: newer },
    );
  }
  return { steps: inOrder(steps), history: all.filter(isBefore), redeliveries, corrected };
}

/** A correction is told when its line has been. */
function inOrder(steps: RakutenStep[]): RakutenStep[] {
  const told = new Map<string, number>();
  for (const step of steps) {
    if (step.does !== 'record') continue;
    const id = idOf(step.line);
    const at = Math.max(step.at, (told.get(id) ?? 0) + 1);
    told.set(id, at);
    Object.assign(step, { at });
  }
  return steps.sort((a, b) => a.at - b.at);
}

function linesOf({ sid, start, days, lines }: TrafficOptions, random: Random): LineRecord[] {
  const weights = Array.from({ length: days }, (_, day) => {
    const weekday = WEEKDAYS[new Date(start + day * DAY).getUTCDay()] ?? 1;
    return weekday * (random.chance(SALE_DAY) ? SALE_DAY_FACTOR : 1);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.flatMap((weight, day) => {
    // A few too many, so that there are enough.
    const orders = Math.ceil(((lines * 1.25 + 200) * weight) / total / LINES_PER_ORDER);
    const seed = random.integer(0, 2 ** 31);
    const pushes = postbackDay({ seed, sid, day: new Date(start + day * DAY), orders, placedAt });
    return pushes.filter(({ redelivery }) => !redelivery).map(({ line }) => withMilliseconds(line, random));
  });
}

/** A push tells times to the millisecond, the Events API to the second. */
function withMilliseconds(line: LineRecord, random: Random): LineRecord {
  if (random.chance(0.3)) return line;
  const later = (date = ''): string => date.replace('.000+', `.${String(random.integer(0, 999)).padStart(3, '0')}+`);
  return { ...line, process_date: later(line.process_date), transaction_date: later(line.transaction_date) };
}

function placedAt(random: Random): number {
  const total = HOURS.reduce((sum, weight) => sum + weight, 0);
  let left = random.next() * total;
  const hour = HOURS.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return Math.floor((Math.max(0, hour) + random.next()) * HOUR);
}

const processedAt = (line: LineRecord): number => Date.parse(line.process_date ?? '');

function pushDelay(line: LineRecord, random: Random): number {
  if (line.transaction_type !== 'batch') return 2_000 + random.next() ** 2 * PUSHED_WITHIN_MILLIS;
  // The lines of a batch wait for each other: they leave together, a quarter past the hour.
  const processed = processedAt(line);
  const leaves = Math.ceil(processed / (15 * MINUTE)) * 15 * MINUTE;
  return leaves - processed + random.next() * BATCH_WITHIN_MILLIS;
}

function tellDelay(random: Random): number {
  if (random.chance(TOLD_LATE)) return random.next() * TOLD_LATE_WITHIN_MILLIS;
  return random.next() ** 2 * TOLD_WITHIN_MILLIS;
}

/** The same line later, with another amount, or with the member that was not known at first. */
function correction(line: LineRecord, at: number, random: Random): LineRecord | undefined {
  const process_date = new Date(Math.floor(at / 1000) * 1000).toISOString().replace('Z', '+00:00');
  if (line.u1 === '') return { ...line, process_date, u1: `m_${random.integer(1000, 1250)}_late` };
  if (line.currency === 'JPY' || line.commissions === undefined) return undefined;
  return { ...line, process_date, commissions: (Number(line.commissions) / 2).toFixed(2) };
}
