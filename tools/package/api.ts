/**
 * The public API as readers and as upgrades see it:
 *
 *     npm run docs                       writes API.md from the docstrings
 *     node tools/run.mjs check-api       fails if API.md is outdated, or the API breaks code written
 *                                        for the last release
 *     node tools/run.mjs record-api      records the API under package.json's version, per release
 *
 * `--build <folder>` uses the copy that `node tools/run.mjs package --keep <folder>` built.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../../package.json';
import { buildCopy, node, ROOT, releaseTool, writeApiReference } from './build-copy';

const API_REFERENCE = join(ROOT, 'API.md');
const BASELINE = join(ROOT, 'api', 'released.jsii.json');
const ACCEPTED = join(ROOT, 'api', 'accepted-changes.txt');

const { values, positionals } = parseArgs({
  options: { build: { type: 'string' } },
  allowPositionals: true,
});
const actions: Record<string, (build: string) => void> = { docs, check, baseline };
const action = actions[positionals[0] ?? ''];
if (action === undefined) throw new Error(`one of ${Object.keys(actions).join(', ')} is expected`);

const temporary = values.build === undefined ? mkdtempSync(join(tmpdir(), 'api-')) : undefined;
try {
  if (temporary !== undefined) buildCopy(temporary);
  action(temporary ?? String(values.build));
} finally {
  if (temporary !== undefined) rmSync(temporary, { recursive: true });
}

function docs(build: string): void {
  writeApiReference(build);
  copyFileSync(join(build, 'API.md'), API_REFERENCE);
  console.log('API.md is current');
}

function baseline(build: string): void {
  mkdirSync(join(ROOT, 'api'), { recursive: true });
  writeFileSync(BASELINE, `${JSON.stringify(apiOnly(assemblyOf(build)), null, 1)}\n`);
  console.log(`${relative(ROOT, BASELINE)} has the API of ${packageJson.version}`);
}

function check(build: string): void {
  const problems = [
    referenceProblem(build),
    compatibilityProblem(build, BASELINE),
    blindnessProblem(build),
  ].filter((p) => p !== undefined);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
  const { version } = JSON.parse(readFileSync(BASELINE, 'utf8'));
  console.log(`API.md is current, and nothing of the API of ${version} is gone or another`);
}

function referenceProblem(build: string): string | undefined {
  const current = existsSync(API_REFERENCE) ? readFileSync(API_REFERENCE, 'utf8') : '';
  writeApiReference(build);
  return readFileSync(join(build, 'API.md'), 'utf8') === current
    ? undefined
    : 'API.md is not what the docstrings say: run "npm run docs" and commit it';
}

function compatibilityProblem(build: string, released: string): string | undefined {
  // jsii-diff finds what an assembly depends on only beside it.
  const before = mkdtempSync(join(build, 'released-'));
  const { name, version } = JSON.parse(readFileSync(released, 'utf8'));
  writeFileSync(
    join(before, 'package.json'),
    JSON.stringify({ name, version, jsii: {}, ...dependenciesOf(build) }),
  );
  copyFileSync(released, join(before, '.jsii'));
  try {
    node(
      [
        releaseTool('jsii-diff'),
        '--keys',
        '--error-on',
        'all',
        '--ignore-file',
        ACCEPTED,
        before,
        '.',
      ],
      build,
    );
    return undefined;
  } catch (error) {
    return `${(error as Error).message.trim()}\n\nWho upgrades from ${version} would have to change code. Keep what was there, or put the key in brackets into ${relative(ROOT, ACCEPTED)} with the reason.`;
  } finally {
    rmSync(before, { recursive: true });
  }
}

/**
 * A comparison that notices nothing would be no check: a method that the release had and that is
 * gone must be found.
 */
function blindnessProblem(build: string): string | undefined {
  const doctored = apiOnly(assemblyOf(build));
  const main = doctored.types[`${packageJson.name}.RakutenPostback`];
  main?.methods?.push({ ...main.methods[0], name: 'methodThatIsGone' });
  const file = join(build, 'doctored.jsii.json');
  writeFileSync(file, JSON.stringify(doctored));
  const found = compatibilityProblem(build, file);
  rmSync(file);
  return found?.includes('methodThatIsGone')
    ? undefined
    : 'the comparison with the released API does not notice a method that is gone';
}

interface Assembly {
  readonly name: string;
  readonly version: string;
  readonly types: Record<string, { methods?: { name: string }[] }>;
  readonly [other: string]: unknown;
}

function assemblyOf(build: string): Assembly {
  return JSON.parse(readFileSync(join(build, '.jsii'), 'utf8'));
}

/**
 * Without what the comparison does not look at: the read-me, and how other packages are called in
 * other languages.
 */
function apiOnly({ readme: _readme, dependencyClosure: _closure, ...api }: Assembly): Assembly {
  return { ...api } as Assembly;
}

function dependenciesOf(build: string): object {
  const { dependencies, peerDependencies, bundleDependencies } = JSON.parse(
    readFileSync(join(build, 'package.json'), 'utf8'),
  );
  return { dependencies, peerDependencies, bundleDependencies, main: 'lib/index.js' };
}
