import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CliError } from './errors';
import type { Terminal } from './terminal';

type Env = Terminal['env'];

/**
 * Refuses a profile that AWS's files do not have: the SDK would only say that it finds no
 * credentials, or no region.
 */
export async function checkProfile(
  { profile }: { readonly profile?: string },
  env: Env,
): Promise<void> {
  const named = profile ?? env.AWS_PROFILE;
  if (named === undefined || named === '' || named === 'default') return;
  const files = [
    fileOf(env, 'AWS_CONFIG_FILE', 'config'),
    fileOf(env, 'AWS_SHARED_CREDENTIALS_FILE', 'credentials'),
  ];
  const profiles = new Set((await Promise.all(files.map(profilesIn))).flat());
  if (profiles.has(named)) return;
  const there = profiles.size === 0 ? 'have none' : `have ${[...profiles].sort().join(', ')}`;
  throw new CliError(
    `there is no AWS profile ${named}: ${files.join(' and ')} ${there}. Name one with ${profile === undefined ? 'AWS_PROFILE' : '--profile'} ` +
      `("aws configure list-profiles" lists them), or make it with "aws configure --profile ${named}" or "aws configure sso --profile ${named}"`,
  );
}

const fileOf = (env: Env, variable: string, name: string): string =>
  env[variable] || join(env.HOME || homedir(), '.aws', name);

/**
 * `[default]` and `[profile work]` in the one file, `[work]` in the other; `[sso-session …]` and
 * `[services …]` are no profiles.
 */
async function profilesIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const headings = [...text.matchAll(/^[ \t]*\[[ \t]*([^\]\n]+?)[ \t]*\]/gm)].map(
    ([, heading = '']) => heading,
  );
  return headings
    .filter((heading) => !/^(sso-session|services)\s/.test(heading))
    .map((heading) => heading.replace(/^profile\s+/, '').replace(/^(["'])(.*)\1$/, '$2'));
}
