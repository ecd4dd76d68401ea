import { Readable } from 'node:stream';
import fc from 'fast-check';
import { CSV_COLUMNS, csvLines } from '../../../cli/encode';
import { protectCell } from '../../../cli/spreadsheet';
import type { Transaction } from '../../../client';

/** What programs may take for the beginning of another cell. */
const SEPARATORS = /[;,|\t\r\n\v\f\u0085\u2028\u2029\u200b]/;
/** A formula, after spaces and invisible characters, also in full-width characters. */
const isFormula = (cell: string): boolean =>
  /^[=+\-@\u2212]/.test(cell.normalize('NFKC').replace(/^[\p{Z}\p{C}]+/u, ''));

const awkward = fc.string({
  maxLength: 30,
  unit: fc.oneof(
    fc.constantFrom(
      '=',
      '+',
      '-',
      '@',
      '＝',
      '＋',
      '－',
      '＠',
      '−',
      ';',
      ',',
      '|',
      '\t',
      '\r',
      '\n',
      '\u200b',
      '\ufeff',
      '\u00a0',
      ' ',
      '"',
      "'",
    ),
    fc.constantFrom('1', '0', 'E', 'a', '抹', '/', '.', ':', '１'),
  ),
});

describe('a text for a spreadsheet', () => {
  test('is no formula, wherever a program begins a cell', () => {
    fc.assert(
      fc.property(fc.oneof(awkward, fc.string({ unit: 'binary' })), (text) => {
        for (const cell of protectCell(text).split(SEPARATORS))
          expect({ cell, isFormula: isFormula(cell) }).toEqual({ cell, isFormula: false });
      }),
      { numRuns: 2000 },
    );
  });

  test('differs by apostrophes only', () => {
    fc.assert(
      fc.property(fc.oneof(awkward, fc.string({ unit: 'binary' })), (text) => {
        expect(protectCell(text).replaceAll("'", '')).toBe(text.replaceAll("'", ''));
      }),
    );
  });

  test('that consists of digits begins with an apostrophe', () => {
    const digits = fc.stringMatching(/^[0-9０-９]{1,20}$/);
    const decimal = fc.stringMatching(/^ {0,2}[0-9]{1,9}[.,][0-9]{0,9}$/);
    const exponent = fc.stringMatching(/^[0-9]{1,8}[eE][+-]?[0-9]{1,4}$/);
    const date = fc.stringMatching(/^[0-9]{1,4}[-/.][0-9]{1,2}([-/.][0-9]{1,4})?$/);
    fc.assert(
      fc.property(fc.oneof(digits, decimal, exponent, date), (text) =>
        expect(protectCell(text)).toBe(`'${text}`),
      ),
    );
  });

  test.each([
    ...[
      '007',
      '4901234567894',
      '1E5',
      '12e34',
      '1/2',
      '3-1',
      '12:30',
      '12:30 PM',
      '50%',
      '$5',
      '¥100',
      '(5)',
      '1 1/2',
      '１２３',
    ],
    ...[
      'Mar 1',
      'MAR1',
      'SEPT2',
      '5-Dec-2026',
      'January 2026',
      '2026年3月1日',
      '令和6年1月1日',
      'R6.1.1',
      'H30.4.1',
      '2026-03-01T10:00Z',
    ],
    ...['true', 'FALSE', '=1+1', '＝1+1', '＋1', '－a', '＠SUM(A1)', ' -x'],
  ])('%j is protected', (text) => {
    expect(protectCell(text)).toBe(`'${text}`);
  });

  test.each([
    'W-100200300',
    'SKU-2966631',
    'A1F79C0162D1404DAB3F3E6BADA181C8',
    'clk_1',
    '3900112#A1',
    'Tee, blue, S',
    'SKU - x',
    'may',
    '',
    'a; b',
  ])('%j is not changed', (text) => {
    expect(protectCell(text)).toBe(text);
  });

  test.each([
    ['a;=1', "a;'=1"],
    ['\t=1', "'\t'=1"],
    ['\u200b=1', "'\u200b'=1"],
    ['a\t+1', "a\t'+1"],
    ['a\n@x', "a\n'@x"],
    ['a\u200b=1', "a\u200b'=1"],
    ['a; ＝1', "a;' ＝1"],
  ])('a sign inside %j is protected', (text, safe) => {
    expect(protectCell(text)).toBe(safe);
  });
});

describe('a CSV', () => {
  const lineOf = (fields: Partial<Transaction>): Transaction =>
    ({ line_id: '1#A', kind: 'sale', ...fields }) as Transaction;

  async function csvOf(
    line: Transaction,
    options: Parameters<typeof csvLines>[1],
  ): Promise<string> {
    let csv = '';
    for await (const chunk of csvLines(Readable.from([line]), options)) csv += chunk;
    return csv;
  }

  /** Reads RFC 4180. */
  function parse(csv: string, delimiter: string): string[][] {
    const records: string[][] = [[]];
    const pattern = /"((?:[^"]|"")*)"|[^"]/gsu;
    let field = '';
    const end = (): void => {
      records.at(-1)?.push(field);
      field = '';
    };
    for (const [token, quoted] of csv.matchAll(pattern)) {
      if (quoted !== undefined) field += quoted.replaceAll('""', '"');
      else if (token === delimiter) end();
      else if (token === '\n') {
        end();
        records.push([]);
      } else field += token;
    }
    return records.slice(0, -1);
  }

  test.each([',', ';', '\t', '|', ':'])(
    'with the delimiter %j has the texts unchanged',
    async (delimiter) => {
      await fc.assert(
        fc.asyncProperty(awkward, fc.string(), async (order_id, product_name) => {
          const csv = await csvOf(lineOf({ order_id, product_name }), {
            forSpreadsheets: false,
            delimiter,
          });
          const [head, record] = parse(csv, delimiter);
          expect(head).toEqual([...CSV_COLUMNS]);
          expect(record?.[CSV_COLUMNS.indexOf('order_id')]).toBe(order_id);
          expect(record?.[CSV_COLUMNS.indexOf('product_name')]).toBe(product_name);
        }),
        { numRuns: 50 },
      );
    },
  );

  test('for a spreadsheet protects IDs and lists, but no amounts and no times', async () => {
    const fields = {
      order_id: '0012',
      u1: '1E5',
      sale_amount: '-12.5',
      process_date: '2026-03-13T18:17:25Z',
      received_at: '2026-03-13T18:17:25.000Z',
      parse_problems: ["quantity: '", '=1 is not a number'],
    };
    const [, record] = parse(
      await csvOf(lineOf(fields), { forSpreadsheets: true, delimiter: ',' }),
      ',',
    );
    const value = (column: (typeof CSV_COLUMNS)[number]): string | undefined =>
      record?.[CSV_COLUMNS.indexOf(column)];
    expect([value('order_id'), value('u1'), value('sale_amount')]).toEqual([
      "'0012",
      "'1E5",
      '-12.5',
    ]);
    expect([value('process_date'), value('received_at')]).toEqual([
      fields.process_date,
      fields.received_at,
    ]);
    expect(value('parse_problems')).toBe("quantity: ';' =1 is not a number");
  });
});
