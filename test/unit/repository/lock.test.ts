import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../../package.json';
import { ROOT } from '../../support/sources';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}
const packagesOf = (file: string): Record<string, Locked> =>
  (JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { packages: Record<string, Locked> })
    .packages;
const packages = packagesOf('package-lock.json');

const REGISTRY = 'https://registry.npmjs.org/';
const LOCK_FILES = ['', '.github/release/', 'local/ui/', 'tools/bench/', 'tools/package/'].map(
  (folder) => `${folder}package-lock.json`,
);

/**
 * `npm ci` refuses a lock file that leaves out what is optional, and npm leaves out what it could
 * not get for other machines.
 */
it('the lock file has the parts of every platform, so that npm ci installs on any', () => {
  const missing = Object.entries(packages).flatMap(([where, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter(
        (name) =>
          packages[`${where}/node_modules/${name}`] === undefined &&
          packages[`node_modules/${name}`] === undefined,
      )
      .map((name) => `${name}, which ${where} names`),
  );
  expect(missing).toEqual([]);
});

it('the lock file has the peers of package.json', () => {
  expect(packages['']?.peerDependencies).toEqual(packageJson.peerDependencies);
});

it.each(LOCK_FILES)('%s names no host but the registry of npm', (file) => {
  const others = Object.values(packagesOf(file)).filter(
    ({ resolved }) => !(resolved ?? REGISTRY).startsWith(REGISTRY),
  );
  expect(others).toEqual([]);
});

/**
 * Without a hash `npm ci` runs whatever a registry answers. What is inside another package's
 * archive is covered by that one's hash.
 */
it.each(LOCK_FILES)(
  '%s has the hash of every package, also of those for other platforms',
  (file) => {
    const unverified = Object.entries(packagesOf(file)).filter(
      ([where, { integrity = '', inBundle }]) =>
        where !== '' && inBundle !== true && !integrity.startsWith('sha512-'),
    );
    expect(unverified.map(([where]) => where)).toEqual([]);
  },
);

/** npm runs the script of a package only if `allowScripts` says so; none of ours needs one. */
it('package.json decides about each package with an install script', () => {
  const names = Object.entries(packages).flatMap(([where, { hasInstallScript }]) =>
    hasInstallScript === true ? [where.replace(/^.*node_modules\//, '')] : [],
  );
  expect(Object.keys(packageJson.allowScripts).sort()).toEqual([...new Set(names)].sort());
});
