import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Big from 'big.js';
import fc from 'fast-check';
import { parseEventsApiBody } from '../../../core/rakuten/events-api/events';
import {
  ALL_FIELDS,
  type FieldList,
  fieldListId,
  POSTBACK_FIELDS,
  type PostbackField,
} from '../../../core/rakuten/postback/fields';
import {
  normalisedQuery,
  ownParameter,
  parseMessage,
} from '../../../core/rakuten/postback/message';
import { parseEventsApiRecord, parsePostback } from '../../../core/rakuten/postback/parse';
import { readValue, truncateUtf8 } from '../../../core/rakuten/postback/values';
import { readAnswer } from '../../../core/reconciliation/answer';
import type { Item } from '../../../core/transactions/attributes';
import { toItem } from '../../../core/transactions/item';
import { lineIdOf, parseLineId, rowKey } from '../../../core/transactions/keys';
import { type KeyedPush, readPushedLine } from '../../../core/transactions/pushed-line';
import { applyAnswer, EMPTY_ROW, joinPushes } from '../../../core/transactions/row-state';
import { growth, LINEAR } from '../../support/growth';
import { messageBody, parametersOf } from '../../support/messages';

const readFixture = (name: string) =>
  JSON.parse(readFileSync(join(__dirname, '../../fixtures', name), 'utf8'));
const POSTBACKS: { id: string; label: string; query: string }[] = readFixture('postbacks.json');
const EVENTS: { id: string; label: string; body: string }[] = readFixture('events-api.json');

const RECEIVED_AT = '2026-04-18T09:31:13.250Z';
const SID = '3900112';

function pushedLine(query: string, fields: FieldList = ALL_FIELDS): KeyedPush {
  const read = readPushedLine(parseMessage(messageBody(query)), {
    sid: SID,
    fieldListId: fieldListId(fields),
    fields,
  });
  if (read === undefined) throw new Error('not a postback');
  return read;
}

/** The row of a postback, as DynamoDB gets it. */
function rowOfPostback(query: string, list: FieldList = ALL_FIELDS): Item {
  const { key, push } = pushedLine(query, list);
  const { revision, ...item } = toItem(key, joinPushes(EMPTY_ROW, [push]), { dayShards: 1 });
  return item;
}

const S = (text: string) => ({ S: text });
const N = (text: string) => ({ N: text });

/** The row of P01, which most of the others resemble. */
const P01: Item = {
  line_id: S('3900112#200452D101AAE862139D47BEBC3B8D79'),
  is_event: S('N'),
  process_day: S('2026-04-18'),
  occurred_at: S('2026-04-18T09:24:55Z'),
  received_at: S(RECEIVED_AT),
  source: S('push'),
  request_id: S('JKJaXmPLvHcESHA='),
  query: S(
    'advertiser_id=41207&commissions=6.495&currency=USD&etransaction_id=200452D101AAE862139D47BEBC3B8D79&is_event=N&offer_id=881204' +
      '&order_id=C-20260418-0007&process_date=2026-04-18T09:31:12.000%2B00:00&product_name=Wireless+headphones,+black&quantity=1' +
      '&sale_amount=129.90&sid=3900112&sku_number=HDPH-210-BK&transaction_date=2026-04-18T09:24:55.000%2B00:00&transaction_type=realtime&u1=m_58813_k4',
  ),
  advertiser_id: S('41207'),
  order_id: S('C-20260418-0007'),
  offer_id: S('881204'),
  transaction_type: S('realtime'),
  transaction_date: S('2026-04-18T09:24:55Z'),
  process_date: S('2026-04-18T09:31:12Z'),
  currency: S('USD'),
  sale_amount: N('129.9'),
  commissions: N('6.495'),
  quantity: N('1'),
  sku_number: S('HDPH-210-BK'),
  u1: S('m_58813_k4'),
  product_name: S('Wireless headphones, black'),
};

/**
 * P01 with another id and these differences; `undefined` takes an attribute away. Other tests check
 * the query string.
 */
function like(
  id: string,
  differences: Record<string, string | { N: string } | Item[string] | undefined> = {},
): Item {
  const changed = Object.entries(differences).map(([name, value]) => [
    name,
    typeof value === 'string' ? S(value) : value,
  ]);
  const row = { ...P01, line_id: S(`${SID}#${id}`), ...Object.fromEntries(changed) };
  return Object.fromEntries(
    Object.entries(row).filter(([name, value]) => value !== undefined && name !== 'query'),
  ) as Item;
}

const shirts = { order_id: 'B-3317', transaction_type: 'batch', u1: 'm_1204_z' };
const hotel = {
  order_id: 'H-90117',
  sku_number: 'SUITE-3N',
  sale_amount: N('612'),
  transaction_date: '2026-04-02T07:58:00Z',
  occurred_at: '2026-04-02T07:58:00Z',
  product_name: 'Suite, 3 nights',
  u1: 'm_7001_h',
};
const paper = {
  order_id: '8820114470',
  sku_number: 'PPR-A4-500',
  transaction_type: 'batch',
  product_name: '30100:30140:Office:Paper A4, 500 sheets',
  u1: '5501',
  commissions: N('0'),
};
const tea = {
  advertiser_id: '36912',
  order_id: 'JP-0418-55',
  sku_number: '4909876543210',
  product_name: 'ほうじ茶ラテ 10本入り',
  u1: 'jp-220',
  currency: 'JPY',
};

