import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PROJECT = join(__dirname, '..', '..');

/** A CloudFormation template, as far as it is read here. */
export interface Template {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown }>>;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
}

/** A synthesized stack: its template and where its assets lie. */
export interface Assembly {
  readonly stackName: string;
  readonly template: Template;
  /**
   * Folder of an asset by its key in the bucket of assets (`<hash>.zip`). Undefined when it is not
   * one of the stack's.
   */
  readonly assetPath: (objectKey: string) => string | undefined;
}

/**
 * Synthesizes the app in `bin/` into a folder, in a process of its own, with the context of
 * `cdk.json` and this one.
 */
export async function synthesize(
  outDir: string,
  context: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<Assembly> {
  const cdkJson = JSON.parse(await readFile(join(PROJECT, 'cdk.json'), 'utf8')) as {
    context?: Record<string, unknown>;
  };
  const child = spawn(
    process.execPath,
    ['--import', './tools/typescript.mjs', join('bin', 'app.ts')],
    {
      cwd: PROJECT,
      env: {
        // Only what Node and tsx need: an account, region or setting of the developer's must not
        // change what is run.
        ...pick(process.env, ['PATH', 'HOME', 'USERPROFILE', 'TMPDIR', 'TEMP', 'SystemRoot']),
        CDK_OUTDIR: outDir,
        CDK_CONTEXT_JSON: JSON.stringify({ ...cdkJson.context, ...context }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`synthesizing bin/app.ts failed: ${firstError(output)}`);
  return readAssembly(outDir);
}

/** Reads the one stack of a cloud assembly. */
async function readAssembly(outDir: string): Promise<Assembly> {
  const templates = (await readdir(outDir)).filter((name) => name.endsWith('.template.json'));
  const [file] = templates;
  if (file === undefined || templates.length > 1)
    throw new Error(`${outDir} holds ${templates.length} templates; one stack was expected`);
  const stackName = file.slice(0, -'.template.json'.length);
  const template = JSON.parse(await readFile(join(outDir, file), 'utf8')) as Template;
  const assets = JSON.parse(
    await readFile(join(outDir, `${stackName}.assets.json`), 'utf8'),
  ) as AssetManifest;
  return {
    stackName,
    template,
    assetPath: (objectKey) => {
      const path = assets.files[objectKey.replace(/\.zip$/, '')]?.source.path;
      return path === undefined ? undefined : join(outDir, path);
    },
  };
}

interface AssetManifest {
  readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>>;
}

/**
 * What the app itself says: its errors as annotations, else the message of an uncaught error
 * without the stack behind it.
 */
function firstError(output: string): string {
  const lines = output.split('\n');
  const annotated = lines.flatMap((line) => /^ERROR (.*) \(Annotation\)$/.exec(line)?.[1] ?? []);
  if (annotated.length > 0) return annotated.join('; ');
  const uncaught = lines.find((line) => /^(\w*Error: |«)/.test(line));
  return uncaught?.replace(/^Error: /, '') ?? output.trim();
}

const pick = (from: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name] ?? '']])),
  );
