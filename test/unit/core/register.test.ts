import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { Slot } from '../../../core/rakuten/api/client';
import { SlotBusyError } from '../../../core/registration/lease';
import { type Registered, register } from '../../../core/registration/register';
import { markFor } from '../../../core/registration/state';
import { RegistrationFailure } from '../../../core/registration/undo';
import type { PublisherState } from '../../../core/state/publisher-state';
import { OWNER, problemOf, REQUEST, SID, SlotRun } from '../../support/slot-run';

const HOUR = 60 * 60_000;
const TRACKER: Slot = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};
const PAUSED: Slot = { ...TRACKER, active: false };
const ELSEWHERE: Slot = { url: 'https://elsewhere.example/in', active: true };
const OTHER_STACK: Slot = {
  url: 'https://other.example/postback?k=another-secret-0123&f=0a1b2c3d',
  active: true,
};
const REPLACE = { [P.existingPostback]: 'REPLACE' };
const LESS = [{ name: 'is_event', field: 'is_event' }] as const;
const FIELDS = [
  ...LESS,
  { name: 'etransaction_id', field: 'etransaction_id' },
  { name: 'sale_amount', field: 'sale_amount' },
] as const;

let world: SlotRun;
let ours: Slot;
/** What the slot held, and whether the consumer took ours, at each GET of the self-test. */
let probes: { readonly slot: Slot | undefined; readonly taken: boolean }[];
beforeEach(() => use({}));

function use(changes: Record<string, unknown>): void {
  world = new SlotRun(changes);
  ours = world.ours();
  probes = [];
  const { installation } = world;
  Object.defineProperty(installation, 'endpoint', {
    configurable: true,
    get: () => {
      probes.push({ slot: world.slot, taken: installation.takes(ours.url) });
      return { status: 200, millis: 42 };
    },
  });
}

const registering = async (fresh: boolean): Promise<Registered> =>
  register(await world.open(), fresh);
const accepted = (
  fields: readonly { name: string; field: string }[],
  secret = world.secret(),
): PublisherState['accepted'][number] => ({
  ...markFor(secret, fields as typeof FIELDS),
  fields: fields as typeof FIELDS,
});
const known = (state: Partial<PublisherState>): void =>
  world.installation.store.seed({ sid: SID, accepted: [], ...state });

describe('a registration', () => {
  it('is accepted and proven before anything can be sent under it, then written, then remembered', async () => {
    const registered = await registering(true);
    expect(probes.length).toBeGreaterThanOrEqual(10);
    for (const probe of probes) expect(probe).toEqual({ slot: undefined, taken: true });
    expect(world.slot).toEqual(ours);
    const selfTest = { p50Millis: 42, maxMillis: 42, at: expect.any(String) };
    expect(registered).toEqual({ active: true, selfTest });
    const { properties, ...state } = world.state ?? {};
    expect(state).toEqual({
      sid: SID,
      accepted: [accepted(FIELDS)],
      owners: [OWNER],
      selfTest,
      registeredBy: REQUEST,
    });
    expect(properties).toMatchObject({
      [P.sid]: SID,
      [P.endpointUrl]: world.installation.endpointUrl,
    });
    expect(properties).not.toHaveProperty('ServiceToken');
  });

  it('says right before the write that it is about to be made, and what it is about to replace', async () => {
    use(REPLACE);
    world.slot = PAUSED;
    let before: PublisherState | undefined;
    world.after('PUT', 1, () => {
      before = world.state;
    });
    await registering(true);
    expect(before).toMatchObject({ unsettled: true, owners: [OWNER] });
    expect(before && world.installation.previousSlot(before)).toEqual(PAUSED);
    expect(world.state).not.toHaveProperty('unsettled');
    expect(world.previous).toEqual(PAUSED);
  });

  it('that ends well ends what was open: a failed update, a registration that was cut off, what was set aside', async () => {
    await known({
      failedUpdate: { from: 'a', to: 'b', slotUntouched: false },
      unsettled: true,
      setAside: { [P.sid]: SID },
      leaving: { owner: OWNER, properties: {} },
    });
    await registering(false);
    expect(Object.keys(world.state ?? {}).sort()).toEqual([
      'accepted',
      'owners',
      'properties',
      'registeredBy',
      'selfTest',
      'sid',
    ]);
  });

  it('takes the URL before it for an hour more', async () => {
    await known({ accepted: [accepted(LESS)] });
    world.slot = world.ours({ [P.fieldList]: JSON.stringify(LESS) });
    await registering(false);
    expect(world.slot).toEqual(ours);
    const acceptedUntil = new Date(world.world.clock.now() + HOUR).toISOString();
    expect(world.state?.accepted).toEqual([accepted(FIELDS), { ...accepted(LESS), acceptedUntil }]);
  });

  it('without a self-test keeps what the last one measured', async () => {
    use({ [P.selfTest]: 'false', [P.enabled]: 'false' });
    const selfTest = { p50Millis: 7, maxMillis: 9, at: '2026-02-01T00:00:00.000Z' };
    await known({ selfTest });
    expect(await registering(false)).toEqual({ active: false, selfTest });
    expect([world.slot, probes, world.state?.selfTest]).toEqual([
      { ...ours, active: false },
      [],
      selfTest,
    ]);
  });
});

