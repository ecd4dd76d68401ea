import type { MemberBalance } from '../../client';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import { addPublisher, periodOf } from '../options';
import { numberText, type Progress, withProgress } from '../progress';
import { nothing } from '../show';
import { writeTable } from '../stream-table';
import { type SumRow, SumsTally, sumColumns, sumRows } from '../sums';
import type { Column } from '../table';
import { writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface BalancesOptions extends TimeZoneOptions, GlobalOptions {
  readonly from?: string;
  readonly to?: string;
  readonly sid?: string;
  readonly includeUnverified?: boolean;
}

type Context = CommandContext<BalancesOptions>;

export const addBalances: AddCommand = (program, cli) => {
  const command = program
    .command('balances')
    .description('What is pending, awaiting verification and earned, for every member.');
  addTimeZone(addPublisher(command))
    .option(
      '--from <time>',
      'orders placed at this time or later (a day, today, yesterday, or a time with Z)',
    )
    .option('--to <time>', 'orders placed before this time')
    .option(
      '--include-unverified',
      'count unverified confirmed lines as earned (a forged postback is then earned, too)',
    )
    .addHelpText(
      'after',
      `
Three sums, which never share a line:

  earned    confirmed lines that Rakuten's Events API returns as shown, net of
            returns and adjustments
  awaiting  confirmed lines that it does not return, or not yet
  pending   events that no confirmed line has confirmed or cancelled

COMMISSION is that of EARNED SALE. A member with several currencies has several
rows. "(no member)" has the lines that no member can be found for. --json prints
an array, with the commissions of all sums. The command reads two indexes as a
whole.

Exit codes: 0 there are balances, 1 an error, 2 the command line is wrong, 3
there is none.

Examples:
  $ cdk-rakuten-postback balances
  $ cdk-rakuten-postback balances --from 2026-03-01 --to 2026-04-01 --time-zone Asia/Tokyo
  $ cdk-rakuten-postback balances --json | jq -r '.[] | [.u1, .earned[0].commissions] | @tsv'`,
    )
    .action(
      cli.action<BalancesOptions>((context) =>
        withProgress(context, 'members', (progress) => balances(context, progress)),
      ),
    );
};

async function balances(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const { sid, includeUnverified } = options;
  const found = (await context.transactions()).balances({
    ...periodOf(options, terminal.now()),
    sid,
    includeUnverified,
  });
  const counted = progress.count(found);
  if (options.json === true)
    return (await writeJsonArray(terminal.stdout, counted)) === 0 ? EXIT.nothing : EXIT.found;
  const tally = new SumsTally();
  const rows = await writeTable(context, columns(), rowsOf(counted, tally), progress);
  if (rows === 0) return nothing(terminal);
  const text = `${numberText(progress.total)} ${progress.total === 1 ? 'member' : 'members'}`;
  for (const line of [text, ...tally.texts]) await writeText(terminal.stdout, line, colours.dim);
  return EXIT.found;
}

async function* rowsOf(
  found: AsyncIterable<MemberBalance>,
  tally: SumsTally,
): AsyncGenerator<SumRow<MemberBalance>> {
  for await (const balance of found) {
    tally.add(balance);
    yield* sumRows(balance);
  }
}

const columns = (): Column<SumRow<MemberBalance>>[] => [
  {
    title: 'MEMBER',
    text: ({ of, isContinued }) => (isContinued ? '' : (of.u1 ?? '(no member)')),
    maxWidth: 36,
  },
  {
    title: 'ORDERS',
    text: ({ of, isContinued }) => (isContinued ? '' : numberText(of.orders.total)),
    align: 'right',
    dropOrder: 3,
  },
  ...sumColumns<MemberBalance>(),
];