const ROWS: Record<string, Item> = {
  P01: like('200452D101AAE862139D47BEBC3B8D79'),
  P02: like('267A2690DEE538129E35B67E85447652', {
    ...hotel,
    is_event: 'Y',
    commissions: N('0'),
    process_date: '2026-04-02T08:00:03Z',
  }),
  P03: like('3C2017163C989B162496D8EF3CCE53F0', {
    ...hotel,
    commissions: N('24.48'),
    process_date: '2026-04-18T02:10:00Z',
    transaction_type: 'batch',
  }),
  P04: like('E61AEA8F2B4BC02F51A3D24B966F98BA', {
    ...shirts,
    sku_number: 'TEE-M-NVY',
    sale_amount: N('39.98'),
    quantity: N('2'),
    commissions: N('2'),
    product_name: 'T-shirt, navy, M',
  }),
  P05: like('2249F7BB39630F3E005E47700B7CB4B1', {
    ...shirts,
    sku_number: 'CHINO-32',
    sale_amount: N('64.5'),
    commissions: N('3.23'),
    product_name: 'Chino 32/34',
  }),
  P06: like('9C66835765DCE3C9532822EFD95CD66D', {
    ...shirts,
    sku_number: 'CARD',
    sale_amount: N('0'),
    commissions: N('0'),
    product_name: 'Greeting card',
  }),
  P07: like('95D1F624A9B73FE162289EBA3C794CA6', {
    sale_amount: N('-129.9'),
    commissions: N('-6.495'),
    quantity: N('1'),
    process_date: '2026-05-02T16:00:41Z',
  }),
  P08: like('B7B8779150DCED03926ED30B212CD299', {
    ...shirts,
    sku_number: 'TEE-M-NVY',
    sale_amount: N('-19.99'),
    commissions: N('-1'),
    process_date: '2026-05-03T02:00:00Z',
    product_name: 'T-shirt, navy, M',
  }),
  P09: like('2F68685CB7A5956E00758C8A103D9ED8', { ...paper, sale_amount: N('4.79') }),
  P10: like('F3154EB2A215A8D316C4F86DDFDE5BC9', { ...paper, sale_amount: N('-4.79') }),
  P11: like('FF7DF333C5F35BDE0C79DBED99089C76', { u1: undefined }),
  P12: like('100B93F1E02883D9ACCE9E3E6FFF9BE1', { u1: undefined }),
  P13: like('B2D479D65E2FBF8A75F317012500804A', {
    ...tea,
    sale_amount: N('3480'),
    commissions: N('104'),
  }),
  P14: like('3AC6E935C662FF9A0497D7620683E47B', {
    ...tea,
    sku_number: 'DISCOUNT',
    sale_amount: N('-300'),
    commissions: N('-9'),
    product_name: 'クーポン',
  }),
  P15: like('A537C37BD3C87150867325CB9F759BDE', {
    ...tea,
    sale_amount: N('-3480'),
    commissions: N('-104'),
    u1: undefined,
    process_date: '2026-05-30T03:00:00Z',
  }),
  P16: like('6F4E1BDD0895D50AEC360E4B53334D61', {
    product_name: 'Müsli & Obst 50% + "groß" #1/2 <neu>; a = b?',
  }),
  P17: like('863EF7702DEBD5EE244D82505988402C', { product_name: 'Th\uFFFD gla\uFFFD\uFFFD' }),
  P18: like('3E67408EAE1B1B5667F95AFFD9D95200', { product_name: 'Salt & Pepper mill' }),
  P19: like('5C96C2139419D73CD355B0C2C77FFB53', {
    order_id: '0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90',
    sale_amount: N('0.01'),
    commissions: N('0'),
  }),
  P21: like('7716C1E8D5613327B8116FB0B92A49D5'),
  P22: like('CD43F42701681A2F0A9D63A44170862A'),
  P23: like('30F41D97FD23E9CDA789FF69EBA97593', {
    order_id: 'C-20260418-0023',
    occurred_at: RECEIVED_AT,
    ...Object.fromEntries(
      [
        'advertiser_id',
        'offer_id',
        'transaction_type',
        'transaction_date',
        'process_date',
        'currency',
        'quantity',
        'sku_number',
        'u1',
      ].map((absent) => [absent, undefined]),
    ),
    product_name: undefined,
  }),
  P24: like('4773E6115E023C97EE96493B074DC309'),
  P25: like('200452D101AAE862139D47BEBC3B8D79'),
  P26: like('54FBD901ED800C0723C4AEFB2AA9DF58', { u1: `${'m'.repeat(71)}9` }),
  P27: like('4A0AAD1DDA6424761A101F3DD33EED1D', {
    sale_amount: N('34.99'),
    commissions: N('1.7495'),
  }),
  P28: like('5B5A31A9A5481F177476B3BBDB01B0F0', { u1: 'm_last' }),
  P30: like('7AA9DE1F05BB1D08BD2B82BE3DC4CDB8', {
    product_name: 'Mug 🍵\twith\nlines \u0001 end',
    u1: '🐈',
  }),
  P31: like('2283A041969638F460B37FE956CEF73E', {
    product_name: '$util.urlEncode("x") #set($q = 1) $' + '{jndi:x} {{7*7}}',
    u1: "' OR 1=1 --",
  }),
  P32: like('7810D0484E500EAA3F6874816C687D1D', {
    extra: {
      M: {
        size: S('XL'),
        keySet: S('1'),
        '=__proto__': S('p'),
        constructor: S('c'),
        Action: S('DeleteQueue'),
        MessageBody: S('none'),
      },
    },
  }),
};

