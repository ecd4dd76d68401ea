import { Option } from 'commander';
import type { RotationAnswer, RotationEvent } from '../../core/registration/rotate';
import type { AddCommand, CommandContext } from '../command';
import { EXIT, type ExitCode } from '../errors';
import { invokeFunction } from '../invoke';
import { publisherOf, publishersOf, type SidOptions } from '../registration';
import { timeText } from '../show';
import { writeLine } from '../terminal';

interface RotateOptions extends SidOptions {
  readonly all?: boolean;
  readonly resume?: boolean;
}

type Context = CommandContext<RotateOptions>;

export const addRotateSecret: AddCommand = (program, cli) => {
  program
    .command('rotate-secret')
    .description('Puts a new secret into the postback URL at Rakuten, without losing a postback.')
    .option('--sid <sid>', 'the publisher, if there are several')
    .option('--all', 'every publisher, one after the other')
    .addOption(
      new Option('--fresh', 'discard the value of an interrupted run (the default)').conflicts(
        'resume',
      ),
    )
    .option('--resume', 'continue an interrupted run with its value, if there is one')
    .addHelpText(
      'after',
      `
The registration function accepts the new secret before it registers it, and the
old one for an hour after that, so no postback is lost on the way. An
interrupted run leaves a working postback.

Each run makes a value of its own and discards that of an interrupted run, which
may have leaked (--fresh). With --resume it installs that value, as a rotation
on a schedule does.

Exit code 3 if nothing is registered.

Examples:
  $ cdk-rakuten-postback rotate-secret
  $ cdk-rakuten-postback rotate-secret --all --json`,
    )
    .action(cli.action<RotateOptions>(rotateSecret));
};

async function rotateSecret(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const sids = options.all === true ? await publishersOf(context) : [await publisherOf(context)];
  const answers: RotationAnswer[] = [];
  for (const sid of sids) {
    const event: RotationEvent = {
      operation: 'rotate-secret',
      sid,
      fresh: options.resume !== true,
    };
    const answer = await invokeFunction<RotationAnswer>(context, 'registrationFunctionName', event);
    answers.push(answer);
    if (options.json !== true) await writeLine(terminal.stdout, resultText(answer));
  }
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify(answers));
  return answers.some(({ outcome }) => outcome === 'rotated') ? EXIT.found : EXIT.nothing;
}

function resultText({
  sid,
  outcome,
  resumed,
  discarded,
  previousAcceptedUntil,
}: RotationAnswer): string {
  if (outcome === 'not-registered')
    return `SID ${sid}: nothing is registered, so there is nothing to rotate`;
  const which = resumed ? 'the new secret of an interrupted run' : 'a new secret';
  const instead = discarded ? ' in place of that of an interrupted run' : '';
  return `SID ${sid}: ${which} is registered${instead}; postbacks under the old one are accepted until ${timeText(previousAcceptedUntil ?? '')} UTC`;
}
