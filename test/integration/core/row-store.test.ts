import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  type PutItemCommand,
  paginateScan,
  QueryCommand,
  UpdateItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { ATTRIBUTES } from '../../../core/names';
import { POSTBACK_FIELDS } from '../../../core/rakuten/postback/fields';
import { createTableInput } from '../../../core/state/table';
import type { Item } from '../../../core/transactions/attributes';
import { canonicalAttribute, fromItem, toItem } from '../../../core/transactions/item';
import {
  INDEX_KEYS,
  keyText,
  MAX_PROJECTED_ATTRIBUTES,
  parseLineId,
  type RowKey,
  TABLE_KEYS,
} from '../../../core/transactions/keys';
import { EMPTY_ROW, joinPushes, type PushedLine } from '../../../core/transactions/row-state';
import {
  itemKey,
  type PushOutcome,
  RowStore,
  type RowStoreOptions,
} from '../../../core/transactions/row-store';
import { eventsDate } from '../../../fake-rakuten/events';
import { dynamoDbClient } from '../../../local/embedded/clients';
import { itemBytes } from '../../../tools/cost/item-size';
import { TYPICAL_LINE } from '../../../tools/cost/typical-line';
import {
  IS_EMBEDDED,
  startTestDynamoDb,
  type TestDynamoDb,
  withRefusedRows,
} from '../../support/dynamodb';
import {
  answeredLine,
  finalRow,
  type LineHistory,
  lineHistories,
  pushedLine,
  HISTORY_SID as SID,
} from '../../support/histories';
import { writeUnits } from '../../support/write-units';

let server: TestDynamoDb;
let client: DynamoDBClient;
let tables = 0;
beforeAll(async () => {
  server = await startTestDynamoDb();
  client = dynamoDbClient(server.endpoint);
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

/** Runs the work on an empty table. */
async function withTable<T>(work: (tableName: string) => Promise<T>): Promise<T> {
  tables += 1;
  const tableName = `row-store-${process.pid}-${tables}`;
  await client.send(new CreateTableCommand(createTableInput(tableName)));
  await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: tableName });
  try {
    return await work(tableName);
  } finally {
    await client.send(new DeleteTableCommand({ TableName: tableName }));
  }
}

type CanonicalItem = Record<string, string>;

/** The items of the table by key, each value in one notation. */
async function scan(tableName: string): Promise<Record<string, CanonicalItem>> {
  const items: Item[] = [];
  for await (const page of paginateScan({ client }, { TableName: tableName, ConsistentRead: true }))
    items.push(...(page.Items ?? []));
  return Object.fromEntries(items.map((item) => [keyText(keyOf(item)), canonical(item)]));
}

const keyOf = (item: Item): RowKey => ({
  lineId: item[TABLE_KEYS.partition]?.S ?? '',
  isEvent: item[TABLE_KEYS.sort]?.S as RowKey['isEvent'],
});
const canonical = (item: Item): CanonicalItem =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, canonicalAttribute(value)]),
  );
const withoutTimestamp = ({ [ATTRIBUTES.updatedAt]: _, ...item }: CanonicalItem): CanonicalItem =>
  item;

async function read(tableName: string, key: RowKey): Promise<Item> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: tableName, Key: itemKey(key), ConsistentRead: true }),
  );
  return Item ?? {};
}

const LONG_MILLIS = 60_000;
const deadline = (): number => Date.now() + LONG_MILLIS;
const CLOCK = { now: Date.now, pause: () => new Promise((resolve) => setImmediate(resolve)) };

const storeOf = (tableName: string, options: Partial<RowStoreOptions> = {}): RowStore =>
  new RowStore({
    client: withRefusedRows(client),
    tableName,
    dayShards: 1,
    clock: CLOCK,
    ...options,
  });

/** A client that records its requests and lets a test step in. */
function watched(
  wrap: (name: string, send: () => Promise<unknown>) => Promise<unknown> = (_, send) => send(),
) {
  const requests: string[] = [];
  const inputs: object[] = [];
  const inner = withRefusedRows(client);
  const send = (command: PutItemCommand): Promise<unknown> => {
    const name = command.constructor.name.replace('Command', '');
    requests.push(name);
    inputs.push(command.input);
    return wrap(name, () => inner.send(command));
  };
  return { requests, inputs, client: { send } as unknown as Pick<DynamoDBClient, 'send'> };
}

const FIRST = { receivedAt: '2026-04-18T09:31:13.250Z', requestId: 'r1' };
const LATER = { receivedAt: '2026-04-18T10:00:00.000Z', requestId: 'r2' };
const FIRST_OF_ALL = { receivedAt: '2026-04-17T00:00:00.000Z', requestId: 'r' };
const EARLIER = { receivedAt: '2026-04-18T09:00:00.000Z', requestId: 'r0' };
const FETCHED_AT = '2026-04-18T12:00:00.000Z';

const push = (values: Record<string, string> = {}, arrival = FIRST): PushedLine =>
  pushedLine({ ...TYPICAL_LINE, ...values }, arrival).push;
const KEY = pushedLine(TYPICAL_LINE, FIRST).key;

