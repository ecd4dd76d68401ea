import * as fc from 'fast-check';
import { REGISTRATION_PROPERTIES as P, WATCH_EVENTS } from '../../../core/names';
import { HttpFailure } from '../../../core/rakuten/api/http';
import { rotateUrlSecret } from '../../../core/registration/rotate';
import { ACCEPT_PREVIOUS_FOR_MILLIS } from '../../../core/state/publisher-state';
import type { Check } from '../../../core/status-watch/check';
import { watch } from '../../../core/status-watch/watch';
import type { Fault, Slot } from '../../../fake-rakuten';
import { CloudFormation, type DeliveryPlan } from '../../support/cloudformation';
import { InterruptiblePorts, type Interruption } from '../../support/interruption';
import { CLIENT_SECRET, Installation, World } from '../../support/registration-world';
import { MemoryVersions } from '../../support/secret-versions';
import { SETTINGS, Watch } from '../../support/watch-world';

const SID = '3900112';
const ONCE: DeliveryPlan = { how: 'once', calls: 0 };
const TRACKER: Slot = {
  url: 'https://user:pass-4711@tracker.example/in/token-4711?key=value-4711&click=<u1>',
  active: true,
};
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const { detailTypes: SAID } = WATCH_EVENTS;

let world: World;
let installation: Installation;
let formation: CloudFormation;
let status: Watch;
beforeEach(async () => {
  world = new World();
  installation = new Installation(world);
  formation = new CloudFormation(installation);
  status = new Watch(installation);
  expect(await deploy()).toBe(true);
});
afterEach(() => {
  const texts = world.texts.join('\n');
  for (const secret of [
    CLIENT_SECRET,
    installation.secrets.get('url-secret') ?? '',
    'pass-4711',
    'token-4711',
    'value-4711',
  ])
    expect(texts).not.toContain(secret);
});

const deploy = (changes: Record<string, unknown> = {}): Promise<boolean> =>
  formation.deploy(installation.properties(changes), ONCE);
const slot = (): Slot | undefined => world.rakuten.slots.get(SID);
const setSlot = (content: Slot | undefined): void => world.rakuten.slots.set(SID, content);
const switchOff = (): void => {
  const found = slot();
  if (found !== undefined) setSlot({ ...found, active: false });
};
const lastSeenActive = (): string => status.records.get(SID)?.activeAt ?? '';
const fault = (f: Fault): void => world.rakuten.faults.add(f);
const sleep = (millis: number): Promise<void> => world.clock.sleep(millis);
const now = (): string => new Date(world.clock.now()).toISOString();
/** Requests that change something, since the last look. */
const writes = (): string[] =>
  world.rakuten.calls
    .splice(0)
    .filter(({ method, path }) => path.startsWith('/v1/') && method !== 'GET')
    .map(({ method }) => method);

async function check(): Promise<Check> {
  const { checks } = await status.run();
  expect(checks).toHaveLength(1);
  return checks[0] as Check;
}

/** Five minutes later, as the schedule has it. */
async function nextCheck(): Promise<Check> {
  await sleep(5 * MINUTE);
  return check();
}

describe('a postback that is on', () => {
  it('is left alone, by two calls and no write', async () => {
    world.rakuten.calls.length = 0;
    expect(await check()).toEqual({
      sid: SID,
      finding: 'active',
      restored: false,
      flapping: false,
    });
    expect(world.rakuten.calls.map(({ operation }) => operation)).toEqual(['token', 'read']);
    expect([status.said, status.asked]).toEqual([[], []]);
    expect(Date.parse(now()) - Date.parse(lastSeenActive())).toBeLessThan(100);
  });

  it('is none where nothing is registered, not yet or no more', async () => {
    await formation.destroy(ONCE);
    world.rakuten.calls.length = 0;
    expect((await check()).finding).toBe('not-registered');
    expect(world.rakuten.calls).toEqual([]);
    expect((await new Watch(new Installation(world)).run()).checks).toEqual([]);
  });

  it.each([
    ['escaped brackets', (url: string) => url.replaceAll('<', '%3C').replaceAll('>', '%3E')],
    ['escaped ampersands', (url: string) => url.replaceAll('&', '&amp;')],
  ])('is known with %s, and enabled by the URL as it was registered', async (_how, shown) => {
    const registered = slot()?.url ?? '';
    setSlot({ url: shown(registered), active: true });
    expect((await check()).finding).toBe('active');
    switchOff();
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true });
    expect(slot()).toEqual({ url: registered, active: true });
  });
});

