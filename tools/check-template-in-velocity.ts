/**
 * Renders the mapping template in Apache Velocity, the engine that API Gateway uses, with the same
 * hard inputs as in the engine of the local run: both must give the same request, byte for byte,
 * with exactly an Action and a MessageBody, in which every value has come through intact.
 *
 *     node tools/run.mjs check-template-in-velocity <class path of the renderer> --queries 100000
 *
 * The renderer is a Java class `Render` that reads {"template", "inputs"} as JSON and prints a JSON
 * array of the rendered texts. `--queries` adds as many query strings as the fuzz run draws them
 * (`node tools/run.mjs fuzz`); one that fails is kept in its corpus.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { parseMessage } from '../core/rakuten/postback/message';
import { decodeQuery } from '../local/gateway/query';
import { parseTemplate } from '../local/gateway/velocity';
import { keep } from './fuzz/corpus';
import { fuzzCases } from './fuzz/queries';

const TEMPLATE = readFileSync(join(__dirname, '..', 'lib', 'ingestion-api.vtl'), 'utf8').trim();
const RANDOM_INPUTS = 2000;
/** As many as fit comfortably into one run of the renderer. */
const CHUNK = 10_000;

/** Decoded parameters, as API Gateway hands them to the template. */
type Query = ReadonlyMap<string, string>;

const HARD_INPUTS: Record<string, string>[] = [
  {},
  { u1: '' },
  { product_name: `quotes " and ' and \\ and \\"` },
  { product_name: 'a+b c%20d %zz & e=f #g ; | { } < > ~ * !' },
  {
    product_name:
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a mapping template
      '$q #set($q = "x") #foreach($k in $qs) #end $util.urlEncode("x") ${q} #{end} $!{x} ## comment #* block *# #[[raw]]#',
  },
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

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number');
}

const command = new Command('check-template-in-velocity')
  .argument('<class path>', 'of the renderer')
  .option('--queries <number>', 'how many query strings of the fuzz run besides', wholeNumber, 0)
  .option('--seed <number>', 'which', wholeNumber, 1)
  .parse();

function main(): void {
  const [classPath = ''] = command.args;
  const { queries, seed } = command.opts<{ queries: number; seed: number }>();
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'$#{}()"\'\\&=+%;|<>@!. \n\tqk') }),
    fc.string(),
  );
  const random = fc.sample(fc.dictionary(text, text, { maxKeys: 8, noNullPrototype: true }), {
    numRuns: RANDOM_INPUTS,
    seed: 1,
  });
  const inputs = [...HARD_INPUTS, ...random].map(
    (input) =>
      new Map(
        Object.entries(input).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
      ),
  );
  const failures = complaints(classPath, inputs).filter((complaint) => complaint !== undefined);
  for (let done = 0; done < queries; done += CHUNK) {
    const cases = fc.sample(fuzzCases, {
      numRuns: Math.min(CHUNK, queries - done),
      seed: seed + done / CHUNK,
    });
    const found = complaints(
      classPath,
      cases.map(({ query }) => decodeQuery(`/postback?${query}`)),
    );
    for (const [i, fuzzCase] of cases.entries()) {
      const complaint = found[i];
      if (complaint !== undefined)
        failures.push(`${complaint}\n  kept in ${keep(fuzzCase, complaint)}`);
    }
  }
  const count = `${inputs.length} inputs${queries > 0 ? ` and ${queries} query strings (seed ${seed})` : ''} in Apache Velocity`;
  console.log(
    `${count}: ${failures.length === 0 ? 'each came through intact, byte for byte as in the local engine' : `${failures.length} failures`}`,
  );
  for (const failure of failures.slice(0, 10)) console.error(failure);
  if (failures.length > 0) process.exitCode = 1;
}

/** What is wrong with each input, where something is. */
function complaints(classPath: string, inputs: readonly Query[]): (string | undefined)[] {
  const inVelocity = renderInVelocity(classPath, inputs);
  return inputs.map((input, i) =>
    complaintAbout(
      input,
      inVelocity[i] ?? '',
      LOCAL.render({ querystring: input, context: CONTEXT }),
    ),
  );
}

const LOCAL = parseTemplate(TEMPLATE);
/** As the renderer has it. */
const CONTEXT = {
  extendedRequestId: 'abc=',
  requestTimeEpoch: '1774000000000',
  identity: { sourceIp: '198.51.100.7' },
};

function renderInVelocity(classPath: string, inputs: readonly Query[]): string[] {
  const { status, stdout, stderr } = spawnSync(
    'java',
    ['-cp', classPath, '-Dfile.encoding=UTF-8', 'Render'],
    {
      input: `{"template":${JSON.stringify(TEMPLATE)},"inputs":[${inputs.map(asJson).join()}]}`,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
    },
  );
  if (status !== 0) throw new Error(`the renderer failed: ${stderr}`);
  return JSON.parse(stdout) as string[];
}

/** Names in their order, also those that an object of JavaScript would move or not take. */
const asJson = (input: Query): string =>
  `{${[...input].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;

function complaintAbout(input: Query, rendered: string, local: string): string | undefined {
  if (rendered !== local)
    return `Apache Velocity renders ${JSON.stringify(rendered)} of ${asJson(input)}, the local engine ${JSON.stringify(local)}`;
  const form = [...new URLSearchParams(rendered)];
  const [[action, name], [messageBody, body]] = [form[0] ?? [], form[1] ?? []];
  if (
    form.length !== 2 ||
    action !== 'Action' ||
    name !== 'SendMessage' ||
    messageBody !== 'MessageBody'
  )
    return `not one Action and one MessageBody: ${asJson(input)}`;
  const { parameters } = parseMessage(body ?? '');
  const arrived = asJson(new Map(parameters));
  return parameters.length === input.size && arrived === asJson(input)
    ? undefined
    : `came through changed: ${asJson(input)} → ${arrived}`;
}

main();