/** The typical line as the Events API returns it. */
const answer = (values: Record<string, unknown> = {}, fetchedAt = FETCHED_AT) =>
  answeredLine(
    {
      ...TYPICAL_LINE,
      sid: Number(SID),
      transaction_date: eventsDate(TYPICAL_LINE.transaction_date),
      process_date: eventsDate(TYPICAL_LINE.process_date),
      ...values,
    },
    fetchedAt,
  ).answer;

describe('a table of rows', () => {
  it('ends the same for any order, repetition and batching of pushes, and any number of concurrent writers', async () => {
    const plan = lineHistories.chain((histories) =>
      fc.record({
        histories: fc.constant(histories),
        batches: fc.tuple(...histories.map(({ pushes }) => batchesOf(pushes))),
        writers: fc.integer({ min: 1, max: 6 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(plan, async ({ histories, batches, writers }) => {
        await withTable(async (tableName) => {
          const writes = histories.flatMap(({ key }, index) =>
            (batches[index] ?? []).map((pushes) => ({ key, pushes })),
          );
          await Promise.all([
            writeAll(tableName, writes, writers),
            ...histories.map((history) => answerAll(tableName, history)),
          ]);
          const rows = await scan(tableName);
          expect(
            Object.fromEntries(
              Object.entries(rows).map(([key, row]) => [key, withoutTimestamp(row)]),
            ),
          ).toEqual(expectedRows(histories));
          // Now everything is known, so nothing changes again.
          expect(new Set(await writeAll(tableName, writes, 3))).toEqual(
            new Set(writes.length === 0 ? [] : ['duplicate']),
          );
          for (const history of histories) await answerAll(tableName, history);
          expect(await scan(tableName)).toEqual(rows);
        });
      }),
      { numRuns: Number(process.env.WRITE_RUNS ?? 10) },
    );
  });

  /** All pushes in some order, some of them twice, in batches. */
  const batchesOf = (pushes: readonly PushedLine[]): fc.Arbitrary<PushedLine[][]> =>
    fc
      .tuple(
        fc.shuffledSubarray([...pushes], { minLength: pushes.length }),
        fc.subarray([...pushes]),
        fc.integer({ min: 1, max: 4 }),
      )
      .map(([all, again, size]) => {
        const order = [...all, ...again];
        return Array.from({ length: Math.ceil(order.length / size) }, (_, index) =>
          order.slice(index * size, (index + 1) * size),
        );
      });

  async function writeAll(
    tableName: string,
    writes: readonly { key: RowKey; pushes: readonly PushedLine[] }[],
    writers: number,
  ): Promise<PushOutcome[]> {
    const waiting = [...writes];
    const outcomes: PushOutcome[] = [];
    const work = async (): Promise<void> => {
      const store = storeOf(tableName);
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        outcomes.push((await store.writePushes(next.key, next.pushes, deadline())).outcome);
      }
    };
    await Promise.all(Array.from({ length: writers }, work));
    return outcomes;
  }

  /** One run at a time writes a publisher's answers. */
  async function answerAll(tableName: string, { key, readings }: LineHistory): Promise<void> {
    const store = storeOf(tableName);
    for (const reading of readings) {
      if ('answer' in reading) await store.applyAnswer(key, reading.answer, deadline());
      else await store.withdraw(key, reading.missingAt, deadline());
    }
  }

  const expectedRows = (histories: readonly LineHistory[]): Record<string, CanonicalItem> =>
    Object.fromEntries(
      histories
        .map((history) => ({ key: history.key, row: finalRow(history) }))
        .filter(({ row }) => row !== EMPTY_ROW)
        .filter(({ row }) => row.pushes.length > 0 || row.answer !== undefined)
        .map(({ key, row }) => [keyText(key), canonical(toItem(key, row, { dayShards: 1 }))]),
    );
});

describe('writePushes', () => {
  it.each<[string, PushedLine[][], PushOutcome[]]>([
    ['stored for a new line', [[push()]], ['stored']],
    ['duplicate for a redelivery', [[push()], [push()]], ['stored', 'duplicate']],
    [
      'duplicate for the same content that arrives again later',
      [[push()], [push({}, LATER)]],
      ['stored', 'duplicate'],
    ],
    [
      'duplicate for the same content in another notation',
      [[push()], [push({ sale_amount: '129.9', currency: 'usd' }, LATER)]],
      ['stored', 'duplicate'],
    ],
    [
      'other for later content that differs',
      [[push()], [push({ sale_amount: '1' }, LATER)]],
      ['stored', 'other'],
    ],
    [
      'changed for earlier content that differs',
      [[push()], [push({ sale_amount: '1' }, EARLIER)]],
      ['stored', 'changed'],
    ],
    [
      'changed for the same content that arrived earlier',
      [[push()], [push({}, EARLIER)]],
      ['stored', 'changed'],
    ],
    [
      'stored once for a batch of one line',
      [[push(), push({}, LATER), push({ u1: 'x' }, LATER)], [push()]],
      ['stored', 'duplicate'],
    ],
    [
      'other once for a batch of differing pushes',
      [[push()], [push({ u1: 'x' }, LATER), push({ u1: 'y' }, LATER)]],
      ['stored', 'other'],
    ],
  ])('returns %s', async (_, batches, outcomes) => {
    await withTable(async (tableName) => {
      const results: PushOutcome[] = [];
      for (const pushes of batches)
        results.push((await storeOf(tableName).writePushes(KEY, pushes, deadline())).outcome);
      expect(results).toEqual(outcomes);
      const expected = toItem(KEY, joinPushes(EMPTY_ROW, batches.flat()), { dayShards: 1 });
      expect(withoutTimestamp(canonical(await read(tableName, KEY)))).toEqual(canonical(expected));
    });
  });

  it('needs one request for a new line, one refused request for a redelivery, and two for other content', async () => {
    await withTable(async (tableName) => {
      const { client: recording, requests, inputs } = watched();
      const store = storeOf(tableName, { client: recording });
      const steps: [PushedLine[], string[]][] = [
        [[push(), push({ u1: 'x' }, LATER)], ['PutItem']],
        [[push()], ['PutItem']],
        [[push({ u1: 'x' }, LATER), push()], ['PutItem']],
        [[push({ u1: 'y' }, LATER)], ['PutItem', 'UpdateItem']],
      ];
      for (const [pushes, expected] of steps) {
        requests.length = 0;
        await store.writePushes(KEY, pushes, deadline());
        expect(requests).toEqual(expected);
      }
      // The refusal brings the row, so that no read is needed.
      expect(inputs[0]).toMatchObject({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
    });
  });

  it('reads the row where a refusal does not bring it', async () => {
    await withTable(async (tableName) => {
      await storeOf(tableName).writePushes(KEY, [push()], deadline());
      const bare = watched(async (name, send) => {
        if (name !== 'PutItem') return send();
        throw new ConditionalCheckFailedException({
          message: 'The conditional request failed',
          $metadata: {},
        });
      });
      const result = await storeOf(tableName, { client: bare.client }).writePushes(
        KEY,
        [push()],
        deadline(),
      );
      expect([result.outcome, bare.requests]).toEqual(['duplicate', ['PutItem', 'GetItem']]);
      expect(bare.inputs[1]).toMatchObject({ ConsistentRead: true });
    });
  });

  it('recognises a redelivery whatever the order of the names in a map', async () => {
    await withTable(async (tableName) => {
      const pushes = [push({ b: '2', a: '1' }), push({ sale_amount: '1', c: '3' }, LATER)];
      await storeOf(tableName).writePushes(KEY, pushes, deadline());
      const reversed = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(reversed);
        if (typeof value !== 'object' || value === null) return value;
        return Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, of]) => [name, reversed(of)]),
        );
      };
      const reordering = watched(async (_, send) => {
        try {
          return await send();
        } catch (error) {
          if (!(error instanceof ConditionalCheckFailedException) || error.Item === undefined)
            throw error;
          throw new ConditionalCheckFailedException({
            message: error.message,
            $metadata: {},
            Item: reversed(error.Item) as Item,
          });
        }
      });
      const store = storeOf(tableName, { client: reordering.client });
      for (const line of pushes)
        expect((await store.writePushes(KEY, [line], deadline())).outcome).toBe('duplicate');
      expect(reordering.requests).toEqual(['PutItem', 'PutItem']);
    });
  });

  it('reports the first push that differs from the answer, and no second one of the same fields', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await store.applyAnswer(KEY, answer(), deadline());
      const differing: boolean[] = [];
      for (const amount of ['129.90', '1', '2', '1']) {
        differing.push(
          (await store.writePushes(KEY, [push({ sale_amount: amount }, LATER)], deadline()))
            .isNewlyDiffering,
        );
      }
      expect(differing).toEqual([false, true, false, false]);
      expect((await read(tableName, KEY)).differing_fields).toEqual({ L: [{ S: 'sale_amount' }] });
    });
  });

  it('keeps the attributes of an application, also on a row that the application began', async () => {
    await withTable(async (tableName) => {
      const own = {
        paid_out: { BOOL: true },
        notes: { M: { by: { S: 'finance' }, n: { NS: ['1', '2'] } } },
      };
      const setOwn = () =>
        client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: itemKey(KEY),
            UpdateExpression: 'SET paid_out = :paid, notes = :notes',
            ExpressionAttributeValues: { ':paid': own.paid_out, ':notes': own.notes },
          }),
        );
      await setOwn();
      const store = storeOf(tableName);
      expect((await store.writePushes(KEY, [push()], deadline())).outcome).toBe('stored');
      expect((await store.writePushes(KEY, [push()], deadline())).outcome).toBe('duplicate');
      expect((await store.writePushes(KEY, [push({ u1: 'x' }, LATER)], deadline())).outcome).toBe(
        'other',
      );
      expect(await store.applyAnswer(KEY, answer({ sale_amount: 1 }), deadline())).toBe(true);
      expect(await store.withdraw(KEY, '2026-04-20T00:00:00.000Z', deadline())).toBe(true);
      expect(await read(tableName, KEY)).toMatchObject(own);
      await setOwn();
      expect((await store.writePushes(KEY, [push()], deadline())).outcome).toBe('duplicate');
      expect(fromItem(await read(tableName, KEY))).toMatchObject({
        withdrawnAt: '2026-04-20T00:00:00.000Z',
      });
    });
  });

  it('sets and removes the expiry of an event with the next delivery under another setting', async () => {
    await withTable(async (tableName) => {
      const event = { key: { ...KEY, isEvent: 'Y' } as const, push: push({ is_event: 'Y' }) };
      const expiries: unknown[] = [];
      for (const preliminaryExpirySeconds of [undefined, 60, undefined]) {
        await storeOf(tableName, { preliminaryExpirySeconds }).writePushes(
          event.key,
          [event.push],
          deadline(),
        );
        expiries.push((await read(tableName, event.key)).expires_at);
      }
      const expected = { N: String(Math.floor(Date.parse(FIRST.receivedAt) / 1000) + 60) };
      expect(expiries).toEqual([undefined, expected, undefined]);
      await storeOf(tableName, { preliminaryExpirySeconds: 60 }).writePushes(
        KEY,
        [push()],
        deadline(),
      );
      expect((await read(tableName, KEY)).expires_at).toBeUndefined();
    });
  });

  it('has no second effect when it is repeated after a lost response', async () => {
    for (const lost of ['PutItem', 'UpdateItem']) {
      await withTable(async (tableName) => {
        const losing = watched(async (name, send) => {
          const response = await send();
          if (name === lost) throw new Error('socket hang up');
          return response;
        });
        const pushes = [push(), push({ u1: 'x' }, LATER)];
        if (lost === 'UpdateItem') await storeOf(tableName).writePushes(KEY, [push()], deadline());
        await expect(
          storeOf(tableName, { client: losing.client }).writePushes(KEY, pushes, deadline()),
        ).rejects.toThrow('socket hang up');
        expect((await storeOf(tableName).writePushes(KEY, pushes, deadline())).outcome).toBe(
          'duplicate',
        );
        expect(withoutTimestamp(canonical(await read(tableName, KEY)))).toEqual(
          canonical(toItem(KEY, joinPushes(EMPTY_ROW, pushes), { dayShards: 1 })),
        );
      });
    }
  });

  (IS_EMBEDDED ? it : it.skip)(
    "passes DynamoDB's errors through, and writes when the table accepts requests again",
    async () => {
      await withTable(async (tableName) => {
        const { endpoint, region, credentials } = client.config;
        const oneTry = new DynamoDBClient({ endpoint, region, credentials, maxAttempts: 1 });
        const store = storeOf(tableName, { client: oneTry });
        await server.refuse({
          operations: ['PutItem'],
          status: 400,
          type: 'ProvisionedThroughputExceededException',
          times: 1,
        });
        await expect(store.writePushes(KEY, [push()], deadline())).rejects.toMatchObject({
          name: 'ProvisionedThroughputExceededException',
        });
        await server.accept();
        expect((await store.writePushes(KEY, [push()], deadline())).outcome).toBe('stored');
        oneTry.destroy();
      });
    },
  );
});

