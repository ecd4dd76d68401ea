import type { DeadLetter } from '../../core/dead-letters/letter';
import { EXIT, type ExitCode } from '../errors';
import { timeText } from '../show';
import { renderRecord, renderTable } from '../table';
import { writeLine, writeText } from '../terminal';
import {
  checkChoice,
  chosenEntries,
  type DlqContext,
  inFlightNote,
  withDeadLetters,
} from './reading';
import { letterColumns, letterRecord, nextSteps } from './render';

/** Messages with less time left are urgent. */
const URGENT_MILLIS = 3 * 24 * 60 * 60_000;

/** Lists every message with its reason. Exit code 3 without any. */
export async function list(context: DlqContext): Promise<ExitCode> {
  const { terminal, options } = context;
  const { letters, counts } = await withDeadLetters(context, async ({ entries, counts }) => ({
    letters: entries.map(({ letter }) => letter),
    counts,
  }));
  if (options.json === true) await writeLine(terminal.stdout, JSON.stringify(letters));
  else if (letters.length > 0) await writeTable(context, letters);
  const { stderr } = terminal;
  if (letters.length === 0)
    await writeLine(stderr, `nothing is in the dead-letter queue${inFlightNote(counts)}`);
  else if (counts.inFlight > 0) await writeLine(stderr, `not all are shown${inFlightNote(counts)}`);
  return letters.length === 0 ? EXIT.nothing : EXIT.found;
}

export async function writeTable(
  { terminal, colours }: DlqContext,
  letters: readonly DeadLetter[],
): Promise<void> {
  const { stdout, stderr } = terminal;
  await writeLine(
    stdout,
    renderTable(letterColumns(colours), letters, stdout.columns, colours.bold),
  );
  const [oldest] = letters;
  const isUrgent =
    oldest !== undefined && Date.parse(oldest.deletedAt) - terminal.now().getTime() < URGENT_MILLIS;
  const notes = [
    `${letters.length === 1 ? '1 message' : `${letters.length} messages`}`,
    ...nextSteps(letters, colours),
    ...(isUrgent
      ? [colours.yellow(`SQS deletes the oldest on ${timeText(oldest.deletedAt)} UTC`)]
      : []),
  ];
  for (const note of notes) await writeText(stderr, note);
}

/** Shows messages in full, except for the secret of the URL. */
export async function show(context: DlqContext): Promise<ExitCode> {
  checkChoice(context, true);
  const { terminal, options, colours } = context;
  const entries = await withDeadLetters(context, async (reading) =>
    chosenEntries(context, reading),
  );
  for (const { letter } of entries) {
    const text =
      options.json === true
        ? JSON.stringify(letter)
        : renderRecord(letterRecord(letter), colours.bold, terminal.stdout.columns);
    await writeLine(terminal.stdout, text);
  }
  return EXIT.found;
}
