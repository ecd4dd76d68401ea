import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type RotationAnswer, type RotationEvent, rotateUrlSecret } from '../../core/registration/rotate';
import { newUrlSecret, SecretsManagerVersions } from '../../core/store/secret-versions';
import type { AddCommand, CommandContext } from '../cli/command';
import { EXIT, type ExitCode } from '../cli/errors';
import { invokeFunction } from '../cli/invoke';
import { publisherOf, publishersOf, registrationPorts, type SidOptions } from '../cli/registration';
import { timeText } from '../cli/show';
import { writeLine } from '../cli/terminal';

interface RotateOptions extends SidOptions {
  readonly all?: boolean;
}

type Context = CommandContext<RotateOptions>;

const LONGEST_MILLIS = 8 * 60_000;

export const addRotateSecret: AddCommand = (program, cli) => {
  program
    .command('rotate-secret')
    .description('Puts a new secret into the postback URL at Rakuten, without losing a postback.')
    .option('--sid <sid>', 'the publisher, where there are several')
    .option('--all', 'every publisher, one after the other')
    .addHelpText(
      'after',
      `
The new secret is accepted before it is registered, and the old one for an hour after: whatever Rakuten sends on the way is received. A run that
is cut off leaves a working postback; the next one goes on where it ended. On a deployed stack the registration function does the work.

Exit code 3 when nothing is registered.

Examples:
  $ rakuten-postback rotate-secret
  $ rakuten-postback rotate-secret --all --json`,
    )
    .action(cli.action<RotateOptions>(rotateSecret));
};

async function rotateSecret(context: Context): Promise<ExitCode> {
  const { options, terminal } = context;
  const sids = options.all === true ? await publishersOf(context) : [await publisherOf(context)];
  const answers: RotationAnswer[] = [];
  for (const sid of sids) {
    const answer = await rotate(context, { operation: 'rotate-secret', sid });
    answers.push(answer);
    if (options.json !== true) await writeLine(terminal.stdout, inWords(answer));
  }
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify(answers));
  return answers.some(({ outcome }) => outcome === 'rotated') ? EXIT.found : EXIT.nothing;
}

async function rotate(context: Context, event: RotationEvent): Promise<RotationAnswer> {
  const installation = await context.installation();
  if (installation.kind !== 'local') return invokeFunction<RotationAnswer>(context, 'registrationFunctionName', event);
  // The local run has no service that invokes functions: what the function does is done here.
  const versions = new SecretsManagerVersions(new SecretsManagerClient(installation.aws('secretsManager')));
  const ports = { ...(await registrationPorts(context)), versions, newSecret: newUrlSecret };
  return rotateUrlSecret(ports, event, ports.clock.now() + LONGEST_MILLIS);
}

function inWords({ sid, outcome, resumed, previousAcceptedUntil }: RotationAnswer): string {
  if (outcome === 'not-registered') return `SID ${sid}: nothing is registered, so there is nothing to rotate`;
  const which = resumed ? 'the new secret that an earlier run began with' : 'a new secret';
  return `SID ${sid}: ${which} is registered; postbacks under the old one are taken until ${timeText(previousAcceptedUntil ?? '')} UTC`;
}
