// Removes what the build makes: bundles, compiled sources and what jsii writes.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

for (const name of [
  'lambda-dist',
  'cli-dist',
  'dist',
  'cdk.out',
  '.jsii',
  '.npmignore',
  'tsconfig.jsii.json',
  'tsconfig.tsbuildinfo',
]) {
  rmSync(join(root, name), { recursive: true, force: true });
}
for (const folder of ['lib', 'core', 'client']) {
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
    const compiled = join(root, folder, name);
    // Only what has a source beside it: nothing else there is ours to remove.
    const source = compiled.replace(/(\.d\.ts|\.js)$/, '.ts');
    if (source !== compiled && existsSync(source)) rmSync(compiled);
  }
}
