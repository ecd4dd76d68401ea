import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

const CLI = join(__dirname, '../../node_modules/.bin/cdk');

export interface CdkRun {
  /** Base URL of the emulator. */
  readonly endpoint: string;
  readonly args: readonly string[];
  /** @default - this process's */
  readonly cwd?: string;
}

/** Runs the CDK CLI against the emulator alone: of this shell's environment only what Node and npm need is passed on. Resolves to what it printed. */
export function cdk({ endpoint, args, cwd }: CdkRun): Promise<string> {
  const child = spawn(CLI, [...args, '--ci', '--progress', 'events'], {
    cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DISABLE_CLI_TELEMETRY: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve(log);
      else reject(new CdkError(args[0] ?? '', code, log));
    });
  });
}

/** The CLI ended with an error. */
export class CdkError extends Error {
  constructor(
    command: string,
    code: number | null,
    readonly printed: string,
  ) {
    super(`cdk ${command} ended with ${code}:\n${printed.slice(-6000)}`);
  }
}
