// Bundles each handler of lambda/<function>/index.ts into lambda-dist/<function>/index.js: what the
// constructs deploy and the package ships. With two arguments it does so for other folders, in the
// same way.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { writeNotices } from './third-party.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = resolve(root, process.argv[2] ?? 'lambda');
const target = resolve(root, process.argv[3] ?? 'lambda-dist');
const NOTICES = 'THIRD-PARTY-NOTICES';
const handlers = readdirSync(source).filter((name) => existsSync(join(source, name, 'index.ts')));

// Only what has no source any more is removed: another process may be reading the rest.
mkdirSync(target, { recursive: true });
for (const name of readdirSync(target))
  if (name !== NOTICES && !handlers.includes(name)) rmSync(join(target, name), { recursive: true });

/**
 * The SDK's clients describe every operation and error of their service in one file, most of which
 * esbuild keeps although no call of ours needs it: Lambda's and SSM's make a cold start a fifth
 * longer. Here such a file is written so that esbuild sees what is unused, without changing what it
 * says:
 *
 * - `{ [_jN]: _x }` becomes `{ "jsonName": _x }`, since a computed key counts as a side effect;
 * - of services whose errors we know by their name alone, registering an error's class counts as
 *   none. The name is there without the class, too.
 */
const leanSchemas = {
  name: 'lean-schemas',
  setup({ onLoad }) {
    onLoad(
      { filter: /@aws-sdk[\\/]client-[\w-]+[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/ },
      async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const constants = new Map(
          [...text.matchAll(/^const (\w+) = ("[^"]*");$/gm)].map(([, name, value]) => [
            name,
            value,
          ]),
        );
        const contents = text.replace(/\[(\w+)\]:/g, (computed, name) =>
          constants.has(name) ? `${constants.get(name)}:` : computed,
        );
        const errorsByName = /client-(lambda|ssm|eventbridge|sqs)[\\/]/.test(path);
        return {
          contents: errorsByName
            ? contents.replace(/^\w+\.registerError\(/gm, '/* @__PURE__ */ $&')
            : contents,
        };
      },
    );
  },
};

const { metafile } = await build({
  entryPoints: Object.fromEntries(
    handlers.map((name) => [`${name}/index`, join(source, name, 'index.ts')]),
  ),
  outdir: target,
  absWorkingDir: root,
  bundle: true,
  metafile: true,
  minifySyntax: true,
  minifyWhitespace: true,
  // Stack traces in the logs need the real names. Short ones that are told their real ones
  // (`keepNames`) are a call for each function, whenever it is made: that costs more, at a cold
  // start and for every message, than loading the longer text.
  minifyIdentifiers: false,
  sourcemap: true,
  // The map names places in the sources; the sources themselves are in the repository.
  sourcesContent: false,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // The ES module builds of the SDK are what lets esbuild drop what is not used: a third less to
  // load at a cold start.
  mainFields: ['module', 'main'],
  plugins: [leanSchemas],
  logLevel: 'warning',
});
writeNotices(metafile, root, join(target, NOTICES));
console.log(`${relative(root, target)}: ${handlers.join(', ')}`);
