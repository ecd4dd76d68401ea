/**
 * Runs the Athena statements of docs/archive.md on an archive that the function wrote:
 *
 *     node tools/run.mjs check-archive
 *
 * sqlglot parses them as Athena's SQL and translates them for DuckDB. Their results must equal what
 * was sent and what the rows of the table say. Without Python or the packages: NOT CHECKED.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expectedResults } from './athena/expected-results';
import { writeArchive } from './athena/write-archive';
import { codeBlocks } from './docs/pages';
import { isInstalled } from './package/targets';

/** Review the translation when you raise a version. */
const PACKAGES = ['sqlglot==30.30.0', 'duckdb==2.0.1'];
const PAGE = 'docs/archive.md';

const work = mkdtempSync(join(tmpdir(), 'archive-'));

async function main(): Promise<void> {
  const missing = install();
  if (missing !== undefined) {
    console.log(`NOT CHECKED: the queries of the archive: ${missing}`);
    return;
  }
  const folder = join(work, 'bucket');
  const expected = expectedResults(await writeArchive(folder));
  const statements = codeBlocks(PAGE).filter(({ language }) => language === 'sql');
  const results = query(
    folder,
    statements.map(({ code }) => code),
  );
  if (results.length !== expected.length)
    throw new Error(
      `${PAGE} has ${results.length} queries; expected-results.ts has ${expected.length}`,
    );
  for (const [i, rows] of results.entries()) {
    const where = `${PAGE}:${statements[i + 1]?.line}`;
    console.log(`${where}: ${rows.length} rows`);
    if (isDeepStrictEqual(sorted(rows), sorted(expected[i] ?? []))) continue;
    console.error(
      `${where}: Athena would return ${JSON.stringify(rows)}\n  instead of ${JSON.stringify(expected[i])}`,
    );
    process.exitCode = 1;
  }
}

/** A query without ORDER BY, or with equal values, has no order. */
const sorted = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

/** Installs the packages. Returns why that is not possible. */
function install(): string | undefined {
  if (!isInstalled('python3')) return 'there is no python3 on this machine';
  const pip = join(work, 'venv/bin/pip');
  const steps: [string, string[]][] = [
    ['python3', ['-m', 'venv', join(work, 'venv')]],
    [pip, ['install', '--quiet', '--disable-pip-version-check', ...PACKAGES]],
  ];
  for (const [program, args] of steps) {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) return stderr.trim().split('\n').at(-1);
  }
  return undefined;
}

function query(folder: string, statements: readonly string[]): object[][] {
  const { status, stdout, stderr } = spawnSync(
    join(work, 'venv/bin/python'),
    [join(__dirname, 'athena/query.py')],
    {
      input: JSON.stringify({ folder, statements }),
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`${PAGE}: ${stderr}`);
  return JSON.parse(stdout);
}

void main().finally(() => rmSync(work, { recursive: true, force: true }));
