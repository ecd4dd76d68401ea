/**
 * The command line `cdk-rakuten-postback`. The program is in `cli/program.ts`, its commands in
 * `commands/`.
 */
import { run } from '../cli/program';

// package.json declares the Node version. The SDK's notice about it would be printed in the middle
// of the output.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** Time after Ctrl-C for a command to end by itself and to clean up its files. */
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
  // A reader such as `head` that closes the pipe is no error.
  stream.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? 0 : 1),
  );
}

void run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  directory: process.cwd(),
  signal: stopped.signal,
  now: () => new Date(),
}).then((exitCode) => {
  process.exitCode = exitCode;
});
