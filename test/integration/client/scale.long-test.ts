/**
 * The commands that answer questions, on two tables: the memory that one needs does not grow with
 * the table.
 *
 * `SCALE_ROWS` sets the number of rows of the larger table. `SCALE_ENDPOINT` is the address of a
 * DynamoDB-compatible server, whose tables are used again.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { run } from '../../../cli/program';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { CYCLE, LINES_PER_ORDER, writeLargeTable } from '../../support/large-table';
import { SID } from '../../support/seed';
import { testTerminal } from '../../support/terminal';

const ROWS = Number(process.env.SCALE_ROWS ?? 20_000);
const FEWER_ROWS = ROWS / 10;
/** Pages and buffers differ by less. The lines that only the larger table has need more. */
const MAX_DIFFERENCE_BYTES = 12_000_000;

jest.setTimeout(5 * 60 * 60 * 1000);

let server: Awaited<ReturnType<typeof startDynamoDb>> | undefined;
let folder: string;

const tableOf = (rows: number): string => `Scale-${rows}`;

beforeAll(async () => {
  setFlagsFromString('--expose-gc');
  folder = mkdtempSync(join(tmpdir(), 'rakuten-scale-'));
  server = process.env.SCALE_ENDPOINT === undefined ? await startDynamoDb() : undefined;
  const endpoint = process.env.SCALE_ENDPOINT ?? server?.endpoint ?? '';
  const dynamodb = dynamoDbClient(endpoint);
  for (const rows of [FEWER_ROWS, ROWS]) {
    await writeLargeTable(dynamodb, tableOf(rows), rows);
    mkdirSync(join(folder, tableOf(rows), '.local'), { recursive: true });
    const endpoints = { dynamodb: endpoint, tableName: tableOf(rows), sid: SID };
    writeFileSync(join(folder, tableOf(rows), '.local/endpoints.json'), JSON.stringify(endpoints));
  }
  dynamodb.destroy();
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server?.close();
});

/** Keeps the end of an output. */
class Tail extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text = (this.text + chunk.toString()).slice(-1000);
    done();
  }
}

interface Measured {
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  /** By how much the heap without garbage grew at most. */
  readonly growth: number;
}

/** Runs a command and samples the heap each time a tenth of the table has been read. */
async function measure(rows: number, args: readonly string[]): Promise<Measured> {
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const { terminal, stderr } = testTerminal(join(folder, tableOf(rows)), { columns: 120 });
  const stdout = new Tail();
  let [scanned, peak] = [0, 0];
  const before = used();
  const stop = watchAnswers((count) => {
    if (Math.floor((scanned + count) / (rows / 10)) > Math.floor(scanned / (rows / 10)))
      peak = Math.max(peak, used());
    scanned += count;
  });
  const startedAt = performance.now();
  const exitCode = await run([...args, '--local'], {
    ...terminal,
    stdout,
    stdin: Readable.from(clicksOf(rows)),
  });
  const seconds = (performance.now() - startedAt) / 1000;
  stop();
  expect([args, exitCode]).toEqual([args, 0]);
  expect(scanned).toBeGreaterThan(0);
  return {
    stdout: stdout.text,
    stderr: stderr.text,
    seconds,
    growth: Math.max(peak, used()) - before,
  };
}

type Send = (
  ...args: unknown[]
) => Promise<{ ScannedCount?: number; Responses?: Record<string, unknown[]> }>;

/**
 * Calls back with the number of rows that each answer of DynamoDB has read, until the returned
 * function is called. A spy of jest would keep all answers.
 */
function watchAnswers(each: (count: number) => void): () => void {
  const prototype = DynamoDBClient.prototype as unknown as { send?: Send };
  const send = DynamoDBClient.prototype.send as unknown as Send;
  prototype.send = async function (this: unknown, ...args: unknown[]) {
    const answer = await send.apply(this, args);
    each(answer.ScannedCount ?? Object.values(answer.Responses ?? {}).flat().length);
    return answer;
  };
  return () => {
    delete prototype.send;
  };
}

