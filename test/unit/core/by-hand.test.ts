import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { Slot } from '../../../core/rakuten/api/client';
import { summarizeUrl } from '../../../core/rakuten/postback/url';
import {
  registerByHand,
  type SlotStatus,
  slotStatus,
  testByHand,
  unregisterByHand,
} from '../../../core/registration/operations';
import { CloudFormation, type DeliveryPlan } from '../../support/cloudformation';
import { problemOf, SID, SlotRun } from '../../support/slot-run';

const ONCE: DeliveryPlan = { how: 'once', calls: 0 };
const FOR_EVER = 10_000;
const MINUTES = 60_000;
const TRACKER: Slot = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};
const ELSEWHERE: Slot = { url: 'https://elsewhere.example/in?key=key-4711', active: true };

let world: SlotRun;
let ours: Slot;
let formation: CloudFormation;
beforeEach(async () => {
  world = new SlotRun();
  ours = world.ours();
  formation = new CloudFormation(world.installation);
});
afterEach(() => {
  const texts = world.world.texts.join('\n');
  for (const secret of [
    world.secret(),
    'client-secret-of-the-tests',
    'tracker-secret-4711',
    'key-4711',
  ])
    expect(texts).not.toContain(secret);
});

const ports = () => world.installation.ports();
const deploy = async (changes: Record<string, unknown> = {}): Promise<void> => {
  expect(await formation.deploy(world.installation.properties(changes), ONCE)).toBe(true);
  world.world.rakuten.calls.length = 0;
};
const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const started = world.world.clock.now();
  await work.catch(() => {});
  return world.world.clock.now() - started;
};

describe.each<[string, () => Promise<unknown>]>([
  ['to register', () => registerByHand(ports(), SID, {})],
  ['to unregister', () => unregisterByHand(ports(), SID)],
  ['the self-test', () => testByHand(ports(), SID, true)],
  ['the status', () => slotStatus(ports(), SID)],
])('by hand, %s', (_what, work) => {
  it('needs a deployment first, and says so', async () => {
    world.slot = TRACKER;
    const { name, message } = await problemOf(work());
    expect([name, message]).toEqual([
      'NotRegisteredError',
      'SID 3900112 is not registered by this installation. Next step: deploy the stack, which registers it.',
    ]);
    expect([world.slot, world.world.rakuten.calls]).toEqual([TRACKER, []]);
    expect(world.world.texts).toContain(
      JSON.stringify(['failed', { reason: 'NotRegisteredError', millis: 0 }]),
    );
  });

  it('needs one that ended well', async () => {
    world.fault({ operation: 'create', status: 400, times: FOR_EVER });
    expect(await formation.deploy(world.installation.properties(), ONCE)).toBe(false);
    expect(world.state).toBeDefined();
    expect((await problemOf(work())).name).toBe('NotRegisteredError');
  });

  it('repeats nothing secret of an error, and logs how long it took', async () => {
    await deploy();
    world.fault({ status: 400, echo: true, times: FOR_EVER });
    world.installation.endpoint = { status: 500, millis: 20 };
    const problem = await problemOf(work());
    world.world.texts.push(problem.message, problem.stack ?? '');
    expect(
      world.world.texts.some((text) =>
        /^\["failed",\{"reason":"\w+","millis":[1-9]\d*\}\]$/.test(text),
      ),
    ).toBe(true);
  });

  it('works without a deployment having run since it was unregistered by hand', async () => {
    await deploy();
    await unregisterByHand(ports(), SID);
    await work();
  });
});

