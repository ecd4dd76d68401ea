import type { LineRecord } from '../../../fake-rakuten';
import { Random } from '../../../fake-rakuten/random';
import { Complaints } from '../../../local/complaints';
import { postbackDay } from '../../../local/day';
import { MetricSums } from '../../../local/metrics';
import { curlLine, daySummary, rowLine } from '../../../local/summary';
import { compareRows, isExact, type Row } from '../../../local/verify';

const DAY = { seed: 5, sid: '3900112', day: new Date('2026-04-18T15:00:00Z'), orders: 300 };

describe('a day of postbacks', () => {
  const pushes = postbackDay(DAY);
  const lines = pushes.filter(({ redelivery }) => !redelivery).map(({ line }) => line);
  const some = (matches: (line: LineRecord) => boolean): number => lines.filter(matches).length;

  it('is the same for the same seed and another one for another', () => {
    expect(postbackDay(DAY)).toEqual(pushes);
    expect(postbackDay({ ...DAY, seed: 6 })).not.toEqual(pushes);
  });

  it('has everything that Rakuten sends', () => {
    const ordersOfSeveralLines = new Set(lines.map(({ order_id }) => order_id)).size;
    expect(ordersOfSeveralLines).toBeLessThan(lines.length);
    expect(some(({ is_event }) => is_event === 'Y')).toBeGreaterThan(0);
    expect(some(({ sku_number }) => sku_number === 'DISCOUNT')).toBeGreaterThan(0);
    expect(some(({ u1 }) => u1 === '')).toBeGreaterThan(0);
    expect(
      some(({ currency, sale_amount = '' }) => currency === 'JPY' && /^-?\d+$/.test(sale_amount)),
    ).toBeGreaterThan(0);
    expect(some(({ product_name = '' }) => /[^\u0020-\u007e]/.test(product_name))).toBeGreaterThan(
      0,
    );
    expect(pushes.length).toBeGreaterThan(lines.length);
  });

  it('has an id for every line, and confirmations and returns have another one than what they belong to', () => {
    expect(new Set(lines.map(({ etransaction_id }) => etransaction_id)).size).toBe(lines.length);
    const confirmed = lines.filter(
      (line) =>
        line.is_event === 'N' &&
        lines.some((event) => event.is_event === 'Y' && sameGoods(event, line)),
    );
    expect(confirmed.length).toBeGreaterThan(0);
    const returns = lines.filter(
      (line) => Number(line.sale_amount) < 0 && line.sku_number !== 'DISCOUNT',
    );
    expect(returns.length).toBeGreaterThan(0);
    for (const back of returns) {
      const sale = lines.find((line) => Number(line.sale_amount) > 0 && sameGoods(line, back));
      expect(Math.abs(Number(back.sale_amount))).toBeLessThanOrEqual(Number(sale?.sale_amount));
      expect(Number(back.quantity)).toBeGreaterThan(0);
      expect(Date.parse(back.process_date ?? '')).toBeGreaterThanOrEqual(
        Date.parse(sale?.process_date ?? ''),
      );
    }
  });

  it('delivers a line a second time only after the first', () => {
    for (const [index, { line, redelivery }] of pushes.entries()) {
      expect(pushes.slice(0, index).some((earlier) => earlier.line === line)).toBe(redelivery);
    }
  });

  const sameGoods = (a: LineRecord, b: LineRecord): boolean =>
    a.order_id === b.order_id &&
    a.sku_number === b.sku_number &&
    a.transaction_date === b.transaction_date;
});

