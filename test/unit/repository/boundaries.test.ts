import { builtinModules } from 'node:module';
import ts from 'typescript';
import {
  ENVIRONMENT,
  METRICS,
  REGISTRATION_ATTRIBUTES,
  REGISTRATION_PROPERTIES,
} from '../../../core/names';
import packageJson from '../../../package.json';
import {
  handlers,
  type ImportOf,
  importsOf,
  reachedFrom,
  sourcesIn,
  textOf,
  valueImportsOf,
} from '../../support/sources';

const FOLDERS = [
  'bin',
  'cli',
  'client',
  'core',
  'fake-rakuten',
  'lambda',
  'lib',
  'local',
  'test',
  'tools',
] as const;
const HANDLERS = handlers();

const importsIn = (folder: string): ImportOf[] => sourcesIn(folder).flatMap(importsOf);
/**
 * The package that a specifier names; undefined for a source of ours and for Node's own modules.
 */
function packageOf({ specifier, target }: ImportOf): string | undefined {
  if (target !== undefined || specifier.startsWith('node:') || builtinModules.includes(specifier))
    return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
const inWords = ({ file, specifier }: ImportOf): string => `${file} imports ${specifier}`;

describe('the folders', () => {
  // What each may import beside itself. Handlers and constructs meet only in core; nothing but
  // tests imports tests.
  const MAY_IMPORT: Record<(typeof FOLDERS)[number], readonly string[]> = {
    core: [],
    lib: ['core'],
    lambda: ['core'],
    client: ['core'],
    'fake-rakuten': ['core'],
    local: ['client', 'core', 'fake-rakuten', 'lib'],
    cli: ['client', 'core'],
    bin: ['cli', 'lib'],
    tools: [
      'bin',
      'cli',
      'client',
      'core',
      'fake-rakuten',
      'lambda',
      'lib',
      'local',
      'package.json',
    ],
    test: [...FOLDERS, 'examples', 'package.json'],
  };

  it.each(FOLDERS)('%s imports only what it may', (folder) => {
    const allowed = new Set<string>([folder, ...MAY_IMPORT[folder]]);
    const wrong = importsIn(folder).filter(
      ({ target }) => target !== undefined && !allowed.has(String(target.split('/')[0])),
    );
    expect(wrong.map(inWords)).toEqual([]);
  });

  it.each(['core', 'lambda', 'client'])('%s knows nothing of the CDK', (folder) => {
    const wrong = importsIn(folder).filter((i) =>
      ['aws-cdk-lib', 'constructs', 'aws-cdk', '@aws-cdk'].includes(
        String(packageOf(i)).split('/')[0] ?? '',
      ),
    );
    expect(wrong.map(inWords)).toEqual([]);
  });

  // Each folder of core imports only those before it, and features only those that they build on.
  const LAYERS: Record<string, readonly string[]> = {
    core: [],
    'core/rakuten/postback': [],
    'core/rakuten/api': ['core/rakuten/postback'],
    'core/rakuten/events-api': ['core/rakuten/api', 'core/rakuten/postback'],
    'core/transactions': ['core/rakuten/postback'],
    'core/state': ['core/rakuten/postback', 'core/transactions'],
  };
  const BASE = [
    'core/rakuten/postback',
    'core/rakuten/api',
    'core/rakuten/events-api',
    'core/transactions',
    'core/state',
  ];
  const FEATURES: Record<string, readonly string[]> = {
    'core/archive': [],
    'core/change-events': [],
    'core/dead-letters': [],
    'core/reconciliation': ['core/archive'],
    'core/registration': [],
    'core/status-watch': ['core/registration'],
  };
  const folderOf = (file: string): string => file.split('/').slice(0, -1).join('/');

  it.each([...new Set(sourcesIn('core').map(folderOf))])(
    '%s imports only the layers below',
    (folder) => {
      const below = LAYERS[folder] ?? [...BASE, ...(FEATURES[folder] ?? [])];
      expect(Object.keys({ ...LAYERS, ...FEATURES })).toContain(folder);
      const wrong = sourcesIn(folder)
        .filter((file) => folderOf(file) === folder)
        .flatMap(importsOf)
        .filter(
          ({ target }) =>
            target !== undefined && ![folder, 'core', ...below].includes(folderOf(target)),
        );
      expect(wrong.map(inWords)).toEqual([]);
    },
  );

  it.each(FOLDERS.filter((folder) => folder !== 'test'))('%s has no cycle of files', (folder) => {
    // The parts of a simulation know their world by its type.
    const importsIn = folder === 'tools' ? valueImportsOf : importsOf;
    const cyclic = sourcesIn(folder).filter((file) =>
      importsIn(file).some(({ target }) => target && reachedFrom(target, importsIn).includes(file)),
    );
    expect(cyclic).toEqual([]);
  });

  it("keep Rakuten's side of core free of AWS", () => {
    const wrong = sourcesIn('core/rakuten')
      .flatMap((file) => reachedFrom(file))
      .flatMap(importsOf)
      .filter((i) => /^(@aws-|@smithy)/.test(packageOf(i) ?? ''));
    expect(wrong.map(inWords)).toEqual([]);
  });
});

describe('what a user of the package needs installed', () => {
  const packagesReachedFrom = (file: string): string[] =>
    [...new Set(reachedFrom(file, valueImportsOf).flatMap(valueImportsOf).map(packageOf))]
      .filter((name): name is string => name !== undefined)
      .sort();

  it('to synthesize: the CDK and nothing else', () => {
    expect(packagesReachedFrom('lib/index.ts')).toEqual(
      Object.keys(packageJson.peerDependencies).sort(),
    );
  });

  it('to query: what the package brings, and the AWS SDK that the application has', () => {
    const declared = [...Object.keys(packageJson.dependencies), '@aws-sdk/client-dynamodb'];
    for (const name of packagesReachedFrom('client/index.ts')) expect(declared).toContain(name);
  });

  it('to run the command line: nothing, so npx downloads no other package', () => {
    expect(Object.keys(packageJson.bin)).toEqual(['cdk-rakuten-postback']);
    expect(packagesReachedFrom('bin/cdk-rakuten-postback.ts')).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(aws-cdk-lib|constructs)$/)]),
    );
    for (const name of Object.keys(packageJson.peerDependencies))
      expect(packageJson.peerDependenciesMeta).toHaveProperty([name, 'optional'], true);
  });
});

