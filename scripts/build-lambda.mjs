// Bundles each handler of lambda/<function>/index.ts into lambda-dist/<function>/index.js: what the constructs deploy and the package ships.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'lambda');
const target = join(root, 'lambda-dist');
const handlers = readdirSync(source).filter((name) => existsSync(join(source, name, 'index.ts')));

// Only what has no source any more is removed: another process may be reading the rest.
mkdirSync(target, { recursive: true });
for (const name of readdirSync(target)) if (!handlers.includes(name)) rmSync(join(target, name), { recursive: true });

await build({
  entryPoints: Object.fromEntries(handlers.map((name) => [`${name}/index`, join(source, name, 'index.ts')])),
  outdir: target,
  absWorkingDir: root,
  bundle: true,
  minify: true,
  // Without keeping names a logged error of ours would be called `a`.
  keepNames: true,
  sourcemap: true,
  // The map names places in the sources; the sources themselves are in the repository.
  sourcesContent: false,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // The ES module builds of the SDK are what lets esbuild drop what is not used: a third less to load at a cold start.
  mainFields: ['module', 'main'],
  logLevel: 'warning',
});
console.log(`lambda-dist: ${handlers.join(', ')}`);
