import type { SummaryOptions, Sums } from './summary-types';
import type { Moment, Period, Transaction } from './types';

/** Which members and orders `balances` adds up. The period is order time. */
export interface BalanceOptions extends Period, SummaryOptions {
  /**
   * Only lines of this publisher.
   * @default - all publishers
   */
  readonly sid?: string;
}

/** Which lines a question about changes covers. */
export interface ChangeOptions {
  /**
   * Number of days before the moment from which lines are read, by the day on which Rakuten
   * processed them. At least 1. A change of an older line is not seen.
   * @default 35
   */
  readonly lookBackDays?: number;
  /**
   * Only lines of this publisher.
   * @default - all publishers
   */
  readonly sid?: string;
  /**
   * Time zone of the moment if it is a day.
   * @default 'UTC'
   */
  readonly timeZone?: string;
}

/** Lines that changed, each once, with the moment from which the next run continues. */
export interface Changes extends AsyncIterable<Transaction> {
  /**
   * The moment to pass to the next run, as ISO 8601.
   *
   * It is 15 minutes before this run began, but never before the moment of this run. So a change
   * that the index showed late, or whose writer was slow, is in the next run. A line that changed
   * in these minutes is in both runs. A line that changes during a run is left to the next one.
   */
  readonly cursor: string;
}

/** By what `totals` groups. */
export type TotalsGroup = 'month' | 'day' | 'advertiser' | 'currency' | 'sid';

/** The date of a line by which `totals` selects and groups. */
export type TotalsDate = 'process_date' | 'transaction_date';

/** What `totals` adds up. */
export interface TotalsOptions extends SummaryOptions {
  /** Start, inclusive. */
  readonly from: Moment;
  /** End, exclusive. */
  readonly to: Moment;
  /**
   * Time zone of days and months, as an IANA name such as `Asia/Tokyo`.
   * @default 'UTC'
   */
  readonly timeZone?: string;
  /** The groups, from the outermost. An empty list: one total. */
  readonly by: readonly TotalsGroup[];
  /**
   * `process_date`: when Rakuten processed the line, or when it arrived until the Events API has
   * returned it. `transaction_date`: when the order was placed, so a return is in the month of its
   * sale; reads all days up to now, and those of the look-back.
   * @default 'process_date'
   */
  readonly dateField?: TotalsDate;
  /**
   * Only with `transaction_date`: number of days before `from` from which lines are read, by the
   * day on which Rakuten processed them. At least 1. A line whose order date is later than that day
   * by more is not seen.
   * @default 35
   */
  readonly lookBackDays?: number;
  /**
   * Only lines of this publisher.
   * @default - all publishers
   */
  readonly sid?: string;
  /**
   * Only lines that a postback delivered (`push`), or that none did (`events-api`).
   * @default - all lines
   */
  readonly source?: Transaction['source'];
}

/** The sums of a group. Only attributes that `by` names are present. */
export interface Total extends Sums {
  /** `YYYY-MM` in the time zone. */
  readonly month?: string;
  /** `YYYY-MM-DD` in the time zone. */
  readonly day?: string;
  readonly advertiser_id?: string;
  /** Absent for lines without a currency, too. */
  readonly currency?: string;
  readonly sid?: string;
}

/** Why a line needs a review. */
export type ReviewState = 'unverified' | 'withdrawn' | 'differing' | 'problems';

/** Which lines `review` shows. */
export interface ReviewOptions {
  /** Start, inclusive. */
  readonly from: Moment;
  /** End, exclusive. */
  readonly to: Moment;
  /**
   * Time zone of `from` and `to` if they are days.
   * @default 'UTC'
   */
  readonly timeZone?: string;
  /** Lines in at least one of these states. */
  readonly states: readonly ReviewState[];
  /**
   * Only lines of this publisher.
   * @default - all publishers
   */
  readonly sid?: string;
}

/** A line that needs a review. */
export interface ReviewItem {
  /** All its states, also those that were not asked for. */
  readonly states: readonly ReviewState[];
  /** Whole seconds since it was withdrawn, else since it arrived. */
  readonly ageSeconds: number;
  readonly line: Transaction;
}

/** Which lines `recovered` shows. */
export type RecoveredOptions = Pick<ReviewOptions, 'from' | 'to' | 'timeZone' | 'sid'>;

/** How `clicksWithoutTransaction` looks clicks up. */
export interface ClickOptions {
  /**
   * Only lines of this publisher.
   * @default - all publishers
   */
  readonly sid?: string;
  /**
   * Number of clicks that are looked up at once, at least 1.
   * @default 16
   */
  readonly concurrency?: number;
}
