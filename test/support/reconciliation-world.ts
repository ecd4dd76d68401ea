import { REGISTRATION_PROPERTIES as P, SOURCES } from '../../core/names';
import { eventsPages } from '../../core/rakuten/events';
import { ALL_FIELDS, type FieldList, fieldListId } from '../../core/rakuten/fields';
import { postbackUrl } from '../../core/rakuten/url';
import type { Comparison } from '../../core/reconciliation/compare';
import { type JobOutcome, type JobPorts, reconcile } from '../../core/reconciliation/job';
import type { NoteStore, ReconciliationNote, WrittenNote } from '../../core/reconciliation/note';
import type { RowReader } from '../../core/reconciliation/ports';
import { openClient, reconcilablePublisher } from '../../core/reconciliation/publisher';
import { type ContinuedRequest, continuation, parseRequest, type ReconciliationRequest } from '../../core/reconciliation/request';
import type { ReconciliationSettings } from '../../core/reconciliation/settings';
import { sha256 } from '../../core/sha256';
import type { Item } from '../../core/store/attributes';
import { fromItem, toItem } from '../../core/store/item';
import { type RowKey, rowKey } from '../../core/store/keys';
import { join, stateOf, supersededCount } from '../../core/store/merge';
import type { PublisherState } from '../../core/store/publisher-state';
import { Publishers } from '../../core/store/publishers';
import { decide } from '../../lambda/consumer/decide';
import type { LineRecord } from '../../local/fake-rakuten';
import { fillTemplate } from '../../local/fake-rakuten/sender';
import { compareRows } from '../../local/verify';
import { messageBody } from './messages';
import { CREDENTIALS, World } from './registration-world';

export const SID = '3900112';
export const DAY = 24 * 60 * 60 * 1000;
export const HOUR = 60 * 60 * 1000;
export const MINUTE = 60 * 1000;
const URL_SECRET = 'url-secret-of-the-reconciliation-tests';
const INVOCATION_MILLIS = 15 * MINUTE;

export const SETTINGS: ReconciliationSettings = {
  hourlyWindowSeconds: 3 * 3600,
  dailyWindowSeconds: 14 * 86400,
  backfillSeconds: 29 * 86400,
  unverifiedAfterSeconds: 24 * 3600,
};

export const stateWith = (fields: FieldList, ...retired: PublisherState['accepted']): PublisherState => ({
  sid: SID,
  accepted: [{ secretSha256: sha256(URL_SECRET), fieldListId: fieldListId(fields), fields }, ...retired],
  properties: { [P.credentialsSecretArn]: 'credentials', [P.rakutenApiUrl]: 'https://api.linksynergy.com' },
});

/** The transaction table in memory: what `TransactionWriter` leaves in it, without the server. */
export class MemoryTable implements RowReader {
  readonly items = new Map<string, Item>();
  keysRead = 0;

  async read(keys: readonly RowKey[]): Promise<(Item | undefined)[]> {
    this.keysRead += keys.length;
    return keys.map((key) => this.items.get(keyText(key)));
  }

  async readUnnamed(orderKey: string): Promise<Item[]> {
    return this.rows().filter((item) => item.order_key?.S === orderKey && item.etransaction_id === undefined);
  }

  async readNamed(etransactionId: string): Promise<Item[]> {
    return this.rows().filter((item) => item.etransaction_id?.S === etransactionId);
  }

  rows(): Item[] {
    return [...this.items.values()];
  }

  write(line: Parameters<typeof stateOf>[0]): 'stored' | 'changed' | 'other' {
    const key = rowKey(line.fields, line.problems);
    const existing = this.items.get(keyText(key));
    const known = existing === undefined ? undefined : fromItem(existing);
    const joined = known === undefined ? stateOf(line) : join(known, stateOf(line));
    this.items.set(keyText(key), toItem(key, joined, 1));
    if (known === undefined) return 'stored';
    return supersededCount(joined) > supersededCount(known) ? 'changed' : 'other';
  }
}

const keyText = ({ orderKey, lineKey }: RowKey): string => `${orderKey} ${lineKey}`;

export class MemoryNotes implements NoteStore {
  readonly notes = new Map<string, ReconciliationNote>();
  private lease: { holder: string; until: number } | undefined;

  async read(sid: string): Promise<ReconciliationNote> {
    return this.notes.get(sid) ?? {};
  }
  async write(sid: string, note: WrittenNote): Promise<void> {
    this.notes.set(sid, { ...this.notes.get(sid), ...note });
  }
  async takeLease(_sid: string, holder: string, now: number, until: number): Promise<boolean> {
    if (this.lease !== undefined && this.lease.holder !== holder && this.lease.until > now) return false;
    this.lease = { holder, until };
    return true;
  }
  async releaseLease(_sid: string, holder: string): Promise<void> {
    if (this.lease?.holder === holder) this.lease = undefined;
  }
}

