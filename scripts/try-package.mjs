/**
 * Installs the package as a user does, in an empty folder and from its tarball, and synthesizes an app with it:
 *
 *     npm run build && node scripts/try-package.mjs [version of aws-cdk-lib ...]
 *
 * Without versions: the oldest that the package allows, and the one that it is developed with. Installing needs the npm registry; synthesizing may not
 * use the network, another program or esbuild.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const userApp = join(root, 'test/package/user-app');
const { name, peerDependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const oldest = (range) => range.replace(/^\^/, '');

if (!existsSync(join(root, '.jsii'))) {
  console.error('The package is not built: run "npm run build" first.');
  process.exit(1);
}
const asked = process.argv.slice(2);
const versions = asked.length > 0 ? asked : [oldest(peerDependencies['aws-cdk-lib']), devDependencies['aws-cdk-lib']];

const work = mkdtempSync(join(tmpdir(), 'try-package-'));
try {
  npm(['pack', '--silent', '--pack-destination', work], root);
  const tarball = join(work, readdirSync(work)[0]);
  for (const version of versions) tryWith(version, tarball);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function tryWith(version, tarball) {
  const app = mkdtempSync(join(work, 'app-'));
  writeFileSync(join(app, 'package.json'), '{"private": true}');
  // The oldest CDK with the oldest constructs: that both ends of the ranges go together is part of what is tried.
  const constructs = version === oldest(peerDependencies['aws-cdk-lib']) ? oldest(peerDependencies.constructs) : 'latest';
  npm(['install', '--silent', '--no-audit', '--no-fund', tarball, `aws-cdk-lib@${version}`, `constructs@${constructs}`], app);
  copyFileSync(join(userApp, 'app.cjs'), join(app, 'app.cjs'));

  const output = node(['--require', join(userApp, 'offline.cjs'), 'app.cjs', 'cdk.out'], app);
  const { Resources } = JSON.parse(readFileSync(join(app, 'cdk.out/CashBack.template.json'), 'utf8'));
  const installed = readdirSync(join(app, 'node_modules')).filter((module) => !module.startsWith('.'));
  console.log(`${name} with aws-cdk-lib ${version}: ${Object.keys(Resources).length} resources; installed: ${installed.join(', ')}`);
  if (output.trim() !== '') console.log(output.trim());
}

function npm(args, cwd) {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

function node(args, cwd) {
  return execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
