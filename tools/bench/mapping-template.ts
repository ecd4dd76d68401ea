import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTemplate, type TemplateRequest } from '../../local/gateway/velocity';
import { interleave } from './interleave';
import { type BenchOptions, type Block, digits, type Section } from './report/section';
import { summary } from './statistics';

const TEMPLATE = readFileSync(
  join(__dirname, '..', '..', 'lib', 'ingestion-api.vtl'),
  'utf8',
).trim();
const CONTEXT = {
  extendedRequestId: 'JKJaXmPLvHcESHA=',
  requestTimeEpoch: '1776504673250',
  identity: { sourceIp: '198.51.100.7' },
};

/** Parameters, and characters of each value. The first is Rakuten's; a loop ends after 1,000. */
const SHAPES: readonly (readonly [parameters: number, characters: number])[] = [
  [18, 20],
  [1, 20],
  [100, 20],
  [1000, 1],
  [18, 100],
  [18, 500],
  [1, 9000],
];
/** Renderings of a shape per measurement. */
const RENDERINGS = 40;

export const mappingTemplate: Section = {
  name: 'mapping-template',
  title: 'The mapping template',
  run: evaluation,
};

async function evaluation(options: BenchOptions): Promise<Block[]> {
  const template = parseTemplate(TEMPLATE);
  const requests = new Map(
    SHAPES.map((shape) => [
      shape.join('x'),
      { querystring: new Map(parametersOf(shape)), context: CONTEXT },
    ]),
  );
  for (const request of requests.values()) template.render(request);
  const measured = await interleave<number>({
    contenders: [...requests.keys()],
    measure: async (shape) => {
      const before = process.cpuUsage();
      for (let i = 0; i < RENDERINGS; i++) template.render(requests.get(shape) as TemplateRequest);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / RENDERINGS;
    },
    value: (micros) => micros,
    minRounds: options.quick ? 2 : 15,
    maxRounds: options.quick ? 2 : 41,
    tolerance: 0.05,
  });
  const inVelocity =
    options.velocity === undefined
      ? undefined
      : velocityMicros(options.velocity, options.quick ? 5e5 : 1e7);
  return [
    `Microseconds of processor time for one evaluation in velocityjs, the engine of the local run${inVelocity === undefined ? '' : ', and in Apache Velocity, which API Gateway uses (time passed, with the JSON around each)'}. What API Gateway itself takes cannot be seen from outside; it grows with the parameters as here:`,
    {
      head: [
        'parameters',
        'characters of each value',
        'velocityjs: min / median / max',
        ...(inVelocity === undefined ? [] : ['Apache Velocity']),
      ],
      rows: SHAPES.map((shape, i) => {
        const { min, median, max } = summary(measured.get(shape.join('x')) ?? []);
        return [
          ...shape,
          `${digits(min, 0)} / ${digits(median, 0)} / ${digits(max, 0)}`,
          ...(inVelocity === undefined ? [] : [digits(inVelocity[i] ?? Number.NaN, 0)]),
        ];
      }),
    },
  ];
}

const parametersOf = ([count, characters]: readonly [number, number]): [string, string][] =>
  Array.from({ length: count }, (_, i) => [
    `parameter_${i}`,
    'Wireless headphones, '.repeat(characters).slice(0, characters),
  ]);

/**
 * Two runs of the renderer that differ only in the number of renderings, so that the start of the
 * virtual machine cancels out. JSON is part of it. Short texts are rendered more often, as the
 * machine has to warm up on them too.
 */
function velocityMicros(classPath: string, characters: number): number[] {
  const seconds = (inputs: object[]): number => {
    const started = performance.now();
    const { status, stderr } = spawnSync(
      'java',
      ['-cp', classPath, '-Dfile.encoding=UTF-8', 'Render'],
      {
        input: JSON.stringify({ template: TEMPLATE, inputs }),
        encoding: 'utf8',
        maxBuffer: 1 << 30,
      },
    );
    if (status !== 0) throw new Error(`the renderer failed: ${stderr}`);
    return (performance.now() - started) / 1000;
  };
  const least = (inputs: object[]): number => Math.min(...[1, 2, 3].map(() => seconds(inputs)));
  return SHAPES.map((shape) => {
    const input = Object.fromEntries(parametersOf(shape));
    const renderings = Math.min(20_000, Math.ceil(characters / JSON.stringify(input).length));
    const some = Array.from({ length: renderings }, () => input);
    return ((least([...some, ...some]) - least(some)) * 1e6) / renderings;
  });
}
