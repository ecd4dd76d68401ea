import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { maskedBody } from '../../core/dead-letters/contents';
import { EXIT, type ExitCode, usageError } from '../cli/errors';
import { writeLine } from '../cli/terminal';
import { writeTable } from './list';
import { checkChoice, chosen, type DlqContext, type Entry, elsewhere, forget, withDeadLetters } from './reading';

/** The messages are the publisher's business alone. */
const OWNER_ONLY = 0o600;

/** Deletes messages, each only after it stands in a file. */
export async function drop(context: DlqContext): Promise<ExitCode> {
  checkChoice(context, false);
  const { options, terminal } = context;
  const isForReal = options.yes === true && options.dryRun !== true;
  const file = resolve(terminal.directory, options.output ?? `dropped-${terminal.now().toISOString().replace(/\W/g, '-')}.jsonl`);
  const { entries, left, counts } = await withDeadLetters(context, async (reading, away) => {
    const entries = chosen(context, reading);
    if (!isForReal || entries.length === 0) return { entries, left: [], counts: reading.counts };
    await keep(file, entries);
    const left = await reading.queue.remove(entries.map(({ message }) => message));
    const dropped = entries.map(({ message }) => message).filter((message) => !left.includes(message));
    away(dropped);
    await forget(context, reading, dropped);
    return { entries, left, counts: reading.counts };
  });
  if (entries.length === 0) {
    await writeLine(terminal.stderr, `nothing is in the dead-letter queue${elsewhere(counts)}`);
    return EXIT.nothing;
  }
  if (!isForReal) return onlySay(context, entries);
  const dropped = entries.length - left.length;
  if (options.json === true) {
    const ids = entries.filter(({ message }) => !left.includes(message)).map(({ letter }) => letter.id);
    await writeLine(terminal.stdout, JSON.stringify({ dropped: ids, file, left: left.map(({ id }) => id) }));
  } else {
    await writeLine(terminal.stdout, `${dropped === 1 ? '1 message' : `${dropped} messages`} dropped; what was in them is in ${file}`);
  }
  if (left.length === 0) return EXIT.found;
  await writeLine(terminal.stderr, `error: SQS did not delete ${left.length}; they are still there, try again`);
  return EXIT.error;
}

/** Resolves when the messages are on the disk: whole, but for the URL's secret. */
async function keep(file: string, entries: readonly Entry[]): Promise<void> {
  const lines = entries.map(({ message, letter }) => `${JSON.stringify({ ...letter, body: maskedBody(message.body) })}\n`);
  const handle = await open(file, 'a', OWNER_ONLY);
  try {
    await handle.writeFile(lines.join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function onlySay(context: DlqContext, entries: readonly Entry[]): Promise<ExitCode> {
  const { terminal, options } = context;
  const letters = entries.map(({ letter }) => letter);
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify({ wouldDrop: letters }));
  else await writeTable(context, letters);
  if (options.dryRun !== true) throw usageError('nothing was dropped: add --yes to drop what is shown (it is written to a file first)');
  await writeLine(terminal.stderr, 'they would be dropped; nothing was changed (--dry-run)');
  return EXIT.found;
}