describe('a lost race', () => {
  it('keeps what the other writer added between the read and the update', async () => {
    await withTable(async (tableName) => {
      const pushes = [push(), push({ u1: 'x' }, LATER), push({ u1: 'y' }, LATER)] as const;
      await storeOf(tableName).writePushes(KEY, [pushes[0]], deadline());
      const overtaken = watched(async (name, send) => {
        if (name === 'UpdateItem' && overtaken.requests.length < 3)
          await storeOf(tableName).writePushes(KEY, [pushes[1]], deadline());
        return send();
      });
      const result = await storeOf(tableName, { client: overtaken.client }).writePushes(
        KEY,
        [pushes[2]],
        deadline(),
      );
      expect(result.outcome).toBe('other');
      expect(overtaken.requests).toEqual(['PutItem', 'UpdateItem', 'GetItem', 'UpdateItem']);
      expect(withoutTimestamp(canonical(await read(tableName, KEY)))).toEqual(
        canonical(toItem(KEY, joinPushes(EMPTY_ROW, pushes), { dayShards: 1 })),
      );
    });
  });

  it('begins again when the row is deleted in between', async () => {
    await withTable(async (tableName) => {
      const gone = watched(async (name, send) => {
        if (name !== 'PutItem' || gone.requests.length > 1) return send();
        throw new ConditionalCheckFailedException({
          message: 'The conditional request failed',
          $metadata: {},
        });
      });
      const result = await storeOf(tableName, { client: gone.client }).writePushes(
        KEY,
        [push()],
        deadline(),
      );
      expect([result.outcome, gone.requests]).toEqual([
        'stored',
        ['PutItem', 'GetItem', 'PutItem'],
      ]);
    });
  });

  it('is repeated with growing random pauses until the deadline, and never overwrites', async () => {
    await withTable(async (tableName) => {
      await storeOf(tableName).writePushes(KEY, [push()], deadline());
      let amount = 0;
      const contested = watched(async (name, send) => {
        if (name !== 'UpdateItem') return send();
        amount += 1;
        // Always the first push, so that each other write changes the row.
        const receivedAt = new Date(Date.parse(EARLIER.receivedAt) - amount).toISOString();
        await storeOf(tableName).writePushes(
          KEY,
          [push({ sale_amount: String(amount) }, { receivedAt, requestId: 'r' })],
          deadline(),
        );
        return send();
      });
      let now = 1_000_000;
      const pauses: number[] = [];
      const clock = {
        now: () => now,
        pause: async (millis: number) => {
          pauses.push(millis);
          now += millis;
        },
      };
      const store = storeOf(tableName, { client: contested.client, clock });
      const losing = store.writePushes(KEY, [push({ u1: 'x' }, FIRST_OF_ALL)], now + 10_000);
      await expect(losing).rejects.toMatchObject({ name: 'RowContentionError' });
      await expect(losing).rejects.toThrow(
        `other writers changed the row ${keyText(KEY)} ${pauses.length + 2} times until the deadline`,
      );
      expect(pauses.length).toBeGreaterThan(10);
      expect(new Set(pauses).size).toBe(pauses.length);
      for (const [index, millis] of pauses.entries())
        expect(millis).toBeLessThanOrEqual(Math.min(1000, 20 * 2 ** (index + 2)));
      expect(Math.max(...pauses)).toBeGreaterThan(500);
      expect(now).toBeLessThan(1_010_000);
      const row = await read(tableName, KEY);
      expect([row.sale_amount?.N, row.other_pushes?.L?.length, row.more_pushes?.BOOL]).toEqual([
        String(amount),
        5,
        true,
      ]);
    });
  });

  it('of 60 concurrent writers of one row loses no write', async () => {
    await withTable(async (tableName) => {
      const clock = {
        now: Date.now,
        pause: (millis: number) => new Promise((resolve) => setTimeout(resolve, millis)),
      };
      const pushes = Array.from({ length: 60 }, (_, index) =>
        push(
          { sale_amount: String(index % 6) },
          { ...FIRST, receivedAt: new Date(Date.parse(FIRST.receivedAt) + index).toISOString() },
        ),
      );
      await Promise.all(
        pushes.map((line) => storeOf(tableName, { clock }).writePushes(KEY, [line], deadline())),
      );
      expect(withoutTimestamp(canonical(await read(tableName, KEY)))).toEqual(
        canonical(toItem(KEY, joinPushes(EMPTY_ROW, pushes), { dayShards: 1 })),
      );
    });
  });
});

