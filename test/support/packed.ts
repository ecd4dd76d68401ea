import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compile, stripScripts } from '../../tools/package/build-copy';
import { ROOT } from './sources';

const run = promisify(execFile);

export interface PackedPackage {
  /** Where the package lies as a user has it installed; `node_modules` above it has the CDK. */
  readonly folder: string;
  /** The folder of an app that has it installed. */
  readonly app: string;
  /** The folder where it was built. */
  readonly source: string;
  /** Paths in the package. */
  readonly files: readonly string[];
  /** Bytes of the tarball, and of what is in it. */
  readonly packedSize: number;
  readonly unpackedSize: number;
  /** The description of the public API that jsii wrote. */
  readonly assembly: JsiiAssembly;
  /** What jsii printed, without its notice about the age of Node. */
  readonly jsiiOutput: string;
  remove(): Promise<void>;
}

export interface JsiiAssembly {
  readonly types: Record<string, JsiiType>;
}
export interface JsiiDocs {
  readonly docs?: { readonly summary?: string; readonly default?: string };
}
export interface JsiiMember extends JsiiDocs {
  readonly name: string;
  readonly optional?: boolean;
  readonly type?: { readonly fqn?: string };
  readonly parameters?: readonly (JsiiMember & JsiiDocs)[];
}
export interface JsiiType extends JsiiDocs {
  readonly name: string;
  readonly kind: string;
  readonly datatype?: boolean;
  readonly properties?: readonly JsiiMember[];
  readonly methods?: readonly JsiiMember[];
  readonly members?: readonly JsiiMember[];
}

/**
 * Builds the package in a copy of the sources, packs it as `npm publish` would, and unpacks it into
 * an empty app. The checkout is left as it is.
 */
export async function packedPackage(): Promise<PackedPackage> {
  const folder = await mkdtemp(join(tmpdir(), 'packed-'));
  const [source, app] = [join(folder, 'source'), join(folder, 'app')];
  try {
    await copySources(source);
    const jsiiOutput = compile(source)
      .replace(/^!!.*$/gm, '')
      .trim();
    stripScripts(source);
    const { stdout } = await run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      { cwd: source },
    );
    const [packed] = JSON.parse(stdout);
    await unpack(join(folder, packed.filename), app);
    return {
      folder: join(app, 'node_modules', packed.name),
      app,
      source,
      files: packed.files.map(({ path }: { path: string }) => path).sort(),
      packedSize: packed.size,
      unpackedSize: packed.unpackedSize,
      assembly: JSON.parse(await readFile(join(source, '.jsii'), 'utf8')),
      jsiiOutput,
      remove: () => rm(folder, { recursive: true }),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Only sources, so that nothing that an earlier build left behind can be packed; the bundles are
 * those that the tests run with.
 */
async function copySources(target: string): Promise<void> {
  const isSource = (path: string): boolean => !/(\.js|\.d\.ts)$/.test(path);
  await mkdir(target);
  for (const name of ['lib', 'core', 'client'])
    await cp(join(ROOT, name), join(target, name), { recursive: true, filter: isSource });
  for (const name of [
    'lambda-dist',
    'docs',
    'package.json',
    'README.md',
    'API.md',
    'CHANGELOG.md',
    'LICENSE',
  ])
    await cp(join(ROOT, name), join(target, name), { recursive: true });
  await run(process.execPath, [join(ROOT, 'tools/build-cli.mjs'), join(target, 'cli-dist')], {
    cwd: ROOT,
  });

  const modules = join(target, 'node_modules');
  await mkdir(modules);
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    // What is packed with the package must lie there itself.
    if (name === 'big.js')
      await cp(join(ROOT, 'node_modules', name), join(modules, name), { recursive: true });
    else await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
}

async function unpack(tarball: string, app: string): Promise<void> {
  const modules = join(app, 'node_modules');
  await mkdir(join(modules, 'cdk-rakuten-postback'), { recursive: true });
  await run('tar', [
    '-xzf',
    tarball,
    '--strip-components',
    '1',
    '-C',
    join(modules, 'cdk-rakuten-postback'),
  ]);
  for (const name of ['aws-cdk-lib', 'constructs'])
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
}