describe('the row of a postback', () => {
  it.each(Object.keys(ROWS))('%s has one form for each value', (id) => {
    const { query = '' } = POSTBACKS.find((postback) => postback.id === id) ?? {};
    const { query: kept, ...row } = rowOfPostback(query);
    expect(row).toEqual(ROWS[id]);
    // The text that is kept says the same as what came.
    expect(new Map(new URLSearchParams(kept?.S))).toEqual(
      new Map(parametersOf(query).sort(([a], [b]) => (a < b ? -1 : 1))),
    );
  });

  it('keeps the query string in an order that does not depend on the way, without secret and field list ID', () => {
    const query = POSTBACKS[0]?.query ?? '';
    const shuffled = `k=Xk3w9&f=0a1b2c3d&${query.split('&').reverse().join('&')}`;
    expect(rowOfPostback(query)).toEqual(P01);
    expect(rowOfPostback(shuffled)).toEqual(P01);
  });

  it('has a key from its content where the URL asks for no ID, and keeps the static value (P20)', () => {
    const list: FieldList = [
      { name: 'source', value: 'rakuten' },
      { name: 'is_event', field: 'is_event' },
      ...(['transaction_date', 'sku_number', 'quantity', 'commissions'] as const).map((field) => ({
        name: field,
        field,
      })),
      { name: 'unique_id', field: 'u1' },
    ];
    const { query = '' } = POSTBACKS.find(({ id }) => id === 'P20') ?? {};
    const row = rowOfPostback(query, list);
    expect(row).toEqual({
      line_id: { S: expect.stringMatching(/^3900112#~[0-9a-f]{32}$/) },
      is_event: S('N'),
      process_day: S('2026-04-18'),
      occurred_at: S('2026-04-18T09:24:55Z'),
      received_at: S(RECEIVED_AT),
      source: S('push'),
      request_id: S('JKJaXmPLvHcESHA='),
      query: S(
        'commissions=6.495&is_event=N&quantity=1&sku_number=HDPH-210-BK&source=rakuten&transaction_date=2026-04-18T09:24:55.000%2B00:00&unique_id=m_58813_k4',
      ),
      extra: { M: { source: S('rakuten') } },
      transaction_date: S('2026-04-18T09:24:55Z'),
      sku_number: S('HDPH-210-BK'),
      quantity: N('1'),
      commissions: N('6.495'),
      u1: S('m_58813_k4'),
    });
    expect(rowOfPostback(query.split('&').reverse().join('&'), list)).toEqual(row);
    expect(rowOfPostback(query.replace('6.495', '-6.495'), list).line_id).not.toEqual(row.line_id);
    expect(rowOfPostback(query.replace('6.495', '6.4950'), list).line_id).toEqual(row.line_id);
  });

  it('does not exist where there are no parameters (P29)', () => {
    expect(parsePostback(parametersOf(''), ALL_FIELDS)).toEqual({
      fields: {},
      problems: [],
      extra: {},
    });
    expect(() => pushedLine('k=secret&u1=<u1>')).toThrow('not a postback');
  });

  it('names what could not be read and keeps what could', () => {
    const query =
      'etransaction_id=A1&order_id=1&is_event=perhaps&sale_amount=1,234.50&commissions=5.4&process_date=2026-02-30T10:00:00Z&quantity=two&currency=dollars';
    expect(rowOfPostback(query)).toEqual({
      line_id: S('3900112#A1'),
      is_event: S('-'),
      process_day: S('2026-04-18'),
      occurred_at: S(RECEIVED_AT),
      received_at: S(RECEIVED_AT),
      source: S('push'),
      request_id: S('JKJaXmPLvHcESHA='),
      query: S(
        'commissions=5.4&currency=dollars&etransaction_id=A1&is_event=perhaps&order_id=1&process_date=2026-02-30T10:00:00Z&quantity=two&sale_amount=1,234.50',
      ),
      order_id: S('1'),
      commissions: N('5.4'),
      parse_problems: {
        L: [
          S('currency: not three letters: "dollars"'),
          S('is_event: neither Y nor N: "perhaps"'),
          S('process_date: not a possible date: "2026-02-30T10:00:00Z"'),
          S('quantity: not a number: "two"'),
          S('sale_amount: not a number: "1,234.50"'),
        ],
      },
    });
  });

  it.each([
    ['another number', 'sid=9999999', '9999999 is not the publisher of this URL, which is 3900112'],
    ['a number in another notation', 'sid=03900112', undefined],
    ['no number', 'sid=me', 'me is not the publisher of this URL, which is 3900112'],
    ['nothing', 'sid=', undefined],
    [
      'a number too long for a key',
      `sid=${'3'.repeat(257)}`,
      expect.stringContaining('longer than 256 bytes'),
    ],
  ])('belongs to the publisher of the URL secret where `sid` is %s', (_, sid, problem) => {
    const { key, push, hasForeignSid } = pushedLine(`etransaction_id=A1&is_event=N&${sid}`);
    expect(key).toEqual({ lineId: '3900112#A1', isEvent: 'N' });
    expect(hasForeignSid).toBe(problem !== undefined);
    expect(push.problems.find(({ field }) => field === 'sid')?.reason).toEqual(problem);
  });

  it('names every field that cannot be read, however long their texts are', () => {
    const unreadable = Object.entries(POSTBACK_FIELDS).filter(([, kind]) => kind !== 'text');
    const { problems } = parsePostback(
      unreadable.map(([field]) => [field, '\u0001'.repeat(500)] as const),
      ALL_FIELDS,
    );
    expect(problems.map(({ field }) => field)).toEqual(unreadable.map(([field]) => field));
    for (const { reason } of problems) expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(80);
  });

  it('has a parse problem without the ID that its URL asks for', () => {
    const reasons = (query: string, list: FieldList = ALL_FIELDS) =>
      pushedLine(query, list).push.problems;
    expect(reasons('is_event=N&sale_amount=1')).toEqual([
      { field: 'etransaction_id', reason: 'missing' },
    ]);
    expect(reasons(`is_event=N&etransaction_id=${'x'.repeat(257)}`)).toEqual([
      {
        field: 'etransaction_id',
        reason: expect.stringMatching(/^longer than 256 bytes \(257, sha256 [0-9a-f]{16}\): "x+…$/),
      },
    ]);
    const withoutId = ALL_FIELDS.filter(({ name }) => name !== 'etransaction_id');
    expect(reasons('is_event=N&sale_amount=1', withoutId)).toEqual([]);
  });

  it('keeps the first kilobyte of the query string, of undocumented parameters and of problems', () => {
    const many = Array.from(
      { length: 100 },
      (_, index) => `p${String(index).padStart(3, '0')}=${'x'.repeat(40)}`,
    );
    const row = rowOfPostback(`etransaction_id=A1&is_event=N&${many.join('&')}`);
    expect(Buffer.byteLength(row.query?.S ?? '')).toBeLessThanOrEqual(1024);
    expect(row.query?.S).toMatch(/^etransaction_id=A1&is_event=N&p000=.*…$/);
    expect(Object.keys(row.extra?.M ?? {})).toEqual(
      many.slice(0, 23).map((text) => text.slice(0, 4)),
    );
    const problems = Object.keys(POSTBACK_FIELDS).map((field) => `${field}=${'ü'.repeat(300)}`);
    const { parse_problems: kept } = rowOfPostback(problems.join('&'));
    expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThan(1600);
  });
});

describe('the key of a row', () => {
  it.each([
    ['200452d101aae862139d47bebc3b8d79', '3900112#200452D101AAE862139D47BEBC3B8D79'],
    [' 200452D101AAE862139D47BEBC3B8D79\t', '3900112#200452D101AAE862139D47BEBC3B8D79'],
    ['abc-1', '3900112#abc-1'],
    ['ABC-1', '3900112#ABC-1'],
    ['~1', '3900112#~~1'],
    ['a#b', '3900112#a#b'],
    ['U\u0308', '3900112#\u00dc'],
  ])('of the ID %j is %j', (id, lineId) => {
    expect(lineIdOf(SID, id)).toBe(lineId);
    expect(rowKey(SID, { etransaction_id: id.trim(), is_event: 'N' })).toEqual({
      lineId,
      isEvent: 'N',
    });
    expect(lineIdOf(SID, parseLineId(lineId).etransactionId ?? '')).toBe(lineId);
  });

  it('holds the publisher and the ID of any line, and no two IDs have the same but those that differ in hexadecimal case', () => {
    const ids = fc
      .string({ minLength: 1 })
      .map((id) => id.trim().normalize('NFC'))
      .filter((id) => id !== '');
    fc.assert(
      fc.property(fc.nat().map(String), ids, ids, (sid, a, b) => {
        const key = rowKey(sid, { etransaction_id: a });
        const isHexadecimal = /^[0-9a-f]+$/i.test(a);
        expect(parseLineId(key.lineId)).toEqual({
          sid,
          etransactionId: isHexadecimal ? a.toUpperCase() : a,
        });
        const isSame = a === b || (isHexadecimal && a.toUpperCase() === b.toUpperCase());
        expect(rowKey(sid, { etransaction_id: b }).lineId === key.lineId).toBe(isSame);
        expect(parseLineId(rowKey(sid, { order_id: a }).lineId)).toEqual({
          sid,
          etransactionId: undefined,
        });
      }),
    );
  });

  it('does not depend on any content of a line with an ID', () => {
    const fields = fc.dictionary(
      fc.constantFrom(
        ...Object.keys(POSTBACK_FIELDS).filter(
          (field) => !['etransaction_id', 'is_event'].includes(field),
        ),
      ),
      fc.string({ minLength: 1 }),
    );
    fc.assert(
      fc.property(fields, (content) => {
        expect(rowKey(SID, { ...content, etransaction_id: 'A1', is_event: 'Y' })).toEqual({
          lineId: '3900112#A1',
          isEvent: 'Y',
        });
      }),
    );
  });
});

describe('a field list', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9._~-]{0,12}$/), {
    minLength: 18,
    maxLength: 18,
  });
  const shape = fc.record({
    names,
    fields: fc.shuffledSubarray(Object.keys(POSTBACK_FIELDS) as PostbackField[], { minLength: 1 }),
    statics: fc.array(fc.string({ minLength: 1 }), { maxLength: 2 }),
  });

  it('returns every field under its own name, whether renamed, omitted or in another order', () => {
    const values: Record<PostbackField, string> = {
      is_event: 'N',
      etransaction_id: '200452D1',
      sid: SID,
      advertiser_id: '41207',
      order_id: 'C-1',
      offer_id: '881204',
      transaction_type: 'realtime',
      transaction_date: '2026-04-18T09:24:55Z',
      process_date: '2026-04-18T09:31:12Z',
      currency: 'USD',
      sale_amount: '-129.9',
      commissions: '0.000001',
      quantity: '1',
      sku_number: 'HDPH',
      u1: 'm_1',
      product_name: 'Tea',
    };
    fc.assert(
      fc.property(shape, ({ names: given, fields, statics }) => {
        // A name that is reserved, or that is the name of a field which the list does not mean, is
        // rejected or warned about when the list is made.
        const free = given.filter(
          (name) => !['k', 'f', 'probe', 'offer', ...Object.keys(POSTBACK_FIELDS)].includes(name),
        );
        const list: FieldList = [
          ...fields.map((field, i) => ({ name: free[i] ?? field, field })),
          ...statics.map((value, i) => ({ name: `static.${i}`, value })),
        ];
        const sent = list.map((p): [string, string] => [
          p.name,
          'field' in p ? values[p.field] : p.value,
        ]);
        const { fields: read, problems, extra } = parsePostback(sent, list);
        expect(problems).toEqual([]);
        expect(read).toEqual(Object.fromEntries(fields.map((field) => [field, values[field]])));
        expect(extra).toEqual(
          Object.fromEntries(statics.map((value, i) => [`static.${i}`, value])),
        );
      }),
    );
  });

  it('decides what a name means: the same postback under two lists', () => {
    const sent: [string, string][] = [
      ['member', 'm_1'],
      ['u1', 'campaign'],
    ];
    const before: FieldList = [{ name: 'member', field: 'u1' }];
    const after: FieldList = [{ name: 'u1', field: 'u1' }];
    expect(parsePostback(sent, before)).toMatchObject({
      fields: { u1: 'm_1' },
      extra: { u1: 'campaign' },
    });
    expect(parsePostback(sent, after)).toMatchObject({
      fields: { u1: 'campaign' },
      extra: { member: 'm_1' },
    });
    // A static value keeps its name although a field is called so too.
    expect(parsePostback(sent, [...before, { name: 'currency', value: 'none' }])).toMatchObject({
      fields: { u1: 'm_1' },
    });
    expect(
      parsePostback([['currency', 'none']], [{ name: 'currency', value: 'none' }]),
    ).toMatchObject({
      fields: {},
      extra: { currency: 'none' },
    });
  });

  it('keeps the parts of a product name with several unescaped & in extra, as their order is unknown', () => {
    expect(
      parsePostback(parametersOf('sid=1&product_name=Salt & Pepper & more'), ALL_FIELDS),
    ).toEqual({
      fields: { sid: '1', product_name: 'Salt' },
      problems: [],
      extra: { Pepper: '', more: '' },
    });
    expect(parsePostback(parametersOf('sid=1&product_name=Salt&'), ALL_FIELDS).fields).toEqual({
      sid: '1',
      product_name: 'Salt',
    });
    // Without a product name there is nothing that it could be the rest of.
    expect(parsePostback(parametersOf('sid=1&flag='), ALL_FIELDS)).toMatchObject({
      fields: { sid: '1' },
      extra: { flag: '' },
    });
  });

  it('does not complete a product name with an empty static value or a blank name', () => {
    const list: FieldList = [
      { name: 'product_name', field: 'product_name' },
      { name: 'note', value: '' },
    ];
    const sent: [string, string][] = [
      ['product_name', 'Salt'],
      ['note', ''],
      ['', ''],
      [' ', ''],
    ];
    expect(parsePostback(sent, list)).toEqual({
      fields: { product_name: 'Salt' },
      problems: [],
      extra: { note: '' },
    });
    expect(parsePostback([...sent, ['Pepper', '']], list).fields).toEqual({
      product_name: 'Salt&Pepper',
    });
    expect(parsePostback([[' ', '']], list).extra).toEqual({});
  });

  it('keeps unknown parameters under their trimmed names, and a value that contains a token', () => {
    expect(parsePostback(parametersOf('+x+=1&u1=a<u1>'), ALL_FIELDS)).toEqual({
      fields: { u1: 'a<u1>' },
      problems: [],
      extra: { x: '1' },
    });
    expect(parseEventsApiRecord({ u1: undefined, order_id: null })).toEqual({
      fields: {},
      problems: [],
      extra: {},
    });
  });

  it('does not read the rest of a product name as a field or as one of our own parameters', () => {
    const parameters = parametersOf('k=secret&f=abc&u1=m_1&product_name=Vitamin B & u1');
    expect(parsePostback(parameters, ALL_FIELDS).fields).toEqual({
      u1: 'm_1',
      product_name: 'Vitamin B & u1',
    });
    expect(ownParameter(parametersOf('k=secret&product_name=Vitamin B & k'), 'secret')).toBe(
      'secret',
    );
    expect(ownParameter(parametersOf('%20k%20=secret&u1=1'), 'secret')).toBe('secret');
    expect(ownParameter(parametersOf('u1=1'), 'secret')).toBeUndefined();
  });
});

