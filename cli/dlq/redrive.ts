import { setTimeout as sleep } from 'node:timers/promises';
import { type Followed, type FollowUp, followUp } from '../../core/dead-letters/follow-up';
import { canSucceed, maskedReason } from '../../core/dead-letters/letter';
import type { FailureNote } from '../../core/dead-letters/notes';
import type { ReceivedMessage } from '../../core/dead-letters/queue';
import { reasonOf } from '../../core/dead-letters/reasons';
import {
  type NotSent,
  type Redriven,
  type RedriveResult,
  redrive as sendBack,
} from '../../core/dead-letters/redrive';
import { TableRows } from '../../core/reconciliation/rows';
import { EXIT, type ExitCode } from '../errors';
import { requireResource } from '../installation';
import { writeLine } from '../terminal';
import { writeTable } from './list';
import {
  checkChoice,
  chosenEntries,
  type DlqContext,
  deleteNotes,
  type Entry,
  inFlightNote,
  type Reading,
  withDeadLetters,
} from './reading';
import { shortId } from './render';

/** A line is usually in the table within a second; a cold start or a backlog takes longer. */
const FOLLOW_UP_MILLIS = 30_000;
const POLL_MILLIS = 500;

/** The result of a redrive. */
interface Outcome {
  readonly redriven: readonly Redriven[];
  readonly notSent: readonly NotSent[];
  /** Skipped, as the consumer would reject them or fail again. Only without ids. */
  readonly skipped: readonly Entry[];
  readonly followUp?: FollowUp;
}

/**
 * Sends messages back to the queue, deletes each after SQS has accepted it, and reports the result.
 */
export async function redrive(context: DlqContext): Promise<ExitCode> {
  checkChoice(context, true);
  if (context.options.dryRun === true) return dryRun(context);
  const { reading, entries, ...outcome } = await withDeadLetters(
    context,
    async (reading, markRemoved) => {
      const { entries, skipped } = selectEntries(context, reading);
      const result = await sendEntries(context, reading, entries);
      markRemoved(removed(result.redriven));
      return { reading, entries, skipped, ...result };
    },
  );
  const follow =
    context.options.wait === false
      ? undefined
      : await followRedriven(context, reading, entries, outcome.redriven);
  await report(context, { ...outcome, followUp: follow }, reading);
  if (outcome.notSent.length > 0 || (follow?.failedAgain.size ?? 0) > 0) return EXIT.error;
  return reading.entries.length === 0 ? EXIT.nothing : EXIT.found;
}

/**
 * Without ids only messages that can become a row: a message that the consumer rejects is gone for
 * good.
 */
function selectEntries(
  context: DlqContext,
  reading: Reading,
): { entries: readonly Entry[]; skipped: readonly Entry[] } {
  const named = chosenEntries(context, reading);
  if (context.args.length > 0) return { entries: named, skipped: [] };
  return {
    entries: named.filter(({ letter }) => canSucceed(letter)),
    skipped: named.filter(({ letter }) => !canSucceed(letter)),
  };
}

async function sendEntries(
  context: DlqContext,
  reading: Reading,
  entries: readonly Entry[],
): Promise<RedriveResult> {
  const { signal, now } = context.terminal;
  const queueUrl = requireResource(await context.installation(), 'queueUrl');
  const parts = {
    client: reading.sqs,
    queueUrl,
    deadLetters: reading.queue,
    now: () => now().getTime(),
    signal,
  };
  const result = await sendBack(
    parts,
    entries.map(({ message }) => message),
  );
  // If one fails again, the consumer writes a note under its new id.
  await deleteNotes(context, reading, removed(result.redriven));
  return result;
}

const removed = (redriven: readonly Redriven[]): ReceivedMessage[] =>
  redriven.filter(({ stillThere }) => !stillThere).map(({ message }) => message);

