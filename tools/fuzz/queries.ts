import fc from 'fast-check';
import {
  ALL_FIELDS,
  FIELD_ALIASES,
  type FieldKind,
  type FieldList,
  ROW_FIELDS,
  type RowField,
} from '../../core/rakuten/postback/fields';

/** A query string of a request line, one character per byte, and the field list of its URL. */
export interface FuzzCase {
  readonly list: ListName;
  readonly query: string;
}

/** Field lists that differ in what a name can mean. */
export const LISTS = {
  all: ALL_FIELDS,
  renamed: [
    { name: 'id', field: 'etransaction_id' },
    { name: 'event', field: 'is_event' },
    { name: 'order_id', field: 'order_id' },
    { name: 'member', field: 'u1' },
    { name: 'u1', value: 'web' },
    { name: 'amount', field: 'sale_amount' },
    { name: 'name', field: 'product_name' },
    { name: 'site', value: 'cash & back' },
  ],
} as const satisfies Record<string, FieldList>;
export type ListName = keyof typeof LISTS;

/** The secret in the URL. It exists in these runs only. */
export const FUZZ_SECRET = 'fuzz-secret';

/** API Gateway rejects a longer URL; path and secret are part of it too. */
const MAX_QUERY_BYTES = 10_000;

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** The ways in which a sender may write one text into a query string. */
const ESCAPES: readonly ((text: string) => string)[] = [
  (text) => encodeURIComponent(text.toWellFormed()),
  (text) => new URLSearchParams({ x: text }).toString().slice(2),
  // Every byte escaped, in small letters.
  (text) => [...Buffer.from(text)].map((byte) => `%${hex(byte)}`).join(''),
  // Nothing escaped: an `&` in a product name then divides.
  latin1,
  // Latin-1 in place of UTF-8.
  (text) => [...Buffer.from(text, 'latin1')].map((byte) => `%${hex(byte).toUpperCase()}`).join(''),
  // Escaped twice.
  (text) => encodeURIComponent(encodeURIComponent(text.toWellFormed())),
];

const SIGNS =
  '$#{}()[]!"\'\\&=+%;,./<>?@:*~`^| \n\r\t_-aqkéßあ🐈\u0000\u007f\u0085\u00a0\u2028\ufeff\ufffd';
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(...SIGNS), maxLength: 24 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 16 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 16 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '#end',
      '#stop',
      '$q',
      '$!{k}',
      '#set($q = "")',
      '$util.urlEncode($k)',
      '##',
      '#*',
      '&at=1&id=2&q=3',
      '&Action=DeleteQueue',
      '%26MessageBody%3D',
      '<u1>',
      '<nothing>',
      'null',
      '~0123456789abcdef',
      '9'.repeat(300),
    ),
  },
);

const number = fc.oneof(
  fc.stringMatching(/^-?[0-9]{1,16}\.[0-9]{1,16}$/),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      fc.stringMatching(/^[0-9]{0,42}$/),
      fc.stringMatching(/^(\.[0-9]{0,42})?$/),
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: -140, max: 140 }))
    .map(([digits, power]) => `${digits}e${power}`),
  fc.constantFrom(
    ...'1,234.50 1.234,50 0 -0 -0.00 00012.50 NaN Infinity 0x1F 1e9999 １２ 1_000 --5 5- (5.00)'.split(
      ' ',
    ),
  ),
);

const two = (most: number) =>
  fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(2, '0'));
const date = fc.oneof(
  fc
    .date({
      noInvalidDate: true,
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
    })
    .map((d) => d.toISOString().replace('Z', '+00:00')),
  fc
    .tuple(fc.integer({ min: 0, max: 9999 }), two(14), two(33), two(25), two(61), two(61))
    .map(
      ([y, mo, d, h, mi, s]) => `${String(y).padStart(4, '0')}-${mo}-${d}T${h}:${mi}:${s}+00:00`,
    ),
  fc
    .tuple(
      fc.constantFrom(
        'Z',
        '+0000',
        ' 00:00',
        '-14:00',
        '+15:00',
        '+05:30',
        '.123456789Z',
        '.1+00',
        '',
      ),
    )
    .map(([end]) => `2026-03-13T18:17:25${end}`),
  fc.constantFrom(
    'Wed Apr 15 2020 21:20:27 GMT+0000 (UTC)',
    'Fri Mar 13 2026 18:17:25 GMT 0000',
    '13/03/2026',
    '1774000000',
    '2026-02-30T00:00:00Z',
  ),
);

const currency = fc.oneof(
  fc.constantFrom('USD', 'usd', 'Jpy', ' EUR ', 'US', 'USDT', '840', 'ＵＳＤ'),
  anyText,
);
/** The publisher of the secret in several spellings, and others. */
const sid = fc.oneof(
  fc.constantFrom(
    '3900112',
    '03900112',
    ' 3900112',
    '3900112.0',
    '9999999',
    '0',
    '<sid>',
    '3900112x',
  ),
  anyText,
);
const id = fc.oneof(
  fc.stringMatching(/^[0-9a-fA-F]{1,40}$/),
  fc.stringMatching(/^[0-9]{1,3}[g-z]{1,5}$/),
  fc.stringMatching(/^~[0-9a-f]{0,32}$/),
  anyText,
);
const flag = fc.constantFrom('Y', 'N', 'y', 'n', 'true', 'False', '', '1', '<is_event>', ' N');
const long = fc
  .tuple(fc.constantFrom('x', '"', 'é', '🐈', '\u0000', '%'), fc.integer({ min: 100, max: 3000 }))
  .map(([unit, length]) => unit.repeat(length));

