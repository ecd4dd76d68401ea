import fc from 'fast-check';
import {
  ALL_FIELDS,
  fieldListId,
  IDENTITY_FIELDS,
  isPostbackField,
  POSTBACK_FIELDS,
  type PostbackField,
  parseFieldList,
  RESERVED_PARAMETER_NAMES,
} from '../../../core/rakuten/postback/fields';
import { parsePostback } from '../../../core/rakuten/postback/parse';
import { postbackUrl } from '../../../core/rakuten/postback/url';
import { PostbackFields } from '../../../lib';

const ENDPOINT = 'https://abc.execute-api.us-east-1.amazonaws.com/prod/postback';
const SECRET = 'Secret-0123456789';
const EVERY_FIELD = Object.keys(POSTBACK_FIELDS) as PostbackField[];

/** The URL as it is registered, without what the construct adds of its own. */
function askedFor(fields: PostbackFields): string {
  const url = postbackUrl(ENDPOINT, SECRET, fields._toFieldList());
  const own = `${ENDPOINT}?k=${SECRET}&f=${fieldListId(fields._toFieldList())}&`;
  expect(url.startsWith(own)).toBe(true);
  return url.slice(own.length);
}

const warningsOf = (fields: PostbackFields): string[] => fields._warnings().map(({ id }) => id);
const messageOf = (fields: PostbackFields, id: string): string | undefined =>
  fields._warnings().find((w) => w.id === id)?.message;

describe("the customizations of Rakuten's help page", () => {
  const identity = IDENTITY_FIELDS.map((field) => `${field}=<${field}>`).join('&');

  it('renames u1 to unique_id and leaves the rest', () => {
    const everything = askedFor(PostbackFields.all());
    expect(askedFor(PostbackFields.all().rename('u1', 'unique_id'))).toBe(
      everything.replace('&u1=<u1>', '&unique_id=<u1>'),
    );
  });

  it('asks for transaction_date, sku_number, quantity and commissions only, beside what identifies the line', () => {
    const fields = PostbackFields.only('transaction_date', 'sku_number', 'quantity', 'commissions');
    expect(askedFor(fields)).toBe(
      `${identity}&transaction_date=<transaction_date>&sku_number=<sku_number>&quantity=<quantity>&commissions=<commissions>`,
    );
    expect(warningsOf(fields)).toEqual([]);
  });

  it('does both at once', () => {
    const fields = PostbackFields.only(
      'transaction_date',
      'sku_number',
      'quantity',
      'commissions',
      'u1',
    ).rename('u1', 'unique_id');
    expect(askedFor(fields)).toBe(
      `${identity}&transaction_date=<transaction_date>&sku_number=<sku_number>&quantity=<quantity>&commissions=<commissions>&unique_id=<u1>`,
    );
  });

  it('gives the literal URLs of the page when exactly these fields are asked for', () => {
    const literal = PostbackFields.exactly(
      'is_event',
      'transaction_date',
      'sku_number',
      'quantity',
      'commissions',
    );
    expect(askedFor(literal)).toBe(
      'is_event=<is_event>&transaction_date=<transaction_date>&sku_number=<sku_number>&quantity=<quantity>&commissions=<commissions>',
    );
    expect(askedFor(PostbackFields.exactly('is_event', 'u1').rename('u1', 'unique_id'))).toBe(
      'is_event=<is_event>&unique_id=<u1>',
    );
  });
});

