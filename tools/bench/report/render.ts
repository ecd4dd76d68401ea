import Table from 'cli-table3';
import type { Block, TableBlock } from './section';

const isNumeric = (cell: string | number): boolean =>
  /^[-~<]?[$\d]/.test(String(cell)) || cell === '-' || cell === '';

/** A column of numbers is aligned to the right. */
const alignments = ({ head, rows }: TableBlock): ('left' | 'right')[] =>
  head.map((_, column) =>
    column > 0 && rows.every((row) => isNumeric(row[column] ?? '')) ? 'right' : 'left',
  );

export function toTerminal(blocks: readonly Block[]): string {
  return blocks
    .map((block) => {
      if (typeof block === 'string') return block.replace(/\*\*|`/g, '');
      const table = new Table({
        head: [...block.head],
        colAligns: alignments(block),
        style: { head: [], border: [] },
      });
      for (const row of block.rows)
        table.push(row.map((cell) => String(cell).replace(/\*\*|`/g, '')));
      return table.toString();
    })
    .join('\n\n');
}

export function toMarkdown(blocks: readonly Block[]): string {
  return blocks
    .map((block) => (typeof block === 'string' ? block : markdownTable(block)))
    .join('\n\n');
}

function markdownTable(table: TableBlock): string {
  const line = (cells: readonly (string | number)[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = alignments(table).map((side) => (side === 'right' ? '---:' : '---'));
  return [line(table.head), `|${rule.join('|')}|`, ...table.rows.map(line)].join('\n');
}
