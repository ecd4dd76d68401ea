import { setTimeout as wait } from 'node:timers/promises';
import { Option } from 'commander';
import type { Transaction, TransactionKind } from '../../client';
import { startOfDay } from '../../client/zones';
import { cellText } from '../../core/terminal-text';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode, explain } from '../errors';
import { NewLines } from '../follow';
import type { GlobalOptions } from '../installation';
import { dayBefore, parseCount, parseDuration, parseKinds } from '../options';
import { amountText, timeText, timeTitle } from '../show';
import { writeLine, writeText } from '../terminal';
import { cut, widthOf } from '../text';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface TailOptions extends TimeZoneOptions, GlobalOptions {
  readonly kind?: TransactionKind[];
  readonly verified?: boolean;
  readonly since: number;
  readonly interval: number;
  readonly days: number;
}

type Context = CommandContext<TailOptions>;

/** Failed reads in a row before the command gives up. */
const FAILURES_ALLOWED = 5;

export const addTail: AddCommand = (program, cli) => {
  addTimeZone(program.command('tail'))
    .description('Shows new lines as they arrive, until Ctrl-C.')
    .option(
      '--since <span>',
      'begin with the lines received in the last 90s, 15m, 2h, …',
      parseDuration,
      0,
    )
    .addOption(
      new Option('--interval <span>', 'time between two reads')
        .default(5000, '5s')
        .argParser(parseDuration),
    )
    .option('--days <number>', 'processing days to read, today included', parseCount, 2)
    .option(
      '--kind <kinds>',
      'only these kinds: preliminary, sale, return, adjustment, unknown',
      parseKinds,
    )
    .option('--verified', "only lines that Rakuten's Events API returns as shown")
    .addHelpText(
      'after',
      `
Every read covers the arrivals of the last 15 minutes, so a line that waited in
the queue is not missed. Each line is shown once. Lines of earlier processing
days (--days) are not shown, and neither are lines that left the dead-letter
queue after more than 15 minutes. --json prints JSON Lines.

Examples:
  $ cdk-rakuten-postback tail --local
  $ cdk-rakuten-postback tail --since 1h --kind return
  $ cdk-rakuten-postback tail --json | jq -r '[.order_id, .sale_amount, .currency] | @tsv'`,
    )
    .action(cli.action<TailOptions>(tail));
};

async function tail(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const { signal } = terminal;
  const transactions = await context.transactions();
  const start = terminal.now();
  const { timeZone } = options;
  const lines = new NewLines(transactions, start, options.days, timeZone, {
    kind: options.kind,
    verifiedOnly: options.verified,
  });
  const since = new Date(start.getTime() - options.since);
  const firstDay = dayBefore(options.days - 1, start, timeZone);
  if (since < startOfDay(firstDay, timeZone))
    await writeText(
      terminal.stderr,
      `lines processed before ${firstDay} are not shown: raise --days to see more of --since`,
    );
  await lines.skipKnown(since);
  const { name } = await context.installation();
  await writeLine(terminal.stderr, `watching ${name}: new lines appear here, Ctrl-C stops`);
  if (options.json !== true) await writeHead(context);
  for (let failures = 0; !signal.aborted; await pause(options.interval, signal)) {
    try {
      for (const line of await lines.next(terminal.now())) await show(context, line);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures > FAILURES_ALLOWED) throw error;
      await writeLine(terminal.stderr, `warning: ${explain(error, name).message}; trying again`);
    }
  }
  return EXIT.found;
}

async function writeHead({ options, terminal, colours }: Context): Promise<void> {
  const width = terminal.stdout.columns;
  if (memberRoom(width) === 0) await writeLine(terminal.stderr, '1 column hidden: MEMBER');
  await writeLine(terminal.stdout, colours.bold(head(width, options.timeZone)));
}

/** Waits, or returns at once if the command is stopped. */
async function pause(millis: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(millis, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function show({ options, terminal, colours }: Context, line: Transaction): Promise<void> {
  if (options.json === true) return writeLine(terminal.stdout, JSON.stringify(line));
  const text = columns(terminal.stdout.columns, {
    received: timeText(line.received_at, options.timeZone, 'seconds'),
    kind: line.kind,
    order: line.order_id ?? '',
    sale: amountText(line.sale_amount, line.currency),
    commission: amountText(line.commissions, line.currency),
    currency: line.currency ?? '',
    member: line.u1 ?? '',
  });
  return writeLine(
    terminal.stdout,
    line.kind === 'return'
      ? colours.red(text)
      : line.kind === 'preliminary'
        ? colours.yellow(text)
        : text,
  );
}

type Cells = Readonly<
  Record<'received' | 'kind' | 'order' | 'sale' | 'commission' | 'currency' | 'member', string>
>;

/** Width of the columns except ORDER and MEMBER, with the spaces between them. */
const FIXED_WIDTH = 63;
const ORDER_WIDTH = 20;
const MIN_WIDTH = 8;

/**
 * Lines come one by one, so the widths are fixed. In a pipe a longer value shifts the rest of its
 * line.
 */
function columns(
  width: number | undefined,
  { received, kind, order, sale, commission, currency, member }: Cells,
): string {
  const left = width === undefined ? undefined : width - FIXED_WIDTH;
  const orderWidth = Math.max(MIN_WIDTH, Math.min(ORDER_WIDTH, left ?? ORDER_WIDTH));
  const memberWidth = memberRoom(width);
  const line = [
    received.padEnd(19),
    kind.padEnd(11),
    padded(cellText(order), orderWidth, left === undefined),
    sale.padStart(10),
    commission.padStart(10),
    currency.padEnd(3),
    memberWidth === 0 ? '' : cut(cellText(member), memberWidth),
  ]
    .join('  ')
    .trimEnd();
  return width === undefined ? line : cut(line, width);
}

/** Columns that are left for MEMBER. 0 hides it. */
function memberRoom(width: number | undefined): number {
  if (width === undefined) return Number.POSITIVE_INFINITY;
  const room = width - FIXED_WIDTH - ORDER_WIDTH - 2;
  return room < MIN_WIDTH ? 0 : room;
}

function padded(text: string, width: number, mayBeLonger: boolean): string {
  const shown = mayBeLonger ? text : cut(text, width);
  return shown + ' '.repeat(Math.max(0, width - widthOf(shown)));
}

const head = (width: number | undefined, timeZone: string): string =>
  columns(width, {
    received: timeTitle('RECEIVED', timeZone),
    kind: 'KIND',
    order: 'ORDER',
    sale: 'SALE',
    commission: 'COMMISSION',
    currency: 'CUR',
    member: 'MEMBER',
  });