describe('a field that came under two names', () => {
  const read = (query: string, list: FieldList = ALL_FIELDS) => {
    const { fields, extra } = parsePostback(parametersOf(query), list);
    const reversed = parsePostback(parametersOf(query).reverse(), list);
    expect({ fields: reversed.fields, extra: reversed.extra }).toEqual({ fields, extra });
    return { fields, extra };
  };

  it.each<[string, string, object, object]>([
    [
      'its own name is read and another spelling kept in extra',
      'commission_list_id=1&commissions_list_id=2',
      { commissions_list_id: '2' },
      { commission_list_id: '1' },
    ],
    [
      'an empty one gives way',
      'commission_list_id=1&commissions_list_id=',
      { commissions_list_id: '1' },
      {},
    ],
    [
      'an empty spelling is nothing',
      'commission_list_id=&commissions_list_id=2',
      { commissions_list_id: '2' },
      {},
    ],
    [
      'a blank one gives way, too',
      'commission_list_id=1&commissions_list_id=+',
      { commissions_list_id: '1' },
      { commissions_list_id: ' ' },
    ],
    [
      'its own name is read before a spelling with spaces around it',
      '+commission_list_id=1&commissions_list_id=2',
      { commissions_list_id: '2' },
      { ' commission_list_id': '1' },
    ],
    [
      'of two names with spaces around them always the same is read',
      'u1+=a&+u1=b',
      { u1: 'b' },
      { 'u1 ': 'a' },
    ],
  ])('%s, whatever their order', (_, query, fields, extra) => {
    expect(read(query)).toEqual({ fields, extra });
  });

  it('is read under the name that it was asked for, whatever the alphabet says', () => {
    for (const name of ['a', 'zone']) {
      expect(read(`${name}=m_1&u1=campaign`, [{ name, field: 'u1' }])).toEqual({
        fields: { u1: 'm_1' },
        extra: { u1: 'campaign' },
      });
    }
  });

  it('is the last of a repeated one', () => {
    const repeated = (...values: string[]) =>
      parsePostback(
        values.map((value): [string, string] => ['u1', value]),
        ALL_FIELDS,
      );
    expect(repeated('b', 'a', 'b')).toEqual({ fields: { u1: 'b' }, problems: [], extra: {} });
    expect(repeated('a', '')).toEqual({ fields: {}, problems: [], extra: {} });
  });
});

