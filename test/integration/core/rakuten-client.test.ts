import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { RakutenClient, type Slot } from '../../../core/rakuten/api/client';
import { parseCredentials, type RakutenCredentials } from '../../../core/rakuten/api/credentials';
import { RakutenError } from '../../../core/rakuten/api/errors';
import { sendHttp } from '../../../core/rakuten/api/http';
import { quote, Redactor } from '../../../core/rakuten/api/redact';
import {
  backoffMillis,
  type Clock,
  retryAfterMillis,
  SHORT_BACKOFF,
} from '../../../core/rakuten/api/request-with-retry';
import { type FakeRakuten, startFakeRakuten } from '../../../fake-rakuten';
import { growth, LINEAR } from '../../support/growth';
import { deviations } from '../../support/rakuten-schemas';

const SID = '3900112';
const CREDENTIALS: RakutenCredentials = { clientId: 'an-id', clientSecret: 'a-secret-of-the-test' };
const SLOT: Slot = { url: 'https://a.example/p?k=url-secret-0123456789&u=<u1>', active: true };

let fake: FakeRakuten;
let waited: number[];
beforeEach(async () => {
  waited = [];
  fake = await startFakeRakuten({
    ...(CREDENTIALS as { clientId: string; clientSecret: string }),
    accessToken: 'ready-made-token',
  });
});
afterEach(() => fake.close());

/** Real time, but waiting takes none. */
const clock: Clock = {
  now: () => Date.now() + waited.reduce((sum, millis) => sum + millis, 0),
  sleep: async (millis) => void waited.push(millis),
  random: () => 0.5,
};

const redactor = new Redactor();
const clientOf = (
  credentials: RakutenCredentials = CREDENTIALS,
  baseUrl = fake.url,
): RakutenClient =>
  new RakutenClient({ baseUrl, sid: SID, send: sendHttp, clock, redactor }, credentials);
const soon = (seconds = 120): number => clock.now() + seconds * 1000;

async function errorOf(work: Promise<unknown>): Promise<RakutenError> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(RakutenError);
  return error as RakutenError;
}

