import {
  EVENTS_API_ONLY_FIELDS,
  POSTBACK_FIELDS,
  type RowField,
} from '../core/rakuten/postback/fields';
import { type Ledger, processed } from './ledger';
import type { Modes } from './modes';
import { isAmong, printed } from './printing';
import {
  type ApiAnswer,
  type Behaviour,
  invalidRequest,
  jsonAnswer,
  type LineRecord,
  type ReturnedLine,
} from './types';

const DAY_MILLIS = 24 * 60 * 60 * 1000;
const CURRENCIES = ['USD', 'CAD', 'GBP', 'EUR', 'BRL', 'AUD', 'JPY'];
const DATE_FIELDS: readonly RowField[] = ['transaction_date', 'process_date'];
/** Live answers write these as JSON numbers, and the other identifiers as strings. */
const NUMBER_FIELDS: readonly RowField[] = [
  'advertiser_id',
  'sid',
  'sale_amount',
  'quantity',
  'commissions',
];
const EVENT_FIELDS = [...Object.keys(POSTBACK_FIELDS), 'commissions_list_id'] as RowField[];

/** A publisher's ledger, and how the Events API shows it. */
export interface Holding {
  readonly ledger: Ledger;
  readonly modes: Modes;
}

/** An answer of the Events API, and the lines in it. */
export interface EventsAnswer {
  readonly answer: ApiAnswer;
  readonly lines: readonly ReturnedLine[];
}

interface HeldLine {
  readonly line: LineRecord;
  readonly modes: Modes;
}

/** `GET /events/1.0/transactions` over the lines of one publisher, or of several. */
export function transactions(
  holdings: readonly Holding[],
  query: URLSearchParams,
  now: number,
  behaviour: Behaviour,
): EventsAnswer {
  const problem = queryProblem(query, now);
  if (problem !== undefined) return { answer: invalidRequest(problem), lines: [] };
  const limit = Number(query.get('limit') ?? 100);
  const first = (Number(query.get('page') ?? 1) - 1) * limit;
  const ordered = selected(holdings, query, now).sort(
    (a, b) => (processed(b.line) || 0) - (processed(a.line) || 0),
  );
  if (behaviour.eventsOrder === 'oldest-first') ordered.reverse();
  const page = ordered.slice(first, first + limit);
  const lines = page.map(({ line, modes }) => ({
    line,
    record: printed(line, 'events-api', modes, now),
  }));
  return {
    answer: jsonAnswer(200, `[${lines.map(({ record }) => recordJson(record)).join(',')}]`),
    lines,
  };
}

function selected(holdings: readonly Holding[], query: URLSearchParams, now: number): HeldLine[] {
  const processedIn = rangeOf(query, 'process_date');
  const placedIn = rangeOf(query, 'transaction_date');
  const currency = query.get('currency');
  const type = query.get('type');
  return holdings
    .flatMap(({ ledger, modes }) => {
      const lines =
        processedIn === undefined ? ledger.all() : ledger.around(processedIn.from, processedIn.to);
      return lines.map((line) => ({ line, modes }));
    })
    .filter(
      ({ line, modes }) =>
        (currency === null || line.currency === currency) &&
        (type === null || line.transaction_type === type) &&
        (processedIn === undefined || isIn(processed(line), processedIn)) &&
        (placedIn === undefined || isIn(Date.parse(line.transaction_date ?? ''), placedIn)) &&
        isReturned(line, modes, now),
    );
}

/** Whether the Events API still returns the line. */
export function isReturned(line: LineRecord, modes: Modes, now: number): boolean {
  const { retentionDays, eventRetentionDays = retentionDays, hidden } = modes;
  if (hidden !== undefined && isAmong(line, hidden.share, `hidden ${hidden.seed}`)) return false;
  const days = line.is_event === 'Y' ? eventRetentionDays : retentionDays;
  return days === undefined || now - processed(line) < days * DAY_MILLIS;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function rangeOf(query: URLSearchParams, name: string): Range | undefined {
  const [start, end] = [query.get(`${name}_start`), query.get(`${name}_end`)];
  if (start === null || end === null) return undefined;
  return { from: parseParameterDate(start) ?? 0, to: parseParameterDate(end) ?? 0 };
}

/** The parameters name whole seconds, so a line belongs to the second it fell into. */
function isIn(millis: number, { from, to }: Range): boolean {
  const second = Math.floor(millis / 1000) * 1000;
  return second >= from && second <= to;
}

function queryProblem(query: URLSearchParams, now: number): string | undefined {
  for (const name of ['limit', 'page']) {
    const value = query.get(name);
    if (value !== null && !/^[1-9]\d*$/.test(value))
      return `${name} must be an integer of at least 1`;
  }
  const currency = query.get('currency');
  if (currency !== null && !CURRENCIES.includes(currency)) return 'unknown currency';
  const type = query.get('type');
  if (type !== null && type !== 'batch' && type !== 'realtime')
    return 'type must be batch or realtime';
  return (
    rangeProblem(query, 'process_date', 30, now) ??
    rangeProblem(query, 'transaction_date', 100, now)
  );
}

function rangeProblem(
  query: URLSearchParams,
  name: string,
  historyDays: number,
  now: number,
): string | undefined {
  const given = [query.get(`${name}_start`), query.get(`${name}_end`)];
  if (given.every((value) => value === null)) return undefined;
  const [start, end] = given.map((value) => parseParameterDate(value ?? ''));
  if (start === undefined || end === undefined)
    return `${name}_start and ${name}_end must both be YYYY-MM-DD HH:mm:ss`;
  if (end < start || end - start > 30 * DAY_MILLIS) return `invalid ${name} range`;
  return start <= now - historyDays * DAY_MILLIS
    ? `${name}_start must be less than ${historyDays} days ago`
    : undefined;
}

function parseParameterDate(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text)) return undefined;
  const millis = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(millis) ? undefined : millis;
}

/**
 * Written by hand so that a decimal keeps its digits: `JSON.stringify` would send it through a
 * binary float.
 */
function recordJson(line: LineRecord): string {
  const extra = (Object.keys(EVENTS_API_ONLY_FIELDS) as RowField[]).filter(
    (f) => line[f] !== undefined && !EVENT_FIELDS.includes(f),
  );
  return `{${[...EVENT_FIELDS, ...extra].map((field) => `${JSON.stringify(field)}:${valueJson(field, line[field])}`).join(',')}}`;
}

function valueJson(field: RowField, value = ''): string {
  if (NUMBER_FIELDS.includes(field) && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value)) return value;
  return JSON.stringify(DATE_FIELDS.includes(field) ? eventsDate(value) : value);
}

/** `Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)`, as the Events API prints dates. */
export function eventsDate(isoDate: string): string {
  const date = new Date(isoDate);
  if (Number.isNaN(date.getTime())) return isoDate;
  const [weekday = '', day, month, year, time] = date.toUTCString().split(' ');
  return `${weekday.replace(',', '')} ${month} ${day} ${year} ${time} GMT+0000 (UTC)`;
}
