import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { PRICES } from '../../core/prices';
import { RakutenClient } from '../../core/rakuten/api/client';
import { type HttpSend, sendHttp } from '../../core/rakuten/api/http';
import { Redactor } from '../../core/rakuten/api/redact';
import { systemClock } from '../../core/rakuten/api/retry';
import { type EventsWindow, eventsPages, type ReadPage } from '../../core/rakuten/events-api/events';
import { ALL_FIELDS } from '../../core/rakuten/postback/fields';
import { TableDayIndex } from '../../core/reconciliation/day-index';
import { TableRows } from '../../core/reconciliation/rows';
import { run } from '../../core/reconciliation/run';
import { newRunId } from '../../core/reconciliation/run-id';
import { createTableInput } from '../../core/state/table';
import { readPushedLine } from '../../core/transactions/pushed-line';
import { RowStore } from '../../core/transactions/row-store';
import { type FakeRakuten, type LineRecord, startFakeRakuten } from '../../fake-rakuten';
import { postbackDay } from '../../local/day';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import { ChargedClient, noCharge } from './charged-client';
import { interleave } from './interleave';
import { Replay } from './replay';
import { type Block, digits, type Section, type TableBlock } from './report/section';
import { summary } from './statistics';

const SID = '3900112';
const TABLE = 'transactions';
const CLIENT = { clientId: 'client', clientSecret: 'client-secret' };
const DAY_MILLIS = 86_400_000;
const LINES = 1000;
const WRITE_MILLIS = 60_000;

/** What a run works with, and the table that it reads and writes. */
class Bench {
  private readonly store: RowStore;

  constructor(
    private readonly client: DynamoDBClient,
    private readonly readPage: ReadPage,
    private readonly window: EventsWindow,
  ) {
    this.store = new RowStore({ client, tableName: TABLE, dayShards: 1, clock: { now: Date.now, pause } });
  }

  /** A daily run. */
  async reconcile(): Promise<void> {
    await run(
      { sid: SID, runId: newRunId('daily'), window: this.window, findsWithdrawn: true },
      {
        readPage: this.readPage,
        rows: new TableRows(this.client, TABLE),
        dayIndex: new TableDayIndex(this.client, TABLE, 1),
        store: this.store,
        missingLines: { read: async () => new Map(), remember: async () => {}, forget: async () => {} },
        clock: { now: Date.now, pause },
      },
      { isTimeUp: () => false },
    );
  }

  /** The postbacks of these lines. */
  async push(lines: readonly LineRecord[]): Promise<void> {
    for (const line of lines) {
      const arrival = { receivedAt: new Date(line.process_date ?? '').toISOString(), requestId: 'JKJaXmPLv', sourceIp: '192.0.2.1' };
      const keyed = readPushedLine({ ...arrival, parameters: Object.entries(line) }, { sid: SID, fieldListId: '', fields: ALL_FIELDS });
      if (keyed === undefined) throw new Error('a line without values');
      await this.store.writePushes(keyed.key, [keyed.push], Date.now() + WRITE_MILLIS);
    }
  }
}

/**
 * What a reconciliation costs per 1,000 lines, by what postbacks have delivered.
 *
 * The real comparison and the real store against a fake Rakuten and an embedded DynamoDB, each call
 * charged by AWS's published rules.
 */
export const reconciliationUnits: Section = {
  name: 'reconciliation-units',
  title: 'Units and calls of a reconciliation',
  async run({ quick }) {
    const lines = linesOfMonth(quick ? LINES / 10 : LINES);
    const server = await startDynamoDb();
    const client = dynamoDbClient(server.endpoint);
    const fake = await startFakeRakuten(CLIENT);
    for (const line of lines) fake.record(line);
    const now = Math.floor(Date.now() / 1000) * 1000;
    const window = { from: now - 29 * DAY_MILLIS + 60_000, to: now };
    try {
      const units = await measureUnits(client, fake, lines, window);
      return [...units, ...(await measureProcessorTime(client, server.endpoint, fake, lines, window, quick))];
    } finally {
      client.destroy();
      await Promise.all([server.close(), fake.close()]);
    }
  },
};

function linesOfMonth(count: number): LineRecord[] {
  const oldest = Date.now() - 28 * DAY_MILLIS;
  return postbackDay({ seed: 1, sid: SID, day: new Date(Date.now() - 2 * DAY_MILLIS), orders: count })
    .filter(({ redelivery, line }) => !redelivery && Date.parse(line.process_date ?? '') > oldest)
    .map(({ line }) => line)
    .slice(0, count);
}

