/**
 * Checks the templates by rules of other projects:
 *
 *     node tools/run.mjs check-template
 *
 * CDK's own validation and cfn-lint must find nothing in the stack with every default, and in the
 * stacks of tools/template/matrix.ts, which together use every option. The cdk-nag packs beyond
 * AwsSolutions (which the tests check) and AWS Control Tower's rules are information: each finding
 * in the stack with every default needs an explanation in tools/template/explained.ts.
 *
 * cfn-lint and the Control Tower rules are installed for this run. What cannot be installed is
 * NOT CHECKED.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type IPolicyValidationPlugin, Validations } from 'aws-cdk-lib';
import { HIPAASecurityChecks, NIST80053R5Checks, PCIDSS321Checks, ServerlessChecks } from 'cdk-nag';
import { PostbackStack } from '../bin/postback-stack';
import { appSettings } from '../bin/settings';
import { ROOT, run } from './package/build-copy';
import { isInstalled } from './package/targets';
import { EXPLAINED } from './template/explained';
import { addMatrix } from './template/matrix';

const STACK = 'RakutenPostback';
/** Review new rules when you raise a version. */
const CFN_LINT = 'cfn-lint==1.58.0';
const CONTROL_TOWER_RULES = '@cdklabs/cdk-validator-cfnguard@0.0.62';
const REGIONS = ['us-east-1', 'us-east-2', 'us-west-2', 'eu-central-1', 'ap-northeast-1'];

interface Finding {
  readonly ruleName: string;
  readonly violatingConstructs: readonly { readonly constructPath: string }[];
}

const work = mkdtempSync(join(tmpdir(), 'template-'));
let problems = 0;
try {
  const matrix = checkItself();
  checkWithPacks();
  checkWithControlTower();
  checkWithCfnLint(matrix);
} finally {
  rmSync(work, { recursive: true });
}
process.exit(problems === 0 ? 0 : 1);

/**
 * Synthesis itself validates. The context of cdk.json enables CDK's rules too. Returns the names
 * of the stacks of the matrix. Some of its options warn their user, which is no finding.
 */
function checkItself(): string[] {
  let stacks: string[] = [];
  const plain = synthesize('plain', addDefault);
  const matrix = synthesize('matrix', (app) => {
    stacks = addMatrix(app);
  });
  const found = [
    ...ruleNames(plain),
    ...ruleNames(matrix).filter((name) => !name.includes('Annotation::cdk-rakuten-postback:')),
  ];
  report("CDK's own validation", found, 0);
  return stacks;
}

function ruleNames(outdir: string): string[] {
  return findings(outdir).flatMap(([pack, violations]) =>
    violations.map(({ ruleName }) => `${pack}: ${ruleName}`),
  );
}

function checkWithPacks(): void {
  checkWithPlugins('packs', (app) => [
    new HIPAASecurityChecks(app),
    new NIST80053R5Checks(app),
    new PCIDSS321Checks(app),
    new ServerlessChecks(app),
  ]);
}

/** The package has programs of 36 MB, so it is not among the dependencies. */
function checkWithControlTower(): void {
  const folder = join(work, 'control-tower');
  mkdirSync(folder);
  const options = [
    '--no-save',
    '--no-fund',
    '--no-audit',
    '--legacy-peer-deps',
    '--prefix',
    folder,
  ];
  if (!isDone('Control Tower rules', 'npm', ['install', ...options, CONTROL_TOWER_RULES])) return;
  const { CfnGuardValidator } = createRequire(join(folder, 'index.js'))(
    '@cdklabs/cdk-validator-cfnguard',
  );
  checkWithPlugins('guard', () => [new CfnGuardValidator({ maxBuffer: 1e8 })]);
}

