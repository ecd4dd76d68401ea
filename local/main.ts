/** `npm start`: the whole stack on this machine, with a day of postbacks. */
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { whenNpmEnds } from './npm-process';
import { colors, printError } from './print';
import { type RunOptions, runLocally } from './run';

const PROJECT = join(__dirname, '..');

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65535)
    throw new InvalidArgumentError('give a number from 1 to 65535');
  return number;
}

function options(): RunOptions {
  const command = new Command('npm start --')
    .description(
      'Runs the whole flow on this machine: a fake Rakuten sends a day of postbacks to the endpoint of the synthesized app.',
    )
    .option('--once', 'exit after the day; 0 only if every line is in the table exactly once')
    .option('--port <number>', 'port of the endpoint on 127.0.0.1 (default: a free one)', port)
    .option('--ui', 'open a table browser')
    .addHelpText(
      'after',
      '\nThe addresses of all parts are in .local/endpoints.json while it runs.',
    )
    .allowExcessArguments(false)
    .parse();
  const {
    once = false,
    ui = false,
    port: wanted,
  } = command.opts<{ once?: boolean; ui?: boolean; port?: number }>();
  return { once, ui, port: wanted, folder: join(PROJECT, '.local') };
}

async function main(): Promise<void> {
  // The SDK would print a notice about Node versions in the middle of the output.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const run = options();
  const interrupted = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // A second signal ends the process at once, with its threads and functions.
      if (signalled !== undefined) process.exit(EXIT_CODES[signal]);
      signalled = signal;
      interrupted.abort();
    });
  }
  whenNpmEnds(() => process.kill(process.pid, 'SIGHUP'));
  try {
    process.exitCode = await runLocally(run, interrupted.signal);
  } catch (error) {
    if (signalled !== undefined) {
      printError(colors.dim('stopped'));
      process.exitCode = EXIT_CODES[signalled];
    } else {
      printError(`${colors.red('✗')} ${explain(error, run)}`);
      process.exitCode = 1;
    }
  }
}

/** 128 plus the number of the signal, like shells. */
const EXIT_CODES: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

function explain(error: unknown, { port: wanted }: RunOptions): string {
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    return `port ${wanted} is used by another program: give another one with --port, or omit it for a free one`;
  }
  return error instanceof Error ? error.message : String(error);
}

void main();