describe('what is in the URL', () => {
  it("is every field of Rakuten's by default, the free text last", () => {
    expect(PostbackFields.all().names).toEqual(EVERY_FIELD);
    expect(PostbackFields.all().names.at(-1)).toBe('product_name');
    expect(warningsOf(PostbackFields.all())).toEqual([]);
  });

  it('has what identifies a line in front, and a field that is asked for again stays where it was asked for', () => {
    expect(PostbackFields.only('u1', 'commissions').names).toEqual([
      ...IDENTITY_FIELDS,
      'u1',
      'commissions',
    ]);
    expect(PostbackFields.only('commissions', 'order_id', 'is_event').names).toEqual([
      'etransaction_id',
      'sid',
      'advertiser_id',
      'commissions',
      'order_id',
      'is_event',
    ]);
  });

  it('ends with product_name wherever it was asked for, static values included', () => {
    expect(PostbackFields.only('product_name', 'commissions').names.slice(-2)).toEqual([
      'commissions',
      'product_name',
    ]);
    const withStatic = PostbackFields.all()
      .staticValue('source', 'rakuten')
      .staticValue('site', 'a');
    expect(withStatic.names.slice(-4)).toEqual(['u1', 'source', 'site', 'product_name']);
    expect(PostbackFields.only('commissions').staticValue('source', 'rakuten').names.at(-1)).toBe(
      'source',
    );
  });

  it('keeps the order that was asked for on purpose, and warns when something follows the free text', () => {
    const fields = PostbackFields.all()
      .order('product_name', 'u1')
      .staticValue('source', 'rakuten');
    expect([...fields.names.slice(0, 2), fields.names.at(-1)]).toEqual([
      'product_name',
      'u1',
      'source',
    ]);
    expect(warningsOf(fields)).toEqual(['productNameNotLast']);
    expect(messageOf(fields, 'productNameNotLast')).toContain('let order() end with it');
  });

  it('puts what order() names in front, by the names in the URL', () => {
    const fields = PostbackFields.only('u1', 'commissions')
      .rename('u1', 'unique_id')
      .staticValue('source', 'rakuten');
    expect(fields.order('source', 'unique_id').names).toEqual([
      'source',
      'unique_id',
      ...IDENTITY_FIELDS,
      'commissions',
    ]);
  });

  it('leaves a list as it is when another is made from it', () => {
    const all = PostbackFields.all();
    all.rename('u1', 'member').staticValue('source', 'rakuten').order('member');
    expect(all.names).toEqual(EVERY_FIELD);
    expect(all._toFieldList()).toEqual(ALL_FIELDS);
  });

  it('escapes static values and leaves the brackets of the fields', () => {
    const fields = PostbackFields.exactly('u1').staticValue('note', 'a&b=c d+é#%');
    expect(askedFor(fields)).toBe('u1=<u1>&note=a%26b%3Dc%20d%2B%C3%A9%23%25');
  });
});

describe('misuse', () => {
  const all = PostbackFields.all();

  it.each<[what: string, call: () => PostbackFields, message: RegExp]>([
    [
      'no field',
      () => PostbackFields.only(),
      /^PostbackFields\.only\(\) needs at least one field; for every field use PostbackFields\.all\(\)$/,
    ],
    [
      'no exact field',
      () => PostbackFields.exactly(),
      /^PostbackFields\.exactly\(\) needs at least one field/,
    ],
    [
      'an unknown field',
      () => PostbackFields.only('sale_amont'),
      /'sale_amont' is not a field of Rakuten's postbacks; there are is_event, /,
    ],
    [
      'a field of the Events API only',
      () => PostbackFields.only('lock_status'),
      /'lock_status' is not a field/,
    ],
    [
      'a name of the object prototype',
      () => PostbackFields.only('constructor'),
      /'constructor' is not a field/,
    ],
    [
      'a field twice',
      () => PostbackFields.only('u1', 'u1'),
      /the field 'u1' is named twice; name it once$/,
    ],
    [
      'renaming an unknown field',
      () => all.rename('member', 'm'),
      /'member' is not a field of Rakuten's postbacks; there are /,
    ],
    [
      'renaming a field that is not asked for',
      () => PostbackFields.exactly('u1').rename('currency', 'c'),
      /'currency' is not in the list; ask for it first/,
    ],
    [
      "renaming to another field's name",
      () => all.rename('u1', 'order_id'),
      /'order_id' is the name of another Rakuten field.*choose a name of your own$/,
    ],
    [
      'renaming two fields alike',
      () => all.rename('u1', 'x').rename('offer_id', 'x'),
      /the name 'x' stands in the URL twice.*choose another name$/,
    ],
    [
      'a static value under the name of a renamed field',
      () => all.rename('u1', 'x').staticValue('x', '1'),
      /'x' stands in the URL twice/,
    ],
    [
      "a static value under a field's name",
      () => all.staticValue('u1', '1'),
      /'u1' is the name of a Rakuten field; choose a name of your own$/,
    ],
    [
      'a placeholder as a static value',
      () => all.staticValue('x', '<u1>'),
      /contains < or >.*use rename\(\)/,
    ],
    [
      'an empty static value',
      () => all.staticValue('x', ''),
      /the value is empty; leave the parameter out or give it a value$/,
    ],
    [
      'a static value without end',
      () => all.staticValue('x', 'y'.repeat(513)),
      /the value has 513 characters; use at most 512$/,
    ],
    [
      'half a character as a static value',
      () => all.staticValue('x', '\ud83d'),
      /not valid Unicode/,
    ],
    [
      'an order of what is not there',
      () => all.order('u1', 'member'),
      /^order\('u1', 'member'\): there is no parameter 'member'; there are is_event, /,
    ],
    ['an order that names one twice', () => all.order('u1', 'u1'), /'u1' stands in the URL twice/],
    [
      'a name without end',
      () => all.rename('u1', 'u'.repeat(65)),
      /the name has 65 characters; use at most 64$/,
    ],
  ])('%s is an error that says the mend', (_what, call, message) => {
    expect(call).toThrow(message);
  });

  it.each([
    '',
    ' ',
    'a b',
    'a&b',
    'a=b',
    'a+b',
    'a%20',
    'a#',
    'a?b',
    'a/b',
    '<u1>',
    "a'b",
    'ünique',
    'a\n',
  ])('a parameter name with a reserved character is refused: %j', (name) => {
    expect(() => all.rename('u1', name)).toThrow('use letters, digits and . _ ~ -');
    expect(() => all.staticValue(name, 'v')).toThrow('use letters, digits and . _ ~ -');
  });

  it.each(RESERVED_PARAMETER_NAMES)("the construct's own parameter '%s' is refused", (name) => {
    expect(() => all.rename('u1', name)).toThrow(
      `the name '${name}' is used by the construct itself`,
    );
    expect(() => all.staticValue(name, 'v')).toThrow('choose another name');
  });
});