describe('the row of an Events API record', () => {
  const recordOf = (id: string): Record<string, unknown> => {
    const { body = '' } = EVENTS.find((event) => event.id === id) ?? {};
    return parseEventsApiBody(body)[0] ?? {};
  };
  const answerOf = (record: Record<string, unknown>) =>
    readAnswer(record, { sid: SID, fetchedAt: RECEIVED_AT, runId: 'run-1' });
  const rowOfEvent = (id: string): Item => {
    const read = answerOf(recordOf(id));
    if (read === undefined) throw new Error('a record of another publisher');
    const { revision, answer_hash, ...row } = toItem(
      read.key,
      applyAnswer(EMPTY_ROW, read.answer),
      { dayShards: 1 },
    );
    return row;
  };
  const fromEvents = (row: Item = {}): Item => ({
    ...row,
    source: S('events-api'),
    request_id: S('run-1'),
    verified_at: S(RECEIVED_AT),
    process_day: S(row.process_date?.S?.slice(0, 10) ?? ''),
  });

  it.each<[string, Item]>([
    [
      'E01',
      like('5C96C2139419D73CD355B0C2C77FFB54', {
        order_id: '0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e91',
        sale_amount: N('0.01'),
        commissions: N('0'),
        u1: undefined,
      }),
    ],
    ['E02', ROWS.P07 ?? {}],
    ['E03', ROWS.P02 ?? {}],
    [
      'E04',
      like('D09C4B1E2F7A4C5B8E6D1A2B3C4D5E6F', {
        order_id: '451',
        transaction_type: 'batch',
        currency: 'GBP',
        sale_amount: N('64.5'),
        quantity: N('2'),
        commissions: N('3.2'),
        commissions_list_id: '990412',
        sku_number: undefined,
        product_name: undefined,
        u1: undefined,
      }),
    ],
  ])('%s is that of the same postback, and verified', (id, expected) => {
    expect(rowOfEvent(id)).toEqual(fromEvents(expected));
  });

  it.each([
    ['another number', { sid: '3900113' }, false],
    ['a number with a fraction of zero', { sid: '3900112.0' }, true],
    ['empty', { sid: '' }, true],
    ['null', { sid: null }, true],
    ['an object', { sid: { id: SID } }, false],
  ])(
    'belongs to the publisher of the credentials where `sid` is %s: %j, %s',
    (_, values, isOwn) => {
      expect(answerOf({ ...recordOf('E02'), ...values }) !== undefined).toBe(isOwn);
    },
  );

  it('has every digit that came, however JavaScript would read the number', () => {
    const body =
      '[{"sale_amount":1234567890123456789.0123456789,"commissions":0.1000,"quantity":1e2,"order_id":900719925474099312345,"u1":"a \\"1\\" 2.0"}]';
    expect(parseEventsApiBody(body).map(parseEventsApiRecord)).toEqual([
      {
        fields: {
          commissions: '0.1',
          quantity: '100',
          order_id: '900719925474099312345',
          u1: 'a "1" 2.0',
        },
        problems: [
          { field: 'sale_amount', reason: 'out of range: "1234567890123456789.0123456789"' },
        ],
        extra: {},
      },
    ]);
  });

  it('prefers the name that Rakuten documents to another spelling of it', () => {
    for (const record of [
      { offer: '1', offer_id: '2' },
      { offer_id: '2', offer: '1' },
    ]) {
      expect(parseEventsApiRecord(record)).toMatchObject({ fields: { offer_id: '2' } });
    }
    expect(parseEventsApiRecord({ offer: '1' })).toMatchObject({ fields: { offer_id: '1' } });
  });

  it('takes unknown names, nested values and half characters as they are, and says of what shape it is not', () => {
    const [record = {}] = parseEventsApiBody(
      '{"constructor":1,"__proto__":"p","toString":null,"tags":["a",2],"product_name":"Caf\\ud800"}',
    );
    expect(parseEventsApiRecord(record)).toEqual({
      fields: { product_name: 'Caf\uFFFD' },
      problems: [],
      extra: Object.fromEntries([
        ['constructor', '1'],
        ['__proto__', 'p'],
        ['tags', '["a","2"]'],
      ]),
    });
    expect(parseEventsApiBody('[]')).toEqual([]);
    expect(() => parseEventsApiBody('<html>')).toThrow(SyntaxError);
    expect(() => parseEventsApiBody('[1]')).toThrow(
      'not an answer of the Events API: expected a JSON array of transactions',
    );
    expect(() => parseEventsApiBody('{"transactions":"none"}')).toThrow(
      'not an answer of the Events API',
    );
  });

  it('loses no number and no text of any JSON', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.bigInt().map(String).map(Number),
    );
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), value)), (records) => {
        const asTexts = records.map((r) =>
          Object.fromEntries(
            Object.entries(r).map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)]),
          ),
        );
        expect(parseEventsApiBody(JSON.stringify(records))).toEqual(asTexts);
      }),
    );
  });
});

