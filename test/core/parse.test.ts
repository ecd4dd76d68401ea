import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Big from 'big.js';
import fc from 'fast-check';
import { SOURCES } from '../../core/names';
import { parseEventsApiBody } from '../../core/rakuten/events-json';
import { ALL_FIELDS, type FieldList, POSTBACK_FIELDS, type PostbackField } from '../../core/rakuten/fields';
import { normalisedQuery, ownParameter, parseMessage, writeEventsApiMessage } from '../../core/rakuten/message';
import { type ParsedLine, parseEventsApiRecord, parsePostback } from '../../core/rakuten/parse';
import { readValue } from '../../core/rakuten/values';
import type { Item } from '../../core/store/attributes';
import { toItem } from '../../core/store/item';
import { rowKey } from '../../core/store/keys';
import { stateOf } from '../../core/store/merge';
import { messageBody, parametersOf } from '../support/messages';

const readFixture = (name: string) => JSON.parse(readFileSync(join(__dirname, '../fixtures', name), 'utf8'));
const POSTBACKS: { id: string; label: string; query: string }[] = readFixture('postbacks.json');
const EVENTS: { id: string; label: string; body: string }[] = readFixture('events-api.json');

const RECEIVED_AT = '2026-04-18T09:31:13.250Z';
const SID = '3900112';

/** The row of a parsed line, as DynamoDB gets it. */
function rowOf({ fields, problems, extra }: ParsedLine, query: string, source: string): Item {
  const line = { fields: { sid: SID, ...fields }, problems, extra, query, requestId: 'JKJaXmPLvHcESHA=', receivedAt: RECEIVED_AT, source };
  return toItem(rowKey(line.fields), stateOf(line), 1);
}

function rowOfPostback(query: string, list: FieldList = ALL_FIELDS): Item {
  const { parameters } = parseMessage(messageBody(query));
  return rowOf(parsePostback(parameters, list), normalisedQuery(parameters), SOURCES.push);
}

const S = (text: string) => ({ S: text });
const N = (text: string) => ({ N: text });

/** The row of P01, which most of the others resemble. */
const P01: Item = {
  order_key: S('3900112#41207#C-20260418-0007'),
  line_key: S('200452D101AAE862139D47BEBC3B8D79#N'),
  process_day: S('2026-04-18'),
  occurred_at: S('2026-04-18T09:24:55.000Z'),
  received_at: S(RECEIVED_AT),
  source: S('push'),
  request_id: S('JKJaXmPLvHcESHA='),
  query: S(
    'advertiser_id=41207&commissions=6.495&currency=USD&etransaction_id=200452D101AAE862139D47BEBC3B8D79&is_event=N&offer_id=881204' +
      '&order_id=C-20260418-0007&process_date=2026-04-18T09:31:12.000%2B00:00&product_name=Wireless+headphones,+black&quantity=1' +
      '&sale_amount=129.90&sid=3900112&sku_number=HDPH-210-BK&transaction_date=2026-04-18T09:24:55.000%2B00:00&transaction_type=realtime&u1=m_58813_k4',
  ),
  is_event: S('N'),
  etransaction_id: S('200452D101AAE862139D47BEBC3B8D79'),
  sid: S('3900112'),
  advertiser_id: S('41207'),
  order_id: S('C-20260418-0007'),
  offer_id: S('881204'),
  transaction_type: S('realtime'),
  transaction_date: S('2026-04-18T09:24:55.000Z'),
  process_date: S('2026-04-18T09:31:12.000Z'),
  currency: S('USD'),
  sale_amount: N('129.9'),
  commissions: N('6.495'),
  quantity: N('1'),
  sku_number: S('HDPH-210-BK'),
  u1: S('m_58813_k4'),
  product_name: S('Wireless headphones, black'),
};

/** P01 with another id and these differences; `undefined` takes an attribute away. The query string is looked at by other tests. */
function like(id: string, differences: Record<string, string | { N: string } | Item[string] | undefined> = {}): Item {
  const changed = Object.entries(differences).map(([name, value]) => [name, typeof value === 'string' ? S(value) : value]);
  const event = differences.is_event ?? 'N';
  const row = { ...P01, etransaction_id: S(id), line_key: S(`${id}#${event}`), ...Object.fromEntries(changed) };
  return Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== undefined && name !== 'query')) as Item;
}