describe('choices that cost something', () => {
  it('are warned of, each with its mend', () => {
    const fields = PostbackFields.exactly('transaction_date', 'sku_number', 'quantity', 'u1');
    expect(warningsOf(fields)).toEqual([
      'cancellationsIndistinguishable',
      'noTransactionId',
      'noIsEvent',
      'noOrder',
    ]);
    expect(messageOf(fields, 'cancellationsIndistinguishable')).toMatch(
      /a cancellation looks the same as a sale.*: add one of them$/,
    );
    for (const id of ['noTransactionId', 'noIsEvent', 'noOrder'])
      expect(messageOf(fields, id)).toContain('use PostbackFields.only()');
  });

  it('are each warned of alone', () => {
    const without = (...left: PostbackField[]): string[] =>
      warningsOf(PostbackFields.exactly(...EVERY_FIELD.filter((field) => !left.includes(field))));
    expect(without('sale_amount')).toEqual([]);
    expect(without('commissions')).toEqual([]);
    expect(without('sale_amount', 'commissions')).toEqual(['cancellationsIndistinguishable']);
    expect(without('etransaction_id')).toEqual(['noTransactionId']);
    expect(without('is_event')).toEqual(['noIsEvent']);
    expect(without('order_id')).toEqual(['noOrder']);
    expect(without('advertiser_id')).toEqual(['noOrder']);
  });

  it('are not warned of when a field only has another name', () => {
    const renamed = EVERY_FIELD.reduce(
      (fields, field) => fields.rename(field, `my_${field}`),
      PostbackFields.all(),
    );
    expect(warningsOf(renamed)).toEqual([]);
  });
});

