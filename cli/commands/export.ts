import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InvalidArgumentError, Option } from 'commander';
import type { Transaction, TransactionKind, TransactionsClient } from '../../client';
import { listFilter, requireList } from '../../client/list';
import { filtered } from '../../client/pages';
import { terminalText } from '../../core/terminal-text';
import type { AddCommand, CommandContext } from '../command';
import { csvLines, jsonDocument, jsonLines } from '../encode';
import { EXIT, type ExitCode, usageError } from '../errors';
import type { GlobalOptions } from '../installation';
import {
  addLookBack,
  addSelections,
  checkSelection,
  dayOf,
  type LookBackOptions,
  parseKinds,
  periodOf,
  type Selection,
  type SelectionOptions,
} from '../options';
import { writeOutputFile } from '../output-file';
import { Progress } from '../progress';
import { writeLine, writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface ExportOptions extends SelectionOptions, LookBackOptions, TimeZoneOptions, GlobalOptions {
  readonly delimiter?: string;
  readonly format?: 'csv' | 'jsonl';
  readonly output?: string;
  readonly spreadsheet?: boolean;
  readonly kind?: TransactionKind[];
  readonly verified?: boolean;
  readonly quiet?: boolean;
}

type Context = CommandContext<ExportOptions>;

const SELECTIONS: readonly Selection[] = ['member', 'day', 'changedSince', 'all'];

export const addExport: AddCommand = (program, cli) => {
  const command = program
    .command('export')
    .description('Writes lines as CSV or JSON Lines, to a file or to standard output.');
  addTimeZone(addLookBack(addSelections(command, SELECTIONS)))
    .option(
      '--from <time>',
      'first processing day (with --member: orders placed at this time or later)',
    )
    .option('--to <time>', 'end day, exclusive (with --member: orders placed before this time)')
    .option(
      '--kind <kinds>',
      'only these kinds: preliminary, sale, return, adjustment, unknown',
      parseKinds,
    )
    .option('--verified', "only lines that Rakuten's Events API returns as shown")
    .addOption(
      new Option('--format <format>', 'csv or jsonl (default: by the file name, else csv)').choices(
        ['csv', 'jsonl'],
      ),
    )
    .option(
      '-o, --output <file>',
      'file to write, readable by its owner only; it gets its name when it is complete',
    )
    .option('--spreadsheet', 'csv for Excel and similar programs: see below')
    .option(
      '--delimiter <character>',
      "csv: the character between two values: , ; | : or tab (default: ',')",
      parseDelimiter,
    )
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      `
Lines are written as they are read, so an export may be larger than the memory.
Progress goes to standard error. Amounts are exact decimals, times ISO 8601 in
UTC. A CSV has one column per attribute of a list; JSON Lines has the same, with
--all whole rows.

line_id is <sid>#<etransaction_id> and names a row together with is_event.
updated_at is the time of the last change. verified_at and withdrawn_at say
whether the Events API returns the line. differing_fields names fields in which
a postback says otherwise. --all reads, and costs, the whole table.

--changed-since exports what is new or changed since then, and prints the time
for the next export ("next export: …"). Consecutive exports may have a line
twice, but miss none: apply them by line_id and is_event. They read lines that
Rakuten processed up to 35 days (--look-back) before that time. What changes by
itself is younger. A manual reconciliation cannot reach further back either.

--spreadsheet adds a byte order mark. An apostrophe comes before a text that
Excel or a similar program would read as a formula, a number or a date, and
before a sign after which such a program may begin another cell.

--json prints one document instead: {"lines": […], "cursor": "…"}. With --output
the lines are in the file, and the document is {"file": "…", "lines": 12,
"cursor": "…"}. The cursor is the time for the next export with --changed-since.

Exit codes: 0 there are lines, 1 an error, 2 the command line is wrong, 3 there
is none.

Examples:
  $ cdk-rakuten-postback export --from 2026-03-01 --to 2026-04-01 -o march.csv
  $ cdk-rakuten-postback export --day yesterday --format jsonl | jq -r .order_id
  $ cdk-rakuten-postback export --member clk_01HRV6Z8Q2M4 --spreadsheet -o member.csv
  $ cdk-rakuten-postback export --changed-since 2026-03-20T06:00:00Z -o changes.jsonl
  $ cdk-rakuten-postback export --day yesterday --time-zone Asia/Tokyo --spreadsheet --delimiter tab -o tokyo.csv
  $ cdk-rakuten-postback export --all -o everything.jsonl`,
    )
    .action(cli.action<ExportOptions>(exportLines));
};

