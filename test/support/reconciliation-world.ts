import {
  CreateTableCommand,
  type DynamoDBClient,
  type PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import type { ArchiveRecord } from '../../core/archive/archive-record';
import { REGISTRATION_PROPERTIES as P, SOURCES } from '../../core/names';
import { eventsPages } from '../../core/rakuten/events-api/events';
import { ALL_FIELDS, type FieldList, fieldListId } from '../../core/rakuten/postback/fields';
import { parseMessage } from '../../core/rakuten/postback/message';
import { postbackUrl } from '../../core/rakuten/postback/url';
import { readValue } from '../../core/rakuten/postback/values';
import { NoteTable } from '../../core/reconciliation/checkpoint';
import { TableDayIndex, unverifiedRows } from '../../core/reconciliation/day-index';
import { type JobOutcome, type JobPorts, reconcile } from '../../core/reconciliation/job';
import { MissingLinesTable } from '../../core/reconciliation/missing-lines';
import { openClient, reconcilablePublisher } from '../../core/reconciliation/publisher';
import {
  type ContinuedRequest,
  continuation,
  parseRequest,
  type ReconciliationRequest,
} from '../../core/reconciliation/request';
import { TableRows } from '../../core/reconciliation/rows';
import type { ReconciliationSettings } from '../../core/reconciliation/window';
import { sha256 } from '../../core/sha256';
import type { PublisherState } from '../../core/state/publisher-state';
import { Publishers } from '../../core/state/publishers';
import { createStateTableInput, createTableInput } from '../../core/state/table';
import type { Item } from '../../core/transactions/attributes';
import { lineIdOf, parseLineId, type RowKey } from '../../core/transactions/keys';
import { type PushOutcome, RowStore } from '../../core/transactions/row-store';
import type { LineRecord } from '../../fake-rakuten';
import { fillTemplate } from '../../fake-rakuten/sender';
import { decide } from '../../lambda/consumer/decide';
import { compareRows } from '../../local/verify';
import { MemoryDynamoDb } from '../../tools/simulation/memory-dynamodb';
import { messageBody } from './messages';
import { CREDENTIALS, World } from './registration-world';

export const SID = '3900112';
export const DAY = 24 * 60 * 60 * 1000;
export const HOUR = 60 * 60 * 1000;
export const MINUTE = 60 * 1000;
const URL_SECRET = 'url-secret-of-the-reconciliation-tests';
const INVOCATION_MILLIS = 15 * MINUTE;
const [TABLE, STATE] = ['transactions', 'state'];

export const SETTINGS: ReconciliationSettings = {
  hourlyWindowSeconds: 3 * 3600,
  dailyWindowSeconds: 29 * 86400,
  backfillSeconds: 29 * 86400,
  unverifiedAfterSeconds: 24 * 3600,
};

export const stateWith = (
  fields: FieldList,
  ...retired: PublisherState['accepted']
): PublisherState => ({
  sid: SID,
  accepted: [
    { secretSha256: sha256(URL_SECRET), fieldListId: fieldListId(fields), fields },
    ...retired,
  ],
  properties: {
    [P.credentialsSecretArn]: 'credentials',
    [P.rakutenApiUrl]: 'https://api.linksynergy.com',
  },
});

/**
 * Rakuten, the queue, the consumer's decisions, the tables and the runs of the reconciliation in
 * one process, on one clock that does not wait.
 */
export class ReconciliationWorld {
  readonly rakuten = new World();
  readonly queue: string[] = [];
  readonly outcomes: JobOutcome[] = [];
  /** What the postbacks did. */
  readonly pushOutcomes: PushOutcome[] = [];
  readonly archived: ArchiveRecord[] = [];
  settings = SETTINGS;
  state: PublisherState | undefined = stateWith(ALL_FIELDS);
  walk: JobPorts['walk'];
  invocationMillis = INVOCATION_MILLIS;
  /** Number of rows that runs read by their keys. */
  rowsRead = 0;
  /** Called before each request to DynamoDB; may throw. */
  beforeRequest: (command: PutItemCommand) => void = () => {};
  private readonly database = new MemoryDynamoDb();
  private readonly client = {
    send: (command: PutItemCommand) => this.send(command),
  } as unknown as Pick<DynamoDBClient, 'send'>;
  private requestSerial = 0;
  private readonly clock = { now: () => this.now, pause: (millis: number) => this.pass(millis) };
  readonly store = new RowStore({
    client: this.client,
    tableName: TABLE,
    dayShards: 1,
    clock: this.clock,
  });
  readonly notes = new NoteTable(this.client, STATE);
  readonly missingLines = new MissingLinesTable(this.client, STATE);
  private readonly ready = Promise.all(
    [createTableInput(TABLE), createStateTableInput(STATE)].map((input) =>
      this.database.execute(new CreateTableCommand(input)),
    ),
  );

  get now(): number {
    return this.rakuten.clock.now();
  }

  pass(millis: number): Promise<void> {
    return this.rakuten.clock.sleep(millis);
  }

  /** Rakuten processes lines, whether or not it pushes them. */
  record(...lines: readonly LineRecord[]): void {
    for (const line of lines) this.rakuten.rakuten.record(line);
  }

  /** A postback that reached the endpoint. */
  push(line: LineRecord, receivedAt = this.now): void {
    const url = new URL(
      fillTemplate(
        postbackUrl('https://endpoint.test/prod/postback', URL_SECRET, ALL_FIELDS),
        line,
      ),
    );
    this.get(url.search.slice(1), receivedAt);
  }

  /** A GET with any query string that reached the endpoint. */
  get(query: string, receivedAt = this.now): void {
    this.requestSerial += 1;
    const requestId = `request-${String(this.requestSerial).padStart(6, '0')}`;
    this.queue.push(
      messageBody(query, { receivedAt: new Date(receivedAt).toISOString(), requestId }),
    );
  }

  /**
   * A GET with the URL's secret and other parameters, as an attacker who knows the URL can send it.
   */
  forge(parameters: Readonly<Record<string, string>>, receivedAt = this.now): void {
    this.get(
      new URLSearchParams({ k: URL_SECRET, f: fieldListId(ALL_FIELDS), ...parameters }).toString(),
      receivedAt,
    );
  }

  /** The consumer writes every message of the queue. */
  async consume(): Promise<void> {
    await this.ready;
    const publishers = new Publishers(this.state === undefined ? [] : [this.state]);
    for (const body of this.queue.splice(0)) {
      const decision = await decide(parseMessage(body), {
        known: () => publishers,
        read: async () => publishers,
      });
      if (decision.kind !== 'line') throw new Error(`the consumer rejected ${body}`);
      this.pushOutcomes.push(
        (await this.store.writePushes(decision.key, [decision.push], this.now + MINUTE)).outcome,
      );
    }
  }

  /**
   * One event and its continuations, as Lambda invokes them: a failed invocation is retried twice.
   */
  async invoke(event: unknown): Promise<JobOutcome | Error> {
    let outcome: JobOutcome | Error = new Error('nothing ran');
    const events: unknown[] = [event];
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      for (let tries = 0; tries < 3; tries += 1) {
        outcome = await this.once(next, (rest) =>
          events.push(JSON.parse(JSON.stringify(continuation(rest)))),
        );
        if (!(outcome instanceof Error)) break;
        await this.pass((tries + 1) * MINUTE);
      }
      if (!(outcome instanceof Error)) this.outcomes.push(outcome);
    }
    return outcome;
  }

  async once(
    event: unknown,
    continueInNewInvocation: (rest: ContinuedRequest) => void = () => {},
  ): Promise<JobOutcome | Error> {
    await this.ready;
    const end = this.now + this.invocationMillis;
    const request: ReconciliationRequest = parseRequest(event, this.now);
    try {
      return await reconcile(request, reconcilablePublisher(SID, this.state), {
        ...this.jobPorts(),
        remainingMillis: () => end - this.now,
        continueInNewInvocation: async (rest) => continueInNewInvocation(rest),
      });
    } catch (error) {
      return error as Error;
    }
  }

  /** What a run works with, its time apart. */
  jobPorts(): Omit<JobPorts, 'remainingMillis' | 'continueInNewInvocation'> {
    const rows = new TableRows(this.client, TABLE, this.clock.pause);
    return {
      settings: this.settings,
      walk: this.walk,
      open: async (publisher, until) => {
        const { send, clock } = this.rakuten;
        const access = {
          rakutenApiUrl: 'https://api.linksynergy.com',
          send,
          clock,
          readSecret: async () => CREDENTIALS,
        };
        return eventsPages(await openClient(publisher, access), until);
      },
      rows: {
        read: (keys: readonly RowKey[]) => {
          this.rowsRead += keys.length;
          return rows.read(keys);
        },
      },
      dayIndex: new TableDayIndex(this.client, TABLE, 1),
      store: this.store,
      notes: this.notes,
      missingLines: this.missingLines,
      archive: {
        put: async (records) => {
          this.archived.push(...records);
          return new Map();
        },
      },
      clock: this.rakuten.clock,
    };
  }

  async rows(): Promise<Item[]> {
    await this.ready;
    const { Items } = (await this.database.execute(new ScanCommand({ TableName: TABLE }))) as {
      Items: Item[];
    };
    return Items;
  }

  /** The row of a line. */
  async rowOf({ etransaction_id, is_event }: LineRecord): Promise<Item | undefined> {
    const lineId = lineIdOf(SID, etransaction_id ?? '');
    return (await this.rows()).find(
      (row) => row.line_id?.S === lineId && row.is_event?.S === is_event,
    );
  }

  /** IDs in the report of unverified rows. */
  async unverifiedIds(): Promise<string[]> {
    return (await this.unverifiedRows()).map(
      (row) => parseLineId(row.line_id?.S ?? '').etransactionId ?? '',
    );
  }

  /** Keys in the report of unverified rows, as `keyText` writes them. */
  async unverifiedKeys(): Promise<string[]> {
    return (await this.unverifiedRows()).map((row) => `${row.line_id?.S} ${row.is_event?.S}`);
  }

  private async unverifiedRows(): Promise<Item[]> {
    await this.ready;
    const rows: Item[] = [];
    const query = {
      tableName: TABLE,
      dayShards: 1,
      window: { from: this.now - 29 * DAY, to: this.now + 1 },
      receivedBefore: this.now + 1,
    };
    for await (const row of unverifiedRows(this.client, query)) rows.push(row);
    return rows;
  }

  /**
   * Each of Rakuten's lines is one verified row with Rakuten's values, and there is no other row.
   */
  async expectComplete(pushed: ReadonlySet<string>): Promise<void> {
    const expected = this.rakuten.rakuten.ledger(SID).map(inStoredForm);
    const rows = await this.rows();
    expect(compareRows(expected, rows)).toEqual({
      intact: expected.length,
      missing: [],
      repeated: [],
      different: [],
      unexpected: [],
    });
    for (const row of rows) {
      expect(row.verified_at).toBeDefined();
      expect([row.replaced_answers, row.other_pushes, row.differing_fields]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      const { etransactionId = '' } = parseLineId(row.line_id?.S ?? '');
      expect(row.source?.S).toBe(pushed.has(etransactionId) ? SOURCES.push : SOURCES.eventsApi);
    }
    // A postback that arrives after the answer changes the source of its row.
    expect(this.pushOutcomes).not.toContain('other');
  }

  /** These lines have one verified row each, with these values. */
  async expectChanged(lines: readonly LineRecord[]): Promise<void> {
    for (const line of lines) {
      const row = await this.rowOf(line);
      expect(row?.verified_at).toBeDefined();
      expect(compareRows([line], row === undefined ? [] : [row])).toMatchObject({ intact: 1 });
    }
  }

  private async send(command: PutItemCommand): Promise<unknown> {
    await this.ready;
    this.beforeRequest(command);
    return this.database.execute(command);
  }
}

/** The line with the values that a row has: text trimmed, amounts without the noise of a float. */
function inStoredForm(line: LineRecord): LineRecord {
  const reading = readValue('decimal', line.sale_amount ?? '');
  return {
    ...line,
    product_name: line.product_name?.trim(),
    sale_amount: 'value' in reading ? reading.value : line.sale_amount,
  };
}
