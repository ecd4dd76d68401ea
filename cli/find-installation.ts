import { usageError } from './errors';
import type { AwsConfig, GlobalOptions, Installation } from './installation';
import { localInstallation } from './local';
import { checkProfile } from './profile';
import { stackInstallation } from './stack';
import type { Terminal } from './terminal';

/** Environment variable with the default stack; the app in `bin/` is deployed with it, too. */
const STACK_VARIABLE = 'RAKUTEN_STACK_NAME';
export const DEFAULT_STACK = 'RakutenPostback';

/** For messages, before the installation is found. */
export function installationName(options: GlobalOptions, env: Terminal['env']): string {
  if (options.local === true) return 'the local run';
  if (options.table !== undefined) return `table ${options.table}`;
  return `stack ${stackName(options, env)}`;
}

const stackName = (options: GlobalOptions, env: Terminal['env']): string =>
  options.stack || env[STACK_VARIABLE] || DEFAULT_STACK;

/** Finds the installation that the options name. */
export async function findInstallation(
  options: GlobalOptions,
  terminal: Terminal,
): Promise<Installation> {
  const chosen = [
    options.stack !== undefined,
    options.table !== undefined,
    options.local === true,
  ].filter(Boolean).length;
  if (chosen > 1)
    throw usageError('--stack, --table and --local exclude each other: give one of them');
  if (options.construct !== undefined && (options.table !== undefined || options.local === true))
    throw usageError(
      '--construct chooses one of several in a stack: leave out --table and --local',
    );
  if (options.local === true) return localInstallation(terminal.directory);
  await checkProfile(options, terminal.env);
  const config: AwsConfig = { region: options.region, profile: options.profile };
  if (options.table === undefined)
    return stackInstallation(stackName(options, terminal.env), config, options.construct);
  return {
    name: `table ${options.table}`,
    kind: 'table',
    resources: { tableName: options.table },
    aws: () => config,
  };
}