describe('the comparison of lines and rows', () => {
  const line: LineRecord = {
    is_event: 'N',
    etransaction_id: 'A1',
    sid: '7',
    sale_amount: '129.90',
    process_date: '2026-04-18T09:31:12.000+00:00',
    product_name: 'Tea & more',
    u1: '',
  };
  const row: Row = {
    line_id: { S: '7#A1' },
    is_event: { S: 'N' },
    sale_amount: { N: '129.9' },
    process_date: { S: '2026-04-18T09:31:12Z' },
    product_name: { S: 'Tea & more' },
  };

  it('accepts the same value in another notation', () => {
    const comparison = compareRows([line, line], [row]);
    expect(comparison).toEqual({
      intact: 1,
      missing: [],
      repeated: [],
      different: [],
      unexpected: [],
    });
    expect(isExact(comparison)).toBe(true);
  });

  const event: Row = { ...row, is_event: { S: 'Y' } };
  const foreign: Row = { ...row, line_id: { S: '8#A1' } };
  const withoutId: Row = { ...row, line_id: { S: '7#~0f' }, is_event: { S: '-' } };
  it.each<[string, Row[], object]>([
    ['missing', [], { missing: [line] }],
    [
      'there twice, under IDs that differ in case',
      [row, { ...row, line_id: { S: '7#a1' } }],
      { repeated: [line] },
    ],
    ['there under another publisher', [foreign], { missing: [line], unexpected: [foreign] }],
    [
      'of another amount',
      [{ ...row, sale_amount: { N: '-129.9' } }],
      { different: [{ line, fields: ['sale_amount'] }] },
    ],
    [
      'of an amount that is text',
      [{ ...row, sale_amount: { S: '129.90' } }],
      { different: [{ line, fields: ['sale_amount'] }] },
    ],
    [
      'without its date',
      [{ ...row, process_date: { S: '' } }],
      { different: [{ line, fields: ['process_date'] }] },
    ],
    [
      'with a member that was empty',
      [{ ...row, u1: { S: 'x' } }],
      { different: [{ line, fields: ['u1'] }] },
    ],
    ['there with an event that was not sent', [row, event], { unexpected: [event] }],
    ['there with a row without an ID', [row, withoutId], { unexpected: [withoutId] }],
  ])('finds a line that is %s', (_, rows, expected) => {
    const comparison = compareRows([line], rows);
    expect(comparison).toMatchObject(expected);
    expect(isExact(comparison)).toBe(false);
  });
});