describe('applyAnswer', () => {
  it('replaces every shown value of the push, the empty ones included, and sets verified_at', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await store.writePushes(
        KEY,
        [push({ sku_number: 'FORGED', sale_amount: '999' })],
        deadline(),
      );
      expect(await store.applyAnswer(KEY, answer({ sku_number: '' }), deadline())).toBe(true);
      const row = await read(tableName, KEY);
      expect(row).toMatchObject({
        sale_amount: { N: '129.9' },
        verified_at: { S: FETCHED_AT },
        differing_fields: { L: [{ S: 'sale_amount' }] },
      });
      expect(row.sku_number).toBeUndefined();
      expect(row.query?.S).toContain('sku_number=FORGED');
    });
  });

  it('creates a row of a line that no push delivered', async () => {
    await withTable(async (tableName) => {
      expect(await storeOf(tableName).applyAnswer(KEY, answer(), deadline())).toBe(true);
      expect(await read(tableName, KEY)).toMatchObject({
        source: { S: 'events-api' },
        request_id: { S: 'run-1' },
        received_at: { S: FETCHED_AT },
      });
    });
  });

  it('writes nothing for the same answer and for an older one', async () => {
    await withTable(async (tableName) => {
      await storeOf(tableName).applyAnswer(KEY, answer({ sale_amount: 1 }), deadline());
      const row = await read(tableName, KEY);
      const { client: recording, requests } = watched();
      const store = storeOf(tableName, { client: recording });
      expect(
        await store.applyAnswer(
          KEY,
          answer({ sale_amount: 1 }, '2026-04-19T12:00:00.000Z'),
          deadline(),
          row,
        ),
      ).toBe(false);
      expect(
        await store.applyAnswer(
          KEY,
          answer({ sale_amount: 2 }, '2026-04-18T11:59:59.999Z'),
          deadline(),
          row,
        ),
      ).toBe(false);
      expect(requests).toEqual([]);
      expect(await read(tableName, KEY)).toEqual(row);
    });
  });

  it('applies to the row as it is, not as it was read before', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await store.writePushes(KEY, [push()], deadline());
      const stale = await read(tableName, KEY);
      await store.writePushes(KEY, [push({ u1: 'x' }, LATER)], deadline());
      expect(await store.applyAnswer(KEY, answer(), deadline(), stale)).toBe(true);
      expect(await read(tableName, KEY)).toMatchObject({
        verified_at: { S: FETCHED_AT },
        other_pushes: { L: [expect.anything()] },
      });
    });
  });
});

