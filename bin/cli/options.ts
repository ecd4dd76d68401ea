import { type Command, InvalidArgumentError, Option } from 'commander';
import { TRANSACTION_KINDS, type TransactionKind } from '../../client';
import { usageError } from './errors';

/** A whole number of 1 or more. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return Number(text);
}

/** Kinds, separated by commas. */
export function parseKinds(text: string): TransactionKind[] {
  const kinds = text.split(',').map((kind) => kind.trim() as TransactionKind);
  const wrong = kinds.find((kind) => !TRANSACTION_KINDS.includes(kind));
  if (wrong !== undefined) throw new InvalidArgumentError(`'${wrong}' is none of ${TRANSACTION_KINDS.join(', ')}.`);
  return kinds;
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 } as const;

/** A span of time such as `90s`, `15m`, `2h` or `1d`; a bare number is seconds. In milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,6}(?:\.\d{1,3})?)([smhd])?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a span of time such as 90s, 15m, 2h or 1d.');
  return Number(number) * SECONDS[unit as keyof typeof SECONDS] * 1000;
}

const DAY_MILLIS = 86_400_000;

/** `today` and `yesterday` in UTC; other text unchanged. */
export function dayOf(text: string, now: Date): string {
  const daysAgo = { today: 0, yesterday: 1 }[text];
  return daysAgo === undefined ? text : new Date(now.getTime() - daysAgo * DAY_MILLIS).toISOString().slice(0, 10);
}

/** Options that select lines: exactly one of these groups. */
export interface SelectionOptions {
  readonly member?: string;
  readonly order?: string;
  readonly advertiser?: string;
  readonly sid?: string;
  readonly day?: string;
  readonly transaction?: string;
  readonly all?: boolean;
  readonly from?: string;
  readonly to?: string;
}

const SELECTIONS = {
  member: new Option('--member <u1>', 'lines of a member, by order time'),
  order: new Option('--order <order_id>', 'lines of an order (with --advertiser)'),
  day: new Option('--day <day>', 'lines that Rakuten processed on a UTC day: YYYY-MM-DD, today or yesterday'),
  transaction: new Option('--transaction <id>', 'the line with this etransaction_id (with --sid, if there are several publishers)'),
  all: new Option('--all', 'every line of the table (reads the whole table)'),
} as const;

export type Selection = keyof typeof SELECTIONS;

/** Adds the options that select lines. */
export function addSelections(command: Command, selections: readonly Selection[]): Command {
  for (const selection of selections) {
    const { flags, description } = SELECTIONS[selection];
    command.addOption(new Option(flags, description).conflicts(selections.filter((other) => other !== selection)));
  }
  if (!selections.includes('order')) return command;
  return command
    .option('--advertiser <id>', "with --order: the advertiser's id (Rakuten's MID)")
    .option('--sid <sid>', "with --order or --transaction: the publisher's id (default: the stack's only publisher)");
}

/** Checks that options which require each other are given together. */
export function checkSelection(options: SelectionOptions, selections: readonly Selection[], spanAlone: boolean): void {
  const given = selections.filter((selection) => options[selection] !== undefined);
  const hasSpan = options.from !== undefined || options.to !== undefined;
  if (given.length === 0 && !(spanAlone && hasSpan)) {
    const flags = [...selections.map((selection) => `--${kebab(selection)}`), ...(spanAlone ? ['--from with --to'] : [])];
    throw usageError(`which lines? Give one of ${flags.join(', ')}`);
  }
  if (given.length === 0 && (options.from === undefined || options.to === undefined)) {
    throw usageError('without --member, --from and --to are processing days: give both');
  }
  if (hasSpan && given.length > 0 && given[0] !== 'member') throw usageError(`--from and --to do not go with --${kebab(given[0] ?? '')}`);
  if (options.advertiser !== undefined && given[0] !== 'order') throw usageError('--advertiser goes with --order only');
  if (given[0] === 'order' && options.advertiser === undefined) {
    throw usageError('--order requires --advertiser: two advertisers may use the same order number');
  }
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
