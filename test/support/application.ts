/**
 * The folder of an application that has installed this package, for programs that the documentation
 * shows.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const run = promisify(execFile);
const ROOT = join(__dirname, '../..');
const DEPENDENCIES = ['@aws-sdk', 'big.js'];

/**
 * Variables of a program that uses the embedded DynamoDB.
 *
 * Nothing of the developer's AWS configuration.
 */
export const environment = (endpoint: string, tableName: string): NodeJS.ProcessEnv => ({
  // The tools' own homes are needed to start them.
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  TABLE: tableName,
  NODE_NO_WARNINGS: '1',
  AWS_ENDPOINT_URL_DYNAMODB: endpoint,
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PAGER: '',
});

export class Application {
  private constructor(readonly folder: string) {}

  /** Creates the folder, with this package as its `exports` show it. */
  static async create(): Promise<Application> {
    const folder = mkdtempSync(join(tmpdir(), 'rakuten-application-'));
    const installed = join(folder, 'node_modules/cdk-rakuten-postback');
    await build({
      entryPoints: [join(ROOT, 'client/index.ts')],
      outfile: join(installed, 'client/index.js'),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['@aws-sdk/*'],
      logLevel: 'error',
    });
    cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
    for (const name of DEPENDENCIES)
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'dir');
    return new Application(folder);
  }

  /** Writes a program into the folder and runs it. Returns what it prints. */
  async run(
    command: string,
    file: string,
    code: string,
    env: NodeJS.ProcessEnv,
    args: readonly string[] = [],
  ): Promise<string> {
    writeFileSync(join(this.folder, file), code);
    const { stdout } = await run(command, [join(this.folder, file), ...args], {
      cwd: this.folder,
      env,
    });
    return stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
