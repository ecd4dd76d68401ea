import { DEFAULT_MODES, type LineRecord, type Modes } from '../../fake-rakuten';
import { Random } from '../../fake-rakuten/random';
import { postbackDay } from '../../local/day';
import { keyOfLine } from './expectation';

/** One action of Rakuten on a line. */
export interface RakutenStep {
  /** Milliseconds since 1970. */
  readonly at: number;
  /**
   * - `record`: from now on the Events API returns the line
   * - `reuse`: the same for another line with the ID of a known one
   * - `eliminate`: from now on it returns the line no more
   * - `restore`: it returns an eliminated line again
   * - `push`: one GET, if the postback is on
   */
  readonly does: 'record' | 'reuse' | 'eliminate' | 'restore' | 'push';
  readonly line: LineRecord;
}

export interface TrafficOptions {
  readonly seed: number;
  readonly sid: string;
  /** When the installation begins, on a UTC midnight. */
  readonly start: number;
  readonly days: number;
  /** Number of lines that are pushed, without those that Rakuten has from before. */
  readonly lines: number;
  /** @default - no ID is reused, no line eliminated, no other publisher's line returned */
  readonly modes?: Modes;
}

export interface Traffic {
  /** In the order of time. */
  readonly steps: readonly RakutenStep[];
  /** What Rakuten holds from before the installation. */
  readonly history: readonly LineRecord[];
  readonly redeliveries: number;
  /** The lines that are corrected later, by the key of their row. */
  readonly corrected: readonly string[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** More lines than wanted, so that there are enough. */
const SPARE_LINES = 200;
/** Lines per order of `postbackDay`, about. */
const LINES_PER_ORDER = 2.6;
/** Rakuten pushes a line within ten minutes of having it. */
const PUSHED_WITHIN_MILLIS = 9 * MINUTE;
/** A batch goes out as fast as Rakuten can: thousands of GETs within a minute or two. */
const BATCH_WITHIN_MILLIS = 100_000;
const REDELIVERED = 0.03;
const CORRECTED = 0.012;
/** The Events API returns a line a little later than the push, and now and then much later. */
const RECORDED_WITHIN_MILLIS = 12 * MINUTE;
const RECORDED_LATE = 0.004;
const RECORDED_LATE_WITHIN_MILLIS = 20 * HOUR;
/** The Events API goes back a little further. */
const HISTORY_DAYS = 29;
/** Lines from before the installation for each that is pushed. */
const HISTORY = 0.3;
const MOST_HISTORY = 10_000;
/** Part of the orders whose ID and SKUs need escaping. */
const AWKWARD_IDS = 0.1;
/** An advertiser eliminates a line at least so long after Rakuten has it. */
const ELIMINATED_AFTER_MILLIS = 8 * HOUR;
const RESTORED = 0.2;
/**
 * Lines of another publisher for each of ours, where a token covers both.
 *
 * Some have the ID of ours.
 */
const FOREIGN = 0.05;

/**
 * How many orders an hour of the day has, from midnight UTC: the evenings of the United States are
 * the busiest.
 */
const HOURS = [9, 8, 7, 5, 3, 2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 7, 6, 6, 6, 7];
/** Sunday first. */
const WEEKDAYS = [1.25, 1.1, 1, 0.95, 0.95, 0.9, 1.1];
const SALE_DAY = 0.08;
const SALE_DAY_FACTOR = 3;

/** Everything that Rakuten does in these days, with the shape of real lines. */
export function traffic(options: TrafficOptions): Traffic {
  const random = new Random(options.seed);
  const { modes = DEFAULT_MODES } = options;
  const all = [
    ...linesOf(historyOf(options), random),
    ...linesOf(withSpareLines(options), random),
  ].map(withAwkwardIds);
  const end = options.start + options.days * DAY;
  const isBefore = (line: LineRecord): boolean => processedAt(line) < options.start;
  const lines = random
    .shuffle(all.filter((line) => !isBefore(line) && processedAt(line) < end))
    .slice(0, options.lines);
  const steps: RakutenStep[] = [];
  const corrected: string[] = [];
  let redeliveries = 0;
  for (const line of lines) {
    const processed = processedAt(line);
    const pushed = processed + pushDelay(line, random);
    const recorded = processed + recordDelay(random);
    steps.push({ at: recorded, does: 'record', line }, { at: pushed, does: 'push', line });
    if (random.chance(REDELIVERED)) {
      redeliveries += 1;
      steps.push({ at: pushed + random.next() * 2 * HOUR, does: 'push', line });
    }
    steps.push(...fate(line, recorded, end, modes, random));
    const newer = random.chance(CORRECTED)
      ? correction(line, processed + HOUR + random.next() * 5 * DAY, random)
      : undefined;
    if (newer === undefined || processedAt(newer) > end) continue;
    corrected.push(keyOfLine(line));
    steps.push(
      { at: processedAt(newer) + recordDelay(random), does: 'record', line: newer },
      { at: processedAt(newer) + pushDelay(newer, random), does: 'push', line: newer },
    );
  }
  return { steps: inOrder(steps), history: all.filter(isBefore), redeliveries, corrected };
}

/** The weeks before the installation, with fewer lines. */
const historyOf = ({ start, lines, ...options }: TrafficOptions): TrafficOptions => ({
  ...options,
  start: start - HISTORY_DAYS * DAY,
  days: HISTORY_DAYS,
  lines: Math.min(lines * HISTORY, MOST_HISTORY),
});

const withSpareLines = ({ lines, ...options }: TrafficOptions): TrafficOptions => ({
  ...options,
  lines: lines * 1.25 + SPARE_LINES,
});

/** What happens to a line later in some modes. */
function fate(
  line: LineRecord,
  recorded: number,
  end: number,
  modes: Modes,
  random: Random,
): RakutenStep[] {
  const steps: RakutenStep[] = [];
  const later = (after: number): number => after + random.next() * Math.max(0, end - after);
  if (modes.alsoReturns[0] !== undefined && random.chance(FOREIGN)) {
    const etransaction_id = random.chance(0.5) ? line.etransaction_id : random.hex(32);
    steps.push({
      at: recorded,
      does: 'record',
      line: { ...line, sid: modes.alsoReturns[0], etransaction_id, commissions: '777.77' },
    });
  }
  if (random.chance(modes.reusedIds)) {
    const at = later(recorded + HOUR);
    const other = {
      ...line,
      order_id: random.hex(10),
      sku_number: 'REUSED',
      sale_amount: '555.55',
      process_date: isoDate(at),
    };
    steps.push({ at, does: 'reuse', line: other }, { at: at + MINUTE, does: 'push', line: other });
  } else if (
    line.is_event === 'N' &&
    random.chance(modes.eliminated) &&
    recorded + ELIMINATED_AFTER_MILLIS < end
  ) {
    const at = later(recorded + ELIMINATED_AFTER_MILLIS);
    steps.push({ at, does: 'eliminate', line });
    if (random.chance(RESTORED)) steps.push({ at: later(at + HOUR), does: 'restore', line });
  }
  return steps;
}

const AWKWARD = ['A+1 ', 'B&2 ', 'C 3 ', '50%', 'É-', '日本-', 'a=b;', '#'];

/** The IDs of some orders, always the same ones. */
function withAwkwardIds(line: LineRecord): LineRecord {
  const random = new Random(
    Number.parseInt(
      Buffer.from(line.order_id ?? '')
        .toString('hex')
        .slice(-8),
      16,
    ),
  );
  if (!random.chance(AWKWARD_IDS)) return line;
  const prefix = random.pick(AWKWARD);
  return {
    ...line,
    order_id: `${prefix}${line.order_id}`,
    sku_number: `${prefix}${line.sku_number}`,
  };
}

/** The Events API returns a correction after its line. */
function inOrder(steps: RakutenStep[]): RakutenStep[] {
  const recorded = new Map<string, number>();
  for (const step of steps) {
    if (step.does !== 'record') continue;
    const key = `${step.line.sid} ${keyOfLine(step.line)}`;
    const at = Math.max(step.at, (recorded.get(key) ?? 0) + 1);
    recorded.set(key, at);
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
    const orders = Math.ceil((lines * weight) / total / LINES_PER_ORDER);
    const seed = random.integer(0, 2 ** 31);
    const pushes = postbackDay({ seed, sid, day: new Date(start + day * DAY), orders, placedAt });
    return pushes
      .filter(({ redelivery }) => !redelivery)
      .map(({ line }) => withMilliseconds(line, random));
  });
}

/** A push has times in milliseconds, the Events API in seconds. */
function withMilliseconds(line: LineRecord, random: Random): LineRecord {
  if (random.chance(0.3)) return line;
  const later = (date = ''): string =>
    date.replace('.000+', `.${String(random.integer(0, 999)).padStart(3, '0')}+`);
  return {
    ...line,
    process_date: later(line.process_date),
    transaction_date: later(line.transaction_date),
  };
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

function recordDelay(random: Random): number {
  if (random.chance(RECORDED_LATE)) return random.next() * RECORDED_LATE_WITHIN_MILLIS;
  return random.next() ** 2 * RECORDED_WITHIN_MILLIS;
}

/** The same line later, with another amount, or with the member that was not known at first. */
function correction(line: LineRecord, at: number, random: Random): LineRecord | undefined {
  const process_date = isoDate(at);
  if (line.u1 === '') return { ...line, process_date, u1: `m_${random.integer(1000, 1250)}_late` };
  if (line.currency === 'JPY' || line.commissions === undefined) return undefined;
  return { ...line, process_date, commissions: (Number(line.commissions) / 2).toFixed(2) };
}

const isoDate = (millis: number): string =>
  new Date(Math.floor(millis / 1000) * 1000).toISOString().replace('Z', '+00:00');
