import { summaryText } from '../../core/rakuten/postback/url';
import { type ShownSlot, type SlotStatus, slotStatus } from '../../core/registration/operations';
import { cellText } from '../../core/terminal-text';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import { lastReceived } from '../last-received';
import { publishersOf, registrationPorts, type SidOptions } from '../registration';
import { timeText } from '../show';
import { writeLine } from '../terminal';

/** How far back the last postback is looked for. */
const DAYS = 30;

/** What is known where the slot could not be read: with which error. */
interface UnknownStatus {
  readonly sid: string;
  readonly problem: string;
}

interface PublisherStatus extends SlotStatus {
  /** When the newest line was received, ISO 8601 UTC; absent when there was none for a month. */
  readonly lastReceivedAt: string | undefined;
}

interface StatusOptions extends SidOptions {
  readonly reveal?: boolean;
}

type Context = CommandContext<StatusOptions>;

export const addStatus: AddCommand = (program, cli) => {
  program
    .command('status')
    .description('Shows the content of the slot at Rakuten, and whether it is what was deployed.')
    .option('--sid <sid>', 'only this publisher')
    .option('--reveal', 'show whole URLs, with their secrets')
    .addHelpText(
      'after',
      '\nOf a URL only its host and the Rakuten fields are shown, unless you give\n--reveal. Exit code 1 if a slot is not as it should be. Nothing is changed.',
    )
    .action(cli.action<StatusOptions>(status));
};

async function status(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const { endpointUrl } = (await context.installation()).resources;
  const ports = await registrationPorts(context);
  const transactions = await context.transactions();
  const found: (PublisherStatus | UnknownStatus)[] = [];
  for (const sid of await publishersOf(context)) {
    const slot = await slotStatus(ports, sid, {
      stackEndpointUrl: endpointUrl,
      reveal: options.reveal,
    }).catch((error: Error) => ({
      sid,
      problem: error.message,
    }));
    found.push(
      'problem' in slot
        ? slot
        : { ...slot, lastReceivedAt: await lastReceived(transactions, sid, terminal.now(), DAYS) },
    );
  }
  if (options.reveal === true)
    await writeLine(terminal.stderr, 'warning: the URLs contain secrets; do not share them');
  if (options.json === true)
    await writeLine(
      terminal.stdout,
      JSON.stringify(found, (_key, value: unknown) => value ?? null),
    );
  else
    for (const one of found)
      for (const line of inWords(context, one)) await writeLine(terminal.stdout, line);
  return found.some((one) => 'problem' in one || one.drift.length > 0) ? EXIT.error : EXIT.found;
}

function inWords({ colours }: Context, status: PublisherStatus | UnknownStatus): string[] {
  if ('problem' in status)
    return [colours.bold(`SID ${status.sid}`), `  ${colours.red(status.problem)}`];
  const { sid, slot, drift, previous, enabled, selfTest, lastReceivedAt } = status;
  const good = enabled ? 'as deployed' : 'as deployed: switched off on purpose';
  return [
    colours.bold(`SID ${sid}`),
    `  slot           ${slot === undefined ? 'empty' : slotText(slot)}`,
    ...(drift.length === 0
      ? [`  state          ${colours.green(good)}`]
      : drift.map((text) => `  state          ${colours.red(text)}`)),
    ...(previous === undefined ? [] : [`  comes back     ${slotText(previous)}`]),
    `  last received  ${lastReceivedAt === undefined ? `nothing in ${DAYS} days` : `${timeText(lastReceivedAt)} UTC`}`,
    `  self-test      ${selfTest === undefined ? 'never' : `median ${selfTest.p50Millis} ms, longest ${selfTest.maxMillis} ms, ${timeText(selfTest.at)} UTC`}`,
    ...(drift.length === 0
      ? []
      : ['  next step      cdk-rakuten-postback register (or deploy); see docs/registration.md']),
  ];
}

const slotText = ({ url, active, ...summary }: ShownSlot): string =>
  `${url === undefined ? summaryText(summary) : cellText(url)}, ${active ? 'active' : 'switched off'}`;
