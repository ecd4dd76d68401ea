import { batches } from '../client/pages';
import type { CommandContext } from './command';
import type { Progress } from './progress';
import { type Column, renderTable } from './table';
import { writeLine } from './terminal';

/** Rows that are laid out together, under a heading. More of them would not help a reader. */
const BLOCK_ROWS = 200;

/** Writes a table of any length in blocks, as the rows come. Returns their number. */
export async function writeTable<T>(
  { terminal: { stdout }, colours }: CommandContext,
  columns: readonly Column<T>[],
  rows: AsyncIterable<T>,
  progress: Progress,
): Promise<number> {
  let count = 0;
  for await (const block of batches(rows, BLOCK_ROWS)) {
    progress.erase();
    await writeLine(stdout, `${renderTable(columns, block, stdout.columns, colours.bold)}\n`);
    count += block.length;
  }
  progress.erase();
  return count;
}
