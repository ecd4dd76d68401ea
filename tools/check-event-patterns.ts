/**
 * Matches the patterns of pipes and rules in Event Ruler, the engine that EventBridge uses:
 *
 *     node tools/run.mjs check-event-patterns
 *
 * A pipe must lose no stream record whose event its function would send. A rule, of a template or
 * of a page, must match exactly the events that it is written for.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { documentedRules } from './event-ruler/documented-rules';
import { pipeProblems } from './event-ruler/pipes';
import { buildRuler, NoRulerError } from './event-ruler/ruler';
import { ruleProblems } from './event-ruler/rules';
import { templatePatterns } from './event-ruler/template-patterns';

const folder = mkdtempSync(join(tmpdir(), 'event-ruler-'));
try {
  const ruler = buildRuler(folder);
  const { pipes, rules } = templatePatterns();
  const problems = [
    ...pipeProblems(ruler, pipes),
    ...ruleProblems(ruler, [...rules, ...documentedRules()]),
  ];
  for (const problem of problems.slice(0, 10)) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof NoRulerError)) throw error;
  console.log(`NOT CHECKED: patterns in Event Ruler: ${error.message}`);
} finally {
  rmSync(folder, { recursive: true });
}