function checkWithPlugins(name: string, pluginsOf: (app: App) => IPolicyValidationPlugin[]): void {
  const outdir = synthesize(name, (app) => {
    addDefault(app);
    Validations.of(app).addPlugins(...pluginsOf(app));
  });
  for (const [pack, violations] of findings(outdir)) {
    const all = violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => ({
        rule: ruleName.replace(`${pack}-`, ''),
        path: belowPostback(constructPath),
      })),
    );
    const unexplained = all.filter(
      ({ rule, path }) => !EXPLAINED.some(({ rules, on }) => rules.includes(rule) && on.test(path)),
    );
    report(
      pack,
      unexplained.map(({ rule, path }) => `${rule} at ${path}`),
      all.length - unexplained.length,
    );
  }
}

function checkWithCfnLint(matrix: readonly string[]): void {
  const program = cfnLint();
  if (program === undefined) return;
  lint(program, REGIONS, [join(work, 'plain', `${STACK}.template.json`)]);
  lint(
    program,
    ['us-east-1'],
    matrix.map((name) => join(work, 'matrix', `${name}.template.json`)),
  );
}

function lint(program: string, regions: readonly string[], templates: readonly string[]): void {
  const problems: string[] = [];
  try {
    run(
      program,
      ['--config-file', join(ROOT, '.cfnlintrc.yaml'), '--regions', ...regions, '--', ...templates],
      work,
    );
  } catch (error) {
    problems.push((error as Error).message);
  }
  report(`cfn-lint on ${templates.length} templates in ${regions.join(', ')}`, problems, 0);
}

function cfnLint(): string | undefined {
  if (isInstalled('cfn-lint')) return 'cfn-lint';
  const environment = join(work, 'venv');
  if (!isDone('cfn-lint', 'python3', ['-m', 'venv', environment])) return undefined;
  if (!isDone('cfn-lint', join(environment, 'bin/pip'), ['install', '--quiet', CFN_LINT]))
    return undefined;
  return join(environment, 'bin/cfn-lint');
}

/** Whether a step of an installation succeeds. */
function isDone(what: string, command: string, args: readonly string[]): boolean {
  try {
    run(command, args, work);
    return true;
  } catch (error) {
    console.log(
      `NOT CHECKED: ${what}: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`,
    );
    return false;
  }
}

function synthesize(name: string, fill: (app: App) => void): string {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  const outdir = join(work, name);
  const app = new App({ outdir, context });
  fill(app);
  quietly(() => app.synth());
  return outdir;
}

function addDefault(app: App): void {
  const settings = appSettings(() => undefined, {
    RAKUTEN_SID: '3900112',
    RAKUTEN_CREDENTIALS_SECRET_NAME: 'rakuten/api',
  });
  new PostbackStack(app, STACK, settings);
}

/**
 * Hides the report that CDK prints, as its file is read. A finding also sets the exit code, which
 * this script sets itself.
 */
function quietly(work: () => unknown): void {
  const { error, log, warn } = console;
  Object.assign(console, { error: () => undefined, log: () => undefined, warn: () => undefined });
  try {
    work();
  } catch (error) {
    if (!String(error).includes('validation-report.json')) throw error;
  } finally {
    Object.assign(console, { error, log, warn });
    process.exitCode = 0;
  }
}

function findings(outdir: string): [pack: string, violations: Finding[]][] {
  const { pluginReports } = JSON.parse(
    readFileSync(join(outdir, 'validation-report.json'), 'utf8'),
  );
  return pluginReports.map((report: { pluginName: string; violations: Finding[] }) => [
    report.pluginName,
    report.violations,
  ]);
}

function belowPostback(path: string): string {
  return path.replace(`${STACK}/Postback/`, '').replace(/\/Resource$/, '');
}

function report(what: string, unexplained: readonly string[], explained: number): void {
  problems += unexplained.length;
  console.log(
    `${what}: ${unexplained.length} unexplained${explained === 0 ? '' : `, ${explained} explained`}`,
  );
  for (const problem of unexplained) console.error(`  ${problem}`);
}
