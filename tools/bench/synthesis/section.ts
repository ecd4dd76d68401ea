import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { interleave } from '../interleave';
import { type BenchOptions, type Block, digits, type Section, thousands } from '../report/section';
import { ratioInWords, ratios, summary } from '../statistics';

const ROOT = join(__dirname, '..', '..', '..');
const APPS = {
  'by hand': join('bench', 'synthesis', 'plain-app.ts'),
  'this construct': join('bin', 'app.ts'),
} as const;
type App = keyof typeof APPS;

/** CloudFormation's limits for one stack. */
const LIMITS = { resources: 500, bytes: 1024 * 1024 };

interface Synthesis {
  readonly cpu: number;
  readonly wall: number;
  readonly resources: number;
  readonly bytes: number;
}

export const synthesis: Section = {
  name: 'synthesis',
  title: 'Synthesis and the template',
  run: measure,
};

async function measure({ quick }: BenchOptions): Promise<Block[]> {
  const measured = await interleave<Synthesis>({
    contenders: Object.keys(APPS),
    measure: (app) => synthesize(app as App),
    value: ({ cpu }) => cpu,
    minRounds: quick ? 1 : 3,
    maxRounds: quick ? 1 : 5,
    tolerance: 0.06,
  });
  const of = (app: App, what: keyof Synthesis): number[] =>
    (measured.get(app) ?? []).map((s) => s[what]);
  return [
    'The whole process, loading the CDK and TypeScript included, in turns with a plain CDK app that has the same parts (`tools/bench/synthesis/plain-app.ts`):',
    {
      head: [
        'stack',
        'resources',
        'template, KB',
        "of CloudFormation's limits",
        'seconds: min / median / max',
        'processor time to by hand',
        'time passed to by hand',
      ],
      rows: (Object.keys(APPS) as App[]).map((app) => {
        const { min, median, max } = summary(of(app, 'wall'));
        const [resources = 0] = of(app, 'resources');
        const [bytes = 0] = of(app, 'bytes');
        return [
          app,
          resources,
          thousands(bytes / 1024),
          `${digits((100 * resources) / LIMITS.resources, 0)} % of the resources, ${digits((100 * bytes) / LIMITS.bytes, 0)} % of the bytes`,
          `${digits(min, 1)} / ${digits(median, 1)} / ${digits(max, 1)}`,
          app === 'by hand' ? '1' : ratioInWords(ratios(of(app, 'cpu'), of('by hand', 'cpu'))),
          app === 'by hand' ? '1' : ratioInWords(ratios(of(app, 'wall'), of('by hand', 'wall'))),
        ];
      }),
    },
  ];
}

/** Prints its own processor time at the end. */
const TELL_CPU = `data:text/javascript,process.on('exit',()=>{const{user,system}=process.cpuUsage();process.stdout.write('\\ncpu '+(user+system)+'\\n')})`;

async function synthesize(app: App): Promise<Synthesis> {
  const folder = await mkdtemp(join(tmpdir(), 'postback-bench-'));
  try {
    const started = performance.now();
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', TELL_CPU, '--import', './tools/typescript.mjs', APPS[app]],
      {
        cwd: ROOT,
        env: {
          PATH: process.env.PATH,
          HOME: process.env.HOME,
          CDK_OUTDIR: folder,
          CDK_CONTEXT_JSON: JSON.stringify({
            sid: '3900112',
            credentialsSecretName: 'rakuten/api',
          }),
        },
      },
    );
    const wall = (performance.now() - started) / 1000;
    const file = (await readdir(folder)).find((name) => name.endsWith('.template.json')) ?? '';
    const text = await readFile(join(folder, file), 'utf8');
    const resources = Object.keys((JSON.parse(text) as { Resources: object }).Resources).length;
    return {
      cpu: Number(/\ncpu (\d+)\n/.exec(stdout)?.[1]),
      wall,
      resources,
      bytes: Buffer.byteLength(text),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}