describe('the client over HTTP', () => {
  it('speaks as the interface description has it, with one token for all calls', async () => {
    const client = clientOf();
    expect(await client.read(soon())).toBeUndefined();
    await client.create(SLOT, soon());
    expect(await client.read(soon())).toEqual(SLOT);
    await client.update({ ...SLOT, active: false }, soon());
    expect(await client.read(soon())).toEqual({ ...SLOT, active: false });
    await client.delete(soon());
    await client.delete(soon());
    expect(fake.slot(SID)).toBeUndefined();
    expect(fake.calls.flatMap(deviations)).toEqual([]);
    expect(fake.calls.filter((c) => c.operation === 'token')).toHaveLength(1);
  });

  it('counts a delete of what is not there as done', async () => {
    fake.behaviour.deleteAbsent = 'not-found';
    await clientOf().delete(soon());
  });

  it('gets a new token when one has expired, and only once in a call', async () => {
    const client = clientOf();
    await client.read(soon());
    fake.expireTokens();
    await client.read(soon());
    expect(fake.calls.map((c) => `${c.operation} ${c.status}`)).toEqual([
      'token 200',
      'read 404',
      'read 401',
      'token 200',
      'read 404',
    ]);
    fake.fault({ operation: 'read', status: 401, times: 10 });
    expect((await errorOf(client.read(soon()))).kind).toBe('unauthorized');
    expect(fake.calls.filter((c) => c.operation === 'read')).toHaveLength(5);
  });

  it('uses a ready token as it is', async () => {
    await clientOf({ accessToken: 'ready-made-token' }).create(SLOT, soon());
    expect(fake.calls.map((c) => c.operation)).toEqual(['create']);
  });

  it('does not repeat a change whose answer is lost, and repeats one that was refused for the rate', async () => {
    fake.fault({ operation: 'create', connection: 'drop', afterEffect: true });
    expect((await errorOf(clientOf().create(SLOT, soon()))).kind).toBe('uncertain');
    fake.fault({ operation: 'update', status: 403, times: 2 });
    await clientOf().update({ ...SLOT, active: false }, soon());
    expect(fake.requests.map(({ method, status }) => `${method} ${status}`)).toEqual([
      'POST 0',
      'PUT 403',
      'PUT 403',
      'PUT 200',
    ]);
  });

  it.each([
    ['data of another SID', '{"data":[{"sid":1,"is_active":"Y","url":"x"}]}'],
    ['a record without a URL', `{"data":[{"sid":${SID},"is_active":"Y"}]}`],
    ['an unrelated message', '{"message":"maintenance"}'],
    ['an empty body', ''],
    ['half a body', '{"data":[{"sid":39'],
    ['null', 'null'],
  ])('does not take %s for an empty slot', async (_name, body) => {
    fake.fault({ operation: 'read', status: 200, body, times: 100 });
    const error = await errorOf(clientOf().read(soon(20)));
    expect(error.kind).toBe('unavailable');
    expect(error.message).toContain('not the JSON that Rakuten documents');
  });

  it('ends at its deadline, whatever Rakuten asks for', async () => {
    fake.fault({ operation: 'read', status: 429, headers: { 'retry-after': '3600' }, times: 100 });
    const error = await errorOf(clientOf().read(soon(60)));
    expect(error.kind).toBe('rate-limited');
    expect(waited).toEqual([]);
    fake.clearFaults();
    fake.fault({ status: 503, times: 100 });
    await errorOf(clientOf().read(soon(30)));
    expect(waited.reduce((a, b) => a + b, 0)).toBeLessThan(30_000);
  });

  it.each(['0', 'Thu, 01 Jan 2026 00:00:00 GMT'])(
    'does not ask again and again where Retry-After, %s, is over at once',
    async (header) => {
      fake.fault({ operation: 'read', status: 429, headers: { 'retry-after': header }, times: 3 });
      await clientOf().read(soon());
      expect(waited).toHaveLength(3);
      expect(Math.min(...waited)).toBeGreaterThanOrEqual(2000);
    },
  );

  it('cuts off an answer that does not come, and reports a host that is not there', async () => {
    fake.fault({ connection: 'hang', times: 100 });
    const error = await errorOf(clientOf().read(Date.now() + 300));
    expect(error.message).toMatch(/no answer within 0\.\d+ s/);
    const gone = await errorOf(clientOf(CREDENTIALS, 'http://127.0.0.1:1').read(soon(2)));
    expect(gone.message).toMatch(/connection failed \((ECONNREFUSED|bad port)/);
  });

  it('abandons a response without end after 16 MiB, without another try', async () => {
    let connections = 0;
    const server = createServer((_, response) => {
      connections += 1;
      const send = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      };
      response.on('drain', send);
      send();
    });
    const closed = new Promise((resolve) =>
      server.on('connection', (socket) => socket.on('close', resolve)),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = await errorOf(clientOf({ accessToken: 'ready-made-token' }, url).read(soon()));
    expect(error.message).toContain('the response is larger than 16 MiB');
    expect(error.message).toContain('Next step: check rakutenApiUrl');
    await closed;
    expect(connections).toBe(1);
    await new Promise((resolve) => server.close(resolve));
  });

  it('does not follow a redirect with its token', async () => {
    const server = createServer((_request, response) =>
      response.writeHead(302, { location: `${fake.url}/token` }).end(),
    );
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const error = await errorOf(
        clientOf(CREDENTIALS, `http://127.0.0.1:${(server.address() as AddressInfo).port}`).read(
          soon(),
        ),
      );
      expect(error.kind).toBe('refused');
      expect(error.message).toContain('check rakutenApiUrl');
      expect(fake.calls).toEqual([]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('says nothing secret in its errors, whatever the answer repeats', async () => {
    const body = `<html><head><title>502</title></head><body>token Bearer abcdefghijklmnop for ${SLOT.url} and a-secret-of-the-test</body></html>`;
    fake.fault({ operation: 'create', status: 400, body });
    const { message } = await errorOf(clientOf().create(SLOT, soon()));
    expect(message).toContain('502');
    for (const secret of ['abcdefghijklmnop', 'url-secret', 'a-secret-of-the-test', '<html>'])
      expect(message).not.toContain(secret);
  });
});

describe('masking', () => {
  const lower = (text: string): string => text.replace(/%../g, (code) => code.toLowerCase());
  const inHtml = (text: string): string =>
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;');
  const FORMS: Record<string, (secret: string) => string> = {
    'as it is': (secret) => secret,
    'percent-encoded': encodeURIComponent,
    'percent-encoded in lower case': (secret) => lower(encodeURIComponent(secret)),
    'percent-encoded as a path': encodeURI,
    'percent-encoded twice': (secret) => encodeURIComponent(encodeURIComponent(secret)),
    'as a value of a form': (secret) => new URLSearchParams({ x: secret }).toString().slice(2),
    'in JSON': (secret) => JSON.stringify(secret).slice(1, -1),
    'in JSON in JSON': (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    'in JSON as PHP writes it': (secret) =>
      JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
    'in JSON as Java writes it': (secret) =>
      JSON.stringify(secret)
        .slice(1, -1)
        .replace(/[<>&'/=+]|[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    'in HTML': inHtml,
    'percent-encoded JSON': (secret) => encodeURIComponent(JSON.stringify(secret).slice(1, -1)),
    'JSON in HTML': (secret) => inHtml(JSON.stringify(secret).slice(1, -1)),
    'in Base64': (secret) => Buffer.from(secret).toString('base64'),
    'in Base64 in a URL': (secret) => encodeURIComponent(Buffer.from(secret).toString('base64')),
    'in Base64 for URLs': (secret) => Buffer.from(secret).toString('base64url'),
  };

  it.each(Object.entries(FORMS))('takes out every known secret %s', (_how, encode) => {
    const unit = fc.constantFrom(...'abABXY019-._~+/=&<>"\'\\ %:;@!$(),#?é€😀\t');
    const secret = fc
      .string({ unit, minLength: 8, maxLength: 40 })
      .filter((s) => s.trim() === s && !/%[0-9a-f]{2}/i.test(s));
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const known = new Redactor();
        known.add(value);
        expect(known.clean(`${before} ${encode(value)} ${after}`)).not.toContain(encode(value));
      }),
    );
  });

  it('takes out what looks like one, and keeps the tokens of a URL', () => {
    const text =
      'GET https://me:pw@t.example/in?token=abc&click=<u1>&x= {"access_token":"xyz"} Authorization: Basic YWJjZGVmZ2g=';
    const cleaned = new Redactor().clean(text);
    expect(cleaned).toBe(
      'GET https://t.example/in?token=***&click=<u1>&x= {"access_token":"***"} Authorization: Basic ***',
    );
  });

  it('shortens what somebody else said to one line', () => {
    expect(quote(`a\n  b${'c'.repeat(1000)}`, new Redactor())).toMatch(/^a bc{297}…$/);
  });

  it.each([
    'https://tracker.example/hooks/PATHSECRET?a=1',
    'https://tracker.example;token=PATHSECRET',
    'https://user:PATH/SECRET@tracker.example/x',
    'tracker.example/PATHSECRET',
    'https%3A%2F%2Ftracker.example%2FPATHSECRET',
    'https:\\/\\/tracker.example\\/PATHSECRET',
    'https:\\u002f\\u002ftracker.example\\u002fPATHSECRET',
    '//tracker.example/PATHSECRET',
  ])('shows only the host of a URL that somebody else repeats: %s', (url) => {
    const said = quote(
      `{"message": "the URL ${url} is not accepted", "code": "E1"}`,
      new Redactor(),
    );
    expect(said).toMatch(/^\{"message": "the URL .* is not accepted", "code": "E1"\}$/);
    expect(said).not.toMatch(/PATH|SECRET/);
  });

  it.each(['a', 'a.', 'a:', 'http://', ':', '%2F', 'a.bc/', '&x'])(
    'takes time in proportion to the length of a body of %j only',
    (text) => {
      const known = new Redactor();
      known.add('secret/of+the=test', 'another-secret');
      expect(growth((length) => quote(text.repeat(length / text.length), known), 1e5)).toBeLessThan(
        LINEAR,
      );
    },
  );

  it('looks at the beginning of a page only, where no secret is cut in two', () => {
    const known = new Redactor();
    known.add('secret-of-the-test');
    for (let length = 19_940; length < 19_980; length++) {
      expect(
        quote(`<html><script>${'x'.repeat(length)}</script>secret-of-the-test`, known),
      ).not.toContain('sec');
    }
    expect(growth((times) => quote(`<html>${'<style<'.repeat(times)}`, known), 1e4)).toBeLessThan(
      LINEAR,
    );
  });
});

describe('waiting', () => {
  it('doubles, with jitter, up to a limit', () => {
    expect([1, 2, 3, 20].map((n) => backoffMillis(SHORT_BACKOFF, n, 0))).toEqual([
      250, 500, 1000, 7500,
    ]);
    expect(backoffMillis(SHORT_BACKOFF, 1, 1)).toBe(500);
  });

  it('reads Retry-After as seconds or as a date', () => {
    const now = Date.parse('2026-03-01T00:00:00Z');
    expect(retryAfterMillis('120', now)).toBe(120_000);
    expect(retryAfterMillis('Sun, 01 Mar 2026 00:01:00 GMT', now)).toBe(60_000);
    expect(retryAfterMillis('Sat, 28 Feb 2026 00:01:00 GMT', now)).toBe(0);
    expect(retryAfterMillis('soon', now)).toBeUndefined();
  });
});

test('credentials are read under both spellings, trimmed', () => {
  expect(parseCredentials('{"client_id":" a ","client_secret":"b\\n"}', 's')).toEqual({
    clientId: 'a',
    clientSecret: 'b',
  });
  expect(parseCredentials('{"access_token":"t","clientId":"a"}', 's')).toEqual({
    accessToken: 't',
  });
});