describe('the output of the local run', () => {
  const row: Row = {
    line_id: { S: '7#A1' },
    is_event: { S: 'N' },
    sale_amount: { N: '-1000' },
    commissions: { N: '-30' },
    currency: { S: 'JPY' },
    order_id: { S: 'JP-1' },
    sku_number: { S: '4909876543210' },
    received_at: { S: '2026-04-18T09:31:12.345Z' },
  };
  const pushes = {
    sent: 3,
    acknowledged: 3,
    timeouts: 0,
    unreachable: 0,
    refused: 0,
    skipped: 0,
    autoDisabled: 0,
    consecutiveFailures: 0,
    acknowledgedMillis: [2, 4, 80],
  };
  const exact = { intact: 1, missing: [], repeated: [], different: [], unexpected: [] };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape of terminal colours.
  const plain = (text: string): string => text.replace(/\u001b\[\d+m/g, '');
  const widthOf = (text: string): number =>
    Math.max(...text.split('\n').map(({ length }) => length));

  it('summarises a day without failures within 80 columns', () => {
    const rows = ['JPY', 'EUR', 'USD'].map((currency) => ({
      ...row,
      currency: { S: currency },
      sale_amount: { N: '-12345678.90' },
    }));
    const text = plain(
      daySummary({
        pushes,
        rows: [row, ...rows],
        comparison: exact,
        duplicates: 2,
        deadLetters: 0,
      }),
    );
    expect(text).toMatch(/3 sent, 3 acknowledged\n/);
    expect(text).toMatch(/p50 4\.1 ms, p99 80 ms, longest 80 ms \(limit 400 ms\)/);
    expect(text).toMatch(/4, every line exactly once/);
    expect(text).toMatch(/return +│ +4 │ EUR -12345678\.90 │ EUR -30\.00 +│\n/);
    expect(text).toMatch(/│ JPY -12346679 +│ JPY -60 +│\n/);
    expect(text).toMatch(/Dead-letter queue +empty/);
    expect(widthOf(text)).toBeLessThanOrEqual(80);
  });

  it('reports every failure', () => {
    const bad = { ...pushes, sent: 6, timeouts: 2, refused: 1, skipped: 9 };
    const comparison = { ...exact, missing: [{}, {}], unexpected: [row] };
    const text = plain(
      daySummary({ pushes: bad, rows: [], comparison, duplicates: 0, deadLetters: 4 }),
    );
    expect(text).toMatch(/6 sent, 3 acknowledged, 2 too late, 1 refused/);
    expect(text).toMatch(/Disabled .* 9 postbacks not sent/);
    expect(text).toMatch(/1 intact, 2 missing, 1 unexpected/);
    expect(text).toMatch(/4 messages/);
    expect(widthOf(text)).toBeLessThanOrEqual(80);
  });

  it('shows a row in one line, and a call that sends another postback', () => {
    const line = plain(
      rowLine({ ...row, order_id: { S: 'T12345678-ABCD' }, u1: { S: 'm_1234_abcdef' } }),
    );
    expect(line).toMatch(
      /^09:31:12 {2}return +JPY -1000 {2}order T12345678-ABCD {2}u1 m_1234_abcdef$/,
    );
    expect(widthOf(line)).toBeLessThanOrEqual(80);
    const unreadable = { ...row, parse_problems: { L: [{ S: 'etransaction_id: missing' }] } };
    expect(plain(rowLine(unreadable))).toMatch(/^09:31:12 {2}unknown /);
    const curl = curlLine(
      'http://127.0.0.1:1/p?k=s&id=<etransaction_id>&u1=<u1>&n=<product_name>',
      '1',
      new Date(0),
    );
    expect(curl).toBe('curl "http://127.0.0.1:1/p?k=s&id=TRY-1&u1=me&n=My%20first%20postback"');
  });

  it('shows each complaint once and counts the rest', () => {
    const shown: string[] = [];
    const complaints = new Complaints((text) => shown.push(text));
    for (const messageId of ['1', '2', '3'])
      complaints.read(
        'fn',
        JSON.stringify({
          level: 'ERROR',
          message: 'message failed',
          reason: 'no table',
          messageId,
        }),
      );
    complaints.read('fn', JSON.stringify({ level: 'INFO', message: 'fine' }));
    complaints.read('fn', 'TypeError: not even JSON');
    complaints.read('fn', '');
    expect(shown).toEqual(['fn: ERROR message failed no table', 'fn: TypeError: not even JSON']);
    expect(complaints.repeated()).toEqual([['fn: ERROR message failed no table', 3]]);
  });

  it('sums metrics in the embedded format, and leaves other lines alone', () => {
    const sums = new MetricSums();
    const document = (values: object) =>
      JSON.stringify({
        _aws: {
          CloudWatchMetrics: [
            {
              Namespace: 'RakutenPostback',
              Metrics: Object.keys(values).map((Name) => ({ Name })),
            },
          ],
        },
        ...values,
      });
    expect(sums.read(document({ LinesStored: 3, DuplicatesAbsorbed: [1, 1] }))).toBe(true);
    expect(sums.read(document({ LinesStored: 4 }))).toBe(true);
    expect(sums.read('{"level":"INFO"}')).toBe(false);
    expect(sums.read('{"CloudWatchMetrics" but no JSON')).toBe(false);
    expect([sums.sum('LinesStored'), sums.sum('DuplicatesAbsorbed'), sums.sum('Other')]).toEqual([
      7, 2, 0,
    ]);
  });
});

describe('random numbers', () => {
  it('stay in their range, repeat for the same seed, and shuffle without loss', () => {
    const random = new Random(3);
    const numbers = Array.from({ length: 1000 }, () => random.integer(2, 5));
    expect(new Set(numbers)).toEqual(new Set([2, 3, 4, 5]));
    expect(new Random(3).integer(2, 5)).toBe(numbers[0]);
    const items = Array.from({ length: 50 }, (_, index) => index);
    const shuffled = random.shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
    expect(random.hex(32)).toMatch(/^[0-9A-F]{32}$/);
  });
});