describe('registering by hand', () => {
  it.each<[string, () => Slot | undefined]>([
    ['it is missing', () => undefined],
    ['it was switched off', () => ({ ...ours, active: false })],
    [
      'an older one of ours is there',
      () => world.ours({ [P.fieldList]: '[{"name":"u","field":"u1"}]' }),
    ],
  ])('puts the URL back as it was deployed where %s', async (_what, there) => {
    await deploy();
    world.slot = there();
    expect(await registerByHand(ports(), SID, {})).toMatchObject({
      active: true,
      selfTest: { p50Millis: 42 },
    });
    expect(world.slot).toEqual(ours);
  });

  it('keeps a change of what is on until the next deployment, and is no work where it is so already', async () => {
    await deploy();
    expect(await registerByHand(ports(), SID, { enabled: false })).toMatchObject({ active: false });
    expect([world.slot, world.writes()]).toEqual([{ ...ours, active: false }, ['PUT']]);
    expect(world.state?.properties?.[P.enabled]).toBe('false');
    expect(await registerByHand(ports(), SID, {})).toMatchObject({ active: false });
    expect(world.writes()).toEqual(['PUT']);
    expect(await registerByHand(ports(), SID, { enabled: true })).toMatchObject({ active: true });
    expect([world.slot, world.state?.properties?.[P.enabled]]).toEqual([ours, 'true']);
  });

  it('makes or leaves out the self-test for this run only', async () => {
    await deploy();
    world.slot = undefined;
    world.installation.endpoint = { status: 500, millis: 1 };
    expect((await problemOf(registerByHand(ports(), SID, {}))).message).toContain(
      'did not answer ten GETs',
    );
    expect(world.slot).toBeUndefined();
    await registerByHand(ports(), SID, { selfTest: false });
    expect([world.slot, world.state?.properties?.[P.selfTest]]).toEqual([ours, 'true']);
  });

  it('takes a slot over only when that is asked for, for this run only', async () => {
    await deploy();
    world.slot = TRACKER;
    for (const replace of [undefined, false]) {
      expect((await problemOf(registerByHand(ports(), SID, { replace }))).message).toContain(
        'is taken',
      );
      expect(world.slot).toEqual(TRACKER);
    }
    await registerByHand(ports(), SID, { replace: true });
    expect([world.slot, world.previous, world.state?.properties?.[P.existingPostback]]).toEqual([
      ours,
      TRACKER,
      'FAIL',
    ]);
  });

  it('takes a slot over where the deployment says so', async () => {
    await deploy({ [P.existingPostback]: 'REPLACE' });
    world.slot = TRACKER;
    await registerByHand(ports(), SID, { replace: false });
    expect(world.slot).toEqual(ours);
  });

  it.each<[string, () => Slot | undefined]>([
    ['nothing', () => undefined],
    ['ours, switched off', () => ({ ...ours, active: false })],
  ])(
    'that fails leaves %s there, who wants it, and what is taken from Rakuten',
    async (_what, there) => {
      await deploy();
      const { state } = world;
      const before = there();
      world.slot = before;
      world.fault({ operation: ['create', 'update'], status: 400, times: FOR_EVER });
      await problemOf(registerByHand(ports(), SID, {}));
      expect([world.slot, world.state]).toEqual([
        before,
        { ...state, selfTest: expect.anything() },
      ]);
    },
  );
});

