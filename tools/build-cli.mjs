// Bundles the command line into one file, cli-dist/cdk-rakuten-postback.js, with everything it
// uses: the package has no run-time dependencies for it.
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeNotices } from './third-party.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Tests give a folder of their own, so that they never read a bundle that another run is writing.
const outdir = resolve(root, process.argv[2] ?? 'cli-dist');
const outfile = join(outdir, 'cdk-rakuten-postback.js');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

rmSync(outdir, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: [join(root, 'bin/cdk-rakuten-postback.ts')],
  outfile,
  absWorkingDir: root,
  bundle: true,
  metafile: true,
  minify: true,
  // Error names are part of what is shown.
  keepNames: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  mainFields: ['module', 'main'],
  define: { 'process.env.RAKUTEN_POSTBACK_VERSION': JSON.stringify(version) },
  banner: { js: '#!/usr/bin/env node' },
  logLevel: 'warning',
});
writeNotices(metafile, root, join(outdir, 'THIRD-PARTY-NOTICES'));
chmodSync(outfile, 0o755);
console.log(`cli-dist: cdk-rakuten-postback ${version}`);
