/** `npm start`: the whole chain on this machine, and a day of postbacks through it. */
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import colors from 'picocolors';
import { type RunOptions, runLocally } from './run';

const PROJECT = join(__dirname, '..');

function port(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new InvalidArgumentError('give a number from 1 to 65535');
  return number;
}

function options(): RunOptions {
  const command = new Command('npm start --')
    .description('Runs the whole flow on this machine: a fake Rakuten sends a day of postbacks to the endpoint of the synthesized app.')
    .option('--once', 'exit when the day is done; 0 only if every line is in the table exactly once')
    .option('--port <number>', 'port of the endpoint on 127.0.0.1 (a free one when left out)', port)
    .option('--ui', 'open a table browser beside it')
    .addHelpText('after', '\nThe addresses of all parts are in .local/endpoints.json while it runs.')
    .allowExcessArguments(false)
    .parse();
  const { once = false, ui = false, port: wanted } = command.opts<{ once?: boolean; ui?: boolean; port?: number }>();
  return { once, ui, port: wanted, folder: join(PROJECT, '.local') };
}

async function main(): Promise<void> {
  // The SDK would print a notice about Node versions into the middle of the output.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const run = options();
  const interrupted = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // The second time there is no waiting. Threads and functions end with this process.
      if (signalled !== undefined) process.exit(EXIT_CODES[signal]);
      signalled = signal;
      interrupted.abort();
    });
  }
  try {
    process.exitCode = await runLocally(run, interrupted.signal);
  } catch (error) {
    if (signalled !== undefined) {
      console.error(colors.dim('stopped'));
      process.exitCode = EXIT_CODES[signalled];
    } else {
      console.error(`${colors.red('✗')} ${explain(error, run)}`);
      process.exitCode = 1;
    }
  }
}

/** 128 and the number of the signal, as shells have it. */
const EXIT_CODES: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

function explain(error: unknown, { port: wanted }: RunOptions): string {
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    return `port ${wanted} is taken by another program: give another one with --port, or leave it out for a free one`;
  }
  return error instanceof Error ? error.message : String(error);
}

void main();
