import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The version from which an upgrade must work.
 *
 * It is the last change to how rows are written under the present keys: no earlier row is valid.
 * Nothing is released yet. With each release, name its tag here.
 */
export const BASELINE = '422bc0325f3923c6b92fdce5f2187dc10f153125';

const run = (program: string, args: readonly string[], cwd: string, input?: Buffer): Buffer =>
  execFileSync(program, args, { cwd, input, stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 2 ** 30 });

/** Whether the repository has the baseline. A shallow clone or a source archive does not. */
export function hasBaseline(repository: string): boolean {
  try {
    run('git', ['cat-file', '-e', `${BASELINE}^{commit}`], repository);
    return true;
  } catch {
    return false;
  }
}

/** Extracts the baseline, with the packages of its own lockfile. Returns its folder. */
export function extractBaseline(repository: string, parent: string): string {
  const folder = join(parent, 'baseline');
  mkdirSync(folder);
  run('tar', ['-x'], folder, run('git', ['archive', BASELINE], repository));
  // The bundles are built later, and nothing else that installation scripts make is needed.
  run('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--prefer-offline'], folder);
  return folder;
}