describe('a postback that was switched off', () => {
  it('is enabled again by one PUT of the same URL; the spell is said, and fetched', async () => {
    await check();
    const lastSeen = lastSeenActive();
    const registered = slot();
    switchOff();
    writes();
    expect(await nextCheck()).toEqual({
      sid: SID,
      finding: 'disabled',
      plan: 'enable',
      restored: true,
      flapping: false,
    });
    expect(writes()).toEqual(['PUT']);
    expect(slot()).toEqual(registered);

    const [found, restored, ...more] = status.said;
    expect(more).toEqual([]);
    const spell = {
      sid: SID,
      finding: 'disabled',
      mayMissLinesSince: lastSeen,
      noticedAt: expect.any(String),
    };
    expect(found).toEqual({ detailType: SAID.disabled, detail: { ...spell, plan: 'enable' } });
    expect(restored).toEqual({
      detailType: SAID.restored,
      detail: { ...spell, restoredBy: 'status-watch', restoredAt: now() },
    });

    // A quarter of an hour more: Rakuten tells a line within ten minutes, so the first ones lost
    // may be older than the spell.
    const from = new Date(Date.parse(lastSeen) - 15 * MINUTE).toISOString();
    expect(status.asked).toEqual([{ sid: SID, from, to: now(), reason: 'disabled' }]);

    expect(await nextCheck()).toMatchObject({ finding: 'active', flapping: false });
    expect(writes()).toEqual([]);
    expect([status.said.length, status.asked.length]).toEqual([2, 1]);
  });

  it('before it was ever seen on, is fetched from when the URL was proven', async () => {
    const proven = installation.store.states.get(SID)?.selfTest?.at ?? '';
    await sleep(3 * HOUR);
    switchOff();
    await check();
    expect(status.asked[0]?.from).toBe(new Date(Date.parse(proven) - 15 * MINUTE).toISOString());
  });

  it('stays off where the template says so, and is not even asked for', async () => {
    await deploy({ [P.enabled]: 'false' });
    world.rakuten.calls.length = 0;
    expect(await nextCheck()).toMatchObject({ finding: 'switched-off', restored: false });
    setSlot(undefined);
    expect(await nextCheck()).toMatchObject({ finding: 'switched-off', restored: false });
    expect(world.rakuten.calls).toEqual([]);
    expect([slot(), status.said]).toEqual([undefined, []]);
  });

  it('and on again by somebody else, is fetched just as well', async () => {
    await check();
    fault({ operation: 'update', status: 500, times: 1000 });
    switchOff();
    expect(await nextCheck()).toMatchObject({
      finding: 'disabled',
      restored: false,
      problem: expect.stringContaining('HTTP 500'),
    });
    expect(status.heard()).toEqual([SAID.disabled]);
    world.rakuten.faults.clear();
    setSlot({ url: slot()?.url ?? '', active: true });
    expect(await nextCheck()).toMatchObject({ finding: 'active', restored: false });
    expect(status.said[0]?.detail).toMatchObject({ restoredBy: 'somebody else' });
    expect(status.asked).toHaveLength(1);
  });

  it.each<[string, Fault, string[]]>([
    [
      'an answer lost after the effect',
      { operation: 'update', connection: 'drop', afterEffect: true },
      ['PUT'],
    ],
    [
      'an answer lost before the effect',
      { operation: 'update', connection: 'drop' },
      ['PUT', 'PUT'],
    ],
    ['a status call that fails', { operation: 'read', status: 503, times: 3 }, ['PUT']],
    ['a rate limit', { operation: 'update', status: 403 }, ['PUT', 'PUT']],
    ['half a body', { operation: 'read', connection: 'truncate' }, ['PUT']],
    ['a token that is refused', { operation: 'read', status: 401 }, ['PUT']],
  ])('is enabled through %s', async (_what, trouble, expected) => {
    switchOff();
    writes();
    fault(trouble);
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true });
    expect(writes()).toEqual(expected);
    expect(slot()?.active).toBe(true);
  });

  it('and stays off whatever is written, is said without what may be secret in the URL that is shown', async () => {
    switchOff();
    const ports = status.ports();
    const shown = JSON.stringify({
      data: [{ sid: Number(SID), is_active: 'Y', url: TRACKER.url }],
    });
    let written = false;
    const { checks } = await status.run({
      ...ports,
      send: async (request) => {
        written ||= request.method === 'PUT';
        return written && request.method === 'GET'
          ? { status: 200, headers: {}, body: shown }
          : ports.send(request);
      },
    });
    expect(checks[0]?.problem).toContain(
      'its status call still shows tracker.example, 1 field (u1), active',
    );
  });

  it('is enabled when the status call lags behind', async () => {
    switchOff();
    world.rakuten.behaviour.staleReads = 3;
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true });
    expect(slot()?.active).toBe(true);
  });
});