const shirts = { order_key: '3900112#41207#B-3317', order_id: 'B-3317', transaction_type: 'batch', u1: 'm_1204_z' };
const hotel = {
  order_key: '3900112#41207#H-90117',
  order_id: 'H-90117',
  sku_number: 'SUITE-3N',
  sale_amount: N('612'),
  transaction_date: '2026-04-02T07:58:00.000Z',
  occurred_at: '2026-04-02T07:58:00.000Z',
  product_name: 'Suite, 3 nights',
  u1: 'm_7001_h',
};
const paper = {
  order_key: '3900112#41207#8820114470',
  order_id: '8820114470',
  sku_number: 'PPR-A4-500',
  transaction_type: 'batch',
  product_name: '30100:30140:Office:Paper A4, 500 sheets',
  u1: '5501',
  commissions: N('0'),
};
const tea = {
  order_key: '3900112#36912#JP-0418-55',
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
    process_date: '2026-04-02T08:00:03.000Z',
    process_day: '2026-04-02',
  }),
  P03: like('3C2017163C989B162496D8EF3CCE53F0', {
    ...hotel,
    commissions: N('24.48'),
    process_date: '2026-04-18T02:10:00.000Z',
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
    process_date: '2026-05-02T16:00:41.000Z',
    process_day: '2026-05-02',
  }),
  P08: like('B7B8779150DCED03926ED30B212CD299', {
    ...shirts,
    sku_number: 'TEE-M-NVY',
    sale_amount: N('-19.99'),
    commissions: N('-1'),
    process_date: '2026-05-03T02:00:00.000Z',
    process_day: '2026-05-03',
    product_name: 'T-shirt, navy, M',
  }),
  P09: like('2F68685CB7A5956E00758C8A103D9ED8', { ...paper, sale_amount: N('4.79') }),
  P10: like('F3154EB2A215A8D316C4F86DDFDE5BC9', { ...paper, sale_amount: N('-4.79') }),
  P11: like('FF7DF333C5F35BDE0C79DBED99089C76', { u1: undefined }),
  P12: like('100B93F1E02883D9ACCE9E3E6FFF9BE1', { u1: undefined }),
  P13: like('B2D479D65E2FBF8A75F317012500804A', { ...tea, sale_amount: N('3480'), commissions: N('104') }),
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
    process_date: '2026-05-30T03:00:00.000Z',
    process_day: '2026-05-30',
  }),
  P16: like('6F4E1BDD0895D50AEC360E4B53334D61', { product_name: 'Müsli & Obst 50% + "groß" #1/2 <neu>; a = b?' }),
  P17: like('863EF7702DEBD5EE244D82505988402C', { product_name: 'Th\uFFFD gla\uFFFD\uFFFD' }),
  P18: like('3E67408EAE1B1B5667F95AFFD9D95200', { product_name: 'Salt & Pepper mill' }),
  P19: like('5C96C2139419D73CD355B0C2C77FFB53', {
    order_key: '3900112#41207#0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90',
    order_id: '0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e90',
    sale_amount: N('0.01'),
    commissions: N('0'),
  }),
  P21: like('7716C1E8D5613327B8116FB0B92A49D5'),
  P22: like('CD43F42701681A2F0A9D63A44170862A'),
  P23: like('30F41D97FD23E9CDA789FF69EBA97593', {
    order_key: '3900112#-#C-20260418-0023',
    order_id: 'C-20260418-0023',
    occurred_at: RECEIVED_AT,
    ...Object.fromEntries(
      ['advertiser_id', 'offer_id', 'transaction_type', 'transaction_date', 'process_date', 'currency', 'quantity', 'sku_number', 'u1'].map(
        (absent) => [absent, undefined],
      ),
    ),
    product_name: undefined,
  }),
  P24: like('4773E6115E023C97EE96493B074DC309'),
  P25: like('200452D101AAE862139D47BEBC3B8D79'),
  P26: like('54FBD901ED800C0723C4AEFB2AA9DF58', { u1: `${'m'.repeat(71)}9` }),
  P27: like('4A0AAD1DDA6424761A101F3DD33EED1D', { sale_amount: N('34.990001678466797'), commissions: N('1.7495000839233398') }),
  P28: like('5B5A31A9A5481F177476B3BBDB01B0F0', { u1: 'm_last' }),
  P30: like('7AA9DE1F05BB1D08BD2B82BE3DC4CDB8', { product_name: 'Mug 🍵\twith\nlines \u0001 end', u1: '🐈' }),
  P31: like('2283A041969638F460B37FE956CEF73E', {
    product_name: '$util.urlEncode("x") #set($q = 1) $' + '{jndi:x} {{7*7}}',
    u1: "' OR 1=1 --",
  }),
  P32: like('7810D0484E500EAA3F6874816C687D1D', {
    extra: {
      M: { size: S('XL'), keySet: S('1'), '=__proto__': S('p'), constructor: S('c'), Action: S('DeleteQueue'), MessageBody: S('none') },
    },
  }),
};

