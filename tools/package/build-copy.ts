import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json';

export const ROOT = join(__dirname, '..', '..');

/**
 * What a package is built from; tests, examples and the rest of the repository stay where they are.
 */
const PARTS =
  /^(lib|core|client|lambda|bin|cli|fake-rakuten|local|tools|docs)\/|^(package\.json|tsconfig\.json|README\.md|CHANGELOG\.md|API\.md|LICENSE|NOTICE|\.npmrc)$/;

/**
 * Builds the package in a copy of the checkout, uncommitted changes included, so that compiled
 * files never lie beside the sources that somebody works on: bundles, jsii, and the API reference
 * that is packed.
 */
export function buildCopy(folder: string): void {
  copySources(folder);
  linkModules(folder);
  for (const bundle of ['lambda', 'cli']) node([join('tools', `build-${bundle}.mjs`)], folder);
  compile(folder);
  writeApiReference(folder);
  stripScripts(folder);
}

/** Compiles the sources of a folder with jsii. Returns what jsii printed. */
export function compile(folder: string): string {
  const args = [
    '--generate-tsconfig',
    'tsconfig.jsii.json',
    '--silence-warnings=metadata/missing-dev-dependency',
  ];
  return node([releaseTool('jsii'), ...args], folder);
}

/** Program of a package in the lockfile of this folder. */
export function releaseTool(name: string): string {
  const program = join(__dirname, 'node_modules', name, 'bin', name);
  if (!existsSync(program))
    throw new Error(
      `${name} is not installed: run "npm ci --ignore-scripts --prefix tools/package"`,
    );
  return program;
}

/**
 * Removes the scripts from a package.json that is packed. npm would warn users about `prepare`,
 * which only the repository can run.
 */
export function stripScripts(folder: string): void {
  const file = join(folder, 'package.json');
  const { scripts, allowScripts, ...packed } = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    unknown
  >;
  writeFileSync(file, `${JSON.stringify(packed, null, 2)}\n`);
}

/** Writes API.md from the docstrings of a built package. */
export function writeApiReference(folder: string): void {
  node([releaseTool('jsii-docgen'), '--output', 'API.md'], folder);
}

/** Runs a program of Node's, and shows what it said only when it fails. */
export function node(args: readonly string[], cwd: string): string {
  return run(process.execPath, args, cwd);
}

export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): string {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
      env,
      maxBuffer: 1e8,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    // jsii's tools say at length what they think of the installed Node; that is not why they
    // failed.
    const said = `${stdout}${stderr}`.replaceAll(/^!!.*\n/gm, '');
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}:\n${said}`);
  }
}

function copySources(folder: string): void {
  const listed = run(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    ROOT,
  ).split('\0');
  for (const file of listed.filter((name) => PARTS.test(name) && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(ROOT, file), join(folder, file));
  }
}

function linkModules(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    const installed = join(ROOT, 'node_modules', name);
    // npm packs a bundled dependency only if it lies there itself.
    if (packageJson.bundleDependencies.includes(name))
      cpSync(installed, join(modules, name), { recursive: true });
    else symlinkSync(installed, join(modules, name));
  }
}