describe('a postback that is missing', () => {
  it.each(['not-found', 'empty', 'message'] as const)(
    'is registered again where the slot is told empty as %s',
    async (absent) => {
      world.rakuten.behaviour.absent = absent;
      const registered = slot();
      setSlot(undefined);
      writes();
      expect(await check()).toMatchObject({ finding: 'missing', plan: 'register', restored: true });
      expect(writes()).toEqual(['POST']);
      expect(slot()).toEqual(registered);
      expect(installation.takes(slot()?.url ?? '')).toBe(true);
      expect(status.heard()).toEqual([SAID.missing, SAID.restored]);
      expect(status.asked[0]?.reason).toBe('missing');
    },
  );

  it('is registered under the secret of the moment, which the consumer knows by then', async () => {
    installation.secrets.set('url-secret', installation.newUrlSecret());
    setSlot(undefined);
    const taken: boolean[] = [];
    world.afterCall = () => {
      if (slot() !== undefined) taken.push(installation.takes(slot()?.url ?? ''));
    };
    expect((await check()).restored).toBe(true);
    expect(new Set(taken)).toEqual(new Set([true]));
    expect(slot()?.url).toContain(`k=${installation.secrets.get('url-secret')}`);
  });

  it('is not written over by one that the status call did not show at first', async () => {
    // The tracker is there; three reads in a row do not show it yet.
    world.rakuten.behaviour.createOnTaken = 'overwrite';
    setSlot(undefined);
    world.rakuten.behaviour.staleReads = 3;
    setSlot(TRACKER);
    world.rakuten.behaviour.staleReads = 0;
    expect(await check()).toMatchObject({ finding: 'taken-over', plan: 'report', restored: false });
    expect(slot()).toEqual(TRACKER);
  });
});

describe('a slot that somebody else takes at the very moment', () => {
  it.each([
    ['it is enabled', () => switchOff()],
    ['it is registered again', () => setSlot(undefined)],
  ])('%s is theirs', async (_when, trouble) => {
    trouble();
    let reads = 0;
    world.afterCall = () => {
      if (world.rakuten.calls.at(-1)?.operation !== 'read') return;
      reads += 1;
      // An empty slot is looked at four times, with the right to change it and without.
      if (reads === (slot() === undefined ? 8 : 2)) setSlot(TRACKER);
    };
    const { restored, problem } = await check();
    expect([restored, problem]).toEqual([
      false,
      expect.stringContaining('was changed by somebody while it was put right'),
    ]);
    expect(slot()).toEqual(TRACKER);
  });
});

