import { ENVIRONMENT, INDEXES } from '../../core/names';
import type { ReconciliationSettings } from '../../core/reconciliation/window';
import { LONGEST_LOOK_BACK_MILLIS } from '../../core/reconciliation/window';
import { itemBytes } from './item-size';
import { type Cost, type CostLine, toCosts } from './lines';
import { PRICES } from './prices';
import { functionWith, gigabytesOf, type Template } from './template';
import { confirmation, entryOf } from './writes';

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

const BYTES_PER_READ_UNIT = 4096;
/** An eventually consistent read costs half a unit. */
const EVENTUALLY_CONSISTENT = 0.5;

/** Pages of the Events API: 1,000 lines each, at the function's own limit of 90 calls a minute. */
const LINES_PER_PAGE = 1000;
const MILLIS_PER_PAGE = 60_000 / 90;
/** Assumed duration of a DynamoDB query of 1 MB. */
const MILLIS_PER_MEGABYTE = 100;
const MEGABYTE = 1024 * 1024;
/** One line per call to Rakuten, with CloudWatch's 26 bytes. */
const LOG_BYTES_PER_PAGE = 260;
const GIGABYTE = 1e9;

/** How often reconciliation reads a line over its life. */
export interface LineReads {
  /** Entries of the index `by-day`: a run reads the whole UTC days that its window touches. */
  readonly hourlyRuns: number;
  readonly dailyRuns: number;
  /** The daily count of unverified rows reads the lines that are old enough to count. */
  readonly counts: number;
  /** Lines that the Events API returns. */
  readonly returned: number;
}

/**
 * Reads of a line that arrives at any time of its day.
 *
 * An hourly run touches the line's day until its window has left that day: half a day on average,
 * and the window. A daily run does so with its own window.
 */
export function lineReads({
  hourlyWindowSeconds,
  dailyWindowSeconds,
  unverifiedAfterSeconds,
}: ReconciliationSettings): LineReads {
  return {
    hourlyRuns: (DAY_SECONDS / 2 + hourlyWindowSeconds) / HOUR_SECONDS,
    dailyRuns: (DAY_SECONDS / 2 + dailyWindowSeconds) / DAY_SECONDS,
    counts: (LONGEST_LOOK_BACK_MILLIS / 1000 - unverifiedAfterSeconds) / DAY_SECONDS,
    returned: hourlyWindowSeconds / HOUR_SECONDS + dailyWindowSeconds / DAY_SECONDS,
  };
}

/** Costs of reconciling a million lines over their life. Empty without reconciliation. */
export function reconciliationCosts(template: Template): Cost[] {
  const fn = functionWith(template, 'reconciliation');
  if (fn === undefined) return [];
  const settings = JSON.parse(
    fn.Properties.Environment.Variables[ENVIRONMENT.reconciliation],
  ) as ReconciliationSettings;
  const { hourlyRuns, dailyRuns, counts, returned } = lineReads(settings);
  const entryReads = hourlyRuns + dailyRuns + counts;
  const bytes = itemBytes(entryOf(template, INDEXES.byDay) ?? {});
  const millis =
    (returned * MILLIS_PER_PAGE) / LINES_PER_PAGE +
    (entryReads * bytes * MILLIS_PER_MEGABYTE) / MEGABYTE;
  const memory = gigabytesOf(fn);
  const reads: CostLine[] = [
    ['DynamoDB', 'the row, read once to confirm it', EVENTUALLY_CONSISTENT, PRICES.readUnit],
    [
      'DynamoDB',
      `index ${INDEXES.byDay}, ${bytes} bytes, read by ${hourlyRuns} hourly runs, ${dailyRuns} daily ones and ${counts} daily counts`,
      (entryReads * EVENTUALLY_CONSISTENT * bytes) / BYTES_PER_READ_UNIT,
      PRICES.readUnit,
    ],
    [
      'Lambda',
      `reconciliation, ${memory} GB for ${millis.toFixed(0)} ms in all`,
      (memory * millis) / 1000,
      PRICES.functionSecond,
    ],
    [
      'CloudWatch Logs',
      'log text of the reconciliation',
      (returned * LOG_BYTES_PER_PAGE) / LINES_PER_PAGE / GIGABYTE,
      PRICES.logIngestion,
    ],
  ];
  return toCosts([...confirmation(template), ...reads]);
}
