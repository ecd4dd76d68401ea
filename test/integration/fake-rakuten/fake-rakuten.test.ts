import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  DEFAULT_MODES,
  drawModes,
  type FakeRakuten,
  type LineRecord,
  type Modes,
  startFakeRakuten,
} from '../../../fake-rakuten';
import { encodeText } from '../../../fake-rakuten/charsets';
import { Random } from '../../../fake-rakuten/random';
import { fillTemplate } from '../../../fake-rakuten/sender';
import fixtures from '../../fixtures/postbacks.json';
import { deviations } from '../../support/rakuten-schemas';

const SID = '3900112';
const NOW = Date.parse('2026-03-20T12:00:00Z');
const LINE: LineRecord = {
  sid: SID,
  is_event: 'N',
  etransaction_id: 'A1F79C0162D1404DAB3F3E6BADA181C8',
  advertiser_id: '39001',
  order_id: 'W-100200300',
  offer_id: '727010',
  sku_number: 'SKU & co',
  sale_amount: '0.5996999931335449',
  quantity: '1',
  commissions: '-5.40',
  process_date: '2026-03-13T18:17:25.000+00:00',
  transaction_date: '2026-03-13T18:02:43.000+00:00',
  transaction_type: 'realtime',
  product_name: 'Tee, größe <S> #1 +50%',
  currency: 'USD',
};

