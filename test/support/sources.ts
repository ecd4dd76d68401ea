import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

/** The project's sources, and what they import: for tests that look at how they hang together. */
export const ROOT = resolve(__dirname, '..', '..');

export interface ImportOf {
  /** Path of the importing file from the root, with `/`. */
  readonly file: string;
  /** As written. */
  readonly specifier: string;
  /** Path from the root of the file that is meant; undefined for a package or a Node module. */
  readonly target: string | undefined;
}

/** Every TypeScript source below a folder of the root. None where there is no such folder. */
export function sourcesIn(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  const entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return entries
    .filter(
      (name) => /\.m?ts$/.test(name) && !name.endsWith('.d.ts') && !name.includes('node_modules'),
    )
    .map((name) => slashed(join(folder, name)));
}

/** The entry of each Lambda function. */
export const handlers = (): string[] =>
  sourcesIn('lambda').filter((file) => /^lambda\/[^/]+\/index\.ts$/.test(file));

export const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/**
 * What a source imports: `import`, `export … from`, `import()`, `require()` and types in
 * `import('…')`.
 */
export const importsOf = oncePerFile((file) =>
  ts.preProcessFile(textOf(file), true, true).importedFiles.map(({ fileName }) => ({
    file,
    specifier: fileName,
    target: fileName.startsWith('.') ? resolved(file, fileName) : undefined,
  })),
);

/** Its imports without those of types alone. */
export const valueImportsOf = oncePerFile((file) => {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const { importedFiles } = ts.preProcessFile(ts.transpile(textOf(file), options), true, true);
  const specifiers = new Set(importedFiles.map(({ fileName }) => fileName));
  return importsOf(file).filter(({ specifier }) => specifiers.has(specifier));
});

function oncePerFile(read: (file: string) => ImportOf[]): (file: string) => ImportOf[] {
  const known = new Map<string, ImportOf[]>();
  return (file) => {
    const imports = known.get(file) ?? read(file);
    known.set(file, imports);
    return imports;
  };
}

/** The file itself and every source of the project that it reaches through imports. */
export function reachedFrom(file: string, importsIn = importsOf): string[] {
  const reached = new Set<string>([file]);
  for (const source of reached) {
    for (const { target } of importsIn(source)) if (target?.endsWith('.ts')) reached.add(target);
  }
  return [...reached].sort();
}

function resolved(file: string, specifier: string): string {
  const base = join(ROOT, dirname(file), specifier);
  const candidates = [`${base}.ts`, join(base, 'index.ts'), base];
  const found = candidates.find(
    (candidate) => existsSync(candidate) && statSync(candidate).isFile(),
  );
  if (found === undefined)
    throw new Error(`${file} imports ${specifier}, and there is no such source`);
  return slashed(relative(ROOT, found));
}

const slashed = (path: string): string => path.split(sep).join('/');
