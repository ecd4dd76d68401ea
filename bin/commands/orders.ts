import type { MemberSummary, OrderSummary, TransactionsClient } from '../../client';
import { addMoney } from '../../client/amounts';
import type { AddCommand, CommandContext } from '../cli/command';
import { EXIT, type ExitCode, usageError } from '../cli/errors';
import { type GlobalOptions, requireResource } from '../cli/installation';
import { writeJsonArray } from '../cli/json';
import { addSelections, checkSelection, dayOf, type Selection, type SelectionOptions } from '../cli/options';
import { orderColumns, totals } from '../cli/show';
import { renderTable } from '../cli/table';
import { writeLine } from '../cli/terminal';

interface OrdersOptions extends SelectionOptions, GlobalOptions {
  readonly verified?: boolean;
  readonly totals?: boolean;
}

type Context = CommandContext<OrdersOptions>;

const SELECTIONS: readonly Selection[] = ['member', 'order', 'orderKey', 'day'];

export const addOrders: AddCommand = (program, cli) => {
  const command = program.command('orders').description('Adds lines up to orders: where each stands, and what is earned by currency.');
  addSelections(command, SELECTIONS)
    .option('--from <time>', 'with --member: orders placed at this time or later; alone with --to: first day of processing')
    .option('--to <time>', 'with --member: orders placed before this time; alone with --from: the day behind the last')
    .option('--totals', 'with --member: the totals only')
    .option('--verified', "only lines that Rakuten's Events API has confirmed")
    .addHelpText(
      'after',
      `
Status of an order: preliminary (only events so far), confirmed, partly returned, returned, unknown. Net is sales, returns and adjustments
together. Pending is what events announce that no confirmed line was matched with; it is never part of net.
With --member the period is order time, so that a later return changes the month of its sale; by --day or by --from and --to it is the
days on which Rakuten processed a line of the order. --json gives an array of orders with their lines, or the totals as one object.

Examples:
  $ rakuten-postback orders --member clk_01HRV6Z8Q2M4 --from 2026-03-01 --to 2026-04-01
  $ rakuten-postback orders --day yesterday
  $ rakuten-postback orders --from 2026-03-01 --to 2026-04-01 --json | jq '.[] | select(.status == "returned")'
  $ rakuten-postback orders --member clk_01HRV6Z8Q2M4 --totals --json`,
    )
    .action(cli.action<OrdersOptions>(orders));
};

async function orders(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  checkSelection(options, SELECTIONS, true);
  if (options.totals === true) return showMember(context);
  const found = find(context, await context.transactions());
  if (options.json === true) return (await writeJsonArray(terminal.stdout, found)) === 0 ? EXIT.nothing : EXIT.found;
  const list: OrderSummary[] = [];
  for await (const order of found) list.push(order);
  if (list.length === 0) return nothing(context);
  await writeLine(terminal.stdout, renderTable(orderColumns(context.colours), list, terminal.stdout.columns, context.colours.bold));
  await writeLine(terminal.stdout, '');
  for (const text of ordersFooter(list)) await writeLine(terminal.stdout, context.colours.dim(text));
  return EXIT.found;
}

async function* find(context: Context, transactions: TransactionsClient): AsyncGenerator<OrderSummary> {
  const { options, terminal } = context;
  const how = { verifiedOnly: options.verified };
  if (options.member !== undefined) {
    yield* transactions.memberOrders(options.member, { from: options.from, to: options.to }, how);
  } else if (options.order !== undefined || options.orderKey !== undefined) {
    const key = options.orderKey;
    const sid = key === undefined ? (options.sid ?? requireResource(await context.installation(), 'sid')) : '';
    const order =
      key === undefined
        ? await transactions.orderSummary(sid, options.advertiser ?? '', options.order ?? '', how)
        : await transactions.orderSummaryByKey(key, how);
    if (order !== undefined) yield order;
  } else {
    const now = terminal.now();
    const span = { from: dayOf(options.from ?? '', now), to: dayOf(options.to ?? '', now) };
    yield* transactions.dayOrders(options.day === undefined ? span : dayOf(options.day, now), how);
  }
}

async function nothing({ terminal }: Context): Promise<ExitCode> {
  await writeLine(terminal.stderr, 'nothing found');
  return EXIT.nothing;
}

function ordersFooter(list: readonly OrderSummary[]): string[] {
  const statuses = new Map<string, number>();
  for (const { status } of list) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const counts = [...statuses].map(([status, count]) => `${count} ${status}`).join(', ');
  const doubtful = list.reduce((count, order) => count + order.doubtful.length, 0);
  return [
    `${list.length === 1 ? '1 order' : `${list.length} orders`} (${counts})`,
    ...totals('net', addMoney(list.flatMap((order) => order.net))),
    ...totals('pending, not added', addMoney(list.flatMap((order) => order.pending))),
    ...(doubtful === 0 ? [] : [`${doubtful} doubtful: lines of unknown kind, unreadable or contradicted; "query --order" shows them`]),
  ];
}

async function showMember(context: Context): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  if (options.member === undefined) throw usageError('--totals goes with --member');
  const transactions = await context.transactions();
  const period = { from: options.from, to: options.to };
  const summary = await transactions.memberSummary(options.member, period, { verifiedOnly: options.verified });
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify(summary));
  else if (summary.orders.total > 0) for (const text of memberText(summary)) await writeLine(terminal.stdout, text);
  if (summary.orders.total > 0) return EXIT.found;
  return options.json === true ? EXIT.nothing : nothing(context);

  function memberText({ u1, orders: { total, ...byStatus }, ...sums }: MemberSummary): string[] {
    const counts = Object.entries(byStatus).flatMap(([status, count]) => (count === 0 ? [] : [`${count} ${status}`]));
    return [
      `${colours.bold(u1)}: ${total === 1 ? '1 order' : `${total} orders`} (${counts.join(', ')})`,
      ...totals('sales', sums.sales),
      ...totals('returns', sums.returns),
      ...totals('adjustments', sums.adjustments),
      ...totals(colours.bold('net'), sums.net),
      ...totals('pending, not added', sums.pending),
      ...(sums.doubtful === 0 ? [] : [`${sums.doubtful} doubtful lines`]),
      ...(sums.unattributed === 0 ? [] : [`${sums.unattributed} lines without u1 in orders shared with others, not added`]),
    ];
  }
}
