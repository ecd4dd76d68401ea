import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const INTERVAL_MILLIS = 500;

/**
 * Calls back once when the npm process that started this one has ended. A killed npm forwards no
 * signal, and between the two is a shell that survives it. Does nothing outside of npm, and on
 * Windows, where no shell is in between and the console ends both.
 */
export function whenNpmEnds(callback: () => void): void {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return;
  const npm = npmPid();
  const timer = setInterval(() => {
    if (isRunning(npm)) return;
    clearInterval(timer);
    callback();
  }, INTERVAL_MILLIS).unref();
}

/**
 * The parent, or its parent where the parent is the shell that npm runs scripts with. Some shells
 * replace themselves by the program.
 */
function npmPid(): number {
  const [name, parent] =
    process.platform === 'linux' ? fromProc(process.ppid) : fromPs(process.ppid);
  return /(^|\/|-)(ba|da|z|k|a)?sh$/.test(name) ? Number(parent) : process.ppid;
}

function fromProc(pid: number): [name: string, parent: string] {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return [/^Name:\s*(.+)$/m.exec(text)?.[1] ?? '', /^PPid:\s*(\d+)$/m.exec(text)?.[1] ?? ''];
}

function fromPs(pid: number): [name: string, parent: string] {
  const text = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], {
    encoding: 'utf8',
  }).trim();
  const [parent = '', ...name] = text.split(/\s+/);
  return [name.join(' '), parent];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
