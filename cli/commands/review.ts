import { Option } from 'commander';
import { REVIEW_STATES, type ReviewItem, type ReviewState } from '../../client';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import type { GlobalOptions } from '../installation';
import { writeJsonArray } from '../json';
import { addPublisher, addSpan, parseNames, type SpanOptions, spanOf, spanText } from '../options';
import { numberText, type Progress, withProgress } from '../progress';
import { amountText, Counter, nothing, postbackNotes, timeText, timeTitle } from '../show';
import { writeTable } from '../stream-table';
import type { Column } from '../table';
import { writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface ReviewOptions extends SpanOptions, TimeZoneOptions, GlobalOptions {
  readonly state: readonly ReviewState[];
  readonly sid?: string;
}

type Context = CommandContext<ReviewOptions>;

const DEFAULT_DAYS = 30;

export const addReview: AddCommand = (program, cli) => {
  const command = program
    .command('review')
    .description(
      'Lines that are unverified, withdrawn, contradicted by a postback or unreadable, with their age.',
    )
    .addOption(
      new Option('--state <states>', `only these states: ${REVIEW_STATES.join(', ')}`)
        .argParser(parseNames<ReviewState>(REVIEW_STATES))
        .default(REVIEW_STATES, 'all'),
    );
  addTimeZone(addPublisher(addSpan(command, DEFAULT_DAYS)))
    .addHelpText(
      'after',
      `
  unverified  Rakuten's Events API has not returned the line, or not as shown:
              too new, forged, or eliminated
  withdrawn   it returned the line before and no longer does: the advertiser
              eliminated it
  differing   a postback says otherwise than the Events API, whose values are
              shown
  problems    a value could not be read

AGE is the time since the line arrived, or since it was withdrawn. Unverified
lines are selected by their arrival, which no postback can choose, the others by
the time at which Rakuten processed them. "query --transaction ID" shows a line
in full. Events (EVENT Y) may stay unverified: the Events API may not keep them.

Exit codes: 0 there are lines, 1 an error, 2 the command line is wrong, 3 there
is none.

Examples:
  $ cdk-rakuten-postback review
  $ cdk-rakuten-postback review --state withdrawn,differing --from 2026-03-01 --to 2026-04-01
  $ cdk-rakuten-postback review --state unverified --json | jq '.[] | select(.ageSeconds > 86400) | .line.line_id'`,
    )
    .action(
      cli.action<ReviewOptions>((context) =>
        withProgress(context, 'lines', (progress) => review(context, progress)),
      ),
    );
};

async function review(context: Context, progress: Progress): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const span = spanOf(options, terminal.now(), DEFAULT_DAYS);
  const items = progress.count(
    (await context.transactions()).review({ ...span, states: options.state, sid: options.sid }),
  );
  if (options.json === true)
    return (await writeJsonArray(terminal.stdout, items)) === 0 ? EXIT.nothing : EXIT.found;
  const states = new Counter();
  const count = await writeTable(context, columns(context), counted(items, states), progress);
  if (count === 0) return nothing(terminal);
  const text = `${numberText(count)} ${count === 1 ? 'line' : 'lines'}, ${spanText(span)}: ${states.text}`;
  await writeText(terminal.stdout, text, colours.dim);
  return EXIT.found;
}

async function* counted(
  items: AsyncIterable<ReviewItem>,
  states: Counter,
): AsyncGenerator<ReviewItem> {
  for await (const item of items) {
    for (const state of item.states) states.add(state);
    yield item;
  }
}

function columns({ colours, options }: Context): Column<ReviewItem>[] {
  return [
    { title: 'AGE', text: ({ ageSeconds }) => ageText(ageSeconds), align: 'right' },
    { title: 'STATE', text: ({ states }) => states.join(', '), wraps: true, paint: colours.yellow },
    { title: 'EVENT', text: ({ line }) => line.is_event, dropOrder: 4 },
    {
      title: timeTitle('RECEIVED', options.timeZone),
      text: ({ line }) => timeText(line.received_at, options.timeZone),
      dropOrder: 7,
    },
    { title: 'ORDER', text: ({ line }) => line.order_id ?? '', maxWidth: 36, dropOrder: 1 },
    { title: 'ADVERTISER', text: ({ line }) => line.advertiser_id ?? '', dropOrder: 6 },
    { title: 'MEMBER', text: ({ line }) => line.u1 ?? '', maxWidth: 24, dropOrder: 5 },
    {
      title: 'SALE',
      text: ({ line }) => amountText(line.sale_amount, line.currency),
      align: 'right',
      dropOrder: 2,
    },
    { title: 'CUR', text: ({ line }) => line.currency ?? '', dropOrder: 3 },
    { title: 'TRANSACTION', text: ({ line }) => line.etransaction_id ?? '(no ID)' },
    { title: 'WHY', text: whyText, maxWidth: 60, wraps: true },
  ];
}

const whyText = ({ line }: ReviewItem): string =>
  [...postbackNotes(line), ...(line.parse_problems ?? [])].join('; ');

/** `3 d 4 h`, `4 h 10 min`, `10 min` */
function ageText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  if (days > 0) return hours === 0 || days > 9 ? `${days} d` : `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
