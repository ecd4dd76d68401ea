import * as fc from 'fast-check';
import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import {
  isRotationEvent,
  type RotationAnswer,
  type RotationPorts,
  rotateUrlSecret,
} from '../../../core/registration/rotate';
import {
  ACCEPT_PREVIOUS_FOR_MILLIS,
  type PublisherState,
} from '../../../core/state/publisher-state';
import type { Fault } from '../../../fake-rakuten';
import { CloudFormation, type DeliveryPlan } from '../../support/cloudformation';
import { InterruptiblePorts, type Interruption } from '../../support/interruption';
import { Installation, World } from '../../support/registration-world';
import { MemoryVersions } from '../../support/secret-versions';

const SID = '3900112';
const ONCE: DeliveryPlan = { how: 'once', calls: 0 };
const TRACKER = { url: 'https://tracker.example/in/token-4711?click=<u1>', active: true };
/** How long a killed run keeps others from the slot. */
const LEASE_MILLIS = 90_000;
const MINUTES = 60_000;

class System {
  readonly world = new World();
  readonly installation = new Installation(this.world);
  readonly formation = new CloudFormation(this.installation);
  readonly versions = new MemoryVersions(this.installation);
  /**
   * When a URL last stood in the slot: until an hour later a postback may come that was sent to it.
   */
  private readonly seen = new Map<string, number>();
  lost: string[] = [];
  private lastUrl: string | undefined;
  /** Secrets that were put into the slot since this was last cleared. */
  readonly registered = new Set<string | null>();

  constructor() {
    this.world.afterCall = () => this.observe();
  }

  /**
   * What Rakuten sends now, and what it sent a while ago and is still on its way, must be taken.
   */
  observe(): void {
    const now = this.world.clock.now();
    const slot = this.slot();
    if (slot?.active && slot.url !== TRACKER.url) {
      this.seen.set(slot.url, now);
      if (slot.url !== this.lastUrl) this.registered.add(this.registeredSecret());
      this.lastUrl = slot.url;
    }
    for (const [url, at] of this.seen) {
      if (now - at > ACCEPT_PREVIOUS_FOR_MILLIS - MINUTES) this.seen.delete(url);
      else if (!this.installation.takes(url)) this.lost.push(`a postback sent ${now - at} ms ago`);
    }
  }

  slot = () => this.world.rakuten.slots.get(SID);
  registeredSecret = (): string | null =>
    new URL(this.slot()?.url ?? 'https://none').searchParams.get('k');
  currentSecret = (): string | undefined => this.installation.secrets.get('url-secret');

  ports(interruptible: InterruptiblePorts): RotationPorts {
    const ports = {
      ...this.installation.ports(),
      versions: this.versions,
      newSecret: () => this.installation.newUrlSecret(),
    };
    return interruptible.wrap(
      ports,
      ['store', 'versions'],
      ['clock', 'randomId', 'log', 'newSecret'],
    );
  }

  /** Undefined when it was killed or failed. */
  async rotate(interruption?: Interruption, fresh?: boolean): Promise<RotationAnswer | undefined> {
    const interruptible = new InterruptiblePorts(interruption, () => this.observe());
    const endUntil = this.world.clock.now() + 8 * MINUTES;
    const run = rotateUrlSecret(
      this.ports(interruptible),
      { operation: 'rotate-secret', sid: SID, fresh },
      endUntil,
    );
    const result = await Promise.race([run.catch((error: Error) => error), interruptible.killed]);
    this.calls = interruptible.calls;
    if (result instanceof Error) this.world.texts.push(result.message, result.stack ?? '');
    if (result === 'killed') await this.world.clock.sleep(LEASE_MILLIS);
    this.observe();
    if (result instanceof Error)
      expect(result.message).toMatch(
        /^The secret .*Next step: |^Another run .*Next step: |Meaning: .*Next step: /,
      );
    this.problem = result instanceof Error ? result.message : undefined;
    return result === 'killed' || result instanceof Error ? undefined : result;
  }
  calls = 0;
  problem: string | undefined;

  deploy = (changes: Record<string, unknown> = {}, othersFail = false): Promise<boolean> =>
    this.formation.deploy(this.installation.properties(changes), ONCE, othersFail);

