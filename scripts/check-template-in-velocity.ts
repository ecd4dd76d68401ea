/**
 * Renders the mapping template in Apache Velocity, the engine that API Gateway uses, with the same hard inputs as in the engine of the local run: both must
 * give the same request, with exactly an Action and a MessageBody, in which every value has come through intact.
 *
 *     node --import ./scripts/typescript.mjs scripts/check-template-in-velocity.ts <class path of the renderer>
 *
 * The renderer is a Java class `Render` that reads {"template", "inputs"} as JSON and prints a JSON array of the rendered texts.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseMessage } from '../core/rakuten/message';
import { parseTemplate, type TemplateRequest } from '../local/gateway/velocity';

const TEMPLATE = readFileSync(join(__dirname, '..', 'lib', 'ingestion-api.vtl'), 'utf8').trim();
const RANDOM_INPUTS = 2000;

type Query = Record<string, string>;

const HARD_INPUTS: Query[] = [
  {},
  { u1: '' },
  { product_name: `quotes " and ' and \\ and \\"` },
  { product_name: 'a+b c%20d %zz & e=f #g ; | { } < > ~ * !' },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a mapping template
  { product_name: '$q #set($q = "x") #foreach($k in $qs) #end $util.urlEncode("x") ${q} #{end} $!{x} ## comment #* block *# #[[raw]]#' },
  { product_name: 'line\r\nbreak\ttab \u0001 \u001f \u007f \u0085 \u2028' },
  { product_name: '抹茶チョコレート 12個入り 🎁 Größe' },
  { product_name: 'Cr\uFFFDme br\uFFFDl\uFFFDe' },
  { size: '1', keySet: '2', get: '3', entrySet: '4', isEmpty: '5', containsKey: '6', class: '7' },
  { Action: 'DeleteQueue', MessageBody: 'x', QueueUrl: 'y', Version: 'z' },
  { __proto__x: '1', constructor: '2', toString: '3', hasOwnProperty: '4' },
  { 'a&b': '1', 'c=d': '2', $e: '3', '#f': '4', ' g ': '5', 'h[]': '6', 'i.j': '7', '': '8' },
  { u1: 'x'.repeat(10_000) },
  { u1: '"'.repeat(3_000) },
];

function main(): void {
  const [classPath] = process.argv.slice(2);
  if (classPath === undefined) throw new Error('give the class path of the renderer');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'$#{}()"\'\\&=+%;|<>@!. \n\tqk') }),
    fc.string(),
  );
  const random = fc.sample(fc.dictionary(text, text, { maxKeys: 8, noNullPrototype: true }), { numRuns: RANDOM_INPUTS, seed: 1 });
  const inputs = [...HARD_INPUTS, ...random.map(withoutLoneSurrogates)];

  const inVelocity = renderInVelocity(classPath, inputs);
  const template = parseTemplate(TEMPLATE);
  const failures = inputs.flatMap((input, i) => check(input, inVelocity[i] ?? '', template.render(request(input))));
  console.log(
    `${inputs.length} inputs in Apache Velocity: ${failures.length === 0 ? 'each came through intact' : `${failures.length} failures`}`,
  );
  for (const failure of failures.slice(0, 10)) console.error(failure);
  if (failures.length > 0) process.exitCode = 1;
}

function renderInVelocity(classPath: string, inputs: Query[]): string[] {
  const { status, stdout, stderr } = spawnSync('java', ['-cp', classPath, '-Dfile.encoding=UTF-8', 'Render'], {
    input: JSON.stringify({ template: TEMPLATE, inputs }),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`the renderer failed: ${stderr}`);
  return JSON.parse(stdout) as string[];
}

function check(input: Query, rendered: string, ours: string): string[] {
  const form = new URLSearchParams(rendered);
  const names = [...form.keys()];
  if (names.join() !== 'Action,MessageBody' || form.get('Action') !== 'SendMessage')
    return [`not one Action and one MessageBody: ${JSON.stringify(input)}`];
  const { parameters } = parseMessage(form.get('MessageBody') ?? '');
  const arrived = JSON.stringify(Object.entries(Object.fromEntries(parameters)).sort());
  if (arrived !== JSON.stringify(Object.entries(input).sort())) return [`came through changed: ${JSON.stringify(input)} → ${arrived}`];
  const local = parseMessage(new URLSearchParams(ours).get('MessageBody') ?? '').parameters;
  return JSON.stringify(local) === JSON.stringify(parameters) ? [] : [`the local engine renders it otherwise: ${JSON.stringify(input)}`];
}

const CONTEXT = { extendedRequestId: 'abc=', requestTimeEpoch: '1774000000000', identity: { sourceIp: '198.51.100.7' } };
const request = (input: Query): TemplateRequest => ({ querystring: new Map(Object.entries(input)), context: CONTEXT });

/** API Gateway decodes UTF-8, so half a surrogate pair cannot reach the template. */
const withoutLoneSurrogates = (input: Query): Query =>
  Object.fromEntries(Object.entries(input).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]));

main();
