import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Period, TRANSACTION_KINDS, type TransactionKind } from '../client';
import { DEFAULT_LOOK_BACK_DAYS } from '../client/changes';
import { dayIn } from '../client/time-zone';
import { usageError } from './errors';
import type { TimeZoneOptions } from './time-zone';

/** A whole number of 1 or more. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return Number(text);
}

/** Parses names that are separated by commas. */
export const parseNames =
  <T extends string>(known: readonly T[]) =>
  (text: string): T[] => {
    const names = text.split(',').map((name) => name.trim() as T);
    const wrong = names.find((name) => !known.includes(name));
    if (wrong !== undefined)
      throw new InvalidArgumentError(`'${wrong}' is none of ${known.join(', ')}.`);
    return names;
  };

/** Kinds, separated by commas. */
export const parseKinds = parseNames<TransactionKind>(TRANSACTION_KINDS);

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 } as const;

/** A span of time such as `90s`, `15m`, `2h` or `1d`; a bare number is seconds. In milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,6}(?:\.\d{1,3})?)([smhd])?$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError('It must be a span of time such as 90s, 15m, 2h or 1d.');
  return Number(number) * SECONDS[unit as keyof typeof SECONDS] * 1000;
}

const DAY_MILLIS = 86_400_000;

/** `today` and `yesterday` in a time zone; other text unchanged. */
export function dayOf(text: string, now: Date, timeZone: string): string {
  const daysAgo = { today: 0, yesterday: 1 }[text];
  return daysAgo === undefined ? text : dayBefore(daysAgo, now, timeZone);
}

/** The day a number of days of the calendar ago, which are not always of 24 hours. */
export function dayBefore(daysAgo: number, now: Date, timeZone: string): string {
  const today = Date.parse(dayIn(timeZone, now.getTime()));
  return new Date(today - daysAgo * DAY_MILLIS).toISOString().slice(0, 10);
}

/** The period of --from and --to, for a query of the library. */
export function periodOf(
  { from, to, timeZone }: SelectionOptions & TimeZoneOptions,
  now: Date,
): Period {
  return {
    from: from === undefined ? undefined : dayOf(from, now, timeZone),
    to: to === undefined ? undefined : dayOf(to, now, timeZone),
    timeZone,
  };
}

/** Options of a period in which Rakuten processed lines. */
export interface SpanOptions {
  readonly from?: string;
  readonly to?: string;
}

/** A period with both ends. */
export interface Span extends Period {
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
}

export const addSpan = (command: Command, defaultDays: number): Command =>
  command
    .option(
      '--from <time>',
      `start: a day, today, yesterday, or a time with Z (default: ${defaultDays} days ago)`,
    )
    .option('--to <time>', 'end, exclusive (default: now, with all of today)');

/** The period of the options, by default that of the last days. */
export const spanOf = (
  { from, to, timeZone }: SpanOptions & TimeZoneOptions,
  now: Date,
  defaultDays: number,
): Span => ({
  from: from === undefined ? dayBefore(defaultDays, now, timeZone) : dayOf(from, now, timeZone),
  to: to === undefined ? dayBefore(-1, now, timeZone) : dayOf(to, now, timeZone),
  timeZone,
});

/** `2026-03-01 to 2026-04-01 (UTC)` */
export const spanText = ({ from, to, timeZone }: Span): string => `${from} to ${to} (${timeZone})`;

/** Adds the option that selects a publisher. */
export const addPublisher = (command: Command): Command =>
  command.option('--sid <sid>', 'only lines of this publisher');

export interface LookBackOptions {
  /** Days before a time of change from which lines are read. */
  readonly lookBack?: number;
}

/** Adds the option for the days that a question about changes reads. */
export const addLookBack = (command: Command): Command =>
  command.option(
    '--look-back <days>',
    `read lines that Rakuten processed from this number of days before that time (default: ${DEFAULT_LOOK_BACK_DAYS})`,
    parseCount,
  );

/** Options that select lines: exactly one of these groups. */
export interface SelectionOptions {
  readonly member?: string;
  readonly order?: string;
  readonly advertiser?: string;
  readonly sid?: string;
  readonly day?: string;
  readonly transaction?: string;
  readonly changedSince?: string;
  readonly all?: boolean;
  readonly from?: string;
  readonly to?: string;
}

const SELECTIONS = {
  member: new Option('--member <u1>', 'lines of a member, by order time'),
  order: new Option('--order <order_id>', 'lines of an order (with --advertiser)'),
  day: new Option(
    '--day <day>',
    'lines that Rakuten processed on a day: YYYY-MM-DD, today or yesterday',
  ),
  transaction: new Option(
    '--transaction <id>',
    'the line with this etransaction_id (with --sid, if there are several publishers)',
  ),
  changedSince: new Option(
    '--changed-since <time>',
    'lines that are new or changed at this time or later',
  ),
  all: new Option('--all', 'every line of the table (reads the whole table)'),
} as const;

export type Selection = keyof typeof SELECTIONS;

/** Adds the options that select lines. */
export function addSelections(command: Command, selections: readonly Selection[]): Command {
  for (const selection of selections) {
    const { flags, description } = SELECTIONS[selection];
    command.addOption(
      new Option(flags, description).conflicts(selections.filter((other) => other !== selection)),
    );
  }
  if (!selections.includes('order')) return command;
  return command
    .option('--advertiser <id>', "with --order: the advertiser's id (Rakuten's MID)")
    .option(
      '--sid <sid>',
      "with --order or --transaction: the publisher's id (default: the stack's only publisher)",
    );
}

/** Checks that options which require each other are given together. */
export function checkSelection(
  options: SelectionOptions,
  selections: readonly Selection[],
  spanAlone: boolean,
): void {
  const given = selections.filter((selection) => options[selection] !== undefined);
  const hasSpan = options.from !== undefined || options.to !== undefined;
  if (given.length === 0 && !(spanAlone && hasSpan)) {
    const flags = [
      ...selections.map((selection) => `--${kebab(selection)}`),
      ...(spanAlone ? ['--from with --to'] : []),
    ];
    throw usageError(`which lines? Give one of ${flags.join(', ')}`);
  }
  if (given.length === 0 && (options.from === undefined || options.to === undefined)) {
    throw usageError('without --member, --from and --to are processing days: give both');
  }
  if (hasSpan && given.length > 0 && given[0] !== 'member')
    throw usageError(`--from and --to do not go with --${kebab(given[0] ?? '')}`);
  if (options.advertiser !== undefined && given[0] !== 'order')
    throw usageError('--advertiser goes with --order only');
  if (given[0] === 'order' && options.advertiser === undefined) {
    throw usageError(
      '--order requires --advertiser: two advertisers may use the same order number',
    );
  }
}

const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