  async setState(changes: Partial<PublisherState>): Promise<void> {
    const { store } = this.installation;
    store.seed({ ...(store.states.get(SID) ?? { sid: SID, accepted: [] }), ...changes });
  }

  accepted = () => this.installation.store.states.get(SID)?.accepted ?? [];

  /** The slot, Secrets Manager and the consumer agree, and nothing is left over of a rotation. */
  expectSettled(): void {
    expect(this.registeredSecret()).toBe(this.currentSecret());
    expect(this.slot()?.active).toBe(true);
    expect(this.accepted().filter((entry) => entry.acceptedUntil === undefined)).toHaveLength(1);
    expect(this.installation.store.states.get(SID)?.rotation).toBeUndefined();
    expect(this.lost).toEqual([]);
  }
}

let system: System;
beforeEach(async () => {
  system = new System();
});

describe('a rotation', () => {
  beforeEach(() => system.deploy());

  it('registers another secret, takes the old one for an hour, and then no more', async () => {
    const before = system.slot()?.url ?? '';
    const old = system.currentSecret();
    expect(await system.rotate()).toEqual({
      sid: SID,
      outcome: 'rotated',
      resumed: false,
      discarded: false,
      previousAcceptedUntil: new Date(
        system.world.clock.now() + ACCEPT_PREVIOUS_FOR_MILLIS,
      ).toISOString(),
    });
    system.expectSettled();
    expect(system.currentSecret()).not.toBe(old);
    expect(system.slot()?.url).not.toBe(before);
    expect(system.installation.takes(before)).toBe(true);
    await system.world.clock.sleep(ACCEPT_PREVIOUS_FOR_MILLIS + 1);
    expect(system.installation.takes(before)).toBe(false);
    expect(system.installation.takes(system.slot()?.url ?? '')).toBe(true);
  });

  it('changes the slot by one PUT, after the self-test under the new secret, and says no secret anywhere', async () => {
    const old = String(system.currentSecret());
    system.world.rakuten.calls.length = 0;
    const probes: string[] = [];
    const ports = system.ports(new InterruptiblePorts(undefined));
    const watched: RotationPorts = {
      ...ports,
      probe: (url, millis) => {
        probes.push(new URL(url).searchParams.get('k') ?? '');
        expect(system.registeredSecret()).toBe(old);
        return ports.probe(url, millis);
      },
    };
    const answer = await rotateUrlSecret(
      watched,
      { operation: 'rotate-secret', sid: SID },
      system.world.clock.now() + 8 * MINUTES,
    );
    expect(probes.length).toBeGreaterThanOrEqual(10);
    expect(new Set(probes)).toEqual(new Set([system.currentSecret()]));
    expect(
      system.world.rakuten.calls
        .filter(({ method, path }) => method !== 'GET' && path.startsWith('/v1/'))
        .map((c) => c.method),
    ).toEqual(['PUT']);
    const said = JSON.stringify([answer, system.world.texts]);
    for (const secret of [old, String(system.currentSecret())]) expect(said).not.toContain(secret);
  });

  it('keeps a postback that is to be off switched off', async () => {
    await system.deploy({ [P.enabled]: 'false' });
    await system.rotate();
    expect(system.registeredSecret()).toBe(system.currentSecret());
    expect(system.slot()?.active).toBe(false);
  });

  it('leaves a deployment afterwards nothing to do', async () => {
    await system.rotate();
    system.world.rakuten.calls.length = 0;
    await system.deploy({ [P.acknowledgementLimitMillis]: '399' });
    expect(
      system.world.rakuten.calls
        .filter(({ path }) => path.startsWith('/v1/'))
        .map(({ method }) => method),
    ).toEqual(['GET', 'GET']);
    system.expectSettled();
  });

  it('does nothing where nothing is registered', async () => {
    await system.formation.destroy(ONCE);
    expect(await system.rotate()).toEqual({ sid: SID, outcome: 'not-registered' });
    expect(system.slot()).toBeUndefined();
    expect(await new System().rotate()).toEqual({ sid: SID, outcome: 'not-registered' });
  });

  it('leaves a slot of somebody else alone, and says whose it is without what may be secret in its URL', async () => {
    system.world.rakuten.slots.set(SID, TRACKER);
    const secret = system.currentSecret();
    expect(await system.rotate()).toBeUndefined();
    expect(system.problem).toMatch(
      /was not rotated: the one postback slot holds a URL that is not of this installation: tracker\.example, .*onTakeover RECLAIM/,
    );
    expect(system.slot()).toEqual(TRACKER);
    expect(system.currentSecret()).toBe(secret);
  });

  it('puts the URL back where it is missing', async () => {
    system.world.rakuten.slots.set(SID, undefined);
    await system.rotate();
    system.expectSettled();
  });

  it('waits for a registration that has not ended, which decides first', async () => {
    const killed = system.installation.killAfter(3);
    void system.installation.invoke(
      system.installation.event(
        'Update',
        system.installation.properties({ [P.fieldList]: OTHER_FIELDS }),
      ),
    );
    await killed;
    system.installation.spare();
    await system.world.clock.sleep(LEASE_MILLIS);
    expect(system.installation.store.states.get(SID)?.unsettled).toBe(true);
    expect(await system.rotate()).toBeUndefined();
    expect(system.problem).toMatch(
      /was not rotated: a registration began and did not end\. .*deploy the stack again, then rotate/,
    );
  });

  it('fails, and leaves everything at work, where the endpoint does not answer', async () => {
    const old = system.currentSecret();
    system.installation.endpoint = { status: 503, millis: 20 };
    expect(await system.rotate()).toBeUndefined();
    expect(system.problem).toContain('did not answer ten GETs in a row');
    expect(system.registeredSecret()).toBe(old);
    expect(system.lost).toEqual([]);
    system.installation.endpoint = { status: 200, millis: 20 };
    expect(await system.rotate()).toMatchObject({ outcome: 'rotated', resumed: true });
    system.expectSettled();
  });

  it.each<[string, Fault]>([
    [
      'an answer lost after the effect',
      { operation: 'update', connection: 'drop', afterEffect: true },
    ],
    ['an answer lost before the effect', { operation: 'update', connection: 'drop' }],
    ['a 500', { operation: 'update', status: 500 }],
    ['a rate limit', { operation: 'update', status: 403, times: 2 }],
    ['half a body', { operation: 'read', connection: 'truncate' }],
    ['a token that is refused', { operation: 'read', status: 401 }],
  ])('gets over %s', async (_what, fault) => {
    system.world.rakuten.faults.add(fault);
    expect(await system.rotate()).toMatchObject({ outcome: 'rotated' });
    system.expectSettled();
  });

  it('cannot run twice at once: the second waits and makes another secret', async () => {
    const [first, second] = await Promise.all([system.rotate(), system.rotate()]);
    expect([first?.outcome, second?.outcome]).toEqual(['rotated', 'rotated']);
    system.expectSettled();
  });
});

