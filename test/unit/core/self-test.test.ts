import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { ProbeResult } from '../../../core/registration/ports';
import { probeUrl, type SelfTestResult, selfTest } from '../../../core/registration/self-test';
import { problemOf, SlotRun } from '../../support/slot-run';

const SECONDS = 1000;
const good = (millis = 42): ProbeResult => ({ status: 200, millis });
const times = (count: number, result: ProbeResult): ProbeResult[] =>
  Array.from({ length: count }, () => result);

let world: SlotRun;
/** What the endpoint answers in turn, the last for ever. */
let answers: ProbeResult[];
/** When the GETs were sent, in milliseconds since the beginning, and where to. */
let sent: { readonly at: number; readonly url: string; readonly timeoutMillis: number }[];
/**
 * The probe whose message the consumer takes out of the queue, by its number; those before it get
 * lost.
 */
let firstSeen: number;
beforeEach(() => start());

function start(changes: Record<string, unknown> = {}): void {
  world = new SlotRun(changes);
  answers = [good()];
  sent = [];
  firstSeen = 1;
}

async function test({ queue = true, seconds = 400 } = {}): Promise<SelfTestResult> {
  const run = await world.open();
  const probe = async (url: string, timeoutMillis: number): Promise<ProbeResult> => {
    sent.push({ at: world.elapsedMillis(), url, timeoutMillis });
    const answer = answers[Math.min(sent.length, answers.length) - 1] as ProbeResult;
    await world.world.clock.sleep(answer.millis);
    const id = new URL(url).searchParams.get('probe');
    if (sent.length >= firstSeen && id !== null) world.installation.store.probes.add(id);
    return answer;
  };
  const until = world.world.clock.now() + seconds * SECONDS;
  return selfTest({ ...run, ports: { ...run.ports, probe } }, world.secret(), { until, queue });
}

describe('the self-test', () => {
  it('sends ten GETs with the secret, the field list and one random value, a moment apart', async () => {
    await test();
    expect(sent).toHaveLength(10);
    const [{ url, timeoutMillis } = { url: '', timeoutMillis: 0 }] = sent;
    expect(new Set(sent.map((s) => s.url))).toEqual(new Set([url]));
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toBe(world.installation.endpointUrl);
    expect(searchParams.get('k')).toBe(world.secret());
    expect(world.ours().url).toContain(`f=${searchParams.get('f')}&`);
    expect(searchParams.get('probe')).toMatch(/^id-\d+$/);
    // A slow answer is measured, not cut off.
    expect(timeoutMillis).toBe(5000);
    expect(sent.map((s) => s.at)).toEqual(times(10, good()).map((_, i) => i * (42 + 50)));
  });

  it('tells the median and the slowest, in whole milliseconds, when it ended, and logs them', async () => {
    answers = [9, 1.4, 8, 2, 7, 3, 6, 4, 10.6, 5.4].map(good);
    const at = (): string => new Date(world.world.clock.now()).toISOString();
    expect(await test()).toEqual({ p50Millis: 5, maxMillis: 11, at: at() });
    expect(world.world.texts.at(-1)).toBe(
      JSON.stringify(['self-test passed', { sid: '3900112', p50Millis: 5, maxMillis: 11 }]),
    );
  });

  it.each<[string, ProbeResult]>([
    ['a slow one', good(401)],
    ['a refused one', { status: 403, millis: 3 }],
    ['one that is acknowledged otherwise than with 200', { status: 204, millis: 3 }],
    ['an unanswered one', { millis: 3, error: 'ECONNREFUSED' }],
  ])(
    'begins again after %s, two seconds later, and counts only what passed in a row',
    async (_what, bad) => {
      answers = [...times(9, good(390)), bad, ...times(10, good(10))];
      expect(await test()).toMatchObject({ p50Millis: 10, maxMillis: 10 });
      expect(sent).toHaveLength(20);
      expect((sent[10]?.at ?? 0) - (sent[9]?.at ?? 0)).toBe(bad.millis + 2 * SECONDS);
    },
  );

  it('takes the limit itself for in time', async () => {
    answers = [good(400)];
    expect(await test()).toMatchObject({ maxMillis: 400 });
  });

  it.each<[number, number]>([
    [400, 120],
    [60, 60],
  ])('with %d s left gives up after %d s', async (seconds, after) => {
    answers = [{ status: 403, millis: 12 }];
    const { name, message } = await problemOf(test({ seconds }));
    expect(name).toBe('SelfTestError');
    expect(message).toContain(`in ${Math.round(world.elapsedMillis() / SECONDS)} s`);
    expect(world.elapsedMillis()).toBeLessThan(after * SECONDS);
    expect(world.elapsedMillis()).toBeGreaterThan((after - 3) * SECONDS);
  });

  it('that passes at the last moment has passed', async () => {
    answers = [...times(3, { status: 403, millis: 0 }), good(0)];
    // Three pauses of two seconds, then nine short ones.
    expect(await test({ seconds: 6.451, queue: false })).toMatchObject({ maxMillis: 0 });
    start();
    answers = [...times(3, { status: 403, millis: 0 }), good(0)];
    expect((await problemOf(test({ seconds: 6.45, queue: false }))).name).toBe('SelfTestError');
  });
});