/** Names that the row, the template or the language underneath could mistake for its own. */
const NAMES = [
  ...Object.keys(ROW_FIELDS),
  ...Object.keys(FIELD_ALIASES),
  ...LISTS.renamed.map(({ name }) => name),
  ...'k f probe Action MessageBody QueueUrl at id ip q src sid extra line_id verified_at received_at query'.split(
    ' ',
  ),
  ...'__proto__ constructor toString hasOwnProperty size keySet get entrySet class length U1'.split(
    ' ',
  ),
  ...[' u1', 'u1 ', '=', ''],
];

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: anyText },
);
const value = fc.oneof(
  { weight: 4, arbitrary: anyText },
  { weight: 2, arbitrary: number },
  { weight: 2, arbitrary: date },
  { weight: 1, arbitrary: flag },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', '\u3000', '0') },
);

/** A field of Rakuten with a value that it may have, or with anything. */
const KIND_VALUES: Record<FieldKind, fc.Arbitrary<string>> = {
  flag,
  identifier: anyText,
  text: anyText,
  currency,
  decimal: number,
  date,
};
const FIELD_VALUES: { readonly [F in RowField]?: fc.Arbitrary<string> } = {
  sid,
  etransaction_id: id,
};
const ofField = fc
  .constantFrom(...(Object.keys(ROW_FIELDS) as RowField[]))
  .chain((field) =>
    fc.tuple(fc.constant<string>(field), FIELD_VALUES[field] ?? KIND_VALUES[ROW_FIELDS[field]]),
  );

const escaping = fc.constantFrom(...ESCAPES);
const written = (pair: fc.Arbitrary<[string, string]>) =>
  fc
    .tuple(pair, escaping, escaping, fc.boolean())
    .map(([[n, v], ofName, ofValue, hasSign]) =>
      v === '' && !hasSign ? ofName(n) : `${ofName(n)}=${ofValue(v)}`,
    );

const structured = fc
  .tuple(
    fc.array(
      written(
        fc.oneof(
          { weight: 3, arbitrary: ofField },
          { weight: 2, arbitrary: fc.tuple(name, value) },
        ),
      ),
      { maxLength: 8 },
    ),
    fc.oneof(
      { weight: 60, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: written(fc.tuple(name, long)) },
    ),
    fc.constantFrom('&', '&', '&', '&', ';', '&&'),
  )
  .map(([parts, extra, divider]) =>
    [...parts, ...(extra === undefined ? [] : [extra])].join(divider),
  );

/** Random bytes; those with a meaning in a query string come more often. */
const rawBytes = fc.string({
  unit: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...'&=%+;&=%0123456789abcdefABCDEF') },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
    },
  ),
  maxLength: 80,
});

/** A postback that was cut, repeated or changed on the way. */
const damaged = fc
  .tuple(
    structured,
    fc.array(
      fc.tuple(
        fc.nat(2000),
        fc.nat(40),
        fc.constantFrom('cut', 'repeat', 'insert', 'byte'),
        rawBytes,
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  )
  .map(([query, bites]) =>
    bites.reduce((text, [at, length, kind, bytes]) => {
      const from = text.length === 0 ? 0 : at % text.length;
      const rest = text.slice(from + length);
      if (kind === 'cut') return text.slice(0, from) + rest;
      if (kind === 'repeat') return text.slice(0, from + length) + text.slice(from);
      return (
        text.slice(0, from) +
        bytes.slice(0, kind === 'byte' ? 1 : 12) +
        text.slice(from + (kind === 'byte' ? 1 : 0))
      );
    }, query),
  );

/** What marks the GETs of the self-test, with an ID of its form and with anything else. */
const probe = fc
  .oneof(fc.uuid({ version: 4 }), anyText)
  .map((probeId) => `probe=${encodeURIComponent(probeId.toWellFormed())}`);

/** Most of them have the secret, without which the parser is not reached. */
export const fuzzCases: fc.Arbitrary<FuzzCase> = fc
  .tuple(
    fc.oneof(
      { weight: 5, arbitrary: structured },
      { weight: 3, arbitrary: damaged },
      { weight: 2, arbitrary: rawBytes },
      { weight: 1, arbitrary: probe },
    ),
    fc.constantFrom<ListName>('all', 'all', 'renamed'),
    fc.constantFrom('first', 'first', 'last', 'last', 'none'),
  )
  .map(([parameters, list, secret]) => {
    const own = `k=${FUZZ_SECRET}`;
    const cut = parameters.slice(0, MAX_QUERY_BYTES);
    return {
      list,
      query: secret === 'none' ? cut : secret === 'first' ? `${own}&${cut}` : `${cut}&${own}`,
    };
  });
