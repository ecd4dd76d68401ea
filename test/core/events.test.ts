import { readFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { CreateTableCommand, type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import Ajv, { type SchemaObject } from 'ajv';
import Big from 'big.js';
import fc from 'fast-check';
import { MemoryDynamoDb } from '../../campaign/memory-dynamodb';
import { type TransactionEvent, transactionEvent } from '../../core/events/event';
import { type EventFilter, REASONS, type TransactionReason } from '../../core/events/event-filter';
import { isWanted } from '../../core/events/is-wanted';
import { pipePatterns } from '../../core/events/pipe-patterns';
import type { StreamRecord } from '../../core/events/stream-record';
import { ATTRIBUTES, ENVIRONMENT, SOURCES } from '../../core/names';
import type { TransactionKind } from '../../core/rakuten/transaction-kind';
import { type Item, readValues } from '../../core/store/attributes';
import { toItem } from '../../core/store/item';
import { rowKey } from '../../core/store/keys';
import { type DeliveredLine, join, stateOf } from '../../core/store/merge';
import type { LineFields } from '../../core/store/row';
import { createTableInput } from '../../core/store/table';
import { TransactionWriter } from '../../core/store/write';
import { ExecutionEnvironment } from '../../local/lambda/environment';
import { matches } from '../support/event-pattern';
import { ROOT } from '../support/sources';

const schema: SchemaObject = JSON.parse(readFileSync(path(ROOT, 'docs/schemas/transaction-event-v1.json'), 'utf8'));
/** Readers are to ignore what they do not know; here nothing may be in an event that the schema does not describe. */
const closed = structuredClone(schema);
closed.additionalProperties = false;
closed.properties.transaction.additionalProperties = false;
closed.definitions.change.additionalProperties = false;
const ajv = new Ajv({ allErrors: true, strict: true });
const asPublished = ajv.compile(schema);
const withNothingElse = ajv.compile({ ...closed, $id: 'closed' });

const T1 = '2026-04-18T09:31:13.250Z';
const T2 = '2026-04-18T10:00:00.000Z';
const T3 = '2026-04-19T08:00:00.000Z';
const QUERY = 'is_event=N&order_id=W-1&u1=member-7';

function delivery(receivedAt: string, fields: LineFields, rest: Partial<DeliveredLine> = {}): DeliveredLine {
  const identity = { sid: '3900112', advertiser_id: '39001', order_id: 'W-1', etransaction_id: 'A1', is_event: 'N' };
  return {
    fields: { ...identity, ...fields },
    problems: [],
    extra: {},
    query: QUERY,
    requestId: 'r',
    receivedAt,
    source: SOURCES.push,
    ...rest,
  };
}

const MONEY = { sale_amount: '19.99', commissions: '1', quantity: '1', currency: 'USD', u1: 'member-7' };
const SECONDS = Date.parse('2026-04-18T09:31:14.000Z') / 1000;

function record(before: Item | undefined, after: Item | undefined, number = 1): StreamRecord {
  return {
    eventID: `event-${number}`,
    eventName: after === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY',
    dynamodb: {
      ApproximateCreationDateTime: SECONDS,
      SequenceNumber: String(number).padStart(21, '1'),
      NewImage: after,
      OldImage: before,
    },
  };
}

/** The rows that a line has in turn. */
function rowsAfter(...lines: DeliveredLine[]): Item[] {
  return lines.map((line, i) =>
    toItem(
      rowKey(line.fields),
      lines
        .slice(0, i + 1)
        .map(stateOf)
        .reduce(join),
      1,
    ),
  );
}

/** What the table's stream tells of these deliveries: a delivery that changes nothing is no record. */
function recordsOf(...lines: DeliveredLine[]): StreamRecord[] {
  const rows = rowsAfter(...lines);
  return rows.flatMap((row, i) => (JSON.stringify(row) === JSON.stringify(rows[i - 1]) ? [] : [record(rows[i - 1], row, i + 1)]));
}

function eventOf(streamRecord: StreamRecord | undefined): TransactionEvent {
  const event = streamRecord === undefined ? undefined : transactionEvent(streamRecord);
  if (event === undefined) throw new Error('no event');
  return event;
}

const lastEvent = (...lines: DeliveredLine[]): TransactionEvent => eventOf(recordsOf(...lines).at(-1));

const optional = <T>(...values: T[]): fc.Arbitrary<T | undefined> => fc.option(fc.constantFrom(...values), { nil: undefined });
const decimal = fc
  .tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.integer({ min: 0, max: 12 }))
  .map(([digits, scale]) => new Big(digits.toString()).times(new Big(10).pow(-scale)).toFixed());
const anyDelivery = fc
  .record({
    fields: fc.record({
      process_date: optional(T1, '2026-04-18T09:31:13.000Z', T3),
      transaction_date: optional('2026-04-18T09:24:55.000Z', '2026-04-18T09:24:55.001Z'),
      sale_amount: fc.oneof(optional('19.99', '19.989999771118164', '-19.99', '0'), decimal),
      commissions: optional('1', '-1', '0'),
      currency: optional('USD', 'EUR'),
      u1: optional('m_1', 'm_2'),
      sku_number: optional('SKU', 'DISCOUNT'),
      commissions_list_id: optional('9', '10'),
    }),
    extra: fc.dictionary(fc.constantFrom('site', '', '='), fc.constantFrom('a', ''), { maxKeys: 2 }),
    receivedAt: fc.constantFrom(T1, T2, T3),
    source: fc.constantFrom(SOURCES.push, SOURCES.eventsApi),
  })
  .map(({ fields, receivedAt, ...rest }) =>
    delivery(receivedAt, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)), rest),
  );
