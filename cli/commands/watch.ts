import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Check } from '../../core/status-watch/check';
import type { WatchSettings } from '../../core/status-watch/record';
import { type WatchResult, watch } from '../../core/status-watch/watch';
import { DynamoWatchStore } from '../../core/status-watch/watch-store';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import { requireResource } from '../installation';
import { invokeFunction } from '../invoke';
import { registrationPorts, type SidOptions } from '../registration';
import { writeLine } from '../terminal';

type Context = CommandContext<SidOptions>;

/** Of the construct's own defaults; the probe included. */
const LOCAL_SETTINGS: WatchSettings = {
  onTakeover: 'REPORT',
  selfProbe: true,
  flappingAfter: 3,
  flappingWindowSeconds: 24 * 3600,
};
const LONGEST_MILLIS = 5 * 60_000;

export const addWatch: AddCommand = (program, cli) => {
  program
    .command('watch')
    .description('Has the status watch look now: what it may put right at Rakuten is put right.')
    .addHelpText(
      'after',
      `
The schedule does this by itself every few minutes. "status" looks without
changing anything.

Exit code 1 when a postback that should be on is not, or could not be looked at.

Examples:
  $ cdk-rakuten-postback watch
  $ cdk-rakuten-postback watch --json | jq '.checks[] | select(.restored)'`,
    )
    .action(cli.action<SidOptions>(look));
};

async function look(context: Context): Promise<ExitCode> {
  const { options, terminal, colours } = context;
  const result = await run(context);
  const { checks, probe } = result;
  if (options.json === true) {
    await writeLine(terminal.stdout, JSON.stringify(result));
  } else {
    for (const check of checks)
      await writeLine(
        terminal.stdout,
        isWell(check) ? inWords(check) : colours.red(inWords(check)),
      );
    if (checks.length === 0) await writeLine(terminal.stderr, 'no publisher is registered');
    if (probe !== undefined) {
      const answer =
        probe.status === 200
          ? `acknowledged after ${Math.round(probe.millis)} ms`
          : `not acknowledged (${probe.status ?? probe.error})`;
      await writeLine(terminal.stdout, `endpoint: ${answer}`);
    }
  }
  return checks.every(isWell) && (probe === undefined || probe.status === 200)
    ? EXIT.found
    : EXIT.error;
}

async function run(context: Context): Promise<WatchResult> {
  const installation = await context.installation();
  if (installation.kind !== 'local')
    return invokeFunction<WatchResult>(context, 'statusWatchFunctionName', {});
  // The local run has no schedule, event bus or service that invokes functions: what the function
  // does is done here, and what it would say is written.
  const ports = await registrationPorts(context);
  const { stderr } = context.terminal;
  return watch(
    {
      ...ports,
      store: new DynamoWatchStore(
        new DynamoDBClient(installation.aws('dynamodb')),
        requireResource(installation, 'stateTableName'),
      ),
      taskFailed: ({ message, sid, reason }) =>
        void writeLine(
          stderr,
          `${message}${sid === undefined ? '' : ` for SID ${sid}`}: ${reason}`,
        ),
      announce: async (announcements) => {
        for (const announcement of announcements)
          await writeLine(stderr, `event: ${JSON.stringify(announcement)}`);
      },
      reconcile: (sid, { from, to }) =>
        writeLine(
          stderr,
          `SID ${sid}: fetch what it missed with "reconcile --local --from ${from} --to ${to}"`,
        ),
    },
    LOCAL_SETTINGS,
    ports.clock.now() + LONGEST_MILLIS,
  );
}

const isWell = ({ finding, restored, problem }: Check): boolean =>
  problem === undefined &&
  (restored || ['active', 'switched-off', 'not-registered', 'busy'].includes(finding));

const FINDINGS: Record<Check['finding'], string> = {
  active: 'on',
  'switched-off': 'to be off, as the stack says',
  disabled: 'switched off at Rakuten',
  missing: 'missing at Rakuten',
  'taken-over': "somebody else's URL is in the slot",
  outdated: 'registered with a URL whose postbacks are lost',
  busy: 'a registration, a rotation or another look is at work',
  'not-registered': 'not registered',
  unknown: 'could not be looked at',
};

function inWords({ sid, finding, plan, restored, flapping, problem }: Check): string {
  const done = restored
    ? ': put right'
    : plan === 'report'
      ? ': left alone'
      : plan === 'back-off'
        ? ': put right later, as it was again and again'
        : '';
  const why = problem === undefined ? '' : `: ${problem}`;
  return `SID ${sid}: ${FINDINGS[finding]}${done}${why}${flapping && plan !== 'back-off' ? ' (flapping)' : ''}`;
}
