// Installs the packages of a folder with a lockfile of its own, unless they are there.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OPTIONS = ['--ignore-scripts', '--no-fund', '--no-audit', '--silent'];

export function install(folder) {
  const [lock, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((name) =>
    join(ROOT, folder, name),
  );
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.error(`· npm ci --prefix ${folder}`);
  const { status } = spawnSync('npm', ['ci', ...OPTIONS, '--prefix', folder], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
}
