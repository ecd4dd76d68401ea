import { setTimeout as sleep } from 'node:timers/promises';
import { type Followed, type FollowUp, followUp } from '../../core/dead-letters/follow-up';
import { canSucceed } from '../../core/dead-letters/letter';
import type { HeldMessage } from '../../core/dead-letters/queue';
import { reasonOf } from '../../core/dead-letters/reasons';
import { type NotSent, type Redriven, type RedriveResult, redrive as sendBack } from '../../core/dead-letters/redrive';
import { TableRows } from '../../core/reconciliation/rows';
import { EXIT, type ExitCode } from '../cli/errors';
import { requireResource } from '../cli/installation';
import { writeLine } from '../cli/terminal';
import { writeTable } from './list';
import { checkChoice, chosen, type DlqContext, type Entry, elsewhere, forget, type Reading, withDeadLetters } from './reading';
import { shortId } from './render';

/** A message is in the table a second after it was sent; a consumer that is cold, or has a backlog, takes longer. */
const FOLLOWED_MILLIS = 30_000;
const LOOK_MILLIS = 500;

/** What became of the messages. */
interface Outcome {
  readonly redriven: readonly Redriven[];
  readonly notSent: readonly NotSent[];
  /** Without ids: would be turned away or fail again, and stay. */
  readonly leftAlone: readonly Entry[];
  readonly followUp?: FollowUp;
}

/** Sends messages back to the queue, each deleted only after SQS has taken it, and looks what becomes of them. */
export async function redrive(context: DlqContext): Promise<ExitCode> {
  checkChoice(context, true);
  if (context.options.dryRun === true) return dryRun(context);
  const { reading, entries, ...outcome } = await withDeadLetters(context, async (reading, away) => {
    const { entries, leftAlone } = choice(context, reading);
    const result = await carryOut(context, reading, entries);
    away(gone(result.redriven));
    return { reading, entries, leftAlone, ...result };
  });
  const follow = context.options.wait === false ? undefined : await followed(context, reading, entries, outcome.redriven);
  await tell(context, { ...outcome, followUp: follow }, reading);
  if (outcome.notSent.length > 0 || (follow?.failedAgain.size ?? 0) > 0) return EXIT.error;
  return reading.entries.length === 0 ? EXIT.nothing : EXIT.found;
}

/** Without ids only what can become a row: what the consumer turns away is gone for good. */
function choice(context: DlqContext, reading: Reading): { entries: readonly Entry[]; leftAlone: readonly Entry[] } {
  const named = chosen(context, reading);
  if (context.args.length > 0) return { entries: named, leftAlone: [] };
  return {
    entries: named.filter(({ letter }) => canSucceed(letter)),
    leftAlone: named.filter(({ letter }) => !canSucceed(letter)),
  };
}

async function carryOut(context: DlqContext, reading: Reading, entries: readonly Entry[]): Promise<RedriveResult> {
  const { signal, now } = context.terminal;
  const queueUrl = requireResource(await context.installation(), 'queueUrl');
  const parts = { client: reading.sqs, queueUrl, deadLetters: reading.queue, now: () => now().getTime(), signal };
  const result = await sendBack(
    parts,
    entries.map(({ message }) => message),
  );
  // If one fails again, the consumer notes that under its new id.
  await forget(context, reading, gone(result.redriven));
  return result;
}

const gone = (redriven: readonly Redriven[]): HeldMessage[] =>
  redriven.filter(({ stillThere }) => !stillThere).map(({ message }) => message);

async function followed(context: DlqContext, { dynamodb, notes }: Reading, entries: readonly Entry[], redriven: readonly Redriven[]) {
  const keys = new Map(entries.map(({ message, letter }) => [message, letter.contents.key]));
  const lines = redriven.flatMap(({ message, newId }): Followed[] => {
    const key = keys.get(message);
    return key === undefined ? [] : [{ id: newId, key }];
  });
  const { signal } = context.terminal;
  const started = performance.now();
  return followUp(lines, new TableRows(dynamodb, requireResource(await context.installation(), 'tableName')), notes, {
    isOver: () => signal.aborted || performance.now() - started > FOLLOWED_MILLIS,
    pause: () => sleep(LOOK_MILLIS, undefined, { signal }).catch(() => undefined),
  });
}