describe('a slot that somebody else has taken', () => {
  it('is reported with the host and nothing else of the URL, once, and left alone', async () => {
    await check();
    const lastSeen = lastSeenActive();
    setSlot(TRACKER);
    writes();
    expect(await nextCheck()).toEqual({
      sid: SID,
      finding: 'taken-over',
      plan: 'report',
      restored: false,
      flapping: false,
    });
    expect(status.said).toEqual([
      {
        detailType: SAID.takenOver,
        detail: {
          sid: SID,
          finding: 'taken-over',
          plan: 'report',
          mayMissLinesSince: lastSeen,
          noticedAt: expect.any(String),
          takenOverBy: 'tracker.example',
        },
      },
    ]);
    for (let i = 0; i < 3; i += 1)
      expect(await nextCheck()).toMatchObject({ finding: 'taken-over', restored: false });
    expect([writes(), status.said.length, slot()]).toEqual([[], 1, TRACKER]);
  });

  it('is taken back on demand, remembered as a deployment does it, and restored on removal', async () => {
    status.settings = { ...SETTINGS, onTakeover: 'RECLAIM' };
    const registered = slot();
    setSlot(TRACKER);
    writes();
    expect(await check()).toMatchObject({
      finding: 'taken-over',
      plan: 'register',
      restored: true,
    });
    expect([writes(), slot()]).toEqual([['PUT'], registered]);
    const state = installation.store.states.get(SID);
    expect(state && installation.previousSlot(state)).toEqual(TRACKER);
    expect(JSON.stringify(state)).not.toContain(TRACKER.url);
    await formation.destroy(ONCE);
    expect(slot()).toEqual(TRACKER);
  });

  it('comes back on removal, also when ours was missing or outdated since', async () => {
    status.settings = { ...SETTINGS, onTakeover: 'RECLAIM' };
    setSlot(TRACKER);
    await check();
    for (const lost of [undefined, { url: `${installation.endpointUrl}?u1=<u1>`, active: true }]) {
      setSlot(lost);
      expect(await nextCheck()).toMatchObject({
        finding: lost === undefined ? 'missing' : 'outdated',
        restored: true,
      });
    }
    await formation.destroy(ONCE);
    expect(slot()).toEqual(TRACKER);
  });

  it('at our own endpoint, by a stack that took our domain over, is not ours to undo', async () => {
    const successor = new Installation(world, installation.endpointUrl);
    setSlot(undefined);
    await successor.invoke(successor.event('Create', successor.properties()));
    expect(await check()).toMatchObject({ finding: 'taken-over', restored: false });
    expect(await new Watch(successor).run()).toMatchObject({ checks: [{ finding: 'active' }] });
  });

  it('is fetched from when all was well, once it is ours again', async () => {
    await check();
    const lastSeen = Date.parse(lastSeenActive());
    const registered = slot();
    setSlot(TRACKER);
    await nextCheck();
    await sleep(9 * HOUR);
    setSlot({ url: registered?.url ?? '', active: false });
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true });
    expect(new Set(status.said.map(({ detail }) => detail.noticedAt)).size).toBe(1);
    expect(status.heard()).toEqual([SAID.takenOver, SAID.disabled, SAID.restored]);
    expect(status.asked).toEqual([
      {
        sid: SID,
        from: new Date(lastSeen - 15 * MINUTE).toISOString(),
        to: now(),
        reason: 'disabled',
      },
    ]);
  });
});

describe('a URL of ours whose postbacks are lost', () => {
  it.each<[string, (url: string) => string]>([
    [
      'has an endpoint that is gone',
      (url) => url.replace(installation.endpointUrl, 'https://gone.example/prod/postback'),
    ],
    ['has no secret', (url) => url.replace(/k=[^&]+&f=[^&]+&/, '')],
    ['names no field list that is accepted', (url) => url.replace(/&f=[^&]+/, '&f=00000000')],
  ])('%s: the one of the template is registered', async (_what, change) => {
    const registered = slot();
    setSlot({ url: change(registered?.url ?? ''), active: true });
    expect(await check()).toMatchObject({ finding: 'outdated', plan: 'register', restored: true });
    expect(slot()).toEqual(registered);
  });

  it('is under a secret that was retired', async () => {
    const old = slot();
    installation.secrets.set('url-secret', installation.newUrlSecret());
    await deploy();
    const registered = slot();
    await sleep(ACCEPT_PREVIOUS_FOR_MILLIS + MINUTE);
    setSlot(old);
    expect(await check()).toMatchObject({ finding: 'outdated', restored: true });
    expect(slot()).toEqual(registered);
  });

  it('is left to a registration that was cut off, as long as that has not ended', async () => {
    const killed = installation.killAfter(4);
    void installation.invoke(
      installation.event(
        'Update',
        installation.properties({ [P.endpointUrl]: 'https://new.example/postback' }),
      ),
    );
    await killed;
    installation.spare();
    expect(slot()?.url).toContain('new.example');
    // The registration that was cut off still has the lease, until it counts as abandoned.
    expect(await check()).toMatchObject({ finding: 'outdated', plan: 'leave', restored: false });
    expect(slot()?.url).toContain('new.example');
    // What is off or gone is put right all the same.
    setSlot(undefined);
    expect(await check()).toMatchObject({ finding: 'missing', plan: 'register', restored: true });
    switchOff();
    expect(await check()).toMatchObject({ finding: 'disabled', plan: 'enable', restored: true });
  });
});

