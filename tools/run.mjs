// Runs a task of this repository: node tools/run.mjs <task> [arguments]
// Without arguments it lists the tasks. It builds and installs first what a task needs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install } from './install.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const jest = ['node', 'node_modules/jest/bin/jest.js'];
const SMOKE_TESTS = ['lambda/consumer', 'lambda/relay', 'core/events'].map(
  (name) => `test/integration/${name}.test.ts`,
);

/**
 * Each task is a TypeScript file or a list of commands, with fixed arguments before those given.
 *
 * `builds`: bundles to make first. `installs`: folder whose own lockfile has further packages.
 */
const TASKS = {
  build: {
    about: 'bundles and compiled package',
    builds: ['lambda', 'cli'],
    installs: 'tools/package',
    file: 'package/build.ts',
  },
  bundle: {
    about: 'bundles of the functions and the command line',
    builds: ['lambda', 'cli'],
    commands: [],
  },
  clean: { about: 'remove what builds made', commands: [['node', 'tools/clean.mjs']] },
  'test-long': {
    about: 'whole installations, for minutes',
    builds: ['lambda', 'cli'],
    commands: [[...jest, '--selectProjects', 'long', '--ci']],
  },
  'test-package': {
    about: 'the package as it is published',
    builds: ['lambda', 'cli'],
    installs: 'tools/package',
    commands: [[...jest, '--selectProjects', 'package', '--ci']],
  },
  smoke: {
    about: 'a few tests and the local run, for other Node versions',
    builds: ['lambda'],
    commands: [
      [...jest, ...SMOKE_TESTS],
      ['node', 'local/start.mjs', '--once'],
    ],
  },
  docs: {
    about: 'write API.md from the docstrings',
    installs: 'tools/package',
    file: 'package/api.ts',
    args: ['docs'],
  },
  'check-api': {
    about: 'API.md and compatibility with the last release',
    installs: 'tools/package',
    file: 'package/api.ts',
    args: ['check'],
  },
  'record-api': {
    about: 'record the API of a release',
    installs: 'tools/package',
    file: 'package/api.ts',
    args: ['baseline'],
  },
  'check-snippets': {
    about: 'type-check the snippets of pages and docstrings',
    file: 'docs/check-snippets.ts',
  },
  package: {
    about: 'packages for every language, into dist/',
    installs: 'tools/package',
    file: 'package/main.ts',
  },
  'try-package': { about: 'install the package into an empty app', file: 'package/try-package.ts' },
  'check-languages': {
    about: 'compare the templates of Python, Java and Go apps',
    file: 'package/check-languages.ts',
  },
  'check-template': {
    about: 'public rules for the templates',
    builds: ['lambda'],
    file: 'check-template.ts',
  },
  'check-archive': {
    about: 'queries of the archive',
    builds: ['lambda'],
    file: 'check-archive.ts',
  },
  'check-event-patterns': {
    about: 'patterns in the engine of EventBridge',
    builds: ['lambda'],
    file: 'check-event-patterns.ts',
  },
  'check-template-in-velocity': {
    about: 'mapping template in Apache Velocity',
    file: 'check-template-in-velocity.ts',
  },
  'check-deployment': {
    about: 'deploy to an AWS emulator',
    builds: ['lambda', 'cli'],
    file: 'check-deployment.ts',
  },
  'check-examples': {
    about: 'deploy the examples to an AWS emulator',
    builds: ['lambda', 'cli'],
    file: 'check-examples.ts',
  },
  'check-upgrade': {
    about: 'upgrade under traffic on an AWS emulator',
    builds: ['lambda', 'cli'],
    file: 'check-upgrade.ts',
  },
  'render-dashboard': {
    about: 'draw the dashboard with made-up values',
    builds: ['lambda'],
    file: 'render-dashboard.ts',
  },
  advisories: {
    about: 'advisories on what ships',
    builds: ['lambda', 'cli'],
    file: 'security/advisories.ts',
  },
  bench: {
    about: 'benchmarks',
    builds: ['lambda'],
    installs: 'tools/bench',
    file: 'bench/main.ts',
  },
  campaign: { about: 'thirty simulated days of trouble', file: 'simulation/main.ts' },
  cost: { about: 'cost of a million postbacks', builds: ['lambda'], file: 'cost/main.ts' },
  faults: { about: 'every fault at every call', builds: ['lambda'], file: 'faults/main.ts' },
  fuzz: { about: 'generated query strings', file: 'fuzz/main.ts' },
  load: { about: 'postbacks at full speed', builds: ['lambda'], file: 'load/main.ts' },
  security: { about: 'static analysis', commands: [['bash', 'tools/security/run']] },
  iam: { about: 'permissions against calls', commands: [['bash', 'tools/iam/run']] },
  'node-versions': {
    about: 'the smoke task on other Node versions',
    builds: ['lambda'],
    commands: [['bash', 'tools/node-versions']],
  },
};

/** Gives the task a temporary folder of its own, and removes it at the end. */
function useTemporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'postback-task-'));
  process.env.TMPDIR = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
}

function run([command, ...args], stdout = 'inherit') {
  const program = command === 'node' ? process.execPath : command;
  const { status } = spawnSync(program, args, { cwd: ROOT, stdio: ['inherit', stdout, 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
}

async function main([name, ...given]) {
  if (name === undefined) {
    for (const [task, { about }] of Object.entries(TASKS))
      console.log(`${task.padEnd(27)}${about}`);
    return;
  }
  const task = TASKS[name];
  if (task === undefined) {
    console.error(`there is no task "${name}": "node tools/run.mjs" lists the tasks`);
    process.exit(1);
  }
  useTemporaryFolder();
  const { builds = [], installs, commands, file, args = [] } = task;
  if (installs !== undefined) install(installs);
  for (const bundle of builds) run(['node', `tools/build-${bundle}.mjs`], 'ignore');
  if (commands !== undefined) {
    for (const [i, command] of commands.entries()) run(i === 0 ? [...command, ...given] : command);
    return;
  }
  await import('./typescript.mjs');
  const path = join(ROOT, 'tools', file);
  process.argv = [process.execPath, path, ...args, ...given];
  createRequire(import.meta.url)(path);
}

await main(process.argv.slice(2));