describe('a rotation that cannot be', () => {
  beforeEach(() => system.deploy());

  /** What is thrown, with everything at work under the secret that was there before. */
  async function refused(
    changes: Partial<RotationPorts> = {},
    sid = SID,
    minutes = 8,
  ): Promise<Error> {
    const [slot, secret] = [system.slot(), system.currentSecret()];
    const ports = { ...system.ports(new InterruptiblePorts(undefined)), ...changes };
    const run = rotateUrlSecret(
      ports,
      { operation: 'rotate-secret', sid },
      system.world.clock.now() + minutes * MINUTES,
    );
    const problem = await run.then(
      () => Promise.reject(new Error('it was rotated')),
      (error: Error) => error,
    );
    system.observe();
    expect([system.slot(), system.currentSecret(), system.lost]).toEqual([slot, secret, []]);
    return problem;
  }
  const logged = (): unknown[] =>
    system.world.texts
      .filter((text) => text.startsWith('["rotation'))
      .map((text) => JSON.parse(text));

  it('for lack of a publisher id says what one looks like', async () => {
    const { name, message } = await refused({}, 'abc');
    expect([name, message]).toEqual([
      'RotationError',
      'The secret of SID abc was not rotated: that is no publisher id. Postbacks go on arriving under the secret that is registered. Next step: give a number such as 3900112.',
    ]);
    expect(logged()).toEqual([['rotation failed', { sid: 'abc', reason: 'RotationError' }]]);
  });

  it('as the new value could be guessed changes nothing at Rakuten', async () => {
    const { message } = await refused({ newSecret: () => 'short' });
    expect(message).toContain('fewer than 16 characters');
    expect(system.accepted()).toHaveLength(1);
  });

  it('says what to do next whatever stops it', async () => {
    const versions = Object.assign(Object.create(system.versions), {
      pending: () => Promise.reject(new RangeError('throttled')),
    });
    const { name, message } = await refused({ versions });
    expect([name, message]).toEqual([
      'RotationError',
      'The secret of SID 3900112 was not rotated: RangeError: throttled. Postbacks go on arriving under the secret that is registered. ' +
        'Next step: rotate again; if it fails in the same way, look into the log of the registration function.',
    ]);
    const broken = Object.assign(Object.create(system.versions), {
      pending: () => Promise.reject('out of order'),
    });
    expect((await refused({ versions: broken })).message).toContain(
      'was not rotated: Error: out of order.',
    );
  });

  it('as another run works on the slot says so, with time left for its answer', async () => {
    const { clock } = system.world;
    const end = clock.now() + 4 * MINUTES;
    await system.installation.holdLease(SID, 4 * MINUTES);
    expect((await refused({}, SID, 4)).name).toBe('SlotBusyError');
    expect(Math.ceil((end - clock.now()) / MINUTES)).toBe(3);
  });

  it('as Rakuten refuses the URL says nothing of it, neither with the old nor with the new value', async () => {
    const old = String(system.currentSecret());
    system.world.rakuten.faults.add({ operation: 'update', status: 400, echo: true });
    const { message } = await refused();
    const pending = String((await system.versions.pending())?.text);
    expect(pending).not.toBe(old);
    expect(message).toContain('HTTP 400');
    for (const secret of [old, pending]) expect(message).not.toContain(secret);
  });

  it('as its answers get lost leaves time for the steps after it', async () => {
    const end = system.world.clock.now() + MINUTES;
    system.world.rakuten.faults.add({ operation: 'update', connection: 'drop', times: 10_000 });
    await refused({}, SID, 1);
    expect(end - system.world.clock.now()).toBeGreaterThanOrEqual(20_000);
  });

  it('is known by its event from what CloudFormation sends', () => {
    expect(isRotationEvent({ operation: 'rotate-secret', sid: SID })).toBe(true);
    const others = [
      { RequestType: 'Update' },
      { operation: 'another', sid: SID },
      'rotate-secret',
      null,
      undefined,
    ];
    expect(others.map(isRotationEvent)).toEqual(others.map(() => false));
  });
});

