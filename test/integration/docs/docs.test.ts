import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Cli } from '../../../cli/command';
import { createProgram } from '../../../cli/program';
import packageJson from '../../../package.json';
import {
  anchors,
  linksOf,
  pages,
  ROOT,
  targetInRepository,
  targetOf,
  textOf,
} from '../../../tools/docs/pages';
import { testTerminal } from '../../support/terminal';

const PAGES = pages();

it('there are pages', () => {
  expect(PAGES).toEqual(
    expect.arrayContaining([
      'README.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'SECURITY.md',
      'docs/security.md',
    ]),
  );
});

it.each(PAGES)('the links of %s lead somewhere', (page) => {
  expect(linksOf(textOf(page)).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
});

/**
 * What lies beside the pages in the package. Other files it does not have, so packed pages name
 * them by their address in the repository.
 */
const PACKED = /^(README\.md|API\.md|CHANGELOG\.md|LICENSE|docs(\/.*)?)$/;

it.each([...PAGES, 'API.md'].filter((page) => PACKED.test(page)))(
  'the links of %s lead somewhere in the package too',
  (page) => {
    const targets = linksOf(textOf(page)).flatMap((link) => targetOf(page, link) ?? []);
    expect(targets.filter((target) => !PACKED.test(target))).toEqual([]);
  },
);

function leadsSomewhere(page: string, link: string): boolean {
  const target = targetOf(page, link) ?? targetInRepository(link);
  if (target === undefined) return true;
  const [, anchor] = link.split('#');
  return (
    existsSync(join(ROOT, target)) &&
    (anchor === undefined || !target.endsWith('.md') || anchors(target).has(anchor))
  );
}

describe('what the pages tell to run', () => {
  const program = createProgram(new Cli(testTerminal(ROOT).terminal));
  const mentioned = [...PAGES, ...['cli/program.ts']].flatMap((page) =>
    [...textOf(page).matchAll(/(?:npx |\$ |`)cdk-rakuten-postback ([^\n`|]*)/g)].map((found) => ({
      page,
      words: String(found[1]),
    })),
  );

  it('are commands that the command line has, with options that it takes', () => {
    expect(mentioned.length).toBeGreaterThan(20);
    expect(
      mentioned.flatMap(({ page, words }) =>
        problemsOf(words).map((problem) => `${page}: ${problem}`),
      ),
    ).toEqual([]);
  });

  it('are scripts that package.json has, and tasks that tools/run.mjs lists', () => {
    const listed = execFileSync(process.execPath, [join(ROOT, 'tools/run.mjs')], {
      encoding: 'utf8',
    });
    const tasks = listed.split('\n').map((line) => line.split(' ')[0]);
    const unknown = PAGES.filter((page) => !page.startsWith('examples/')).flatMap((page) =>
      [...textOf(page).matchAll(/(npm run|node tools\/run\.mjs) ([a-z][\w:-]*)/g)]
        .filter(([, runner, name = '']) =>
          runner === 'npm run' ? !(name in packageJson.scripts) : !tasks.includes(name),
        )
        .map(([text]) => `${page}: ${text}`),
    );
    expect(unknown).toEqual([]);
  });

  function problemsOf(words: string): string[] {
    const [name = '', ...rest] =
      words
        .split(/\s+#|\s{2,}/)[0]
        ?.trim()
        .split(/\s+/) ?? [];
    if (name === 'help' || name.startsWith('-')) return [];
    let command: Command | undefined = program.commands.find((known) => known.name() === name);
    if (command === undefined) return [`there is no command "${name}"`];
    for (const word of rest)
      command = command.commands.find((known) => known.name() === word) ?? command;
    const known = [
      ...command.options,
      ...(command.parent?.options ?? []),
      ...program.options,
    ].flatMap(({ long, short }) => [long, short]);
    const given = rest
      .map((word) => word.replace(/=.*$/, ''))
      .filter((word) => /^--?[a-z]/.test(word));
    return given
      .filter((option) => !known.includes(option) && option !== '--help')
      .map((option) => `"${name}" has no option ${option}`);
  }
});
