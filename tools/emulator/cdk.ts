import { join } from 'node:path';
import { type Ended, runProgram } from './program';

export const ACCOUNT = '000000000000';

const CLI = join(__dirname, '../../node_modules/.bin/cdk');

export interface CdkRun {
  /** Base URL of the emulator. */
  readonly endpoint: string;
  readonly args: readonly string[];
  /** @default - this process's */
  readonly cwd?: string;
}

/** Runs the CDK CLI against the emulator. Resolves however it ended. */
export const tryCdk = ({ endpoint, args, cwd }: CdkRun): Promise<Ended> =>
  runProgram(endpoint, CLI, [...args, '--ci', '--progress', 'events'], cwd);

/**
 * Runs the CDK CLI against the emulator. Rejects with what it printed when it ended with an error.
 */
export async function cdk(run: CdkRun): Promise<void> {
  const { code, stdout, stderr } = await tryCdk(run);
  if (code !== 0)
    throw new Error(`cdk ${run.args[0]} ended with ${code}:\n${(stdout + stderr).slice(-6000)}`);
}
