import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { URL_PARAMETERS } from '../core/names';
import { PRICES } from '../core/prices';
import { RakutenClient } from '../core/rakuten/client';
import { eventsPages } from '../core/rakuten/events';
import { ALL_FIELDS, fieldListId } from '../core/rakuten/fields';
import { sendHttp } from '../core/rakuten/http';
import { Redactor } from '../core/rakuten/redact';
import { systemClock } from '../core/rakuten/retry';
import { sqsOutbox } from '../core/reconciliation/outbox';
import { TableRows } from '../core/reconciliation/rows';
import { run } from '../core/reconciliation/run';
import { newRunId } from '../core/reconciliation/run-id';
import { sha256 } from '../core/sha256';
import { Publishers } from '../core/store/publishers';
import { createTableInput } from '../core/store/table';
import { TransactionWriter } from '../core/store/write';
import { decide } from '../lambda/consumer/decide';
import { postbackDay } from '../local/day';
import { dynamoDbClient } from '../local/embedded/clients';
import { startDynamoDb } from '../local/embedded/dynamodb';
import { type LineRecord, startFakeRakuten } from '../local/fake-rakuten';
import { ChargedClient, noCharge } from './charged-client';
import type { Block, Section } from './report/section';

const SID = '3900112';
const TABLE = 'transactions';
const SECRET = 'a-secret-of-the-bench';
const CLIENT = { clientId: 'client', clientSecret: 'client-secret' };
const DAY_MILLIS = 86_400_000;
const LINES = 1000;

/** The queue in memory, and how often it was called. */
class CountedQueue {
  bodies: string[] = [];
  calls = 0;
  send = async (command: { input: { Entries?: { MessageBody?: string }[] } }): Promise<unknown> => {
    this.calls += 1;
    this.bodies.push(...(command.input.Entries ?? []).map(({ MessageBody = '' }) => MessageBody));
    return {};
  };
}

class Bench {
  readonly charged: ChargedClient;
  readonly queue = new CountedQueue();
  private readonly publishers = new Publishers([
    { sid: SID, accepted: [{ secretSha256: sha256(SECRET), fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS }] },
  ]);

  constructor(
    client: DynamoDBClient,
    private readonly rakuten: RakutenClient,
    private readonly window: { from: number; to: number },
  ) {
    this.charged = new ChargedClient(client, TABLE);
  }

  async reconcile(): Promise<void> {
    await run(
      { sid: SID, runId: newRunId('bench'), window: this.window },
      {
        readPage: eventsPages(this.rakuten, () => Date.now() + 60_000),
        rows: new TableRows(this.charged as unknown as DynamoDBClient, TABLE),
        send: sqsOutbox(this.queue as unknown as SQSClient, 'queue'),
        now: Date.now,
        isTimeUp: () => false,
      },
    );
  }

  push(lines: readonly LineRecord[]): void {
    for (const [index, line] of lines.entries()) {
      const q = new URLSearchParams({ [URL_PARAMETERS.secret]: SECRET, ...(line as Record<string, string>) });
      this.queue.bodies.push(
        new URLSearchParams({ at: String(Date.now() + index), id: `JKJaXmPLv${index}`, ip: '192.0.2.1', q: `${q}` }).toString(),
      );
    }
  }

  async consume(): Promise<void> {
    const writer = new TransactionWriter(this.charged as unknown as DynamoDBClient, TABLE, 1);
    for (const body of this.queue.bodies.splice(0)) {
      const decision = await decide(body, { known: () => this.publishers, read: async () => this.publishers });
      if (decision.kind !== 'line') throw new Error(`the consumer turned a message away: ${decision.kind}`);
      await writer.write(decision.line);
    }
  }
}

/**
 * What a reconciliation costs per 1,000 lines: when all are missing, when postbacks brought all of them, and when there is nothing to do. The real comparison
 * and the real writer against a fake Rakuten and an embedded DynamoDB, each call charged by AWS's published rules.
 */
export const reconciliationUnits: Section = {
  name: 'reconciliation-units',
  title: 'Units and calls of a reconciliation',
  run: async ({ quick }) => measure(quick ? LINES / 10 : LINES),
};

async function measure(count: number): Promise<Block[]> {
  const lines = postbackDay({ seed: 1, sid: SID, day: new Date(Date.now() - 2 * DAY_MILLIS), orders: count })
    .filter(({ redelivery, line }) => !redelivery && Date.parse(line.process_date ?? '') > Date.now() - 28 * DAY_MILLIS)
    .map(({ line }) => line)
    .slice(0, count);
  const server = await startDynamoDb();
  const client = dynamoDbClient(server.endpoint);
  const fake = await startFakeRakuten(CLIENT);
  for (const line of lines) fake.record(line);
  const context = { baseUrl: fake.url, sid: SID, send: sendHttp, clock: systemClock, redactor: new Redactor() };

  const rows: (string | number)[][] = [];
  const CASES: Record<string, (bench: Bench) => Promise<void>> = {
    'every line is missing': async () => {},
    'every line was pushed': async (bench) => {
      bench.push(lines);
      await bench.consume();
    },
    'nothing is missing': async (bench) => {
      bench.push(lines);
      await bench.consume();
      await bench.reconcile();
      await bench.consume();
    },
  };
  for (const [name, prepare] of Object.entries(CASES)) {
    await client.send(new CreateTableCommand(createTableInput(TABLE)));
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: TABLE });
    const now = Math.floor(Date.now() / 1000) * 1000;
    const bench = new Bench(client, new RakutenClient(context, CLIENT), { from: now - 29 * DAY_MILLIS + 60_000, to: now });
    await prepare(bench);
    bench.charged.charge = noCharge();
    bench.queue.calls = 0;
    const callsBefore = fake.calls.length;

    const started = performance.now();
    await bench.reconcile();
    const seconds = (performance.now() - started) / 1000;
    const sent = bench.queue.bodies.length;
    await bench.consume();

    const { calls, table, indexes, readUnits } = bench.charged.charge;
    const per = (value: number): number => Math.round((value * 1000) / lines.length);
    // A message is sent, received and deleted, ten at a time.
    const dollars =
      readUnits * PRICES.readUnit.dollars +
      (table + indexes) * PRICES.writeUnit.dollars +
      3 * bench.queue.calls * PRICES.queueRequest.dollars;
    rows.push([
      name,
      fake.calls.length - callsBefore,
      per(calls.filter((call) => call === 'BatchGetItem').length),
      per(sent),
      per(bench.queue.calls),
      per(readUnits),
      per(table + indexes),
      seconds.toFixed(2),
      (dollars / lines.length).toFixed(2),
    ]);
    await client.send(new DeleteTableCommand({ TableName: TABLE }));
    await waitUntilTableNotExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: TABLE });
  }
  client.destroy();
  await Promise.all([server.close(), fake.close()]);
  return [
    `Per 1,000 lines, measured with ${lines.length} over 29 days, comparison and what the consumer then writes together:`,
    {
      head: ['case', 'calls to Rakuten', 'BatchGetItem', 'sent', 'SQS calls', 'read units', 'write units', 'seconds', '$ a million lines'],
      rows,
    },
  ];
}
