import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Option } from 'commander';
import type { Transaction, TransactionKind, TransactionsClient } from '../../client';
import type { AddCommand, CommandContext } from '../cli/command';
import { csvLines, jsonLines } from '../cli/encode';
import { CliError, EXIT, type ExitCode } from '../cli/errors';
import type { GlobalOptions } from '../cli/installation';
import { addSelections, checkSelection, dayOf, parseKinds, type Selection, type SelectionOptions } from '../cli/options';
import { Progress } from '../cli/progress';

interface ExportOptions extends SelectionOptions, GlobalOptions {
  readonly format?: 'csv' | 'jsonl';
  readonly output?: string;
  readonly spreadsheet?: boolean;
  readonly kind?: TransactionKind[];
  readonly verified?: boolean;
  readonly quiet?: boolean;
}

type Context = CommandContext<ExportOptions>;

const SELECTIONS: readonly Selection[] = ['member', 'day', 'all'];

export const addExport: AddCommand = (program, cli) => {
  const command = program.command('export').description('Writes lines as CSV or JSON Lines, to a file or to standard output.');
  addSelections(command, SELECTIONS)
    .option('--from <time>', 'first processing day (with --member: orders placed at this time or later)')
    .option('--to <time>', 'end day, exclusive (with --member: orders placed before this time)')
    .option('--kind <kinds>', 'only these kinds: preliminary, sale, return, adjustment, unknown', parseKinds)
    .option('--verified', "only lines that Rakuten's Events API returns as shown")
    .addOption(new Option('--format <format>', 'csv or jsonl (default: by the file name, else csv)').choices(['csv', 'jsonl']))
    .option('-o, --output <file>', 'file to write; it gets its name when it is complete')
    .option('--spreadsheet', 'csv for Excel and similar programs: a byte order mark, and no text that would be read as a formula')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      `
Lines are written as they are read, so an export may be larger than the memory. Progress goes to standard error. Amounts are exact
decimals, times ISO 8601 in UTC. A CSV has one column per attribute of a list; JSON Lines has the same, with --all whole rows.

line_id is <sid>#<etransaction_id> and names a row together with is_event. updated_at is the time of the last change: to export only
changes, keep the lines with a later one than your last export. verified_at and withdrawn_at say whether the Events API returns the
line. differing_fields names fields in which a postback says otherwise. --all reads, and costs, the whole table.

Examples:
  $ rakuten-postback export --from 2026-03-01 --to 2026-04-01 -o march.csv
  $ rakuten-postback export --day yesterday --format jsonl | jq -r .order_id
  $ rakuten-postback export --member clk_01HRV6Z8Q2M4 --spreadsheet -o member.csv
  $ rakuten-postback export --all -o everything.jsonl`,
    )
    .action(cli.action<ExportOptions>(exportLines));
};

async function exportLines(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  checkSelection(options, SELECTIONS, true);
  const lines = await find(context, await context.transactions());
  const progress = new Progress(terminal, options.quiet === true);
  const encoded =
    formatOf(options) === 'csv' ? csvLines(progress.count(lines), options.spreadsheet === true) : jsonLines(progress.count(lines));
  if (options.output === undefined) {
    await pipeline(Readable.from(encoded), terminal.stdout, { end: false, signal: terminal.signal });
  } else {
    await writeFile(resolve(terminal.directory, options.output), encoded, terminal.signal);
  }
  progress.done(options.output);
  return progress.total === 0 ? EXIT.nothing : EXIT.found;
}

async function find(context: Context, transactions: TransactionsClient): Promise<AsyncIterable<Transaction>> {
  const { options, terminal } = context;
  const list = { kind: options.kind, verifiedOnly: options.verified };
  const now = terminal.now();
  if (options.member !== undefined) return transactions.byMember(options.member, { ...list, from: options.from, to: options.to });
  if (options.all === true) return transactions.all(list);
  if (options.day !== undefined) return transactions.byDay(dayOf(options.day, now), list);
  return transactions.byDay({ from: dayOf(options.from ?? '', now), to: dayOf(options.to ?? '', now) }, list);
}

function formatOf({ format, output = '' }: ExportOptions): 'csv' | 'jsonl' {
  return format ?? (/\.(jsonl|ndjson)$/i.test(output) ? 'jsonl' : 'csv');
}

/** A file under its final name is always complete, so a script never reads half an export. */
async function writeFile(path: string, content: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  const partial = `${path}.part`;
  try {
    await pipeline(Readable.from(content), createWriteStream(partial), { signal });
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    if (signal.aborted) throw new CliError(`stopped: ${path} was not written`, EXIT.error, { cause });
    throw cause;
  }
}
