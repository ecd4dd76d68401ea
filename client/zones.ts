import { requireDay, requireMoment, requireTimeZone } from './input';
import { dayIn, startOfDayMillis } from './time-zone';
import type { Moment } from './types';

/**
 * Start of a day in a time zone.
 *
 * Where a clock change skips midnight, the day begins at the first time after it. A day that the
 * zone skipped as a whole begins and ends at the same moment.
 *
 * @param day `YYYY-MM-DD`
 * @param timeZone IANA name, for example `Asia/Tokyo`
 */
export function startOfDay(day: string, timeZone: string): Date {
  return new Date(startOfDayMillis(requireDay('day', day), requireTimeZone(timeZone)));
}

/**
 * Start of a month in a time zone, see `startOfDay`.
 *
 * @param month `YYYY-MM`
 */
export const startOfMonth = (month: string, timeZone: string): Date =>
  startOfDay(`${month}-01`, timeZone);

/**
 * The day in a time zone at a moment, as `YYYY-MM-DD`. Its first seven characters are the month.
 */
export const dayOf = (moment: Moment, timeZone: string): string =>
  dayIn(requireTimeZone(timeZone), requireMoment('moment', moment));
