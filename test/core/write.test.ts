import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  type PutItemCommand,
  paginateScan,
  UpdateItemCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { writeUnits } from '../../bench/row-units';
import { SOURCES } from '../../core/names';
import { ALL_FIELDS, POSTBACK_FIELDS } from '../../core/rakuten/fields';
import { normalisedQuery } from '../../core/rakuten/message';
import { type Parameters, parsePostback } from '../../core/rakuten/parse';
import { canonicalNumber, type Item } from '../../core/store/attributes';
import { toItem } from '../../core/store/item';
import { INDEX_KEYS, rowKey } from '../../core/store/keys';
import { type DeliveredLine, join, stateOf } from '../../core/store/merge';
import { createTableInput } from '../../core/store/table';
import { TransactionWriter, type WriteOutcome } from '../../core/store/write';
import { dynamoDbClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import type { FaultyServer } from '../../local/embedded/server-thread';
import { TYPICAL_LINE } from '../../scripts/cost/typical-line';
import { delivered, histories, type Line, type Told, type Version } from '../support/histories';

let server: FaultyServer;
let client: DynamoDBClient;
let tables = 0;
beforeAll(async () => {
  server = await startDynamoDb();
  client = dynamoDbClient(server.endpoint);
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

/** An empty table, for as long as the work takes. */
async function withTable<T>(work: (tableName: string) => Promise<T>): Promise<T> {
  tables += 1;
  const tableName = `transactions-${tables}`;
  await client.send(new CreateTableCommand(createTableInput(tableName)));
  await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: tableName });
  try {
    return await work(tableName);
  } finally {
    await client.send(new DeleteTableCommand({ TableName: tableName }));
  }
}

async function scan(tableName: string): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of paginateScan({ client }, { TableName: tableName, ConsistentRead: true })) items.push(...(page.Items ?? []));
  return inOrder(items);
}
const inOrder = (items: Item[]): Item[] => [...items].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
const idOf = (item: Item): string => JSON.stringify([item.order_key?.S, item.line_key?.S]);

/** Numbers in one notation, at any depth. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === 'N' ? canonicalNumber(v) : canonical(v)]));
}

/** Writes the lines with so many writers at work at once, and says what each of them did. */
async function writeAll(tableName: string, lines: readonly DeliveredLine[], writers: number): Promise<WriteOutcome[]> {
  const waiting = lines.map((line, index) => ({ line, index }));
  const outcomes: WriteOutcome[] = [];
  const work = async (): Promise<void> => {
    const writer = new TransactionWriter(client, tableName, 1);
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) outcomes[next.index] = await writer.write(next.line);
  };
  await Promise.all(Array.from({ length: writers }, work));
  return outcomes;
}

/** What the table must hold, joined in memory. */
function rowsOf(lines: readonly DeliveredLine[]): Item[] {
  const byKey = new Map<string, DeliveredLine[]>();
  for (const line of lines) {
    const id = JSON.stringify(rowKey(line.fields, line.problems));
    byKey.set(id, [...(byKey.get(id) ?? []), line]);
  }
  return inOrder([...byKey].map(([id, same]) => toItem(JSON.parse(id), same.map(stateOf).reduce(join), 1)));
}