describe('a URL with our secret and endpoint that is not the one we registered', () => {
  const ATTACKS: [string, (url: string) => string][] = [
    ['marks every postback as a probe', (url) => `${url}&probe=1`],
    ['has an amount of its own', (url) => `${url}&commissions=9999`],
    ['replaces an amount', (url) => url.replace('<sale_amount>', '9999')],
    ['has a member of its own', (url) => `${url}&u1=someone`],
    ['lacks the ID', (url) => url.replace('&etransaction_id=<etransaction_id>', '')],
    ['swaps two fields', (url) => url.replace('<etransaction_id>', '<sale_amount>')],
    ['is sent without TLS', (url) => url.replace('https:', 'http:')],
    ['goes to another path', (url) => url.replace('/postback?', '/postback/?')],
    ['has the secret twice', (url) => `${url}&k=1`],
    ['has a fragment', (url) => `${url}#`],
    ['has its parameters in another order', (url) => url.replace(/(k=[^&]*)&(f=[^&]*)/, '$2&$1')],
  ];

  it.each(ATTACKS)('is found and registered again: it %s', async (_what, attack) => {
    const ours = slot()?.url ?? '';
    const altered = attack(ours);
    expect(altered).not.toBe(ours);
    setSlot({ url: altered, active: true });
    expect(await check()).toMatchObject({ finding: 'outdated', plan: 'register', restored: true });
    expect(slot()).toEqual({ url: ours, active: true });
    expect((await check()).finding).toBe('active');
  });

  it('is found also when it is switched off, and never enabled', async () => {
    const ours = slot()?.url ?? '';
    setSlot({ url: `${ours}&probe=1`, active: false });
    expect(await check()).toMatchObject({ finding: 'outdated', restored: true });
    expect(slot()).toEqual({ url: ours, active: true });
  });

  it('is not taken for one where Rakuten shows it escaped', async () => {
    const ours = slot()?.url ?? '';
    setSlot({
      url: ours.replaceAll('<', '%3C').replaceAll('>', '%3e').replaceAll('&', '&amp;'),
      active: true,
    });
    expect((await check()).finding).toBe('active');
    switchOff();
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true });
    expect(slot()).toEqual({ url: ours, active: true });
  });
});

describe('a postback that flaps', () => {
  it('is enabled less and less often, which is said once, until it has been well for a day', async () => {
    const restored: number[] = [];
    const start = world.clock.now();
    while (world.clock.now() - start < 12 * HOUR) {
      switchOff();
      if ((await check()).restored) restored.push(world.clock.now());
      await sleep(5 * MINUTE);
    }
    const gaps = restored.slice(1).map((at, i) => Math.round((at - (restored[i] ?? 0)) / MINUTE));
    expect(gaps.slice(0, 7)).toEqual([5, 5, 15, 30, 60, 120, 120]);
    expect(new Set(gaps.slice(6))).toEqual(new Set([120]));
    expect(status.heard().filter((text) => text === SAID.flapping)).toHaveLength(1);

    setSlot({ url: slot()?.url ?? '', active: true });
    expect(await check()).toMatchObject({ finding: 'active', flapping: true });
    await sleep(24 * HOUR);
    expect(await check()).toMatchObject({ finding: 'active', flapping: false });
    switchOff();
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true, flapping: false });
  });

  it('says when it will be tried next, and goes on fetching what it loses', async () => {
    for (let i = 0; i < 3; i += 1) {
      switchOff();
      expect((await nextCheck()).restored).toBe(true);
    }
    const flapping = status.said.find(({ detailType }) => detailType === SAID.flapping);
    const next = new Date(world.clock.now() + 15 * MINUTE).toISOString();
    expect(flapping?.detail).toEqual({
      sid: SID,
      restorations: 3,
      withinHours: 24,
      nextRestorationNotBefore: next,
    });
    expect(status.asked).toHaveLength(3);
    switchOff();
    expect(await nextCheck()).toMatchObject({
      finding: 'disabled',
      plan: 'back-off',
      restored: false,
      flapping: true,
    });
    await sleep(20 * MINUTE);
    expect((await check()).restored).toBe(true);
    expect(status.asked).toHaveLength(4);
  });

  it('is what two installations make that both take the slot back', async () => {
    status.settings = { ...SETTINGS, onTakeover: 'RECLAIM' };
    let reclaimed = 0;
    for (let i = 0; i < 100; i += 1) {
      setSlot(TRACKER);
      if ((await nextCheck()).restored) reclaimed += 1;
    }
    expect(reclaimed).toBeLessThan(12);
  });
});

