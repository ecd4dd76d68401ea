import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Option } from 'commander';
import { requireMoment } from '../../client/input';
import type { EventsWindow } from '../../core/rakuten/events-api/events';
import { type Counts, comparedCount, NO_COUNTS } from '../../core/reconciliation/counts';
import { unverifiedRows } from '../../core/reconciliation/day-index';
import { clamp } from '../../core/reconciliation/window';
import type { AddCommand, CommandContext } from '../command';
import {
  type Difference,
  differenceColumns,
  differenceKey,
  isNotable,
  notReturned,
} from '../differences';
import { CliError, EXIT, type ExitCode, usageError } from '../errors';
import { requireResource } from '../installation';
import { writeJsonArray } from '../json';
import { dayOf } from '../options';
import { numberText, StatusLine } from '../progress';
import {
  invokeReconciliation,
  MAX_DIFFERENCES,
  type ReconciliationResult,
  splitIntoDays,
} from '../reconciliation';
import { publisherOf, type SidOptions } from '../registration';
import { renderTable } from '../table';
import { writeLine, writeText } from '../terminal';
import { addTimeZone, type TimeZoneOptions } from '../time-zone';

interface ReconcileOptions extends SidOptions, TimeZoneOptions {
  readonly from: string;
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly acceptChanges?: boolean;
  readonly quiet?: boolean;
}

type Context = CommandContext<ReconcileOptions>;

export const addReconcile: AddCommand = (program, cli) => {
  addTimeZone(program.command('reconcile'))
    .description("Compares the table with Rakuten's Events API and corrects the table.")
    .requiredOption(
      '--from <time>',
      'lines that Rakuten processed at this time or later (a day, or a time with Z), at most 29 days ago',
    )
    .option('--to <time>', 'lines that Rakuten processed up to this time (default: now)')
    .option('--sid <sid>', 'the publisher, if there are several')
    .option('--dry-run', 'only report the differences')
    .addOption(
      new Option(
        '--accept-changes',
        'apply changes that the brake holds back (see below)',
      ).conflicts('dryRun'),
    )
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      `
The schedules reconcile hourly and daily. Run this command for a closer look, or
for a time that they do not cover. It invokes the reconciliation function for
one UTC day after the other and writes nothing itself. You can repeat it at any
time.

  missing       the Events API returns a line without a row: the function adds
                it
  unverified    the row was not verified: it is now. Listed only if the answer
                has other checked values than the row
  different     the answer replaces or empties checked values of a verified row
                (row → Rakuten)
  updated       the answer changes other values
  returned      a withdrawn line is back
  withdrawn     a verified line is gone: the advertiser eliminated it (found by
                the daily run, and with --accept-changes)
  unreadable    a checked field of the answer cannot be read, so it verifies
                nothing
  reused        the ID belongs to another line now
  not returned  the Events API does not return the row: it is forged, eliminated
                or too new. It may not keep events (EVENT Y)

The brake: answers that would change or withdraw more than 2 % (and at least
five) of the verified lines that they cover look like a fault at Rakuten. The
function then changes none of these lines and raises an alarm. If the answers
are right, run the command with --accept-changes: it reconciles the whole window
in one invocation without the brake. If the daily run was held back, give the
window of that run, which begins 29 days ago.

Exit codes: 0 done (with --dry-run: there are differences), 1 an error, or the
brake held changes back, 3 nothing could be compared (with --dry-run: there are
no differences).

Examples:
  $ cdk-rakuten-postback reconcile --from 2026-03-01 --dry-run
  $ cdk-rakuten-postback reconcile --from 2026-03-13T06:00:00Z --to 2026-03-13T09:00:00Z`,
    )
    .action(cli.action<ReconcileOptions>(reconcile));
};

async function reconcile(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const window = await reconcilableWindow(context);
  const sid = await publisherOf(context);
  const found = await reconcileWindow(context, sid, window);
  const unreturned =
    found.interruption === undefined ? await rowsNotReturned(context, sid, window, found) : [];
  const differences = [...found.differences.values(), ...unreturned].filter(isNotable);
  if (options.json === true) {
    await writeJsonArray(terminal.stdout, asAsync(differences));
  } else if (differences.length > 0) {
    const columns = differenceColumns(context.colours);
    await writeLine(
      terminal.stdout,
      renderTable(columns, differences, terminal.stdout.columns, context.colours.bold),
    );
  }
  for (const text of summary(context, window, found, unreturned))
    await writeText(terminal.stderr, text);
  if (found.interruption !== undefined) throw found.interruption.error;
  return exitCodeOf(context, found, differences);
}

