import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { METRICS } from '../../core/names';
import { rowKey, TABLE_KEYS } from '../../core/transactions/keys';
import { itemKey } from '../../core/transactions/row-store';
import type { LineRecord, PushStatistics } from '../../fake-rakuten';
import { type DayPush, postbackDay } from '../../local/day';
import { queueDepth, untilEmpty } from '../../local/drain';
import { MetricSums } from '../../local/metrics';
import { type LocalStack, startLocalStack } from '../../local/stack';
import { compareRows, isExact, type Row, scanTable } from '../../local/verify';
import { takeSample } from './sample';
import type { Sample } from './series';

export interface LoadOptions {
  readonly minutes: number;
  /** Pushes at once, each on a new connection, the next as soon as the last is answered. */
  readonly senders: number;
  /** Maximum number of pushes a second. @default - as many as the endpoint accepts */
  readonly rate?: number;
  /**
   * Orders of one round, each some three pushes. After a round the queue must run empty and the
   * table be exact. Then the table is emptied.
   */
  readonly ordersPerRound: number;
  readonly seed: number;
  readonly onProgress: (text: string) => void;
  readonly onSample: (sample: Sample) => void;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly samples: readonly Sample[];
  readonly pushes: PushStatistics;
  readonly lines: number;
  /** Sums of the consumer's own metrics. */
  readonly stored: number;
  readonly again: number;
  readonly failed: number;
  readonly deadLetters: number;
  readonly sendingSeconds: number;
  /** Errors that a round left in the table, in words. */
  readonly differences: readonly string[];
}

const DRAIN_SECONDS = 300;
const METRICS_SECONDS = 10;
/** Fewer show no trend. */
const MIN_ROUNDS = 3;

/** Sends rounds of postbacks until the time is over. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const metrics = new MetricSums();
  const stack = await startLocalStack({
    // The sender never gives up, so that the limit is the endpoint's.
    autoDisableAfter: Number.POSITIVE_INFINITY,
    pushTimeoutMillis: 20_000,
    onProgress: options.onProgress,
    onOutput: (_, line) => metrics.read(line),
    signal: options.signal,
  });
  try {
    return await rounds(options, stack, metrics);
  } finally {
    await stack.close();
  }
}

async function rounds(
  options: LoadOptions,
  stack: LocalStack,
  metrics: MetricSums,
): Promise<LoadResult> {
  const started = performance.now();
  const samples: Sample[] = [];
  const differences: string[] = [];
  let lines = 0;
  let sendingSeconds = 0;
  for (
    let round = 0;
    round < MIN_ROUNDS || performance.now() - started < options.minutes * 60_000;
    round += 1
  ) {
    const day = postbackDay({
      seed: options.seed + round,
      sid: stack.sid,
      day: new Date(),
      orders: options.ordersPerRound,
    });
    const sendingSince = performance.now();
    const unanswered = await send(stack, day, options);
    sendingSeconds += (performance.now() - sendingSince) / 1000;
    await untilEmpty(stack.clients.sqs, stack.queueUrl, DRAIN_SECONDS, options.signal);

    const sent = day.filter(({ redelivery }) => !redelivery).map(({ line }) => line);
    lines += sent.length;
    const rows = await readRows(stack, sent);
    const comparison = compareRows(sent, rows);
    if (unanswered > 0)
      differences.push(`round ${round}: ${unanswered} pushes were not acknowledged`);
    if (!isExact(comparison)) {
      const { missing, repeated, different, unexpected } = comparison;
      differences.push(
        `round ${round}: ${missing.length} lines missing, ${repeated.length} repeated, ${different.length} different, ${unexpected.length} rows unexpected`,
      );
    }
    await removeRows(stack, rows);
    const sample = await takeSample(started, stack.rakuten.statistics(stack.sid).sent, stack);
    samples.push(sample);
    options.onSample(sample);
  }
  // Every row of a line that was sent is removed by now.
  const left = await scanTable(stack.clients.dynamodb, stack.tableName);
  if (left.length > 0) differences.push(`${left.length} rows of the table were not sent`);
  const pushes = stack.rakuten.statistics(stack.sid);
  await untilCounted(metrics, pushes.acknowledged);
  return {
    samples,
    pushes,
    lines,
    stored: metrics.sum(METRICS.stored),
    again: againIn(metrics),
    failed: metrics.sum(METRICS.failed),
    deadLetters: await queueDepth(stack.clients.sqs, stack.deadLetterQueueUrl),
    sendingSeconds,
    differences,
  };
}

/** Returns how many were not acknowledged. */
async function send(
  { rakuten }: LocalStack,
  day: readonly DayPush[],
  { senders, rate, signal }: LoadOptions,
): Promise<number> {
  const started = performance.now();
  let unanswered = 0;
  // One iterator for all senders.
  const waiting = day.entries();
  const sender = async (): Promise<void> => {
    for (const [index, { line }] of waiting) {
      signal.throwIfAborted();
      const wait = rate === undefined ? 0 : started + (index * 1000) / rate - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if ((await rakuten.push(line)).status !== 200) unanswered += 1;
    }
  };
  await Promise.all(Array.from({ length: senders }, sender));
  return unanswered;
}

/**
 * The rows of these lines by their keys.
 *
 * A scan would not do: the embedded server keeps what a scan has seen, and that growth is not what
 * this measures.
 */
async function readRows(
  { clients, tableName }: LocalStack,
  lines: readonly LineRecord[],
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let start = 0; start < lines.length; start += 100) {
    const Keys = lines
      .slice(start, start + 100)
      .map((line) => itemKey(rowKey(line.sid ?? '', line)));
    const { Responses, UnprocessedKeys = {} } = await clients.dynamodb.send(
      new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys, ConsistentRead: true } } }),
    );
    if (Object.keys(UnprocessedKeys).length > 0)
      throw new Error('the embedded server did not read all keys at once');
    rows.push(...(Responses?.[tableName] ?? []));
  }
  return rows;
}

/** Empties the table, so that the memory of the embedded server does not count. */
async function removeRows({ clients, tableName }: LocalStack, rows: readonly Row[]): Promise<void> {
  const requests = rows.map((row): WriteRequest => {
    const { [TABLE_KEYS.partition]: partition, [TABLE_KEYS.sort]: sort } = row;
    if (partition === undefined || sort === undefined) throw new Error('a row without its key');
    return {
      DeleteRequest: { Key: { [TABLE_KEYS.partition]: partition, [TABLE_KEYS.sort]: sort } },
    };
  });
  for (let start = 0; start < requests.length; start += 25) {
    let open: Record<string, WriteRequest[]> = { [tableName]: requests.slice(start, start + 25) };
    while (Object.keys(open).length > 0) {
      open =
        (await clients.dynamodb.send(new BatchWriteItemCommand({ RequestItems: open })))
          .UnprocessedItems ?? {};
    }
  }
}

/** Redeliveries. One that overtakes the first delivery is `changed` by it. */
const againIn = (metrics: MetricSums): number =>
  metrics.sum(METRICS.duplicate) + metrics.sum(METRICS.changed);

/** Waits for the metrics, which reach this process a little after the answers. */
async function untilCounted(metrics: MetricSums, acknowledged: number): Promise<void> {
  const deadline = performance.now() + METRICS_SECONDS * 1000;
  const counted = () => metrics.sum(METRICS.stored) + againIn(metrics);
  while (counted() < acknowledged && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
}
