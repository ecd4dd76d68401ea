/**
 * What rules of others say of the template, with every default:
 *
 *     npm run build:lambda && npm run check-template
 *
 * CDK's own validation and cfn-lint must find nothing. The cdk-nag packs beyond AwsSolutions (which the tests hold to) are information: each finding has its explanation in
 * scripts/template/explained.ts, and one without fails. cfn-lint is taken from the path, else installed by pip for this run; without Python it is left out, and that is said.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type IPolicyValidationPlugin, Validations } from 'aws-cdk-lib';
import { HIPAASecurityChecks, NIST80053R5Checks, PCIDSS321Checks, ServerlessChecks } from 'cdk-nag';
import { PostbackStack } from '../bin/postback-stack';
import { appSettings } from '../bin/settings';
import { ROOT, run } from './package/build-copy';
import { isInstalled } from './package/targets';
import { EXPLAINED } from './template/explained';

const STACK = 'RakutenPostback';
/** The newest that was tried: a new rule is looked at when this is raised. */
const CFN_LINT = 'cfn-lint==1.58.0';
const REGIONS = ['us-east-1', 'us-east-2', 'us-west-2', 'eu-central-1', 'ap-northeast-1'];

interface Finding {
  readonly ruleName: string;
  readonly violatingConstructs: readonly { readonly constructPath: string }[];
}

const work = mkdtempSync(join(tmpdir(), 'template-'));
let problems = 0;
try {
  checkItself();
  checkWithPacks();
  checkWithCfnLint();
} finally {
  rmSync(work, { recursive: true });
}
process.exit(problems === 0 ? 0 : 1);

/** Synthesis itself validates; the context of cdk.json asks for CDK's rules too. */
function checkItself(): void {
  const outdir = synthesize('plain', () => []);
  const found = findings(outdir).flatMap(([pack, violations]) => violations.map(({ ruleName }) => `${pack}: ${ruleName}`));
  tell("CDK's own validation", found, 0);
}

function checkWithPacks(): void {
  const outdir = synthesize('packs', (app) => [
    new HIPAASecurityChecks(app),
    new NIST80053R5Checks(app),
    new PCIDSS321Checks(app),
    new ServerlessChecks(app),
  ]);
  for (const [pack, violations] of findings(outdir)) {
    const all = violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => ({ rule: ruleName.replace(`${pack}-`, ''), path: belowPostback(constructPath) })),
    );
    const unexplained = all.filter(({ rule, path }) => !EXPLAINED.some((known) => known.rule === rule && known.on.test(path)));
    tell(
      `cdk-nag ${pack}`,
      unexplained.map(({ rule, path }) => `${rule} at ${path}`),
      all.length - unexplained.length,
    );
  }
}

function checkWithCfnLint(): void {
  const program = cfnLint();
  if (program === undefined) {
    console.log('cfn-lint: left out, as there is neither cfn-lint nor Python on this machine');
    return;
  }
  try {
    run(
      program,
      ['--config-file', join(ROOT, '.cfnlintrc.yaml'), '--regions', ...REGIONS, '--', join(work, 'plain', `${STACK}.template.json`)],
      work,
    );
    tell('cfn-lint', [], 0);
  } catch (error) {
    tell('cfn-lint', [(error as Error).message], 0);
  }
}

function cfnLint(): string | undefined {
  if (isInstalled('cfn-lint')) return 'cfn-lint';
  if (!isInstalled('python3')) return undefined;
  const environment = join(work, 'venv');
  run('python3', ['-m', 'venv', environment], work);
  run(join(environment, 'bin/pip'), ['install', '--quiet', CFN_LINT], work);
  return join(environment, 'bin/cfn-lint');
}

function synthesize(name: string, pluginsOf: (app: App) => IPolicyValidationPlugin[]): string {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
  const outdir = join(work, name);
  const app = new App({ outdir, context });
  new PostbackStack(
    app,
    STACK,
    appSettings(() => undefined, { RAKUTEN_SID: '3900112', RAKUTEN_CREDENTIALS_SECRET_NAME: 'rakuten/api' }),
  );
  const plugins = pluginsOf(app);
  if (plugins.length > 0) Validations.of(app).addPlugins(...plugins);
  quietly(() => app.synth());
  return outdir;
}

/** CDK prints its report; here its file is read. A finding also sets the exit code, which is this script's to set. */
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
  const { pluginReports } = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8'));
  return pluginReports.map((report: { pluginName: string; violations: Finding[] }) => [report.pluginName, report.violations]);
}

function belowPostback(path: string): string {
  return path.replace(`${STACK}/Postback/`, '').replace(/\/Resource$/, '');
}

function tell(what: string, unexplained: readonly string[], explained: number): void {
  problems += unexplained.length;
  console.log(`${what}: ${unexplained.length} unexplained${explained === 0 ? '' : `, ${explained} explained`}`);
  for (const problem of unexplained) console.error(`  ${problem}`);
}
