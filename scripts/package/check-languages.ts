/**
 * Installs the packages of dist/ into fresh copies of the minimal examples, synthesizes them, and compares their templates with the TypeScript one's:
 *
 *     npm run package && npm run check-languages [-- --cdk-version <version>]
 *
 * A language whose tools are not on this machine is left out, and that is said. Installing needs the registries of npm, PyPI and Maven.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import packageJson from '../../package.json';
import { ROOT, run } from './build-copy';
import { missingFor, TARGETS } from './targets';

/** One version for every language, as templates change with it: that of the Java example, since Maven Central gets releases last. */
const OF_JAVA_EXAMPLE = /<cdk\.version>(.*)<\/cdk\.version>/.exec(readFileSync(join(ROOT, 'examples/java-minimal/pom.xml'), 'utf8'))?.[1];
const { values } = parseArgs({ options: { 'cdk-version': { type: 'string', default: OF_JAVA_EXAMPLE } } });
const cdkVersion = String(values['cdk-version']);

const work = mkdtempSync(join(tmpdir(), 'languages-'));
const checks = { python: synthesizeInPython, java: synthesizeInJava };
let wrong = 0;
try {
  const expected = timed('TypeScript', () => synthesizeInTypeScript(appFrom('minimal')));
  for (const [name, synthesize] of Object.entries(checks)) check(name, synthesize, expected);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(wrong === 0 ? 0 : 1);

function check(name: string, synthesize: (app: string) => Template, expected: Template): void {
  const target = TARGETS.find((known) => known.name === name);
  if (target === undefined) throw new Error(`no language ${name}`);
  const missing = missingFor(target);
  if (missing.length > 0) {
    console.log(`${target.language}: left out, as there is no ${missing.join(' and no ')} on this machine`);
    return;
  }
  const template = timed(target.language, () => synthesize(appFrom(`${name}-minimal`)));
  const differences = differencesOf(expected.Resources, template.Resources);
  if (isDeepStrictEqual(template, expected)) return;
  wrong++;
  console.error(`${target.language}: its template is not that of TypeScript: ${differences.join(', ') || 'outside of the resources'}`);
}

interface Template {
  readonly Resources: Record<string, unknown>;
}

function synthesizeInTypeScript(app: string): Template {
  const tarball = builtFile('js', /\.tgz$/);
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--omit=dev', tarball, `aws-cdk-lib@${cdkVersion}`], app);
  return synthesize(process.execPath, ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), 'app.ts'], app);
}

function synthesizeInPython(app: string): Template {
  run('python3', ['-m', 'venv', '.venv'], app);
  run('.venv/bin/pip', ['install', '--quiet', builtFile('python', /\.whl$/), `aws-cdk-lib==${cdkVersion}`], app);
  // What is installed must be what the example asks its user to install.
  run('.venv/bin/pip', ['install', '--quiet', '--no-index', '--requirement', 'requirements.txt'], app);
  return synthesize('.venv/bin/python', ['app.py'], app);
}

function synthesizeInJava(app: string): Template {
  const pom = readFileSync(join(app, 'pom.xml'), 'utf8');
  const repository = `<repositories><repository><id>built</id><url>file://${join(ROOT, 'dist/java')}</url></repository></repositories>`;
  writeFileSync(join(app, 'pom.xml'), pom.replace('<dependencies>', `${repository}<dependencies>`));
  // Maven would take a package of the same version from an earlier run.
  const cache = join(homedir(), '.m2/repository');
  const cached = join(cache, 'io/github/cdk-rakuten-postback');
  rmSync(cached, { recursive: true, force: true });
  try {
    const options = [`-Dmaven.repo.local=${cache}`, `-Dcdk.version=${cdkVersion}`];
    return synthesize('mvn', ['--batch-mode', '--quiet', ...options, 'compile', 'exec:java'], app);
  } finally {
    rmSync(cached, { recursive: true, force: true });
  }
}

/** The app says with CDK_OUTDIR where to, as for the CDK's command line. */
function synthesize(command: string, args: readonly string[], app: string): Template {
  const outdir = join(app, 'cdk.out');
  run(command, args, app, { ...process.env, CDK_OUTDIR: outdir });
  return JSON.parse(readFileSync(join(outdir, 'RakutenPostback.template.json'), 'utf8'));
}

function appFrom(example: string): string {
  const app = join(work, example);
  cpSync(join(ROOT, 'examples', example), app, { recursive: true });
  return app;
}

function builtFile(target: string, pattern: RegExp): string {
  const folder = join(ROOT, 'dist', target);
  const file = existsSync(folder)
    ? readdirSync(folder).find((name) => pattern.test(name) && name.includes(packageJson.version))
    : undefined;
  if (file === undefined) throw new Error(`no package in dist/${target}: run "npm run package" first`);
  return join(folder, file);
}

function differencesOf(one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  const ids = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...ids].filter((id) => !isDeepStrictEqual(one[id], other[id]));
}

function timed(language: string, synthesizeIt: () => Template): Template {
  const started = Date.now();
  const template = synthesizeIt();
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`${language}: ${Object.keys(template.Resources).length} resources with aws-cdk-lib ${cdkVersion} (${seconds} s)`);
  return template;
}
