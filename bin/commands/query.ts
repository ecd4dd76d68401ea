import type { OrderSummary, PreliminaryMatch, Transaction, TransactionKind, TransactionRow } from '../../client';
import type { AddCommand, CommandContext } from '../cli/command';
import { EXIT, type ExitCode, usageError } from '../cli/errors';
import { type GlobalOptions, requireResource } from '../cli/installation';
import { writeJsonArray } from '../cli/json';
import { addSelections, checkSelection, dayOf, parseCount, parseKinds, type Selection, type SelectionOptions } from '../cli/options';
import { lineColumns, linesFooter, timeText, totalTexts } from '../cli/show';
import { renderRecord, renderTable } from '../cli/table';
import { writeLine } from '../cli/terminal';

interface QueryOptions extends SelectionOptions, GlobalOptions {
  readonly kind?: TransactionKind[];
  readonly verified?: boolean;
  readonly limit?: number;
  readonly newestFirst?: boolean;
}

type Context = CommandContext<QueryOptions>;

const SELECTIONS: readonly Selection[] = ['member', 'order', 'orderKey', 'day', 'transaction'];

/** A table that is longer is no help to a reader, and its widths need all of it at once. */
const TABLE_LINES = 200;

export const addQuery: AddCommand = (program, cli) => {
  const command = program.command('query').description('Shows lines: of a member, an order, a day, or by transaction id.');
  addSelections(command, SELECTIONS)
    .option('--from <time>', 'with --member: orders placed at this time or later (a day, or a time with Z)')
    .option('--to <time>', 'with --member: orders placed before this time')
    .option('--kind <kinds>', 'only these kinds: preliminary, sale, return, adjustment, unknown', parseKinds)
    .option('--verified', "only lines that Rakuten's Events API has confirmed")
    .option('--limit <number>', `at most so many lines (default: ${TABLE_LINES} in a table, all with --json)`, parseCount)
    .option('--newest-first', 'newest line first')
    .addHelpText(
      'after',
      `
A line is one article of an order, one event, or one return: Rakuten changes nothing in place. Events (is_event=Y) are preliminary;
their amounts are never added to those of confirmed lines. --json gives an array of lines under Rakuten's field names, with
amounts as exact strings.

Examples:
  $ rakuten-postback query --member clk_01HRV6Z8Q2M4 --from 2026-03-01 --to 2026-04-01
  $ rakuten-postback query --order W-100200300 --advertiser 39001
  $ rakuten-postback query --day yesterday --kind return,adjustment
  $ rakuten-postback query --transaction A1F79C0162D1404DAB3F3E6BADA181C8 --json`,
    )
    .action(cli.action<QueryOptions>(query));
};

async function query(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  checkSelection(options, SELECTIONS, false);
  checkListOptions(options);
  if (options.json === true) {
    const count = await writeJsonArray(terminal.stdout, await find(context, options.limit));
    return count === 0 ? EXIT.nothing : EXIT.found;
  }
  if (options.transaction !== undefined) return showTransaction(context);
  if (options.order !== undefined || options.orderKey !== undefined) return showOrder(context);
  return showList(context);
}

function checkListOptions({ member, day, transaction, kind, limit, newestFirst, verified }: QueryOptions): void {
  if (member !== undefined || day !== undefined) return;
  if (kind !== undefined || limit !== undefined || newestFirst === true) {
    throw usageError('--kind, --limit and --newest-first go with --member and --day');
  }
  if (transaction !== undefined && verified === true)
    throw usageError('--verified does not go with --transaction: the line itself says it');
}

/** The lines that the options ask for. */
async function find(context: Context, limit?: number): Promise<AsyncIterable<Transaction>> {
  const { options, terminal } = context;
  const transactions = await context.transactions();
  const list = { kind: options.kind, verifiedOnly: options.verified, newestFirst: options.newestFirst, limit };
  if (options.member !== undefined) return transactions.byMember(options.member, { ...list, from: options.from, to: options.to });
  if (options.day !== undefined) return transactions.byDay(dayOf(options.day, terminal.now()), list);
  if (options.transaction !== undefined) return transactions.byTransaction(options.transaction);
  const order = await findOrder(context);
  return (async function* () {
    yield* order?.lines ?? [];
  })();
}

async function findOrder(context: Context): Promise<OrderSummary | undefined> {
  const { options } = context;
  const transactions = await context.transactions();
  const verifiedOnly = options.verified;
  if (options.orderKey !== undefined) return transactions.orderSummaryByKey(options.orderKey, { verifiedOnly });
  const sid = options.sid ?? requireResource(await context.installation(), 'sid');
  return transactions.orderSummary(sid, options.advertiser ?? '', options.order ?? '', { verifiedOnly });
}