describe('a check that cannot be made', () => {
  it('says why, fit to be seen, changes nothing, and is said on the third in a row', async () => {
    fault({ operation: 'token', status: 401, echo: true, times: 1000 });
    for (let i = 1; i <= 4; i += 1) {
      const { finding, problem } = await nextCheck();
      expect(finding).toBe('unknown');
      expect(problem).toContain('could not get an access token');
      expect(status.said).toHaveLength(i >= 3 ? 1 : 0);
    }
    expect(status.said[0]).toMatchObject({
      detailType: SAID.unknown,
      detail: { sid: SID, failures: 3 },
    });
    world.rakuten.faults.clear();
    expect((await nextCheck()).finding).toBe('active');
    fault({ operation: 'token', status: 401, times: 1000 });
    for (let i = 0; i < 3; i += 1) await nextCheck();
    expect(status.said).toHaveLength(2);
  });

  it('because nothing can be written is said on the third in a row too, and counts on only where nothing else was found', async () => {
    switchOff();
    fault({ operation: 'update', status: 400, body: '{"message":"not now"}', times: 1000 });
    for (let i = 0; i < 3; i += 1)
      expect(await nextCheck()).toMatchObject({
        finding: 'disabled',
        restored: false,
        flapping: false,
      });
    expect(status.heard()).toEqual([SAID.disabled, SAID.unknown]);
    world.rakuten.faults.clear();
    expect((await nextCheck()).restored).toBe(true);
    status.heard();

    for (let i = 0; i < 4; i += 1) {
      // Twice it cannot be looked, then it can and is somebody else's; twice more are no third and
      // fourth.
      setSlot(TRACKER);
      if (i !== 2) fault({ operation: 'token', status: 401, times: 2 });
      expect((await nextCheck()).finding).toBe(i === 2 ? 'taken-over' : 'unknown');
      world.rakuten.faults.clear();
    }
    expect(status.heard()).toEqual([SAID.takenOver]);
  });

  it('for want of time is not begun, and says so', async () => {
    const { checks } = await watch(
      status.ports(),
      { ...SETTINGS, selfProbe: false },
      world.clock.now() + 20_000,
    );
    expect(checks).toEqual([
      {
        sid: SID,
        finding: 'unknown',
        restored: false,
        flapping: false,
        problem: expect.stringContaining('no time was left'),
      },
    ]);
  });

  it('of one publisher keeps no other from being checked', async () => {
    for (const sid of ['3900113', '3900114', '3900115', '3900116', '3900117', '3900118']) {
      expect(
        await new CloudFormation(installation, `Registration${sid}`).deploy(
          installation.properties({ [P.sid]: sid }),
          ONCE,
        ),
      ).toBe(true);
      world.rakuten.slots.set(sid, { url: world.rakuten.slots.get(sid)?.url ?? '', active: false });
    }
    const ports = status.ports();
    const { checks } = await status.run({
      ...ports,
      send: async (request) => {
        if (!request.url.endsWith('/3900114')) return ports.send(request);
        await sleep(request.timeoutMillis);
        throw new HttpFailure('timeout', 'no answer');
      },
    });
    expect(checks.map(({ sid, finding, restored }) => [sid, finding, restored]).sort()).toEqual([
      ['3900112', 'active', false],
      ['3900113', 'disabled', true],
      ['3900114', 'unknown', false],
      ['3900115', 'disabled', true],
      ['3900116', 'disabled', true],
      ['3900117', 'disabled', true],
      ['3900118', 'disabled', true],
    ]);
  });

  it.each([
    [['event bus', 'reconciliation'], 0, 0],
    [['event bus'], 0, 1],
    [['reconciliation'], 2, 0],
  ] as const)(
    'does not depend on the %j, which gets later what it missed, once',
    async (broken, said, asked) => {
      await check();
      for (const part of broken) status.broken.add(part);
      switchOff();
      expect(await nextCheck()).toMatchObject({ finding: 'disabled', restored: true });
      expect((await nextCheck()).finding).toBe('active');
      expect([status.said.length, status.asked.length]).toEqual([said, asked]);
      // Each check says again what is out of order.
      const failures = [
        ...(said === 0
          ? [
              {
                message: 'event not sent',
                sid: SID,
                reason: 'Error: the event bus is out of order',
              },
            ]
          : []),
        ...(asked === 0
          ? [
              {
                message: 'reconciliation not requested',
                sid: SID,
                reason: 'Error: the reconciliation is out of order',
              },
            ]
          : []),
      ];
      expect(status.failedTasks.slice(0, failures.length)).toEqual(failures);
      expect(status.failedTasks.length).toBeGreaterThan(failures.length);
      status.broken.clear();
      status.failedTasks.length = 0;
      for (let i = 0; i < 2; i += 1) {
        await nextCheck();
        expect(status.said.map(({ detailType }) => detailType)).toEqual([
          SAID.disabled,
          SAID.restored,
        ]);
        expect(status.asked).toHaveLength(1);
      }
      expect(status.failedTasks).toEqual([]);
    },
  );
});

