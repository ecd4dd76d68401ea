/**
 * Builds the packages for every language into dist/<language>:
 *
 *     node tools/run.mjs package [--targets js,python,java,go,dotnet] [--compile-go] [--keep <folder>]
 *
 * What this machine has no tools for is generated as source code only, and that is said. Everything
 * happens in a copy of the checkout, which --keep leaves in a folder of your choice (it must not
 * exist) for what comes after.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildCopy, node, ROOT, releaseTool } from './build-copy';
import { missingFor, TARGETS, type Target } from './targets';

const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: TARGETS.map(({ name }) => name).join(',') },
    'compile-go': { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
});
const targets = values.targets.split(',').map((name) => {
  const target = TARGETS.find((known) => known.name === name);
  if (target === undefined)
    throw new Error(
      `--targets: no language "${name}"; there are ${TARGETS.map((known) => known.name).join(', ')}`,
    );
  return target;
});
const folder =
  values.keep === undefined
    ? join(mkdtempSync(join(tmpdir(), 'package-')), 'build')
    : resolve(values.keep);
if (existsSync(folder)) throw new Error(`--keep: ${folder} is there already`);

try {
  mkdirSync(folder, { recursive: true });
  timed('bundles, jsii and API reference', () => buildCopy(folder));
  const dist = join(ROOT, 'dist');
  const sourceOnly = targets.filter((target) => whySourceOnly(target) !== undefined);
  const complete = targets.filter((target) => !sourceOnly.includes(target));
  generate(complete, []);
  generate(sourceOnly, ['--code-only']);
  for (const target of targets) {
    rmSync(join(dist, target.name), { recursive: true, force: true });
    cpSync(join(folder, 'dist', target.name), join(dist, target.name), { recursive: true });
    report(target, join(dist, target.name));
  }
} finally {
  if (values.keep === undefined) rmSync(join(folder, '..'), { recursive: true, force: true });
}

function generate(some: readonly Target[], options: readonly string[]): void {
  if (some.length === 0) return;
  const args = [
    releaseTool('jsii-pacmak'),
    ...options,
    '--targets',
    ...some.map(({ name }) => name),
  ];
  timed(some.map(({ language }) => language).join(', '), () => node(args, folder));
}

function whySourceOnly(target: Target): string | undefined {
  const missing = missingFor(target);
  if (missing.length > 0) return `no ${missing.join(' and no ')} on this machine`;
  return values['compile-go'] ? undefined : target.slow;
}

function report(target: Target, made: string): void {
  const why = whySourceOnly(target);
  const files = readdirSync(made, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(made, name),
  );
  const archives = files.filter(
    (name) => /\.(tgz|whl|jar|nupkg)$/.test(name) && !/-(sources|javadoc)\.jar$/.test(name),
  );
  if (why !== undefined)
    console.log(`${target.language}: source code only in ${relative(ROOT, made)} (${why})`);
  else if (archives.length === 0) console.log(`${target.language}: ${relative(ROOT, made)}`);
  else
    for (const file of archives)
      console.log(
        `${target.language}: ${relative(ROOT, file)}, ${Math.round(statSync(file).size / 1000)} kB`,
      );
}

function timed(what: string, work: () => void): void {
  const started = Date.now();
  work();
  console.log(`· ${what} (${Math.round((Date.now() - started) / 1000)} s)`);
}
