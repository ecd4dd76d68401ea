import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { limitConcurrency } from '../../../core/async';
import { stepsOf } from '../../../tools/bench/deployment';
import { interleave } from '../../../tools/bench/interleave';
import { withSection } from '../../../tools/bench/report/document';
import { toMarkdown, toTerminal } from '../../../tools/bench/report/render';
import { SECTIONS } from '../../../tools/bench/sections';
import { medianInterval, ratioInWords, ratios, summary } from '../../../tools/bench/statistics';

describe('the statistics', () => {
  it('have the median between the smallest and the largest', () => {
    expect(summary([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
    expect(summary([4, 1, 2, 3]).median).toBe(2.5);
  });

  it('take ratios within a round, so that a slow round does not count', () => {
    expect(ratios([2, 20, 200], [1, 10, 100])).toEqual([2, 2, 2]);
    expect(ratioInWords([2, 2, 2])).toBe('2.00 (2.00 to 2.00)');
  });

  it('know the median better the more rounds there are', () => {
    const width = (rounds: number): number => {
      const [low, high] = medianInterval(Array.from({ length: rounds }, (_, i) => i / rounds));
      return high - low;
    };
    expect(width(5)).toBeGreaterThan(0.7);
    expect(width(400)).toBeLessThan(0.11);
  });
});

describe('interleaving', () => {
  const plan = {
    contenders: ['a', 'b'],
    value: (v: number) => v,
    minRounds: 3,
    maxRounds: 8,
    tolerance: 0.1,
  };

  it('measures each once a round, in changing order, and ends when the ratio has settled', async () => {
    const order: string[] = [];
    const measured = await interleave({
      ...plan,
      measure: async (name) => order.push(name) && (name === 'a' ? 1 : 2),
    });
    expect(order.join('')).toBe('abbaab');
    expect(measured.get('b')).toEqual([2, 2, 2]);
  });

  it('gives up when it does not', async () => {
    let calls = 0;
    const measured = await interleave({ ...plan, measure: async () => 2 ** calls++ });
    expect(measured.get('a')).toHaveLength(8);
  });
});

describe('the report', () => {
  it('replaces the text between the marks of a section, and nothing else', () => {
    const document = 'before\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nafter';
    expect(withSection(document, 'x', 'new')).toBe(
      'before\n<!-- bench:x -->\nnew\n<!-- /bench:x -->\nafter',
    );
    expect(() => withSection(document, 'y', 'new')).toThrow('the document has no place for y');
  });

  it('has a place in the document for each section, with results in it unless they need something of their own', () => {
    const document = readFileSync(join(__dirname, '../../../docs/performance.md'), 'utf8');
    for (const { name, title, needs } of SECTIONS) {
      expect(document).toContain(`## ${title}\n`);
      const results = needs === undefined ? '.+\n' : '.*';
      expect(document).toMatch(
        new RegExp(`<!-- bench:${name} -->\n${results}<!-- /bench:${name} -->`, 's'),
      );
    }
  });

  it('prints for the terminal and for the document', () => {
    const blocks = ['**Bold** `code`', { head: ['name', 'n'], rows: [['a|b', 1]] }];
    expect(toMarkdown(blocks)).toBe('**Bold** `code`\n\n| name | n |\n|---|---:|\n| a\\|b | 1 |');
    expect(toTerminal(blocks)).toMatch(/^Bold code\n\n.*a\|b/s);
  });
});

it('reads the duration of each deployment step from the output of its check', () => {
  expect(stepsOf('  cdk deploy … ok (12.3 s)\n    registered\n  cdk destroy … FAILED\n')).toEqual([
    ['cdk deploy', 12.3],
  ]);
});

describe('a concurrency limit', () => {
  it('runs at most that many at once, and all of them, also after one has failed', async () => {
    const limited = limitConcurrency(2);
    let [atWork, most] = [0, 0];
    const work = (fails: boolean) => async (): Promise<string> => {
      most = Math.max(most, ++atWork);
      await new Promise(setImmediate);
      atWork--;
      if (fails) throw new Error('failed');
      return 'done';
    };
    const results = await Promise.allSettled(
      [false, true, false, true, false].map((fails) => limited(work(fails))),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect([most, await limited(work(false))]).toEqual([2, 'done']);
  });
});