function pagesOf(fake: FakeRakuten, send: HttpSend): ReadPage {
  const context = { baseUrl: fake.url, sid: SID, send, clock: systemClock, redactor: new Redactor() };
  return eventsPages(new RakutenClient(context, CLIENT), () => Date.now() + 60_000);
}

/** Each case leaves the table as its run left it, until the next one begins. */
async function measureUnits(
  client: DynamoDBClient,
  fake: FakeRakuten,
  lines: readonly LineRecord[],
  window: EventsWindow,
): Promise<Block[]> {
  const CASES: Record<string, (bench: Bench) => Promise<void>> = {
    'every line is missing': async () => {},
    'every line was pushed': (bench) => bench.push(lines),
    'every line is verified': async (bench) => {
      await bench.push(lines);
      await bench.reconcile();
    },
  };
  const rows: (string | number)[][] = [];
  for (const [index, [name, prepare]] of Object.entries(CASES).entries()) {
    if (index > 0) await deleteTable(client);
    await client.send(new CreateTableCommand(createTableInput(TABLE)));
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: TABLE });
    const charged = new ChargedClient(client, TABLE);
    const bench = new Bench(charged as unknown as DynamoDBClient, pagesOf(fake, sendHttp), window);
    await prepare(bench);
    charged.charge = noCharge();
    const callsBefore = fake.calls.length;
    await bench.reconcile();
    const { calls, table, indexes, rowReads, indexReads } = charged.charge;
    const per = (value: number): number => Math.round((value * 1000) / lines.length);
    const dollars = (rowReads + indexReads) * PRICES.readUnit.dollars + (table + indexes) * PRICES.writeUnit.dollars;
    rows.push([
      name,
      fake.calls.length - callsBefore,
      ...['Query', 'BatchGetItem', 'PutItem', 'UpdateItem'].map((call) => per(calls.filter((made) => made === call).length)),
      per(indexReads),
      per(rowReads),
      per(table + indexes),
      (dollars / lines.length).toFixed(2),
    ]);
  }
  return [
    `Per 1,000 lines, measured with ${lines.length} over 29 days, one daily run:`,
    {
      head: [
        'case',
        'calls to Rakuten',
        'Query',
        'BatchGetItem',
        'PutItem',
        'UpdateItem',
        'read units: index',
        'rows',
        'write units',
        '$ a million lines',
      ],
      rows,
    },
  ];
}

async function deleteTable(client: DynamoDBClient): Promise<void> {
  await client.send(new DeleteTableCommand({ TableName: TABLE }));
  await waitUntilTableNotExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: TABLE });
}

/** Of verified lines, with answers from memory: neither Rakuten nor the database counts. */
async function measureProcessorTime(
  client: DynamoDBClient,
  endpoint: string,
  fake: FakeRakuten,
  lines: readonly LineRecord[],
  window: EventsWindow,
  quick: boolean,
): Promise<Block[]> {
  const replay = new Replay();
  const replayed = replay.dynamoDb(endpoint);
  const bench = new Bench(replayed, pagesOf(fake, replay.http), window);
  const index = new TableDayIndex(replayed, TABLE, 1);
  const days = Array.from({ length: 30 }, (_, day) => new Date(window.to - day * DAY_MILLIS).toISOString().slice(0, 10));
  const WORK: Record<string, () => Promise<unknown>> = {
    'a run: index entries read, lines fetched and compared': () => bench.reconcile(),
    'index entries alone': () => Promise.all(days.map((day) => index.read(SID, day))),
  };
  for (const work of Object.values(WORK)) await work();
  const measured = await interleave<number>({
    contenders: Object.keys(WORK),
    measure: async (name) => {
      const before = process.cpuUsage();
      await WORK[name]?.();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / lines.length;
    },
    value: (micros) => micros,
    minRounds: quick ? 2 : 25,
    maxRounds: quick ? 2 : 61,
    tolerance: 0.05,
  });
  client.destroy();
  const table: TableBlock = {
    head: ['work', 'µs for each line: min / median / max'],
    rows: Object.keys(WORK).map((name) => {
      const { min, median, max } = summary(measured.get(name) ?? []);
      return [name, `${digits(min, 0)} / ${digits(median, 0)} / ${digits(max, 0)}`];
    }),
  };
  return [`Processor time of a run over verified lines, of which none has changed:`, table];
}
