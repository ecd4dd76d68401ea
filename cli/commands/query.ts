import type { OrderSummary, Transaction, TransactionKind, TransactionRow } from '../../client';
import { sequence } from '../../client/pages';
import { type AddCommand, type CommandContext, sidOf } from '../command';
import { EXIT, type ExitCode, usageError } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import {
  addSelections,
  checkSelection,
  dayOf,
  parseCount,
  parseKinds,
  periodOf,
  type Selection,
  type SelectionOptions,
} from '../options';
import { type Progress, withProgress } from '../progress';
import {
  LineTally,
  lineColumns,
  NoteTally,
  nothing,
  rowRecord,
  type ShownTime,
  timeText,
  totalTexts,
} from '../show';
import { writeTable } from '../stream-table';
import { type Column, renderRecord } from '../table';
import { writeLine, writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface QueryOptions extends SelectionOptions, TimeZoneOptions, GlobalOptions {
  readonly kind?: TransactionKind[];
  readonly verified?: boolean;
  readonly limit?: number;
  readonly newestFirst?: boolean;
}

type Context = CommandContext<QueryOptions>;

const SELECTIONS: readonly Selection[] = ['member', 'order', 'day', 'transaction'];

/** A longer table helps no reader. */
const TABLE_LINES = 200;

export const addQuery: AddCommand = (program, cli) => {
  const command = program
    .command('query')
    .description('Shows lines: of a member, an order, a day, or by transaction ID.');
  addTimeZone(addSelections(command, SELECTIONS))
    .option(
      '--from <time>',
      'with --member: orders placed at this time or later (a day, today, yesterday, or a time with Z)',
    )
    .option('--to <time>', 'with --member: orders placed before this time')
    .option(
      '--kind <kinds>',
      'only these kinds: preliminary, sale, return, adjustment, unknown',
      parseKinds,
    )
    .option('--verified', "only lines that Rakuten's Events API returns as shown")
    .option(
      '--limit <number>',
      `maximum number of lines (default: ${TABLE_LINES} in a table, all with --json)`,
      parseCount,
    )
    .option('--newest-first', 'newest line first')
    .addHelpText(
      'after',
      `
A line is one article of an order, one event, or one return. Events (is_event=Y)
are preliminary; their amounts are never added to those of confirmed lines.
--json prints an array of lines under Rakuten's field names, with amounts as
exact strings and times in UTC. A list that --limit cuts has no sums.

STATE:
  verified    the Events API returns the line as shown
  unverified  it does not, or not yet
  withdrawn   it no longer does: the advertiser eliminated the line

"A postback says otherwise" names fields of a line in which a postback differs
from the Events API. The line shows the Events API's values. --transaction shows
every attribute and the other postbacks.

Examples:
  $ cdk-rakuten-postback query --member clk_01HRV6Z8Q2M4 --from 2026-03-01 --to 2026-04-01
  $ cdk-rakuten-postback query --order W-100200300 --advertiser 39001
  $ cdk-rakuten-postback query --day yesterday --kind return,adjustment
  $ cdk-rakuten-postback query --transaction A1F79C0162D1404DAB3F3E6BADA181C8 --json`,
    )
    .action(
      cli.action<QueryOptions>((context) =>
        withProgress(context, 'lines', (progress) => query(context, progress)),
      ),
    );
};

async function query(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal } = context;
  checkSelection(options, SELECTIONS, false);
  checkListOptions(options);
  if (options.json === true) {
    const count = await writeJsonArray(
      terminal.stdout,
      progress.count(await find(context, options.limit)),
    );
    return count === 0 ? EXIT.nothing : EXIT.found;
  }
  if (options.transaction !== undefined) return showTransaction(context, options.transaction);
  if (options.order !== undefined) return showOrder(context, progress);
  return showList(context, progress);
}

function checkListOptions({
  member,
  day,
  transaction,
  kind,
  limit,
  newestFirst,
  verified,
}: QueryOptions): void {
  if (member !== undefined || day !== undefined) return;
  if (kind !== undefined || limit !== undefined || newestFirst === true) {
    throw usageError('--kind, --limit and --newest-first go with --member and --day');
  }
  if (transaction !== undefined && verified === true)
    throw usageError('--verified does not go with --transaction: the line shows its state');
}

/** The lines that the options select. */
async function find(context: Context, limit?: number): Promise<AsyncIterable<Transaction>> {
  const { options, terminal } = context;
  const transactions = await context.transactions();
  const { timeZone } = options;
  const list = {
    kind: options.kind,
    verifiedOnly: options.verified,
    newestFirst: options.newestFirst,
    limit,
  };
  if (options.member !== undefined)
    return transactions.byMember(options.member, { ...list, ...periodOf(options, terminal.now()) });
  if (options.day !== undefined)
    return transactions.byDay(dayOf(options.day, terminal.now(), timeZone), { ...list, timeZone });
  if (options.transaction !== undefined)
    return transactions.byTransaction(await sidOf(context), options.transaction);
  const order = await findOrder(context);
  return (async function* () {
    if (order !== undefined) yield* linesOf(order, options);
  })();
}