describe('the way through the queue', () => {
  it('is waited for by looking every second, without another GET for a while', async () => {
    firstSeen = 10;
    const seen = jest.spyOn(world.installation.store, 'probeSeen');
    seen.mockResolvedValueOnce(false).mockResolvedValueOnce(false).mockResolvedValueOnce(false);
    await test();
    expect(sent).toHaveLength(10);
    expect(world.elapsedMillis()).toBe(10 * 42 + 9 * 50 + 3 * SECONDS);
  });

  it('is tried again every ten seconds: a fresh consumer may drop a probe before it knows the secret', async () => {
    firstSeen = 13;
    await test();
    const tenth = sent[9]?.at ?? 0;
    expect(sent.slice(9).map(({ at }) => Math.round((at - tenth) / SECONDS))).toEqual([
      0, 10, 20, 30,
    ]);
  });

  it('is not waited for where that is not asked', async () => {
    firstSeen = Number.POSITIVE_INFINITY;
    await test({ queue: false });
    expect(sent).toHaveLength(10);
  });

  it.each([
    [400, 90],
    [60, 59],
  ])(
    'with %d s left is given up after %d s, and what that means is said',
    async (seconds, after) => {
      firstSeen = Number.POSITIVE_INFINITY;
      const { name, message } = await problemOf(test({ seconds }));
      expect(name).toBe('SelfTestError');
      const waited = Number(
        /^The endpoint https:.* answers, but none .* came out of the queue within (\d+) s\. Meaning: .* Next step: look at .*dead-letter/.exec(
          message,
        )?.[1],
      );
      expect(Math.abs(waited - after)).toBeLessThanOrEqual(1);
      expect(world.elapsedMillis()).toBeLessThan(seconds * SECONDS);
      expect(message).toContain('Nothing was changed at Rakuten');
      expect(message).toContain('selfTest: false on the publisher skips this test');
    },
  );
});

