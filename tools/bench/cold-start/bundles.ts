import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = join(__dirname, '..', '..', '..');
const HANDLERS = join(__dirname, 'handlers');

export interface Bundle {
  readonly name: string;
  readonly file: string;
  readonly kilobytes: number;
  readonly zippedKilobytes: number;
}

/** The functions that are deployed, by name. */
export const functionNames = (): string[] =>
  readdirSync(join(ROOT, 'lambda')).filter((name) =>
    existsSync(join(ROOT, 'lambda', name, 'index.ts')),
  );

/** Bundles the functions, and the handlers that they are compared with, all in the same way. */
export async function bundleAll(folder: string): Promise<Bundle[]> {
  const run = promisify(execFile);
  for (const [source, target] of [
    [join(ROOT, 'lambda'), join(folder, 'functions')],
    [HANDLERS, join(folder, 'compared')],
  ] as const) {
    await run(process.execPath, [join(ROOT, 'tools', 'build-lambda.mjs'), source, target]);
  }
  const other = join(folder, 'compared', 'consumer-default-bundling', 'index.js');
  await bundleByDefaults(other);
  const files = [
    ...functionNames().map((name) => [name, join(folder, 'functions', name, 'index.js')] as const),
    ...[...readdirSync(HANDLERS), 'consumer-default-bundling'].map(
      (name) => [name, join(folder, 'compared', name, 'index.js')] as const,
    ),
  ];
  return files.map(([name, file]) => {
    const content = readFileSync(file);
    return {
      name,
      file,
      kilobytes: content.length / 1024,
      zippedKilobytes: gzipSync(content).length / 1024,
    };
  });
}

/** As the CDK's NodejsFunction bundles with `minify` alone: from the packages' CommonJS builds. */
async function bundleByDefaults(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(ROOT, 'lambda', 'consumer', 'index.ts')],
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    logLevel: 'warning',
  });
}
