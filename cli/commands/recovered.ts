import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import { addPublisher, addSpan, type SpanOptions, spanOf, spanText } from '../options';
import { type Progress, withProgress } from '../progress';
import { LineTally, lineColumns, nothing } from '../show';
import { writeTable } from '../stream-table';
import { writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface RecoveredOptions extends SpanOptions, TimeZoneOptions, GlobalOptions {
  readonly sid?: string;
}

type Context = CommandContext<RecoveredOptions>;

/** The time for which Rakuten's Events API keeps lines. */
const DEFAULT_DAYS = 30;

export const addRecovered: AddCommand = (program, cli) => {
  const command = program
    .command('recovered')
    .description('Lines that no postback delivered, and what they are worth.');
  addTimeZone(addPublisher(addSpan(command, DEFAULT_DAYS)))
    .addHelpText(
      'after',
      `
Shows the lines that the reconciliation fetched from Rakuten's Events API before
any postback delivered them. The sums say what would have been lost without it.
The first run also fetches lines from before the installation: begin after it.
The period is the time at which Rakuten processed the line.

Exit codes: 0 there are lines, 1 an error, 2 the command line is wrong, 3 there
is none.

Examples:
  $ cdk-rakuten-postback recovered
  $ cdk-rakuten-postback recovered --from 2026-03-01 --to 2026-04-01 --time-zone Asia/Tokyo
  $ cdk-rakuten-postback recovered --from 2026-03-01 --json | jq length`,
    )
    .action(
      cli.action<RecoveredOptions>((context) =>
        withProgress(context, 'lines', (progress) => recovered(context, progress)),
      ),
    );
};

async function recovered(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const span = spanOf(options, terminal.now(), DEFAULT_DAYS);
  const lines = progress.count(
    (await context.transactions()).recovered({ ...span, sid: options.sid }),
  );
  if (options.json === true)
    return (await writeJsonArray(terminal.stdout, lines)) === 0 ? EXIT.nothing : EXIT.found;
  const tally = new LineTally();
  const columns = lineColumns(colours, {
    title: 'RECEIVED',
    of: (line) => line.received_at,
    timeZone: options.timeZone,
  });
  if ((await writeTable(context, columns, tally.count(lines), progress)) === 0)
    return nothing(terminal);
  for (const text of [`processed ${spanText(span)}`, ...tally.texts])
    await writeText(terminal.stdout, text, colours.dim);
  return EXIT.found;
}
