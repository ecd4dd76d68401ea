import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { FORGOTTEN_EVERYWHERE_MILLIS, noteForgotten } from '../../core/state/forgotten-members';
import { knownMember } from '../../core/transactions/without-member';
import { CliError, EXIT, type ExitCode, usageError } from '../errors';
import { requireResource } from '../installation';
import { StatusLine } from '../progress';
import { searchArchive } from './archive';
import { scrubLetters, scrubNotes } from './letters';
import type { ForgetContext, ForgetOptions } from './options';
import { type Report, writeReport } from './report';
import { RowScrubber } from './rows';

/** Rakuten's own limit is 72 characters. */
const MAX_MEMBER_BYTES = 256;
const PAUSE_MILLIS = 1000;

/**
 * Removes a member: first from what the functions write, then from what is stored.
 *
 * In another order a function could bring it back after the rows were read.
 */
export async function forget(context: ForgetContext): Promise<ExitCode> {
  const { options } = context;
  const member = knownMember(memberOf(options), options.sid);
  const isPreview = options.dryRun === true || options.yes !== true;
  if (!isPreview) await announce(context);
  const rows = await (await RowScrubber.open(context, member)).run(isPreview);
  const letters = await scrubLetters(context, member, isPreview);
  const notes = await scrubNotes(context, member, isPreview);
  const report: Report = {
    isPreview,
    rows,
    letters,
    notes,
    archive: await searchArchive(context, member),
  };
  await writeReport(context, report);
  if (isPreview && options.dryRun !== true)
    throw usageError('nothing was removed: add --yes to remove the member');
  return exitCodeOf(report);
}

function memberOf({ member }: ForgetOptions): string {
  if (member.trim() === '') throw usageError('--member is empty: give the ID as it is in u1');
  if (Buffer.byteLength(member) > MAX_MEMBER_BYTES)
    throw usageError(`--member is longer than ${MAX_MEMBER_BYTES} bytes: rows keep no such u1`);
  return member;
}

/** Writes the hash, and waits until no function writes the member any more. */
async function announce(context: ForgetContext): Promise<void> {
  const { options, terminal } = context;
  const installation = await context.installation();
  const client = new DynamoDBClient(installation.aws('dynamodb'));
  const now = terminal.now().getTime();
  const since = await noteForgotten(
    client,
    requireResource(installation, 'stateTableName'),
    options.member,
    options.sid,
    now,
  );
  const status = new StatusLine(terminal.stderr, false);
  const pause =
    terminal.pause ?? ((millis: number) => sleep(millis, undefined, { signal: terminal.signal }));
  let left = Math.min(since + FORGOTTEN_EVERYWHERE_MILLIS - now, FORGOTTEN_EVERYWHERE_MILLIS);
  for (; left > 0; left -= PAUSE_MILLIS) {
    status.draw(
      `waiting until every function leaves the member out: ${Math.ceil(left / 1000)} s …`,
    );
    await pause(Math.min(left, PAUSE_MILLIS)).catch((cause: unknown) => {
      throw new CliError('stopped: nothing was removed yet. Run this command again', EXIT.error, {
        cause,
      });
    });
  }
  status.erase();
}

function exitCodeOf({ rows, letters, notes, archive }: Report): ExitCode {
  const failures = [...rows.failures, ...letters.failures, ...(archive?.failures ?? [])];
  if (failures.length > 0 || rows.isContended) return EXIT.error;
  const found = rows.changed + letters.rewritten + notes + (archive?.keys.length ?? 0);
  return found === 0 ? EXIT.nothing : EXIT.found;
}