describe('the self-test', () => {
  const SECRET = 'a-secret-that-is-known-0123';
  const KNOWN = accepted(FIELDS, SECRET);

  it('is left out of an update that changes nothing about the URL', async () => {
    await known({ accepted: [accepted(FIELDS)] });
    world.slot = ours;
    await registering(false);
    expect([probes, world.calls()]).toEqual([[], ['GET', 'GET']]);
  });

  it('goes through the queue, and stops what would not be received', async () => {
    world.installation.consumerRuns = false;
    expect((await problemOf(registering(true))).message).toContain('came out of the queue');
    expect([world.slot, world.writes()]).toEqual([undefined, []]);
  });

  it('leaves the time that is kept for putting things back', async () => {
    Object.defineProperty(world.installation, 'endpoint', { value: { status: 500, millis: 10 } });
    const run = await world.open(60_000, 20_000);
    expect((await problemOf(register(run, true))).message).toContain('did not answer ten GETs');
    expect(world.elapsedMillis()).toBeLessThan(40_000);
  });

  it.each<[string, boolean, Partial<PublisherState>, () => Slot | undefined]>([
    ['a first deployment finds its own URL', true, { accepted: [KNOWN] }, () => ours],
    ['the slot is empty', false, { accepted: [KNOWN] }, () => undefined],
    ['the URL was switched off', false, { accepted: [KNOWN] }, () => ({ ...ours, active: false })],
    ['the consumer does not know the URL', false, {}, () => ours],
    [
      'the URL was given up before',
      false,
      { accepted: [{ ...KNOWN, acceptedUntil: '2026-01-01T00:00:00.000Z' }] },
      () => ours,
    ],
  ])('is made where %s', async (_what, fresh, state, there) => {
    world.installation.secrets.set('url-secret', SECRET);
    ours = world.ours();
    await known(state);
    world.slot = there();
    await registering(fresh);
    expect(probes.length).toBeGreaterThanOrEqual(10);
    expect([world.slot, world.installation.takes(ours.url)]).toEqual([ours, true]);
  });
});

describe('a slot that is taken', () => {
  it.each<[string, Slot, RegExp]>([
    [
      'a tracker',
      TRACKER,
      /is taken: tracker\.example, 1 field \(u1\), active\..*another program or tracker/,
    ],
    ['another installation of this construct', OTHER_STACK, /is taken: .*two stacks/],
  ])('by %s stops the registration before the state knows of it', async (_what, there, reason) => {
    world.slot = there;
    const problem = await problemOf(registering(true));
    expect(problem).toBeInstanceOf(RegistrationFailure);
    expect(problem.message).toMatch(reason);
    expect([world.slot, world.calls(), world.state, probes]).toEqual([
      there,
      ['GET'],
      undefined,
      [],
    ]);
  });

  it('during the self-test stops it as well; nothing is overwritten, nothing put in its place', async () => {
    world.after('GET', 1, () => {
      world.slot = TRACKER;
    });
    expect((await problemOf(registering(true))).message).toContain('is taken: tracker.example');
    expect([world.slot, world.writes()]).toEqual([TRACKER, []]);
    expect(world.state).toMatchObject({ owners: [] });
    expect(world.previous).toBeUndefined();
  });

  it.each<[string, () => Slot]>([
    [
      'our endpoint under a secret nobody knows',
      () => world.ours({}, 'the-secret-of-a-former-stack'),
    ],
    [
      'our endpoint without a secret',
      () => ({ url: world.installation.endpointUrl, active: true }),
    ],
  ])('by %s is not taken: it is overwritten, and nothing to come back', async (_what, there) => {
    world.slot = there();
    await registering(true);
    expect([world.slot, world.writes(), world.previous]).toEqual([ours, ['PUT'], undefined]);
  });
});

