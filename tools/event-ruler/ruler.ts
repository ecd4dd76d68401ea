import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { isInstalled } from '../package/targets';

/** For each event, the indexes of the patterns that match it, in ascending order. */
export type Ruler = (patterns: readonly object[], events: readonly object[]) => number[][];

/** The engine cannot be built on this machine. The message says why. */
export class NoRulerError extends Error {}

/**
 * Builds Event Ruler, the engine that EventBridge uses, in an empty folder.
 *
 * @throws NoRulerError without a JDK, Maven or the download
 */
export function buildRuler(folder: string): Ruler {
  const missing = ['javac', 'mvn'].filter((program) => !isInstalled(program));
  if (missing.length > 0)
    throw new NoRulerError(`there is no ${missing.join(' and no ')} on this machine`);
  for (const file of ['pom.xml', 'Match.java']) cpSync(join(__dirname, file), join(folder, file));
  const jars = join(folder, 'lib');
  const download = spawnSync(
    'mvn',
    ['--batch-mode', '--quiet', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  if (download.status !== 0)
    throw new NoRulerError(`Maven cannot download it: ${firstError(download.stdout)}`);
  const classPath = `${folder}:${jars}/*`;
  java('javac', ['-cp', classPath, '-d', folder, join(folder, 'Match.java')]);
  return (patterns, events) => {
    const output = java(
      'java',
      ['-cp', classPath, '-Dfile.encoding=UTF-8', 'Match'],
      JSON.stringify({ patterns, events }),
    );
    return (JSON.parse(output) as number[][]).map((matching) =>
      matching.sort((one, other) => one - other),
    );
  };
}

function java(program: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return stdout;
}

const firstError = (output: string): string =>
  output.split('\n').find((line) => line.includes('ERROR')) ?? output;
