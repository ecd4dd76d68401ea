/** The command line `rakuten-postback`: see `cli/program.ts` for what it offers and `commands/` for the commands. */
import { run } from './cli/program';

// The package says which Node it needs; the SDK's announcement of its own plans has no place between the lines of an answer.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** How long a command may take to end by itself, with its files in order, before Ctrl-C ends it as it ends any program. */
const GRACE_MILLIS = 1000;

const stopped = new AbortController();
for (const [signal, exitCode] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    stopped.abort();
    setTimeout(() => process.exit(exitCode), GRACE_MILLIS).unref();
  });
}

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