describe('a decimal', () => {
  const read = (text: string) => readValue('decimal', text);

  it('is rejected in time in proportion to its length', () => {
    expect(read(`${'1'.repeat(10_000)}x`)).toHaveProperty('problem');
    expect(growth((length) => read(`${'1'.repeat(length)}x`), 1e5)).toBeLessThan(LINEAR);
  });

  it.each([
    ['180.0', '180'],
    ['-180.0', '-180'],
    ['+5', '5'],
    ['.5', '0.5'],
    ['.55', '0.55'],
    ['-.5', '-0.5'],
    ['7.', '7'],
    ['007.10', '7.1'],
    ['-0', '0'],
    ['0.00', '0'],
    ['1e3', '1000'],
    ['1e+3', '1000'],
    ['1e15', '1000000000000000'],
    ['-1e15', '-1000000000000000'],
    ['1e-20', '0.00000000000000000001'],
    ['-1.5E-7', '-0.00000015'],
    ['0.30000000000000004', '0.3'],
    ['34.990001678466797', '34.99'],
    ['0.5996999931335449', '0.5997'],
    ['19.989999771118164', '19.99'],
    ['19.989999999999998436', '19.99'],
    ['34.9900016784668', '34.99'],
    ['2499999.8799999998882', '2499999.88'],
    ['-19.989999999999998436', '-19.99'],
    ['1234567.8899999999', '1234567.89'],
    ['12345678901234.5', '12345678901234.5'],
    ['1234567.875', '1234567.875'],
    ['123456790', '123456790'],
    ['0e999', '0'],
    [`1.${'0'.repeat(60)}`, '1'],
    ['1.005', '1.005'],
  ])('%s is %s', (text, value) => {
    expect(read(text)).toEqual({ value });
  });

  it.each([
    ['', 'not a number: ""'],
    ['1,234', 'not a number: "1,234"'],
    ['1.234,50', 'not a number: "1.234,50"'],
    ['$5', 'not a number: "$5"'],
    ['1 000', 'not a number: "1 000"'],
    ['--1', 'not a number: "--1"'],
    ['−1', 'not a number: "−1"'],
    ['NaN', 'not a number: "NaN"'],
    ['Infinity', 'not a number: "Infinity"'],
    ['0x10', 'not a number: "0x10"'],
    ['１２', 'not a number: "１２"'],
    ['1.5.2', 'not a number: "1.5.2"'],
    ['.', 'not a number: "."'],
    ['1e', 'not a number: "1e"'],
    ['1e12345', 'not a number: "1e12345"'],
    ['1e1234', 'not a number: "1e1234"'],
    ['1e5x', 'not a number: "1e5x"'],
    ['x1e5', 'not a number: "x1e5"'],
    ['1000000000000001', 'out of range: "1000000000000001"'],
    ['-1000000000000000.1', 'out of range: "-1000000000000000.1"'],
    [
      '123456789012345678901234567890123456789',
      'out of range: "123456789012345678901234567890123456789"',
    ],
    ['1e126', 'out of range: "1e126"'],
    ['1e-21', 'out of range: "1e-21"'],
    ['9'.repeat(41), `not a number: "${'9'.repeat(41)}"`],
  ])('%s is not a number', (text, problem) => {
    expect(read(text)).toEqual({ problem });
  });

  it('that cannot be read is quoted with its first 60 bytes', () => {
    expect(read('x'.repeat(5000))).toEqual({ problem: `not a number: "${'x'.repeat(57)}…"` });
    expect(read('x'.repeat(60))).toEqual({ problem: `not a number: "${'x'.repeat(60)}"` });
  });

  it('of up to 14 digits is the very number that was sent, in one notation', () => {
    const parts = fc.record({
      digits: fc.bigInt({ min: 0n, max: 10n ** 14n - 1n }),
      scale: fc.integer({ min: -20, max: 0 }),
      negative: fc.boolean(),
      zeros: fc.integer({ min: 0, max: 5 }),
      exponent: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, ({ digits, scale, negative, zeros, exponent }) => {
        const decimal = exponent || scale === 0 ? `${digits}e${scale}` : pointed(digits, -scale);
        const text = `${negative ? '-' : ''}${'0'.repeat(zeros)}${decimal}${scale < 0 && !exponent ? '0'.repeat(zeros) : ''}`;
        const reading = read(text);
        if (!('value' in reading)) throw new Error(reading.problem);
        // Compared as whole numbers, which the engine has exactly.
        expect(scaled(reading.value)).toBe(
          (negative ? -digits : digits) * 10n ** BigInt(scale + 60),
        );
        expect(reading.value).toMatch(/^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
        expect(read(reading.value)).toEqual(reading);
      }),
      { numRuns: 500 },
    );

    /** The digits with a decimal point before the last `places` of them. */
    function pointed(digits: bigint, places: number): string {
      const padded = String(digits).padStart(places + 1, '0');
      return `${padded.slice(0, -places)}.${padded.slice(-places)}`;
    }
    /** The plain decimal times 10^60. */
    function scaled(decimal: string): bigint {
      const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
      const digits = BigInt(whole + fraction.padEnd(60, '0'));
      return decimal.startsWith('-') ? -digits : digits;
    }
  });

  it('is the amount that was written where a binary float was printed in full', () => {
    const cents = fc.tuple(
      fc.integer({ min: -(10 ** 9), max: 10 ** 9 }),
      fc.integer({ min: 0, max: 4 }),
    );
    fc.assert(
      fc.property(cents, ([digits, places]) => {
        const written = new Big(digits).div(new Big(10).pow(places)).toFixed();
        expect(read(written)).toEqual({ value: written });
        const significant = new Big(written).c.length;
        // A 64-bit float with all its digits, and a 32-bit float as a 64-bit one prints it.
        expect(read(Number(written).toPrecision(20))).toEqual({ value: written });
        const noise = String(Math.fround(Number(written)));
        if (significant <= 6 && new Big(noise).c.length >= 15)
          expect(read(noise)).toEqual({ value: written });
        const reading = read(noise);
        if ('value' in reading) expect(read(reading.value)).toEqual(reading);
      }),
      { numRuns: 2000 },
    );
  });

  it('is read or rejected, whatever comes, and a number is never rejected for its notation', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.\deE ]{0,12}$/)), (text) => {
        const reading = read(text);
        const isPlain = /^[-+]?(\d{1,12}\.?\d*|\.\d+)$/.test(text);
        expect('value' in reading || 'problem' in reading).toBe(true);
        if (isPlain)
          expect(reading).toEqual({
            value: new Big(text.replace('+', '')).eq(0)
              ? '0'
              : new Big(text.replace('+', '')).toFixed(),
          });
        if ('value' in reading)
          expect(Number(reading.value)).toBe(Number(text) === 0 ? 0 : Number(text));
      }),
    );
  });
});

