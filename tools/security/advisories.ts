/** Known advisories on the packages in the bundles: `node tools/run.mjs advisories`. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const NOTICES = ['lambda-dist/THIRD-PARTY-NOTICES', 'cli-dist/THIRD-PARTY-NOTICES'];
const TIMEOUT_MILLIS = 30_000;

export type Versions = Readonly<Record<string, readonly string[]>>;

/** Names and versions in the notices of the bundles. */
export function bundledPackages(...notices: readonly string[]): Versions {
  const versions: Record<string, string[]> = {};
  const lines = notices
    .join('\n')
    .matchAll(/^((?:@[\w.-]+\/)?[\w.-]+) (\d+\.\d+\.\d+\S*) \([^)]+\)$/gm);
  for (const [, name = '', version = ''] of lines)
    versions[name] = [...new Set([...(versions[name] ?? []), version])];
  return versions;
}

/**
 * One sentence per advisory; undefined if the registry does not answer as an advisory service does.
 */
export async function findAdvisories(
  packages: Versions,
  registry: string,
): Promise<string[] | undefined> {
  const response = await fetch(new URL('-/npm/v1/security/advisories/bulk', registry), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(packages),
    signal: AbortSignal.timeout(TIMEOUT_MILLIS),
  }).catch(() => undefined);
  if (response?.ok !== true) return undefined;
  const found = (await response.json().catch(() => undefined)) as
    | Record<string, Advisory[]>
    | undefined;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined;
  return Object.entries(found).flatMap(([name, advisories]) =>
    advisories.map(
      ({ severity, title, url }) =>
        `${name} ${packages[name]?.join(', ')}: ${severity}: ${title} (${url})`,
    ),
  );
}

interface Advisory {
  readonly severity: string;
  readonly title: string;
  readonly url: string;
}

async function main(): Promise<void> {
  const root = join(__dirname, '..', '..');
  const packages = bundledPackages(
    ...NOTICES.map((file) => readFileSync(join(root, file), 'utf8')),
  );
  const count = Object.keys(packages).length;
  if (count === 0)
    throw new Error(`no package is named in ${NOTICES.join(' and ')}: has their format changed?`);
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const advisories = await findAdvisories(packages, registry);
  if (advisories === undefined) {
    console.log(
      `NOT CHECKED: the registry has no advisory service, so no one was asked about the ${count} packages in the bundles`,
    );
    return;
  }
  for (const advisory of advisories) console.error(advisory);
  console.log(`${advisories.length} known advisories on the ${count} packages in the bundles`);
  if (advisories.length > 0) process.exitCode = 1;
}

if (process.argv[1] === __filename) void main();