it('a rotation does not overwrite who takes the slot over meanwhile, and goes on with the same value afterwards', async () => {
  await system.deploy();
  let reads = 0;
  system.world.afterCall = () => {
    if (system.world.rakuten.calls.at(-1)?.operation === 'read') reads += 1;
    if (reads === 1) system.world.rakuten.slots.set(SID, TRACKER);
  };
  const registered = system.slot();
  expect(await system.rotate()).toBeUndefined();
  expect(system.problem).toContain('holds a URL that is not of this installation');
  expect(system.slot()).toEqual(TRACKER);
  const pending = (await system.versions.pending())?.text;
  system.world.afterCall = () => {};
  system.world.rakuten.slots.set(SID, registered);
  expect(await system.rotate()).toMatchObject({ outcome: 'rotated', resumed: true });
  expect(system.currentSecret()).toBe(pending);
  system.expectSettled();
});

it('a rotation of which only the end could not be written is ended without another secret', async () => {
  await system.deploy();
  const { store } = system.installation;
  const write = store.writeState.bind(store);
  const spy = jest
    .spyOn(store, 'writeState')
    .mockImplementation((state, holder) =>
      state.rotatedAt === undefined ? write(state, holder) : Promise.reject(new Error('throttled')),
    );
  expect(await system.rotate()).toBeUndefined();
  spy.mockRestore();
  const secret = system.currentSecret();
  expect(system.registeredSecret()).toBe(secret);
  const promote = jest.spyOn(system.versions, 'promote');
  expect(await system.rotate()).toMatchObject({ outcome: 'rotated', resumed: true });
  expect([system.currentSecret(), promote.mock.calls]).toEqual([secret, []]);
  expect(system.world.texts).toContain(
    JSON.stringify(['secret rotated', { sid: SID, resumed: true, discarded: false }]),
  );
  system.expectSettled();
});