async function dryRun(context: DlqContext): Promise<ExitCode> {
  const { entries, leftAlone, counts } = await withDeadLetters(context, async (reading) => ({
    ...choice(context, reading),
    counts: reading.counts,
  }));
  const letters = entries.map(({ letter }) => letter);
  const { stdout, stderr } = context.terminal;
  if (context.options.json === true) await writeLine(stdout, JSON.stringify({ wouldRedrive: letters, leftAlone: ids(leftAlone) }));
  else if (letters.length > 0) await writeTable(context, letters);
  for (const text of leftAloneInWords(leftAlone)) await writeLine(stderr, text);
  const found = letters.length > 0 ? 'they would be sent back' : `nothing would be sent back${elsewhere(counts)}`;
  await writeLine(stderr, `${found}; nothing was changed (--dry-run)`);
  return letters.length > 0 ? EXIT.found : EXIT.nothing;
}

async function tell({ terminal, options }: DlqContext, outcome: Outcome, { entries, counts }: Reading): Promise<void> {
  const { redriven, notSent, leftAlone, followUp: follow } = outcome;
  if (options.json === true) {
    const json = {
      redriven: redriven.map(({ message, newId, stillThere }) => ({ id: message.id, newId, stillThere })),
      notSent: notSent.map(({ message, problem }) => ({ id: message.id, problem })),
      leftAlone: ids(leftAlone),
      ...(follow === undefined
        ? {}
        : { stored: follow.stored, failedAgain: Object.fromEntries(follow.failedAgain), pending: follow.pending }),
    };
    return writeLine(terminal.stdout, JSON.stringify(json));
  }
  if (entries.length === 0) return writeLine(terminal.stderr, `nothing is in the dead-letter queue${elsewhere(counts)}`);
  const texts = [
    `${messages(redriven.length)} sent back to the queue`,
    ...notSentInWords(notSent),
    ...leftAloneInWords(leftAlone),
    ...(follow === undefined ? [] : followUpInWords(follow)),
  ];
  const twice = redriven.filter(({ stillThere }) => stillThere).length;
  if (twice > 0)
    texts.push(`${messages(twice)} could not be deleted here and will be sent once more by the next redrive; each stays one row`);
  for (const text of texts) await writeLine(terminal.stdout, text);
}

function notSentInWords(notSent: readonly NotSent[]): string[] {
  const [first] = notSent;
  return first === undefined ? [] : [`${messages(notSent.length)} could not be sent and stay in the dead-letter queue: ${first.problem}`];
}

function leftAloneInWords(leftAlone: readonly Entry[]): string[] {
  if (leftAlone.length === 0) return [];
  const shown = leftAlone.slice(0, 5).map(({ letter }) => shortId(letter.id));
  const them = leftAlone.length === 1 ? 'it' : 'them';
  return [
    `${messages(leftAlone.length)} left alone (${shown.join(', ')}${leftAlone.length > shown.length ? ', …' : ''}): the consumer would turn ${them} away or fail again. ` +
      `Look at ${them} with "dlq show"; then drop ${them}, or redrive ${them} by id`,
  ];
}

function followUpInWords({ stored, failedAgain, pending }: FollowUp): string[] {
  const [again] = failedAgain.values();
  return [
    ...(stored === 0 ? [] : [`${stored === 1 ? '1 line is' : `${stored} lines are`} in the table`]),
    ...(again === undefined
      ? []
      : [
          `${messages(failedAgain.size)} failed again: ${reasonOf(again.reason, 'postback').why}. SQS tries again four times before they come back here`,
        ]),
    ...(pending === 0 ? [] : [`of ${messages(pending)} nothing is known yet: look again with "dlq list" and "doctor"`]),
  ];
}

const messages = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);
const ids = (entries: readonly Entry[]): string[] => entries.map(({ letter }) => letter.id);
