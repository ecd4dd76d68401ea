import fc from 'fast-check';
import { SOURCES } from '../../core/names';
import { POSTBACK_FIELDS } from '../../core/rakuten/fields';
import type { Item } from '../../core/store/attributes';
import { fromItem, OWN_ATTRIBUTES, toItem } from '../../core/store/item';
import {
  dayShard,
  INDEX_KEYS,
  LISTED_ATTRIBUTES,
  orderKeyOf,
  processDay,
  processDayKeys,
  rowKey,
  TABLE_KEYS,
  UNNAMED_LINE_PREFIX,
} from '../../core/store/keys';
import { type DeliveredLine, join, type LineState, stateOf, supersededCount } from '../../core/store/merge';
import { saysLess } from '../../core/store/precision';
import type { LineFields } from '../../core/store/row';

const KEY = { orderKey: '1#2#3', lineKey: 'T#N' };
const T1 = '2026-04-18T09:31:13.000Z';
const T2 = '2026-04-18T10:00:00.000Z';
const T3 = '2026-04-19T08:00:00.000Z';

const IDENTITY = { sid: '1', advertiser_id: '2', order_id: '3', etransaction_id: 'T', is_event: 'N' };

function delivery(receivedAt: string, fields: LineFields, rest: Partial<DeliveredLine> = {}): DeliveredLine {
  return {
    fields: { ...IDENTITY, ...fields },
    problems: [],
    extra: {},
    query: JSON.stringify(fields),
    requestId: `id-of-${receivedAt}`,
    receivedAt,
    source: SOURCES.push,
    ...rest,
  };
}

const after = (...lines: DeliveredLine[]): LineState => lines.map(stateOf).reduce(join);
const rowAfter = (...lines: DeliveredLine[]): Item => toItem(KEY, after(...lines), 1);

/** The attributes of a row that are of interest, in plain values. */
function look(item: Item, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, plain(item[name])]));
}
function plain(attribute: Item[string] | undefined): unknown {
  if (attribute?.L) return attribute.L.map(plain);
  if (attribute?.M) return Object.fromEntries(Object.entries(attribute.M).map(([name, value]) => [name, plain(value)]));
  return attribute?.S ?? attribute?.N;
}

/** Whatever can be delivered of one line. The values are few, so that they meet. */
const anyDelivery = (): fc.Arbitrary<DeliveredLine> => {
  const optional = <T>(...values: T[]): fc.Arbitrary<T | undefined> => fc.option(fc.constantFrom(...values), { nil: undefined });
  const fields = fc.record({
    process_date: optional(
      '2026-04-18T09:31:12.000Z',
      '2026-04-18T09:31:12.123Z',
      '2026-04-18T09:31:12.456Z',
      T1,
      '2026-04-19T00:00:00.000Z',
    ),
    transaction_date: optional('2026-04-18T09:24:55.000Z', '2026-04-18T09:24:55.001Z'),
    sale_amount: optional('19.99', '19.989999771118164', '19.98', '-19.99', '0'),
    commissions: optional('1', '1.0000000000000002'),
    currency: optional('USD', 'EUR'),
    u1: optional('m_1', 'm_\uFFFD', 'm_2', '\uFFFD'),
    product_name: optional('Café au lait', 'Caf\uFFFD au lait', 'Caf\uFFFD au l\uFFFDit', 'Tea'),
    commissions_list_id: optional('9', '10'),
  });
  const problems = fc.uniqueArray(fc.constantFrom('quantity', 'sale_amount', 'process_date'), { maxLength: 2 });
  return fc
    .record({
      fields,
      problems,
      reason: fc.constantFrom('not a number: "x"', 'not a number: "a: b"'),
      extra: fc.dictionary(fc.constantFrom('source', '', '__proto__', '=', 'sid'), fc.constantFrom('a', 'b', '')),
      receivedAt: fc.constantFrom(T1, T2, T3),
      requestId: fc.constantFrom('r1', 'r2'),
      query: fc.constantFrom('q1', 'q2'),
      source: fc.constantFrom(SOURCES.push, SOURCES.eventsApi),
    })
    .map(({ fields: given, problems: fieldsWithProblems, reason, ...rest }) => {
      const unread = fieldsWithProblems as (keyof LineFields)[];
      const read = Object.entries(given).filter(([name, value]) => value !== undefined && !unread.includes(name as keyof LineFields));
      return {
        ...rest,
        fields: { ...IDENTITY, ...Object.fromEntries(read) },
        problems: unread.map((field) => ({ field, reason })),
      };
    });
};
const anyHistory = fc.array(anyDelivery(), { minLength: 1, maxLength: 6 });
const anyState = anyHistory.map((lines) => after(...lines));