async function exportLines(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  checkOptions(options);
  const { lines, cursor } = await find(context, await context.transactions());
  const isMixed = options.output === undefined && terminal.stdout.isTTY === true;
  const progress = new Progress(terminal, options.quiet === true || isMixed, 'lines');
  try {
    await write(context, progress.count(lines), () => ({ lines: progress.total, cursor }));
  } finally {
    progress.stop();
  }
  if (options.quiet !== true) await writeText(terminal.stderr, progress.summary(options.output));
  if (cursor !== undefined && options.json !== true)
    await writeLine(terminal.stderr, `next export: --changed-since ${cursor}`);
  return progress.total === 0 ? EXIT.nothing : EXIT.found;
}

function checkOptions(options: ExportOptions): void {
  checkSelection(options, SELECTIONS, true);
  if (options.lookBack !== undefined && options.changedSince === undefined)
    throw usageError('--look-back goes with --changed-since');
  const isCsv = formatOf(options) === 'csv';
  if (options.spreadsheet === true && !isCsv)
    throw usageError('--spreadsheet goes with --format csv');
  if (options.delimiter !== undefined && !isCsv)
    throw usageError('--delimiter goes with --format csv');
  if (options.json === true && options.output === undefined && options.format === 'csv')
    throw usageError(
      '--json and --format csv exclude each other on standard output: write the CSV to a file with --output',
    );
}

/** Writes the lines to the file or to standard output. `report` is called at the end. */
async function write(
  { options, terminal }: Context,
  lines: AsyncIterable<Transaction>,
  report: () => { lines: number; cursor?: string },
): Promise<void> {
  const { output, json, spreadsheet: forSpreadsheets = false, delimiter = ',' } = options;
  const encoded = (): AsyncIterable<string> =>
    formatOf(options) === 'csv'
      ? csvLines(lines, { forSpreadsheets, delimiter })
      : jsonLines(lines);
  if (output !== undefined) {
    const file = resolve(terminal.directory, output);
    await writeOutputFile(file, encoded(), terminal.signal);
    if (json === true) await writeLine(terminal.stdout, JSON.stringify({ file, ...report() }));
    return;
  }
  const content =
    json === true ? jsonDocument(lines, () => ({ cursor: report().cursor })) : encoded();
  const shown = terminal.stdout.isTTY === true ? onTerminal(content) : content;
  await pipeline(Readable.from(shown), terminal.stdout, { end: false, signal: terminal.signal });
}

interface Found {
  readonly lines: AsyncIterable<Transaction>;
  /** Where the next export of changes begins. */
  readonly cursor?: string;
}

async function find(context: Context, transactions: TransactionsClient): Promise<Found> {
  const { options, terminal } = context;
  const {
    member,
    all,
    day,
    from = '',
    to = '',
    changedSince,
    lookBack: lookBackDays,
    timeZone,
  } = options;
  const list = { kind: options.kind, verifiedOnly: options.verified };
  const now = terminal.now();
  if (changedSince !== undefined) {
    const changes = transactions.changedSince(dayOf(changedSince, now, timeZone), {
      lookBackDays,
      timeZone,
    });
    return { lines: filtered(changes, listFilter(requireList(list))), cursor: changes.cursor };
  }
  if (member !== undefined)
    return { lines: transactions.byMember(member, { ...list, ...periodOf(options, now) }) };
  if (all === true) return { lines: transactions.all(list) };
  const days =
    day === undefined
      ? { from: dayOf(from, now, timeZone), to: dayOf(to, now, timeZone) }
      : dayOf(day, now, timeZone);
  return { lines: transactions.byDay(days, { ...list, timeZone }) };
}

function formatOf({ format, output = '' }: ExportOptions): 'csv' | 'jsonl' {
  return format ?? (/\.(jsonl|ndjson)$/i.test(output) ? 'jsonl' : 'csv');
}

/** One character between two values, or its name. */
function parseDelimiter(text: string): string {
  const delimiter = text === 'tab' || text === '\\t' ? '\t' : text;
  if (/^[,;|:\t]$/.test(delimiter)) return delimiter;
  throw new InvalidArgumentError("It must be one of ',', ';', '|', ':' and 'tab'.");
}

/** A file keeps each character; on a terminal they must not act. */
async function* onTerminal(content: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const text of content) yield terminalText(text);
}