describe('histories of orders', () => {
  it('end in the same table whatever the order, the repetitions and the number of writers', async () => {
    const shuffled = histories.chain((told) =>
      fc.tuple(fc.constant(told), fc.shuffledSubarray(told, { minLength: told.length, maxLength: told.length })),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ([told, otherOrder]) => {
        const expected = canonical(rowsOf(told.map(delivered)));
        for (const [order, writers] of [
          [told, 8],
          [otherOrder, 1],
        ] as const) {
          await withTable(async (tableName) => {
            const outcomes = await writeAll(tableName, order.map(delivered), writers);
            const rows = await scan(tableName);
            expect(canonical(rows)).toEqual(expected);
            expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(rows.length);
            expectAsTold(rows, told);
            // Now everything is known.
            expect(new Set(await writeAll(tableName, otherOrder.map(delivered), 4))).toEqual(new Set(['duplicate']));
            expect(await scan(tableName)).toEqual(rows);
          });
        }
      }),
      { numRuns: Number(process.env.WRITE_RUNS ?? 10) },
    );
  }, 120_000);

  /** What a finance person expects of the rows, from what happened at Rakuten alone. */
  function expectAsTold(rows: readonly Item[], told: readonly Told[]): void {
    const lines = new Map(told.map(({ line }) => [`${line.id}#${line.isEvent}`, line]));
    expect(rows.map(({ line_key }) => line_key?.S).sort()).toEqual([...lines.keys()].sort());
    for (const row of rows) {
      const line = lines.get(row.line_key?.S ?? '');
      if (line === undefined) throw new Error('a row of no line');
      expect(row.order_key?.S).toBe(`3900112#41207#${line.orderId}`);
      const of = told.filter((t) => t.line === line);
      expectAmounts(row, line, of);
      expectVerification(row, of);
      const first = of.map(({ receivedAt }) => receivedAt).sort()[0];
      const isPushed = of.some(({ telling }) => telling !== 'events-api');
      expect(row).toMatchObject({ received_at: { S: first }, source: { S: isPushed ? SOURCES.push : SOURCES.eventsApi } });
    }
  }

  const newestOf = (line: Line, told: readonly Told[]): Version | undefined =>
    [...line.versions].reverse().find((version) => told.some((t) => t.version === version));

  function expectAmounts(row: Item, line: Line, told: readonly Told[]): void {
    const sale = newestOf(
      line,
      told.filter(({ telling }) => telling !== 'garbled push'),
    );
    const commissions = newestOf(
      line,
      told.filter(({ telling }) => telling !== 'partial push'),
    );
    expect({ sale: row.sale_amount?.N, commissions: row.commissions?.N, u1: row.u1?.S }).toEqual({
      sale: sale && canonicalNumber(sale.saleAmount),
      commissions: commissions && canonicalNumber(commissions.commissions),
      u1: newestOf(line, told)?.u1,
    });
    // What was superseded is still there.
    const text = JSON.stringify(canonical(row));
    for (const { version, telling } of told)
      if (telling !== 'garbled push') expect(text).toContain(`"${canonicalNumber(version.saleAmount)}"`);
  }

  function expectVerification(row: Item, told: readonly Told[]): void {
    const byEventsApi = told.filter(({ telling }) => telling === 'events-api');
    const first = byEventsApi.map(({ receivedAt }) => receivedAt).sort()[0];
    const isTold = (shown: string | undefined, value: (version: Version) => string): boolean =>
      byEventsApi.some(({ version }) => value(version) === shown);
    const isConfirmed =
      isTold(row.sale_amount?.N, (v) => canonicalNumber(v.saleAmount)) &&
      isTold(row.commissions?.N, (v) => canonicalNumber(v.commissions)) &&
      isTold(row.u1?.S, (v) => v.u1);
    expect([row.verified_at?.S, row.contradicted_at?.S]).toEqual(isConfirmed ? [first, undefined] : [undefined, first]);
  }
});