describe('the expiry of a preliminary line', () => {
  const DAYS = 90 * 24 * 60 * 60;
  const rowOf = (lines: DeliveredLine[], expirySeconds?: number): Item => toItem(KEY, lines.map(stateOf).reduce(join), 1, expirySeconds);
  const preliminary = anyHistory.map((lines) => lines.map((line) => ({ ...line, fields: { ...line.fields, is_event: 'Y' } })));

  it('counts from when Rakuten processed it, whichever deliveries come in whichever order', () => {
    fc.assert(
      fc.property(preliminary, fc.infiniteStream(fc.nat()), (lines, random) => {
        const item = rowOf(lines, DAYS);
        const shuffled = lines.map((line) => ({ line, at: random.next().value })).sort((a, b) => a.at - b.at);
        expect(
          rowOf(
            shuffled.map(({ line }) => line),
            DAYS,
          ),
        ).toEqual(item);
        expect(toItem(KEY, fromItem(item), 1, DAYS)).toEqual(item);
        const processed = item.process_date?.S ?? item.received_at?.S ?? '';
        expect(item.expires_at).toEqual({ N: String(Math.floor(Date.parse(processed) / 1000) + DAYS) });
      }),
    );
  });

  it('is never on a line that is not preliminary, nor where none is asked for', () => {
    fc.assert(
      fc.property(anyHistory, preliminary, (confirmed, events) => {
        expect(rowOf(confirmed, DAYS).expires_at).toBeUndefined();
        expect(rowOf(events).expires_at).toBeUndefined();
      }),
    );
  });
});

describe('joining', () => {
  const RUNS = { numRuns: 500 };

  it('does not care for the order', () => {
    fc.assert(
      fc.property(anyState, anyState, (a, b) => {
        expect(join(a, b)).toEqual(join(b, a));
      }),
      RUNS,
    );
  });

  it('does not care for the grouping', () => {
    fc.assert(
      fc.property(anyState, anyState, anyState, (a, b, c) => {
        expect(join(join(a, b), c)).toEqual(join(a, join(b, c)));
      }),
      RUNS,
    );
  });

  it('does not care for repetition', () => {
    fc.assert(
      fc.property(anyState, anyState, (a, b) => {
        expect(join(a, a)).toEqual(a);
        expect(join(join(a, b), b)).toEqual(join(a, b));
      }),
      RUNS,
    );
  });

  it('shows what a look at all deliveries at once would show', () => {
    fc.assert(
      fc.property(anyHistory, (lines) => {
        const item = rowAfter(...lines);
        expect(look(item, ...MODELLED)).toEqual(model(lines));
      }),
      RUNS,
    );
  });

  it('loses no value and no text of a delivery that brought one', () => {
    fc.assert(
      fc.property(anyHistory, (lines) => {
        const text = JSON.stringify(rowAfter(...lines));
        for (const { fields, problems } of lines) {
          for (const { reason } of problems) expect(text).toContain(JSON.stringify(reason).slice(1, -1));
          for (const [field, value] of Object.entries(fields)) {
            const others = lines.map((other) => other.fields[field as keyof LineFields] ?? '');
            // Only what another delivery says more precisely is not kept.
            if (!others.some((other) => other !== '' && saysLess(field, value, other))) expect(text).toContain(JSON.stringify(value));
          }
        }
      }),
      RUNS,
    );
  });
});

const MODELLED = [
  'sale_amount',
  'u1',
  'product_name',
  'process_date',
  'received_at',
  'source',
  'occurred_at',
  'process_day',
  'parse_problems',
];

/** What a row must show, found by looking at the whole history: no joining, no state. */
function model(lines: readonly DeliveredLine[]): Record<string, unknown> {
  const age = ({ fields, receivedAt, requestId, query }: DeliveredLine): string[] => [
    (fields.process_date ?? receivedAt).slice(0, 19),
    receivedAt,
    requestId,
    query,
    (fields.process_date ?? '').slice(0, 19),
  ];
  const isAfter = (a: string[], b: string[]): boolean => {
    const at = a.findIndex((part, i) => part !== b[i]);
    return at >= 0 && (a[at] ?? '') > (b[at] ?? '');
  };
  /** When a claim was first made under the newest process date that it was made under. */
  const madeAt = (claimants: DeliveredLine[]): string[] => {
    const processed = ({ fields }: DeliveredLine): string => (fields.process_date ?? '').slice(0, 19);
    const newest = claimants.map(processed).sort().at(-1);
    const ages = claimants.filter((line) => processed(line) === newest).map(age);
    return ages.reduce((first, other) => (isAfter(first, other) ? other : first));
  };
  const shown = (field: keyof LineFields): { text: string; since: string[] } | undefined => {
    const values = [...new Set(lines.flatMap((line) => line.fields[field] ?? []))];
    const precise = values.filter((value) => !values.some((other) => saysLess(field, value, other)));
    const claims = precise.map((text) => ({ text, since: madeAt(lines.filter((line) => line.fields[field] === text)) }));
    claims.sort((a, b) => (isAfter(a.since, b.since) || (!isAfter(b.since, a.since) && a.text > b.text) ? 1 : -1));
    return claims.at(-1);
  };
  const problems = new Set<string>();
  for (const { field, reason } of lines.flatMap((line) => line.problems)) {
    const since = madeAt(lines.filter((line) => line.problems.some((p) => p.field === field && p.reason === reason)));
    const value = shown(field);
    if (value === undefined || isAfter(since, value.since)) problems.add(`${field}: ${reason}`);
  }
  const first = lines.map(({ receivedAt }) => receivedAt).sort()[0] ?? '';
  const processed = shown('process_date')?.text;
  return {
    sale_amount: shown('sale_amount')?.text,
    u1: shown('u1')?.text,
    product_name: shown('product_name')?.text,
    process_date: processed,
    received_at: first,
    source: lines.some(({ source }) => source === SOURCES.push) ? SOURCES.push : SOURCES.eventsApi,
    occurred_at: shown('transaction_date')?.text ?? processed ?? first,
    process_day: (processed ?? first).slice(0, 10),
    parse_problems: problems.size > 0 ? [...problems].sort() : undefined,
  };
}