it('a rotation without a self-test sends no probe, and one with it goes through the queue', async () => {
  await system.deploy({ [P.selfTest]: 'false' });
  system.installation.endpoint = { status: 500, millis: 1 };
  expect(await system.rotate()).toMatchObject({ outcome: 'rotated' });
  const rotatedAt = system.installation.store.states.get(SID)?.rotatedAt;
  expect(rotatedAt).toBe(new Date(system.world.clock.now()).toISOString());
  system.installation.endpoint = { status: 200, millis: 1 };
  await system.deploy({ [P.selfTest]: 'true' });
  system.installation.consumerRuns = false;
  await system.rotate();
  expect(system.problem).toContain('came out of the queue');
});

const OTHER_FIELDS = JSON.stringify([{ name: 'is_event', field: 'is_event' }]);

describe('a rotation that is interrupted', () => {
  const HOW: Interruption['how'][] = [
    'killed before',
    'killed after',
    'fails',
    'fails after its effect',
  ];

  it('at any of its calls leaves a postback that is received, and the next run ends it with the same secret', async () => {
    await system.deploy();
    await system.rotate();
    const { calls } = system;
    expect(calls).toBeGreaterThan(15);
    for (let call = 0; call < calls; call += 1) {
      for (const how of HOW) {
        system = new System();
        await system.deploy();
        const old = system.currentSecret();
        await system.rotate({ call, how });
        const context = `call ${call}, ${how}`;
        const ended = system.installation.store.states.get(SID)?.rotatedAt !== undefined;
        expect([context, system.lost]).toEqual([context, []]);
        const again = await system.rotate();
        expect([context, again?.outcome, system.problem]).toEqual([context, 'rotated', undefined]);
        system.expectSettled();
        expect(system.currentSecret()).not.toBe(old);
        // One value beside the first was made; another only where the first run had done all but
        // say so.
        const values = new Set(system.accepted().map((entry) => entry.secretSha256));
        expect([context, values.size]).toEqual([context, ended ? 3 : 2]);
      }
    }
  });

  it('again and again, between deployments that go well or are rolled back, loses nothing', async () => {
    const interruption = fc.record({ call: fc.nat(40), how: fc.constantFrom(...HOW) });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('rotate' as const),
        interruption: fc.option(interruption, { nil: undefined }),
      }),
      fc.record({
        kind: fc.constant('deploy' as const),
        fields: fc.boolean(),
        othersFail: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('wait' as const), minutes: fc.constantFrom(1, 30, 61, 600) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        system = new System();
        expect(await system.deploy()).toBe(true);
        for (const s of steps) {
          if (s.kind === 'rotate') await system.rotate(s.interruption);
          else if (s.kind === 'wait') await system.world.clock.sleep(s.minutes * MINUTES);
          else await system.deploy(s.fields ? { [P.fieldList]: OTHER_FIELDS } : {}, s.othersFail);
          expect(system.installation.takes(system.slot()?.url ?? '')).toBe(true);
          expect(system.slot()?.active).toBe(true);
        }
        expect((await system.rotate())?.outcome).toBe('rotated');
        system.expectSettled();
      }),
      { numRuns: Number(process.env.ROTATION_RUNS ?? 150) },
    );
  });
});

