import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../../../local/template/assembly';
import { Printed } from '../../support/printed';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-run-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('npm start', () => {
  /** The program in its own process group, with everything it prints. */
  function start(...args: string[]): {
    child: ChildProcess;
    printed: Printed;
    end: Promise<number | null>;
  } {
    const child = spawn(
      process.execPath,
      ['--import', './tools/typescript.mjs', join('local', 'main.ts'), ...args],
      {
        cwd: join(__dirname, '../../..'),
        detached: true,
        // Without this the child gets the environment that jest itself was started with.
        env: process.env,
      },
    );
    const printed = new Printed();
    child.stdout?.on('data', (chunk) => printed.add(String(chunk)));
    child.stderr?.on('data', (chunk) => printed.add(String(chunk)));
    const end = once(child, 'close').then(([code]) => code as number | null);
    return { child, printed, end };
  }
  /**
   * Waits until no process of the program's group is left. The TypeScript loader's process ends a
   * moment later.
   */
  async function hasEnded(child: ChildProcess): Promise<boolean> {
    for (const deadline = Date.now() + 3000; Date.now() < deadline; ) {
      try {
        process.kill(-(child.pid ?? 0), 0);
      } catch {
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return false;
  }

  it('ends when npm is killed, which forwards no signal', async () => {
    const npm = spawn('npm', ['start'], {
      cwd: join(__dirname, '../../..'),
      detached: true,
      env: process.env,
    });
    const printed = new Printed();
    npm.stdout?.on('data', (chunk) => printed.add(String(chunk)));
    // The pipe ends with the last process that holds it.
    const silent = once(npm.stdout as NodeJS.EventEmitter, 'end');
    await Promise.race([printed.until('synthesizing the app'), silent]);
    npm.kill('SIGKILL');
    await silent;
    expect(printed.text).not.toContain('every line exactly once');
    expect(await hasEnded(npm)).toBe(true);
  });

  it('explains its options', async () => {
    const { printed, end } = start('--help');
    expect(await end).toBe(0);
    for (const option of ['--once', '--port <number>', '--ui'])
      expect(printed.text).toContain(option);
  });

  it.each(['0', '65536', 'eighty', '-1', '80.5'])('refuses the port %s', async (port) => {
    const { printed, end } = start(`--port=${port}`);
    expect(await end).toBe(1);
    expect(printed.text).toContain('give a number from 1 to 65535');
  });

  it('reports a used port, and leaves nothing running', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { child, printed, end } = start('--once', '--port', String(port));
    const code = await end;
    other.close();
    expect(code).toBe(1);
    expect(printed.text).toContain(
      `port ${port} is used by another program: give another one with --port`,
    );
    expect(await hasEnded(child)).toBe(true);
  });

  it.each([
    ['SIGINT', 'synthesizing the app', 130],
    ['SIGTERM', 'creating the resources', 143],
  ] as const)('ends at %s while %s, and leaves nothing running', async (signal, step, code) => {
    const { child, printed, end } = start();
    await Promise.race([printed.until(step), end]);
    // Like Ctrl-C: to every process of the group.
    process.kill(-(child.pid ?? 0), signal);
    expect(await end).toBe(code);
    expect(printed.text).toMatch(/stopped\n$/);
    expect(await hasEnded(child)).toBe(true);
  });
});

it('reports an error of the app in one line', async () => {
  await expect(synthesize(join(folder, 'cdk.out'), {})).rejects.toThrow(
    /^synthesizing bin\/app\.ts failed: .*sid/,
  );
});
