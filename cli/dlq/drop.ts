import { resolve } from 'node:path';
import { maskedBody } from '../../core/dead-letters/contents';
import type { Publishers } from '../../core/state/publishers';
import { EXIT, type ExitCode, usageError } from '../errors';
import { openOutputFile } from '../output-file';
import { writeLine } from '../terminal';
import { writeTable } from './list';
import {
  checkChoice,
  chosenEntries,
  type DlqContext,
  deleteNotes,
  type Entry,
  inFlightNote,
  withDeadLetters,
} from './reading';

/** Deletes messages, each only after it is in a file. */
export async function drop(context: DlqContext): Promise<ExitCode> {
  checkChoice(context, false);
  const { options, terminal } = context;
  const isConfirmed = options.yes === true && options.dryRun !== true;
  const file = resolve(
    terminal.directory,
    options.output ?? `dropped-${terminal.now().toISOString().replace(/\W/g, '-')}.jsonl`,
  );
  const { entries, left, counts } = await withDeadLetters(context, async (reading, markRemoved) => {
    const entries = chosenEntries(context, reading);
    if (!isConfirmed || entries.length === 0) return { entries, left: [], counts: reading.counts };
    await writeEntries(file, entries, reading.publishers);
    const left = await reading.queue.remove(entries.map(({ message }) => message));
    const dropped = entries
      .map(({ message }) => message)
      .filter((message) => !left.includes(message));
    markRemoved(dropped);
    await deleteNotes(context, reading, dropped);
    return { entries, left, counts: reading.counts };
  });
  if (entries.length === 0) {
    await writeLine(terminal.stderr, `nothing is in the dead-letter queue${inFlightNote(counts)}`);
    return EXIT.nothing;
  }
  if (!isConfirmed) return preview(context, entries);
  const dropped = entries.length - left.length;
  if (options.json === true) {
    const ids = entries
      .filter(({ message }) => !left.includes(message))
      .map(({ letter }) => letter.id);
    await writeLine(
      terminal.stdout,
      JSON.stringify({ dropped: ids, file, left: left.map(({ id }) => id) }),
    );
  } else {
    await writeLine(
      terminal.stdout,
      `${dropped === 1 ? '1 message' : `${dropped} messages`} dropped; their contents are in ${file}`,
    );
  }
  if (left.length === 0) return EXIT.found;
  await writeLine(
    terminal.stderr,
    `error: SQS did not delete ${left.length}; they are still in the queue. Try again`,
  );
  return EXIT.error;
}

/** Writes the messages in full, except for the URL's secret. Resolves when they are on disk. */
async function writeEntries(
  file: string,
  entries: readonly Entry[],
  publishers: Publishers,
): Promise<void> {
  const lines = entries.map(
    ({ message, letter }) =>
      `${JSON.stringify({ ...letter, body: maskedBody(message.body, publishers) })}\n`,
  );
  const handle = await openOutputFile(file, 'a');
  try {
    await handle.writeFile(lines.join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function preview(context: DlqContext, entries: readonly Entry[]): Promise<ExitCode> {
  const { terminal, options } = context;
  const letters = entries.map(({ letter }) => letter);
  if (options.json === true)
    await writeLine(terminal.stdout, JSON.stringify({ wouldDrop: letters }));
  else await writeTable(context, letters);
  if (options.dryRun !== true)
    throw usageError(
      'nothing was dropped: add --yes to drop these messages (they are written to a file first)',
    );
  await writeLine(terminal.stderr, 'they would be dropped; nothing was changed (--dry-run)');
  return EXIT.found;
}