/** The part of the requested window that the Events API covers. Another part is reported. */
async function reconcilableWindow({ options, terminal }: Context): Promise<EventsWindow> {
  const now = terminal.now();
  const { timeZone } = options;
  const moment = (name: string, text: string): number =>
    Date.parse(requireMoment(name, dayOf(text, now, timeZone), timeZone));
  const requested = {
    from: moment('--from', options.from),
    to: options.to === undefined ? now.getTime() : moment('--to', options.to),
  };
  if (requested.from >= requested.to) throw usageError('--from is not before --to');
  const window = clamp(requested, 0, now.getTime());
  for (const text of leftOut(requested, window)) await writeText(terminal.stderr, text);
  if (window.from < window.to) return window;
  throw usageError(
    'the Events API covers lines that Rakuten processed between 29 days and two minutes ago, and the window is outside',
  );
}

/** What a window lacks of another, apart from parts of a second. */
function leftOut(requested: EventsWindow, { from, to }: EventsWindow): string[] {
  return [
    ...(from - requested.from < 1000
      ? []
      : [`the window begins at ${momentText(from)}: the Events API covers 29 days`]),
    ...(requested.to - to < 1000
      ? []
      : [
          `the window ends at ${momentText(to)}: lines of the last two minutes may be on their way`,
        ]),
  ];
}

/** The results of the invocations so far. */
interface Found {
  counts: Counts;
  /** By row. The function lists a line at midnight for two days. */
  readonly differences: Map<string, Difference>;
  /** Whether an invocation found more differences than it lists. */
  isCut: boolean;
  braked: number;
  /** Days whose changes the brake held back. */
  readonly brakedWindows: EventsWindow[];
  /** Windows that the function reconciles further by itself. */
  readonly continuing: EventsWindow[];
  hasComparedAny: boolean;
  /** Start of what the function compared. */
  comparedFrom?: number;
  /** Why the rest of the window was not reconciled, and where it begins. */
  interruption?: { readonly error: unknown; readonly from: string };
}

async function reconcileWindow(
  context: Context,
  sid: string,
  window: EventsWindow,
): Promise<Found> {
  const { options, terminal } = context;
  const status = new StatusLine(terminal.stderr, options.quiet === true);
  const found: Found = {
    counts: NO_COUNTS,
    differences: new Map(),
    isCut: false,
    braked: 0,
    brakedWindows: [],
    continuing: [],
    hasComparedAny: false,
  };
  const showBusy = (message: string): void => {
    status.erase();
    void writeLine(terminal.stderr, message);
  };
  // The brake counts the lines of one invocation. Without it there is no reason to split the
  // window.
  for (const part of options.acceptChanges === true ? [window] : splitIntoDays(window)) {
    status.draw(`${progressText(window, part.from, found)}; reading ${dayText(part.from)} …`);
    try {
      terminal.signal.throwIfAborted();
      addResult(
        found,
        part,
        await invokeReconciliation(context, { sid, window: part, ...modeOf(options) }, showBusy),
      );
    } catch (cause) {
      const from = momentText(part.from);
      const isStopped = terminal.signal.aborted;
      found.interruption = {
        from,
        error: isStopped
          ? new CliError(`stopped; go on with --from ${from}`, EXIT.error, { cause })
          : cause,
      };
      break;
    }
  }
  status.draw(progressText(window, window.to, found));
  if (found.interruption === undefined && options.quiet !== true && terminal.stderr.isTTY === true)
    await writeLine(terminal.stderr, '');
  else status.erase();
  return found;
}

const modeOf = ({
  dryRun,
  acceptChanges,
}: ReconcileOptions): { dryRun?: true; acceptChanges?: true } => ({
  ...(dryRun === true ? { dryRun } : {}),
  ...(acceptChanges === true ? { acceptChanges } : {}),
});

function addResult(found: Found, part: EventsWindow, result: ReconciliationResult): void {
  const { outcome, counts, differences = [], braked = 0, from } = result;
  if (outcome !== 'empty') found.comparedFrom ??= from === undefined ? part.from : Date.parse(from);
  if (counts !== undefined) {
    const names = Object.keys(NO_COUNTS) as (keyof Counts)[];
    found.counts = Object.fromEntries(
      names.map((name) => [name, found.counts[name] + (counts[name] ?? 0)]),
    ) as Counts;
  }
  for (const difference of differences)
    found.differences.set(differenceKey(difference), difference);
  found.isCut ||= differences.length >= MAX_DIFFERENCES;
  found.braked += braked;
  if (braked > 0) found.brakedWindows.push(part);
  if (outcome === 'continues') found.continuing.push(part);
  found.hasComparedAny ||= outcome !== 'empty';
}

/**
 * Rows that arrived in the window and that the Events API does not return.
 *
 * The index can be a second behind, and a dry run verifies nothing: rows that the function reported
 * are left out.
 */
async function rowsNotReturned(
  context: Context,
  sid: string,
  window: EventsWindow,
  found: Found,
): Promise<Difference[]> {
  const { options, terminal } = context;
  if (options.dryRun === true && found.isCut) return [];
  const installation = await context.installation();
  const client = new DynamoDBClient(installation.aws('dynamodb'));
  const query = {
    tableName: requireResource(installation, 'tableName'),
    dayShards: options.dayShards ?? Number(installation.resources.dayShards ?? 1),
    sid,
    window,
    receivedBefore: terminal.now().getTime(),
  };
  const rows: Difference[] = [];
  for await (const row of unverifiedRows(client, query)) rows.push(notReturned(row));
  return rows.filter((row) => !found.differences.has(differenceKey(row)));
}

