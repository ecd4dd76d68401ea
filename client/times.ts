/** A period of time, start inclusive and end exclusive. */
export interface TimeRange {
  readonly from?: string;
  readonly to?: string;
}

/**
 * Compares two times of rows. Rakuten's times have whole seconds and ours have milliseconds, so
 * their order as texts is not always their order in time.
 */
export const compareTimes = (a: string, b: string): number => Date.parse(a) - Date.parse(b);

export const earliest = (times: readonly string[]): string =>
  [...times].sort(compareTimes)[0] ?? '';

export const isWithin = (time: string, { from, to }: TimeRange): boolean =>
  (from === undefined || compareTimes(time, from) >= 0) &&
  (to === undefined || compareTimes(time, to) < 0);

/** The second in which a time lies, as a text that sorts before all times of this second. */
export const startOfSecond = (time: string): string => time.slice(0, 19);

/** The second at or after a time, likewise. */
export const nextSecond = (time: string): string =>
  startOfSecond(new Date(Math.ceil(Date.parse(time) / 1000) * 1000).toISOString());
