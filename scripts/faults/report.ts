import type { Trial } from './run';

const COLUMNS = [
  ['error', 'answers 500'],
  ['throttle', 'throttled'],
  ['cut', 'connection cut before'],
  ['lost', 'done, answer lost'],
  ['timeout', 'no answer'],
  ['partial', 'a part of the batch done'],
] as const;

export const BEGIN = '<!-- trials -->';
export const END = '<!-- end of trials -->';

/** The tables of docs/faults.md. */
export function tables(trials: readonly Trial[], next: ReadonlyMap<string, string>): string {
  const titles = [...new Set(trials.map(({ handler, title }) => `${handler}: ${title}`))];
  return titles
    .map((heading) => {
      const of = trials.filter(({ handler, title }) => `${handler}: ${title}` === heading);
      const calls = [...new Set(of.map(({ plan }) => plan.call))];
      const head = ['Call', ...COLUMNS.map(([, name]) => `${name}, once`), 'keeps failing'];
      const rows = calls.map((call) => {
        const ofCall = of.filter(({ plan }) => plan.call === call);
        const once = COLUMNS.map(([kind]) => cell(ofCall.filter(({ plan }) => plan.kind === kind && !plan.lasts)));
        return [`\`${call}\``, ...once, cell(ofCall.filter(({ plan }) => plan.lasts))];
      });
      const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
      return `### ${heading}\n\nWhat is left undone: ${next.get(heading) ?? ''}.\n\n${lines.join('\n')}`;
    })
    .join('\n\n');
}

/** Each way in which such trials ended. */
function cell(trials: readonly Trial[]): string {
  const ways = new Set(
    trials.map(({ asUndisturbed, outcome, wrong }) => (wrong.length > 0 ? `**${wrong.join('; ')}**` : asUndisturbed ? 'done' : outcome)),
  );
  return [...ways].sort().join('; ') || '–';
}