describe('an item', () => {
  it('holds the whole state: reading it back loses nothing', () => {
    fc.assert(
      fc.property(anyState, fc.integer({ min: 1, max: 100 }), (state, shards) => {
        const item = toItem(KEY, state, shards);
        expect(fromItem(item)).toEqual(state);
        expect(toItem(KEY, fromItem(item), shards)).toEqual(item);
        // An attribute that was not known as ours would neither be written nor looked at when a row is joined.
        expect(Object.keys(item).filter((name) => !OWN_ATTRIBUTES.includes(name))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  const first = delivery(
    T1,
    { process_date: '2026-04-18T09:31:12.345Z', sale_amount: '180' },
    {
      extra: { source: 'v1', kept: 'yes' },
      problems: [
        { field: 'quantity', reason: 'not a number: "?"' },
        { field: 'commissions', reason: 'not a number: "!"' },
      ],
      query: 'q1',
    },
  );
  const corrected = delivery(
    T2,
    { process_date: '2026-04-19T00:00:00.000Z', sale_amount: '170' },
    { extra: { source: 'v2' }, query: 'q2' },
  );
  const completed = delivery(
    T3,
    { process_date: '2026-04-19T00:00:00.000Z', u1: 'm_1', sku_number: 'A', currency: 'USD' },
    { query: 'q3' },
  );
  const ROW = {
    order_key: { S: '1#2#3' },
    line_key: { S: 'T#N' },
    received_at: { S: T1 },
    source: { S: 'push' },
    ...Object.fromEntries(Object.entries(IDENTITY).map(([name, S]) => [name, { S }])),
  };

  it('of a line that came once has what it said, and nothing besides', () => {
    const line = delivery(T1, { process_date: '2026-04-18T09:31:12.345Z', sale_amount: '180' }, { query: 'q1' });
    expect(rowAfter(line)).toStrictEqual({
      ...ROW,
      process_day: { S: '2026-04-18' },
      occurred_at: { S: '2026-04-18T09:31:12.345Z' },
      request_id: { S: line.requestId },
      query: { S: 'q1' },
      process_date: { S: '2026-04-18T09:31:12.345Z' },
      sale_amount: { N: '180' },
    });
    expect(rowAfter({ ...line, source: SOURCES.eventsApi })).toStrictEqual({
      ...rowAfter(line),
      source: { S: 'events-api' },
      verified_at: { S: T1 },
    });
  });

  it('of a line that was corrected and completed has each delivery with what it brought, in the same words for ever', () => {
    const row = rowAfter(first, corrected, completed);
    expect(row).toStrictEqual({
      ...ROW,
      process_day: { S: '2026-04-19' },
      occurred_at: { S: '2026-04-19T00:00:00.000Z' },
      updated_at: { S: T2 },
      request_id: { S: corrected.requestId },
      query: { S: 'q2' },
      process_date: { S: '2026-04-19T00:00:00.000Z' },
      sale_amount: { N: '170' },
      currency: { S: 'USD' },
      sku_number: { S: 'A' },
      u1: { S: 'm_1' },
      extra: { M: { kept: { S: 'yes' }, source: { S: 'v2' } } },
      parse_problems: { L: [{ S: 'commissions: not a number: "!"' }, { S: 'quantity: not a number: "?"' }] },
      previous_versions: {
        L: [
          {
            M: {
              received_at: { S: T1 },
              request_id: { S: first.requestId },
              query: { S: 'q1' },
              process_date: { S: '2026-04-18T09:31:12Z' },
              values: { M: { process_date: { S: '2026-04-18T09:31:12.345Z' }, sale_amount: { N: '180' } } },
              extra: { M: { source: { S: 'v1' } } },
              parse_problems: { L: [{ S: 'commissions: not a number: "!"' }, { S: 'quantity: not a number: "?"' }] },
              still_shown: { L: [{ S: 'extra.kept' }] },
            },
          },
        ],
      },
      completed_by: {
        L: [
          {
            M: {
              received_at: { S: T3 },
              request_id: { S: completed.requestId },
              query: { S: 'q3' },
              process_date: { S: '2026-04-19T00:00:00Z' },
              still_shown: { L: [{ S: 'currency' }, { S: 'sku_number' }, { S: 'u1' }] },
            },
          },
        ],
      },
      // Stands for the lists and maps: another name for the same ones would have every row with some written anew by its next redelivery.
      revision: { S: 'ee02f426edaf4bf2' },
    });
  });

  it('says of an undated delivery no date, and of a dated one that only completed it nothing else', () => {
    const undated = delivery(T1, { sale_amount: '180' }, { query: 'q1' });
    const later = delivery(T2, { u1: 'm_1' }, { query: 'q2' });
    expect(rowAfter(undated, later).completed_by).toStrictEqual({
      L: [{ M: { received_at: { S: T2 }, request_id: { S: later.requestId }, query: { S: 'q2' }, still_shown: { L: [{ S: 'u1' }] } } }],
    });
  });

  it('from which somebody took a value does not get an empty one in its place', () => {
    // A key of an index must not be empty, so DynamoDB would refuse the row from then on.
    const { u1, ...row } = rowAfter(first, corrected, completed);
    const again = toItem(KEY, join(fromItem(row), stateOf(corrected)), 1);
    expect(look(again, 'u1', 'sku_number', 'sale_amount')).toEqual({ u1: undefined, sku_number: 'A', sale_amount: '170' });
    expect(plain(again.completed_by)).toMatchObject([{ still_shown: ['currency', 'sku_number'] }]);
  });

  it('has every parameter under a name that DynamoDB takes', () => {
    const extra = Object.fromEntries(['', '__proto__', '=', '=a', 'a=', 'a'].map((name) => [name, `of "${name}"`]));
    const row = rowAfter(delivery(T1, {}, { extra }));
    expect(Object.entries(row.extra?.M ?? {}).map(([name, { S }]) => [name, S])).toEqual([
      ['=', 'of ""'],
      ['==', 'of "="'],
      ['==a', 'of "=a"'],
      ['=__proto__', 'of "__proto__"'],
      ['a', 'of "a"'],
      ['a=', 'of "a="'],
    ]);
    expect(toItem(KEY, fromItem(row), 1)).toEqual(row);
  });

  it('is not made of nothing', () => {
    const nothing: LineState = { values: {}, told: {}, toldAt: undefined, receivedAt: T1, source: SOURCES.push };
    expect(() => toItem(KEY, nothing, 1)).toThrow('a line without any value');
  });
});

describe('a line that Rakuten changed', () => {
  const sale = delivery(T1, { process_date: '2026-04-18T09:31:12.000Z', sale_amount: '180', commissions: '5.4', u1: 'm_1' });

  it('shows the newer content by process date, whichever came first, and keeps the other', () => {
    const corrected = delivery(T2, { process_date: '2026-04-20T00:00:00.000Z', sale_amount: '170', commissions: '5.4', u1: 'm_1' });
    const row = rowAfter(sale, corrected);
    expect(rowAfter(corrected, sale)).toEqual(row);
    expect(
      look(row, 'sale_amount', 'commissions', 'process_day', 'received_at', 'updated_at', 'request_id', 'query', 'completed_by'),
    ).toEqual({
      sale_amount: '170',
      commissions: '5.4',
      process_day: '2026-04-20',
      received_at: T1,
      updated_at: T2,
      request_id: corrected.requestId,
      query: corrected.query,
      completed_by: undefined,
    });
    expect(plain(row.previous_versions)).toEqual([
      {
        received_at: T1,
        request_id: sale.requestId,
        query: sale.query,
        process_date: '2026-04-18T09:31:12Z',
        values: { process_date: '2026-04-18T09:31:12.000Z', sale_amount: '180' },
      },
    ]);
  });

  it('shows the later arrival when the process date is the same or was not asked for', () => {
    for (const process_date of ['2026-04-18T09:31:12.000Z', undefined]) {
      const first = delivery(T1, { ...(process_date && { process_date }), sale_amount: '180', u1: 'm_1' });
      const second = delivery(T2, { ...(process_date && { process_date }), sale_amount: '170', u1: 'm_1' });
      const row = rowAfter(first, second, first, second);
      expect(rowAfter(second, first)).toEqual(row);
      expect(look(row, 'sale_amount', 'query', 'request_id', 'updated_at')).toEqual({
        sale_amount: '170',
        query: second.query,
        request_id: second.requestId,
        updated_at: T2,
      });
      expect(plain(row.previous_versions)).toMatchObject([{ received_at: T1, query: first.query, values: { sale_amount: '180' } }]);
    }
  });

  it('shows a correction that came without a process date, by the time it came, and one that came before it was dated', () => {
    const undated = delivery(T3, { sale_amount: '170' });
    const row = rowAfter(undated, sale);
    expect(rowAfter(sale, undated, undated)).toEqual(row);
    expect(look(row, 'sale_amount', 'commissions', 'process_date', 'updated_at', 'query')).toEqual({
      sale_amount: '170',
      commissions: '5.4',
      process_date: '2026-04-18T09:31:12.000Z',
      updated_at: T3,
      query: undated.query,
    });
    const dated = delivery(T2, { process_date: '2026-04-20T00:00:00.000Z', sale_amount: '160' });
    expect(look(rowAfter(undated, dated, sale), 'sale_amount', 'updated_at')).toEqual({ sale_amount: '160', updated_at: T2 });
  });

  it('shows a correction that was corrected back', () => {
    const up = delivery(T2, { process_date: '2026-04-19T00:00:00.000Z', sale_amount: '200' });
    const back = delivery(T3, { process_date: '2026-04-20T00:00:00.000Z', sale_amount: '180' });
    expect(look(rowAfter(up, back, sale), 'sale_amount', 'updated_at')).toEqual({ sale_amount: '180', updated_at: T3 });
  });

  it('keeps the values of parameters that are no fields, too', () => {
    const before = delivery(T1, { sale_amount: '180' }, { extra: { source: 'v1', kept: 'yes' } });
    const later = delivery(T2, { sale_amount: '180' }, { extra: { source: 'v2' } });
    const row = rowAfter(later, before);
    expect(look(row, 'extra')).toEqual({ extra: { source: 'v2', kept: 'yes' } });
    expect(plain(row.previous_versions)).toMatchObject([{ received_at: T1, extra: { source: 'v1' } }]);
  });

  it('has its problem taken back by a delivery that could be read, and has one when the newer could not', () => {
    const bad = (at: string, process_date: string): DeliveredLine =>
      delivery(at, { process_date }, { problems: [{ field: 'sale_amount', reason: 'not a number: "?"' }] });
    const good = (at: string, process_date: string): DeliveredLine => delivery(at, { process_date, sale_amount: '180' });
    const mended = rowAfter(bad(T1, '2026-04-18T00:00:00.000Z'), good(T2, '2026-04-18T00:00:00.000Z'));
    expect(look(mended, 'sale_amount', 'parse_problems', 'updated_at')).toEqual({ sale_amount: '180', updated_at: T2 });
    expect(plain(mended.previous_versions)).toMatchObject([{ received_at: T1, parse_problems: ['sale_amount: not a number: "?"'] }]);

    const spoilt = rowAfter(good(T1, '2026-04-18T00:00:00.000Z'), bad(T2, '2026-04-19T00:00:00.000Z'));
    expect(look(spoilt, 'sale_amount', 'parse_problems')).toEqual({
      sale_amount: '180',
      parse_problems: ['sale_amount: not a number: "?"'],
    });
  });
});

describe('a message that was read again by a later version', () => {
  const read = (fields: LineFields, problems: DeliveredLine['problems'] = []): DeliveredLine =>
    delivery(T1, { process_date: '2026-04-18T00:00:00.000Z', ...fields }, { query: 'one message', problems });
  const unread = read({}, [{ field: 'sale_amount', reason: 'not a number: "1.80,00"' }]);

  it('has no problem once it could be read', () => {
    const row = rowAfter(unread, read({ sale_amount: '180' }));
    expect(rowAfter(read({ sale_amount: '180' }), unread)).toEqual(row);
    expect(look(row, 'sale_amount', 'parse_problems', 'updated_at')).toEqual({ sale_amount: '180' });
    expect(toItem(KEY, fromItem(row), 1)).toEqual(row);

    const other = read({}, [{ field: 'sale_amount', reason: 'a comma in "1.80,00"' }]);
    const why = ['sale_amount: a comma in "1.80,00"', 'sale_amount: not a number: "1.80,00"'];
    expect(plain(rowAfter(unread, other, read({ sale_amount: '180' })).previous_versions)).toMatchObject([{ parse_problems: why }]);
  });

  it('keeps each reading of it when a correction comes', () => {
    const lines = [read({ sale_amount: '1' }), read({ sale_amount: '2' }), delivery(T2, { process_date: T2, sale_amount: '3' })];
    const row = rowAfter(...lines);
    expect(rowAfter(...[...lines].reverse())).toEqual(row);
    expect(look(row, 'sale_amount')).toEqual({ sale_amount: '3' });
    expect(plain(row.previous_versions)).toMatchObject([
      { query: 'one message', values: { sale_amount: '1' } },
      { query: 'one message', values: { sale_amount: '2' } },
    ]);
    expect(toItem(KEY, fromItem(row), 1)).toEqual(row);
  });
});

describe('how many values of a line were superseded', () => {
  it('grows with a correction, and neither with a repetition nor with what completes the line', () => {
    const sale = delivery(T1, { process_date: '2026-04-18T00:00:00.000Z', sale_amount: '180' });
    const completion = delivery(T2, { process_date: '2026-04-18T00:00:00.000Z', u1: 'm_1' });
    const correction = delivery(T3, { process_date: '2026-04-19T00:00:00.000Z', sale_amount: '170' });
    const counts = [[sale], [sale, sale], [sale, completion], [sale, completion, correction]].map((lines) =>
      supersededCount(after(...lines)),
    );
    // The correction has another date and another amount.
    expect(counts).toEqual([0, 0, 0, 2]);
  });
});

describe('one line told twice', () => {
  const push = delivery(T1, {
    process_date: '2026-04-18T09:31:12.345Z',
    sale_amount: '19.99',
    commissions: '1',
    quantity: '1',
    currency: 'USD',
    u1: 'm_1',
    product_name: 'Caf\uFFFD',
  });
  const told = delivery(
    T2,
    {
      process_date: '2026-04-18T09:31:12.000Z',
      sale_amount: '19.989999771118164',
      commissions: '1',
      quantity: '1',
      currency: 'USD',
      u1: 'm_1',
      product_name: 'Café',
    },
    { source: SOURCES.eventsApi },
  );

  it('is the more precise of both spellings, and no change', () => {
    const row = rowAfter(push, told);
    expect(rowAfter(told, push)).toEqual(row);
    expect(
      look(row, 'process_date', 'sale_amount', 'product_name', 'source', 'query', 'updated_at', 'verified_at', 'previous_versions'),
    ).toEqual({
      process_date: '2026-04-18T09:31:12.345Z',
      sale_amount: '19.99',
      product_name: 'Café',
      source: 'push',
      query: push.query,
      verified_at: T2,
    });
    expect(plain(row.completed_by)).toMatchObject([{ received_at: T2, still_shown: ['product_name'] }]);
  });

  it('in the same words takes no room but the time of it', () => {
    const same = { ...push, receivedAt: T2, requestId: 'events', query: '{}', source: SOURCES.eventsApi };
    expect(rowAfter(push, same)).toEqual({ ...rowAfter(push), verified_at: { S: T2 } });
  });

  it('is verified only while the amounts, the currency and the member are what the Events API told', () => {
    const forgeries: LineFields[] = [
      { sale_amount: '1999' },
      { commissions: '100' },
      { currency: 'BRL' },
      { u1: 'm_666' },
      { quantity: '9' },
    ];
    for (const forged of forgeries) {
      const line = delivery(T3, { ...push.fields, process_date: '2027-01-01T00:00:00.000Z', ...forged });
      const row = rowAfter(push, told, line);
      const [[field, value] = ['', '']] = Object.entries(forged);
      expect(look(row, field, 'verified_at', 'contradicted_at')).toEqual({ [field]: value, contradicted_at: T2 });
      expect(plain(row.events_api_told)).toHaveProperty(field);

      const confirmed = { ...line, receivedAt: '2026-04-20T00:00:00.000Z', source: SOURCES.eventsApi };
      expect(look(rowAfter(push, told, line, confirmed), field, 'verified_at', 'contradicted_at')).toEqual({
        [field]: value,
        verified_at: T2,
      });
    }
    // What is not checked may change: a row is not in doubt because of a name.
    const renamed = delivery(T3, { ...push.fields, process_date: '2026-05-01T00:00:00.000Z', product_name: 'Tea' });
    expect(look(rowAfter(push, told, renamed), 'product_name', 'verified_at')).toEqual({ product_name: 'Tea', verified_at: T2 });
  });

  it('is verified although the Events API leaves a checked field out, which the row says', () => {
    const { u1, ...without } = push.fields;
    const row = rowAfter(push, { ...push, fields: without, receivedAt: T2, source: SOURCES.eventsApi });
    expect(look(row, 'u1', 'verified_at', 'events_api_told')).toEqual({ u1: 'm_1', verified_at: T2, events_api_told: { u1: [] } });
  });
});

describe('which of two values says less', () => {
  it.each([
    ['process_date', '2026-04-18T09:31:12.000Z', '2026-04-18T09:31:12.123Z'],
    ['sale_amount', '19.989999771118164', '19.99'],
    ['sale_amount', '-34.990001678466797', '-34.99'],
    ['commissions', '0.30000000000000004', '0.3'],
    ['product_name', 'Th\uFFFD gla\uFFFD\uFFFD', 'Thé glaçé'],
    ['u1', '\uFFFD', 'é'],
    // Fifteen digits are as many as only a float has; zeros within count, and zeros before do not.
    ['sale_amount', '19.9899997711182', '19.99'],
    ['sale_amount', '19.000000762939453', '19'],
    // Up to three characters of Latin-1 per U+FFFD.
    ['product_name', 'x\uFFFDy', 'xabcy'],
    ['product_name', 'x\uFFFD\uFFFDy', 'xéy'],
    ['product_name', `\uFFFD${'a'.repeat(499)}`, `é${'a'.repeat(499)}`],
  ])('%s %s', (field, value, other) => {
    expect(saysLess(field, value, other)).toBe(true);
    expect(saysLess(field, other, value)).toBe(false);
  });

  it.each([
    ['process_date', '2026-04-18T09:31:12.123Z', '2026-04-18T09:31:12.456Z'],
    ['process_date', '2026-04-18T09:31:12.000Z', '2026-04-18T09:31:13.123Z'],
    ['sale_amount', '19.99', '19.98'],
    ['sale_amount', '19.989999771118164', '19.98'],
    ['sale_amount', '19.989999771118', '19.99'],
    ['sale_amount', '19.989999771118164', '19.989999771118165'],
    ['sale_amount', '19.989999771118164', '-19.99'],
    ['sale_amount', '123456789012345678', '123456789012345679'],
    ['product_name', 'Th\uFFFD', 'Tea'],
    ['product_name', 'Th\uFFFD', 'Th'],
    ['product_name', 'Th\uFFFD', 'The Beatles'],
    ['product_name', 'a\uFFFDb', 'a\uFFFD\uFFFDb'],
    ['u1', 'm_1', 'm_12'],
    ['sale_amount', '-19.989999771118', '-19.99'],
    ['sale_amount', '0.00000012345678901', '0.00000012345679'],
    ['sale_amount', '19', '19.0000005'],
    ['sale_amount', '100000000000000', '99999999999999'],
    ['sale_amount', '19.989999771118164', '25'],
    ['product_name', 'x\uFFFDy', 'xabcdy'],
    ['product_name', 'x\uFFFDy', 'zéy'],
    ['product_name', `\uFFFD${'a'.repeat(500)}`, `é${'a'.repeat(500)}`],
  ])('neither of %s %s and %s', (field, value, other) => {
    expect(saysLess(field, value, other)).toBe(false);
    expect(saysLess(field, other, value)).toBe(false);
  });

  it('is found in a text of any kind in no time', () => {
    const gaps = '\uFFFDa'.repeat(250);
    const started = performance.now();
    expect(saysLess('product_name', gaps, `${'a'.repeat(499)}b`)).toBe(false);
    expect(saysLess('product_name', '\uFFFD'.repeat(10_000), 'a'.repeat(10_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('a key', () => {
  const part = fc.oneof(
    fc.constantFrom(undefined, '-', '~', '#', '%', '%23', '~line:x', '~sha256:x', '1', '1#2'),
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.string({ minLength: 1, maxLength: 1000, size: 'max' }),
  );
  const isEvent = fc.constantFrom(undefined, 'Y', 'N');
  const identity = fc
    .tuple(part, part, part, part, isEvent)
    .map(([sid, advertiser_id, order_id, etransaction_id, is_event]) =>
      Object.fromEntries(
        Object.entries({ sid, advertiser_id, order_id, etransaction_id, is_event }).filter(([, value]) => value !== undefined),
      ),
    );

  it('tells lines apart whatever their identifiers are, and fits DynamoDB', () => {
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        const [one, other] = [rowKey(a), rowKey(b)];
        expect(JSON.stringify(one) === JSON.stringify(other)).toBe(JSON.stringify(a) === JSON.stringify(b));
        expect(Buffer.byteLength(one.orderKey)).toBeLessThanOrEqual(2048);
        expect(Buffer.byteLength(one.lineKey)).toBeLessThanOrEqual(1024);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[LineFields, LineFields]>([
    [{ sid: '-' }, {}],
    [{ sid: '1', advertiser_id: '-' }, { sid: '1' }],
    [
      { sid: '1#2', advertiser_id: '3' },
      { sid: '1', advertiser_id: '2#3' },
    ],
    [{ sid: '1#' }, { sid: '1%23' }],
    [
      { order_id: 'a#b', sid: '1' },
      { order_id: 'b', sid: '1', advertiser_id: 'a' },
    ],
    [{ order_id: '~line:A' }, { etransaction_id: 'A' }],
    [{ etransaction_id: '~A' }, { etransaction_id: '~~A' }],
    [{ etransaction_id: 'A#N' }, { etransaction_id: 'A', is_event: 'N' }],
    [{ sid: `~${'x'.repeat(3000)}` }, { sid: 'x'.repeat(3000) }],
  ])('tells lines apart that look alike (%#)', (a, b) => {
    const rest = { etransaction_id: 'T' };
    expect(rowKey({ ...rest, ...a })).not.toEqual(rowKey({ ...rest, ...b }));
  });

  it('brings the lines of an order together, under a key that can be built from its three names', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        isEvent,
        (sid, advertiser, order, id, is_event) => {
          const { orderKey, lineKey } = rowKey({
            sid,
            advertiser_id: advertiser,
            order_id: order,
            etransaction_id: id,
            ...(is_event && { is_event }),
          });
          expect(orderKey).toBe(orderKeyOf(sid, advertiser, order));
          expect(lineKey).toBe(`${id.startsWith('~') ? '~' : ''}${id}#${is_event ?? '-'}`);
        },
      ),
    );
  });

  it('is readable for real identifiers', () => {
    expect(rowKey({ sid: '3900112', advertiser_id: '41207', order_id: 'C#1 / 7', etransaction_id: 'A1', is_event: 'Y' })).toEqual({
      orderKey: '3900112#41207#C#1 / 7',
      lineKey: 'A1#Y',
    });
  });

  it('of a line without an id comes from its content: what differs is another line, what repeats is the same', () => {
    const line: LineFields = { sid: '1', order_id: '7', sku_number: 'A', sale_amount: '180', commissions: '5.4' };
    const keys = [
      line,
      { ...line, sale_amount: '-180' },
      { ...line, sku_number: 'B' },
      { ...line, u1: 'm' },
      { ...line, commissions: '5.40001' },
      { ...line, offer_id: '9' },
    ].map((fields) => rowKey(fields));
    keys.push(
      rowKey(line, [{ field: 'quantity', reason: 'not a number: "one"' }]),
      rowKey(line, [{ field: 'quantity', reason: 'not a number: "two"' }]),
    );
    expect(new Set(keys.map(({ lineKey }) => lineKey)).size).toBe(8);
    expect(new Set(keys.map(({ orderKey }) => orderKey))).toEqual(new Set(['1#-#7']));
    expect(rowKey({ ...line })).toEqual(keys[0]);
    expect(rowKey(line, [])).toEqual(keys[0]);
  });

  it('of the day index is the day, or one of its shards, which are used evenly and always in the same way', () => {
    expect(processDay('2026-04-18T09:31:12.000Z', 'A#N', 1)).toBe('2026-04-18');
    expect(processDayKeys('2026-04-18', 1)).toEqual(['2026-04-18']);
    expect(processDayKeys('2026-04-18', 3)).toEqual(['2026-04-18#0', '2026-04-18#1', '2026-04-18#2']);
    const keys = Array.from({ length: 8000 }, (_, i) => processDay('2026-04-18T09:31:12.000Z', `${i}#N`, 8));
    const counts = processDayKeys('2026-04-18', 8).map((key) => keys.filter((used) => used === key).length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(8000);
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(keys).toEqual(Array.from({ length: 8000 }, (_, i) => processDay('2026-04-18T23:59:59.999Z', `${i}#N`, 8)));
  });

  it('has what divides its parts escaped, in all but the last, and nothing else', () => {
    expect(orderKeyOf('a#b%c', '-', 'o#%')).toBe('a%23b%25c#%2D#o#%');
    expect(orderKeyOf('~a~', '-1-', '-')).toBe('%7Ea~#-1-#-');
    expect(orderKeyOf('1', '2', '~')).toBe('1#2#~~');
    expect(rowKey({ etransaction_id: '~A' })).toEqual({ orderKey: '-#-#~line:~~A', lineKey: '~~A#-' });
  });

  it('is itself as long as DynamoDB takes it, and a hash of the parts that are too long beyond', () => {
    const hash = /^~sha256:[0-9a-f]{64}$/;
    const longest = 'x'.repeat(2044);
    expect(orderKeyOf('1', '2', longest)).toBe(`1#2#${longest}`);
    const [sid, advertiser, ...order] = orderKeyOf('1', '2', `${longest}x`).split('#');
    expect([sid, advertiser]).toEqual(['1', '2']);
    expect(order.join('#')).toMatch(hash);
    // Each part has room for 512 bytes when the whole is too long.
    expect(orderKeyOf('s'.repeat(510), '', longest)).toMatch(/^s{510}##~sha256:[0-9a-f]{64}$/);
    expect(orderKeyOf('s'.repeat(511), '', longest)).toMatch(/^~sha256:[0-9a-f]{64}~sha256:[0-9a-f]{64}$/);
    expect(orderKeyOf('s'.repeat(3000), '', 'o'.repeat(512))).toMatch(/^~sha256:[0-9a-f]{64}o{512}$/);

    const line = (id: string): string => rowKey({ etransaction_id: id, is_event: 'N' }).lineKey;
    expect(line('x'.repeat(1022))).toBe(`${'x'.repeat(1022)}#N`);
    expect(line('x'.repeat(1023))).toMatch(/^~sha256:[0-9a-f]{64}#N$/);
  });

  it('of a line without an id is the same whatever the order of what could not be read', () => {
    const unread = [
      { field: 'quantity', reason: 'not a number: "x"' },
      { field: 'commissions', reason: 'not a number: "y"' },
    ];
    const { orderKey, lineKey } = rowKey({ sid: '1' }, unread);
    expect(lineKey).toMatch(/^~[0-9a-f]{32}#-$/);
    expect(lineKey.startsWith(UNNAMED_LINE_PREFIX)).toBe(true);
    expect(orderKey).toBe(`1#-#~line:${lineKey.replace('#-', '')}`);
    expect(rowKey({ sid: '1' }, [...unread].reverse())).toEqual({ orderKey, lineKey });
    expect(rowKey({ sid: '1' }, unread.slice(1))).not.toEqual({ orderKey, lineKey });
  });

  it('never changes its shard, or the rows of a day would be looked for where they are not', () => {
    expect(['A#N', 'B#N', 'C#Y', '~d#-'].map((key) => dayShard(key, 10))).toEqual([1, 7, 9, 4]);
    expect(processDay('2026-04-18T09:31:12.000Z', 'A#N', 10)).toBe('2026-04-18#1');
    expect(processDay('2026-04-18T09:31:12.000Z', 'A#N', 2)).toMatch(/^2026-04-18#[01]$/);
    expect(processDayKeys('2026-04-18', 2)).toEqual(['2026-04-18#0', '2026-04-18#1']);
  });

  it('finds a line by order, member, day and transaction, and a list shows all that Rakuten told', () => {
    expect(TABLE_KEYS).toEqual({ partition: 'order_key', sort: 'line_key' });
    const projected = LISTED_ATTRIBUTES;
    expect(INDEX_KEYS).toEqual({
      'by-member': { partition: 'u1', sort: 'occurred_at', projected },
      'by-day': { partition: 'process_day', sort: 'received_at', projected },
      'by-transaction': { partition: 'etransaction_id', sort: undefined, projected: [] },
    });
    const ours = ['received_at', 'occurred_at', 'source', 'verified_at', 'parse_problems'];
    expect(new Set(projected)).toEqual(new Set([...Object.keys(POSTBACK_FIELDS), ...ours]));
  });
});