describe('a date', () => {
  const read = (text: string) => readValue('date', text);

  it.each([
    ['2026-03-13T18:17:25.000+00:00', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.123+0000', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.123+00', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.000Z', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25Z', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.1Z', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.123456Z', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.000 00:00', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.000 0000', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25', '2026-03-13T18:17:25Z'],
    ['2026-03-13 18:17:25', '2026-03-13T18:17:25Z'],
    ['2026-03-14T03:17:25.000+09:00', '2026-03-13T18:17:25Z'],
    ['2026-03-13T13:17:25.000-05:00', '2026-03-13T18:17:25Z'],
    ['2026-03-14T03:17:25.000 0900', '2026-03-13T18:17:25Z'],
    ['2026-03-13T18:17:25.123456789Z', '2026-03-13T18:17:25Z'],
    ['2026-03-14T08:17:25+14:00', '2026-03-13T18:17:25Z'],
    ['2026-03-13T04:17:25-14', '2026-03-13T18:17:25Z'],
    ['2026-03-13T19:16:25+00:59', '2026-03-13T18:17:25Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)', '2020-04-15T21:20:27Z'],
    ['Wed Apr 15 2020 21:20:27 GMT 0000 (UTC)', '2020-04-15T21:20:27Z'],
    ['Wed Apr 15 2020 21:20:27 GMT+0000 (Coordinated Universal Time)', '2020-04-15T21:20:27Z'],
    ['Wed Apr 15 2020 21:20:27 GMT', '2020-04-15T21:20:27Z'],
    ['Thu Apr 16 2020 06:20:27 GMT+0900 (JST)', '2020-04-15T21:20:27Z'],
    ['Sun Mar 1 2026 10:04:09 GMT+0000 (UTC)', '2026-03-01T10:04:09Z'],
    ['Sun Mar 01 2026 05:04:09 GMT-05:00', '2026-03-01T10:04:09Z'],
    ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(
      (month, i) => [
        `Wed ${month} 15 2020 21:20:27 GMT+0000 (UTC)`,
        `2020-${String(i + 1).padStart(2, '0')}-15T21:20:27Z`,
      ],
    ),
  ])('%s is %s', (text, value) => {
    expect(read(text)).toEqual({ value });
  });

  it.each([
    '2026-02-30T10:00:00Z',
    '2025-02-29T10:00:00Z',
    '2026-13-01T10:00:00Z',
    '2026-00-10T10:00:00Z',
    '2026-01-00T10:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T10:60:00Z',
    '2026-01-01T10:00:60Z',
    '2026-01-01T10:00:00+15:00',
    '2026-01-01T10:00:00+00:60',
    'Thu Foo 15 2020 21:20:27 GMT+0000 (UTC)',
    'Mon Feb 30 2026 21:20:27 GMT+0000 (UTC)',
  ])('%s is impossible', (text) => {
    expect(read(text)).toEqual({ problem: `not a possible date: ${JSON.stringify(text)}` });
  });

  it.each([
    '',
    'yesterday',
    '2026-03-13',
    '13.03.2026 18:17',
    '03/13/2026',
    '1776504672000',
    '2026-3-13T18:17:25Z',
    '2026-03-13T18:17:25.000+00:00x',
    'x2026-03-13T18:17:25.000+00:00',
    '2026-03-13T18:17:25.Z',
    '2026-03-13T18:17:25.1234567891Z',
    '2026-03-13T18:17:25:000Z',
    'xWed Apr 15 2020 21:20:27 GMT+0000 (UTC)',
    'Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)x',
    'wed Apr 15 2020 21:20:27 GMT+0000 (UTC)',
    'Wed apr 15 2020 21:20:27 GMT+0000 (UTC)',
    'Wed Apr 15 2020 21:20:27 GMT+0000 ()(UTC)',
    'Wednesday Apr 15 2020 21:20:27 GMT+0000 (UTC)',
    'Wed April 15 2020 21:20:27 GMT+0000 (UTC)',
    'Wed Apr 15 20 21:20:27 GMT+0000 (UTC)',
  ])('%s is in no known form', (text) => {
    expect(read(text)).toEqual({ problem: `not a date in a known form: ${JSON.stringify(text)}` });
  });

  it('has digits where digits belong, at every place', () => {
    for (const text of ['2026-03-13T18:17:25.123+00:00', 'Wed Apr 15 2020 21:20:27 GMT+0000']) {
      for (const { index } of text.matchAll(/\d/g)) {
        const spoilt = `${text.slice(0, index)}x${text.slice(index + 1)}`;
        expect(read(spoilt)).toEqual({
          problem: `not a date in a known form: ${JSON.stringify(spoilt)}`,
        });
      }
    }
  });

  it('outside the years 1 to 9999 is rejected, as its text would not sort', () => {
    expect(read('9999-12-31T23:00:00-05:00')).toEqual({
      problem: 'out of range: "9999-12-31T23:00:00-05:00"',
    });
    expect(read('0001-01-01T01:00:00+05:00')).toEqual({
      problem: 'out of range: "0001-01-01T01:00:00+05:00"',
    });
  });

  it('is the same moment in every form and every zone', () => {
    const moment = fc.date({
      min: new Date('0002-01-01'),
      max: new Date('9998-12-31'),
      noInvalidDate: true,
    });
    const zone = fc.record({
      hours: fc.integer({ min: -14, max: 14 }),
      minutes: fc.constantFrom(0, 15, 30, 45),
      colon: fc.boolean(),
    });
    fc.assert(
      fc.property(moment, zone, (date, { hours, minutes, colon }) => {
        const sign = hours < 0 ? -1 : 1;
        const offset = sign * (Math.abs(hours) * 60 + minutes);
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const two = (n: number): string => String(Math.abs(n)).padStart(2, '0');
        const zoneText = `${sign < 0 ? '-' : '+'}${two(hours)}${colon ? ':' : ''}${two(minutes)}`;
        const value = `${date.toISOString().slice(0, 19)}Z`;
        expect(read(local + zoneText)).toEqual({ value });
        if (sign > 0) expect(read(local + zoneText.replace('+', ' '))).toEqual({ value });
        const [weekday = '', day, month, year, time] = date.toUTCString().split(' ');
        const events = `${weekday.replace(',', '')} ${month} ${day} ${year} ${time} GMT+0000 (UTC)`;
        expect(read(events)).toEqual({ value });
      }),
    );
  });
});

describe('other values', () => {
  it.each([
    ['Y', 'Y'],
    ['y', 'Y'],
    ['true', 'Y'],
    ['N', 'N'],
    ['FALSE', 'N'],
  ])('is_event %s is %s', (text, value) => {
    expect(readValue('flag', text)).toEqual({ value });
  });

  it.each(['', 'yes', 'no', 'untrue', 'ny', 'yn', 'Y N', 'falsehood'])(
    'is_event "%s" is neither',
    (text) => {
      expect(readValue('flag', text)).toEqual({ problem: `neither Y nor N: "${text}"` });
    },
  );

  it('an identifier of more than 256 bytes is a parse problem, another one for another identifier', () => {
    const long = 'ü'.repeat(129);
    expect(readValue('identifier', 'ü'.repeat(128))).toEqual({ value: 'ü'.repeat(128) });
    const reading = readValue('identifier', long);
    expect(reading).toEqual({
      problem: expect.stringMatching(
        /^longer than 256 bytes \(258, sha256 [0-9a-f]{16}\): "ü{28}…"$/,
      ),
    });
    expect(readValue('identifier', `${long.slice(0, -1)}o`)).not.toEqual(reading);
    expect(readValue('identifier', long)).toEqual(reading);
  });

  it.each([
    ['usd', { value: 'USD' }],
    ['Eur', { value: 'EUR' }],
    ['dollars', { problem: 'not three letters: "dollars"' }],
    ['US', { problem: 'not three letters: "US"' }],
    ['$', { problem: 'not three letters: "$"' }],
    ['ＵＳＤ', { problem: 'not three letters: "ＵＳＤ"' }],
    ['USD ', { problem: 'not three letters: "USD "' }],
  ])('currency %j is %j', (text, reading) => expect(readValue('currency', text)).toEqual(reading));

  it('a text keeps its first 512 bytes', () => {
    expect(readValue('text', 'x'.repeat(512))).toEqual({ value: 'x'.repeat(512) });
    expect(readValue('text', 'x'.repeat(513))).toEqual({ value: `${'x'.repeat(509)}…` });
  });

  it('a cut text fits, is whole characters, and is the same when it is cut again', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.integer({ min: 3, max: 60 }),
        fc.integer({ min: 3, max: 60 }),
        (text, a, b) => {
          const cut = truncateUtf8(text, a);
          expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(a);
          expect(Buffer.from(cut).toString()).toBe(cut);
          expect(text.startsWith(cut === text ? cut : cut.slice(0, -1))).toBe(true);
          expect(truncateUtf8(cut, Math.min(a, b))).toBe(truncateUtf8(text, Math.min(a, b)));
        },
      ),
    );
  });

  it('are trimmed and in NFC, whichever form came', () => {
    const read = (text: string) =>
      parsePostback(
        [
          ['product_name', text],
          ['order_id', text],
        ],
        ALL_FIELDS,
      ).fields;
    expect(read(' Mu\u0308sli\u3000')).toEqual({
      product_name: 'M\u00fcsli',
      order_id: 'M\u00fcsli',
    });
    expect(read('M\u00fcsli')).toEqual(read('Mu\u0308sli'));
  });

  it('are absent when empty, blank or left unsubstituted, and free of the spaces around them', () => {
    const { fields, problems } = parsePostback(
      parametersOf('u1=<u1>&order_id=+&sku_number=&offer_id=+7+&product_name=%3Cb%3Ered%3C/b%3E'),
      ALL_FIELDS,
    );
    expect({ fields, problems }).toEqual({
      fields: { offer_id: '7', product_name: '<b>red</b>' },
      problems: [],
    });
  });
});