describe('what a failed self-test says', () => {
  const failing = async (...results: ProbeResult[]): Promise<string> => {
    answers = results;
    return (await problemOf(test())).message;
  };

  it('begins with the endpoint and the limit, and ends with how to go on without it', async () => {
    start({ [P.acknowledgementLimitMillis]: '250' });
    const said = await failing(good(300));
    expect(said).toContain(
      `The endpoint ${world.installation.endpointUrl} did not answer ten GETs in a row with 200 within 250 ms, in `,
    );
    expect(said).toContain(
      'Meaning: Rakuten gives a postback one attempt of 400 ms, so lines would be lost. Nothing was changed at Rakuten. Next step: ',
    );
    expect(said).toMatch(
      /; then deploy again\. selfTest: false on the publisher skips this test\.$/,
    );
    expect(said).toContain('raise the limit (250 ms) only knowing');
  });

  it('lists every time, what was not 200 with its status, what was unanswered with the reason', async () => {
    answers = [
      good(410.4),
      good(20),
      { status: 503, millis: 9.6 },
      { millis: 5000, error: 'no answer' },
      { millis: 7 },
      { status: 500, millis: 1 },
    ];
    const said = (await problemOf(test({ seconds: 12 }))).message;
    expect(said).toContain(
      '(each: 410 ms, 20 ms, HTTP 503 in 10 ms, no answer after 5000 ms, no answer after 7 ms)',
    );
    expect(said).toContain('Of the 2 answered 200, the fastest took 20 ms.');
  });

  it('lists the last forty of more, and no fastest where none was answered 200', async () => {
    const said = await failing(...times(10, { status: 403, millis: 1 }), {
      status: 500,
      millis: 2,
    });
    const count = sent.length;
    expect(count).toBeGreaterThan(50);
    expect(said).toContain(`(the last 40 of ${count}: HTTP 500 in 2 ms, `);
    expect(said.match(/HTTP 500/g)).toHaveLength(40);
    expect(said).toContain('HTTP 500 in 2 ms). Meaning: ');
  });

  const UNREACHABLE = /check that the host resolves and is reachable/;
  const REFUSED = /check the path and stage of the endpoint URL/;
  const FAILED = /the API cannot put messages into the queue/;
  const SLOW = /the answers are too slow: a REGIONAL endpoint/;

  it.each<[string, ProbeResult[], RegExp]>([
    ['nothing answers', [{ millis: 3, error: 'ENOTFOUND' }], UNREACHABLE],
    [
      'every other GET is not answered',
      cycle({ millis: 3, error: 'ECONNRESET' }, good()),
      UNREACHABLE,
    ],
    ['it is forbidden', [{ status: 403, millis: 3 }], REFUSED],
    ['it is not found', [{ status: 404, millis: 3 }], REFUSED],
    [
      'it is forbidden or not found',
      cycle({ status: 403, millis: 3 }, good(), { status: 404, millis: 3 }),
      REFUSED,
    ],
    ['every other GET is forbidden', cycle({ status: 403, millis: 3 }, good(500)), REFUSED],
    ['every other GET fails', cycle({ status: 500, millis: 3 }, good(500)), FAILED],
    ['it fails', [{ status: 500, millis: 3 }], FAILED],
    [
      'it fails now and then',
      cycle({ status: 502, millis: 3 }, { status: 504, millis: 3 }, good(500)),
      FAILED,
    ],
    ['it is slow', [good(500)], SLOW],
    [
      'it is slow or refused in turn',
      cycle({ status: 403, millis: 3 }, good(500), good(500)),
      SLOW,
    ],
    [
      'it was forbidden at first and is slow now',
      [...times(40, { status: 403, millis: 3 }), good(500)],
      SLOW,
    ],
    ['it throttles', [{ status: 429, millis: 3 }], SLOW],
  ])('advises what fits the last ten: %s', async (_what, results, advice) => {
    const said = await failing(...results);
    expect(said).toMatch(advice);
    expect([UNREACHABLE, REFUSED, FAILED, SLOW].filter((one) => one.test(said))).toHaveLength(1);
  });

  function cycle(...results: ProbeResult[]): ProbeResult[] {
    return Array.from({ length: 3000 }, (_, i) => results[i % results.length] as ProbeResult);
  }
});

describe('the URL of a probe', () => {
  it('escapes what needs it', () => {
    const url = probeUrl(
      { endpointUrl: 'https://endpoint.example/postback', fields: [] },
      'a&b=c d',
      'one/two',
    );
    expect(url).toMatch(
      /^https:\/\/endpoint\.example\/postback\?k=a%26b%3Dc\+d&f=[0-9a-f]{8}&probe=one%2Ftwo$/,
    );
  });
});