async function followRedriven(
  context: DlqContext,
  { dynamodb, notes, publishers }: Reading,
  entries: readonly Entry[],
  redriven: readonly Redriven[],
) {
  const keys = new Map(entries.map(({ message, key }) => [message, key]));
  const lines = redriven.flatMap(({ message, newId }): Followed[] => {
    const key = keys.get(message);
    return key === undefined ? [] : [{ id: newId, key }];
  });
  const { signal } = context.terminal;
  const started = performance.now();
  const followed = await followUp(
    lines,
    new TableRows(dynamodb, requireResource(await context.installation(), 'tableName')),
    notes,
    {
      isOver: () => signal.aborted || performance.now() - started > FOLLOW_UP_MILLIS,
      pause: () => sleep(POLL_MILLIS, undefined, { signal }).catch(() => undefined),
    },
  );
  const bodies = new Map(redriven.map(({ newId, message }) => [newId, message.body]));
  const failedAgain = [...followed.failedAgain].map(([id, note]): [string, FailureNote] => [
    id,
    { ...note, reason: maskedReason(note, bodies.get(id) ?? '', publishers) },
  ]);
  return { ...followed, failedAgain: new Map(failedAgain) };
}

async function dryRun(context: DlqContext): Promise<ExitCode> {
  const { entries, skipped, counts } = await withDeadLetters(context, async (reading) => ({
    ...selectEntries(context, reading),
    counts: reading.counts,
  }));
  const letters = entries.map(({ letter }) => letter);
  const { stdout, stderr } = context.terminal;
  if (context.options.json === true)
    await writeLine(stdout, JSON.stringify({ wouldRedrive: letters, skipped: ids(skipped) }));
  else if (letters.length > 0) await writeTable(context, letters);
  for (const text of skippedText(skipped)) await writeLine(stderr, text);
  const found =
    letters.length > 0
      ? 'they would be sent back'
      : `nothing would be sent back${inFlightNote(counts)}`;
  await writeLine(stderr, `${found}; nothing was changed (--dry-run)`);
  return letters.length > 0 ? EXIT.found : EXIT.nothing;
}

async function report(
  { terminal, options }: DlqContext,
  outcome: Outcome,
  { entries, counts }: Reading,
): Promise<void> {
  const { redriven, notSent, skipped, followUp: follow } = outcome;
  if (options.json === true) {
    const json = {
      redriven: redriven.map(({ message, newId, stillThere }) => ({
        id: message.id,
        newId,
        stillThere,
      })),
      notSent: notSent.map(({ message, problem }) => ({ id: message.id, problem })),
      skipped: ids(skipped),
      ...(follow === undefined
        ? {}
        : {
            stored: follow.stored,
            failedAgain: Object.fromEntries(follow.failedAgain),
            pending: follow.pending,
          }),
    };
    return writeLine(terminal.stdout, JSON.stringify(json));
  }
  if (entries.length === 0)
    return writeLine(terminal.stderr, `nothing is in the dead-letter queue${inFlightNote(counts)}`);
  const texts = [
    `${messages(redriven.length)} sent back to the queue`,
    ...notSentText(notSent),
    ...skippedText(skipped),
    ...(follow === undefined ? [] : followUpText(follow)),
  ];
  const twice = redriven.filter(({ stillThere }) => stillThere).length;
  if (twice > 0)
    texts.push(
      `${messages(twice)} could not be deleted here and will be sent again by the next redrive; each stays one row`,
    );
  for (const text of texts) await writeLine(terminal.stdout, text);
}

function notSentText(notSent: readonly NotSent[]): string[] {
  const [first] = notSent;
  return first === undefined
    ? []
    : [
        `${messages(notSent.length)} could not be sent and stay in the dead-letter queue: ${first.problem}`,
      ];
}

function skippedText(skipped: readonly Entry[]): string[] {
  if (skipped.length === 0) return [];
  const shown = skipped.slice(0, 5).map(({ letter }) => shortId(letter.id));
  return [
    `${messages(skipped.length)} skipped (${shown.join(', ')}${skipped.length > shown.length ? ', …' : ''}): the consumer would reject them or fail again. ` +
      'Inspect them with "dlq show"; then drop them, or redrive them by id',
  ];
}

function followUpText({ stored, failedAgain, pending }: FollowUp): string[] {
  const [again] = failedAgain.values();
  return [
    ...(stored === 0 ? [] : [`${stored === 1 ? '1 line is' : `${stored} lines are`} in the table`]),
    ...(again === undefined
      ? []
      : [
          `${messages(failedAgain.size)} failed again: ${reasonOf(again.reason, 'postback').why}. SQS tries again four times before they come back here`,
        ]),
    ...(pending === 0
      ? []
      : [
          `${messages(pending)} neither in the table nor failed so far: check later with "dlq list" and "doctor"`,
        ]),
  ];
}

const messages = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);
const ids = (entries: readonly Entry[]): string[] => entries.map(({ letter }) => letter.id);
