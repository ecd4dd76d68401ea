import { Command, InvalidArgumentError } from 'commander';
import colors from 'picocolors';

/** The command of `node tools/run.mjs <name>`. */
export const toolCommand = (name: string, description: string): Command =>
  new Command(`node tools/run.mjs ${name}`).description(description).allowExcessArguments(false);

/** Parses a whole number of an option. */
export const wholeNumber =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    const limits =
      most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`give a whole number ${limits}`);
  };

/** Parses a number above 0 of an option. */
export function positiveNumber(text: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number > 0) return number;
  throw new InvalidArgumentError('give a number above 0');
}

/** A signal that the first Ctrl-C aborts. */
export function interruptible(): AbortSignal {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  return interrupted.signal;
}

/** Runs a tool. The exit code is 1 if it fails, and 130 if it was interrupted. */
export function runCommand(run: () => Promise<void>): void {
  run().catch((error: unknown) => {
    const isInterrupted = error instanceof Error && error.name === 'AbortError';
    console.error(isInterrupted ? colors.dim('\nstopped') : error);
    process.exitCode = isInterrupted ? 130 : 1;
  });
}
