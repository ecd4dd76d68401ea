import { execFileSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';

const APP = 'tools/upgrade/app.ts';
const THIS_VERSION = join(__dirname, '../..');

/**
 * Synthesizes the app of the upgrade check with a version's own sources, bundles and packages.
 *
 * @param version folder of the version, which gets the app unless it is this one
 * @param assembly folder to write to
 * @param context of the app
 */
export function synthesize(
  version: string,
  assembly: string,
  context: Readonly<Record<string, unknown>>,
): void {
  if (version !== THIS_VERSION) cpSync(join(THIS_VERSION, APP), join(version, APP));
  const env = {
    ...process.env,
    TSX_TSCONFIG_PATH: join(version, 'tsconfig.json'),
    CDK_OUTDIR: assembly,
    CDK_CONTEXT_JSON: JSON.stringify(context),
  };
  const options = { cwd: version, env, stdio: 'pipe' } as const;
  // An older version has its tools in another folder.
  const tools = join(
    version,
    existsSync(join(version, 'tools/build-lambda.mjs')) ? 'tools' : 'scripts',
  );
  execFileSync(process.execPath, [join(tools, 'build-lambda.mjs')], options);
  execFileSync(
    process.execPath,
    ['--import', join(tools, 'typescript.mjs'), join(version, APP)],
    options,
  );
}
