import { cellText } from '../core/terminal-text';
import { cut, widthOf, wrap } from './text';

/** A column of a table for a person. */
export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  /**
   * Right-aligned columns are amounts and numbers. They are never cut, but go on in the next line.
   */
  readonly align?: 'left' | 'right';
  /** Colours a cell's text; what is shown must not change. */
  readonly paint?: (text: string, row: T) => string;
  /**
   * Hidden first where the terminal is too narrow, the highest number before the others. Without it
   * the column always stays.
   */
  readonly dropOrder?: number;
  /**
   * Longer texts are cut. Where the terminal is too narrow, columns with a maximum become narrower
   * first.
   */
  readonly maxWidth?: number;
  /** Longer texts go on in the next line instead. */
  readonly wraps?: boolean;
}

interface SizedColumn<T> extends Column<T> {
  readonly cells: readonly string[];
  readonly width: number;
}

const GAP = '  ';
const MAX_WIDTH = 40;
/** Enough of a text to recognise it. */
const NARROW = 8;
const NARROWEST = 3;

/**
 * A table without lines. Ends without a line break.
 *
 * If the terminal is too narrow, columns are hidden by their `dropOrder`; a last line names them.
 * Then the widest columns become narrower.
 *
 * @param width columns of the terminal. Without it nothing is hidden
 */
export function renderTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  width: number | undefined,
  heading = (text: string) => text,
): string {
  const all = columns.map((column) => sizedColumn(column, rows));
  const kept = width === undefined ? all : dropColumns(all, width);
  const isFlexible = ({ maxWidth, wraps }: Column<T>): boolean =>
    maxWidth !== undefined || wraps === true;
  const shown =
    width === undefined
      ? kept
      : narrow(narrow(kept, width, NARROW, isFlexible), width, NARROWEST, () => true);
  const head = joinCells(
    shown.map((column) => align(column, cut(column.title, column.width), undefined)),
  );
  const body = rows.flatMap((row, index) => renderRow(shown, row, index));
  const hidden = all.filter((column) => !kept.includes(column)).map(({ title }) => title);
  return [
    heading(head),
    ...body,
    ...hiddenText(hidden).flatMap((text) => wrap(text, width ?? Number.POSITIVE_INFINITY)),
  ].join('\n');
}

function sizedColumn<T>(column: Column<T>, rows: readonly T[]): SizedColumn<T> {
  const maxWidth = column.maxWidth ?? MAX_WIDTH;
  const cells = rows.map((row) => cellText(column.text(row)));
  const widest = cells.reduce(
    (width, cell) => Math.max(width, widthOf(cell)),
    widthOf(column.title),
  );
  return { ...column, cells, width: Math.min(widest, maxWidth) };
}

const tableWidth = (columns: readonly SizedColumn<never>[]): number =>
  columns.reduce((sum, { width }) => sum + width, GAP.length * (columns.length - 1));

function dropColumns<T>(
  columns: readonly SizedColumn<T>[],
  width: number,
): readonly SizedColumn<T>[] {
  const last = Math.max(0, ...columns.map(({ dropOrder = 0 }) => dropOrder));
  if (last === 0 || tableWidth(columns) <= width) return columns;
  return dropColumns(
    columns.filter(({ dropOrder }) => dropOrder !== last),
    width,
  );
}

/** Takes the missing room from the widest columns. */
function narrow<T>(
  columns: readonly SizedColumn<T>[],
  width: number,
  least: number,
  isNarrowable: (column: Column<T>) => boolean,
): readonly SizedColumn<T>[] {
  const widths = columns.map((column) => column.width);
  for (let excess = tableWidth(columns) - width; excess > 0; excess -= 1) {
    const candidates = widths.map((one, index) =>
      one > least && isNarrowable(columns[index] as SizedColumn<T>) ? one : 0,
    );
    const widest = Math.max(...candidates);
    if (widest === 0) break;
    widths[candidates.lastIndexOf(widest)] = widest - 1;
  }
  return columns.map((column, index) => ({ ...column, width: widths[index] ?? column.width }));
}

/** The lines of a row: more than one if a text goes on. */
function renderRow<T>(columns: readonly SizedColumn<T>[], row: T, index: number): string[] {
  const cells = columns.map(({ cells, width, align, wraps }) => {
    const text = cells[index] ?? '';
    return wraps === true || align === 'right' ? wrap(text, width) : [cut(text, width)];
  });
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    joinCells(columns.map((column, position) => align(column, cells[position]?.[line] ?? '', row))),
  );
}

/** Pads a text, and paints it if there is a row. */
function align<T>(column: SizedColumn<T>, text: string, row: T | undefined): string {
  const padding = ' '.repeat(Math.max(0, column.width - widthOf(text)));
  const painted = row === undefined || text === '' ? text : (column.paint?.(text, row) ?? text);
  return column.align === 'right' ? padding + painted : painted + padding;
}

const joinCells = (cells: readonly string[]): string => cells.join(GAP).trimEnd();

function hiddenText(titles: readonly string[]): string[] {
  if (titles.length === 0) return [];
  return [
    `${titles.length === 1 ? '1 column' : `${titles.length} columns`} hidden: ${titles.join(', ')}`,
  ];
}

/**
 * Names and values below each other. Longer values go on in the next line if the terminal's width
 * is given.
 */
export function renderRecord(
  entries: readonly (readonly [name: string, value: string])[],
  paintName = (text: string) => text,
  width = Number.POSITIVE_INFINITY,
): string {
  const safe = entries.map(
    ([name, value]) => [cellText(name), cellText(value).trimStart()] as const,
  );
  const nameWidth = Math.max(0, ...safe.map(([name]) => widthOf(name)));
  return safe
    .flatMap(([name, value]) =>
      wrap(value, width - nameWidth - GAP.length).map((text, line) => {
        const label = line === 0 ? name : '';
        return `${paintName(label + ' '.repeat(nameWidth - widthOf(label)))}${GAP}${text}`;
      }),
    )
    .join('\n');
}
