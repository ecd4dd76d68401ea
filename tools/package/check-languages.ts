/**
 * Installs the packages of dist/ into copies of the minimal examples, synthesizes them, and
 * compares their templates with the TypeScript one's:
 *
 *     node tools/run.mjs package && node tools/run.mjs check-languages [--languages python,java,go]
 *
 * A language whose tools this machine lacks is NOT CHECKED. Installing needs the registries of npm,
 * PyPI and Maven, and the Go proxy.
 */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import packageJson from '../../package.json';
import { ROOT, run } from './build-copy';
import { missingFor, TARGETS } from './targets';

interface Language {
  readonly synthesize: (app: string, cdkVersion: string) => Template;
  /**
   * Templates change with the version. The Go module requires the one that it is generated with.
   */
  readonly cdkVersion: string;
}

const GO_MODULE = `${packageJson.jsii.targets.go.moduleName}/${packageJson.jsii.targets.go.packageName}`;
/** Maven Central gets releases last. */
const JAVA_CDK = versionIn('java-minimal/pom.xml', /<cdk\.version>(.*)<\/cdk\.version>/);

const LANGUAGES: Readonly<Record<string, Language>> = {
  python: { synthesize: synthesizeInPython, cdkVersion: JAVA_CDK },
  java: { synthesize: synthesizeInJava, cdkVersion: JAVA_CDK },
  go: {
    synthesize: synthesizeInGo,
    cdkVersion: versionIn('go-minimal/go.mod', /awscdk\/v2 v(.*)/),
  },
};

const { values } = parseArgs({
  options: { languages: { type: 'string', default: Object.keys(LANGUAGES).join(',') } },
});
const work = mkdtempSync(join(tmpdir(), 'languages-'));
const inTypeScript = new Map<string, Template>();
let wrong = 0;
try {
  for (const name of values.languages.split(',')) check(name);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(wrong === 0 ? 0 : 1);

function check(name: string): void {
  const [target, language] = [TARGETS.find((known) => known.name === name), LANGUAGES[name]];
  if (target === undefined || language === undefined)
    throw new Error(`--languages: no language "${name}"`);
  const missing = missingFor(target);
  if (missing.length > 0) {
    console.log(
      `NOT CHECKED: ${target.language}: there is no ${missing.join(' and no ')} on this machine`,
    );
    return;
  }
  const { cdkVersion } = language;
  const expected = templateInTypeScript(cdkVersion);
  const template = timed(target.language, cdkVersion, () =>
    language.synthesize(appFrom(`${name}-minimal`, cdkVersion), cdkVersion),
  );
  const differences = differencesOf(expected.Resources, template.Resources);
  if (isDeepStrictEqual(template, expected)) return;
  wrong++;
  console.error(
    `${target.language}: the template differs from that of TypeScript: ${differences.join(', ') || 'outside of the resources'}`,
  );
}

function templateInTypeScript(version: string): Template {
  const known =
    inTypeScript.get(version) ??
    timed('TypeScript', version, () =>
      synthesizeInTypeScript(appFrom('minimal', version), version),
    );
  inTypeScript.set(version, known);
  return known;
}

interface Template {
  readonly Resources: Record<string, unknown>;
}

function synthesizeInTypeScript(app: string, cdkVersion: string): Template {
  const tarball = builtFile('js', /\.tgz$/);
  run(
    'npm',
    [
      'install',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--omit=dev',
      tarball,
      `aws-cdk-lib@${cdkVersion}`,
    ],
    app,
  );
  return synthesize(
    process.execPath,
    ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), 'app.ts'],
    app,
  );
}

function synthesizeInPython(app: string, cdkVersion: string): Template {
  run('python3', ['-m', 'venv', '.venv'], app);
  run(
    '.venv/bin/pip',
    ['install', '--quiet', builtFile('python', /\.whl$/), `aws-cdk-lib==${cdkVersion}`],
    app,
  );
  // What is installed must be what the example asks its user to install.
  run(
    '.venv/bin/pip',
    ['install', '--quiet', '--no-index', '--requirement', 'requirements.txt'],
    app,
  );
  return synthesize('.venv/bin/python', ['app.py'], app);
}

function synthesizeInJava(app: string, cdkVersion: string): Template {
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

function synthesizeInGo(app: string): Template {
  run(
    'go',
    [
      'mod',
      'edit',
      `-replace=${GO_MODULE}=${join(ROOT, 'dist/go', packageJson.jsii.targets.go.packageName)}`,
    ],
    app,
  );
  run('go', ['mod', 'tidy'], app);
  return synthesize('go', ['run', '.'], app);
}

/** The app writes to CDK_OUTDIR, as under the CDK's command line. */
function synthesize(command: string, args: readonly string[], app: string): Template {
  const outdir = join(app, 'cdk.out');
  run(command, args, app, { ...process.env, CDK_OUTDIR: outdir });
  return JSON.parse(readFileSync(join(outdir, 'RakutenPostback.template.json'), 'utf8'));
}

function appFrom(example: string, version: string): string {
  const app = join(work, version, example);
  cpSync(join(ROOT, 'examples', example), app, { recursive: true });
  return app;
}

function builtFile(target: string, pattern: RegExp): string {
  const folder = join(ROOT, 'dist', target);
  const file = existsSync(folder)
    ? readdirSync(folder).find((name) => pattern.test(name) && name.includes(packageJson.version))
    : undefined;
  if (file === undefined)
    throw new Error(`no package in dist/${target}: run "node tools/run.mjs package" first`);
  return join(folder, file);
}

function differencesOf(one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  const ids = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...ids].filter((id) => !isDeepStrictEqual(one[id], other[id]));
}

function timed(language: string, cdkVersion: string, synthesizeIt: () => Template): Template {
  const started = Date.now();
  const template = synthesizeIt();
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `${language}: ${Object.keys(template.Resources).length} resources with aws-cdk-lib ${cdkVersion} (${seconds} s)`,
  );
  return template;
}

/** A version that a file of the examples names. */
function versionIn(file: string, pattern: RegExp): string {
  const version = pattern.exec(readFileSync(join(ROOT, 'examples', file), 'utf8'))?.[1];
  if (version === undefined) throw new Error(`examples/${file} has no version like ${pattern}`);
  return version;
}