describe('its own GET', () => {
  it('is one, marked as a probe, under the secret in use', async () => {
    const before = installation.store.probes.size;
    expect((await status.run()).probe).toEqual({ status: 200, millis: 42 });
    expect(installation.store.probes.size).toBe(before + 1);
  });

  it('tells what the endpoint answers, and is not sent where that is not wanted', async () => {
    installation.endpoint = { error: 'ECONNREFUSED', millis: 3 };
    expect((await status.run()).probe).toEqual({ error: 'ECONNREFUSED', millis: 3 });
    status.settings = { ...SETTINGS, selfProbe: false };
    expect((await status.run()).probe).toBeUndefined();
  });

  it('that cannot be sent is a failed task, as no check needs the URL secret', async () => {
    const secret = installation.secrets.get('url-secret') ?? '';
    installation.secrets.delete('url-secret');
    const { checks, probe } = await status.run();
    installation.secrets.set('url-secret', secret);
    expect([checks[0]?.finding, probe]).toEqual(['active', undefined]);
    expect(status.failedTasks).toEqual([
      { message: 'probe not sent', reason: expect.stringContaining('url-secret') },
    ]);
  });

  it('is not sent under a secret that would count as forged', async () => {
    installation.secrets.set('url-secret', installation.newUrlSecret());
    expect((await status.run()).probe).toBeUndefined();
  });
});

describe('beside deployments, rotations and removals', () => {
  it('keeps out of a registration that is at work', async () => {
    const deployment = deploy({ [P.endpointUrl]: 'https://other.example/postback' });
    const findings: string[] = [];
    let working = true;
    void deployment.then(() => {
      working = false;
    });
    switchOff();
    while (working) {
      findings.push((await check()).finding);
      await sleep(50);
    }
    expect(await deployment).toBe(true);
    expect(findings.length).toBeGreaterThan(0);
    expect(findings.filter((finding) => finding !== 'busy' && finding !== 'active')).toEqual([]);
    expect((await check()).finding).toBe('active');
  });

  it('takes the URL of a rotation that was cut off for a good one', async () => {
    const versions = new MemoryVersions(installation);
    let atPromotion: () => void = () => {};
    const killed = new Promise<void>((resolve) => {
      atPromotion = resolve;
    });
    versions.promote = () => {
      atPromotion();
      return new Promise(() => {});
    };
    const ports = {
      ...installation.ports(),
      versions,
      newSecret: () => installation.newUrlSecret(),
    };
    const before = slot();
    void rotateUrlSecret(
      ports,
      { operation: 'rotate-secret', sid: SID },
      world.clock.now() + 8 * MINUTE,
    );
    await killed;
    expect(slot()?.url).not.toBe(before?.url);
    expect(new URL(slot()?.url ?? '').searchParams.get('k')).not.toBe(
      installation.secrets.get('url-secret'),
    );
    await sleep(90_000);
    expect((await check()).finding).toBe('active');
    const found = slot();
    switchOff();
    expect(await check()).toMatchObject({ finding: 'disabled', restored: true });
    expect(slot()).toEqual(found);
  });

  it('registers nothing again that a removal took away', async () => {
    const removal = formation.destroy(ONCE);
    let working = true;
    void removal.then(() => {
      working = false;
    });
    while (working) {
      await check();
      await sleep(10);
    }
    expect(await removal).toBe(true);
    await nextCheck();
    expect(slot()).toBeUndefined();
  });
});

