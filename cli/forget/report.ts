import { normalisedQuery } from '../../core/rakuten/postback/message';
import { numberText } from '../progress';
import { writeLine, writeText } from '../terminal';
import type { ForgetContext } from './forget';
import type { ScrubbedLetters } from './letters';
import type { ScrubbedRows } from './rows';

export interface Report {
  readonly isPreview: boolean;
  readonly rows: ScrubbedRows;
  readonly letters: ScrubbedLetters;
  /** Notes about failed messages. */
  readonly notes: number;
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

const ARCHIVE_TABLE = 'postbacks';

const ARCHIVE = [
  '  objects of the archive, if you archive. This query finds those with u1 in its normalised spelling,',
  '  but none where it was escaped twice or has another name (see docs/how-to/forget-a-member.md):',
] as const;

/** Athena's query for the objects of the archive that contain the member in the normalised spelling. */
export function archiveQuery(member: string): string {
  const parameter = normalisedQuery([['u1', member.trim().normalize('NFC')]]).replaceAll("'", "''");
  return `SELECT DISTINCT "$path" FROM ${ARCHIVE_TABLE} WHERE strpos('&' || query || '&', '&${parameter}&') > 0`;
}

export async function writeReport(context: ForgetContext, report: Report): Promise<void> {
  const { terminal, options } = context;
  const { isPreview, rows, letters, notes } = report;
  const query = archiveQuery(options.member);
  if (options.json === true) {
    const { isContended: _, ...written } = rows;
    await writeLine(
      terminal.stdout,
      JSON.stringify({ dryRun: isPreview, rows: written, deadLetters: letters, notes, elsewhere: ELSEWHERE, archiveQuery: query }),
    );
  } else {
    for (const text of summary(report)) await writeText(terminal.stdout, text);
    await writeText(terminal.stdout, 'not changed by this command:');
    for (const text of ELSEWHERE) await writeText(terminal.stdout, `  ${text}`);
    for (const text of ARCHIVE) await writeText(terminal.stdout, text);
    await writeLine(terminal.stdout, query);
  }
  for (const text of problems(report)) await writeText(terminal.stderr, text);
}

const counted = (count: number, one: string, many = `${one}s`): string => `${numberText(count)} ${count === 1 ? one : many}`;

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

function problems({ rows, letters }: Report): string[] {
  return [
    ...rows.failures.map((failure) => `error: a row was not changed: ${failure}`),
    ...letters.failures.map((failure) => `error: a dead letter was not replaced: ${failure}`),
    ...(letters.inFlight === 0
      ? []
      : [`another program was reading about ${counted(letters.inFlight, 'dead letter')}: run this command again in a minute`]),
    ...(rows.failures.length + letters.failures.length > 0 ? ['run this command again'] : []),
    ...(rows.isContended && rows.failures.length === 0
      ? ['error: rows with the member are still being written: is every function deployed with this version? Then run this command again']
      : []),
  ];
}