describe('what is to come back', () => {
  beforeEach(() => use(REPLACE));
  const remembered = (): Slot | undefined => world.previous;

  it.each<[string, Slot | undefined]>([
    ['what was seen first', TRACKER],
    ['what was seen first, switched off', PAUSED],
    ['nothing where nothing was there', undefined],
  ])('is %s', async (_what, there) => {
    world.slot = there;
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, there]);
  });

  it('is what took the place of what was seen first', async () => {
    world.slot = TRACKER;
    world.after('GET', 1, () => {
      world.slot = ELSEWHERE;
    });
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, ELSEWHERE]);
  });

  it('is what was seen first although the next read shows an empty slot: that may be a mistake', async () => {
    world.slot = TRACKER;
    world.after('GET', 1, () => {
      world.slot = undefined;
    });
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, TRACKER]);
  });

  it('is what came into an empty slot in between', async () => {
    world.after('GET', 1, () => {
      world.slot = TRACKER;
    });
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, TRACKER]);
  });

  it('is never ours, though the first read shows an empty slot where ours is', async () => {
    world.after('GET', 1, () => {
      world.slot = world.ours({ [P.fieldList]: JSON.stringify(LESS) });
    });
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, undefined]);
  });

  it('is no more what was there before an installation that is gone, where a first deployment finds the slot empty', async () => {
    await known({ previousUrl: ELSEWHERE.url, previousActive: true });
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, undefined]);
  });

  it.each<[string, boolean, Partial<PublisherState>]>([
    ['an update', false, { owners: [OWNER] }],
    ['a resource that is renamed', true, { owners: [OWNER, 'stack/Other'] }],
  ])('stays what it was where %s finds the slot empty', async (_what, fresh, state) => {
    await known({ previousUrl: PAUSED.url, previousActive: false, ...state });
    await registering(fresh);
    expect([world.slot, remembered()]).toEqual([ours, PAUSED]);
  });

  it('stays what it was where ours is replaced by ours', async () => {
    await known({ accepted: [accepted(LESS)], previousUrl: PAUSED.url, previousActive: false });
    world.slot = world.ours({ [P.fieldList]: JSON.stringify(LESS) });
    await registering(true);
    expect([world.slot, remembered()]).toEqual([ours, PAUSED]);
  });
});

describe('the URL to restore', () => {
  beforeEach(() => use(REPLACE));
  const savedUrls = (label: string): string[] =>
    [...world.installation.savedVersions.values()]
      .filter(({ labels }) => labels.has(label))
      .map(({ text }) => text);

  it('is in Secrets Manager, and no part of it but host and fields in the state table', async () => {
    const url =
      'https://user:USERSECRET@tracker.example/hooks/PATHSECRET;token=TOKENSECRET?KEYSECRET=1&v=VALUESECRET&c=<u1>';
    world.slot = { url, active: false };
    const written: string[] = [];
    const { store } = world.installation;
    const write = store.writeState.bind(store);
    jest.spyOn(store, 'writeState').mockImplementation((...args) => {
      written.push(JSON.stringify(args));
      return write(...args);
    });
    await registering(true);
    expect(written.length).toBeGreaterThan(2);
    for (const state of written) expect(state).not.toMatch(/SECRET|hooks/);
    expect(world.state?.previousSlot).toEqual({
      secret: 'url-secret',
      versionId: 'version-1',
      label: 'PREVIOUS_SLOT_3900112',
      host: 'tracker.example',
      fields: ['u1'],
      active: false,
    });
    expect(savedUrls('PREVIOUS_SLOT_3900112')).toEqual([url]);
    expect(world.installation.savedVersions.size).toBe(1);
  });

  it('of an earlier version, in clear text, is moved by a deployment, also by one that fails', async () => {
    await known({
      accepted: [accepted(LESS)],
      properties: { Sid: SID },
      previousUrl: TRACKER.url,
      previousActive: false,
      owners: [OWNER],
    });
    world.fault({ operation: 'read', status: 400, times: 10_000 });
    await problemOf(registering(false));
    expect(JSON.stringify(world.state)).not.toContain('tracker-secret');
    expect(world.previous).toEqual({ ...TRACKER, active: false });
  });

  it('stays what it was, with its label, where an update replaces another URL and fails', async () => {
    world.slot = TRACKER;
    await registering(true);
    world.slot = ELSEWHERE;
    world.after('PUT', 1, () => {
      world.slot = ELSEWHERE;
      world.fault({ operation: 'update', status: 400, times: 10_000 });
    });
    await problemOf(registering(false));
    expect(world.previous).toEqual(TRACKER);
    expect([savedUrls('PREVIOUS_SLOT_3900112'), savedUrls('PREVIOUS_SLOT_3900112_2')]).toEqual([
      [TRACKER.url],
      [ELSEWHERE.url],
    ]);
  });

  it('that cannot be stored leaves the slot alone', async () => {
    world.slot = TRACKER;
    const run = await world.open();
    const saveSecretVersion = (): Promise<string> =>
      Promise.reject(new Error('The URL cannot be stored. Next step: grant it.'));
    const failure = await problemOf(
      register({ ...run, ports: { ...run.ports, saveSecretVersion } }, true),
    );
    expect(failure.message).toBe('The URL cannot be stored. Next step: grant it.');
    expect([world.slot, world.writes()]).toEqual([TRACKER, []]);
  });
});

