import { isBatch } from './partial';
import type { FaultPlan } from './proxy';
import type { Trial } from './run';
import { headingOf, type Scenario } from './scenario';

interface Column {
  readonly title: string;
  readonly has: (plan: FaultPlan) => boolean;
}

const once = (kind: FaultPlan['kind'], title: string): Column => ({
  title,
  has: (plan) => plan.reach === 'once' && plan.kind === kind,
});
const COLUMNS: readonly Column[] = [
  once('error', 'answers 500'),
  once('throttle', 'throttled'),
  once('cut', 'cut off before'),
  once('lost', 'done, answer lost'),
  once('timeout', 'no answer'),
  { title: 'keeps failing', has: ({ reach }) => reach === 'call' },
  { title: 'its service is out', has: ({ reach }) => reach === 'service' },
];
const HALF = once('partial', 'half of the batch done');

const BEGIN = '<!-- trials -->';
const END = '<!-- end of trials -->';

/** The document with new tables of these scenarios. The tables of others stay as they are. */
export function withTables(
  document: string,
  trials: readonly Trial[],
  scenarios: readonly Scenario[],
): string {
  const [before = '', rest = ''] = document.split(BEGIN, 2);
  const [old = '', after = '\n'] = rest.split(END, 2);
  const kept = new Map(
    old.split(/^(?=### )/m).map((section) => [/^### (.*)/.exec(section)?.[1], section.trim()]),
  );
  const sections = scenarios.flatMap((scenario) => {
    const its = trials.filter((trial) => trial.scenario === scenario);
    return its.length > 0 ? [section(scenario, its)] : (kept.get(headingOf(scenario)) ?? []);
  });
  return `${before}${BEGIN}\n\n${sections.join('\n\n')}\n\n${END}${after}`;
}

function section(scenario: Scenario, trials: readonly Trial[]): string {
  const calls = [...new Set(trials.map(({ plan }) => plan.call))];
  const columns = calls.some(isBatch)
    ? [...COLUMNS.slice(0, -2), HALF, ...COLUMNS.slice(-2)]
    : COLUMNS;
  const rows = calls.map((call) => [
    `\`${call}\``,
    ...columns.map(({ has }) => cell(trials.filter(({ plan }) => plan.call === call && has(plan)))),
  ]);
  const head = ['Call', ...columns.map(({ title }) => title)];
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  return `### ${headingOf(scenario)}\n\nAfter an incomplete invocation: ${scenario.next}.\n\n${lines.join('\n')}`;
}

/** Each way in which such trials ended. */
function cell(trials: readonly Trial[]): string {
  const ways = trials.map(({ asUndisturbed, outcome, wrong }) =>
    wrong.length > 0 ? `**${wrong.join('; ')}**` : asUndisturbed ? 'done' : outcome,
  );
  return withRanges([...new Set(ways)].sort()).join('; ');
}

/** `1 of 4 …; 2 of 4 …` as `1 to 2 of 4 …`. */
function withRanges(ways: readonly string[]): string[] {
  const counts = new Map<string, number[]>();
  for (const way of ways) {
    const [, count, rest = way] = /^(\d+) (of .*)/.exec(way) ?? [];
    counts.set(rest, [
      ...(counts.get(rest) ?? []),
      ...(count === undefined ? [] : [Number(count)]),
    ]);
  }
  return [...counts].map(([rest, its]) => {
    const [least, most] = [Math.min(...its), Math.max(...its)];
    if (its.length === 0) return rest;
    return `${least === most ? least : `${least} to ${most}`} ${rest}`;
  });
}