const anyRecords = fc
  .tuple(fc.constantFrom('Y', 'N'), fc.array(anyDelivery, { minLength: 1, maxLength: 5 }))
  .map(([is_event, lines]) => recordsOf(...lines.map((line) => ({ ...line, fields: { ...line.fields, is_event } }))));

describe('an event', () => {
  it('is as the published schema says, and has nothing that the schema does not describe', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        for (const one of records) {
          const event = JSON.parse(JSON.stringify(eventOf(one)));
          expect([asPublished(event), withNothingElse(event), withNothingElse.errors]).toEqual([true, true, null]);
        }
      }),
    );
  });

  it('tells every field of the row exactly as it stands there, amounts with every digit and their sign', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        for (const one of records) {
          const { transaction } = eventOf(one);
          const shown = readValues(one.dynamodb.NewImage ?? {});
          expect(shown.size).toBeGreaterThan(4);
          for (const [field, value] of shown) expect(transaction[field as keyof typeof transaction]).toBe(value);
        }
      }),
    );
  });

  it('tells what was otherwise before: undone, its changes give the event before it', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const events = records.map(eventOf);
        events.slice(1).forEach(({ transaction, changes }, i) => {
          const undone: Record<string, unknown> = { ...transaction };
          for (const [name, { old, new: now }] of Object.entries(changes)) {
            expect(undone[name] ?? null).toEqual(now);
            if (old === null) delete undone[name];
            else undone[name] = old;
          }
          const { kind: _, ...before } = events[i]?.transaction ?? {};
          const { kind: __, ...after } = undone;
          expect(after).toEqual(before);
        });
        expect(events[0]?.changes).toEqual({});
      }),
    );
  });

  it('holds no query string, which may have been forged, and nothing that another reader would need another right for', () => {
    const [insert, modify] = recordsOf(delivery(T1, MONEY), delivery(T2, { ...MONEY, sale_amount: '25', process_date: T2 }));
    for (const one of [insert, modify]) {
      const text = JSON.stringify(eventOf(one));
      expect(text).not.toContain(QUERY);
      expect(text).not.toContain(ATTRIBUTES.previousVersions);
    }
  });

  it('names the change, the order and the time, so that a repetition can be told from another change', () => {
    const event = lastEvent(delivery(T1, MONEY));
    expect(event).toMatchObject({
      version: '1',
      eventID: 'event-1',
      sequence_number: '111111111111111111111',
      written_at: '2026-04-18T09:31:14.000Z',
      transaction: { order_key: '3900112#39001#W-1', line_key: 'A1#N', kind: 'sale' },
    });
    const ofOrder = (order_id: string, etransaction_id: string): string => lastEvent(delivery(T1, { order_id, etransaction_id })).group;
    expect(ofOrder('W-1', 'A1')).toBe(ofOrder('W-1', 'B2'));
    expect(ofOrder('W-1', 'A1')).not.toBe(ofOrder('W-2', 'A1'));
    expect(ofOrder('ü'.repeat(900), 'A1')).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('why an event is sent', () => {
  const told = (fields: LineFields, receivedAt = T2): DeliveredLine => delivery(receivedAt, fields, { source: SOURCES.eventsApi });
  const push = delivery(T1, MONEY);

  it.each<[string, DeliveredLine[], TransactionReason[]]>([
    ['the first delivery of a line', [push], ['new']],
    ['a line that the Events API brought first', [told(MONEY)], ['new', 'verified']],
    [
      'the Events API confirms, with fields of its own',
      [push, told({ ...MONEY, commissions_list_id: '9', lock_status: 'N' })],
      ['verified'],
    ],
    [
      'the Events API tells an older amount than the row shows',
      [delivery(T1, { ...MONEY, process_date: T2 }), told({ ...MONEY, sale_amount: '20', process_date: T1 })],
      ['contradicted'],
    ],
    [
      'a verified line is corrected by a push alone',
      [told({ ...MONEY, process_date: T1 }), delivery(T3, { ...MONEY, sale_amount: '20', process_date: T3 })],
      ['changed', 'contradicted'],
    ],
    ['a correction', [push, delivery(T2, { ...MONEY, sale_amount: '25', process_date: T2 })], ['changed']],
    ['a currency that was missing', [delivery(T1, { sale_amount: '1' }), delivery(T2, { sale_amount: '1', currency: 'USD' })], ['changed']],
    [
      'the noise of a float is gone',
      [delivery(T1, { sale_amount: '19.989999771118164' }), delivery(T2, { sale_amount: '19.99' })],
      ['changed'],
    ],
    ['a static value changed', [push, { ...delivery(T2, { ...MONEY, process_date: T2 }), extra: { site: 'b' } }], ['changed']],
    [
      'a time is told more precisely',
      [delivery(T1, { transaction_date: '2026-04-18T09:24:55.000Z' }), delivery(T2, { transaction_date: '2026-04-18T09:24:55.250Z' })],
      ['bookkeeping'],
    ],
    ['the Events API only adds to what it told', [push, told(MONEY), told({ ...MONEY, lock_status: 'N' }, T3)], ['bookkeeping']],
    [
      'the Events API changes what it told',
      [push, told({ ...MONEY, lock_status: 'N', process_date: T2 }), told({ ...MONEY, lock_status: 'Y', process_date: T3 }, T3)],
      ['changed'],
    ],
  ])('%s', (_, lines, reasons) => {
    expect([...lastEvent(...lines).reasons].sort()).toEqual([...reasons].sort());
  });

  it('is bookkeeping when the application notes something on the row', () => {
    const [row = {}] = rowsAfter(push);
    expect(eventOf(record(row, { ...row, paid_out: { S: 'yes' } })).reasons).toEqual(['bookkeeping']);
  });

  it('is a new line when the application had begun the row, and nothing before the line comes', () => {
    const [row = {}] = rowsAfter(push);
    const begun: Item = { order_key: row.order_key ?? { S: '' }, line_key: row.line_key ?? { S: '' }, paid_out: { S: 'no' } };
    expect(transactionEvent(record(undefined, begun))).toBeUndefined();
    expect(eventOf(record(begun, { ...begun, ...row }))).toMatchObject({ reasons: ['new'], changes: {} });
  });

  it('is never that a row is gone: an expired row is no return', () => {
    const [row = {}] = rowsAfter(push);
    expect(transactionEvent(record(row, undefined))).toBeUndefined();
  });

  it('is not guessed where the stream does not show the row before the change', () => {
    const [row = {}] = rowsAfter(push);
    const blind = { ...record(row, row), dynamodb: { SequenceNumber: '1', NewImage: row } };
    expect(() => transactionEvent(blind)).toThrow(/the row before the change not at all.*NEW_AND_OLD_IMAGES/);
  });
});

describe('a filter', () => {
  const KINDS: TransactionKind[] = ['preliminary', 'sale', 'return', 'adjustment', 'unknown'];
  const anyFilter: fc.Arbitrary<EventFilter> = fc
    .record({
      reasons: fc.subarray([...REASONS], { minLength: 1 }),
      kinds: fc.option(fc.subarray(KINDS, { minLength: 1 }), { nil: undefined }),
      sids: optional(['3900112'], ['1']),
      advertiserIds: optional(['39001', '39002'], ['39002']),
      verifiedOnly: optional(true),
    })
    .map((filter) => JSON.parse(JSON.stringify(filter)));

  it("never loses a wanted event to the pipe's patterns, of which there are at most five", () => {
    fc.assert(
      fc.property(anyFilter, anyRecords, (filter, records) => {
        const patterns = pipePatterns(filter);
        expect(patterns.length).toBeLessThanOrEqual(5);
        for (const one of records) {
          if (isWanted(filter, eventOf(one))) expect(patterns.some((pattern) => matches(pattern, one))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  const passing = (filter: EventFilter, ...lines: DeliveredLine[]): boolean[] =>
    recordsOf(...lines).map((one) => pipePatterns(filter).some((pattern) => matches(pattern, one)) && isWanted(filter, eventOf(one)));
  const usual = ['new', 'changed'] as const;
  const correction = delivery(T2, { ...MONEY, sale_amount: '-5', process_date: T2 });
  const confirmed = delivery(T3, { ...MONEY, process_date: T1 }, { source: SOURCES.eventsApi });

  it.each<[string, EventFilter, DeliveredLine[], boolean[]]>([
    ['new lines only', { reasons: ['new'] }, [delivery(T1, MONEY), correction], [true, false]],
    ['not what only notes a verification', { reasons: usual }, [delivery(T1, { ...MONEY, process_date: T1 }), confirmed], [true, false]],
    [
      'verified lines only',
      { reasons: [...usual, 'verified'], verifiedOnly: true },
      [delivery(T1, { ...MONEY, process_date: T1 }), confirmed],
      [false, true],
    ],
    [
      'verified lines, and when one is not any more',
      { reasons: [...usual, 'verified', 'contradicted'], verifiedOnly: true },
      [confirmed, correction],
      [true, true],
    ],
    ['returns only', { reasons: usual, kinds: ['return'] }, [delivery(T1, { ...MONEY, sale_amount: '-1' })], [true]],
    ['sales only', { reasons: usual, kinds: ['sale'] }, [delivery(T1, { ...MONEY, sale_amount: '-1' })], [false]],
    ['sales, and when one is none any more', { reasons: usual, kinds: ['sale'] }, [delivery(T1, MONEY), correction], [true, true]],
    ['preliminary lines only', { reasons: usual, kinds: ['preliminary'] }, [delivery(T1, { ...MONEY, is_event: 'Y' })], [true]],
    [
      'confirmed lines only',
      { reasons: usual, kinds: ['sale', 'return', 'adjustment'] },
      [delivery(T1, { ...MONEY, is_event: 'Y' })],
      [false],
    ],
    ['another publisher', { reasons: usual, sids: ['1'] }, [delivery(T1, MONEY)], [false]],
    ['this advertiser', { reasons: usual, advertiserIds: ['1', '39001'] }, [delivery(T1, MONEY)], [true]],
  ])('%s', (_, filter, lines, expected) => {
    expect(passing(filter, ...lines)).toEqual(expected);
  });

  it('lets no row pass that is gone, or no line yet', () => {
    const [row = {}] = rowsAfter(delivery(T1, MONEY));
    const begun: Item = { order_key: { S: 'o' }, line_key: { S: 'l' } };
    for (const filter of [{ reasons: REASONS }, { reasons: ['new'] }] as EventFilter[]) {
      for (const one of [record(row, undefined), record(undefined, begun)]) {
        expect(pipePatterns(filter).some((pattern) => matches(pattern, one))).toBe(false);
      }
    }
  });
});

it('comes from the bundled function for what the consumer really writes, in order', async () => {
  const database = new MemoryDynamoDb();
  const client = { send: (command: unknown) => database.execute(command) } as unknown as DynamoDBClient;
  await client.send(new CreateTableCommand(createTableInput('transactions')));
  const writer = new TransactionWriter(client, 'transactions', 1);
  const first = delivery(T1, { ...MONEY, process_date: T1 });
  const key = rowKey(first.fields);
  const Key = { order_key: { S: key.orderKey }, line_key: { S: key.lineKey } };
  const read = async (): Promise<Item | undefined> =>
    structuredClone((await client.send(new GetItemCommand({ TableName: 'transactions', Key }))).Item);

  const records: StreamRecord[] = [];
  const steps: (() => Promise<unknown>)[] = [
    () => writer.write(first),
    () => writer.write(first),
    () => writer.write(delivery(T2, { ...MONEY, sale_amount: '25.10', process_date: T2 })),
    () =>
      client.send(
        new UpdateItemCommand({
          TableName: 'transactions',
          Key,
          UpdateExpression: 'SET #0 = :0',
          ExpressionAttributeNames: { '#0': 'paid_out' },
          ExpressionAttributeValues: { ':0': { S: 'yes' } },
        }),
      ),
    () => writer.write(delivery(T3, { ...MONEY, sale_amount: '25.1', process_date: T2 }, { source: SOURCES.eventsApi })),
  ];
  for (const step of steps) {
    const before = await read();
    await step();
    const after = await read();
    if (JSON.stringify(before) !== JSON.stringify(after)) records.push(record(before, after, records.length + 1));
  }
  expect(records).toHaveLength(4);

  const output: string[] = [];
  const lambda = new ExecutionEnvironment({
    name: 'transaction-event',
    taskRoot: path(ROOT, 'lambda-dist/transaction-event'),
    handler: 'index.handler',
    timeoutSeconds: 30,
    memoryMegabytes: 256,
    variables: {
      [ENVIRONMENT.metricsService]: 'test',
      [ENVIRONMENT.transactionFilter]: JSON.stringify({ reasons: ['new', 'changed', 'verified'] } satisfies EventFilter),
    },
    endpoints: { dynamodb: 'http://127.0.0.1:1', sqs: 'http://127.0.0.1:1', secretsManager: 'http://127.0.0.1:1' },
    onOutput: (line) => output.push(line),
  });
  try {
    const events = (await lambda.invoke(records)) as TransactionEvent[];
    expect(events.map(({ reasons, transaction }) => [transaction.sale_amount, ...reasons])).toEqual([
      ['19.99', 'new'],
      ['25.1', 'changed'],
      ['25.1', 'verified'],
    ]);
    expect(events.every((event) => withNothingElse(event))).toBe(true);
    expect(events[1]?.changes.sale_amount).toEqual({ old: '19.99', new: '25.1' });
    expect(output.join('\n')).not.toContain('member-7');
  } finally {
    await lambda.close();
  }
});
