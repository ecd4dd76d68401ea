/** Stream records of the transaction table, from histories of rows as the row model writes them. */
import Big from 'big.js';
import fc from 'fast-check';
import type { StreamRecord } from '../../core/change-events/event';
import { type EventFilter, REASONS } from '../../core/change-events/event-filter';
import { ATTRIBUTES, SOURCES } from '../../core/names';
import type { TransactionKind } from '../../core/rakuten/postback/fields';
import type { Item } from '../../core/transactions/attributes';
import { showsChange, toItem } from '../../core/transactions/item';
import type { RowKey } from '../../core/transactions/keys';
import type { LineFields } from '../../core/transactions/row';
import {
  applyAnswer,
  EMPTY_ROW,
  joinPushes,
  type RowState,
  withdraw,
} from '../../core/transactions/row-state';

export const T1 = '2026-04-18T09:31:13.250Z';
export const T2 = '2026-04-18T10:00:00.000Z';
export const T3 = '2026-04-19T08:00:00.000Z';
export const T4 = '2026-04-20T08:00:00.000Z';
export const QUERY = 'is_event=N&order_id=W-1&u1=member-7';
export const KEY: RowKey = { lineId: '3900112#A1', isEvent: 'N' };
const IDENTITY = { etransaction_id: 'A1', advertiser_id: '39001', order_id: 'W-1' };
export const MONEY = {
  sale_amount: '19.99',
  commissions: '1',
  quantity: '1',
  currency: 'USD',
  u1: 'member-7',
};

/** A delivery, or what complete reads of the Events API lacked. */
export type Step = (row: RowState) => RowState;

const delivery = (fields: LineFields) => ({
  fields: { ...IDENTITY, ...fields },
  problems: [],
  extra: {},
  query: QUERY,
});
export const pushed = (receivedAt: string, fields: LineFields) => ({
  ...delivery(fields),
  receivedAt,
  requestId: `request-${receivedAt}`,
  source: SOURCES.push,
});
export const answered = (fetchedAt: string, fields: LineFields) => ({
  ...delivery(fields),
  fetchedAt,
  runId: 'run',
});

export const push =
  (receivedAt: string, fields: LineFields, rest: { extra?: Record<string, string> } = {}): Step =>
  (row) =>
    joinPushes(row, [{ ...pushed(receivedAt, fields), ...rest }]);
export const answer =
  (fetchedAt: string, fields: LineFields): Step =>
  (row) =>
    applyAnswer(row, answered(fetchedAt, fields));
export const withdrawn =
  (fetchedAt: string): Step =>
  (row) =>
    withdraw(row, fetchedAt);

const SECONDS = Date.parse('2026-04-18T09:31:14.000Z') / 1000;

/** The record of one change: without a row before it an insert, without one after it a removal. */
export function record(
  before: Item | undefined,
  after: Item | undefined,
  number = 1,
): StreamRecord {
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

/** The items of a line after each step. A step that changes nothing is left out. */
export function itemsAfter(steps: readonly Step[], key: RowKey = KEY): Item[] {
  const items: Item[] = [];
  let row = EMPTY_ROW;
  for (const [i, step] of steps.entries()) {
    row = step(row);
    const item = toItem(key, row, { dayShards: 1 });
    const before = items.at(-1);
    if (before !== undefined && before[ATTRIBUTES.revision]?.S === item[ATTRIBUTES.revision]?.S)
      continue;
    const isSame = before !== undefined && !showsChange(before, item);
    items.push({
      ...item,
      updated_at:
        isSame && before.updated_at ? before.updated_at : { S: `2026-04-18T12:00:0${i}.000Z` },
    });
  }
  return items;
}

export const recordsOf = (steps: readonly Step[], key?: RowKey): StreamRecord[] => {
  const items = itemsAfter(steps, key);
  return items.map((item, i) => record(items[i - 1], item, i + 1));
};

const optional = <T>(...values: T[]): fc.Arbitrary<T | undefined> =>
  fc.option(fc.constantFrom(...values), { nil: undefined });
const decimal = fc
  .tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.integer({ min: 0, max: 12 }))
  .map(([digits, scale]) => new Big(digits.toString()).times(new Big(10).pow(-scale)).toFixed());
const anyFields = fc
  .record({
    advertiser_id: optional('39001', '39002'),
    order_id: optional('W-1', 'W 1'),
    process_date: optional('2026-04-18T09:31:13Z', '2026-04-19T08:00:00Z'),
    transaction_date: optional('2026-04-18T09:24:55Z', '2026-04-18T09:24:56Z'),
    sale_amount: fc.oneof(optional('19.99', '-19.99', '0'), decimal),
    commissions: optional('1', '-1', '0'),
    currency: optional('USD', 'EUR'),
    u1: optional('m_1', 'm_2'),
    sku_number: optional('SKU', 'DISCOUNT'),
    commissions_list_id: optional('9', '10'),
  })
  .map(
    (fields) =>
      Object.fromEntries(
        Object.entries(fields).filter(([, value]) => value !== undefined),
      ) as LineFields,
  );
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(T1, T2, T3),
      anyFields,
      fc.dictionary(fc.constantFrom('site', '', '='), fc.constantFrom('a', ''), { maxKeys: 2 }),
    )
    .map(([receivedAt, fields, extra]) => push(receivedAt, fields, { extra })),
  fc
    .tuple(fc.constantFrom(T1, T2, T3, T4), anyFields)
    .map(([fetchedAt, fields]) => answer(fetchedAt, fields)),
  fc.constantFrom(T2, T3, T4).map(withdrawn),
);
/** The records of one line, from its first postback or answer on. */
export const anyRecords = fc
  .tuple(
    fc.constantFrom('3900112#A1', '3900112#~0123', '39001123#A1'),
    fc.constantFrom('Y' as const, 'N' as const, '-' as const),
    fc.oneof(
      anyFields.map((fields) => push(T1, fields)),
      anyFields.map((fields) => answer(T1, fields)),
    ),
    fc.array(anyStep, { maxLength: 5 }),
  )
  .map(([lineId, isEvent, first, steps]) => recordsOf([first, ...steps], { lineId, isEvent }));

const KINDS: TransactionKind[] = ['preliminary', 'sale', 'return', 'adjustment', 'unknown'];
/** Any filter of `onTransaction`, for lines that `anyRecords` draws. */
export const anyFilter: fc.Arbitrary<EventFilter> = fc
  .record({
    reasons: fc.subarray([...REASONS], { minLength: 1 }),
    kinds: fc.option(fc.subarray(KINDS, { minLength: 1 }), { nil: undefined }),
    sids: optional(['3900112'], ['1']),
    advertiserIds: optional(['39001', '39003'], ['39002']),
    verifiedOnly: optional(true),
  })
  .map((filter) => JSON.parse(JSON.stringify(filter)));