/** One click for each order, of which every second has no line. */
function* clicksOf(rows: number): Generator<string> {
  const orders = rows / LINES_PER_ORDER;
  for (let click = 0; click < orders; click += 1) yield `click-${click}\n`;
}

const SPAN = ['--from', '2026-04-01', '--to', '2026-05-01'];

const text = (value: number, digits = 0): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const amount = (value: number): string => value.toFixed(2);

interface Answer {
  readonly orders: number;
  /** Number of orders with a line of each unusual kind. */
  readonly unusual: number;
}

/** Each command, and an end of its output for a table. */
const QUESTIONS: readonly [command: string[], answer: (numbers: Answer) => string][] = [
  [
    ['balances'],
    ({ orders, unusual }) =>
      `${text(orders / 2)} members\nearned: ${amount((orders - 2 * unusual) * 20)} USD; commissions ${amount((orders - 2 * unusual) * 0.2)} USD\nawaiting`,
  ],
  [
    ['totals', ...SPAN, '--by', 'month,advertiser,currency'],
    ({ orders, unusual }) => `earned: ${amount((orders - 2 * unusual) * 20)} USD`,
  ],
  [
    ['totals', ...SPAN, '--date', 'transaction_date'],
    ({ orders, unusual }) => `earned: ${amount((orders - 2 * unusual) * 20)} USD`,
  ],
  [
    ['confirmed', '--since', '2026-04-01'],
    ({ orders, unusual }) => `${text(orders * 2 - 2 * unusual)} lines (`,
  ],
  [
    ['reversed', '--since', '2026-04-01'],
    ({ orders, unusual }) => `${text(orders)} verified, ${text(unusual)} withdrawn`,
  ],
  [
    ['export', '--changed-since', '2026-04-01', '-o', 'changes.csv', '--json'],
    ({ orders }) => `"lines":${orders * LINES_PER_ORDER},`,
  ],
  [
    ['export', '--all', '-o', 'all.jsonl', '--json'],
    ({ orders }) => `"lines":${orders * LINES_PER_ORDER}}`,
  ],
  [
    ['review', ...SPAN],
    ({ unusual }) =>
      `${text(unusual)} unverified, ${text(unusual)} withdrawn, ${text(unusual)} differing`,
  ],
  [
    ['recovered', ...SPAN],
    ({ unusual }) => `${text(unusual)} lines (${text(unusual)} sale): ${text(unusual)} verified`,
  ],
  [['orders', ...SPAN], ({ orders }) => `${text(orders)} orders (`],
  [['query', '--day', '2026-04-15', '--json'], () => '}\n]\n'],
  [['clicks', '-'], ({ orders }) => `click-${orders - 1}\n`],
];

test.each(QUESTIONS)('%j needs no more memory for a larger table', async (command, answer) => {
  const measured = async (rows: number): Promise<number> => {
    const { stdout, stderr, seconds, growth } = await measure(rows, command);
    process.stdout.write(
      `${command.join(' ')}: ${text(rows)} rows, ${text(seconds, 1)} s, heap +${text(growth / 1e6, 1)} MB\n`,
    );
    const orders = rows / LINES_PER_ORDER;
    expect(stdout).toContain(answer({ orders, unusual: orders / CYCLE }));
    // The first progress is due after two seconds.
    if (seconds > 5 && !command.includes('clicks')) expect(stderr).toMatch(/, \d+ s …/);
    return growth;
  };
  const limit = (await measured(FEWER_ROWS)) + MAX_DIFFERENCE_BYTES;
  let growth = await measured(ROWS);
  // A sample falls between two pages or into the middle of several. What a command keeps, it keeps
  // each time.
  for (let again = 0; again < 2 && growth >= limit; again += 1) {
    growth = Math.min(growth, await measured(ROWS));
  }
  expect(growth).toBeLessThan(limit);
});
