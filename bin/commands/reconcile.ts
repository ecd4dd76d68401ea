import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { requireMoment } from '../../client/input';
import { type EventsWindow, eventsPages } from '../../core/rakuten/events';
import { type Clock, systemClock } from '../../core/rakuten/retry';
import { type Counts, comparedCount, NO_COUNTS } from '../../core/reconciliation/counts';
import { sqsOutbox } from '../../core/reconciliation/outbox';
import { NotReconcilableError, openClient, type ReconcilablePublisher, reconcilablePublisher } from '../../core/reconciliation/publisher';
import { TableRows } from '../../core/reconciliation/rows';
import { type RunResult, run } from '../../core/reconciliation/run';
import { newRunId } from '../../core/reconciliation/run-id';
import { unverifiedRows } from '../../core/reconciliation/unverified';
import { clamp } from '../../core/reconciliation/window';
import type { AddCommand, CommandContext } from '../cli/command';
import { type Difference, differenceColumns, differenceOf, differenceOfRow } from '../cli/differences';
import { CliError, EXIT, type ExitCode, usageError } from '../cli/errors';
import { requireResource } from '../cli/installation';
import { writeJsonArray } from '../cli/json';
import { dayOf } from '../cli/options';
import { publisherOf, registrationPorts, type SidOptions } from '../cli/registration';
import { renderTable } from '../cli/table';
import { writeLine } from '../cli/terminal';

interface ReconcileOptions extends SidOptions {
  readonly from: string;
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
}

type Context = CommandContext<ReconcileOptions>;

const REDRAW_MILLIS = 200;
/** Without a limit of time each call may still not last for ever. */
const CALL_MILLIS = 5 * 60_000;

export const addReconcile: AddCommand = (program, cli) => {
  program
    .command('reconcile')
    .description("Compares the table with Rakuten's Events API and fetches what is missing.")
    .requiredOption(
      '--from <time>',
      'lines that Rakuten processed at this time or later (a day, or a time with Z), 29 days ago at the earliest',
    )
    .option('--to <time>', 'lines that Rakuten processed up to this time (default: now)')
    .option('--sid <sid>', 'the publisher, where there are several')
    .option('--dry-run', 'only report; nothing is sent')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      `
The schedules do this by themselves, hourly and daily; by hand it is for looking closer, or for a time that they do not cover. What is missing, or
told otherwise, or not confirmed yet is sent through the queue and is in the table moments later. Doing it twice does no harm.

  missing         Rakuten holds the line, the table does not
  different       both have it, with other values (row → Rakuten); the row keeps both
  incomplete      Rakuten tells a field that the row does not have
  not at Rakuten  a row that the Events API does not tell: forged, eliminated by the advertiser, or too new

Exit codes: 0 done (with --dry-run: there are differences), 3 with --dry-run: there are none.

Examples:
  $ rakuten-postback reconcile --from 2026-03-01 --dry-run
  $ rakuten-postback reconcile --from 2026-03-13T06:00:00Z --to 2026-03-13T09:00:00Z`,
    )
    .action(cli.action<ReconcileOptions>(reconcile));
};

async function reconcile(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const { publisher, window } = await whatToCompare(context);
  const found = await compareWindow(context, publisher, window);
  const { differences, result } = found;
  if (options.json === true) {
    await writeJsonArray(terminal.stdout, asAsync(differences));
  } else if (differences.length > 0) {
    const columns = differenceColumns(context.colours);
    await writeLine(terminal.stdout, renderTable(columns, differences, terminal.stdout.columns, context.colours.bold));
  }
  for (const text of summary(found, options.dryRun === true)) await writeLine(terminal.stderr, text);
  if (result.next !== undefined) throw new CliError(`stopped; go on with --from ${new Date(result.next.from).toISOString()}`);
  return options.dryRun !== true || differences.length > 0 || result.counts.unverified > 0 ? EXIT.found : EXIT.nothing;
}

async function whatToCompare(context: Context): Promise<{ publisher: ReconcilablePublisher; window: EventsWindow }> {
  const { options, terminal } = context;
  const now = terminal.now();
  const moment = (name: string, text: string): number => Date.parse(requireMoment(name, dayOf(text, now)));
  const asked = { from: moment('--from', options.from), to: options.to === undefined ? now.getTime() : moment('--to', options.to) };
  if (asked.from >= asked.to) throw usageError('--from is not before --to');
  const sid = await publisherOf(context);
  const { store } = await registrationPorts(context);
  try {
    const publisher = reconcilablePublisher(sid, await store.readState(sid));
    const window = clamp(asked, publisher.comparableSince, now.getTime());
    if (window.from >= window.to)
      throw usageError('Rakuten tells lines that it processed between 29 days and two minutes ago: nothing of that is asked for');
    return { publisher, window };
  } catch (error) {
    throw error instanceof NotReconcilableError ? new CliError(error.message, EXIT.error, { cause: error }) : error;
  }
}

