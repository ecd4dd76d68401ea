import { UserError } from '../core/errors';
import { dayIn, isTimeZone, startOfDayMillis, UTC } from './time-zone';
import type { TimeRange } from './times';
import type { DaySpan, Moment, Period } from './types';

/** Invalid input of a query. The message names the value and what is expected. */
export class InvalidQueryError extends UserError {
  constructor(problem: string) {
    super({ name: 'InvalidQueryError', problem });
  }
}

/** DynamoDB's limit for a partition key. */
const MAX_KEY_BYTES = 2048;

export function requireText(name: string, value: unknown): string {
  if (typeof value !== 'string')
    throw new InvalidQueryError(`${name} must be a string, but is ${describe(value)}`);
  if (value === '') throw new InvalidQueryError(`${name} must not be empty`);
  if (Buffer.byteLength(value) > MAX_KEY_BYTES) {
    throw new InvalidQueryError(
      `${name} is longer than the ${MAX_KEY_BYTES} bytes that a key can have`,
    );
  }
  return value;
}

export function requireCount(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 1)) return value;
  throw new InvalidQueryError(
    `${name} must be a whole number of 1 or more, but is ${describe(value)}`,
  );
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** A day that exists, as `YYYY-MM-DD`. */
export function requireDay(name: string, value: unknown): string {
  const date =
    typeof value === 'string' && DAY.test(value) ? new Date(`${value}T00:00:00.000Z`) : undefined;
  // Some engines read a day like 2026-02-30 as a day in March.
  if (
    date === undefined ||
    Number.isNaN(date.getTime()) ||
    date.toISOString().slice(0, 10) !== value
  ) {
    throw new InvalidQueryError(
      `${name} must be a day as YYYY-MM-DD, for example 2026-03-13, but is ${describe(value)}`,
    );
  }
  return value as string;
}

const DAY_MILLIS = 24 * 60 * 60 * 1000;
const MAX_DAYS = 3660;

/** A period with both ends, and the UTC days that it touches. */
export interface Span {
  readonly range: Required<TimeRange>;
  readonly days: string[];
}

/** The days of a time zone, from the first to the last. */
export function requireDays(value: string | DaySpan, timeZone: string): Span {
  const isOne = typeof value !== 'object' || value === null;
  const from = requireDay(isOne ? 'day' : 'from', isOne ? value : value.from);
  const to = isOne ? nextDay(from) : requireDay('to', value.to);
  return requireSpan({ from, to, timeZone });
}

const nextDay = (day: string): string => dayIn(UTC, Date.parse(day) + DAY_MILLIS);

/** A period whose both ends are given. */
export function requireSpan(period: Period): Span {
  for (const name of ['from', 'to'] as const)
    if (period[name] === undefined) requireMoment(name, period[name] as unknown as Moment);
  const range = requirePeriod(period) as Required<TimeRange>;
  return { range, days: utcDays(range) };
}

function utcDays({ from, to }: Required<TimeRange>): string[] {
  const [first, last] = [
    Math.floor(Date.parse(from) / DAY_MILLIS),
    Math.floor((Date.parse(to) - 1) / DAY_MILLIS),
  ];
  const days = last - first + 1;
  if (days > MAX_DAYS)
    throw new InvalidQueryError(`${from} to ${to} are ${days} days; ask for ${MAX_DAYS} at most`);
  return Array.from({ length: days }, (_, day) => dayIn(UTC, (first + day) * DAY_MILLIS));
}

/** A time zone that the engine knows. UTC if there is none. */
export function requireTimeZone(value: unknown): string {
  if (value === undefined) return UTC;
  if (typeof value === 'string' && isTimeZone(value)) return value;
  throw new InvalidQueryError(
    `timeZone must be an IANA name, for example Asia/Tokyo, but is ${describe(value)}`,
  );
}

const ISO_WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** A moment as ISO 8601 in UTC with milliseconds. A day begins at midnight of the time zone. */
export function requireMoment(name: string, value: Moment, timeZone = UTC): string {
  const date = toDate(value, timeZone);
  if (date === undefined || Number.isNaN(date.getTime())) {
    throw new InvalidQueryError(
      `${name} must be a Date, a day (2026-03-01) or a time with Z or an offset (2026-03-01T09:30:00Z), but is ${describe(value)}`,
    );
  }
  return date.toISOString();
}

function toDate(value: unknown, timeZone: string): Date | undefined {
  if (value instanceof Date) return value;
  if (typeof value !== 'string') return undefined;
  // Without a zone the engine would use that of the machine, and the same query would differ
  // elsewhere.
  if (!DAY.test(value) && !ISO_WITH_ZONE.test(value)) return undefined;
  // The engine would read the 31st of a shorter month as the next month.
  requireDay('the day', value.slice(0, 10));
  return new Date(DAY.test(value) ? startOfDayMillis(value, timeZone) : value);
}

export function requirePeriod(
  period: Period,
  names: readonly [string, string] = ['from', 'to'],
): TimeRange {
  const timeZone = requireTimeZone(period.timeZone);
  const from =
    period.from === undefined ? undefined : requireMoment(names[0], period.from, timeZone);
  const to = period.to === undefined ? undefined : requireMoment(names[1], period.to, timeZone);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new InvalidQueryError(
      `${names[0]} (${from}) must be before ${names[1]} (${to}): the period runs up to ${names[1]}, without it`,
    );
  }
  return { from, to };
}

function describe(value: unknown): string {
  if (value instanceof Date) return 'an invalid Date';
  if (typeof value === 'string') return `'${value.slice(0, 60)}'`;
  return value === null || value === undefined || typeof value === 'number'
    ? String(value)
    : typeof value;
}

/** One of a list of names. */
export function requireOneOf<T extends string>(
  name: string,
  value: unknown,
  names: readonly T[],
): T {
  if (names.includes(value as T)) return value as T;
  throw new InvalidQueryError(
    `${name} must be one of ${names.join(', ')}, but is ${describe(value)}`,
  );
}

/** A list of names without repetition. */
export function requireNames<T extends string>(
  name: string,
  values: unknown,
  names: readonly T[],
): T[] {
  if (!Array.isArray(values))
    throw new InvalidQueryError(
      `${name} must be a list of ${names.join(', ')}, but is ${describe(values)}`,
    );
  return [...new Set(values.map((value) => requireOneOf(name, value, names)))];
}