async function nothing({ terminal }: Context): Promise<ExitCode> {
  await writeLine(terminal.stderr, 'nothing found');
  return EXIT.nothing;
}

async function showList(context: Context): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const limit = options.limit ?? TABLE_LINES;
  const lines: Transaction[] = [];
  for await (const line of await find(context, limit + 1)) lines.push(line);
  if (lines.length === 0) return nothing(context);
  const isCut = lines.length > limit;
  const shown = lines.slice(0, limit);
  const time =
    options.member === undefined
      ? { title: 'RECEIVED (UTC)', of: (line: Transaction) => line.received_at }
      : { title: 'ORDERED (UTC)', of: (line: Transaction) => line.occurred_at };
  await writeTable(context, shown, time);
  for (const text of linesFooter(shown)) await writeLine(terminal.stdout, colours.dim(text));
  if (isCut) await writeLine(terminal.stderr, `there are more than these ${limit}: raise --limit, or write all to a file with "export"`);
  return EXIT.found;
}

async function writeTable(
  context: Context,
  lines: readonly Transaction[],
  time: { title: string; of: (line: Transaction) => string },
): Promise<void> {
  const { options, terminal, colours } = context;
  const known = options.member !== undefined ? ['MEMBER'] : options.order !== undefined ? ['ORDER', 'ADVERTISER'] : [];
  const columns = lineColumns(colours, time).filter(({ title }) => !known.includes(title));
  await writeLine(terminal.stdout, renderTable(columns, lines, terminal.stdout.columns, colours.bold));
  await writeLine(terminal.stdout, '');
}

async function showOrder(context: Context): Promise<ExitCode> {
  const { terminal, colours } = context;
  const order = await findOrder(context);
  if (order === undefined) return nothing(context);
  await writeLine(terminal.stdout, renderRecord(orderRecord(order), colours.dim));
  await writeLine(terminal.stdout, '');
  await writeTable(context, order.lines, { title: 'PROCESSED (UTC)', of: (line) => line.process_date ?? line.received_at });
  const notes = [...linesFooter(order.lines), ...matchNotes(order), ...problemNotes(order.doubtful)];
  for (const text of notes) await writeLine(terminal.stdout, colours.dim(text));
  return EXIT.found;
}

function orderRecord(order: OrderSummary): [string, string][] {
  return [
    ['order', order.order_id ?? order.order_key],
    ['advertiser', order.advertiser_id ?? ''],
    ['publisher', order.sid ?? ''],
    ['member', order.members.join(', ') || '(not attributed)'],
    ['status', order.status],
    ['ordered', `${timeText(order.ordered_at)} UTC`],
    ['processed', `${timeText(order.first_processed_at)} to ${timeText(order.last_processed_at)} UTC`],
    ...totalTexts(order.net).map((text): [string, string] => ['net', text]),
    ...totalTexts(order.pending).map((text): [string, string] => ['pending', text]),
  ];
}

/** What became of the order's events. */
function matchNotes({ matches, unmatched_preliminary: unmatched }: OrderSummary): string[] {
  const id = (line: Transaction): string => line.etransaction_id ?? line.line_key;
  const difference = ({ differences }: PreliminaryMatch): string =>
    differences.length === 0 ? '' : ` (differs in ${differences.join(', ')})`;
  return [
    ...matches.map((match) => `event ${id(match.preliminary)} was confirmed by ${id(match.confirmed)}${difference(match)}`),
    ...unmatched.map((event) => `event ${id(event)} has no confirmed line`),
  ];
}

const problemNotes = (lines: readonly TransactionRow[]): string[] =>
  lines.map((line) => `look at ${line.etransaction_id ?? line.line_key}: ${doubtsOf(line).join('; ')}`);

function doubtsOf(line: TransactionRow): string[] {
  const told = Object.entries(line.events_api_told ?? {}).map(([field, values]) => `${field} is ${values.join(' or ') || 'absent'}`);
  return [
    ...(line.parse_problems ?? []),
    ...(line.contradicted_at === undefined ? [] : [`the Events API tells otherwise: ${told.join(', ')}`]),
    ...(line.kind === 'unknown' ? ['its kind is unknown'] : []),
  ];
}

async function showTransaction(context: Context): Promise<ExitCode> {
  const { terminal, colours } = context;
  let count = 0;
  for await (const row of (await find(context)) as AsyncIterable<TransactionRow>) {
    if (count > 0) await writeLine(terminal.stdout, '');
    const entries = Object.entries(row).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    await writeLine(terminal.stdout, renderRecord(entries, colours.dim));
    count += 1;
  }
  return count === 0 ? nothing(context) : EXIT.found;
}
