import fc from 'fast-check';
import { type Column, renderRecord, renderTable } from '../../../cli/table';
import { cut, widthOf, wrap } from '../../../cli/text';

interface Row {
  readonly order: string;
  readonly amount: string;
  readonly change: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ORDER', text: ({ order }) => order, maxWidth: 36 },
  { title: 'TITLE', text: ({ order }) => order, dropOrder: 2 },
  { title: 'SHOP', text: ({ order }) => order, dropOrder: 1 },
  { title: 'AMOUNT', text: ({ amount }) => amount, align: 'right' },
  { title: 'CHANGE', text: ({ change }) => change, maxWidth: 60, wraps: true },
];

/** ASCII, full-width characters, emoji, combining marks and anything else. */
const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({
    maxLength: 60,
    unit: fc.constantFrom('抹', 'チ', 'ﾁ', 'Ａ', 'a', ' ', '👍', 'é', '한'),
  }),
  fc.string({ maxLength: 60, unit: 'grapheme' }),
);
const amount = fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }).map(String);
const rows = fc.array(fc.record({ order: text, amount, change: text }), {
  minLength: 1,
  maxLength: 5,
});

const lines = (value: string): string[] => value.split('\n');

describe('a table', () => {
  test('never has a line that is wider than the terminal', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 40, max: 200 }), (some, width) => {
        for (const line of lines(renderTable(COLUMNS, some, width)))
          expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  test('cuts no amount and no text that goes on in the next line', () => {
    fc.assert(
      fc.property(
        amount,
        fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1, maxLength: 12 }),
        (money, words) => {
          const shown = renderTable(
            COLUMNS.slice(3),
            [{ order: '', amount: money, change: words.join(' ') }],
            40,
          );
          expect(shown).not.toContain('…');
          expect(shown).toContain(money);
          for (const word of words) expect(shown).toContain(word);
        },
      ),
    );
  });

  test('hides the columns with the highest number first, and names them', () => {
    const row = { order: 'x'.repeat(20), amount: '1', change: 'sale_amount: 180 → -180' };
    expect(lines(renderTable(COLUMNS, [row], 80))).toEqual([
      'ORDER                 SHOP                  AMOUNT  CHANGE',
      'xxxxxxxxxxxxxxxxxxxx  xxxxxxxxxxxxxxxxxxxx       1  sale_amount: 180 → -180',
      '1 column hidden: TITLE',
    ]);
    expect(lines(renderTable(COLUMNS, [row], 60)).at(-1)).toBe('2 columns hidden: TITLE, SHOP');
    expect(renderTable(COLUMNS, [row], undefined)).not.toContain('hidden');
  });

  test('aligns full-width characters, which take two columns', () => {
    const columns: Column<string>[] = [
      { title: 'NAME', text: (name) => name, maxWidth: 10 },
      { title: 'END', text: () => 'x' },
    ];
    expect(lines(renderTable(columns, ['抹茶', 'tea', '抹茶チョコレート'], 80))).toEqual([
      'NAME        END',
      '抹茶        x',
      'tea         x',
      '抹茶チョ…   x',
    ]);
  });

  test('paints a text without a change of the layout', () => {
    const columns: Column<string>[] = [
      { title: 'A', text: (name) => name, paint: (value) => `<${value}>`, align: 'right' },
      { title: 'B', text: () => 'b' },
    ];
    expect(renderTable(columns, ['x', 'long'], 80)).toBe('   A  B\n   <x>  b\n<long>  b');
  });
});

describe('a record', () => {
  test('fits the terminal and has every character of its values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'name'), fc.stringMatching(/^[!-~]{1,200}$/))),
        (entries) => {
          const shown = renderRecord(entries, undefined, 40);
          for (const line of lines(shown)) expect(widthOf(line)).toBeLessThanOrEqual(40);
          const values = lines(shown).map((line) =>
            line.slice(Math.max(0, ...entries.map(([name]) => name.length)) + 2),
          );
          expect(values.join('')).toBe(entries.map(([, value]) => value).join(''));
        },
      ),
    );
  });
});

describe('wrapped text', () => {
  test('has the words of the text, in lines that fit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 }),
        fc.integer({ min: 30, max: 100 }),
        (words, width) => {
          const wrapped = wrap(words.join(' '), width);
          expect(wrapped.join(' ')).toBe(words.join(' '));
          for (const line of wrapped) expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  test('keeps its indentation', () => {
    expect(wrap('  one two three', 9)).toEqual(['  one two', '  three']);
  });
});

test('a cut text fits and begins like the text', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 3, max: 60 }), (value, width) => {
      const shown = cut(value, width);
      expect(widthOf(shown)).toBeLessThanOrEqual(width);
      expect(value.startsWith(shown.replace(/…$/, '')) || shown === value).toBe(true);
    }),
  );
});