describe('a writer', () => {
  const line = (fields: Partial<DeliveredLine['fields']> = {}, rest: Partial<DeliveredLine> = {}): DeliveredLine => ({
    fields: {
      sid: '3900112',
      advertiser_id: '41207',
      order_id: 'C-1',
      etransaction_id: 'A1',
      is_event: 'N',
      process_date: '2026-04-18T09:31:12.000Z',
      sale_amount: '180',
      ...fields,
    },
    problems: [],
    extra: {},
    query: 'sale_amount=180.0',
    requestId: 'r1',
    receivedAt: '2026-04-18T09:31:13.000Z',
    source: SOURCES.push,
    ...rest,
  });
  const later = { requestId: 'r2', receivedAt: '2026-04-18T10:00:00.000Z' };
  const correction = line({ sale_amount: '170', process_date: '2026-04-19T09:31:12.000Z' }, later);
  const confirmation = line({}, { ...later, source: SOURCES.eventsApi });
  const key = { order_key: { S: '3900112#41207#C-1' }, line_key: { S: 'A1#N' } };

  /** A client that counts its calls, and lets a test step in. */
  function watched(wrap: (name: string, call: () => Promise<unknown>) => Promise<unknown> = (_, call) => call()) {
    const calls: string[] = [];
    const inputs: object[] = [];
    const send = (command: PutItemCommand): Promise<unknown> => {
      const name = command.constructor.name.replace('Command', '');
      calls.push(name);
      inputs.push(command.input);
      return wrap(name, () => client.send(command));
    };
    return { calls, inputs, client: { send } as unknown as Pick<DynamoDBClient, 'send'> };
  }

  it.each<[string, DeliveredLine[], WriteOutcome[]]>([
    ['a new line', [line()], ['stored']],
    ['a redelivery', [line(), line({}, later)], ['stored', 'duplicate']],
    ['a correction', [line(), correction], ['stored', 'changed']],
    ['what a correction replaced, which comes late', [correction, line()], ['stored', 'changed']],
    ['a confirmation by the Events API', [line(), confirmation], ['stored', 'completed']],
    ['the push of a line that the Events API brought', [confirmation, line()], ['stored', 'completed']],
    ['another field', [line(), line({ u1: 'm' }, later)], ['stored', 'completed']],
    ['a redelivery after a correction', [line(), correction, line({}, later), correction], ['stored', 'changed', 'duplicate', 'duplicate']],
  ])('says what it did with %s', async (_, lines, outcomes) => {
    await withTable(async (tableName) => {
      expect(await writeAll(tableName, lines, 1)).toEqual(outcomes);
    });
  });

  it('takes away what no longer holds, and changes what stands in lists and maps', async () => {
    const bad: Partial<DeliveredLine> = {
      problems: [{ field: 'commissions', reason: 'not a number: "?"' }],
      extra: { src: 'v1', kept: 'yes' },
    };
    const other = { ...later, extra: { src: 'v2' } };
    const lines = [
      line({}, bad),
      line({ commissions: '5.4' }, other),
      line({ process_date: '2026-04-20T00:00:00.000Z' }, { receivedAt: '2026-04-20T00:00:01.000Z', requestId: 'r3', extra: { src: 'v3' } }),
    ];
    await withTable(async (tableName) => {
      expect(await writeAll(tableName, lines, 1)).toEqual(['stored', 'changed', 'changed']);
      const [row] = await scan(tableName);
      expect(canonical(row)).toEqual(canonical(rowsOf(lines)[0]));
      expect(row).toMatchObject({ extra: { M: { src: { S: 'v3' }, kept: { S: 'yes' } } }, commissions: { N: '5.4' } });
      expect(row?.parse_problems).toBeUndefined();
      expect(await writeAll(tableName, lines, 1)).toEqual(['duplicate', 'duplicate', 'duplicate']);
    });
  });

  it('gives a preliminary line its expiry, or takes it away, when the next delivery comes under another setting', async () => {
    await withTable(async (tableName) => {
      const preliminary = line({ is_event: 'Y' });
      const expiries: (Item[string] | undefined)[] = [];
      const outcomes: WriteOutcome[] = [];
      for (const seconds of [undefined, 60, undefined]) {
        outcomes.push(await new TransactionWriter(client, tableName, 1, seconds).write(preliminary));
        expiries.push((await scan(tableName))[0]?.expires_at);
      }
      expect(outcomes).toEqual(['stored', 'completed', 'completed']);
      expect(expiries).toEqual([undefined, { N: String(Date.parse('2026-04-18T09:32:12.000Z') / 1000) }, undefined]);
    });
  });

  it('knows a redelivery in whatever order the names of a map come back', async () => {
    await withTable(async (tableName) => {
      const lines = [
        line({}, { extra: { a: '1', b: '2' } }),
        line({ sale_amount: '170' }, { ...later, extra: { a: '3', b: '2', c: '4' } }),
      ];
      await writeAll(tableName, lines, 1);
      const backwards = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(backwards);
        if (typeof value !== 'object' || value === null) return value;
        return Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, of]) => [name, backwards(of)]),
        );
      };
      const reordering = watched(async (name, call) => (name === 'GetItem' ? backwards(await call()) : call()));
      const writer = new TransactionWriter(reordering.client, tableName, 1);
      for (const known of lines) expect(await writer.write(known)).toBe('duplicate');
      expect(reordering.calls).toEqual(['PutItem', 'GetItem', 'PutItem', 'GetItem']);
      // The row as it was written last, and, as it costs nothing, from the refusal where DynamoDB gives it.
      expect(reordering.inputs[0]).toMatchObject({ ReturnValuesOnConditionCheckFailure: 'ALL_OLD' });
      expect(reordering.inputs[1]).toMatchObject({ ConsistentRead: true });
    });
  });

  it('leaves what an application keeps on a row, also on one that the application began', async () => {
    await withTable(async (tableName) => {
      const setPaid = () =>
        client.send(
          new UpdateItemCommand({
            TableName: tableName,
            Key: key,
            UpdateExpression: 'SET paid_out = :paid, notes = :notes',
            ExpressionAttributeValues: { ':paid': { BOOL: true }, ':notes': { M: { by: { S: 'finance' }, n: { NS: ['1', '2'] } } } },
          }),
        );
      await setPaid();
      expect(await writeAll(tableName, [line(), line(), confirmation, correction], 1)).toEqual([
        'stored',
        'duplicate',
        'completed',
        'changed',
      ]);
      const paid = { paid_out: { BOOL: true }, notes: { M: { by: { S: 'finance' }, n: { NS: ['1', '2'] } } } };
      const [expected] = rowsOf([line(), confirmation, correction]);
      expect(await scan(tableName)).toEqual([{ ...expected, ...paid }]);
      await setPaid();
      expect(await writeAll(tableName, [line(), correction], 2)).toEqual(['duplicate', 'duplicate']);
    });
  });

  it('needs one call for a new line, and no read for a redelivery where DynamoDB hands over the row it has', async () => {
    await withTable(async (tableName) => {
      // The embedded server leaves the row out of its refusal; AWS puts it in.
      const asAws = watched(async (_, call) => {
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
          const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key: key }));
          throw new ConditionalCheckFailedException({ message: error.message, $metadata: {}, ...(Item && { Item }) });
        }
      });
      const writer = new TransactionWriter(asAws.client, tableName, 1);
      const steps: [DeliveredLine, string[]][] = [
        [line(), ['PutItem']],
        [line({}, later), ['PutItem']],
        [confirmation, ['GetItem', 'UpdateItem']],
        [confirmation, ['GetItem']],
        [correction, ['PutItem', 'UpdateItem']],
        [line({ etransaction_id: 'A2' }, { source: SOURCES.eventsApi }), ['GetItem', 'PutItem']],
      ];
      for (const [step, calls] of steps) {
        asAws.calls.length = 0;
        await writer.write(step);
        expect(asAws.calls).toEqual(calls);
      }
    });
  });

  it('writes a line again whose answer was lost, without a second effect', async () => {
    for (const lost of ['PutItem', 'UpdateItem']) {
      await withTable(async (tableName) => {
        const answers = watched(async (name, call) => {
          const answer = await call();
          if (name === lost) throw new Error('socket hang up');
          return answer;
        });
        const before = lost === 'UpdateItem' ? [line()] : [];
        await writeAll(tableName, before, 1);
        await expect(new TransactionWriter(answers.client, tableName, 1).write(correction)).rejects.toThrow('socket hang up');
        expect(await writeAll(tableName, [correction], 1)).toEqual(['duplicate']);
        expect(canonical(await scan(tableName))).toEqual(canonical(rowsOf([...before, correction])));
      });
    }
  });

  it('keeps what another writer adds between its look at the row and its update', async () => {
    await withTable(async (tableName) => {
      const lines = [line(), line({ u1: 'm' }, later), line({ sku_number: 'A' }, { ...later, requestId: 'r3' })] as const;
      await writeAll(tableName, [lines[0]], 1);
      const overtaken = watched(async (name, call) => {
        if (name === 'UpdateItem' && overtaken.calls.length < 4) await writeAll(tableName, [lines[1]], 1);
        return call();
      });
      expect(await new TransactionWriter(overtaken.client, tableName, 1).write(lines[2])).toBe('completed');
      expect(overtaken.calls).toEqual(['PutItem', 'GetItem', 'UpdateItem', 'GetItem', 'UpdateItem']);
      expect(canonical(await scan(tableName))).toEqual(canonical(rowsOf(lines)));
    });
  });

  it('goes on when the row goes away or is changed while it is at work, and gives up rather than overwrite', async () => {
    await withTable(async (tableName) => {
      // The row that refused the put is gone when it is read.
      let refusals = 0;
      const gone = watched(async (name, call) => {
        if (name !== 'PutItem' || refusals > 0) return call();
        refusals += 1;
        throw new ConditionalCheckFailedException({ message: 'The conditional request failed', $metadata: {} });
      });
      expect(await new TransactionWriter(gone.client, tableName, 1).write(line())).toBe('stored');
      expect(gone.calls).toEqual(['PutItem', 'GetItem', 'PutItem']);

      // Somebody else is always faster.
      let amount = 200;
      const contested = watched(async (name, call) => {
        amount += 1;
        if (name === 'UpdateItem') await writeAll(tableName, [line({ sale_amount: String(amount) }, later)], 1);
        return call();
      });
      const losing = new TransactionWriter(contested.client, tableName, 1).write(correction);
      await expect(losing).rejects.toThrow('the row was changed by others 10 times while it was written');
      expect(await writeAll(tableName, [correction], 1)).toEqual(['changed']);
      const [row] = await scan(tableName);
      expect(row?.sale_amount).toEqual({ N: '170' });
      expect(row?.previous_versions?.L).toHaveLength(11);
    });
  });

  it("passes DynamoDB's errors on, and writes when it is well again", async () => {
    await withTable(async (tableName) => {
      const { endpoint, region, credentials } = client.config;
      const oneTry = new DynamoDBClient({ endpoint, region, credentials, maxAttempts: 1 });
      const writer = new TransactionWriter(oneTry, tableName, 1);
      await server.refuse({ operations: ['PutItem'], status: 400, type: 'ProvisionedThroughputExceededException', times: 1 });
      await expect(writer.write(line())).rejects.toMatchObject({ name: 'ProvisionedThroughputExceededException' });
      await server.accept();
      expect(await writer.write(line())).toBe('stored');
      oneTry.destroy();
    });
  });
});