describe('a registration that fails', () => {
  it.each<[string, () => void, RegExp]>([
    [
      'the URL secret cannot be read',
      () => void world.installation.secrets.delete('url-secret'),
      /url-secret does not exist/,
    ],
    [
      'the URL secret could be guessed',
      () => void world.installation.secrets.set('url-secret', 'x'),
      /could be guessed/,
    ],
    [
      'the slot cannot be read',
      () => world.fault({ operation: 'read', status: 400 }),
      /could not read the postback/,
    ],
  ])('because %s has changed nothing', async (_why, trouble, reason) => {
    trouble();
    const problem = await problemOf(registering(true));
    expect(problem).toBeInstanceOf(RegistrationFailure);
    expect(problem.message).toMatch(reason);
    expect([
      (problem as RegistrationFailure).slotUntouched,
      world.slot,
      world.state,
      world.writes(),
    ]).toEqual([true, undefined, undefined, []]);
  });

  it("because another run took over takes nothing back: slot and state are now that one's", async () => {
    const run = await world.open();
    const probe = (): never => {
      throw new SlotBusyError(SID, 'it took over');
    };
    expect(
      await problemOf(register({ ...run, ports: { ...run.ports, probe } }, true)),
    ).toBeInstanceOf(SlotBusyError);
    expect(world.state).toEqual({ sid: SID, accepted: [accepted(FIELDS)], owners: [OWNER] });
  });

  it('because the state cannot be written is not even proven', async () => {
    jest.spyOn(world.installation.store, 'writeState').mockRejectedValue(new Error('throttled'));
    expect((await problemOf(registering(true))).message).toBe('throttled');
    expect([world.slot, world.writes(), probes]).toEqual([undefined, [], []]);
  });

  it('because the state cannot be written right before the write, does not write', async () => {
    const { store } = world.installation;
    const write = store.writeState.bind(store);
    jest
      .spyOn(store, 'writeState')
      .mockImplementation((state, holder) =>
        state.unsettled ? Promise.reject(new Error('throttled')) : write(state, holder),
      );
    expect((await problemOf(registering(true))).message).toBe('throttled');
    expect([world.slot, world.writes()]).toEqual([undefined, []]);
    expect(world.state).toMatchObject({ owners: [] });
  });

  it.each<[string, boolean, () => Slot | undefined]>([
    ['a first deployment into an empty slot', true, () => undefined],
    ['a first deployment over a tracker', true, () => PAUSED],
    ['an update', false, () => world.ours({ [P.fieldList]: JSON.stringify(LESS) })],
    ['an update that switches it on', false, () => ({ ...ours, active: false })],
  ])('after the write puts back what was there: %s', async (_what, fresh, there) => {
    use(REPLACE);
    await known({ accepted: [accepted(LESS)], owners: fresh ? [] : [OWNER] });
    const before = there();
    world.slot = before;
    // Rakuten acknowledges, and then cannot be read for longer than it is waited for.
    const patience = world.world.clock.now() + 200_000;
    world.world.afterCall = () => {
      world.world.rakuten.faults.clear();
      if (world.writes().length === 1 && world.world.clock.now() < patience)
        world.fault({ operation: 'read', status: 503 });
    };
    const problem = await problemOf(registering(fresh));
    expect(problem.message).toMatch(/^Rakuten: could not read the postback/);
    expect(world.slot).toEqual(before);
    expect((problem as RegistrationFailure).slotUntouched).toBe(true);
    expect(world.state?.unsettled).toBeUndefined();
    expect(world.installation.takes(ours.url)).toBe(true);
  });
});