let fake: FakeRakuten;
let now: number;
beforeEach(async () => {
  now = NOW;
  fake = await startFakeRakuten({
    clientId: 'id',
    clientSecret: 'secret',
    now: () => now,
    autoDisableAfter: 3,
    timeoutMillis: 200,
  });
});
const servers: Server[] = [];
afterEach(async () => {
  await fake.close();
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

const key = Buffer.from('id:secret').toString('base64');

async function token(scheme = 'Bearer', scope = SID): Promise<string> {
  const response = await fetch(`${fake.url}/token`, {
    method: 'POST',
    headers: {
      authorization: `${scheme} ${key}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: `scope=${scope}`,
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  bearer?: string,
): Promise<{ status: number; body: string; requestId: string | null }> {
  const headers = { authorization: `Bearer ${bearer ?? (await token())}` };
  const response = await fetch(fake.url + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return {
    status: response.status,
    body: await response.text(),
    requestId: response.headers.get('x-request-id'),
  };
}

/** An endpoint of ours, and the URLs that it was asked for. */
async function endpoint(
  answer: (response: ServerResponse) => void,
): Promise<{ url: string; seen: string[]; connections: () => number }> {
  const seen: string[] = [];
  let opened = 0;
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    answer(response);
  });
  server.on('connection', () => {
    opened += 1;
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => opened,
  };
}

describe('the API of the fake Rakuten', () => {
  it('keeps to the interface description over the life of a postback', async () => {
    fake.record(LINE);
    await call('GET', `/v1/postback/${SID}`);
    await call('POST', '/v1/postback', {
      sid: Number(SID),
      is_active: 'Y',
      url: 'https://a.example/?u=<u1>',
    });
    await call('PUT', `/v1/postback/${SID}`, { is_active: 'N', url: 'https://a.example/?u=<u1>' });
    const read = await call('GET', `/v1/postback/${SID}`);
    await call('GET', '/events/1.0/transactions');
    await call('DELETE', `/v1/postback/${SID}`);
    expect(JSON.parse(read.body).data).toEqual([
      { sid: Number(SID), is_active: 'N', url: 'https://a.example/?u=<u1>' },
    ]);
    expect(read.requestId).toMatch(/^fake-\d+$/);
    expect(fake.requests.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'GET 404',
      'POST 200',
      'PUT 200',
      'GET 200',
      'DELETE 200',
    ]);
    expect(fake.calls.flatMap(deviations)).toEqual([]);
    expect(fake.slot(SID)).toBeUndefined();
  });

  it('refuses what the description does not allow', async () => {
    const bodies = [
      { sid: SID, is_active: 'Y', url: 'x' },
      { sid: 1, is_active: true, url: 'x' },
      { sid: Number(SID), is_active: 'Y' },
      { sid: Number(SID), is_active: 'Y', url: 'x', more: 1 },
    ];
    for (const body of bodies)
      expect(
        (await call('POST', '/v1/postback', body, await token('Bearer', String(body.sid)))).status,
      ).toBe(400);
    expect((await call('PUT', `/v1/postback/${SID}`, { is_active: 'Y', url: 'x' })).status).toBe(
      404,
    );
    expect((await call('GET', '/v1/postback/abc')).status).toBe(404);
  });

  it('takes both forms of the token header, and tokens for an hour and their SID', async () => {
    const bearer = await token('Bearer');
    const basic = await token('Basic');
    for (const t of [bearer, basic])
      expect((await call('GET', `/v1/postback/${SID}`, undefined, t)).status).toBe(404);
    expect((await call('GET', '/v1/postback/111', undefined, bearer)).status).toBe(403);
    now += 3_600_001;
    expect((await call('GET', `/v1/postback/${SID}`, undefined, bearer)).status).toBe(401);
    const wrong = await fetch(`${fake.url}/token`, {
      method: 'POST',
      headers: { authorization: 'Bearer wrong' },
      body: `scope=${SID}`,
    });
    expect(wrong.status).toBe(401);
  });

  it('behaves as configured where the documentation is silent', async () => {
    fake.behaviour.absent = 'empty';
    expect(JSON.parse((await call('GET', `/v1/postback/${SID}`)).body).data).toEqual([]);
    fake.behaviour.absent = 'message';
    expect(JSON.parse((await call('GET', `/v1/postback/${SID}`)).body)).toEqual({
      message: 'No records found',
    });
    const mine = { sid: Number(SID), is_active: 'Y', url: 'https://mine.example' };
    await call('POST', '/v1/postback', mine);
    expect(
      (await call('POST', '/v1/postback', { ...mine, url: 'https://other.example' })).status,
    ).toBe(400);
    fake.behaviour.createOnTaken = 'overwrite';
    fake.behaviour.staleReads = 1;
    expect(
      (await call('POST', '/v1/postback', { ...mine, url: 'https://other.example' })).status,
    ).toBe(200);
    const reads = [
      await call('GET', `/v1/postback/${SID}`),
      await call('GET', `/v1/postback/${SID}`),
    ];
    expect(reads.map(({ body }) => JSON.parse(body).data[0].url)).toEqual([
      'https://mine.example',
      'https://other.example',
    ]);
    fake.behaviour.deleteAbsent = 'not-found';
    expect([
      (await call('DELETE', `/v1/postback/${SID}`)).status,
      (await call('DELETE', `/v1/postback/${SID}`)).status,
    ]).toEqual([200, 404]);
    fake.behaviour.callsPerMinute = 1;
    const bearer = await token();
    const statuses = [await call('GET', `/v1/postback/${SID}`, undefined, bearer)];
    statuses.push(await call('GET', `/v1/postback/${SID}`, undefined, bearer));
    now += 60_001;
    statuses.push(await call('GET', `/v1/postback/${SID}`, undefined, bearer));
    expect(statuses.map(({ status }) => status)).toEqual([200, 403, 200]);
  });

  it('goes wrong on demand: status, lost answer with and without effect, half a body, delay', async () => {
    const bearer = await token();
    const create = (url: string) =>
      call('POST', '/v1/postback', { sid: Number(SID), is_active: 'Y', url }, bearer);
    fake.fault({ operation: 'create', status: 503, headers: { 'retry-after': '7' } });
    expect((await create('https://a.example')).status).toBe(503);
    fake.fault({ operation: 'create', connection: 'drop' });
    await expect(create('https://a.example')).rejects.toThrow();
    expect(fake.slot(SID)).toBeUndefined();
    fake.fault({ operation: 'create', connection: 'drop', afterEffect: true });
    await expect(create('https://a.example')).rejects.toThrow();
    expect(fake.slot(SID)?.url).toBe('https://a.example');
    fake.fault({ operation: 'read', connection: 'truncate', skip: 1 });
    expect((await call('GET', `/v1/postback/${SID}`, undefined, bearer)).status).toBe(200);
    await expect(call('GET', `/v1/postback/${SID}`, undefined, bearer)).rejects.toThrow();
    fake.fault({ operation: 'read', delayMillis: 120 });
    const started = performance.now();
    await call('GET', `/v1/postback/${SID}`, undefined, bearer);
    expect(performance.now() - started).toBeGreaterThanOrEqual(115);
  });
});

describe('the Events API of the fake Rakuten', () => {
  const list = async (query: string): Promise<{ status: number; ids: string[] }> => {
    const { status, body } = await call(
      'GET',
      `/events/1.0/transactions?${new URLSearchParams(query)}`,
    );
    return {
      status,
      ids:
        status === 200
          ? JSON.parse(body).map((r: { etransaction_id: string }) => r.etransaction_id)
          : [],
    };
  };

  it('filters, pages and orders by process date, newest first', async () => {
    for (let n = 0; n < 5; n += 1) {
      fake.record({
        ...LINE,
        etransaction_id: `T${n}`,
        process_date: `2026-03-1${n}T00:00:00.500Z`,
        transaction_type: n % 2 ? 'batch' : 'realtime',
        currency: n === 4 ? 'JPY' : 'USD',
      });
    }
    expect((await list('limit=2')).ids).toEqual(['T4', 'T3']);
    expect((await list('limit=2&page=3')).ids).toEqual(['T0']);
    expect((await list('limit=2&page=4')).ids).toEqual([]);
    expect((await list('type=batch')).ids).toEqual(['T3', 'T1']);
    expect((await list('currency=JPY')).ids).toEqual(['T4']);
    // Both ends belong to the range, to the second.
    expect(
      (await list('process_date_start=2026-03-11 00:00:00&process_date_end=2026-03-13 00:00:00'))
        .ids,
    ).toEqual(['T3', 'T2', 'T1']);
    fake.behaviour.eventsOrder = 'oldest-first';
    expect((await list('limit=2')).ids).toEqual(['T0', 'T1']);
  });

  it.each([
    'process_date_start=2026-03-11 00:00:00',
    'process_date_start=2026-03-11&process_date_end=2026-03-13',
    'process_date_start=2026-02-18 12:00:00&process_date_end=2026-02-19 00:00:00',
    'process_date_start=2026-03-13 00:00:00&process_date_end=2026-03-11 00:00:00',
    'limit=0',
    'page=x',
    'type=all',
    'currency=CHF',
  ])('refuses %s', async (query) => expect((await list(query)).status).toBe(400));

  it('keeps the digits of a decimal, and prints dates in its own way', async () => {
    fake.record(LINE);
    const { body } = await call('GET', '/events/1.0/transactions');
    expect(body).toContain('"sale_amount":0.5996999931335449');
    expect(body).toContain('"commissions":-5.40');
    expect(body).toContain('"process_date":"Fri Mar 13 2026 18:17:25 GMT+0000 (UTC)"');
  });

  it('returns a line that was recorded twice once, with its newest content', async () => {
    fake.record(LINE);
    fake.record({ ...LINE, sale_amount: '10' });
    fake.record({ ...LINE, is_event: 'Y' });
    expect(fake.ledger(SID).map(({ is_event, sale_amount }) => [is_event, sale_amount])).toEqual([
      ['N', '10'],
      ['Y', LINE.sale_amount],
    ]);
  });
});

describe('the sender of the fake Rakuten', () => {
  it('fills the tokens, url-encoded, and leaves unknown ones; each on a new connection', async () => {
    const ours = await endpoint((response) => response.end('ok'));
    fake.setSlot(SID, {
      url: `${ours.url}/p?k=s&is=<is_event>&name=<product_name>&u=<u1>&x=<unknown>&sku=<sku_number>`,
      active: true,
    });
    const results = [await fake.push(LINE), await fake.push(LINE)];
    expect(results.map(({ status }) => status)).toEqual([200, 200]);
    expect(ours.connections()).toBe(2);
    const query = new URL(ours.seen[0] ?? '', ours.url).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      k: 's',
      is: 'N',
      name: LINE.product_name,
      u: '',
      x: '<unknown>',
      sku: 'SKU & co',
    });
  });

  it('sends every line of the fixtures so that it arrives as it is', async () => {
    const ours = await endpoint((response) => response.end());
    const fields = ['order_id', 'product_name', 'u1', 'sale_amount', 'process_date'] as const;
    fake.setSlot(SID, {
      url: `${ours.url}/?${fields.map((f) => `${f}=<${f}>`).join('&')}`,
      active: true,
    });
    for (const { query } of fixtures) {
      const line = { ...Object.fromEntries(new URLSearchParams(query)), sid: SID } as LineRecord;
      await fake.push(line);
      const arrived = new URL(ours.seen.at(-1) ?? '', ours.url).searchParams;
      expect(Object.fromEntries(arrived)).toEqual(
        Object.fromEntries(fields.map((f) => [f, line[f] ?? ''])),
      );
    }
  });

  it('tries once, waits no longer than its limit, and switches the postback off after failures in a row', async () => {
    let answer: (response: ServerResponse) => void = (response) => response.end();
    const ours = await endpoint((response) => answer(response));
    const push = () => fake.push(LINE);
    expect(await push()).toMatchObject({ skipped: 'no postback' });
    fake.setSlot(SID, { url: `${ours.url}/`, active: true });
    answer = (response) => response.writeHead(500).end();
    expect(await push()).toMatchObject({ status: 500 });
    answer = (response) => response.end();
    expect(await push()).toMatchObject({ status: 200 });
    answer = () => {};
    const slow = await push();
    expect(slow.error).toBe('timeout');
    expect(slow.millis).toBeGreaterThanOrEqual(195);
    answer = (response) => response.writeHead(204).end();
    expect((await push()).status).toBe(204);
    answer = (response) => response.destroy();
    expect((await push()).error).toBe('ECONNRESET');
    expect(fake.slot(SID)?.active).toBe(false);
    expect(await push()).toMatchObject({ skipped: 'disabled' });
    expect(fake.statistics(SID)).toMatchObject({
      sent: 5,
      acknowledged: 1,
      timeouts: 1,
      unreachable: 1,
      refused: 2,
      skipped: 2,
      autoDisabled: 1,
      consecutiveFailures: 3,
    });
  });

  it('resets its count when the postback is enabled through the API, and reports a URL that cannot be called', async () => {
    fake.setSlot(SID, { url: 'test.com', active: true });
    for (let n = 0; n < 3; n += 1) expect((await fake.push(LINE)).error).toBeDefined();
    expect(fake.slot(SID)?.active).toBe(false);
    await call('PUT', `/v1/postback/${SID}`, { is_active: 'Y', url: 'test.com' });
    await fake.push(LINE);
    expect(fake.slot(SID)?.active).toBe(true);
  });
});

describe('the modes of the fake Rakuten', () => {
  const NAME = 'Café "Söder" & 1+1 50% ｱ抹茶 😀';
  const line: LineRecord = { ...LINE, order_id: 'B&2', u1: 'm_1', product_name: NAME };
  const sent = (modes: Partial<Modes>, field: keyof LineRecord = 'product_name'): string =>
    fillTemplate(`<${field}>`, line, { ...DEFAULT_MODES, ...modes });
  const record = async (modes: Partial<Modes>): Promise<Record<string, unknown> | undefined> => {
    fake.setModes(SID, modes);
    fake.record(line);
    return JSON.parse((await call('GET', '/events/1.0/transactions')).body)[0];
  };

  it('escapes values once, never or twice', () => {
    expect(sent({})).toBe(encodeURIComponent(NAME));
    expect(decodeURIComponent(sent({ escaping: 'twice' }))).toBe(encodeURIComponent(NAME));
    expect(sent({ escaping: 'never' })).toMatch(/^Caf%C3%A9%20"S%C3%B6der"%20&%201\+1%2050%%20/);
  });

  it.each(['iso-8859-1', 'shift_jis', 'euc-jp'] as const)('writes URLs in %s', (charset) => {
    const bytes = Buffer.from(unescape(sent({ charset })), 'latin1');
    const lost =
      charset === 'iso-8859-1' ? 'Café "Söder" & 1+1 50% ??? ?' : 'Caf? "S?der" & 1+1 50% ｱ抹茶 ?';
    expect(new TextDecoder(charset).decode(bytes)).toBe(lost);
  });

  it('encodes Japanese text as the standards say', () => {
    expect(Buffer.from(encodeText('表ー', 'shift_jis')).toString('hex')).toBe('955c815b');
    expect(Buffer.from(encodeText('表ー', 'euc-jp')).toString('hex')).toBe('c9bda1bc');
  });

  it('writes HTML entities', async () => {
    expect(decodeURIComponent(sent({ htmlEntities: ['push'] }))).toBe(
      'Caf&eacute; &quot;S&#246;der&quot; &amp; 1+1 50% &#65393;&#25273;&#33590; &#128512;',
    );
    expect(await record({ htmlEntities: ['events-api'] })).toMatchObject({
      order_id: 'B&amp;2',
      currency: 'USD',
    });
  });

  it('decomposes accents', async () => {
    expect(decodeURIComponent(sent({ decomposed: ['push'] }))).toBe(NAME.normalize('NFD'));
    expect(await record({ decomposed: ['events-api'] })).toMatchObject({
      product_name: NAME.normalize('NFD'),
    });
  });

  it('writes IDs in lower case, with spaces and as floats', async () => {
    expect(sent({ lowerCaseIds: ['push'] }, 'etransaction_id')).toBe(
      'a1f79c0162d1404dab3f3e6bada181c8',
    );
    expect(sent({ paddedIds: ['push'] }, 'advertiser_id')).toBe('%2039001%20');
    expect(sent({ floatIds: ['push'] }, 'advertiser_id')).toBe('39001.0');
    const sides = ['events-api'] as const;
    const shown = { order_id: ' b&2 ', advertiser_id: ' 39001.0 ', offer_id: ' 727010.0 ' };
    expect(await record({ lowerCaseIds: sides, paddedIds: sides, floatIds: sides })).toMatchObject(
      shown,
    );
  });

  it('prints amounts as binary floats', async () => {
    const amounts = { sale_amount: '34.99', commissions: '-5.40' };
    expect(
      fillTemplate(
        '<sale_amount> <commissions>',
        { ...line, ...amounts },
        { ...DEFAULT_MODES, floatAmounts: ['push'] },
      ),
    ).toBe('34.9900016784668 -5.400000000000000355');
    fake.setModes(SID, { floatAmounts: ['events-api'] });
    fake.record({ ...line, ...amounts });
    expect((await call('GET', '/events/1.0/transactions')).body).toContain(
      '"sale_amount":34.9900016784668',
    );
  });

  it('pushes local times without a zone', () => {
    expect(decodeURIComponent(sent({ localTimes: true }, 'process_date'))).toBe(
      '2026-03-14T03:17:25.000',
    );
  });

  it('leaves identity fields blank in one interface, always for the same lines', async () => {
    const blank = {
      side: 'events-api',
      fields: ['etransaction_id', 'order_id', 'is_event'],
      share: 1,
    } as const;
    expect(await record({ blank })).toMatchObject({
      etransaction_id: '',
      order_id: '',
      is_event: '?',
      u1: 'm_1',
    });
    expect(sent({ blank }, 'order_id')).toBe('B%262');
    const some = { side: 'push', fields: ['u1'], share: 0.4 } as const;
    const modes = { ...DEFAULT_MODES, blank: some };
    const lines = Array.from({ length: 200 }, (_, n) => ({ ...line, etransaction_id: `T${n}` }));
    const filled = (): string[] => lines.map((each) => fillTemplate('<u1>', each, modes));
    expect(filled().filter((text) => text === '').length).toBeGreaterThan(50);
    expect(filled().filter((text) => text === 'm_1').length).toBeGreaterThan(90);
    expect(filled()).toEqual(filled());
  });

  it('prints unreadable amounts for some hours', async () => {
    const unreadable = {
      side: 'events-api',
      fields: ['sale_amount'],
      share: 1,
      hours: 24 * 8,
    } as const;
    expect(await record({ unreadable })).toMatchObject({ sale_amount: 'n/a' });
    now += 86_400_000 * 2;
    expect(await record({ unreadable })).toMatchObject({ sale_amount: expect.any(Number) });
  });

  it('stops returning lines, events earlier or never', async () => {
    const shown = async (modes: Partial<Modes>): Promise<string[]> => {
      fake.setModes(SID, modes);
      return JSON.parse((await call('GET', '/events/1.0/transactions')).body).map(
        (r: { is_event: string }) => r.is_event,
      );
    };
    fake.record(LINE);
    fake.record({ ...LINE, is_event: 'Y' });
    expect(await shown({ retentionDays: 7 })).toEqual(['N', 'Y']);
    expect(await shown({ eventRetentionDays: 0 })).toEqual(['N']);
    expect(await shown({ retentionDays: 30, eventRetentionDays: 6 })).toEqual(['N']);
    expect(await shown({ retentionDays: 6 })).toEqual([]);
    expect(fake.ledger(SID)).toHaveLength(2);
  });

  it('returns only a part of the lines', async () => {
    const lines = Array.from({ length: 100 }, (_, n) => ({ ...LINE, etransaction_id: `T${n}` }));
    for (const each of lines) fake.record(each);
    const shown = async (share: number, seed = 1): Promise<string[]> => {
      fake.setModes(SID, { hidden: { share, seed } });
      const records: LineRecord[] = JSON.parse(
        (await call('GET', '/events/1.0/transactions?limit=100')).body,
      );
      return records.map(({ etransaction_id = '' }) => etransaction_id);
    };
    expect(await shown(0)).toHaveLength(100);
    expect(await shown(1)).toHaveLength(0);
    const some = await shown(0.2);
    expect(some.length).toBeGreaterThan(60);
    expect(some.length).toBeLessThan(95);
    expect(await shown(0.2)).toEqual(some);
    expect(await shown(0.2, 2)).not.toEqual(some);
  });

  it('learns the member later, or never', async () => {
    expect(await record({ memberAfterHours: 7 * 24 })).toMatchObject({ u1: '' });
    now += 86_400_000;
    expect(await record({ memberAfterHours: 7 * 24 })).toMatchObject({ u1: 'm_1' });
    expect(await record({ memberAfterHours: 'never' })).toMatchObject({ u1: '' });
    expect(sent({ memberAfterHours: 'never' }, 'u1')).toBe('m_1');
  });

  it('returns lines of other publishers, gives an ID to another line, and forgets eliminated lines', async () => {
    const shown = async (): Promise<string[]> =>
      JSON.parse((await call('GET', '/events/1.0/transactions')).body).map(
        (r: LineRecord) => `${r.sid} ${r.order_id}`,
      );
    fake.record(line);
    fake.record({ ...line, sid: '111' });
    expect(await shown()).toEqual([`${SID} B&2`]);
    fake.setModes(SID, { alsoReturns: ['111'] });
    expect(await shown()).toEqual([`${SID} B&2`, '111 B&2']);
    fake.record({ ...line, order_id: 'C 3' }, { reusesId: true });
    expect(await shown()).toEqual([`${SID} B&2`, `${SID} C 3`, '111 B&2']);
    fake.eliminate(line);
    expect(await shown()).toEqual([`${SID} C 3`, '111 B&2']);
  });

  it('are drawn from a seed, each of them by some seed', () => {
    expect(drawModes(new Random(1))).toEqual(drawModes(new Random(1)));
    const drawn = Array.from({ length: 60 }, (_, seed) => drawModes(new Random(seed), ['111']));
    for (const [name, value] of Object.entries({
      ...DEFAULT_MODES,
      blank: undefined,
      unreadable: undefined,
      retentionDays: undefined,
    })) {
      const different = drawn.filter(
        (modes) => JSON.stringify(modes[name as keyof Modes]) !== JSON.stringify(value),
      );
      expect([name, different.length]).toEqual([name, expect.any(Number)]);
      expect(different.length).toBeGreaterThan(2);
      expect(different.length).toBeLessThan(40);
    }
  });
});
