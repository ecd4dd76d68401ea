import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SQSBatchResponse } from 'aws-lambda';
import { limitConcurrency } from '../../../core/async';
import { ATTRIBUTES, ENVIRONMENT, METRICS } from '../../../core/names';
import { ALL_FIELDS, fieldListId } from '../../../core/rakuten/postback/fields';
import { parseMessage } from '../../../core/rakuten/postback/message';
import { readAnswer } from '../../../core/reconciliation/answer';
import { sha256 } from '../../../core/sha256';
import { createStateTableInput, createTableInput } from '../../../core/state/table';
import type { Item } from '../../../core/transactions/attributes';
import { fromItem, toItem } from '../../../core/transactions/item';
import { lineIdOf, type RowKey } from '../../../core/transactions/keys';
import { readPushedLine } from '../../../core/transactions/pushed-line';
import {
  type Answer,
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type PushedLine,
} from '../../../core/transactions/row-state';
import { RowStore } from '../../../core/transactions/row-store';
import { type EmbeddedServices, startEmbeddedServices } from '../../../local/embedded/services';
import { LocalFunction } from '../../../local/lambda/local-function';
import { MetricSums } from '../../../local/metrics';
import { itemBytes } from '../../../tools/cost/item-size';
import { TYPICAL_LINE } from '../../../tools/cost/typical-line';
import { putState } from '../../../tools/faults/publisher';
import { messageBody } from '../../support/messages';

const SID = TYPICAL_LINE.sid;
const KEY: RowKey = { lineId: lineIdOf(SID, TYPICAL_LINE.etransaction_id), isEvent: 'N' };
const SECRET = 'UrlSecretOfTheBounds0123456789abcdefghijk';
const MAX_ROW_BYTES = 16 * 1024;
/** API Gateway accepts 10,240 bytes of request line and headers together. */
const MAX_QUERY_BYTES = 9 * 1024;

/** Query strings as long as API Gateway accepts, by what fills them. `n` varies the content. */
const LARGEST: Record<string, (n: number) => string> = {
  'a long product name': (n) => filled(n, 'product_name=', 'x'),
  'bytes that are no UTF-8': (n) => filled(n, 'product_name=', '%E9'),
  'an emoji in every place': (n) =>
    filled(n, '', '', (index) => `&${index}=${'%F0%9F%90%88'.repeat(20)}`),
  'undocumented parameters': (n) => filled(n, '', '', (index) => `&p${index}=${'v'.repeat(30)}`),
  'parameters without values': (n) => filled(n, '', '', (index) => `&empty-${index}`),
  'a long ID of the member': (n) => filled(n, 'u1=', 'm'),
  'control characters in every field': (n) =>
    filled(
      n,
      '',
      '',
      (index) => `&${ALL_FIELDS.map(({ name }) => name)[3 + (index % 12)]}=%01${'%01'.repeat(200)}`,
    ),
  'each field at its limit': (n) =>
    filled(
      n,
      [
        ...['advertiser_id', 'order_id', 'offer_id', 'sku_number'].map(
          (name) => `&${name}=${'%E3%81%82'.repeat(85)}`,
        ),
        ...['transaction_type', 'product_name'].map(
          (name) => `&${name}=${'%E3%81%82'.repeat(172)}`,
        ),
      ].join(''),
      '',
      (index) => `&x${index}=${'%22'.repeat(20)}`,
    ),
};

/** A query string of the line, filled up to its greatest length. */
function filled(
  n: number,
  start: string,
  unit: string,
  part: (index: number) => string = () => unit,
): string {
  let query = `k=${SECRET}&f=${fieldListId(ALL_FIELDS)}&etransaction_id=${TYPICAL_LINE.etransaction_id}&is_event=N&sale_amount=${n}&${start}`;
  for (let index = 0; ; index++) {
    const next = part(index);
    if (query.length + next.length > MAX_QUERY_BYTES) return query;
    query += next;
  }
}

const arrivalOf = (n: number): string =>
  new Date(Date.parse('2026-04-18T09:31:13.000Z') + n).toISOString();

const bodyOf = (query: string, n: number): string =>
  messageBody(query, { receivedAt: arrivalOf(n), requestId: `request-${n}` });

function readPush(body: string): PushedLine {
  const keyed = readPushedLine(parseMessage(body), {
    sid: SID,
    fieldListId: fieldListId(ALL_FIELDS),
    fields: ALL_FIELDS,
  });
  if (keyed?.key.lineId !== KEY.lineId) throw new Error('another line');
  return keyed.push;
}

