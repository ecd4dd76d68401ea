import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../core/sha256';
import type { FuzzCase } from './queries';

/** A case of the corpus and its purpose. The query has one character per byte. */
export interface KeptCase extends FuzzCase {
  readonly name: string;
  readonly why: string;
}

export const CORPUS = join(__dirname, '..', '..', 'test', 'fixtures', 'fuzz-corpus');

export function readCorpus(folder = CORPUS): KeptCase[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({
      name: file.replace(/\.json$/, ''),
      ...(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Omit<KeptCase, 'name'>),
    }));
}

/** Keeps a case in a file of its own, named by its content. Returns the file. */
export function keep({ list, query }: FuzzCase, why: string, folder = CORPUS): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `found-${sha256(`${list} ${query}`).slice(0, 8)}.json`);
  writeFileSync(file, `${JSON.stringify({ why, list, query }, null, 2)}\n`);
  return file;
}