describe('a check that is cut off', () => {
  const HOW: Interruption['how'][] = [
    'killed before',
    'killed after',
    'fails',
    'fails after its effect',
  ];

  it.each(['disabled', 'missing', 'outdated'] as const)(
    'at any call of the repair of a %s one is made good by the next: on, said and fetched',
    async (trouble) => {
      for (let call = 0, calls = 1; call < calls; call += 1) {
        for (const how of HOW) {
          world = new World();
          installation = new Installation(world);
          formation = new CloudFormation(installation);
          status = new Watch(installation, { ...SETTINGS, selfProbe: false });
          await deploy();
          await check();
          const registered = slot();
          if (trouble === 'disabled') switchOff();
          else
            setSlot(
              trouble === 'missing' ? undefined : { url: installation.endpointUrl, active: true },
            );

          const interruptible = new InterruptiblePorts({ call, how });
          const ports = interruptible.wrap(
            status.ports(),
            ['store'],
            ['clock', 'randomId', 'log', 'probe'],
          );
          await Promise.race([status.run(ports).catch(() => undefined), interruptible.killed]);
          calls = Math.max(calls, how === 'fails after its effect' ? 0 : interruptible.calls);
          await sleep(90_000);
          await nextCheck();
          await nextCheck();
          const context = `${trouble}, call ${call}, ${how}`;
          expect([context, slot()]).toEqual([context, registered]);
          expect([context, installation.takes(slot()?.url ?? '')]).toEqual([context, true]);
          const heard = status.heard();
          expect([context, heard.length > 0, status.asked.length > 0]).toEqual([
            context,
            true,
            true,
          ]);
        }
      }
    },
  );

  it('between takeovers, deployments, rotations and faults of all kinds, never leaves a removed postback or one that is off', async () => {
    const interruption = fc.option(fc.record({ call: fc.nat(30), how: fc.constantFrom(...HOW) }), {
      nil: undefined,
    });
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('off' as const, 'gone' as const, 'old' as const) }),
      fc.record({ kind: fc.constant('check' as const), interruption }),
      fc.record({ kind: fc.constant('rotate' as const), interruption }),
      fc.record({
        kind: fc.constant('deploy' as const),
        fields: fc.boolean(),
        othersFail: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('wait' as const), minutes: fc.constantFrom(1, 30, 61, 600) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 10 }),
        fc.boolean(),
        async (steps, removed) => {
          world = new World();
          installation = new Installation(world);
          formation = new CloudFormation(installation);
          status = new Watch(installation, { ...SETTINGS, flappingAfter: 1000 });
          const versions = new MemoryVersions(installation);
          await deploy();
          const history = [slot()?.url ?? ''];
          for (const s of steps) {
            if (s.kind === 'off') switchOff();
            else if (s.kind === 'gone') setSlot(undefined);
            else if (s.kind === 'old') setSlot({ url: history[0] ?? '', active: true });
            else if (s.kind === 'wait') await sleep(s.minutes * MINUTE);
            else if (s.kind === 'deploy') {
              await formation.deploy(
                installation.properties(
                  s.fields ? { [P.fieldList]: '[{"name":"u","field":"u1"}]' } : {},
                ),
                ONCE,
                s.othersFail,
              );
            } else if (s.kind === 'check' || s.kind === 'rotate') {
              const interruptible = new InterruptiblePorts(s.interruption);
              const wrap = <T extends object>(ports: T, objects: (keyof T)[]): T =>
                interruptible.wrap(ports, objects, [
                  'clock',
                  'randomId',
                  'log',
                  'newSecret',
                ] as unknown as (keyof T)[]);
              const rotation = {
                ...installation.ports(),
                versions,
                newSecret: () => installation.newUrlSecret(),
              };
              const run =
                s.kind === 'check'
                  ? status.run(wrap(status.ports(), ['store']))
                  : rotateUrlSecret(
                      wrap(rotation, ['store', 'versions']),
                      { operation: 'rotate-secret', sid: SID },
                      world.clock.now() + 8 * MINUTE,
                    );
              if (
                (await Promise.race([run.catch(() => undefined), interruptible.killed])) ===
                'killed'
              )
                await sleep(90_000);
            }
          }
          await sleep(2 * HOUR);
          await check();
          expect(slot()?.active).toBe(true);
          expect(installation.takes(slot()?.url ?? '')).toBe(true);
          if (!removed) return;
          expect(await formation.destroy(ONCE)).toBe(true);
          await check();
          expect(slot()).toBeUndefined();
        },
      ),
      { numRuns: Number(process.env.WATCH_RUNS ?? 150) },
    );
  });
});
