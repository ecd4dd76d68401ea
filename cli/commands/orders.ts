import type { MemberSummary, OrderSummary, TransactionsClient } from '../../client';
import { mapped } from '../../client/pages';
import { type AddCommand, type CommandContext, sidOf } from '../command';
import { EXIT, type ExitCode, usageError } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import {
  addSelections,
  checkSelection,
  dayOf,
  periodOf,
  type Selection,
  type SelectionOptions,
} from '../options';
import { numberText, type Progress, withProgress } from '../progress';
import { Counter, nothing, orderColumns, sumsText } from '../show';
import { writeTable } from '../stream-table';
import { SumsTally } from '../sums';
import { writeLine, writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface OrdersOptions extends SelectionOptions, TimeZoneOptions, GlobalOptions {
  readonly includeUnverified?: boolean;
  readonly totals?: boolean;
}

type Context = CommandContext<OrdersOptions>;

const SELECTIONS: readonly Selection[] = ['member', 'order', 'day'];

export const addOrders: AddCommand = (program, cli) => {
  const command = program
    .command('orders')
    .description('Adds lines up to orders: status, and sums by currency.');
  addTimeZone(addSelections(command, SELECTIONS))
    .option(
      '--from <time>',
      'with --member: orders placed at this time or later; alone with --to: first processing day',
    )
    .option(
      '--to <time>',
      'with --member: orders placed before this time; alone with --from: end day, exclusive',
    )
    .option('--totals', 'with --member: the totals only')
    .option(
      '--include-unverified',
      'count unverified confirmed lines as earned (a forged postback is then earned, too)',
    )
    .addHelpText(
      'after',
      `
Status of an order: preliminary (only events so far), confirmed, partly
returned, returned, cancelled, unknown. Three sums, which never share a line:

  earned    confirmed lines that Rakuten's Events API returns as shown, net of
            returns and adjustments
  awaiting  confirmed lines that it does not return, or not yet
  pending   events that no confirmed line has confirmed or cancelled

With --member the period is order time, so a later return changes the month of
its sale. With --day, or --from and --to, it is the days on which Rakuten
processed a line of the order. --json prints an array of orders with their
lines, or the totals as one object.

Examples:
  $ cdk-rakuten-postback orders --member clk_01HRV6Z8Q2M4 --from 2026-03-01 --to 2026-04-01
  $ cdk-rakuten-postback orders --day yesterday
  $ cdk-rakuten-postback orders --from 2026-03-01 --to 2026-04-01 --json | jq '.[] | select(.status == "returned")'
  $ cdk-rakuten-postback orders --member clk_01HRV6Z8Q2M4 --totals --json`,
    )
    .action(
      cli.action<OrdersOptions>((context) =>
        withProgress(context, 'orders', (progress) => orders(context, progress)),
      ),
    );
};

async function orders(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal } = context;
  checkSelection(options, SELECTIONS, true);
  if (options.totals === true) return showMember(context);
  const found = progress.count(find(context, await context.transactions()));
  if (options.json === true)
    return (await writeJsonArray(terminal.stdout, found)) === 0 ? EXIT.nothing : EXIT.found;
  const tally = new OrdersTally();
  const counted = mapped(found, (order) => tally.add(order));
  const count = await writeTable(
    context,
    orderColumns(context.colours, options.timeZone),
    counted,
    progress,
  );
  if (count === 0) return nothing(terminal);
  for (const text of tally.texts) await writeText(terminal.stdout, text, context.colours.dim);
  return EXIT.found;
}

async function* find(
  context: Context,
  transactions: TransactionsClient,
): AsyncGenerator<OrderSummary> {
  const { options, terminal } = context;
  const { from = '', to = '', advertiser = '', includeUnverified, timeZone } = options;
  const now = terminal.now();
  if (options.member !== undefined) {
    yield* transactions.memberOrders(options.member, periodOf(options, now), { includeUnverified });
  } else if (options.order !== undefined) {
    const order = await transactions.orderSummary(await sidOf(context), advertiser, options.order, {
      includeUnverified,
    });
    if (order !== undefined) yield order;
  } else {
    const span = { from: dayOf(from, now, timeZone), to: dayOf(to, now, timeZone) };
    const days = options.day === undefined ? span : dayOf(options.day, now, timeZone);
    yield* transactions.dayOrders(days, { includeUnverified, timeZone });
  }
}

/** Adds orders up on their way. */
class OrdersTally {
  private readonly statuses = new Counter();
  private readonly sums = new SumsTally();
  private doubtful = 0;

  add(order: OrderSummary): OrderSummary {
    this.statuses.add(order.status);
    this.sums.add(order);
    this.doubtful += order.doubtful.length;
    return order;
  }

  /** The footer of a list. */
  get texts(): string[] {
    const { total, text } = this.statuses;
    const doubtful = `${numberText(this.doubtful)} doubtful: lines of unknown kind or with parse problems; "query --order" shows them`;
    return [
      `${numberText(total)} ${total === 1 ? 'order' : 'orders'} (${text})`,
      ...this.sums.texts,
      ...(this.doubtful === 0 ? [] : [doubtful]),
    ];
  }
}

async function showMember(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  if (options.member === undefined) throw usageError('--totals goes with --member');
  const { includeUnverified } = options;
  const transactions = await context.transactions();
  const summary = await transactions.memberSummary(
    options.member,
    periodOf(options, terminal.now()),
    { includeUnverified },
  );
  const hasOrders = summary.orders.total > 0;
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify(summary));
  else if (!hasOrders) return nothing(terminal);
  else for (const text of memberText(context, summary)) await writeText(terminal.stdout, text);
  return hasOrders ? EXIT.found : EXIT.nothing;
}

function memberText(
  { colours }: Context,
  { u1, orders: { total, ...byStatus }, ...summary }: MemberSummary,
): string[] {
  const counts = Object.entries(byStatus).flatMap(([status, count]) =>
    count === 0 ? [] : [`${count} ${status}`],
  );
  return [
    `${colours.bold(u1)}: ${total === 1 ? '1 order' : `${total} orders`} (${counts.join(', ')})`,
    ...sumsText(summary),
    ...(summary.doubtful === 0 ? [] : [`${summary.doubtful} doubtful lines`]),
    ...(summary.unattributed === 0
      ? []
      : [
          `${summary.unattributed} lines without u1 in orders shared with other members, in no sum`,
        ]),
  ];
}
