import Table from 'cli-table3';
import { visible } from './terminal';

/** A column of a table for a person. */
export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  readonly align?: 'left' | 'right';
  /** Colours a cell's text; what is shown must not change. */
  readonly paint?: (text: string, row: T) => string;
  /** Left out first where the terminal is too narrow, the highest number before the others. Without it the column always stays. */
  readonly dropOrder?: number;
  /** Longer texts are cut. */
  readonly maxWidth?: number;
}

const NO_BORDER = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
  ].map((part) => [part, '']),
);
const CHARS = { ...NO_BORDER, right: '', 'right-mid': '', middle: '  ' };

/** A table without lines, cut to `width` columns by leaving out what matters least. Ends without a line break. */
export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  width: number | undefined,
  heading = (text: string) => text,
): string {
  let shown = columns;
  while (width !== undefined && widthOf(shown, rows) > width) {
    const last = Math.max(0, ...shown.map((column) => column.dropOrder ?? 0));
    if (last === 0) break;
    shown = shown.filter((column) => column.dropOrder !== last);
  }
  const [head = '', ...body] = draw(shown, rows, true)
    .split('\n')
    .map((line) => line.trimEnd());
  return [heading(head), ...body].join('\n');
}

/** The first line is the head, padded to the whole width; its titles are plain letters. */
const widthOf = <T>(columns: readonly Column<T>[], rows: readonly T[]): number =>
  draw(columns, rows, false).split('\n', 1)[0]?.trimEnd().length ?? 0;

function draw<T>(columns: readonly Column<T>[], rows: readonly T[], painted: boolean): string {
  const table = new Table({
    chars: CHARS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: columns.map((column) => column.align ?? 'left'),
  });
  table.push(columns.map((column) => column.title));
  for (const row of rows) table.push(columns.map((column) => cell(column, row, painted)));
  return table.toString();
}

function cell<T>({ text, paint, maxWidth = 40 }: Column<T>, row: T, painted: boolean): string {
  const characters = [...visible(text(row))];
  const shown = characters.length > maxWidth ? `${characters.slice(0, maxWidth - 1).join('')}…` : characters.join('');
  return painted && paint !== undefined ? paint(shown, row) : shown;
}

/** Names and values below each other. */
export function renderRecord(entries: readonly (readonly [name: string, value: string])[], paintName = (text: string) => text): string {
  const width = Math.max(0, ...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${paintName(name.padEnd(width))}  ${visible(value)}`).join('\n');
}
