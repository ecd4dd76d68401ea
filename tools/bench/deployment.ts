import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Section } from './report/section';

const ROOT = join(__dirname, '..', '..');
/** A line that the check prints: `  cdk deploy … ok (12.3 s)`. */
const STEP = /^ {2}(.+) … ok \(([\d.]+) s\)$/;

export const deployment: Section = {
  name: 'deployment',
  title: 'Time to deploy',
  needs: 'endpoint',
  async run({ endpoint = '' }) {
    const check = join('tools', 'check-deployment.ts');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', './tools/typescript.mjs', check, '--endpoint', endpoint],
      {
        cwd: ROOT,
      },
    );
    return [
      'Each step of `tools/check-deployment.ts`, once:',
      { head: ['step', 'seconds'], rows: stepsOf(stdout) },
    ];
  },
};

/** The steps that a check printed, with how long each took. */
export const stepsOf = (printed: string): [step: string, seconds: number][] =>
  printed.split('\n').flatMap((line): [string, number][] => {
    const [, name, seconds] = STEP.exec(line) ?? [];
    return name === undefined ? [] : [[name, Number(seconds)]];
  });
