import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redactor } from '../../../core/rakuten/api/redact';
import { belongings, checkUrlSecret, openRun, readUrlSecret } from '../../../core/registration/run';
import { sendProbe } from '../../../core/registration/self-test';
import { sha256 } from '../../../core/sha256';
import { CREDENTIALS } from '../../support/registration-world';
import { problemOf, SID, SlotRun } from '../../support/slot-run';

describe('a run', () => {
  let world: SlotRun;
  beforeEach(() => {
    world = new SlotRun();
  });

  it('logs each call to Rakuten, with the SID and without a URL', async () => {
    const run = await world.open();
    world.fault({ operation: 'read', status: 503 });
    await run.client.read(run.workUntil);
    const logged = world.world.texts.map(
      (text) => JSON.parse(text) as [string, Record<string, unknown>],
    );
    expect(logged).toEqual([
      ['Rakuten call', { operation: 'token', millis: 20, status: 200, sid: SID }],
      ['Rakuten call', { operation: 'read', millis: 20, status: 503, sid: SID }],
      ['Rakuten call', { operation: 'read', millis: 20, status: 404, sid: SID }],
    ]);
  });

  it('keeps the time for putting back from the time for the work', async () => {
    const { endUntil, workUntil } = await world.open(100_000, 30_000);
    expect([endUntil - world.world.clock.now(), workUntil - world.world.clock.now()]).toEqual([
      100_000, 70_000,
    ]);
  });

  it('calls the address it is given, and keeps secrets out of errors by the redactor it is given', async () => {
    const { desired, ports } = await world.open();
    const redactor = new Redactor();
    const sent: string[] = [];
    const send: typeof ports.send = async ({ url }) => {
      sent.push(url);
      return { status: 400, headers: {}, body: 'client-secret-of-the-tests' };
    };
    const elsewhere = { ...desired, rakutenApiUrl: 'http://127.0.0.1:9' };
    const local = { ...ports, urls: {}, send };
    const run = await openRun(local, elsewhere, {
      endUntil: world.world.clock.now() + 1000,
      reserveMillis: 0,
      redactor,
    });
    expect(run.redactor).toBe(redactor);
    const problem = await problemOf(run.client.read(run.workUntil));
    expect(sent[0]).toMatch(/^http:\/\/127\.0\.0\.1:9\//);
    expect(problem.message).not.toContain('client-secret-of-the-tests');
  });

  it('does not begin with credentials that cannot be used', async () => {
    world.installation.secrets.set('credentials', 'nothing useful');
    expect((await problemOf(world.open())).message).toContain(
      'The credentials secret credentials is not JSON',
    );
  });

  it('never shows the URL secret once it was read, not even one that is too short', async () => {
    const run = await world.open();
    world.installation.secrets.set('url-secret', 'short-one');
    expect((await problemOf(readUrlSecret(run))).message).toBe(
      'The secret url-secret, whose value goes into the postback URL, has fewer than 16 characters and could be guessed. Next step: put a long random value into it and deploy again.',
    );
    expect(run.redactor.clean('it is short-one')).toBe('it is ***');
  });

  it('takes a URL secret of sixteen characters', () => {
    expect(() => checkUrlSecret('id', 'x'.repeat(16))).not.toThrow();
    expect(() => checkUrlSecret('id', 'x'.repeat(15))).toThrow('The secret id, ');
  });

  it.each([
    ['credentials', CREDENTIALS, 'is a JSON object, as credentials are'],
    ['credentials after white space', `\n ${CREDENTIALS}`, 'is a JSON object, as credentials are'],
    ['a URL', 'https://tracker.example/in?token=4711', 'is a URL'],
    ['a URL in capitals', 'HTTP://TRACKER.EXAMPLE/', 'is a URL'],
  ])('refuses %s as a URL secret, without showing it', (_what, text, problem) => {
    expect(() => checkUrlSecret('id', text)).toThrow(
      `The secret id, whose value goes into the postback URL, ${problem}. Next step: put a long random value into it and deploy again.`,
    );
  });

  it('takes a random URL secret that begins with http, or is a number', () => {
    for (const text of ['httpABCDEFGHIJKLMNOP', '12345678901234567890'])
      expect(() => checkUrlSecret('id', text)).not.toThrow();
  });

  it('knows as its own the endpoint, and every secret that was registered or is about to be', async () => {
    const { desired } = await world.open();
    const accepted = ['a', 'b'].map((secretSha256) => ({
      secretSha256,
      fieldListId: '0a1b2c3d',
      fields: [],
    }));
    const endpoints = [world.installation.endpointUrl];
    expect(belongings(desired, { sid: SID, accepted }, 'next')).toEqual({
      endpoints,
      secretHashes: [sha256('next'), 'a', 'b'],
    });
    expect(belongings(desired, { sid: SID, accepted })).toEqual({
      endpoints,
      secretHashes: ['a', 'b'],
    });
    expect(belongings(desired, undefined, 'next')).toEqual({
      endpoints,
      secretHashes: [sha256('next')],
    });
    expect(belongings(desired, undefined)).toEqual({ endpoints, secretHashes: [] });
  });
});

describe('a probe', () => {
  let server: Server;
  let url: string;
  let answer: RequestListener;
  let connections: number;
  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response));
    server.on('connection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/postback?probe=1`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  beforeEach(() => {
    connections = 0;
  });

  it('is one GET on a connection of its own, and brings the status and how long it took', async () => {
    const seen: unknown[] = [];
    answer = ({ method, url: path, headers }, response) => {
      seen.push([method, path, headers['user-agent']]);
      response.writeHead(seen.length === 1 ? 200 : 403).end('a body');
    };
    expect(await sendProbe(url, 5_000)).toEqual({ status: 200, millis: expect.any(Number) });
    const started = performance.now();
    const { status, millis, error } = await sendProbe(url, 5_000);
    expect([status, error, connections]).toEqual([403, undefined, 2]);
    expect(millis).toBeGreaterThan(0);
    expect(millis).toBeLessThan(performance.now() - started + 0.1);
    // To a tenth of a millisecond.
    expect(Math.abs(millis * 10 - Math.round(millis * 10))).toBeLessThan(1e-6);
    expect(seen).toEqual(
      Array(2).fill(['GET', '/postback?probe=1', 'cdk-rakuten-postback self-test']),
    );
  });

  it('that is not answered in time is given up, and its connection closed', async () => {
    let closed: () => void = () => {};
    const isClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    answer = (request) => void request.socket.on('close', closed);
    const { status, error, millis } = await sendProbe(url, 50);
    expect([status, error]).toEqual([undefined, 'no answer']);
    expect(millis).toBeGreaterThanOrEqual(45);
    await isClosed;
  });

  it.each<[string, RequestListener, string]>([
    ['is closed before the answer', (request) => void request.socket.destroy(), 'ECONNRESET'],
    [
      'breaks off in the middle of the answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': 100 }).write('half');
        setImmediate(() => request.socket.destroy());
      },
      'ECONNRESET',
    ],
  ])('whose connection %s says so', async (_what, how, error) => {
    answer = how;
    expect(await sendProbe(url, 5_000)).toEqual({ error, millis: expect.any(Number) });
  });

  it('to where nobody listens says so, and one to https speaks TLS', async () => {
    expect(await sendProbe('http://127.0.0.1:1/', 5_000)).toMatchObject({ error: 'ECONNREFUSED' });
    answer = (_request, response) => void response.end();
    expect((await sendProbe(url.replace('http:', 'https:'), 5_000)).error).toMatch(/SSL|EPROTO/);
  });
});