/** Rakuten, the queue, the consumer's decisions, the table and the runs of the reconciliation, in one process and on one clock that does not wait. */
export class ReconciliationWorld {
  readonly rakuten = new World();
  readonly table = new MemoryTable();
  readonly notes = new MemoryNotes();
  readonly queue: string[] = [];
  readonly comparisons: Comparison[] = [];
  readonly outcomes: JobOutcome[] = [];
  /** How many lines became a changed row. */
  changed = 0;
  settings = SETTINGS;
  state: PublisherState | undefined = stateWith(ALL_FIELDS);
  walk: JobPorts['walk'];
  private requestSerial = 0;
  /** Called before messages are sent. */
  beforeSend: (messages: readonly string[]) => void = () => {};
  invocationMillis = INVOCATION_MILLIS;

  get now(): number {
    return this.rakuten.clock.now();
  }

  pass(millis: number): Promise<void> {
    return this.rakuten.clock.sleep(millis);
  }

  /** A postback that reached the endpoint. */
  push(line: LineRecord, receivedAt = this.now): void {
    this.requestSerial += 1;
    const url = new URL(fillTemplate(postbackUrl('https://endpoint.test/prod/postback', URL_SECRET, ALL_FIELDS), line));
    this.queue.push(
      messageBody(url.search.slice(1), { receivedAt: new Date(receivedAt).toISOString(), requestId: `request-${this.requestSerial}` }),
    );
  }

  /** The consumer takes everything out of the queue. */
  async consume(): Promise<void> {
    const publishers = new Publishers(this.state === undefined ? [] : [this.state]);
    for (const body of this.queue.splice(0)) {
      const decision = await decide(body, { known: () => publishers, read: async () => publishers });
      if (decision.kind !== 'line') throw new Error(`the consumer did not take ${body}`);
      if (this.table.write(decision.line) === 'changed') this.changed += 1;
    }
  }

  /** One event and all that follows from it, as Lambda does it: the rest is handed on, and a failed invocation is tried twice more. */
  async invoke(event: unknown): Promise<JobOutcome | Error> {
    let outcome: JobOutcome | Error = new Error('nothing ran');
    const events: unknown[] = [event];
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      for (let tries = 0; tries < 3; tries += 1) {
        outcome = await this.once(next, (rest) => events.push(JSON.parse(JSON.stringify(continuation(rest)))));
        if (!(outcome instanceof Error)) break;
        await this.pass((tries + 1) * MINUTE);
      }
      if (!(outcome instanceof Error)) this.outcomes.push(outcome);
    }
    return outcome;
  }

  async once(event: unknown, handOn: (rest: ContinuedRequest) => void): Promise<JobOutcome | Error> {
    const end = this.now + this.invocationMillis;
    const request: ReconciliationRequest = parseRequest(event, this.now);
    try {
      return await reconcile(request, reconcilablePublisher(SID, this.state), {
        settings: this.settings,
        walk: this.walk,
        open: async (publisher, until) => {
          const access = { send: this.rakuten.send, clock: this.rakuten.clock, readSecret: async () => CREDENTIALS };
          return eventsPages(await openClient(publisher, access), until);
        },
        rows: this.table,
        send: async (messages) => {
          this.beforeSend(messages);
          this.queue.push(...messages);
        },
        notes: this.notes,
        clock: this.rakuten.clock,
        remainingMillis: () => end - this.now,
        handOn: async (rest) => handOn(rest),
        onComparison: (comparison) => this.comparisons.push(comparison),
      });
    } catch (error) {
      return error as Error;
    }
  }

  /** Every line of Rakuten's once and as Rakuten tells it, none else, each confirmed; and what no postback brought says so. */
  expectComplete(pushed: ReadonlySet<string>): void {
    const wasPushed = (line: LineRecord): boolean => pushed.has(line.etransaction_id ?? '');
    // The Events API tells no milliseconds, and spaces around a name are never kept.
    const expected = this.rakuten.rakuten
      .ledger(SID)
      .map((line) => ({ ...(wasPushed(line) ? line : toTheSecond(line)), product_name: line.product_name?.trim() }));
    const rows = this.table.rows();
    expect(compareRows(expected, rows)).toEqual({ intact: expected.length, missing: [], repeated: [], different: [], unexpected: [] });
    for (const row of rows) {
      expect(row.verified_at).toBeDefined();
      expect(row.previous_versions).toBeUndefined();
      expect(row.source?.S).toBe(pushed.has(row.etransaction_id?.S ?? '') ? SOURCES.push : SOURCES.eventsApi);
    }
    expect(this.changed).toBe(0);
  }
}

const toTheSecond = (line: LineRecord): LineRecord => ({
  ...line,
  ...(line.process_date === undefined ? {} : { process_date: line.process_date.replace(/\.\d+/, '.000') }),
  ...(line.transaction_date === undefined ? {} : { transaction_date: line.transaction_date.replace(/\.\d+/, '.000') }),
});