describe('a fresh rotation after one that was interrupted, whose value has leaked', () => {
  const HOW: Interruption['how'][] = [
    'killed before',
    'killed after',
    'fails',
    'fails after its effect',
  ];
  /**
   * Interrupts a rotation at this call. Resolves with the value that it left; undefined if it left
   * none.
   */
  async function leaked(call: number, how: Interruption['how']): Promise<string | undefined> {
    system = new System();
    await system.deploy();
    const old = system.currentSecret();
    await system.rotate({ call, how });
    const pending = (await system.versions.pending())?.text;
    system.registered.clear();
    return pending ?? (system.currentSecret() === old ? undefined : system.currentSecret());
  }
  let calls = 0;
  beforeAll(async () => {
    system = new System();
    await system.deploy();
    await system.rotate(undefined, true);
    calls = system.calls;
    expect(calls).toBeGreaterThan(15);
  });

  it('at any of its calls installs another value, without a lost postback', async () => {
    let discarded = 0;
    for (let call = 0; call < calls; call += 1) {
      for (const how of HOW) {
        const value = await leaked(call, how);
        const ended = system.installation.store.states.get(SID)?.rotatedAt !== undefined;
        const answer = await system.rotate(undefined, true);
        const context = `call ${call}, ${how}`;
        expect([context, answer, system.problem]).toEqual([
          context,
          expect.objectContaining({
            outcome: 'rotated',
            resumed: false,
            discarded: value !== undefined && !ended,
          }),
          undefined,
        ]);
        system.expectSettled();
        expect([context, system.currentSecret()]).not.toEqual([context, value]);
        expect([context, value !== undefined && system.registered.has(value)]).toEqual([
          context,
          false,
        ]);
        if (answer?.discarded) discarded += 1;
        await system.world.clock.sleep(ACCEPT_PREVIOUS_FOR_MILLIS + 1);
        expect(
          system.accepted().filter(({ acceptedUntil }) => acceptedUntil === undefined),
        ).toHaveLength(1);
      }
    }
    expect(discarded).toBeGreaterThan(30);
  });

  it.each([
    [
      'is kept waiting by a registration that has not ended',
      () => system.setState({ unsettled: true }),
    ],
    ['finds the slot taken', async () => void system.world.rakuten.slots.set(SID, TRACKER)],
    [
      'cannot read the slot',
      async () => system.world.rakuten.faults.add({ operation: 'read', status: 400, times: 1 }),
    ],
    [
      'finds the endpoint failing',
      async () => void Object.assign(system.installation.endpoint, { status: 503 }),
    ],
  ])('that %s leaves no later run the leaked value', async (_what, spoil) => {
    await system.deploy();
    // Before the value is accepted, and registered.
    const fails = jest
      .spyOn(system.versions, 'promote')
      .mockRejectedValueOnce(new Error('throttled'));
    system.world.rakuten.faults.add({ operation: 'update', status: 400, times: 1 });
    await system.rotate();
    fails.mockRestore();
    const value = (await system.versions.pending())?.text;
    expect(value).toBeDefined();
    const registered = system.slot();
    await spoil();
    expect(await system.rotate(undefined, true)).toBeUndefined();
    system.world.rakuten.slots.set(SID, registered);
    system.installation.endpoint = { status: 200, millis: 20 };
    await system.setState({ unsettled: undefined });
    system.registered.clear();
    // As the schedule does it.
    expect(await system.rotate()).toMatchObject({ outcome: 'rotated', resumed: true });
    system.expectSettled();
    expect(system.currentSecret()).not.toBe(value);
    expect(system.registered.has(value ?? null)).toBe(false);
  });

  it('that fails, too, never lets a later run install that value, however that is interrupted', async () => {
    const steps = fc.record({
      first: fc.record({ call: fc.nat(calls), how: fc.constantFrom(...HOW) }),
      later: fc.array(
        fc.record({ call: fc.nat(calls), how: fc.constantFrom(...HOW), fresh: fc.boolean() }),
        { maxLength: 4 },
      ),
      fresh: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(steps, async ({ first, later, fresh }) => {
        const value = await leaked(first.call, first.how);
        system.world.rakuten.faults.add({ operation: 'update', status: 400, times: 1 });
        expect(await system.rotate(undefined, true)).toBeUndefined();
        system.registered.clear();
        for (const { fresh: again, ...interruption } of later)
          await system.rotate(interruption, again);
        expect((await system.rotate(undefined, fresh))?.outcome).toBe('rotated');
        system.expectSettled();
        expect(value !== undefined && system.registered.has(value)).toBe(false);
      }),
      { numRuns: Number(process.env.ROTATION_RUNS ?? 100) },
    );
  });

  it('again and again, each interrupted after its value is registered, accepts all of them until one ends', async () => {
    await system.deploy();
    const urls = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const fails = jest
        .spyOn(system.versions, 'promote')
        .mockRejectedValueOnce(new Error('throttled'));
      expect(await system.rotate(undefined, true)).toBeUndefined();
      fails.mockRestore();
      urls.add(system.slot()?.url ?? '');
      for (const url of urls) expect(system.installation.takes(url)).toBe(true);
    }
    expect(urls.size).toBe(20);
    expect(await system.rotate(undefined, true)).toMatchObject({
      outcome: 'rotated',
      discarded: true,
    });
    system.expectSettled();
  });
});
