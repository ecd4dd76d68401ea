import { setTimeout as wait } from 'node:timers/promises';
import { Option } from 'commander';
import type { Transaction, TransactionKind } from '../../client';
import type { AddCommand, CommandContext } from '../cli/command';
import { EXIT, type ExitCode, explain } from '../cli/errors';
import { NewLines } from '../cli/follow';
import type { GlobalOptions } from '../cli/installation';
import { parseCount, parseDuration, parseKinds } from '../cli/options';
import { amountText } from '../cli/show';
import { visible, writeLine } from '../cli/terminal';

interface TailOptions extends GlobalOptions {
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
  program
    .command('tail')
    .description('Shows new lines as they arrive, until Ctrl-C.')
    .option('--since <span>', 'begin with the lines received in the last 90s, 15m, 2h, …', parseDuration, 0)
    .addOption(new Option('--interval <span>', 'time between two reads').default(5000, '5s').argParser(parseDuration))
    .option('--days <number>', 'processing days to read, today (UTC) included', parseCount, 2)
    .option('--kind <kinds>', 'only these kinds: preliminary, sale, return, adjustment, unknown', parseKinds)
    .option('--verified', "only lines that Rakuten's Events API returns as shown")
    .addHelpText(
      'after',
      `
Every read covers the arrivals of the last 15 minutes, so a line that waited in the queue is not missed. Each line is shown once.
Lines of earlier processing days (--days) are not shown, and neither are lines that left the dead-letter queue after more than 15
minutes. --json prints JSON Lines.

Examples:
  $ rakuten-postback tail --local
  $ rakuten-postback tail --since 1h --kind return
  $ rakuten-postback tail --json | jq -r '[.order_id, .sale_amount, .currency] | @tsv'`,
    )
    .action(cli.action<TailOptions>(tail));
};

async function tail(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const { signal } = terminal;
  const transactions = await context.transactions();
  const start = terminal.now();
  const lines = new NewLines(transactions, start, options.days, { kind: options.kind, verifiedOnly: options.verified });
  await lines.skipKnown(new Date(start.getTime() - options.since));
  const { name } = await context.installation();
  await writeLine(terminal.stderr, `watching ${name}: new lines appear here, Ctrl-C stops`);
  if (options.json !== true) await writeLine(terminal.stdout, context.colours.bold(HEAD));
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
  const text = columns(line.received_at.slice(0, 19).replace('T', ' '), line.kind, line.order_id ?? '', {
    sale: amountText(line.sale_amount, line.currency),
    commission: amountText(line.commissions, line.currency),
    currency: line.currency ?? '',
    member: line.u1 ?? '',
  });
  return writeLine(terminal.stdout, line.kind === 'return' ? colours.red(text) : line.kind === 'preliminary' ? colours.yellow(text) : text);
}

/** Lines come one by one, so the widths are fixed. A longer value shifts the rest of its line. */
function columns(
  received: string,
  kind: string,
  order: string,
  rest: { sale: string; commission: string; currency: string; member: string },
): string {
  return [
    received.padEnd(19),
    kind.padEnd(11),
    visible(order).padEnd(20),
    rest.sale.padStart(10),
    rest.commission.padStart(10),
    rest.currency.padEnd(3),
    visible(rest.member),
  ]
    .join('  ')
    .trimEnd();
}

const HEAD = columns('RECEIVED (UTC)', 'KIND', 'ORDER', { sale: 'SALE', commission: 'COMMISSION', currency: 'CUR', member: 'MEMBER' });