describe('withdraw', () => {
  it('replaces verified_at by withdrawn_at until the line is returned again', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await store.applyAnswer(KEY, answer(), deadline());
      expect(await store.withdraw(KEY, '2026-04-20T00:00:00.000Z', deadline())).toBe(true);
      expect(await store.withdraw(KEY, '2026-04-21T00:00:00.000Z', deadline())).toBe(false);
      const withdrawn = await read(tableName, KEY);
      expect([withdrawn.verified_at, withdrawn.withdrawn_at]).toEqual([
        undefined,
        { S: '2026-04-20T00:00:00.000Z' },
      ]);
      expect(await store.applyAnswer(KEY, answer({}, '2026-04-22T00:00:00.000Z'), deadline())).toBe(
        true,
      );
      const returned = await read(tableName, KEY);
      expect([returned.verified_at, returned.withdrawn_at]).toEqual([
        { S: '2026-04-22T00:00:00.000Z' },
        undefined,
      ]);
    });
  });

  it('changes neither a row that was answered since, nor an unanswered one, nor a missing one', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      expect(await store.withdraw(KEY, FETCHED_AT, deadline())).toBe(false);
      await store.writePushes(KEY, [push()], deadline());
      expect(await store.withdraw(KEY, FETCHED_AT, deadline())).toBe(false);
      await store.applyAnswer(KEY, answer(), deadline());
      expect(await store.withdraw(KEY, FETCHED_AT, deadline())).toBe(false);
      expect((await read(tableName, KEY)).verified_at?.S).toBe(FETCHED_AT);
    });
  });
});