const pushOf = (query: string, n: number): PushedLine => readPush(bodyOf(query, n));

/** What the Events API returns, `n` hours later. */
function answerOf(line: Readonly<Record<string, string>>, n = 1): Answer {
  const fetchedAt = new Date(Date.parse(arrivalOf(0)) + n * 3_600_000).toISOString();
  const keyed = readAnswer(line, {
    sid: SID,
    fetchedAt,
    runId: 'hourly-0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90',
  });
  if (keyed === undefined) throw new Error('another publisher');
  return keyed.answer;
}

/** One write, from the item that was read to the item that is written. */
const write = (before: Item | undefined, push: PushedLine): Item =>
  toItem(KEY, joinPushes((before && fromItem(before)) ?? EMPTY_ROW, [push]), { dayShards: 1 });

const answered = (before: Item, answer: Answer): Item =>
  toItem(KEY, applyAnswer(fromItem(before) ?? EMPTY_ROW, answer), { dayShards: 1 });

const kinds = Object.entries(LARGEST);
/** A hundred of the largest queries, of all kinds in turn. */
const hundred = (): PushedLine[] =>
  Array.from({ length: 100 }, (_, n) => pushOf((kinds[n % kinds.length]?.[1] ?? (() => ''))(n), n));

describe('the largest queries that API Gateway accepts, all to one row', () => {
  it.each(kinds)(
    'keep it under 16 KB, and the next answer of the Events API is stored: %s',
    (_, queryOf) => {
      let item: Item | undefined;
      for (let n = 0; n < 20; n++) {
        item = write(item, pushOf(queryOf(n), n));
        expect(itemBytes(item)).toBeLessThan(MAX_ROW_BYTES);
      }
      const verified = answered(item as Item, answerOf(TYPICAL_LINE));
      expect(verified).toMatchObject({
        sale_amount: { N: '129.9' },
        [ATTRIBUTES.verifiedAt]: { S: '2026-04-18T10:31:13.000Z' },
      });
      expect(itemBytes(verified)).toBeLessThan(MAX_ROW_BYTES);
    },
  );

  it('keep it under 16 KB in any mixture, also after answers that are as large', () => {
    let item: Item | undefined;
    for (const push of hundred()) {
      item = write(item, push);
      expect(itemBytes(item)).toBeLessThan(MAX_ROW_BYTES);
    }
    const large = {
      ...TYPICAL_LINE,
      product_name: 'あ'.repeat(3000),
      u1: 'é'.repeat(128),
      offer_id: 'あ'.repeat(85),
      undocumented: 'x'.repeat(9000),
    };
    for (let n = 1; n <= 12; n++) {
      item = answered(
        item as Item,
        answerOf(
          { ...large, sale_amount: String(n), transaction_type: `${n}${'あ'.repeat(170)}` },
          n,
        ),
      );
      expect(item).toMatchObject({ sale_amount: { N: String(n) } });
      expect(itemBytes(item)).toBeLessThan(MAX_ROW_BYTES);
    }
  });

  it('cost at most twice the processor time for the hundredth write as for the first', () => {
    const pushes = hundred();
    // A full row shows its first push, so there is one for each kind of it.
    const full = kinds.map((_, first) =>
      pushes.slice(first, first + 92).reduce<Item | undefined>(write, undefined),
    );
    const latest = pushes.slice(-kinds.length);
    expect(
      ratioOf(
        () => latest.map((push) => write(undefined, push)),
        () => latest.map((push, n) => write(full[n], push)),
      ),
    ).toBeLessThan(2);
  });

  it.each(kinds)('cost at most twice the processor time from message to row: %s', (_, queryOf) => {
    const full = Array.from({ length: 99 }, (_, n) => pushOf(queryOf(n), n)).reduce<
      Item | undefined
    >(write, undefined);
    const body = bodyOf(queryOf(99), 99);
    expect(
      ratioOf(
        () => write(undefined, readPush(body)),
        () => write(full, readPush(body)),
      ),
    ).toBeLessThan(2);
  });
});

const ROUNDS = 150;

/**
 * How much longer the second work takes than the first.
 *
 * Of the least time of many short rounds, in turns: whatever else the machine does only adds time.
 */
function ratioOf(first: () => unknown, second: () => unknown): number {
  let [least, leastOfSecond] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    least = Math.min(least, timeOf(first));
    leastOfSecond = Math.min(leastOfSecond, timeOf(second));
  }
  return leastOfSecond / least;
}

function timeOf(work: () => unknown): number {
  const before = performance.now();
  work();
  return performance.now() - before;
}

