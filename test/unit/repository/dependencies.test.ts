import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../../package.json';
import { sourcesIn, textOf } from '../../support/sources';

const read = (file: string): string => readFileSync(join(__dirname, '../../..', file), 'utf8');

describe('docs/dependencies.md', () => {
  const named = new Set(
    read('docs/dependencies.md')
      // Tools that CI installs for one check each are no dependencies.
      .replace(/^\| tool \| from \|[\s\S]*?\n\n/m, '')
      // Nor are packages of other lockfiles.
      .replace(/^\| lockfile in \|[\s\S]*?\n\n/m, '')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) =>
        [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
      ),
  );
  const declared = new Set(
    Object.keys({
      ...packageJson.dependencies,
      ...packageJson.devDependencies,
      ...packageJson.peerDependencies,
    }),
  );

  it('has a reason for every dependency, and for none that is not there', () => {
    expect([...named].sort()).toEqual([...declared].sort());
  });

  it('exact versions are what is installed', () => {
    const loose = Object.entries({
      ...packageJson.dependencies,
      ...packageJson.devDependencies,
    }).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    expect(loose).toEqual([]);
  });
});

describe('the rules for Semgrep', () => {
  it('each have an example of what they find and of what they leave alone', () => {
    const rules = [
      ...read('tools/security/rules/functions.yml').matchAll(/^ {2}- id: (\S+)$/gm),
    ].map(([, id]) => id);
    const examples = read('tools/security/rules/functions.ts');
    const named = (mark: string) =>
      new Set(
        [...examples.matchAll(new RegExp(`// ${mark}: (.+)`, 'g'))].flatMap(([, ids = '']) =>
          ids.split(', '),
        ),
      );
    expect(rules.length).toBeGreaterThan(5);
    for (const mark of ['ruleid', 'ok']) expect([...named(mark)].sort()).toEqual([...rules].sort());
  });
});

describe('what a function may not do', () => {
  const FUNCTIONS = ['core', 'lambda'].flatMap(sourcesIn);
  const RULES: readonly (readonly [string, RegExp])[] = [
    ['run text as code', /\beval\(|new Function\(|node:vm/],
    ['start a process', /child_process|worker_threads|node:cluster/],
    ['touch the file system', /['"](node:)?fs(\/promises)?['"]/],
    ['load a module that a value names', /\b(require|import)\((?!['"])/],
    ['write to the console, where a whole event would end up', /\bconsole\.\w+\(/],
    ['call anything without TLS', /['"`]http:\/\//],
    [
      'put a value into the text of an expression',
      /(KeyCondition|Condition|Filter|Update|Projection)Expression: *`[^`]*\$\{(?!expression\.)[^}]*(value|text|id|sid)\b/i,
    ],
    [
      'log an event or a message whole',
      /\blog\w*\.(info|warn|error)\([^)]*\b(event|record\.body|message\.parameters)\s*[,)]/,
    ],
    ['switch off the check of a certificate', /rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED/],
    [
      'make a secret of numbers that can be guessed',
      /(secret|token|probe)\w*\s*=[^;\n]*Math\.random/i,
    ],
  ];

  it.each(RULES)('%s', (_, pattern) => {
    expect(FUNCTIONS.filter((file) => pattern.test(textOf(file)))).toEqual([]);
  });

  it.each([
    ['run text as code', 'eval(body)'],
    ['start a process', "import { exec } from 'node:child_process';"],
    ['touch the file system', "import * as files from 'fs/promises';"],
    ['load a module that a value names', 'const chosen = require(name);'],
    ['write to the console, where a whole event would end up', 'console.log(event)'],
    ['call anything without TLS', "fetch('http://api.example')"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text that the rule must find
    ['put a value into the text of an expression', 'FilterExpression: `u1 = ${value}`'],
    ['log an event or a message whole', "log.info('got', event)"],
    ['make a secret of numbers that can be guessed', 'const secret = String(Math.random());'],
  ])('%s: would be found', (rule, text) => {
    expect(RULES.find(([name]) => name === rule)?.[1].test(text)).toBe(true);
  });
});