describe('updated_at', () => {
  type Step = (store: RowStore) => Promise<unknown>;
  const pushing =
    (...args: Parameters<typeof push>): Step =>
    (store) =>
      store.writePushes(KEY, [push(...args)], deadline());
  const answering =
    (...args: Parameters<typeof answer>): Step =>
    (store) =>
      store.applyAnswer(KEY, answer(...args), deadline());

  it.each<[string, Step[], boolean]>([
    ['is set at the creation of a row', [pushing()], true],
    ['stays at a redelivery', [pushing(), pushing()], false],
    [
      'stays at a later push with other content',
      [pushing(), pushing({ sale_amount: '1' }, LATER)],
      false,
    ],
    [
      'changes with an earlier push with other content',
      [pushing(), pushing({ sale_amount: '1' }, EARLIER)],
      true,
    ],
    ['changes when an answer verifies the row', [pushing(), answering()], true],
    [
      'stays at the same answer',
      [pushing(), answering(), answering({}, '2026-04-19T12:00:00.000Z')],
      false,
    ],
    [
      'changes with a field that is not checked',
      [answering(), answering({ lock_status: 'locked' }, '2026-04-19T12:00:00.000Z')],
      true,
    ],
    [
      'stays at a push that differs from the answer',
      [pushing(), answering(), pushing({ sale_amount: '1' }, LATER)],
      false,
    ],
    [
      'changes with the first push of an answered line, as that changes the source',
      [answering(), pushing({}, LATER)],
      true,
    ],
    [
      'stays at an answer with a reused ID',
      [answering(), answering({ order_id: 'B' }, '2026-04-19T12:00:00.000Z')],
      false,
    ],
    [
      'changes at a withdrawal',
      [answering(), (store) => store.withdraw(KEY, '2026-04-19T12:00:00.000Z', deadline())],
      true,
    ],
  ])('%s', async (_, steps, changes) => {
    await withTable(async (tableName) => {
      // Not the time of any delivery: redriven messages must be in the exports of today.
      let now = Date.parse('2026-05-01T00:00:00.000Z');
      const store = storeOf(tableName, { clock: { ...CLOCK, now: () => now } });
      const timestamps: (string | undefined)[] = [undefined];
      for (const step of steps) {
        now += 1000;
        await step(store);
        timestamps.push((await read(tableName, KEY)).updated_at?.S);
      }
      const [before, after] = timestamps.slice(-2);
      expect(after).toBe(changes ? new Date(now).toISOString() : before);
    });
  });
});

