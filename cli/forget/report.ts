import { numberText } from '../progress';
import { type OutputStream, writeLine, writeText } from '../terminal';
import type { ArchivedMember } from './archive';
import type { ScrubbedLetters } from './letters';
import type { ForgetContext } from './options';
import type { ScrubbedRows } from './rows';

export interface Report {
  readonly isPreview: boolean;
  readonly rows: ScrubbedRows;
  readonly letters: ScrubbedLetters;
  /** Notes about failed messages. */
  readonly notes: number;
  /** Undefined without an archive. */
  readonly archive?: ArchivedMember;
}

/** What no command can change. */
const ELSEWHERE = [
  'backups: point-in-time recovery can restore the table of up to 35 days ago. Run this command again after a restore',
  "the table's stream: 24 hours. A change event shows the old u1 to the targets of onTransaction",
  'systems that received change events, with their dead-letter queues, and files of "export", "clicks" and "dlq drop"',
  'the queue of a PostbackRelay in another region: at most 14 days. The consumer leaves the member out of what comes from it',
  'the logs of functions and of the endpoint, until their retention ends, if `logPayloads` or `accessLogs` was on',
  'attributes that an application wrote to rows',
] as const;

const BUFFERED =
  'what Firehose received before is archived up to 15 minutes later: run this command with --dry-run again then';

export async function writeReport(context: ForgetContext, report: Report): Promise<void> {
  const { terminal, options } = context;
  const { isPreview, rows, letters, notes, archive } = report;
  if (options.json === true) {
    const { isContended: _, ...written } = rows;
    const found = {
      dryRun: isPreview,
      rows: written,
      deadLetters: letters,
      notes,
      archive: archive ?? null,
    };
    await writeLine(terminal.stdout, JSON.stringify({ ...found, elsewhere: ELSEWHERE }));
  } else {
    for (const text of summary(report)) await writeText(terminal.stdout, text);
    await writeArchive(terminal.stdout, archive);
    await writeText(terminal.stdout, 'not changed by this command:');
    for (const text of ELSEWHERE) await writeText(terminal.stdout, `  ${text}`);
  }
  for (const text of problems(report)) await writeText(terminal.stderr, text);
}

async function writeArchive(
  stdout: OutputStream,
  archive: ArchivedMember | undefined,
): Promise<void> {
  if (archive === undefined) return writeText(stdout, 'there is no archive');
  const { bucket, keys } = archive;
  if (bucket === undefined) return;
  const where = `s3://${bucket}`;
  const text =
    keys.length === 0
      ? `no object of the archive in ${where} was found to contain the member`
      : `the member is in ${counted(keys.length, 'object')} of the archive in ${where}. Replace each by one without the ` +
        "member's lines, or delete it (see docs/how-to/forget-a-member.md):";
  await writeText(stdout, text);
  // One key a line, also where it is longer than the terminal is wide.
  for (const key of keys) await writeLine(stdout, key);
  await writeText(stdout, BUFFERED);
}

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${numberText(count)} ${count === 1 ? one : many}`;

function summary({ isPreview, rows, letters, notes }: Report): string[] {
  const { members, queries, extras } = rows.traces;
  const places = [
    counted(members, 'u1', 'u1'),
    counted(queries, 'query string', 'query strings or earlier values'),
    counted(extras, 'set of parameters', 'sets of parameters'),
  ];
  return [
    `the member ${isPreview ? 'is' : 'was removed from'}${isPreview ? ' in' : ''} ${counted(rows.changed, 'row')} (${places.join(', ')}),`,
    `  ${counted(letters.rewritten, 'dead letter')} and ${counted(notes, 'failure note')}`,
    ...(letters.waiting === 0
      ? []
      : [
          `${counted(letters.waiting, 'message')} on the way to the consumer: it leaves the member out. One that fails is a dead letter with it`,
        ]),
  ];
}

function problems({ rows, letters, archive }: Report): string[] {
  return [
    ...rows.failures.map((failure) => `error: a row was not changed: ${failure}`),
    ...letters.failures.map((failure) => `error: a dead letter was not replaced: ${failure}`),
    ...(archive?.failures ?? []).map((failure) => `error: not searched for the member: ${failure}`),
    ...(letters.inFlight === 0
      ? []
      : [
          `another program was reading about ${counted(letters.inFlight, 'dead letter')}: run this command again in a minute`,
        ]),
    ...(rows.failures.length + letters.failures.length > 0 ? ['run this command again'] : []),
    ...(rows.isContended && rows.failures.length === 0
      ? [
          'error: rows with the member are still being written: is every function deployed with this version? Then run this command again',
        ]
      : []),
  ];
}