async function findOrder(context: Context): Promise<OrderSummary | undefined> {
  const { order = '', advertiser = '' } = context.options;
  return (await context.transactions()).orderSummary(await sidOf(context), advertiser, order);
}

/** Their kinds depend on the whole order, so they are filtered after it was read. */
const linesOf = ({ lines }: OrderSummary, { verified }: QueryOptions): readonly TransactionRow[] =>
  verified === true ? lines.filter(({ verified_at }) => verified_at !== undefined) : lines;

async function showList(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal } = context;
  const { timeZone, limit = TABLE_LINES } = options;
  const time: ShownTime =
    options.member === undefined
      ? { title: 'RECEIVED', of: (line) => line.received_at, timeZone }
      : { title: 'ORDERED', of: (line) => line.occurred_at, timeZone };
  let isCut = false;
  const shown = async function* (): AsyncGenerator<Transaction> {
    let count = 0;
    for await (const line of progress.count(await find(context, limit + 1))) {
      isCut = count === limit;
      if (!isCut) yield line;
      count += 1;
    }
  };
  const tally = await writeLines(context, shown(), time, progress);
  if (tally === undefined) return nothing(terminal);
  await writeFooter(context, [
    ...(isCut ? tally.lines.textsOfPart : tally.lines.texts),
    ...tally.notes.texts,
  ]);
  if (isCut)
    await writeText(
      terminal.stderr,
      `there are more than these ${limit}: raise --limit, or write all to a file with "export"`,
    );
  return EXIT.found;
}

interface Tally {
  readonly lines: LineTally;
  readonly notes: NoteTally;
}

/**
 * Writes a table of lines. Returns what the footer says of them, or undefined if there are none.
 */
async function writeLines(
  context: Context,
  lines: AsyncIterable<Transaction>,
  time: ShownTime,
  progress: Progress,
): Promise<Tally | undefined> {
  const tally: Tally = { lines: new LineTally(), notes: new NoteTally() };
  const counted = tally.lines.count(lines, (line) => tally.notes.add(line));
  const count = await writeTable(context, columnsOf(context, time), counted, progress);
  return count === 0 ? undefined : tally;
}

function columnsOf({ options, colours }: Context, time: ShownTime): Column<Transaction>[] {
  const known =
    options.member !== undefined
      ? ['MEMBER']
      : options.order !== undefined
        ? ['ORDER', 'ADVERTISER']
        : [];
  return lineColumns(colours, time).filter(({ title }) => !known.includes(title));
}

async function writeFooter(
  { terminal, colours }: Context,
  texts: readonly string[],
): Promise<void> {
  for (const text of texts) await writeText(terminal.stdout, text, colours.dim);
}

async function showOrder(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const order = await findOrder(context);
  if (order === undefined) return nothing(terminal);
  await writeLine(
    terminal.stdout,
    renderRecord(orderRecord(order, options.timeZone), colours.dim, terminal.stdout.columns),
  );
  await writeLine(terminal.stdout, '');
  const time: ShownTime = {
    title: 'PROCESSED',
    of: (line) => line.process_date ?? line.received_at,
    timeZone: options.timeZone,
  };
  const tally = await writeLines(context, sequence(linesOf(order, options)), time, progress);
  await writeFooter(
    context,
    tally === undefined ? ['no line of it is verified'] : [tally.lines.text, ...tally.notes.texts],
  );
  return EXIT.found;
}

function orderRecord(order: OrderSummary, timeZone: string): [string, string][] {
  const time = (iso: string): string => timeText(iso, timeZone);
  const sums = (['earned', 'awaiting', 'pending'] as const).flatMap((name) =>
    totalTexts(order[name]).map((text): [string, string] => [name, text]),
  );
  return [
    ['order', order.order_id ?? ''],
    ['advertiser', order.advertiser_id ?? ''],
    ['publisher', order.sid],
    ['member', order.members.join(', ') || '(not attributed)'],
    ['status', order.status],
    ['ordered', `${time(order.ordered_at)} ${timeZone}`],
    [
      'processed',
      `${time(order.first_processed_at)} to ${time(order.last_processed_at)} ${timeZone}`,
    ],
    ...sums,
  ];
}

async function showTransaction(context: Context, id: string): Promise<ExitCode> {
  const { terminal, colours } = context;
  const transactions = await context.transactions();
  let count = 0;
  for await (const row of transactions.byTransaction(await sidOf(context), id)) {
    if (count > 0) await writeLine(terminal.stdout, '');
    await writeLine(
      terminal.stdout,
      renderRecord(rowRecord(row), colours.dim, terminal.stdout.columns),
    );
    count += 1;
  }
  return count === 0 ? nothing(terminal) : EXIT.found;
}