describe('a name that two sides must agree on', () => {
  const NAMES = [METRICS, ENVIRONMENT, REGISTRATION_PROPERTIES, REGISTRATION_ATTRIBUTES].flatMap(
    (names) => Object.values<string>(names),
  );

  it('is written once, in core/names.ts', () => {
    const written = ['core', 'lambda', 'lib']
      .flatMap(sourcesIn)
      .filter((file) => file !== 'core/names.ts')
      .flatMap((file) =>
        stringsIn(file)
          .filter((text) => NAMES.includes(text))
          .map((text) => `${file} writes '${text}'`),
      );
    expect(written).toEqual([]);
  });

  it('is one thing only', () => {
    for (const names of [METRICS, ENVIRONMENT, REGISTRATION_PROPERTIES])
      expect(new Set(Object.values(names)).size).toBe(Object.keys(names).length);
  });

  it('each metric is emitted by a handler', () => {
    expect(HANDLERS.length).toBeGreaterThan(1);
    const emitted = HANDLERS.flatMap((file) => reachedFrom(file)).flatMap((file) =>
      [...textOf(file).matchAll(/\bMETRICS\.(\w+)/g)].map((m) => m[1]),
    );
    expect(new Set(emitted)).toEqual(new Set(Object.keys(METRICS)));
  });

  it('each environment variable is read by a handler', () => {
    const read = HANDLERS.flatMap((file) => reachedFrom(file)).flatMap((file) =>
      [...textOf(file).matchAll(/\bENVIRONMENT\.(\w+)/g)].map((m) => m[1]),
    );
    expect(new Set(read)).toEqual(new Set(Object.keys(ENVIRONMENT)));
  });

  it('is read from the environment by that name only', () => {
    const other = sourcesIn('lambda')
      .filter((file) => file !== 'lambda/shared/environment.ts')
      .filter((file) => /process\.env\b/.test(textOf(file)));
    expect(other).toEqual([]);
  });
});

function stringsIn(file: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, textOf(file), ts.ScriptTarget.ES2022));
  return found;
}