describe('an index', () => {
  const query = async (
    tableName: string,
    index: keyof typeof INDEX_KEYS,
    value: string,
  ): Promise<Item[]> => {
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName: tableName,
        IndexName: index,
        KeyConditionExpression: '#key = :value',
        ExpressionAttributeNames: { '#key': INDEX_KEYS[index].partition },
        ExpressionAttributeValues: { ':value': { S: value } },
      }),
    );
    return Items;
  };

  it.each(Object.entries(INDEX_KEYS))(
    '%s projects at most as many attributes as DynamoDB allows, and no key',
    (_, keys) => {
      expect(keys.projected.length).toBeLessThanOrEqual(MAX_PROJECTED_ATTRIBUTES);
      expect(new Set(keys.projected).size).toBe(keys.projected.length);
      for (const key of [keys.partition, keys.sort, ...Object.values(TABLE_KEYS)])
        expect(keys.projected).not.toContain(key);
    },
  );

  it('by-order has the keys alone, under the order that the row shows', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await store.writePushes(KEY, [push({ order_id: 'A 1' })], deadline());
      const entry = { ...itemKey(KEY), order_id: { S: 'A 1' } };
      expect(await query(tableName, 'by-order', 'A 1')).toEqual([entry]);
      await store.applyAnswer(KEY, answer({ order_id: 'A+1' }), deadline());
      expect(await query(tableName, 'by-order', 'A 1')).toEqual([]);
      expect(await query(tableName, 'by-order', 'A+1')).toEqual([
        { ...entry, order_id: { S: 'A+1' } },
      ]);
    });
  });

  it('by-member has what a list shows, under the member that the row shows', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await store.writePushes(KEY, [push({ u1: 'forged' })], deadline());
      await store.applyAnswer(KEY, answer(), deadline());
      expect(await query(tableName, 'by-member', 'forged')).toEqual([]);
      const [entry = {}] = await query(tableName, 'by-member', TYPICAL_LINE.u1);
      expect(entry).toMatchObject({
        ...itemKey(KEY),
        sale_amount: { N: '129.9' },
        verified_at: { S: FETCHED_AT },
        updated_at: { S: expect.stringMatching(/^2/) },
        occurred_at: { S: '2026-04-18T09:24:55Z' },
      });
      expect(Object.keys(entry)).not.toEqual(expect.arrayContaining(['query']));
      expect(Object.keys(entry)).not.toEqual(expect.arrayContaining(['answer_hash']));
    });
  });

  it('by-day follows the arrival, then the process_date of the answer, and no later push', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      const arrival = { receivedAt: '2026-04-20T01:00:00.000Z', requestId: 'r1' };
      await store.writePushes(
        KEY,
        [push({ process_date: '2099-01-01T00:00:00Z' }, arrival)],
        deadline(),
      );
      expect(await query(tableName, 'by-day', '2026-04-20')).toHaveLength(1);
      expect(await query(tableName, 'by-day', '2099-01-01')).toEqual([]);
      await store.applyAnswer(KEY, answer({}, '2026-04-20T02:00:00.000Z'), deadline());
      await store.writePushes(
        KEY,
        [push({ process_date: '2099-01-01T00:00:00Z', u1: 'x' }, { ...arrival, requestId: 'r2' })],
        deadline(),
      );
      expect(await query(tableName, 'by-day', '2026-04-20')).toEqual([]);
      const [entry] = await query(tableName, 'by-day', '2026-04-18');
      expect(entry).toMatchObject({
        answer_hash: { S: expect.any(String) },
        received_at: { S: arrival.receivedAt },
      });
    });
  });

  it('by-day spreads a day over its shards, the same line always in the same', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName, { dayShards: 10 });
      await store.writePushes(KEY, [push()], deadline());
      const day = (await read(tableName, KEY)).process_day?.S ?? '';
      expect(day).toMatch(/^2026-04-18#\d$/);
      await store.applyAnswer(KEY, answer(), deadline());
      expect((await query(tableName, 'by-day', day)).map(keyOf)).toEqual([KEY]);
    });
  });
});

describe('write units', () => {
  const verified = (before: Item): Item => {
    const row = fromItem(before);
    if (row === undefined) throw new Error('no row');
    return toItem(KEY, finalRow({ key: KEY, pushes: [push()], readings: [{ answer: answer() }] }), {
      dayShards: 10,
    });
  };

  it('of a new line are four, of a redelivery one, and of a confirmation three', () => {
    const isNew = toItem(KEY, joinPushes(EMPTY_ROW, [push()]), { dayShards: 10 });
    const timestamp = { updated_at: { S: '2026-04-18T09:31:14.000Z' } };
    const [before, after] = [isNew, verified(isNew)].map((item) => ({ ...item, ...timestamp }));
    expect(writeUnits(undefined, before)).toEqual({
      table: 1,
      indexes: { 'by-order': 1, 'by-member': 1, 'by-day': 1 },
      total: 4,
    });
    expect(writeUnits(before, after)).toMatchObject({ table: 1, total: 3 });
    expect(writeUnits(after, after)).toMatchObject({ total: 1 });
    expect(itemBytes(after ?? {})).toBeLessThan(1024);
  });

  // The embedded server reports no indexes.
  (IS_EMBEDDED ? it.skip : it)('are those that the engine reports', async () => {
    await withTable(async (tableName) => {
      const inner = withRefusedRows(client);
      let units: { total?: number; indexes: Record<string, number | undefined> } | undefined;
      const send = async (command: PutItemCommand): Promise<unknown> => {
        Object.assign(command.input, { ReturnConsumedCapacity: 'INDEXES' });
        const { ConsumedCapacity: consumed, ...output } = await inner.send(command);
        const indexes = Object.entries(consumed?.GlobalSecondaryIndexes ?? {}).map(
          ([name, { CapacityUnits }]) => [name, CapacityUnits],
        );
        units = { total: consumed?.CapacityUnits, indexes: Object.fromEntries(indexes) };
        return output;
      };
      const store = storeOf(tableName, {
        client: { send } as unknown as Pick<DynamoDBClient, 'send'>,
        dayShards: 10,
      });
      await store.writePushes(KEY, [push()], deadline());
      expect(units).toEqual({ total: 4, indexes: { 'by-order': 1, 'by-member': 1, 'by-day': 1 } });
      units = undefined;
      // A refused write reports none; DynamoDB charges one unit for each kilobyte of the row.
      await store.writePushes(KEY, [push()], deadline());
      expect(units).toBeUndefined();
      await store.applyAnswer(KEY, answer(), deadline(), await read(tableName, KEY));
      expect((units as { total?: number } | undefined)?.total).toBeLessThanOrEqual(3);
    });
  });

  it('count an entry of an index by the rules of DynamoDB', () => {
    // An item is in an index when it has the index's keys; another key means another entry.
    const item = (day: string, bytes: number) => ({
      process_day: { S: day },
      received_at: { S: 't' },
      product_name: { S: 'x'.repeat(bytes) },
    });
    const byDay = (before?: Item, after?: Item) => writeUnits(before, after).indexes['by-day'];
    expect(byDay(undefined, { received_at: { S: 't' } })).toBe(0);
    expect(byDay(undefined, item('1', 900))).toBe(1);
    expect(byDay(undefined, item('1', 1000))).toBe(2);
    expect(byDay(item('1', 900), item('2', 1000))).toBe(3);
    expect(byDay(item('1', 10), { ...item('1', 10), query: { S: 'not projected' } })).toBe(0);
    expect(byDay(item('1', 1000), undefined)).toBe(2);
  });
});

