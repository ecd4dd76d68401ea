import type { TimeRange } from './times';
import type { DaySpan, Moment, Period } from './types';

/** Invalid input of a query. The message names the value and what is expected. */
export class InvalidQueryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvalidQueryError';
  }
}

/** DynamoDB's limit for a partition key. */
const MAX_KEY_BYTES = 2048;

export function requireText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new InvalidQueryError(`${name} must be a string, but is ${describe(value)}`);
  if (value === '') throw new InvalidQueryError(`${name} must not be empty`);
  if (Buffer.byteLength(value) > MAX_KEY_BYTES) {
    throw new InvalidQueryError(`${name} is longer than the ${MAX_KEY_BYTES} bytes that a key can have`);
  }
  return value;
}

export function requireCount(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 1)) return value;
  throw new InvalidQueryError(`${name} must be a whole number of 1 or more, but is ${describe(value)}`);
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** A UTC day that exists, as `YYYY-MM-DD`. */
export function requireDay(name: string, value: unknown): string {
  const date = typeof value === 'string' && DAY.test(value) ? new Date(`${value}T00:00:00.000Z`) : undefined;
  // Some engines read a day like 2026-02-30 as a day in March.
  if (date === undefined || Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== value) {
    throw new InvalidQueryError(`${name} must be a UTC day as YYYY-MM-DD, for example 2026-03-13, but is ${describe(value)}`);
  }
  return value as string;
}

const DAY_MILLIS = 24 * 60 * 60 * 1000;
const MAX_DAYS = 3660;

/** The days of a span, or the one day. */
export function requireDays(value: string | DaySpan): string[] {
  if (typeof value !== 'object' || value === null) return [requireDay('day', value)];
  const [start, end] = [requireDay('from', value.from), requireDay('to', value.to)].map(Date.parse) as [number, number];
  const days = (end - start) / DAY_MILLIS;
  if (days < 1)
    throw new InvalidQueryError(`from (${value.from}) must be before to (${value.to}): the span runs up to that day, without it`);
  if (days > MAX_DAYS) throw new InvalidQueryError(`from ${value.from} to ${value.to} are ${days} days; ask for ${MAX_DAYS} at most`);
  return Array.from({ length: days }, (_, day) => new Date(start + day * DAY_MILLIS).toISOString().slice(0, 10));
}

const ISO_WITH_ZONE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** A moment as ISO 8601 in UTC with milliseconds. */
export function requireMoment(name: string, value: Moment): string {
  const date = toDate(value);
  if (date === undefined || Number.isNaN(date.getTime())) {
    throw new InvalidQueryError(
      `${name} must be a Date, a day (2026-03-01, from 00:00 UTC) or a time with Z or an offset (2026-03-01T09:30:00Z), but is ${describe(value)}`,
    );
  }
  return date.toISOString();
}

function toDate(value: unknown): Date | undefined {
  if (value instanceof Date) return value;
  if (typeof value !== 'string') return undefined;
  // Without a zone the engine would use that of the machine, and the same query would differ
  // elsewhere.
  if (!DAY.test(value) && !ISO_WITH_ZONE.test(value)) return undefined;
  // The engine would read the 31st of a shorter month as the next month.
  requireDay('the day', value.slice(0, 10));
  return new Date(value);
}

export function requirePeriod(period: Period, names: readonly [string, string] = ['from', 'to']): TimeRange {
  const from = period.from === undefined ? undefined : requireMoment(names[0], period.from);
  const to = period.to === undefined ? undefined : requireMoment(names[1], period.to);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new InvalidQueryError(`${names[0]} (${from}) must be before ${names[1]} (${to}): the period runs up to ${names[1]}, without it`);
  }
  return { from, to };
}

function describe(value: unknown): string {
  if (value instanceof Date) return 'an invalid Date';
  if (typeof value === 'string') return `'${value.slice(0, 60)}'`;
  return value === null || value === undefined || typeof value === 'number' ? String(value) : typeof value;
}