function progressText({ from, to }: EventsWindow, reached: number, { counts }: Found): string {
  const percent = Math.floor((100 * (reached - from)) / (to - from));
  return `${percent} %: ${lineCount(comparedCount(counts))} compared, ${numberText(counts.missing)} missing, ${numberText(counts.different)} different`;
}

/** In the order of the help text. */
const SHOWN_COUNTS = [
  'same',
  'missing',
  'unverified',
  'different',
  'updated',
  'returned',
  'withdrawn',
  'unreadable',
  'reused',
] as const;
const ALWAYS_SHOWN: readonly string[] = ['same', 'missing', 'different'];

function summary(
  { options, colours }: Context,
  window: EventsWindow,
  found: Found,
  unreturned: readonly Difference[],
): string[] {
  const {
    counts,
    braked,
    brakedWindows,
    continuing,
    isCut,
    interruption,
    comparedFrom = window.from,
  } = found;
  if (!found.hasComparedAny && interruption !== undefined) return [];
  if (!found.hasComparedAny)
    return [
      'nothing in this window can be compared: it is before the first complete registration, or before `notBefore`',
    ];
  const shown = SHOWN_COUNTS.filter((name) => counts[name] > 0 || ALWAYS_SHOWN.includes(name));
  return [
    `${lineCount(comparedCount(counts))} from the Events API, ${spanText(window)}`,
    `  ${shown.map((name) => `${numberText(counts[name])} ${name}`).join(', ')}`,
    ...(comparedFrom - window.from < 1000
      ? []
      : [
          `lines before ${momentText(comparedFrom)} were not compared: it is before the first complete registration, or before \`notBefore\``,
        ]),
    ...(counts.foreign === 0
      ? []
      : [`  ${numberText(counts.foreign)} of other publishers, skipped`]),
    ...unreturnedText(unreturned),
    ...(isCut
      ? [`not all differences are listed: an invocation lists ${numberText(MAX_DIFFERENCES)}`]
      : []),
    ...continuing.map(
      (part) =>
        `${spanText(part)} takes longer than one invocation: the function continues by itself, and logs its results`,
    ),
    options.dryRun === true
      ? 'nothing was written (--dry-run)'
      : `${numberText(counts.written)} ${counts.written === 1 ? 'row was' : 'rows were'} written`,
    ...(braked === 0 ? [] : brakeText(braked, brakedWindows).map((text) => colours.yellow(text))),
    ...(interruption === undefined
      ? []
      : [`not reconciled: the time from ${interruption.from} on`]),
  ];
}

/** Events apart: the Events API may not keep them. */
function unreturnedText(unreturned: readonly Difference[]): string[] {
  if (unreturned.length === 0) return [];
  const events = unreturned.filter(({ is_event }) => is_event === 'Y').length;
  const others = unreturned.length - events;
  const parts = [
    ...(others === 0 ? [] : [`${numberText(others)} confirmed ${others === 1 ? 'line' : 'lines'}`]),
    ...(events === 0 ? [] : [`${numberText(events)} ${events === 1 ? 'event' : 'events'}`]),
  ];
  return [`  ${numberText(unreturned.length)} not returned: ${parts.join(', ')}`];
}

function brakeText(braked: number, windows: readonly EventsWindow[]): string[] {
  const [first] = windows;
  const last = windows.at(-1);
  if (first === undefined || last === undefined) return [];
  const span = `--from ${momentText(first.from)} --to ${momentText(last.to)}`;
  return [
    `warning: the brake held back ${numberText(braked)} ${braked === 1 ? 'change' : 'changes'} to verified lines, on ${windows.map(({ from }) => dayText(from)).join(', ')}`,
    "  compare some of them with Rakuten's reports:",
    `reconcile ${span} --dry-run`,
    '  if the answers are right, apply them:',
    `reconcile ${span} --accept-changes`,
  ];
}

function exitCodeOf(
  { options }: Context,
  { braked, counts, hasComparedAny }: Found,
  differences: readonly Difference[],
): ExitCode {
  if (!hasComparedAny) return EXIT.nothing;
  if (options.dryRun === true)
    return differences.length > 0 || counts.unverified > 0 ? EXIT.found : EXIT.nothing;
  return braked > 0 ? EXIT.error : EXIT.found;
}

async function* asAsync<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

const lineCount = (count: number): string =>
  `${numberText(count)} ${count === 1 ? 'line' : 'lines'}`;
const dayText = (millis: number): string => new Date(millis).toISOString().slice(0, 10);
const spanText = ({ from, to }: EventsWindow): string => `${momentText(from)} to ${momentText(to)}`;

/** `2026-03-27T06:00:00Z`: as --from accepts it, whatever the time zone. */
const momentText = (millis: number): string =>
  new Date(millis).toISOString().replace(/\.000Z$/, 'Z');