describe('a message', () => {
  // What a query string can carry: every well-formed text. The last of a repeated name counts.
  const parameters = fc.uniqueArray(
    fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
    { selector: ([name]) => name },
  );

  it('brings every parameter from the mapping template to the row and back', () => {
    const at = fc.date({ min: new Date(1), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(parameters, at, fc.string({ unit: 'binary' }), (sent, date, requestId) => {
        const encoded = sent
          .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
          .join('&');
        const message = parseMessage(
          messageBody(encoded, { receivedAt: date.toISOString(), requestId }),
        );
        expect(message).toEqual({
          receivedAt: date.toISOString(),
          requestId,
          sourceIp: '198.51.100.7',
          parameters: sent,
        });

        const kept = sent.filter(([name]) => !['k', 'f'].includes(name.trim()));
        const query = normalisedQuery(message.parameters);
        expect([...new URLSearchParams(query)].sort()).toEqual(kept.sort());
        expect(normalisedQuery([...message.parameters].reverse())).toBe(query);
        expect([...parametersOf(query)].sort()).toEqual(kept.sort());
      }),
    );
  });

  it('keeps a question mark at the beginning of a name, also of the first', () => {
    const query = normalisedQuery([
      ['?a', '1'],
      ['?', '?'],
    ]);
    expect([...new URLSearchParams(query)]).toEqual([
      ['?', '?'],
      ['?a', '1'],
    ]);
  });

  it.each<[string, [string, string][], string]>([
    [
      'sorted by name',
      [
        ['b', '2'],
        ['c', '3'],
        ['a', '1'],
      ],
      'a=1&b=2&c=3',
    ],
    [
      'a repeated name in the order that came',
      [
        ['b', ''],
        ['a', '2'],
        ['a', '1'],
      ],
      'a=2&a=1&b=',
    ],
    ['an equals sign escaped in a name only', [['a=b', 'c=d']], 'a%3Db=c=d'],
    [
      'a question mark escaped at the beginning of a name only',
      [
        ['?a?', '?'],
        ['b?', '?'],
      ],
      '%3Fa?=?&b?=?',
    ],
    [
      'without what is ours, also with spaces around its name',
      [
        [' k ', 'secret'],
        ['f', '1'],
        ['u1', 'm'],
      ],
      'u1=m',
    ],
  ])('has a text to keep: %s', (_, sent, text) => {
    expect(normalisedQuery(sent)).toBe(text);
  });

  it('without a request ID and an address of the sender is accepted', () => {
    expect(parseMessage('at=1&q=u1%3Dm')).toEqual({
      receivedAt: '1970-01-01T00:00:00.001Z',
      requestId: '',
      sourceIp: '',
      parameters: [['u1', 'm']],
    });
  });

  it('cannot claim to come from the Events API', () => {
    const body = 'at=1776504673250&id=run-1&ip=&src=events-api&sid=3900112&q=u1%3Da%2526b';
    expect(parseMessage(body)).toEqual({
      receivedAt: '2026-04-18T09:31:13.250Z',
      requestId: 'run-1',
      sourceIp: '',
      parameters: [['u1', 'a&b']],
    });
  });

  it.each([
    ['', 'empty'],
    ['{"at":1}', 'JSON'],
    ['at=soon&id=1&ip=1&q=', 'no time'],
    ['at=0&q=', 'the time zero'],
    ['at=99999999999999999&q=', 'a time beyond the calendar'],
    ['at=1776504672000&id=1', 'no query string'],
  ])('%s is not a message of the endpoint (%s)', (body) => {
    expect(() => parseMessage(body)).toThrow(
      /^not a message of the endpoint: expected a form with at \(milliseconds since 1970\), id, ip and q/,
    );
  });
});
