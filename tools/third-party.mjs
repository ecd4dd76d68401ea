// What a bundle has in it that is not ours: checked against the licences that may be passed on, and
// written down beside the bundle as these licences ask.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Licences under which code may be passed on within an Apache-2.0 package, as long as their text
 * goes with it.
 */
const ALLOWED = new Set([
  'Apache-2.0',
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
]);

/**
 * Writes the notices for what esbuild says went into a bundle. Throws for a package whose licence
 * is not on the list.
 */
export function writeNotices(metafile, root, file) {
  const packages = packagesIn(metafile, root);
  const refused = packages.filter(({ license }) => !ALLOWED.has(license));
  if (refused.length > 0) {
    const named = refused
      .map(({ name, version, license }) => `${name} ${version} (${license})`)
      .join(', ');
    throw new Error(
      `bundled under a licence that is not on the list of tools/third-party.mjs: ${named}`,
    );
  }
  writeFileSync(file, noticesOf(packages));
  return packages;
}

/** The packages of which something was kept in an output, sorted by name and version. */
function packagesIn({ outputs }, root) {
  const kept = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  );
  const folders = new Set(
    kept
      .map(([input]) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0])
      .filter((folder) => folder !== undefined),
  );
  const packages = [...folders].map((folder) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    );
    return {
      name,
      version,
      license: typeof license === 'string' ? license : String(license?.type),
      texts: textsOf(join(root, folder)),
    };
  });
  const unique = new Map(packages.map((found) => [`${found.name}@${found.version}`, found]));
  return [...unique.keys()].sort().map((key) => unique.get(key));
}

function textsOf(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) =>
    /^(licen[cs]e|notice|copying)(\.(md|txt))?$/i.test(name),
  );
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim());
}

/** One entry per text, as most packages have the same one. */
function noticesOf(packages) {
  const byText = new Map();
  for (const { name, version, license, texts } of packages) {
    const text =
      texts.length > 0
        ? texts.join('\n\n')
        : `Licensed under ${license}; the package has no text of its own.`;
    byText.set(text, [...(byText.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const entries = [...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return ['Code of these packages is part of the files beside this one.\n', ...entries].join(
    `\n${'-'.repeat(80)}\n\n`,
  );
}