describe('a hostile postback', () => {
  const decimals = fc.oneof(
    fc.constantFrom(
      '1e15',
      '-1e15',
      '1e125',
      '-1e-130',
      '9.9999999999999999999999999999999999999e125',
      '0.30000000000000004',
      '1'.repeat(39),
      '-0',
    ),
    fc.double().map(String),
    fc.string(),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '',
      ' ',
      '<u1>',
      '\u0000',
      '~',
      '-',
      '#',
      'ü'.repeat(2000),
      'x'.repeat(10_000),
      '🐈'.repeat(2500),
    ),
  );
  const names = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Object.keys(POSTBACK_FIELDS)) },
    fc.constantFrom(
      '',
      '__proto__',
      'constructor',
      '=',
      '==',
      ' u1',
      'lock_status',
      'line_id',
      'received_at',
      'extra',
      'x'.repeat(9000),
    ),
    fc.string({ unit: 'binary' }),
  );
  const parameters = fc
    .uniqueArray(
      names.chain((name) =>
        fc.tuple(fc.constant(name), /amount|commissions|quantity/.test(name) ? decimals : text),
      ),
      { selector: ([name]) => name, maxLength: 20 },
    )
    .map(
      (entries) =>
        Object.fromEntries(
          entries.filter(([name]) => name !== '__proto__' && name !== 'k' && name !== 'f'),
        ) as Record<string, string>,
    );

  /** Each property run has a line of its own. */
  let serial = 0;
  const hostilePush = (values: Record<string, string>, arrival = FIRST) =>
    pushedLine({ ...values, u1: values.u1 ?? 'm', etransaction_id: `T-${serial}` }, arrival);

  it('becomes a row, comes back from the table as it was read, and is known when it comes again', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      await fc.assert(
        fc.asyncProperty(parameters, async (values) => {
          serial += 1;
          const { key, push: line } = hostilePush(values);
          expect((await store.writePushes(key, [line], deadline())).outcome).toBe('stored');
          const row = await read(tableName, key);
          const expected = joinPushes(EMPTY_ROW, [line]);
          expect(withoutTimestamp(canonical(row))).toEqual(
            canonical(toItem(key, expected, { dayShards: 1 })),
          );
          expect((await store.writePushes(key, [line], deadline())).outcome).toBe('duplicate');
          expect(parseLineId(row.line_id?.S ?? '')).toEqual({
            sid: SID,
            etransactionId: `T-${serial}`,
          });
        }),
        { numRuns: 150 },
      );
    });
  });

  it('never makes a row exceed 16 KB, nor an index key exceed its limit', async () => {
    await withTable(async (tableName) => {
      const store = storeOf(tableName);
      const answers = fc.array(parameters, { maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(
          fc.array(parameters, { minLength: 1, maxLength: 12 }),
          answers,
          async (pushes, records) => {
            serial += 1;
            const lines = pushes.map((values, index) =>
              hostilePush({ ...values, is_event: 'N' }, { ...FIRST, requestId: `r${index}` }),
            );
            const [{ key } = { key: KEY }] = lines;
            for (const line of lines) await store.writePushes(key, [line.push], deadline());
            for (const [index, values] of records.entries()) {
              const fetchedAt = new Date(Date.parse(FETCHED_AT) + index).toISOString();
              const record = { ...values, is_event: 'N', sid: SID, etransaction_id: `T-${serial}` };
              await store.applyAnswer(key, answeredLine(record, fetchedAt).answer, deadline());
            }
            const row = await read(tableName, key);
            expect(itemBytes(row)).toBeLessThanOrEqual(16 * 1024);
            for (const { partition, sort } of Object.values(INDEX_KEYS)) {
              expect(Buffer.byteLength(row[partition]?.S ?? '')).toBeLessThanOrEqual(2048);
              expect(Buffer.byteLength(row[sort]?.S ?? '')).toBeLessThanOrEqual(1024);
            }
          },
        ),
        { numRuns: 60 },
      );
    });
  });
});
