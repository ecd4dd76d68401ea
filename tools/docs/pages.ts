import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import packageJson from '../../package.json';

export const ROOT = join(__dirname, '..', '..');

export interface CodeBlock {
  readonly file: string;
  /** Where its first line stands in the file, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
}

/** Every page of the repository: what a reader may come to. */
export function pages(): string[] {
  return filesOfGit().filter((file) => file.endsWith('.md') && file !== 'API.md');
}

export function filesOfGit(): string[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  return listed.split('\0').filter((file) => file !== '' && existsSync(join(ROOT, file)));
}

export const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The fenced code blocks of a page, also those that are indented within a list. */
export function codeBlocks(file: string): CodeBlock[] {
  const text = textOf(file);
  return [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```$/gm)].map((found) => ({
    file,
    line: lineAt(text, found.index) + 1,
    language: String(found[2]),
    code: String(found[3]).replaceAll(new RegExp(`^${found[1]}`, 'gm'), ''),
  }));
}

/** The `@example` blocks of the docstrings of a source. */
export function docstringExamples(file: string): CodeBlock[] {
  const text = textOf(file);
  return [...text.matchAll(/^ *\* @example *\n((?: *\*(?!\/)(?! @).*\n)+)/gm)].map((found) => ({
    file,
    line: lineAt(text, found.index) + 1,
    language: 'ts',
    code: String(found[1]).replaceAll(/^ *\* ?/gm, ''),
  }));
}

/**
 * Where the links of a page lead, as they are written. Its code is left out, where brackets are
 * something else.
 */
export function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '').replaceAll(/`[^`\n]*`/g, '``');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => String(link));
}

/**
 * The file or folder that a link of a page names, without what stands behind `#`; undefined for one
 * that leads elsewhere.
 */
export function targetOf(page: string, link: string): string | undefined {
  if (/^(https?:|mailto:)/.test(link)) return undefined;
  const [path = ''] = link.split('#');
  return path === '' ? page : normalize(join(dirname(page), path)).replace(/\/$/, '');
}

/**
 * The same for a link to this repository's own pages and sources, as pages have it that are packed
 * without those.
 */
export function targetInRepository(link: string): string | undefined {
  const [, kind, path] = link.startsWith(packageJson.homepage)
    ? (/^\/(blob|tree)\/main\/([^#]+)/.exec(link.slice(packageJson.homepage.length)) ?? [])
    : [];
  return kind === undefined ? undefined : path;
}

/** How GitHub calls the headings of a page in a link. */
export function anchors(file: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of textOf(file)
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .matchAll(/^#+ +(.*)$/gm)) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-');
    let name = slug;
    for (let i = 1; found.has(name); i++) name = `${slug}-${i}`;
    found.add(name);
  }
  return found;
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;
