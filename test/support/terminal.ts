import { EventEmitter, once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { run } from '../../cli/program';
import type { Terminal } from '../../cli/terminal';

/** What a stream was given, and a way to wait for it. */
export class Captured extends Writable {
  text = '';
  private readonly written = new EventEmitter();

  constructor(
    readonly columns?: number,
    readonly isTTY = columns !== undefined,
  ) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.written.emit('text');
    done();
  }

  /** Resolves as soon as the text matches. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await once(this.written, 'text');
  }
}

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A terminal for a test. `columns` makes it one; without, it is a pipe. */
export function testTerminal(
  directory: string,
  options: {
    columns?: number;
    now?: Date;
    env?: Record<string, string>;
    signal?: AbortSignal;
    stdin?: string;
    pause?: Terminal['pause'];
  } = {},
) {
  const stdout = new Captured(options.columns);
  const stderr = new Captured(options.columns);
  const terminal: Terminal = {
    stdin: Readable.from([options.stdin ?? '']),
    stdout,
    stderr,
    env: options.env ?? { NO_COLOR: '1' },
    directory,
    signal: options.signal ?? new AbortController().signal,
    now: () => options.now ?? new Date('2026-03-28T12:00:00.000Z'),
    pause: options.pause,
  };
  return { terminal, stdout, stderr };
}

/** Runs a command line to its end. */
export async function runIn(
  directory: string,
  args: readonly string[],
  options: Parameters<typeof testTerminal>[1] = {},
): Promise<Ran> {
  const { terminal, stdout, stderr } = testTerminal(directory, options);
  const exitCode = await run(args, terminal);
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