describe('a row with all sixteen fields', () => {
  it('costs one write unit, verified or not, and one in each index', () => {
    const parameters = Object.entries(TYPICAL_LINE);
    const { fields, problems, extra } = parsePostback(parameters, ALL_FIELDS);
    expect(Object.keys(fields)).toHaveLength(16);
    const push: DeliveredLine = {
      fields: { sid: '3900112', ...fields },
      problems,
      extra,
      query: normalisedQuery(parameters),
      requestId: 'JKJaXmPLvHcESHA=',
      receivedAt: '2026-04-18T09:31:13.250Z',
      source: SOURCES.push,
    };
    const told = { ...push, receivedAt: '2026-04-18T11:00:00.000Z', source: SOURCES.eventsApi };
    const key = rowKey(fields);
    const isNew = toItem(key, stateOf(push), 10);
    const verified = toItem(key, join(stateOf(push), stateOf(told)), 10);
    const each = { 'by-member': 1, 'by-day': 1, 'by-transaction': 1 };
    expect(writeUnits(undefined, isNew)).toEqual({ table: 1, indexes: each, total: 4 });
    expect(writeUnits(isNew, verified)).toEqual({ table: 1, indexes: { ...each, 'by-transaction': 0 }, total: 3 });
    expect(writeUnits(verified, verified)).toMatchObject({ total: 1 });
  });

  it('has an entry in an index by the rules of DynamoDB', () => {
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

describe('hostile postbacks', () => {
  const decimals = fc.oneof(
    fc.constantFrom('1e125', '-1e-130', '9.9999999999999999999999999999999999999e125', '0.30000000000000004', '1'.repeat(39), '-0'),
    fc.double().map(String),
    fc.string(),
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', ' ', '<u1>', '\u0000', '~', '-', '#', 'ü'.repeat(2000), 'x'.repeat(10_000), '🐈'.repeat(2500)),
  );
  const names = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Object.keys(POSTBACK_FIELDS)) },
    fc.constantFrom('', '__proto__', 'constructor', '=', '==', ' u1', 'lock_status', 'order_key', 'received_at', 'extra', 'x'.repeat(9000)),
    fc.string({ unit: 'binary' }),
  );
  const parameters: fc.Arbitrary<Parameters> = fc.uniqueArray(
    names.chain((name) => fc.tuple(fc.constant(name), /amount|commissions|quantity/.test(name) ? decimals : text)),
    { selector: ([name]) => name, maxLength: 20 },
  );

  function lineOf(sent: Parameters, receivedAt: string): DeliveredLine {
    const parsed = parsePostback(sent, ALL_FIELDS);
    return {
      ...parsed,
      fields: { sid: '3900112', ...parsed.fields },
      query: normalisedQuery(sent),
      requestId: 'r',
      receivedAt,
      source: SOURCES.push,
    };
  }

  it('are rows like any other: nothing that can be sent makes DynamoDB refuse', async () => {
    await withTable(async (tableName) => {
      let at = 0;
      await fc.assert(
        fc.asyncProperty(parameters, parameters, async (first, second) => {
          at += 1;
          // Both may be versions of one line, but not of one of another run: some hundred versions are more than an item can hold.
          const lines = [first, second].map((sent, i) =>
            lineOf([...sent.filter(([name]) => name !== 'etransaction_id'), ['etransaction_id', `T-${at}`]], `2026-04-18T09:31:1${i}.000Z`),
          );
          await writeAll(tableName, lines, 2);
          for (const { fields, problems } of lines) {
            const { orderKey, lineKey } = rowKey(fields, problems);
            const Key = { order_key: { S: orderKey }, line_key: { S: lineKey } };
            const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key }));
            if (Item === undefined) throw new Error('no row');
            for (const { partition, sort } of Object.values(INDEX_KEYS)) {
              expect(Buffer.byteLength(Item[partition]?.S ?? '')).toBeLessThanOrEqual(2048);
              if (sort !== undefined) expect(Buffer.byteLength(Item[sort]?.S ?? '')).toBeLessThanOrEqual(1024);
            }
          }
        }),
        { numRuns: 150 },
      );
    });
  }, 60_000);

  it('come back from the table exactly as they were read', async () => {
    await withTable(async (tableName) => {
      let at = 0;
      await fc.assert(
        fc.asyncProperty(parameters, async (sent) => {
          at += 1;
          // Each is a line of its own.
          const line = lineOf([...sent.filter(([name]) => name !== 'order_id'), ['order_id', `O-${at}`]], '2026-04-18T09:31:13.000Z');
          const [expected] = rowsOf([line]);
          expect(await writeAll(tableName, [line], 1)).toEqual(['stored']);
          const Key = { order_key: expected?.order_key ?? { S: '' }, line_key: expected?.line_key ?? { S: '' } };
          const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key }));
          expect(canonical(Item)).toEqual(canonical(expected));
          expect(await writeAll(tableName, [line], 1)).toEqual(['duplicate']);
        }),
        { numRuns: 150 },
      );
    });
  }, 60_000);
});