describe('1,000 messages for one row', () => {
  const MESSAGES = 1000;
  const BATCH_SIZE = 50;
  /** The default of `maxConcurrency`. */
  const INVOCATIONS_AT_ONCE = 10;
  const TABLE = 'transactions';
  const STATE_TABLE = 'state';

  let services: EmbeddedServices;
  let consumer: LocalFunction;
  const metrics = new MetricSums();

  beforeAll(async () => {
    services = await startEmbeddedServices();
    await services.createTables(createTableInput(TABLE), createStateTableInput(STATE_TABLE));
    const accepted = [
      { secretSha256: sha256(SECRET), fieldListId: fieldListId(ALL_FIELDS), fields: ALL_FIELDS },
    ];
    await putState(services.clients.dynamodb, STATE_TABLE, { sid: SID, accepted });
    consumer = new LocalFunction({
      name: 'consumer',
      taskRoot: join(__dirname, '../../../lambda-dist/consumer'),
      handler: 'index.handler',
      timeoutSeconds: 30,
      memoryMegabytes: 512,
      variables: {
        [ENVIRONMENT.tableName]: TABLE,
        [ENVIRONMENT.stateTableName]: STATE_TABLE,
        [ENVIRONMENT.dayShards]: '1',
        [ENVIRONMENT.metricsNamespace]: 'RakutenPostback',
        [ENVIRONMENT.metricsService]: 'bounds',
      },
      endpoints: services.endpoints,
      onOutput: (line) => metrics.read(line),
    });
  });
  afterAll(async () => {
    await consumer?.close();
    await services?.close();
  });

  it('are all processed in concurrent batches of 50, and the next answer is stored', async () => {
    const bodies = Array.from({ length: MESSAGES }, (_, n) =>
      bodyOf(kinds[n % kinds.length]?.[1](n) ?? '', n),
    );
    expect(await deliver(bodies, BATCH_SIZE)).toEqual([]);
    await until(() => metrics.sum(METRICS.stored) + againIn(metrics) === MESSAGES);
    expect([metrics.sum(METRICS.stored), metrics.sum(METRICS.failed)]).toEqual([1, 0]);

    const { dynamodb } = services.clients;
    const store = new RowStore({
      client: dynamodb,
      tableName: TABLE,
      dayShards: 1,
      clock: { now: Date.now, pause },
    });
    const row = (await store.read(KEY)) ?? {};
    // The earliest six, whatever the order of the batches was.
    const others = row[ATTRIBUTES.otherPushes]?.L?.map(({ M }) => M?.[ATTRIBUTES.requestId]?.S);
    expect([row[ATTRIBUTES.requestId]?.S, ...(others ?? [])]).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => `request-${n}`),
    );
    expect(row[ATTRIBUTES.morePushes]?.BOOL).toBe(true);
    expect(itemBytes(row)).toBeLessThan(MAX_ROW_BYTES);

    expect(await store.applyAnswer(KEY, answerOf(TYPICAL_LINE), Date.now() + 10_000, row)).toBe(
      true,
    );
    expect(await store.read(KEY)).toMatchObject({
      sale_amount: { N: '129.9' },
      [ATTRIBUTES.verifiedAt]: expect.anything(),
    });
  });

  it('are all processed in batches of one', async () => {
    const bodies = Array.from({ length: 150 }, (_, n) =>
      bodyOf(kinds[n % kinds.length]?.[1](n) ?? '', 2000 - n),
    );
    expect(await deliver(bodies, 1)).toEqual([]);
  });

  /** Returns the IDs of the messages that failed. */
  async function deliver(bodies: readonly string[], batchSize: number): Promise<string[]> {
    const limited = limitConcurrency(INVOCATIONS_AT_ONCE);
    const records = bodies.map((body, n) => ({
      messageId: `message-${n}`,
      body,
      attributes: { ApproximateReceiveCount: '1' },
    }));
    const batches = Array.from({ length: Math.ceil(bodies.length / batchSize) }, (_, n) =>
      records.slice(n * batchSize, (n + 1) * batchSize),
    );
    const responses = await Promise.all(
      batches.map((Records) => limited(() => consumer.invoke({ Records }))),
    );
    return (responses as SQSBatchResponse[]).flatMap(({ batchItemFailures }) =>
      batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    );
  }
});

const againIn = (metrics: MetricSums): number =>
  [METRICS.duplicate, METRICS.otherPushes, METRICS.changed].reduce(
    (sum, metric) => sum + metrics.sum(metric),
    0,
  );

/** The output of a function arrives a little after its response. */
async function until(isDone: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !isDone(); tries++) await pause(25);
}
