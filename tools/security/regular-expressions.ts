/**
 * Looks for regular expressions that a text made for it keeps busy for long (ReDoS), in everything
 * that runs in a function, in an application or at the command line, by
 * [recheck](https://makenowjust-labs.github.io/recheck/).
 *
 *     node --import ./tools/typescript.mjs tools/security/regular-expressions.ts <folder of the package recheck>
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

/**
 * Those of a function or an application that take time that grows with the square of the text, and
 * why no text gets long enough.
 */
const ACCEPTED: Readonly<Record<string, string>> = {
  '/\\/+$/': 'a URL as it is configured or registered: some hundred characters',
  '/"(?:[^"\\\\]|\\\\.)*"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?/g':
    'the text is valid JSON by then, in which every string ends',
  '/<(script|style)[\\s\\S]*?<\\/\\1>/gi':
    'the first 20,000 characters of a page: a few hundredths of a second at worst',
  '/((?:[a-z][a-z0-9+.-]*:\\/\\/)?[\\w-]+(?:\\.[\\w-]+)+(?::\\d+)?)[/?#][^\\s,;)]*/gi':
    'a presentable error has at most 3,400 bytes',
};

/** One that is known to be bad: a checker that does not find it proves nothing. */
const KNOWN_BAD = '/^(a+)+$/';
/**
 * Far more than any needs, also on a busy machine: what is not decided by then is not taken for
 * safe.
 */
const MILLIS_EACH = 20_000;
const ROOT = join(__dirname, '..', '..');
const FOLDERS = ['core', 'lambda', 'client', 'bin'];
/**
 * What reads an operator's own texts on the operator's own machine may take time that grows with a
 * power of their length, but not more.
 */
const OPERATORS = 'bin/';

type Check = (
  source: string,
  flags: string,
  options: { timeout: number },
) => { status: string; complexity?: { type: string; summary: string } };

function main(): void {
  const [folder] = process.argv.slice(2);
  if (folder === undefined)
    throw new Error(
      'give the folder of the package recheck: npm install --prefix FOLDER recheck, and FOLDER/node_modules/recheck',
    );
  const { checkSync } = require(resolve(folder)) as { checkSync: Check };
  const verdict = (literal: string, files: readonly string[] = []): string => {
    const end = literal.lastIndexOf('/');
    const { status, complexity } = checkSync(literal.slice(1, end), literal.slice(end + 1), {
      timeout: MILLIS_EACH,
    });
    const isOperators = files.length > 0 && files.every((file) => file.startsWith(OPERATORS));
    return status === 'safe' || (isOperators && complexity?.type === 'polynomial')
      ? 'safe'
      : `${status}${complexity === undefined ? '' : ` (${complexity.summary})`}`;
  };
  if (verdict(KNOWN_BAD) === 'safe')
    throw new Error('the checker takes an expression for safe that is not');

  const places = new Map<string, string[]>();
  for (const { literal, file } of FOLDERS.flatMap(sourcesIn).flatMap(literalsIn))
    places.set(literal, [...(places.get(literal) ?? []), file]);
  const unsafe = [...places]
    .map(([literal, files]) => ({ literal, files, found: verdict(literal, files) }))
    .filter(({ found }) => found !== 'safe');
  const complaints = [
    ...unsafe
      .filter(({ literal }) => !(literal in ACCEPTED))
      .map(({ literal, files, found }) => `${literal} in ${files.join(', ')}: ${found}`),
    ...Object.keys(ACCEPTED)
      .filter((literal) => !unsafe.some((u) => u.literal === literal))
      .map((literal) => `${literal} is accepted without being there, or without need`),
  ];
  if (complaints.length > 0) {
    console.error(complaints.join('\n'));
    process.exitCode = 1;
    return;
  }
  console.log(
    `${places.size} regular expressions: ${unsafe.length} are safe because of what they are used for, the others of functions and applications on any text`,
  );
}

const sourcesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => `${folder}/${name}`);

function literalsIn(file: string): { literal: string; file: string }[] {
  const found: { literal: string; file: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) found.push({ literal: node.text, file });
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.ES2022));
  return found;
}

main();
