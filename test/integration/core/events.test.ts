import { readFileSync } from 'node:fs';
import { join as path } from 'node:path';
import {
  CreateTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import Ajv, { type SchemaObject } from 'ajv';
import fc from 'fast-check';
import type { StreamRecord } from '../../../core/change-events/event';
import { type TransactionEvent, transactionEvent } from '../../../core/change-events/event';
import {
  type EventFilter,
  REASONS,
  type TransactionReason,
} from '../../../core/change-events/event-filter';
import { matchesFilter } from '../../../core/change-events/matches-filter';
import { pipePatterns } from '../../../core/change-events/pipe-patterns';
import { ENVIRONMENT } from '../../../core/names';
import { createTableInput } from '../../../core/state/table';
import { type Item, readFields } from '../../../core/transactions/attributes';
import type { RowKey } from '../../../core/transactions/keys';
import type { LineFields } from '../../../core/transactions/row';
import { itemKey, RowStore } from '../../../core/transactions/row-store';
import { ExecutionEnvironment } from '../../../local/lambda/environment';
import { matches } from '../../../tools/event-ruler/event-pattern';
import {
  answer,
  answered,
  anyFilter,
  anyRecords,
  itemsAfter,
  KEY,
  MONEY,
  push,
  pushed,
  QUERY,
  record,
  recordsOf,
  type Step,
  T1,
  T2,
  T3,
  T4,
  withdrawn,
} from '../../../tools/event-ruler/stream-records';
import { MemoryDynamoDb } from '../../../tools/simulation/memory-dynamodb';
import { ROOT } from '../../support/sources';

const schema: SchemaObject = JSON.parse(
  readFileSync(path(ROOT, 'docs/schemas/transaction-event-v1.json'), 'utf8'),
);
/** Readers ignore unknown properties. These tests allow none. */
const closed = structuredClone(schema);
closed.additionalProperties = false;
closed.properties.transaction.additionalProperties = false;
closed.definitions.change.additionalProperties = false;
const ajv = new Ajv({ allErrors: true, strict: true });
const isPublishedFormat = ajv.compile(schema);
const isClosedFormat = ajv.compile({ ...closed, $id: 'closed' });

function eventOf(streamRecord: StreamRecord | undefined): TransactionEvent {
  const event = streamRecord === undefined ? undefined : transactionEvent(streamRecord);
  if (event === undefined) throw new Error('no event');
  return event;
}

const lastEvent = (...steps: Step[]): TransactionEvent => eventOf(recordsOf(steps).at(-1));

describe('an event', () => {
  it('has the published format, and nothing that the schema does not describe', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        for (const one of records) {
          const event = JSON.parse(JSON.stringify(eventOf(one)));
          expect([isPublishedFormat(event), isClosedFormat(event), isClosedFormat.errors]).toEqual([
            true,
            true,
            null,
          ]);
        }
      }),
    );
  });

  it('has the format of the documented example', () => {
    const [, example = ''] =
      /```json\n([\s\S]*?)```/.exec(readFileSync(path(ROOT, 'docs/downstream.md'), 'utf8')) ?? [];
    const event = JSON.parse(example) as TransactionEvent;
    expect([isClosedFormat(event), isClosedFormat.errors]).toEqual([true, null]);
    expect(event.group).toBe(
      eventOf(recordsOf([push(T1, MONEY)], { lineId: event.transaction.line_id, isEvent: 'N' })[0])
        .group,
    );
  });

  it('has every field of the row exactly as stored, amounts with every digit and their sign', () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        for (const one of records) {
          const { transaction } = eventOf(one);
          const { NewImage = {} } = one.dynamodb;
          for (const [field, value] of Object.entries(readFields(NewImage))) {
            expect(transaction[field as keyof typeof transaction]).toBe(value);
          }
          expect(transaction).toMatchObject({
            line_id: NewImage.line_id?.S,
            is_event: NewImage.is_event?.S,
          });
        }
      }),
    );
  });

  it('has the old values: without its changes, it shows what the event before it shows', () => {
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

  it('has no query string, which can be forged, and nothing of other postbacks', () => {
    for (const one of recordsOf([
      push(T1, MONEY),
      push(T2, { ...MONEY, sale_amount: '666' }),
      answer(T3, MONEY),
    ])) {
      const text = JSON.stringify(eventOf(one));
      expect(text).not.toContain(QUERY);
      expect(text).not.toContain('666');
    }
  });

  it('identifies the change, the line and the time', () => {
    expect(lastEvent(push(T1, MONEY))).toMatchObject({
      version: '1',
      eventID: 'event-1',
      sequence_number: '111111111111111111111',
      written_at: '2026-04-18T09:31:14.000Z',
      transaction: {
        line_id: '3900112#A1',
        sid: '3900112',
        etransaction_id: 'A1',
        is_event: 'N',
        order_id: 'W-1',
        kind: 'sale',
      },
    });
  });

  it('has no transaction ID if a hash of the content is in its place', () => {
    const [one] = recordsOf([push(T1, MONEY)], { lineId: '3900112#~0123', isEvent: 'N' });
    expect(eventOf(one).transaction).not.toHaveProperty('etransaction_id');
  });

  it('is in the group of its line, in whatever order the line is', () => {
    const groupOf = (lineId: string, fields: LineFields): string =>
      eventOf(recordsOf([push(T1, fields)], { ...KEY, lineId })[0]).group;
    expect(groupOf('3900112#A1', { order_id: 'W-1' })).toBe(
      groupOf('3900112#A1', { order_id: 'W-2' }),
    );
    expect(groupOf('3900112#A1', MONEY)).not.toBe(groupOf('3900112#B2', MONEY));
    expect(groupOf(`3900112#${'ü'.repeat(900)}`, MONEY)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('has the old order, advertiser and member of a line that an answer moved', () => {
    const moved = { advertiser_id: '39002', order_id: 'A 1', u1: 'member-8' };
    expect(lastEvent(push(T1, MONEY), answer(T2, { ...MONEY, ...moved }))).toMatchObject({
      reasons: ['changed', 'verified'],
      transaction: moved,
      changes: {
        advertiser_id: { old: '39001', new: '39002' },
        order_id: { old: 'W-1', new: 'A 1' },
        u1: { old: 'member-7', new: 'member-8' },
      },
    });
  });
});

describe('the reason of an event', () => {
  const { u1: _, ...WITHOUT_MEMBER } = MONEY;

  it.each<[string, Step[], TransactionReason[]]>([
    ['is new for the first postback of a line', [push(T1, MONEY)], ['new']],
    [
      'is new and verified for a line that the Events API returned first',
      [answer(T1, MONEY)],
      ['new', 'verified'],
    ],
    [
      'is verified when the Events API returns the same values',
      [push(T1, MONEY), answer(T2, MONEY)],
      ['verified'],
    ],
    [
      'is changed and verified when the Events API returns another amount',
      [push(T1, MONEY), answer(T2, { ...MONEY, sale_amount: '20' })],
      ['changed', 'verified'],
    ],
    [
      'is only verified when the first answer adds fields that postbacks lack',
      [push(T1, MONEY), answer(T2, { ...MONEY, lock_status: 'N' })],
      ['verified'],
    ],
    [
      'is changed when such a field gets another value',
      [answer(T1, { ...MONEY, lock_status: 'N' }), answer(T2, { ...MONEY, lock_status: 'Y' })],
      ['changed'],
    ],
    [
      'is changed when an answer replaces a verified value',
      [answer(T1, MONEY), answer(T2, { ...MONEY, sale_amount: '20' })],
      ['changed'],
    ],
    [
      'is changed when an answer replaces a value that is not checked',
      [answer(T1, MONEY), answer(T2, { ...MONEY, product_name: 'Tea' })],
      ['changed'],
    ],
    [
      'is changed when a time differs',
      [
        push(T1, MONEY),
        answer(T2, MONEY),
        answer(T3, { ...MONEY, process_date: '2026-04-18T09:24:55Z' }),
      ],
      ['changed'],
    ],
    [
      'is changed when an earlier postback takes the place of the first one',
      [push(T2, MONEY), push(T1, { ...MONEY, sale_amount: '20' })],
      ['changed'],
    ],
    [
      'is changed when a static value differs',
      [push(T2, MONEY, { extra: { site: 'a' } }), push(T1, MONEY, { extra: { site: 'b' } })],
      ['changed'],
    ],
    [
      'is changed when the member is no longer verified',
      [push(T1, MONEY), answer(T2, MONEY), answer(T3, WITHOUT_MEMBER)],
      ['changed'],
    ],
    [
      'is verified when the Events API returns the member of the postback',
      [push(T1, MONEY), answer(T2, WITHOUT_MEMBER), answer(T3, MONEY)],
      ['verified'],
    ],
    ['is withdrawn when the line is eliminated', [answer(T1, MONEY), withdrawn(T2)], ['withdrawn']],
    [
      'is verified when a withdrawn line is back',
      [answer(T1, MONEY), withdrawn(T2), answer(T3, MONEY)],
      ['verified'],
    ],
    [
      'is changed when a withdrawn line is back without its member',
      [push(T1, MONEY), answer(T2, MONEY), withdrawn(T3), answer(T4, WITHOUT_MEMBER)],
      ['changed'],
    ],
    [
      'is bookkeeping for another postback',
      [push(T1, MONEY), push(T2, { ...MONEY, sale_amount: '25' })],
      ['bookkeeping'],
    ],
    [
      'is bookkeeping for a postback that differs from the answer',
      [answer(T1, MONEY), push(T2, { ...MONEY, sale_amount: '25' })],
      ['bookkeeping'],
    ],
    ['is bookkeeping for an earlier arrival', [push(T2, MONEY), push(T1, MONEY)], ['bookkeeping']],
    [
      'is bookkeeping for the first postback after an answer',
      [answer(T1, MONEY), push(T2, MONEY)],
      ['bookkeeping'],
    ],
  ])('%s', (_, steps, reasons) => {
    expect(lastEvent(...steps).reasons).toEqual(reasons);
  });

  it('is bookkeeping when the application writes to the row', () => {
    const [row = {}] = itemsAfter([push(T1, MONEY)]);
    expect(eventOf(record(row, { ...row, paid_out: { S: 'yes' } })).reasons).toEqual([
      'bookkeeping',
    ]);
  });

  it('is new when the application wrote to the row before the line arrived', () => {
    const [row = {}] = itemsAfter([push(T1, MONEY)]);
    const begun: Item = { ...itemKey(KEY), paid_out: { S: 'no' } };
    expect(transactionEvent(record(undefined, begun))).toBeUndefined();
    expect(eventOf(record(begun, { ...begun, ...row }))).toMatchObject({
      reasons: ['new'],
      changes: {},
    });
  });

  it('is never a deleted row: an expired row is no return', () => {
    const [row] = itemsAfter([push(T1, MONEY)]);
    expect(transactionEvent(record(row, undefined))).toBeUndefined();
  });

  it('is not guessed if the stream lacks the row before the change', () => {
    const [row = {}] = itemsAfter([push(T1, MONEY)]);
    const blind = { ...record(row, row), dynamodb: { SequenceNumber: '1', NewImage: row } };
    expect(() => transactionEvent(blind)).toThrow(
      /lacks the row before the change.*NEW_AND_OLD_IMAGES/,
    );
  });

  it('is more than bookkeeping whenever the line shows another value or another status', () => {
    const statusOf = ({ transaction }: TransactionEvent): string =>
      transaction.verified_at !== undefined
        ? 'verified'
        : transaction.withdrawn_at !== undefined
          ? 'withdrawn'
          : 'unverified';
    fc.assert(
      fc.property(anyRecords, (records) => {
        const events = records.map(eventOf);
        events.slice(1).forEach((event, i) => {
          const before = events[i] as TransactionEvent;
          const fields = (one: TransactionEvent) =>
            readFields(records[events.indexOf(one)]?.dynamodb.NewImage ?? {});
          const isOther =
            JSON.stringify(fields(before)) !== JSON.stringify(fields(event)) ||
            statusOf(before) !== statusOf(event);
          if (isOther) expect(event.reasons).not.toContain('bookkeeping');
        });
      }),
    );
  });
});

describe('a filter', () => {
  it('matches no event whose record the patterns of the pipe reject', () => {
    fc.assert(
      fc.property(anyFilter, anyRecords, (filter, records) => {
        const patterns = pipePatterns(filter);
        expect(patterns.length).toBeLessThanOrEqual(5);
        for (const one of records) {
          if (matchesFilter(filter, eventOf(one)))
            expect(patterns.some((pattern) => matches(pattern, one))).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  const passing = (filter: EventFilter, steps: readonly Step[], key?: RowKey): boolean[] =>
    recordsOf(steps, key).map(
      (one) =>
        pipePatterns(filter).some((pattern) => matches(pattern, one)) &&
        matchesFilter(filter, eventOf(one)),
    );
  const usual = ['new', 'changed'] as const;
  const all = ['new', 'changed', 'verified', 'withdrawn'] as const;
  const refund = answer(T2, { ...MONEY, sale_amount: '-5' });
  const PRELIMINARY: RowKey = { ...KEY, isEvent: 'Y' };

  it.each<[string, EventFilter, Step[], boolean[], RowKey?]>([
    ['matches new lines', { reasons: ['new'] }, [push(T1, MONEY), refund], [true, false]],
    [
      'does not match a mere verification',
      { reasons: usual },
      [push(T1, MONEY), answer(T2, MONEY)],
      [true, false],
    ],
    [
      'matches verified lines',
      { reasons: all, verifiedOnly: true },
      [push(T1, MONEY), answer(T2, MONEY)],
      [false, true],
    ],
    [
      'matches verified lines, and the event of their withdrawal',
      { reasons: all, verifiedOnly: true },
      [answer(T1, MONEY), withdrawn(T2), answer(T3, MONEY)],
      [true, true, true],
    ],
    [
      'matches withdrawn lines',
      { reasons: ['withdrawn'] },
      [answer(T1, MONEY), withdrawn(T2), answer(T3, MONEY)],
      [false, true, false],
    ],
    [
      'matches returns',
      { reasons: usual, kinds: ['return'] },
      [push(T1, { ...MONEY, sale_amount: '-1' })],
      [true],
    ],
    [
      'matches no return if only sales are asked for',
      { reasons: usual, kinds: ['sale'] },
      [push(T1, { ...MONEY, sale_amount: '-1' })],
      [false],
    ],
    [
      'matches a line that is no sale any more',
      { reasons: usual, kinds: ['sale'] },
      [push(T1, MONEY), refund],
      [true, true],
    ],
    [
      'matches preliminary lines',
      { reasons: usual, kinds: ['preliminary'] },
      [push(T1, MONEY)],
      [true],
      PRELIMINARY,
    ],
    [
      'matches no preliminary line if only confirmed ones are asked for',
      { reasons: usual, kinds: ['sale', 'return', 'adjustment'] },
      [push(T1, MONEY)],
      [false],
      PRELIMINARY,
    ],
    [
      'matches lines of unknown kind',
      { reasons: usual, kinds: ['unknown'] },
      [push(T1, MONEY)],
      [true],
      { ...KEY, isEvent: '-' },
    ],
    [
      'matches no line of a publisher whose ID only begins alike',
      { reasons: usual, sids: ['390011'] },
      [push(T1, MONEY)],
      [false],
    ],
    [
      'matches lines of a publisher',
      { reasons: usual, sids: ['1', '3900112'] },
      [push(T1, MONEY)],
      [true],
    ],
    [
      'matches lines of an advertiser',
      { reasons: usual, advertiserIds: ['1', '39001'] },
      [push(T1, MONEY)],
      [true],
    ],
    [
      'matches a line that an answer moved to another advertiser',
      { reasons: usual, advertiserIds: ['39001'] },
      [
        push(T1, MONEY),
        answer(T2, { ...MONEY, advertiser_id: '39002' }),
        answer(T3, { ...MONEY, advertiser_id: '39002', u1: 'member-8' }),
      ],
      [true, true, false],
    ],
  ])('%s', (_, filter, steps, expected, key = KEY) => {
    expect(passing(filter, steps, key)).toEqual(expected);
  });

  it('rejects deleted rows and rows without a line in the pipe', () => {
    const [row] = itemsAfter([push(T1, MONEY)]);
    const begun: Item = itemKey(KEY);
    for (const filter of [{ reasons: REASONS }, { reasons: ['new'] }] as EventFilter[]) {
      for (const one of [record(row, undefined), record(undefined, begun)]) {
        expect(pipePatterns(filter).some((pattern) => matches(pattern, one))).toBe(false);
      }
    }
  });
});

it('is created by the bundled function, in order, from the rows that the store writes', async () => {
  const database = new MemoryDynamoDb();
  const client = {
    send: (command: unknown) => database.execute(command),
  } as unknown as DynamoDBClient;
  await client.send(new CreateTableCommand(createTableInput('transactions')));
  const clock = { now: () => Date.parse(T1), pause: async () => undefined };
  const store = new RowStore({ client, tableName: 'transactions', dayShards: 1, clock });
  const deadline = Date.parse(T4);
  const Key = itemKey(KEY);
  const read = async (): Promise<Item | undefined> =>
    structuredClone(
      (await client.send(new GetItemCommand({ TableName: 'transactions', Key }))).Item,
    );

  const records: StreamRecord[] = [];
  const answerLine = async (fetchedAt: string, fields: LineFields) =>
    store.applyAnswer(KEY, answered(fetchedAt, fields), deadline, await read());
  const steps: (() => Promise<unknown>)[] = [
    () => store.writePushes(KEY, [pushed(T1, MONEY)], deadline),
    () => store.writePushes(KEY, [pushed(T1, MONEY)], deadline),
    () => store.writePushes(KEY, [pushed(T2, { ...MONEY, sale_amount: '666' })], deadline),
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
    () => answerLine(T2, MONEY),
    () => answerLine(T3, { ...MONEY, sale_amount: '25.1' }),
    () => store.withdraw(KEY, T4, deadline),
  ];
  for (const step of steps) {
    const before = await read();
    await step();
    const after = await read();
    if (JSON.stringify(before) !== JSON.stringify(after))
      records.push(record(before, after, records.length + 1));
  }
  expect(records).toHaveLength(6);

  const output: string[] = [];
  const lambda = new ExecutionEnvironment({
    name: 'transaction-event',
    taskRoot: path(ROOT, 'lambda-dist/transaction-event'),
    handler: 'index.handler',
    timeoutSeconds: 30,
    memoryMegabytes: 256,
    variables: {
      [ENVIRONMENT.metricsService]: 'test',
      [ENVIRONMENT.transactionFilter]: JSON.stringify({
        reasons: ['new', 'changed', 'verified', 'withdrawn'],
      } satisfies EventFilter),
    },
    endpoints: {
      dynamodb: 'http://127.0.0.1:1',
      sqs: 'http://127.0.0.1:1',
      secretsManager: 'http://127.0.0.1:1',
    },
    onOutput: (line) => output.push(line),
  });
  try {
    const events = (await lambda.invoke(records)) as TransactionEvent[];
    expect(events.map(({ reasons, transaction }) => [transaction.sale_amount, ...reasons])).toEqual(
      [
        ['19.99', 'new'],
        ['19.99', 'verified'],
        ['25.1', 'changed'],
        ['25.1', 'withdrawn'],
      ],
    );
    expect(events.every((event) => isClosedFormat(event))).toBe(true);
    expect(events[2]?.changes.sale_amount).toEqual({ old: '19.99', new: '25.1' });
    expect(output.join('\n')).not.toContain('member-7');
  } finally {
    await lambda.close();
  }
});