describe('the row of a postback', () => {
  it.each(Object.keys(ROWS))('%s', (id) => {
    const { query = '' } = POSTBACKS.find((postback) => postback.id === id) ?? {};
    const { query: kept, revision, ...row } = rowOfPostback(query);
    expect(row).toEqual(ROWS[id]);
    // The text that is kept says the same as what came.
    expect(new Map(new URLSearchParams(kept?.S))).toEqual(new Map(parametersOf(query).sort(([a], [b]) => (a < b ? -1 : 1))));
  });

  it('has the whole query string in an order that does not depend on the way, readable, without secret and field list id', () => {
    const query = POSTBACKS[0]?.query ?? '';
    const shuffled = `k=Xk3w9&f=0a1b2c3d&${query.split('&').reverse().join('&')}`;
    expect(rowOfPostback(query)).toEqual(P01);
    expect(rowOfPostback(shuffled)).toEqual(P01);
  });

  it('of a subset without identity gets a key from its content, and the static value beside the fields (P20)', () => {
    const list: FieldList = [
      { name: 'source', value: 'rakuten' },
      { name: 'is_event', field: 'is_event' },
      ...(['transaction_date', 'sku_number', 'quantity', 'commissions'] as const).map((field) => ({ name: field, field })),
      { name: 'unique_id', field: 'u1' },
    ];
    const { query = '' } = POSTBACKS.find(({ id }) => id === 'P20') ?? {};
    const row = rowOfPostback(query, list);
    const { revision, ...attributes } = row;
    expect(attributes).toEqual({
      order_key: S(`3900112#-#~line:${row.line_key?.S?.replace('#N', '')}`),
      line_key: { S: expect.stringMatching(/^~[0-9a-f]{32}#N$/) },
      process_day: S('2026-04-18'),
      occurred_at: S('2026-04-18T09:24:55.000Z'),
      received_at: S(RECEIVED_AT),
      source: S('push'),
      request_id: S('JKJaXmPLvHcESHA='),
      query: S(
        'commissions=6.495&is_event=N&quantity=1&sku_number=HDPH-210-BK&source=rakuten&transaction_date=2026-04-18T09:24:55.000%2B00:00&unique_id=m_58813_k4',
      ),
      extra: { M: { source: S('rakuten') } },
      is_event: S('N'),
      sid: S('3900112'),
      transaction_date: S('2026-04-18T09:24:55.000Z'),
      sku_number: S('HDPH-210-BK'),
      quantity: N('1'),
      commissions: N('6.495'),
      u1: S('m_58813_k4'),
    });
    expect(rowOfPostback(query.split('&').reverse().join('&'), list)).toEqual(row);
    expect(rowOfPostback(query.replace('6.495', '-6.495'), list).line_key).not.toEqual(row.line_key);
  });

  it('is missing where there are no parameters (P29)', () => {
    expect(parsePostback(parametersOf(''), ALL_FIELDS)).toEqual({ fields: {}, problems: [], extra: {} });
  });

  it('says what could not be read, beside what could', () => {
    const query =
      'etransaction_id=A1&order_id=1&is_event=perhaps&sale_amount=1,234.50&commissions=5.4&process_date=2026-02-30T10:00:00Z&quantity=two';
    const { revision, ...row } = rowOfPostback(query);
    expect(row).toEqual({
      order_key: S('3900112#-#1'),
      line_key: S('A1#-'),
      process_day: S('2026-04-18'),
      occurred_at: S(RECEIVED_AT),
      received_at: S(RECEIVED_AT),
      source: S('push'),
      request_id: S('JKJaXmPLvHcESHA='),
      query: S(
        'commissions=5.4&etransaction_id=A1&is_event=perhaps&order_id=1&process_date=2026-02-30T10:00:00Z&quantity=two&sale_amount=1,234.50',
      ),
      sid: S('3900112'),
      etransaction_id: S('A1'),
      order_id: S('1'),
      commissions: N('5.4'),
      parse_problems: {
        L: [
          S('is_event: neither Y nor N: "perhaps"'),
          S('process_date: not a possible date: "2026-02-30T10:00:00Z"'),
          S('quantity: not a number: "two"'),
          S('sale_amount: not a number: "1,234.50"'),
        ],
      },
    });
  });
});

describe('a field list', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9._~-]{0,12}$/), { minLength: 18, maxLength: 18 });
  const shape = fc.record({
    names,
    fields: fc.shuffledSubarray(Object.keys(POSTBACK_FIELDS) as PostbackField[], { minLength: 1 }),
    statics: fc.array(fc.string({ minLength: 1 }), { maxLength: 2 }),
  });

  it('brings every field back under its own name, renamed, left out and in any order', () => {
    const values: Record<PostbackField, string> = {
      is_event: 'N',
      etransaction_id: '200452D1',
      sid: SID,
      advertiser_id: '41207',
      order_id: 'C-1',
      offer_id: '881204',
      transaction_type: 'realtime',
      transaction_date: '2026-04-18T09:24:55.000Z',
      process_date: '2026-04-18T09:31:12.000Z',
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
        // A name that is reserved, or that is the name of a field which the list does not mean, is refused or warned of when the list is made.
        const free = given.filter((name) => !['k', 'f', 'probe', 'offer', ...Object.keys(POSTBACK_FIELDS)].includes(name));
        const list: FieldList = [
          ...fields.map((field, i) => ({ name: free[i] ?? field, field })),
          ...statics.map((value, i) => ({ name: `static.${i}`, value })),
        ];
        const sent = list.map((p): [string, string] => [p.name, 'field' in p ? values[p.field] : p.value]);
        const { fields: read, problems, extra } = parsePostback(sent, list);
        expect(problems).toEqual([]);
        expect(read).toEqual(Object.fromEntries(fields.map((field) => [field, values[field]])));
        expect(extra).toEqual(Object.fromEntries(statics.map((value, i) => [`static.${i}`, value])));
      }),
    );
  });

  it('says which meaning a name has: the same postback under two lists', () => {
    const sent: [string, string][] = [
      ['member', 'm_1'],
      ['u1', 'campaign'],
    ];
    const before: FieldList = [{ name: 'member', field: 'u1' }];
    const after: FieldList = [{ name: 'u1', field: 'u1' }];
    expect(parsePostback(sent, before)).toMatchObject({ fields: { u1: 'm_1' }, extra: { u1: 'campaign' } });
    expect(parsePostback(sent, after)).toMatchObject({ fields: { u1: 'campaign' }, extra: { member: 'm_1' } });
    // A static value keeps its name although a field is called so too.
    expect(parsePostback(sent, [...before, { name: 'currency', value: 'none' }])).toMatchObject({ fields: { u1: 'm_1' } });
    expect(parsePostback([['currency', 'none']], [{ name: 'currency', value: 'none' }])).toMatchObject({
      fields: {},
      extra: { currency: 'none' },
    });
  });

  it('keeps the rests of a product name with several unescaped &, of which the order is not known', () => {
    expect(parsePostback(parametersOf('sid=1&product_name=Salt & Pepper & more'), ALL_FIELDS)).toEqual({
      fields: { sid: '1', product_name: 'Salt' },
      problems: [],
      extra: { Pepper: '', more: '' },
    });
    expect(parsePostback(parametersOf('sid=1&product_name=Salt&'), ALL_FIELDS).fields).toEqual({ sid: '1', product_name: 'Salt' });
    // Without a product name there is nothing that it could be the rest of.
    expect(parsePostback(parametersOf('sid=1&flag='), ALL_FIELDS)).toMatchObject({ fields: { sid: '1' }, extra: { flag: '' } });
  });

  it('takes for the rest of a product name neither a static value that is empty nor a name that is blank', () => {
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
    expect(parsePostback(sent, list)).toEqual({ fields: { product_name: 'Salt' }, problems: [], extra: { note: '' } });
    expect(parsePostback([...sent, ['Pepper', '']], list).fields).toEqual({ product_name: 'Salt&Pepper' });
    expect(parsePostback([[' ', '']], list).extra).toEqual({});
  });

  it('keeps what is not known under its name without spaces, and a value with a token inside as it is', () => {
    expect(parsePostback(parametersOf('+x+=1&u1=a<u1>'), ALL_FIELDS)).toEqual({ fields: { u1: 'a<u1>' }, problems: [], extra: { x: '1' } });
    expect(parseEventsApiRecord({ u1: undefined, order_id: null })).toEqual({ fields: {}, problems: [], extra: {} });
  });

  it('does not take the rest of a product name for a field, or for our own parameters', () => {
    const parameters = parametersOf('k=secret&f=abc&u1=m_1&product_name=Vitamin B & u1');
    expect(parsePostback(parameters, ALL_FIELDS).fields).toEqual({ u1: 'm_1', product_name: 'Vitamin B & u1' });
    expect(ownParameter(parametersOf('k=secret&product_name=Vitamin B & k'), 'secret')).toBe('secret');
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
      'its own name is read and another spelling kept beside it',
      'commission_list_id=1&commissions_list_id=2',
      { commissions_list_id: '2' },
      { commission_list_id: '1' },
    ],
    ['an empty one gives way', 'commission_list_id=1&commissions_list_id=', { commissions_list_id: '1' }, {}],
    ['an empty spelling is nothing', 'commission_list_id=&commissions_list_id=2', { commissions_list_id: '2' }, {}],
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
    ['of two names with spaces around them always the same is read', 'u1+=a&+u1=b', { u1: 'b' }, { 'u1 ': 'a' }],
  ])('%s, whatever their order', (_, query, fields, extra) => {
    expect(read(query)).toEqual({ fields, extra });
  });

  it('is read under the name that it was asked for, whatever the alphabet says', () => {
    for (const name of ['a', 'zone']) {
      expect(read(`${name}=m_1&u1=campaign`, [{ name, field: 'u1' }])).toEqual({ fields: { u1: 'm_1' }, extra: { u1: 'campaign' } });
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
  const told = (id: string): ParsedLine => {
    const { body = '' } = EVENTS.find((event) => event.id === id) ?? {};
    const [record = {}] = parseEventsApiBody(body);
    return parseEventsApiRecord(record);
  };
  const rowOfEvent = (id: string): Item => {
    const { query, request_id, ...row } = rowOf(told(id), '{}', SOURCES.eventsApi);
    return row;
  };
  const fromEvents = (row: Item = {}): Item => {
    const { request_id, ...kept } = row;
    return { ...kept, source: S('events-api'), verified_at: S(RECEIVED_AT) };
  };

  it.each<[string, Item]>([
    [
      'E01',
      like('5C96C2139419D73CD355B0C2C77FFB54', {
        order_key: '3900112#41207#0b7c5a1e-6c1f-4b0e-9a55-3f6f2c1d8e91',
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
        order_key: '3900112#41207#451',
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
  ])('%s', (id, expected) => {
    expect(rowOfEvent(id)).toEqual(fromEvents(expected));
  });

  it('has every digit that came, however JavaScript would read the number', () => {
    const body =
      '[{"sale_amount":1234567890123456789.0123456789,"commissions":0.1000,"quantity":1e2,"order_id":900719925474099312345,"u1":"a \\"1\\" 2.0"}]';
    expect(parseEventsApiBody(body).map(parseEventsApiRecord)).toEqual([
      {
        fields: {
          sale_amount: '1234567890123456789.0123456789',
          commissions: '0.1',
          quantity: '100',
          order_id: '900719925474099312345',
          u1: 'a "1" 2.0',
        },
        problems: [],
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
    expect(() => parseEventsApiBody('[1]')).toThrow('not an answer of the Events API: expected a JSON array of transactions');
    expect(() => parseEventsApiBody('{"transactions":"none"}')).toThrow('not an answer of the Events API');
  });

  it('loses no number and no text of any JSON', () => {
    const value = fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.bigInt().map(String).map(Number));
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string(), value)), (records) => {
        const asTexts = records.map((r) =>
          Object.fromEntries(Object.entries(r).map(([k, v]) => [k, typeof v === 'string' ? v : JSON.stringify(v)])),
        );
        expect(parseEventsApiBody(JSON.stringify(records))).toEqual(asTexts);
      }),
    );
  });
});

describe('a decimal', () => {
  const read = (text: string) => readValue('decimal', text);

  it('is refused in no time, however long it is', () => {
    const started = performance.now();
    for (let i = 0; i < 100; i++) expect(read(`${'1'.repeat(10_000)}x`)).toHaveProperty('problem');
    expect(performance.now() - started).toBeLessThan(1000);
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
    ['9.9e125', `99${'0'.repeat(124)}`],
    ['1e-130', `0.${'0'.repeat(129)}1`],
    ['-1.5E-7', '-0.00000015'],
    ['0.30000000000000004', '0.30000000000000004'],
    ['9007199254740993', '9007199254740993'],
    ['1.005', '1.005'],
    ['123456789012345678.12', '123456789012345678.12'],
    ['99999999999999999999999999999999999999', '99999999999999999999999999999999999999'],
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
    ['1e1234', 'out of range: "1e1234"'],
    ['1e5x', 'not a number: "1e5x"'],
    ['x1e5', 'not a number: "x1e5"'],
    ['123456789012345678901234567890123456789', 'more than 38 digits: "123456789012345678901234567890123456789"'],
    ['1e126', 'out of range: "1e126"'],
    ['1e-131', 'out of range: "1e-131"'],
  ])('%s is none', (text, problem) => {
    expect(read(text)).toEqual({ problem });
  });

  it('that is none is quoted in short', () => {
    expect(read('x'.repeat(5000))).toEqual({ problem: `not a number: "${'x'.repeat(60)}…"` });
    expect(read('x'.repeat(60))).toEqual({ problem: `not a number: "${'x'.repeat(60)}"` });
  });

  it('is the very number that was sent, in one notation', () => {
    const parts = fc.record({
      digits: fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }),
      scale: fc.integer({ min: -60, max: 60 }),
      negative: fc.boolean(),
      zeros: fc.integer({ min: 0, max: 5 }),
      exponent: fc.boolean(),
    });
    fc.assert(
      fc.property(parts, ({ digits, scale, negative, zeros, exponent }) => {
        const text = `${negative ? '-' : ''}${'0'.repeat(zeros)}${exponent || scale > 0 ? `${digits}e${scale}` : pointed(digits, -scale)}${scale < 0 && !exponent ? '0'.repeat(zeros) : ''}`;
        const reading = read(text);
        if (!('value' in reading)) throw new Error(reading.problem);
        // Compared as whole numbers, which the engine has exactly.
        expect(scaled(reading.value)).toBe((negative ? -digits : digits) * 10n ** BigInt(scale + 60));
        expect(reading.value).toMatch(/^(0|-?(0|[1-9]\d*)(\.\d*[1-9])?)$/);
        expect(read(reading.value)).toEqual(reading);
      }),
      { numRuns: 500 },
    );

    /** The digits with a decimal point before the last `places` of them. */
    function pointed(digits: bigint, places: number): string {
      const padded = String(digits).padStart(places + 1, '0');
      return places === 0 ? padded : `${padded.slice(0, -places)}.${padded.slice(-places)}`;
    }
    /** The plain decimal times 10^60. */
    function scaled(decimal: string): bigint {
      const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
      const digits = BigInt(whole + fraction.padEnd(60, '0'));
      return decimal.startsWith('-') ? -digits : digits;
    }
  });

  it('is read or refused, whatever comes, and a number is never refused for its notation', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.\deE ]{0,12}$/)), (text) => {
        const reading = read(text);
        const number = Number(text);
        const isPlain = /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text);
        expect('value' in reading || 'problem' in reading).toBe(true);
        if (isPlain)
          expect(reading).toEqual({ value: new Big(text.replace('+', '')).eq(0) ? '0' : new Big(text.replace('+', '')).toFixed() });
        if ('value' in reading) expect(Number(reading.value)).toBe(number === 0 ? 0 : number);
      }),
    );
  });
});