describe('unregistering by hand', () => {
  it('gives the slot up by the rule of the deployment; to register gives it back', async () => {
    world.slot = TRACKER;
    await deploy({ [P.existingPostback]: 'REPLACE' });
    expect(await unregisterByHand(ports(), SID)).toBe('restored');
    expect([world.slot, world.state?.properties, world.state?.setAside?.[P.sid]]).toEqual([
      TRACKER,
      undefined,
      SID,
    ]);
    await registerByHand(ports(), SID, {});
    expect([world.slot, world.state?.properties?.[P.sid], world.state?.setAside]).toEqual([
      ours,
      SID,
      undefined,
    ]);
  });

  it.each<[string, 'DELETE' | 'DISABLE' | 'RESTORE' | undefined, string, () => Slot | undefined]>([
    ['DELETE', undefined, 'removed', () => undefined],
    ['DISABLE', undefined, 'switched off', () => ({ ...ours, active: false })],
    // Whoever removes it by hand does not want it retained.
    ['RETAIN', undefined, 'restored', () => TRACKER],
    ['RETAIN', 'DELETE', 'removed', () => undefined],
    ['DELETE', 'RESTORE', 'restored', () => TRACKER],
    ['RESTORE', 'DISABLE', 'switched off', () => ({ ...ours, active: false })],
  ])(
    'where the deployment says %s and the command %s is %s',
    async (deployed, rule, removal, there) => {
      world.slot = TRACKER;
      await deploy({ [P.existingPostback]: 'REPLACE', [P.onRemoval]: deployed });
      expect(await unregisterByHand(ports(), SID, rule)).toBe(removal);
      expect(world.slot).toEqual(there());
    },
  );

  it('twice is no more than once', async () => {
    await deploy();
    expect(await unregisterByHand(ports(), SID)).toBe('removed');
    expect(await unregisterByHand(ports(), SID)).toBe('nothing to do');
    expect([world.writes(), world.state?.setAside?.[P.sid]]).toEqual([['DELETE'], SID]);
  });

  it('that fails leaves the registration as it is', async () => {
    await deploy();
    const { state } = world;
    world.fault({ operation: 'delete', status: 400 });
    await problemOf(unregisterByHand(ports(), SID));
    expect([world.slot, world.state]).toEqual([ours, state]);
  });
});

describe('the self-test by hand', () => {
  it('measures, and changes nothing', async () => {
    await deploy();
    const { state } = world;
    world.slot = TRACKER;
    expect(await testByHand(ports(), SID, true)).toMatchObject({ p50Millis: 42, maxMillis: 42 });
    expect([world.slot, world.state, world.world.rakuten.calls]).toEqual([TRACKER, state, []]);
  });

  it('goes through the queue unless it is told not to', async () => {
    await deploy();
    world.installation.consumerRuns = false;
    expect((await problemOf(testByHand(ports(), SID, true))).message).toContain(
      'came out of the queue',
    );
    expect(await testByHand(ports(), SID, false)).toMatchObject({ maxMillis: 42 });
  });
});

