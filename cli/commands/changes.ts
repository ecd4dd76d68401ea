import type { ChangeOptions, Moment, Transaction, TransactionsClient } from '../../client';
import { MoneySum } from '../../client/amounts';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import { addLookBack, addPublisher, dayOf, type LookBackOptions } from '../options';
import { type Progress, withProgress } from '../progress';
import { LineTally, lineColumns, nothing, totals } from '../show';
import { writeTable } from '../stream-table';
import { writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface ChangesOptions extends LookBackOptions, TimeZoneOptions, GlobalOptions {
  readonly since: string;
  readonly sid?: string;
}

type Context = CommandContext<ChangesOptions>;

/** A question about what changed since a time. */
interface Question {
  readonly ask: (
    transactions: TransactionsClient,
    since: Moment,
    options: ChangeOptions,
  ) => AsyncIterable<Transaction>;
  /** Heading of the time of the change. */
  readonly title: string;
  readonly at: (line: Transaction) => string | undefined;
}

const SINCE = '--since <time>';
const SINCE_DESCRIPTION =
  'changes at this time or later (a day, today, yesterday, or a time with Z)';

const LOOK_BACK_HELP = `The command reads the days of --look-back before --since. A change of a line
that Rakuten processed earlier is not shown. Reconciliation reads 29 days, so 35
days cover what changes by itself.`;

export const addConfirmed: AddCommand = (program, cli) => {
  const command = program
    .command('confirmed')
    .description('Lines that were confirmed and verified since a given time.')
    .requiredOption(SINCE, SINCE_DESCRIPTION);
  addTimeZone(addPublisher(addLookBack(command)))
    .addHelpText(
      'after',
      `
Shows the confirmed lines, returns apart, that Rakuten's Events API verified
since then. "reversed" shows the returns. A line whose amounts, member or order
changed since is shown again.

${LOOK_BACK_HELP}

Exit codes: 0 there are lines, 1 an error, 2 the command line is wrong, 3 there
is none.

Examples:
  $ cdk-rakuten-postback confirmed --since 2026-03-20
  $ cdk-rakuten-postback confirmed --since yesterday --time-zone Asia/Tokyo
  $ cdk-rakuten-postback confirmed --since 2026-03-20T06:00:00Z --json | jq -r .[].u1`,
    )
    .action(
      action(cli, {
        ask: (transactions, since, options) => transactions.confirmedSince(since, options),
        title: 'VERIFIED',
        at: (line) => line.verified_at,
      }),
    );
};

export const addReversed: AddCommand = (program, cli) => {
  const command = program
    .command('reversed')
    .description('Lines that were returned, or withdrawn by Rakuten, after their confirmation.')
    .requiredOption(SINCE, SINCE_DESCRIPTION);
  addTimeZone(addPublisher(addLookBack(command)))
    .addHelpText(
      'after',
      `
Shows two ways to lose what was earned:

  verified   a return: a line of its own, with negative amounts, that Rakuten's
             Events API verified since then
  withdrawn  a verified line that the Events API no longer returns. Its amounts
             are those that were earned before

${LOOK_BACK_HELP}

Exit codes: 0 there are lines, 1 an error, 2 the command line is wrong, 3 there
is none.

Examples:
  $ cdk-rakuten-postback reversed --since 2026-03-20
  $ cdk-rakuten-postback reversed --since 2026-03-20 --look-back 60 --json`,
    )
    .action(
      action(cli, {
        ask: (transactions, since, options) => transactions.reversedSince(since, options),
        title: 'REVERSED',
        at: (line) => line.withdrawn_at ?? line.verified_at,
      }),
    );
};

const action = (cli: Parameters<AddCommand>[1], question: Question) =>
  cli.action<ChangesOptions>((context) =>
    withProgress(context, 'lines', (progress) => showChanges(context, question, progress)),
  );

async function showChanges(
  context: Context,
  { ask, title, at }: Question,
  progress: Progress,
): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const { timeZone, sid, lookBack: lookBackDays } = options;
  const since = dayOf(options.since, terminal.now(), timeZone);
  const lines = progress.count(
    ask(await context.transactions(), since, { lookBackDays, sid, timeZone }),
  );
  if (options.json === true)
    return (await writeJsonArray(terminal.stdout, lines)) === 0 ? EXIT.nothing : EXIT.found;
  const [tally, withdrawn] = [new LineTally(), new MoneySum()];
  const counted = tally.count(lines, (line) => {
    if (line.withdrawn_at !== undefined) withdrawn.addLine(line);
  });
  const columns = lineColumns(colours, { title, of: (line) => at(line) ?? '', timeZone });
  if ((await writeTable(context, columns, counted, progress)) === 0) return nothing(terminal);
  const texts = [...tally.texts, ...totals('withdrawn, earned before', withdrawn.toMoney())];
  for (const text of texts) await writeText(terminal.stdout, text, colours.dim);
  return EXIT.found;
}
