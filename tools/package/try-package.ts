/**
 * Installs the package as a user does, in an empty folder and from its tarball, and synthesizes an
 * app with it:
 *
 *     node tools/run.mjs package && node tools/run.mjs try-package [<version of aws-cdk-lib> ...]
 *
 * Without versions: the oldest that the package allows, with the oldest constructs, and the one
 * that it is developed with. Installing needs the npm registry; synthesizing may not use the
 * network, another program or esbuild, and gets no network where the machine lets a process be cut
 * off from it.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json';
import { ROOT, run } from './build-copy';

const USER_APP = join(ROOT, 'test/package/user-app');
const oldest = (range: string): string => range.replace(/^\^/, '');
const OLDEST_CDK = oldest(packageJson.peerDependencies['aws-cdk-lib']);

const tarball = builtTarball();
console.log(
  `${packageJson.name} ${packageJson.version}: ${Math.round(statSync(tarball).size / 1000)} kB`,
);
const cutOff = withoutNetwork();
const work = mkdtempSync(join(tmpdir(), 'try-package-'));
try {
  const asked = process.argv.slice(2);
  tryCommandLineAlone();
  for (const version of asked.length > 0
    ? asked
    : [OLDEST_CDK, packageJson.devDependencies['aws-cdk-lib']])
    tryWith(version);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** `npx cdk-rakuten-postback` outside a project must not download the CDK. */
function tryCommandLineAlone(): void {
  const folder = join(work, 'alone');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  run('npm', ['install', '--no-audit', '--no-fund', tarball], folder);
  const installed = readdirSync(join(folder, 'node_modules')).filter(
    (name) => !name.startsWith('.'),
  );
  if (installed.join() !== packageJson.name)
    throw new Error(`npm also installed ${installed.join(', ')}`);
  checkCommandLine(folder);
  console.log('the command line needs no other package');
}

function checkCommandLine(folder: string): void {
  const version = run(
    process.execPath,
    ['node_modules/.bin/cdk-rakuten-postback', '--version'],
    folder,
  ).trim();
  if (version !== packageJson.version)
    throw new Error(`the installed command line reports version ${version}`);
}

function tryWith(version: string): void {
  const app = join(work, version);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"private": true}');
  // The oldest CDK with the oldest constructs that it takes: that both ends of the ranges go
  // together is part of what is tried.
  const constructs =
    version === OLDEST_CDK ? oldest(packageJson.peerDependencies.constructs) : 'latest';
  run(
    'npm',
    [
      'install',
      '--no-audit',
      '--no-fund',
      tarball,
      `aws-cdk-lib@${version}`,
      `constructs@${constructs}`,
    ],
    app,
  );
  copyFileSync(join(USER_APP, 'app.cjs'), join(app, 'app.cjs'));

  const [command = process.execPath, ...args] = [
    ...cutOff,
    process.execPath,
    '--require',
    join(USER_APP, 'offline.cjs'),
    'app.cjs',
    'cdk.out',
  ];
  const output = run(command, args, app, { PATH: '' });
  const { Resources } = JSON.parse(
    readFileSync(join(app, 'cdk.out/CashBack.template.json'), 'utf8'),
  );
  const installed = readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'));
  console.log(
    `with aws-cdk-lib ${version} and constructs ${versionOf(app, 'constructs')}: ${Object.keys(Resources).length} resources; installed: ${installed.join(', ')}`,
  );
  if (output.trim() !== '') console.log(output.trim());
  checkCommandLine(app);
}

/**
 * The beginning of a command that leaves a program no network at all; none where that is not
 * allowed, and then only Node's own calls are refused.
 */
function withoutNetwork(): string[] {
  const unshare = ['/usr/bin/unshare', '--map-root-user', '--net'];
  if (
    spawnSync(String(unshare[0]), [...unshare.slice(1), process.execPath, '--version']).status === 0
  )
    return unshare;
  console.log(
    'this machine does not let a process be cut off from the network: only what Node itself would call is refused',
  );
  return [];
}

function versionOf(app: string, name: string): string {
  return JSON.parse(readFileSync(join(app, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function builtTarball(): string {
  const folder = join(ROOT, 'dist/js');
  const file = existsSync(folder)
    ? readdirSync(folder).find((name) => name.endsWith('.tgz'))
    : undefined;
  if (file === undefined)
    throw new Error('no package in dist/js: run "node tools/run.mjs package" first');
  return join(folder, file);
}
