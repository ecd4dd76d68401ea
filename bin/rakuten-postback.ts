/** The command line `rakuten-postback`: see `cli/program.ts` for what it offers and `commands/` for the commands. */
import { run } from './cli/program';

// The package says which Node it needs; the SDK's announcement of its own plans has no place between the lines of an answer.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const stopped = new AbortController();
process.once('SIGINT', () => stopped.abort());
process.once('SIGTERM', () => stopped.abort());

for (const stream of [process.stdout, process.stderr]) {
  // `… | head` has read enough: that is no error.
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

void run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  directory: process.cwd(),
  signal: stopped.signal,
  now: () => new Date(),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
