import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './sources';

const run = promisify(execFile);

export interface ExamplePackage {
  readonly name: string;
  readonly private: boolean;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

/** Folders of `examples` with an app in TypeScript. */
export const typescriptExamples = (): string[] =>
  exampleFolders().filter((name) => existsSync(join(ROOT, 'examples', name, 'app.ts')));

export const exampleFolders = (): string[] =>
  readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

export const exampleText = (example: string, file: string): string =>
  readFileSync(join(ROOT, 'examples', example, file), 'utf8');
export const examplePackage = (example: string): ExamplePackage =>
  JSON.parse(exampleText(example, 'package.json'));

/**
 * An example as its user has it: a copy of the folder, with what its package.json names installed.
 */
export class InstalledExample {
  private constructor(
    private readonly name: string,
    private readonly folder: string,
  ) {}

  /** Into a folder of the app that has the packed package installed. */
  static async in(app: string, name: string): Promise<InstalledExample> {
    const folder = join(app, 'examples', name);
    const isSource = (path: string): boolean => !/[\\/](node_modules|cdk\.out)$/.test(path);
    await cp(join(ROOT, 'examples', name), folder, { recursive: true, filter: isSource });
    const { dependencies, devDependencies } = examplePackage(name);
    for (const dependency of Object.keys({ ...dependencies, ...devDependencies })) {
      const installed = join(app, 'node_modules', dependency);
      if (existsSync(installed)) continue;
      await mkdir(dirname(installed), { recursive: true });
      await symlink(join(ROOT, 'node_modules', dependency), installed);
    }
    // `npm install` links the programs too; CDK looks for esbuild there.
    if ('esbuild' in devDependencies && !existsSync(join(app, 'node_modules', '.bin', 'esbuild'))) {
      await mkdir(join(app, 'node_modules', '.bin'), { recursive: true });
      await symlink(
        join(ROOT, 'node_modules', '.bin', 'esbuild'),
        join(app, 'node_modules', '.bin', 'esbuild'),
      );
    }
    return new InstalledExample(name, folder);
  }

  /** Runs the app as cdk.json has it run, and returns its templates by name. */
  async synthesize(): Promise<Record<string, ExampleTemplate>> {
    const { app } = JSON.parse(exampleText(this.name, 'cdk.json')) as { app: string };
    if (app !== 'npx tsx app.ts') throw new Error(`the app of ${this.name} is run by '${app}'`);
    const outdir = join(this.folder, 'cdk.out');
    const env = { PATH: process.env.PATH, CDK_OUTDIR: outdir };
    await run(
      process.execPath,
      ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), 'app.ts'],
      { cwd: this.folder, env },
    );
    const files = (await readdir(outdir)).filter((file) => file.endsWith('.template.json'));
    const read = async (file: string) =>
      [
        file.replace('.template.json', ''),
        JSON.parse(await readFile(join(outdir, file), 'utf8')),
      ] as const;
    return Object.fromEntries(await Promise.all(files.map(read)));
  }

  /** Type-checks it with its own tsconfig.json. Rejects with what the compiler says. */
  async typeCheck(): Promise<void> {
    await run(
      process.execPath,
      [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', this.folder],
      { cwd: this.folder },
    ).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  }
}

export interface ExampleTemplate {
  // biome-ignore lint/suspicious/noExplicitAny: a template is what it is
  readonly Resources: Record<string, { readonly Type: string; readonly Properties: any }>;
}
