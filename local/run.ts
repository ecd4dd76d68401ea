import { join } from 'node:path';
import { METRICS } from '../core/names';
import { Cleanup } from './cleanup';
import { Complaints } from './complaints';
import { type DayPush, postbackDay } from './day';
import { queueDepth, untilEmpty } from './drain';
import { writeEndpoints } from './endpoints';
import { MetricSums } from './metrics';
import { colors, print, printError } from './print';
import { type LocalStack, startLocalStack } from './stack';
import { curlLine, type DayResult, daySummary, rowLine } from './summary';
import { startTableBrowser } from './ui/table-browser';
import { compareRows, isExact, scanTable } from './verify';
import { RowWatch } from './watch';

export interface RunOptions {
  readonly once: boolean;
  readonly port?: number;
  readonly ui: boolean;
  /** Folder of `endpoints.json`. */
  readonly folder: string;
}

const SEED = 20260418;
const ORDERS = 150;
const PUSHES_PER_SECOND = 200;
const SENDERS = 2;
const DRAIN_SECONDS = 60;

/**
 * Runs the stack, sends a day of postbacks and prints the result. Returns the exit code at once or
 * after the signal.
 */
export async function runLocally(options: RunOptions, signal: AbortSignal): Promise<number> {
  const cleanup = new Cleanup();
  try {
    return await run(options, signal, cleanup);
  } finally {
    await cleanup.run();
  }
}

async function run(options: RunOptions, signal: AbortSignal, cleanup: Cleanup): Promise<number> {
  const started = Date.now();
  const metrics = new MetricSums();
  const complaints = new Complaints((text) => printError(colors.yellow(`! ${text}`)));
  let watch: RowWatch | undefined;
  const stack = await startLocalStack({
    port: options.port,
    signal,
    onProgress: (step) => print(colors.dim(`· ${step}`)),
    onOutput: (name, line) => {
      if (!metrics.read(line)) complaints.read(name, line);
    },
    onBatch: ({ functionName, error }) => {
      if (error !== undefined && !signal.aborted)
        complaints.add(`${functionName}: a batch failed and will be retried: ${error.errorType}`);
      watch?.nudge();
    },
    onTrouble: (message) => complaints.add(message),
  });
  cleanup.add('the repeated complaints', () => {
    for (const [text, count] of complaints.repeated())
      printError(colors.dim(`! ${count} times: ${text}`));
  });
  cleanup.add('the local stack', () => stack.close());
  cleanup.add(
    '.local/endpoints.json',
    await writeEndpoints(join(options.folder, 'endpoints.json'), stack),
  );
  print(
    `${colors.green('✓')} ready after ${((Date.now() - started) / 1000).toFixed(1)} s; status at the fake Rakuten: ${stack.outputs.RegistrationStatus}\n`,
  );

  const pushes = postbackDay({ seed: SEED, sid: stack.sid, day: new Date(), orders: ORDERS });
  print(colors.dim(`· sending a day of postbacks: ${pushes.length}`));
  await sendAll(stack, pushes, signal);
  await untilEmpty(stack.clients.sqs, stack.queueUrl, DRAIN_SECONDS, signal);
  const result = await resultOf(stack, metrics);
  print(`\n${daySummary(result)}\n`);
  const exact =
    isExact(result.comparison) && result.deadLetters === 0 && result.pushes.skipped === 0;
  if (options.once) return exact ? 0 : 1;

  watch = new RowWatch(stack.clients.dynamodb, stack.tableName, (row) => print(rowLine(row)));
  await watch.start(result.rows);
  cleanup.add('the watch over the table', () => watch?.stop());
  if (options.ui) {
    const browser = await startTableBrowser(stack.clients.dynamodb, stack.dynamodb.endpoint);
    cleanup.add('the table browser', () => browser.close());
    print(`  ${colors.bold('Table browser')}  ${browser.url}\n`);
  }
  print(`Send one more:\n\n  ${curlLine(stack.registeredUrl, stack.sid, new Date())}\n`);
  print(colors.dim('Addresses for your own programs are in .local/endpoints.json.'));
  print(colors.dim('New rows appear here. Ctrl-C stops everything.\n'));
  await aborted(signal);
  print(colors.dim('\nstopping'));
  return exact ? 0 : 1;
}

/**
 * Rakuten records and pushes each line in the order of the day, at most `PUSHES_PER_SECOND` and
 * `SENDERS` at once. Sender and endpoint share a machine: a busy processor would distort the times.
 */
async function sendAll(
  { rakuten }: LocalStack,
  pushes: readonly DayPush[],
  signal: AbortSignal,
): Promise<void> {
  const started = Date.now();
  // One iterator for all senders: each sends the next push.
  const waiting = pushes.entries();
  const sender = async (): Promise<void> => {
    for (const [index, { line, redelivery }] of waiting) {
      signal.throwIfAborted();
      const due = started + (index * 1000) / PUSHES_PER_SECOND;
      if (due > Date.now()) await new Promise((resolve) => setTimeout(resolve, due - Date.now()));
      if (!redelivery) rakuten.record(line);
      await rakuten.push(line);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

async function resultOf(
  { clients, rakuten, sid, tableName, deadLetterQueueUrl }: LocalStack,
  metrics: MetricSums,
): Promise<DayResult> {
  const rows = await scanTable(clients.dynamodb, tableName);
  return {
    pushes: rakuten.statistics(sid),
    rows,
    comparison: compareRows(rakuten.ledger(sid), rows),
    // After a redelivery that overtook it, the first delivery counts as changed: it arrived
    // earlier.
    duplicates: metrics.sum(METRICS.duplicate) + metrics.sum(METRICS.changed),
    deadLetters: await queueDepth(clients.sqs, deadLetterQueueUrl),
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