interface Found {
  readonly result: RunResult;
  readonly differences: readonly Difference[];
  readonly window: EventsWindow;
}

async function compareWindow(context: Context, publisher: ReconcilablePublisher, window: EventsWindow): Promise<Found> {
  const { options, terminal } = context;
  const installation = await context.installation();
  const tableName = requireResource(installation, 'tableName');
  const dynamodb = new DynamoDBClient(installation.aws('dynamodb'));
  const ports = await registrationPorts(context);
  const clock = abortableClock(terminal.signal);
  const client = await openClient(publisher, { send: ports.send, readSecret: ports.readSecret, clock });
  const differences: Difference[] = [];
  const confirmable = new Set<string>();
  const progress = progressTeller(context, window);
  let reached = { from: window.from, counts: NO_COUNTS };
  const running = run(
    { sid: publisher.sid, runId: newRunId('manual'), window },
    {
      readPage: eventsPages(client, () => clock.now() + CALL_MILLIS),
      rows: new TableRows(dynamodb, tableName),
      send:
        options.dryRun === true ? undefined : sqsOutbox(new SQSClient(installation.aws('sqs')), requireResource(installation, 'queueUrl')),
      now: () => terminal.now().getTime(),
      isTimeUp: () => terminal.signal.aborted,
      onComparison: (comparison) => {
        const difference = differenceOf(comparison);
        if (difference !== undefined) differences.push(difference);
        confirmable.add(keyText(comparison.key.orderKey, comparison.key.lineKey));
      },
      onProgress: (at) => {
        reached = { from: at.reached, counts: at.counts };
        progress(at);
      },
    },
  );
  const result = await running.catch((error: unknown): RunResult => {
    // Ctrl-C in the middle of a wait.
    if (!terminal.signal.aborted) throw error;
    return { counts: reached.counts, next: { from: reached.from } };
  });
  if (result.next === undefined) {
    const dayShards = options.dayShards ?? Number(installation.resources.dayShards ?? 1);
    const query = { tableName, dayShards, sid: publisher.sid, window, receivedBefore: terminal.now().getTime() };
    for await (const row of unverifiedRows(dynamodb, query)) {
      const difference = differenceOfRow(row);
      if (!confirmable.has(keyText(difference.order_key, difference.line_key))) differences.push(difference);
    }
  }
  return { result, differences, window };
}

const keyText = (orderKey: string, lineKey: string): string => `${lineKey} ${orderKey}`;

/** Ends a wait for Rakuten's limit as soon as the person at the terminal wants to stop. */
const abortableClock = (signal: AbortSignal): Clock => ({
  ...systemClock,
  sleep: async (millis) => {
    await wait(millis, undefined, { signal });
  },
});

function progressTeller({ terminal, options }: Context, window: EventsWindow) {
  let drawn = 0;
  return ({ reached, counts }: { readonly reached: number; readonly counts: Counts }): void => {
    const isDone = reached >= window.to;
    if (options.quiet === true || terminal.stderr.isTTY !== true || (!isDone && performance.now() - drawn < REDRAW_MILLIS)) return;
    drawn = performance.now();
    const percent = Math.floor((100 * (reached - window.from)) / (window.to - window.from));
    const text = `${percent} %: ${numberText(comparedCount(counts))} lines, ${numberText(counts.missing)} missing, ${numberText(counts.different)} different`;
    terminal.stderr.write(`\r\u001b[K${text}${isDone ? '\n' : ''}`);
  };
}

function summary({ result: { counts }, differences, window }: Found, isDryRun: boolean): string[] {
  const { missing, different, incomplete, unverified, same, sent } = counts;
  const unknown = differences.filter(({ what }) => what === 'not at Rakuten').length;
  const span = `${new Date(window.from).toISOString()} to ${new Date(window.to).toISOString()}`;
  return [
    `${numberText(comparedCount(counts))} lines at Rakuten (${span}): ${numberText(same)} the same and confirmed, ${numberText(unverified)} the same and not confirmed yet, ` +
      `${numberText(missing)} missing, ${numberText(different)} different, ${numberText(incomplete)} incomplete; ${numberText(unknown)} rows that Rakuten does not tell`,
    isDryRun ? 'nothing was sent (--dry-run)' : `${numberText(sent)} lines were sent through the queue`,
  ];
}

async function* asAsync<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

const numberText = (value: number): string => value.toLocaleString('en-US');
