/**
 * Runs the benchmarks. `--report` also writes the results into docs/performance.md.
 *
 *     npm run bench                                    all that need nothing but Node
 *     npm run bench -- cold-start consumer               some of them
 *     npm run bench -- --report                        writes docs/performance.md
 *     npm run bench -- --list                          lists them
 *     npm run bench -- deployment --endpoint http://127.0.0.1:4566    deploys to an emulator
 *     npm run bench -- mapping-template --velocity <class path>       adds Apache Velocity
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withSection } from './report/document';
import { machine } from './report/machine';
import { toMarkdown, toTerminal } from './report/render';
import type { BenchOptions, Section } from './report/section';
import { SECTIONS } from './sections';

const DOCUMENT = join(__dirname, '..', '..', 'docs', 'performance.md');

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      report: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      endpoint: { type: 'string' },
      velocity: { type: 'string' },
    },
  });
  if (values.list) {
    for (const { name, title, needs } of SECTIONS)
      console.log(`${name.padEnd(20)} ${title}${needs === undefined ? '' : ` (needs --${needs})`}`);
    return;
  }
  if (values.report && values.quick)
    throw new Error('--quick repeats too little for a report: leave out one of the two');
  const options: BenchOptions = values;
  const measuredOn = machine(new Date());
  console.log(measuredOn);
  for (const section of chosen(positionals, options)) {
    console.log(`\n\n${section.title}\n${'='.repeat(section.title.length)}\n`);
    const blocks = await section.run(options);
    console.log(toTerminal(blocks));
    if (values.report) {
      const content = toMarkdown([`*${measuredOn}*`, ...blocks]);
      writeFileSync(DOCUMENT, withSection(readFileSync(DOCUMENT, 'utf8'), section.name, content));
    }
  }
}

/** Those that were named, or all that can run with the given options. */
function chosen(names: readonly string[], options: BenchOptions): Section[] {
  if (names.length === 0)
    return SECTIONS.filter(({ needs }) => needs === undefined || options[needs]);
  return names.map((name) => {
    const section = SECTIONS.find((s) => s.name === name);
    if (section === undefined)
      throw new Error(
        `there is no benchmark ${name}; there are ${SECTIONS.map((s) => s.name).join(', ')}`,
      );
    if (section.needs !== undefined && !options[section.needs])
      throw new Error(`${name} needs --${section.needs}`);
    return section;
  });
}

main().catch((error: Error) => {
  console.error(error.message);
  // What a section that failed had started ends with the process.
  process.exit(1);
});
