import { Option } from 'commander';
import {
  TOTALS_DATES,
  TOTALS_GROUPS,
  type Total,
  type TotalsDate,
  type TotalsGroup,
  type Transaction,
} from '../../client';
import { DEFAULT_LOOK_BACK_DAYS } from '../../client/changes';
import { SOURCES } from '../../core/names';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode, usageError } from '../errors';
import type { GlobalOptions } from '../installation';
import {
  addPublisher,
  addSpan,
  type LookBackOptions,
  parseCount,
  parseNames,
  type SpanOptions,
  spanOf,
  spanText,
} from '../options';
import { withProgress } from '../progress';
import { nothing } from '../show';
import { type SumRow, SumsTally, sumColumns, sumRows } from '../sums';
import { type Column, renderTable } from '../table';
import { writeLine, writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface TotalsOptions extends SpanOptions, LookBackOptions, TimeZoneOptions, GlobalOptions {
  readonly by: readonly TotalsGroup[];
  readonly date: TotalsDate;
  readonly source?: Transaction['source'];
  readonly sid?: string;
  readonly includeUnverified?: boolean;
}

type Context = CommandContext<TotalsOptions>;

const DEFAULT_DAYS = 30;

export const addTotals: AddCommand = (program, cli) => {
  const command = program
    .command('totals')
    .description('Exact sums by month, day, advertiser, currency or publisher.')
    .addOption(
      new Option('--by <groups>', `groups, from the outermost: ${TOTALS_GROUPS.join(', ')}`)
        .argParser(parseNames<TotalsGroup>(TOTALS_GROUPS))
        .default(['month', 'currency'], 'month,currency'),
    );
  addTimeZone(addPublisher(addSpan(command, DEFAULT_DAYS)))
    .addOption(
      new Option('--date <field>', 'the date of a line')
        .choices(TOTALS_DATES)
        .default(TOTALS_DATES[0]),
    )
    .option(
      '--look-back <days>',
      `with --date transaction_date: read lines that Rakuten processed from this number of days before --from (default: ${DEFAULT_LOOK_BACK_DAYS})`,
      parseCount,
    )
    .addOption(
      new Option(
        '--source <source>',
        'only lines that a postback delivered, or that none did',
      ).choices(Object.values(SOURCES)),
    )
    .option(
      '--include-unverified',
      'count unverified confirmed lines as earned (a forged postback is then earned, too)',
    )
    .addHelpText(
      'after',
      `
Amounts are added as exact decimals, and never to those of another currency.
"orders" explains earned, awaiting and pending. COMMISSION is that of EARNED
SALE. Each line counts in the group of its own date:

  process_date      when Rakuten processed it, or when it arrived until the
                    Events API has returned it. A return reduces the month in
                    which it was processed
  transaction_date  when the order was placed. A return reduces the month of its
                    sale. Reads all days up to now, and those of --look-back: an
                    order date can be later than the processing

--json prints an array, with the commissions of all sums.

Exit codes: 0 there are sums, 1 an error, 2 the command line is wrong, 3 there
is none.

Examples:
  $ cdk-rakuten-postback totals --from 2026-01-01 --to 2026-04-01 --by month,advertiser,currency
  $ cdk-rakuten-postback totals --from 2026-03-01 --to 2026-04-01 --by day --time-zone Asia/Tokyo
  $ cdk-rakuten-postback totals --from 2026-03-01 --by month --date transaction_date --json`,
    )
    .action(cli.action<TotalsOptions>(showTotals));
};

async function showTotals(context: Context): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const { by, date, lookBack: lookBackDays, source, sid, includeUnverified } = options;
  if (lookBackDays !== undefined && date !== 'transaction_date')
    throw usageError('--look-back goes with --date transaction_date');
  const span = spanOf(options, terminal.now(), DEFAULT_DAYS);
  const transactions = await context.transactions();
  const found = await withProgress(context, undefined, () =>
    transactions.totals({
      ...span,
      by,
      dateField: date,
      lookBackDays,
      source,
      sid,
      includeUnverified,
    }),
  );
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify(found));
  if (found.length === 0) return options.json === true ? EXIT.nothing : nothing(terminal);
  if (options.json === true) return EXIT.found;
  const tally = new SumsTally();
  for (const total of found) tally.add(total);
  const table = renderTable(
    columns(by),
    found.flatMap(sumRows),
    terminal.stdout.columns,
    colours.bold,
  );
  await writeLine(terminal.stdout, `${table}\n`);
  const days = lookBackDays ?? DEFAULT_LOOK_BACK_DAYS;
  const read =
    date === 'transaction_date'
      ? `; of lines that Rakuten processed from ${days} days before to now`
      : '';
  for (const text of [`by ${date}, ${spanText(span)}${read}`, ...tally.texts])
    await writeText(terminal.stdout, text, colours.dim);
  return EXIT.found;
}

const GROUP_COLUMNS: Record<
  Exclude<TotalsGroup, 'currency'>,
  { title: string; of: (total: Total) => string | undefined }
> = {
  month: { title: 'MONTH', of: (total) => total.month },
  day: { title: 'DAY', of: (total) => total.day },
  advertiser: { title: 'ADVERTISER', of: (total) => total.advertiser_id },
  sid: { title: 'SID', of: (total) => total.sid },
};

/** The currency has a column in any case. */
const columns = (by: readonly TotalsGroup[]): Column<SumRow<Total>>[] => [
  ...by.flatMap((group): Column<SumRow<Total>>[] => {
    if (group === 'currency') return [];
    const { title, of } = GROUP_COLUMNS[group];
    return [{ title, text: (row) => (row.isContinued ? '' : (of(row.of) ?? '(none)')) }];
  }),
  ...sumColumns<Total>(),
];