describe('the status', () => {
  const status = (endpointUrl?: string): Promise<SlotStatus> =>
    slotStatus(ports(), SID, { stackEndpointUrl: endpointUrl });

  it('shows the host and the fields of the URL in the slot, and what a removal would bring back; it changes nothing', async () => {
    world.slot = TRACKER;
    await deploy({ [P.existingPostback]: 'REPLACE' });
    const { state } = world;
    expect(await status(world.installation.endpointUrl)).toEqual({
      sid: SID,
      slot: {
        host: new URL(ours.url).host,
        fields: ['is_event', 'etransaction_id', 'sale_amount'],
        active: true,
      },
      owner: 'ours',
      drift: [],
      previous: { host: 'tracker.example', fields: ['u1'], active: true },
      enabled: true,
      selfTest: { p50Millis: 42, maxMillis: 42, at: expect.any(String) },
    });
    expect([world.slot, world.state, world.calls()]).toEqual([ours, state, ['GET']]);
  });

  it('has whole URLs with `reveal` only', async () => {
    world.slot = TRACKER;
    await deploy({ [P.existingPostback]: 'REPLACE' });
    const { slot, previous } = await slotStatus(ports(), SID, { reveal: true });
    expect([slot?.url, previous?.url]).toEqual([ours.url, TRACKER.url]);
    expect(JSON.stringify(await status())).not.toContain('token');
  });

  it.each<[string, () => Slot | undefined, string, string[]]>([
    ['nothing', () => undefined, 'empty', ['the slot is empty: Rakuten sends nothing']],
    ['a tracker', () => TRACKER, 'foreign', ['the slot holds a URL of somebody else']],
    [
      'the URL of another installation',
      () => ({
        url: 'https://other.example/postback?k=another-secret-0123&f=0a1b2c3d',
        active: true,
      }),
      'installation',
      ['the slot holds the URL of another installation of this construct'],
    ],
    [
      'our endpoint under another secret',
      () => world.ours({}, 'the-secret-of-the-heir'),
      'endpoint',
      [
        'the slot has our endpoint under a secret that is not ours: what Rakuten sends is turned away as forged',
      ],
    ],
    [
      'an older URL of ours',
      () => world.ours({ [P.fieldList]: '[{"name":"u","field":"u1"}]' }),
      'ours',
      ['the slot holds an older URL of ours (other secret, fields or endpoint)'],
    ],
    [
      'ours, switched off',
      () => ({ ...ours, active: false }),
      'ours',
      ['the postback is switched off, though it should be on'],
    ],
    [
      'ours, as Rakuten escapes it',
      () => ({ ...ours, url: ours.url.replaceAll('<', '%3C').replaceAll('>', '%3E') }),
      'ours',
      [],
    ],
  ])(
    'tells how the slot differs from what was deployed: %s',
    async (_what, there, owner, drift) => {
      await deploy();
      const slot = there();
      world.slot = slot;
      expect(await status()).toMatchObject({
        owner,
        drift,
        slot: slot === undefined ? undefined : { ...summarizeUrl(slot.url), active: slot.active },
        previous: undefined,
      });
    },
  );

  it('tells that it is on though it should be off, and that off is right where it should be', async () => {
    await deploy({ [P.enabled]: 'false' });
    expect(await status()).toMatchObject({ enabled: false, drift: [], slot: { active: false } });
    world.slot = ours;
    expect(await status()).toMatchObject({
      enabled: false,
      drift: ['the postback is on, though it should be off'],
    });
  });

  it('tells that the stack has another endpoint than was registered', async () => {
    await deploy();
    expect((await status('https://new.example/postback')).drift).toEqual([
      `the stack's endpoint is https://new.example/postback, registered was ${world.installation.endpointUrl}`,
    ]);
  });

  it('tells that a registration was cut off, and that it was unregistered by hand', async () => {
    await deploy();
    world.installation.store.seed({
      ...(world.state ?? { sid: SID, accepted: [] }),
      unsettled: true,
    });
    expect((await status()).drift).toEqual(['a registration began and was cut off']);
    await unregisterByHand(ports(), SID);
    expect((await status()).drift).toEqual([
      'the slot is empty: Rakuten sends nothing',
      'it was unregistered by hand',
    ]);
    world.slot = ELSEWHERE;
    expect((await status()).drift).toEqual([
      'the slot holds a URL of somebody else',
      'it was unregistered by hand',
    ]);
  });

  it('waits for Rakuten as long as it is told, or three minutes', async () => {
    await deploy();
    world.fault({ operation: 'read', status: 503, times: FOR_EVER });
    const [short, long] = [
      await elapsed(slotStatus(ports(), SID, { patienceMillis: 20_000 })),
      await elapsed(status()),
    ];
    expect([Math.ceil(short / 20_000), Math.round(long / MINUTES)]).toEqual([1, 3]);
  });
});

describe('work by hand', () => {
  it('waits for a deployment that runs, and then does its own', async () => {
    await deploy();
    const update = formation.deploy(
      world.installation.properties({ [P.fieldList]: '[{"name":"u","field":"u1"}]' }),
      ONCE,
    );
    expect(await unregisterByHand(ports(), SID)).toBe('removed');
    expect([await update, world.slot]).toEqual([true, undefined]);
  });

  it('gives up waiting after eight minutes', async () => {
    await deploy();
    const now = world.world.clock.now();
    await world.installation.holdLease(SID, 60 * MINUTES);
    for (const work of [registerByHand(ports(), SID, {}), unregisterByHand(ports(), SID)]) {
      expect((await problemOf(work)).message).toContain('Another run works on the postback slot');
    }
    expect(world.world.clock.now() - now).toBe(8 * MINUTES - 2_000);
    expect(world.slot).toEqual(ours);
  });
});