describe('any valid list', () => {
  const fieldSet = fc.shuffledSubarray(EVERY_FIELD, { minLength: 1 });
  const base = fc.oneof(
    fc.constant(PostbackFields.all()),
    fieldSet.map((fields) => PostbackFields.only(...fields)),
    fieldSet.map((fields) => PostbackFields.exactly(...fields)),
  );
  // Names of a user's own; some are names that code handles specially, or other spellings of
  // fields.
  const special = fc.constantFrom(
    '__proto__',
    'constructor',
    'size',
    'keySet',
    'offer',
    'lock_status',
    'commission_list_id',
  );
  const free = fc
    .stringMatching(/^[A-Za-z0-9._~-]{1,20}$/)
    .filter((n) => !isPostbackField(n) && !RESERVED_PARAMETER_NAMES.includes(n));
  const names = fc.uniqueArray(
    fc.oneof({ weight: 1, arbitrary: special }, { weight: 3, arbitrary: free }),
    { maxLength: 8 },
  );
  const staticText = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((text) => !/[<>]/.test(text) && text.length <= 512 && !/\p{Surrogate}/u.test(text));

  const anyFields = fc
    .record({
      base,
      names,
      renames: fc.array(fc.nat(), { maxLength: 8 }),
      statics: fc.array(staticText, { minLength: 8, maxLength: 8 }),
      first: fc.array(fc.nat(), { maxLength: 4 }),
    })
    .map(({ base, names, renames, statics, first }) => {
      let fields = base;
      for (const [i, name] of names.entries()) {
        const asked = fields._toFieldList().flatMap((p) => ('field' in p ? [p.field] : []));
        const which = renames[i];
        if (which === undefined) fields = fields.staticValue(name, statics[i] as string);
        else fields = fields.rename(asked[which % asked.length] as PostbackField, name);
      }
      return fields.order(
        ...new Set(first.map((i) => fields.names[i % fields.names.length] as string)),
      );
    });

  /** A line of values that come out of the parser as they went in. */
  const identifier = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 72 })
    .map((text) => text.normalize('NFC'))
    .filter(
      (text) =>
        text === text.trim() &&
        text !== '' &&
        !/^<\w+>$/.test(text) &&
        !/\p{Surrogate}/u.test(text),
    )
    .filter((text) => Buffer.byteLength(text) <= 256);
  const line = fc.record<Record<PostbackField, string>>({
    is_event: fc.constantFrom('Y', 'N'),
    etransaction_id: identifier,
    sid: fc.constantFrom('1', '3900112'),
    advertiser_id: identifier,
    order_id: identifier,
    offer_id: identifier,
    transaction_type: fc.constantFrom('realtime', 'batch'),
    transaction_date: fc.constant('2026-03-13T18:02:43Z'),
    process_date: fc.constant('2026-03-13T18:17:25Z'),
    currency: fc.constantFrom('USD', 'JPY'),
    sale_amount: fc.constantFrom('180', '-180.5', '0', '0.1'),
    commissions: fc.constantFrom('5.4', '-5.4', '0'),
    quantity: fc.constantFrom('1', '3'),
    sku_number: identifier,
    u1: identifier,
    product_name: identifier,
  });

  /** What Rakuten does with a registered URL. */
  const sentFor = (url: string, values: Record<PostbackField, string>): string =>
    url.replace(/<(\w+)>/g, (_, token: PostbackField) => encodeURIComponent(values[token]));

  it('gives a URL from which a postback is read back under the names of Rakuten, whatever the names in the URL', () => {
    fc.assert(
      fc.property(anyFields, line, (fields, values) => {
        const list = fields._toFieldList();
        const query = new URL(sentFor(postbackUrl(ENDPOINT, SECRET, list), values)).searchParams;
        const { fields: read, extra, problems } = parsePostback([...query], list);

        expect([query.get('k'), query.get('f')]).toEqual([SECRET, fieldListId(list)]);
        expect(problems).toEqual([]);
        expect(read).toEqual(
          Object.fromEntries(
            list.flatMap((p) => ('field' in p ? [[p.field, values[p.field]]] : [])),
          ),
        );
        expect(extra).toEqual(
          Object.fromEntries(list.flatMap((p) => ('value' in p ? [[p.name, p.value]] : []))),
        );
        expect([...query.keys()].slice(2)).toEqual(fields.names);
      }),
      { numRuns: 500 },
    );
  });

  it('survives the way through the template, and names itself by its content alone', () => {
    fc.assert(
      fc.property(anyFields, anyFields, (one, other) => {
        const list = one._toFieldList();
        expect(parseFieldList(JSON.stringify(list))).toEqual(list);
        const same = JSON.stringify(list) === JSON.stringify(other._toFieldList());
        expect(fieldListId(list) === fieldListId(other._toFieldList())).toBe(same);
      }),
    );
  });

  it('has every identity field unless exactly a list was asked for', () => {
    fc.assert(
      fc.property(fieldSet, (asked) => {
        const names = PostbackFields.only(...asked).names;
        expect(new Set(names)).toEqual(new Set([...IDENTITY_FIELDS, ...asked]));
        if (asked.includes('product_name')) expect(names.at(-1)).toBe('product_name');
        expect(PostbackFields.exactly(...asked).names).toEqual(asked);
      }),
    );
  });
});