describe('a date', () => {
  const read = (text: string) => readValue('date', text);

  it.each([
    ['2026-03-13T18:17:25.000+00:00', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T18:17:25.123+0000', '2026-03-13T18:17:25.123Z'],
    ['2026-03-13T18:17:25.123+00', '2026-03-13T18:17:25.123Z'],
    ['2026-03-13T18:17:25.000Z', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T18:17:25Z', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T18:17:25.1Z', '2026-03-13T18:17:25.100Z'],
    ['2026-03-13T18:17:25.123456Z', '2026-03-13T18:17:25.123Z'],
    ['2026-03-13T18:17:25.000 00:00', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T18:17:25.000 0000', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T18:17:25', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13 18:17:25', '2026-03-13T18:17:25.000Z'],
    ['2026-03-14T03:17:25.000+09:00', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T13:17:25.000-05:00', '2026-03-13T18:17:25.000Z'],
    ['2026-03-14T03:17:25.000 0900', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T18:17:25.123456789Z', '2026-03-13T18:17:25.123Z'],
    ['2026-03-14T08:17:25+14:00', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T04:17:25-14', '2026-03-13T18:17:25.000Z'],
    ['2026-03-13T19:16:25+00:59', '2026-03-13T18:17:25.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)', '2020-04-15T21:20:27.000Z'],
    ['Wed Apr 15 2020 21:20:27 GMT 0000 (UTC)', '2020-04-15T21:20:27.000Z'],
    ['Wed Apr 15 2020 21:20:27 GMT+0000 (Coordinated Universal Time)', '2020-04-15T21:20:27.000Z'],
    ['Wed Apr 15 2020 21:20:27 GMT', '2020-04-15T21:20:27.000Z'],
    ['Thu Apr 16 2020 06:20:27 GMT+0900 (JST)', '2020-04-15T21:20:27.000Z'],
    ['Sun Mar 1 2026 10:04:09 GMT+0000 (UTC)', '2026-03-01T10:04:09.000Z'],
    ['Sun Mar 01 2026 05:04:09 GMT-05:00', '2026-03-01T10:04:09.000Z'],
    ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((month, i) => [
      `Wed ${month} 15 2020 21:20:27 GMT+0000 (UTC)`,
      `2020-${String(i + 1).padStart(2, '0')}-15T21:20:27.000Z`,
    ]),
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
        expect(read(spoilt)).toEqual({ problem: `not a date in a known form: ${JSON.stringify(spoilt)}` });
      }
    }
  });

  it('of which no text could be sorted is refused', () => {
    expect(read('9999-12-31T23:00:00-05:00')).toEqual({ problem: 'out of range: "9999-12-31T23:00:00-05:00"' });
    expect(read('0001-01-01T01:00:00+05:00')).toEqual({ problem: 'out of range: "0001-01-01T01:00:00+05:00"' });
  });

  it('is the same moment in every form and every zone', () => {
    const moment = fc.date({ min: new Date('0002-01-01'), max: new Date('9998-12-31'), noInvalidDate: true });
    const zone = fc.record({ hours: fc.integer({ min: -14, max: 14 }), minutes: fc.constantFrom(0, 15, 30, 45), colon: fc.boolean() });
    fc.assert(
      fc.property(moment, zone, (date, { hours, minutes, colon }) => {
        const sign = hours < 0 ? -1 : 1;
        const offset = sign * (Math.abs(hours) * 60 + minutes);
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const two = (n: number): string => String(Math.abs(n)).padStart(2, '0');
        const zoneText = `${sign < 0 ? '-' : '+'}${two(hours)}${colon ? ':' : ''}${two(minutes)}`;
        expect(read(local + zoneText)).toEqual({ value: date.toISOString() });
        if (sign > 0) expect(read(local + zoneText.replace('+', ' '))).toEqual({ value: date.toISOString() });
        const [weekday = '', day, month, year, time] = date.toUTCString().split(' ');
        const events = `${weekday.replace(',', '')} ${month} ${day} ${year} ${time} GMT+0000 (UTC)`;
        expect(read(events)).toEqual({ value: `${date.toISOString().slice(0, 19)}.000Z` });
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

  it.each(['', 'yes', 'no', 'untrue', 'ny', 'yn', 'Y N', 'falsehood'])('is_event "%s" is neither', (text) => {
    expect(readValue('flag', text)).toEqual({ problem: `neither Y nor N: "${text}"` });
  });

  it('an identifier too long for a key is stood in for, the same text by the same', () => {
    const long = 'ü'.repeat(501);
    expect(readValue('identifier', 'ü'.repeat(500))).toEqual({ value: 'ü'.repeat(500) });
    expect(readValue('identifier', long)).toEqual({ value: expect.stringMatching(/^~sha256:[0-9a-f]{64}$/) });
    expect(readValue('identifier', `${long}x`)).not.toEqual(readValue('identifier', long));
  });

  it('are absent when empty, blank or left unsubstituted, and free of the spaces around them', () => {
    const { fields, problems } = parsePostback(
      parametersOf('u1=<u1>&order_id=+&sku_number=&offer_id=+7+&product_name=%3Cb%3Ered%3C/b%3E'),
      ALL_FIELDS,
    );
    expect({ fields, problems }).toEqual({ fields: { offer_id: '7', product_name: '<b>red</b>' }, problems: [] });
  });
});

describe('a message', () => {
  // What a query string can carry: every well-formed text. The last of a repeated name counts.
  const parameters = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), { selector: ([name]) => name });

  it('brings every parameter from the mapping template to the row and back', () => {
    const at = fc.date({ min: new Date(1), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(parameters, at, fc.string({ unit: 'binary' }), (sent, date, requestId) => {
        const encoded = sent.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
        const message = parseMessage(messageBody(encoded, { receivedAt: date.toISOString(), requestId }));
        expect(message).toEqual({ receivedAt: date.toISOString(), requestId, sourceIp: '198.51.100.7', parameters: sent });

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

  it('of which API Gateway told neither request nor sender is kept all the same', () => {
    expect(parseMessage('at=1&q=u1%3Dm')).toEqual({
      receivedAt: '1970-01-01T00:00:00.001Z',
      requestId: '',
      sourceIp: '',
      parameters: [['u1', 'm']],
    });
  });

  it('of the reconciliation says whose record it is, which no query string can', () => {
    const record = { receivedAt: '2026-04-18T09:31:13.250Z', requestId: 'run-1', parameters: [['u1', 'a&b']] as const };
    const body = writeEventsApiMessage({ ...record, sid: SID });
    expect(body).toBe('at=1776504673250&id=run-1&ip=&src=events-api&sid=3900112&q=u1%3Da%2526b');
    expect(parseMessage(body)).toEqual({ ...record, sourceIp: '', eventsApiSid: SID });
    expect(parseMessage('at=1&src=events-api&q=')).toMatchObject({ eventsApiSid: '' });
    expect(parseMessage('at=1&src=push&sid=1&q=')).not.toHaveProperty('eventsApiSid');
    expect(parseMessage(messageBody('src=events-api&sid=1'))).not.toHaveProperty('eventsApiSid');
  });

  it.each([
    ['', 'empty'],
    ['{"at":1}', 'JSON'],
    ['at=soon&id=1&ip=1&q=', 'a time that is none'],
    ['at=0&q=', 'no time'],
    ['at=99999999999999999&q=', 'a time beyond the calendar'],
    ['at=1776504672000&id=1', 'no query string'],
  ])('%s is none of the endpoint (%s)', (body) => {
    expect(() => parseMessage(body)).toThrow(
      /^not a message of the endpoint: expected a form with at \(milliseconds since 1970\), id, ip and q/,
    );
  });
});
