import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { Slot } from '../../../core/rakuten/api/client';
import { markOf } from '../../../core/registration/slot-url';
import { accepting, emptyState, markFor, withOwner } from '../../../core/registration/state';
import { type Progress, type RegistrationFailure, undo } from '../../../core/registration/undo';
import type { PublisherState } from '../../../core/state/publisher-state';
import { CloudFormation, type DeliveryPlan } from '../../support/cloudformation';
import { OWNER, REQUEST, SID, SlotRun } from '../../support/slot-run';

const ONCE: DeliveryPlan = { how: 'once', calls: 0 };
const FOR_EVER = 10_000;
const MINUTES = 60_000;
const TRACKER: Slot = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};
const PAUSED: Slot = { ...TRACKER, active: false };
const ELSEWHERE: Slot = { url: 'https://elsewhere.example/in', active: true };
const LESS_FIELDS = '[{"name":"is_event","field":"is_event"}]';
const LESS = [{ name: 'is_event', field: 'is_event' }] as const;

let world: SlotRun;
/** What the registration that fails was to bring. */
let wanted: Slot;
/** Ours, as an earlier template had it. */
let older: Slot;
beforeEach(() => {
  world = new SlotRun();
  wanted = world.ours();
  older = world.ours({ [P.fieldList]: LESS_FIELDS });
});

/** A registration that has failed. */
interface Failed {
  /** Whether nothing of this resource was there before. */
  readonly fresh: boolean;
  /** What the state said before it began. */
  readonly earlier?: Partial<PublisherState>;
  /**
   * How far it came: it failed before the state was written, before the slot was written, or later.
   */
  readonly at: 'the start' | 'the self-test' | 'the slot';
  /** What stood in the slot right before it was written. */
  readonly before?: Slot;
  /** What was taken over and is remembered. */
  readonly remembered?: Slot;
  /** Whether the URL secret could not even be read. */
  readonly withoutSecret?: boolean;
}

/** The hash and field list under which a URL is accepted. */
const entry = (
  fields: typeof LESS | 'wanted',
  secret = world.secret(),
): PublisherState['accepted'][number] => {
  const list = fields === 'wanted' ? WANTED_FIELDS : fields;
  return { ...markFor(secret, list), fields: list };
};
const WANTED_FIELDS = [
  { name: 'is_event', field: 'is_event' },
  { name: 'etransaction_id', field: 'etransaction_id' },
  { name: 'sale_amount', field: 'sale_amount' },
] as const;

/** What the run that failed leaves in the state, as the registration writes it on its way. */
function stateOf(failed: Failed, earlier: PublisherState): PublisherState {
  if (failed.at === 'the start') return earlier;
  const accepted = withOwner(accepting(earlier, entry('wanted'), WANTED_FIELDS), OWNER);
  const { remembered } = failed;
  const remembering =
    remembered === undefined
      ? accepted
      : { ...accepted, previousUrl: remembered.url, previousActive: remembered.active };
  return failed.at === 'the slot' ? { ...remembering, unsettled: true } : remembering;
}

/** Undoes it. What stands in the slot now must have been set before. */
async function undone(failed: Failed): Promise<RegistrationFailure> {
  const run = await world.open();
  const earlier: PublisherState = { ...emptyState(SID), ...failed.earlier };
  if (failed.earlier !== undefined) await run.ports.store.writeState(earlier);
  const state = stateOf(failed, earlier);
  if (state !== earlier) await run.ports.store.writeState(state);
  const progress: Progress = {
    state,
    first: failed.before,
    before: failed.before,
    written: failed.at === 'the slot',
  };
  return undo(run, failed.fresh, {
    wanted: failed.withoutSecret ? undefined : wanted,
    earlier,
    progress,
    cause: new Error('the cause'),
  });
}

const acceptedUntil = (slot: Slot): (number | 'ever')[] =>
  (world.state?.accepted ?? [])
    .filter(({ secretSha256, fieldListId }) => {
      const mark = markOf(slot.url);
      return mark?.secretSha256 === secretSha256 && mark.fieldListId === fieldListId;
    })
    .map(({ acceptedUntil: until }) =>
      until === undefined ? 'ever' : (Date.parse(until) - world.world.clock.now()) / MINUTES,
    );

describe('what a failed registration wrote into the slot', () => {
  it.each<[string, boolean, () => Slot | undefined, string]>([
    ['nothing, of a first deployment', true, () => undefined, 'DELETE'],
    ['a tracker that was taken over', true, () => TRACKER, 'PUT'],
    ['a tracker that was switched off', true, () => PAUSED, 'PUT'],
    ['our URL with the fields before, of an update', false, () => older, 'PUT'],
    ['our URL, switched off', false, () => ({ ...wanted, active: false }), 'PUT'],
  ])('gives way to what was there before: %s', async (_what, fresh, there, method) => {
    const before = there();
    world.slot = wanted;
    const failure = await undone({ fresh, at: 'the slot', before });
    expect([world.slot, world.writes()]).toEqual([before, [method]]);
    expect([failure.name, failure.message, failure.slotUntouched]).toEqual([
      'RegistrationFailure',
      'the cause',
      true,
    ]);
  });

  it('is as it was where the write never arrived: after four looks nothing is written', async () => {
    world.slot = TRACKER;
    const failure = await undone({ fresh: true, at: 'the slot', before: TRACKER });
    expect([world.slot, world.writes(), failure.slotUntouched]).toEqual([TRACKER, [], true]);
    expect(world.reads()).toBe(5);
  });

  it.each([1, 2, 3])(
    'is found although the answer to the write got lost and the status call lags by %d reads',
    async (lag) => {
      world.world.rakuten.behaviour.staleReads = lag;
      world.slot = wanted;
      world.world.rakuten.behaviour.staleReads = 0;
      const failure = await undone({ fresh: true, at: 'the slot' });
      expect([world.slot, world.writes(), failure.slotUntouched]).toEqual([
        undefined,
        ['DELETE'],
        true,
      ]);
    },
  );

  it.each([
    ['another URL', ELSEWHERE],
    [
      'another installation of this construct',
      { url: 'https://other.example/postback?k=another-secret-0123&f=0a1b2c3d', active: true },
    ],
    ['nothing', undefined],
  ])('is let go of where %s has taken its place meanwhile', async (_what, there) => {
    world.slot = there;
    const failure = await undone({ fresh: true, at: 'the slot', before: TRACKER });
    expect([world.slot, world.writes(), failure.slotUntouched]).toEqual([there, [], true]);
  });

  it('is put back by a second call where the answer to the first got lost', async () => {
    world.slot = wanted;
    world.fault({ operation: 'update', connection: 'drop' });
    await undone({ fresh: true, at: 'the slot', before: TRACKER });
    expect([world.slot, world.writes()]).toEqual([TRACKER, ['PUT', 'PUT']]);
  });

  it('is nothing where it did not come to a write: Rakuten is not even asked', async () => {
    world.slot = TRACKER;
    const failure = await undone({ fresh: true, at: 'the self-test' });
    expect([world.slot, world.calls(), failure.slotUntouched]).toEqual([TRACKER, [], true]);
  });

  it('may use the time that was kept for it', async () => {
    const run = await world.open();
    await world.world.clock.sleep(run.workUntil - world.world.clock.now() + 1);
    world.slot = wanted;
    const failure = await undone({ fresh: true, at: 'the slot' });
    expect([world.slot, failure.slotUntouched]).toEqual([undefined, true]);
  });
});

describe('a slot that cannot be put back', () => {
  it.each<[string, () => void, RegExp]>([
    [
      'the change is refused',
      () => world.fault({ operation: 'delete', status: 400, times: FOR_EVER }),
      /could not delete the postback/,
    ],
    [
      'the slot cannot be read',
      () => world.fault({ operation: 'read', status: 400, times: FOR_EVER }),
      /could not read the postback/,
    ],
    [
      'Rakuten is down',
      () => world.fault({ status: 503, times: FOR_EVER }),
      /Rakuten could not be reached/,
    ],
  ])('because %s is said, with what it may hold and how to look', async (_why, trouble, reason) => {
    world.slot = wanted;
    trouble();
    const { message, slotUntouched, cause } = await undone({ fresh: true, at: 'the slot' });
    expect(message).toMatch(
      /^the cause Besides, the slot could not be put back as it was \(.*\) and may hold our URL: look with "npx cdk-rakuten-postback status"\.$/,
    );
    expect(message).toMatch(reason);
    expect(slotUntouched).toBe(false);
    expect((cause as Error).message).toBe('the cause');
    expect(world.slot).toEqual(wanted);
    expect(world.world.texts).toContain(
      JSON.stringify(['the slot could not be put back', { sid: SID }]),
    );
  });

  it('stays known as unsettled, its URL accepted and its owner named, so that the next run goes on from there', async () => {
    world.slot = wanted;
    world.fault({ operation: 'update', status: 400, times: FOR_EVER });
    await undone({ fresh: true, at: 'the slot', before: TRACKER, remembered: TRACKER });
    expect(world.state).toEqual({
      sid: SID,
      accepted: [entry('wanted')],
      owners: [OWNER],
      previousUrl: TRACKER.url,
      previousActive: true,
      unsettled: true,
    });
  });

  it('says what is no error, too', async () => {
    world.slot = wanted;
    const run = await world.open();
    const broken = {
      ...run,
      client: Object.assign(Object.create(run.client), {
        read: () => Promise.reject('out of order'),
      }),
    };
    const progress: Progress = {
      state: emptyState(SID),
      first: undefined,
      before: undefined,
      written: true,
    };
    const failure = await undo(broken, true, {
      wanted,
      earlier: progress.state,
      progress,
      cause: 'a text',
    });
    expect(failure.message).toMatch(/^a text Besides, .*\(out of order\)/);
  });
});

describe('what a first deployment leaves that was killed in the middle and fails when it is repeated', () => {
  /** As the killed run left it: accepted, written, not settled. */
  const killed = (more: Partial<PublisherState> = {}): Partial<PublisherState> => ({
    accepted: [entry(LESS)],
    owners: [OWNER],
    unsettled: true,
    ...more,
  });

  it.each<[string, string, Failed['at'], boolean, Slot | undefined, string]>([
    ['the self-test', 'nothing', 'the self-test', false, undefined, 'DELETE'],
    ['the self-test', 'what it replaced', 'the self-test', false, PAUSED, 'PUT'],
    ['the first call to Rakuten', 'nothing', 'the start', false, undefined, 'DELETE'],
    ['the first call to Rakuten', 'what it replaced', 'the start', false, TRACKER, 'PUT'],
    ['the URL secret', 'nothing', 'the start', true, undefined, 'DELETE'],
    ['the URL secret', 'what it replaced', 'the start', true, PAUSED, 'PUT'],
  ])(
    'goes, although the repetition fails at %s: the slot holds %s',
    async (_what, _then, at, withoutSecret, previous, method) => {
      world.slot = older;
      const remembered =
        previous === undefined
          ? {}
          : { previousUrl: previous.url, previousActive: previous.active };
      const failure = await undone({
        fresh: true,
        earlier: killed(remembered),
        at,
        withoutSecret,
        remembered: previous,
      });
      expect([world.slot, world.writes()]).toEqual([previous, [method]]);
      // What the killed run did is not known to the one that reports: it does not vouch for the
      // slot.
      expect(failure.slotUntouched).toBe(false);
      expect(world.state?.unsettled).toBeUndefined();
      expect(world.state?.owners).toEqual([]);
    },
  );

  it('is not what comes back: where the repetition wrote over it, what was there before both does', async () => {
    world.slot = wanted;
    await undone({
      fresh: true,
      earlier: killed({ previousUrl: PAUSED.url, previousActive: false }),
      at: 'the slot',
      before: older,
      remembered: PAUSED,
    });
    expect([world.slot, world.writes()]).toEqual([PAUSED, ['PUT']]);
  });

  it('is nothing where the write of the killed run never arrived: what the repetition wrote goes', async () => {
    world.slot = wanted;
    const failure = await undone({ fresh: true, earlier: killed(), at: 'the slot' });
    expect([world.slot, world.writes(), failure.message]).toEqual([
      undefined,
      ['DELETE'],
      'the cause',
    ]);
  });

  it('does not keep the URL from coming back that the repetition wrote over', async () => {
    world.slot = wanted;
    await undone({
      fresh: true,
      earlier: killed({ previousUrl: PAUSED.url, previousActive: false }),
      at: 'the slot',
      before: ELSEWHERE,
    });
    expect(world.slot).toEqual(ELSEWHERE);
  });

  it.each<[string, Failed['at'], Slot | undefined]>([
    ['the self-test', 'the self-test', PAUSED],
    ['the first call to Rakuten', 'the start', PAUSED],
    ['the first call to Rakuten', 'the start', undefined],
  ])(
    'goes as well where it had all but said that it ended well, and the repetition fails at %s',
    async (_what, at, previous) => {
      world.slot = older;
      const remembered =
        previous === undefined
          ? {}
          : { previousUrl: previous.url, previousActive: previous.active };
      await undone({
        fresh: true,
        earlier: killed({
          ...remembered,
          unsettled: undefined,
          properties: { [P.sid]: SID },
          registeredBy: REQUEST,
        }),
        at,
      });
      expect(world.slot).toEqual(previous);
      expect([world.state?.owners, world.state?.properties, acceptedUntil(older)]).toEqual([
        [],
        undefined,
        [60],
      ]);
    },
  );

  it('is only its name where it had not come to a write: the slot is not even looked at', async () => {
    world.slot = older;
    await undone({ fresh: true, earlier: killed({ unsettled: undefined }), at: 'the start' });
    expect([world.slot, world.calls(), world.state?.owners, acceptedUntil(older)]).toEqual([
      older,
      [],
      [],
      ['ever'],
    ]);
  });

  it.each<[string, Slot]>([
    ['a URL of somebody else', TRACKER],
    [
      'another installation of this construct',
      { url: 'https://other.example/postback?k=another-secret-0123&f=0a1b2c3d', active: true },
    ],
  ])('is not %s, which stays', async (_what, there) => {
    world.slot = there;
    await undone({
      fresh: true,
      earlier: killed({ previousUrl: PAUSED.url, previousActive: false }),
      at: 'the self-test',
    });
    expect([world.slot, world.writes()]).toEqual([there, []]);
  });

  it.each<[string, Partial<Failed> & { readonly earlier: Partial<PublisherState> }]>([
    ['another resource of the stack wants it', { earlier: { owners: [OWNER, 'stack/Other'] } }],
    [
      'another request registered it',
      { earlier: { unsettled: undefined, registeredBy: 'request-0' } },
    ],
    ['it was registered by hand', { earlier: { unsettled: undefined, registeredBy: undefined } }],
    ['it was no first deployment', { fresh: false, earlier: {} }],
  ])('stays where %s', async (_why, { fresh = true, earlier }) => {
    world.slot = older;
    await undone({ fresh, earlier: killed(earlier), at: 'the self-test' });
    expect([world.slot, world.calls()]).toEqual([older, []]);
  });

  it('gives way to nothing but itself in a run that wrote: the URL that an update before it left stays', async () => {
    world.slot = older;
    await undone({
      fresh: false,
      earlier: killed({ previousUrl: PAUSED.url, previousActive: false }),
      at: 'the slot',
      before: older,
    });
    expect([world.slot, world.writes()]).toEqual([older, []]);
  });
});

describe('the state after a failed registration', () => {
  it('of a first deployment knows nothing more of it, but takes what may be on its way for an hour', async () => {
    world.slot = wanted;
    await undone({ fresh: true, at: 'the slot', before: TRACKER, remembered: TRACKER });
    expect(acceptedUntil(wanted)).toEqual([60]);
    expect(world.state).toEqual({
      sid: SID,
      accepted: [{ ...entry('wanted'), acceptedUntil: expect.any(String) }],
      owners: [],
    });
  });

  it('keeps the other resources of the stack that want the slot, and what is accepted for them', async () => {
    world.slot = older;
    await undone({
      fresh: true,
      earlier: { accepted: [entry(LESS)], owners: ['stack/Other'] },
      at: 'the self-test',
    });
    expect(world.state?.owners).toEqual(['stack/Other']);
    expect([acceptedUntil(older), acceptedUntil(wanted)]).toEqual([['ever'], [60]]);
  });

  it('of a first deployment whose URL was retained goes on accepting that: Rakuten goes on sending to it', async () => {
    world.slot = wanted;
    await undone({
      fresh: true,
      earlier: { accepted: [entry('wanted')], owners: [] },
      at: 'the self-test',
    });
    expect([world.slot, acceptedUntil(wanted), world.state?.owners]).toEqual([
      wanted,
      ['ever'],
      [],
    ]);
  });

  it('of an update is as it was, but for what may be on its way', async () => {
    world.slot = wanted;
    const earlier = {
      accepted: [entry(LESS)],
      owners: [OWNER],
      previousUrl: PAUSED.url,
      previousActive: false,
      properties: { Sid: SID },
    };
    await undone({ fresh: false, earlier, at: 'the slot', before: older, remembered: TRACKER });
    expect([acceptedUntil(older), acceptedUntil(wanted)]).toEqual([['ever'], [60]]);
    expect(world.state).toEqual({
      sid: SID,
      ...earlier,
      accepted: [{ ...entry('wanted'), acceptedUntil: expect.any(String) }, entry(LESS)],
    });
  });

  it('of an update that changes no part of the URL goes on accepting it', async () => {
    world.slot = wanted;
    await undone({
      fresh: false,
      earlier: { accepted: [entry('wanted')], owners: [OWNER] },
      at: 'the slot',
      before: { ...wanted, active: false },
    });
    expect(acceptedUntil(wanted)).toEqual(['ever']);
  });

  it.each<[string, () => Partial<PublisherState>]>([
    [
      'that was retired before',
      () => ({
        accepted: [{ ...entry('wanted'), acceptedUntil: '2026-02-01T00:00:00.000Z' }, entry(LESS)],
      }),
    ],
    ['whose secret is known with other fields', () => ({ accepted: [entry(LESS)] })],
    [
      'whose fields are known with another secret',
      () => ({ accepted: [entry('wanted', 'another-secret-0123456')] }),
    ],
  ])('of an update to a URL %s takes that for an hour', async (_what, earlier) => {
    world.slot = wanted;
    await undone({
      fresh: false,
      earlier: { ...earlier(), owners: [OWNER] },
      at: 'the slot',
      before: older,
    });
    expect(acceptedUntil(wanted)).toEqual([60]);
  });

  it('keeps the mark of an update that was cut off before, as only a registration that ends well takes it away', async () => {
    world.slot = older;
    const failure = await undone({
      fresh: false,
      earlier: { accepted: [entry(LESS)], unsettled: true },
      at: 'the self-test',
    });
    expect([world.state?.unsettled, failure.slotUntouched]).toEqual([true, false]);
  });

  it('keeps that mark for the other resources of the stack, and forgets the one that fails', async () => {
    world.slot = older;
    await undone({
      fresh: true,
      earlier: { accepted: [entry(LESS)], owners: [OWNER, 'stack/Other'], unsettled: true },
      at: 'the start',
    });
    expect(world.state).toMatchObject({ unsettled: true, owners: ['stack/Other'] });
  });

  it.each([true, false])(
    'is not even written where nothing was changed (first deployment: %p)',
    async (fresh) => {
      const write = jest.spyOn(world.installation.store, 'writeState');
      await undone({ fresh, at: 'the start' });
      expect(write).not.toHaveBeenCalled();
      expect(world.state).toBeUndefined();
    },
  );

  it('that cannot be written is logged; the deployment fails with its own cause, and the slot is as it was', async () => {
    world.slot = wanted;
    const { store } = world.installation;
    const write = store.writeState.bind(store);
    let writes = 0;
    jest.spyOn(store, 'writeState').mockImplementation(async (state, holder) => {
      writes += 1;
      if (writes > 1) throw new RangeError('throttled');
      return write(state, holder);
    });
    const failure = await undone({ fresh: true, at: 'the slot' });
    expect([failure.message, failure.slotUntouched, world.slot]).toEqual([
      'the cause',
      true,
      undefined,
    ]);
    expect(world.world.texts).toContain(
      JSON.stringify(['the state could not be put back', { sid: SID, reason: 'RangeError' }]),
    );
  });
});

describe('as a deployment sees it', () => {
  const deployment = (logicalId?: string): CloudFormation =>
    new CloudFormation(world.installation, logicalId);
  const replacing = (): Record<string, unknown> =>
    world.installation.properties({ [P.existingPostback]: 'REPLACE' });

  it.each([
    ['an empty slot', undefined],
    ['the slot of a tracker', TRACKER],
    ['the slot of a tracker that was switched off', PAUSED],
  ])(
    'a first one into %s leaves it as it was when the state table fails after the write',
    async (_what, before) => {
      world.slot = before;
      const { store } = world.installation;
      const write = store.writeState.bind(store);
      jest.spyOn(store, 'writeState').mockImplementation((state, holder) => {
        // The state that says the registration has ended well.
        return state.properties === undefined
          ? write(state, holder)
          : Promise.reject(new Error('the table is throttled'));
      });
      const formation = deployment();
      expect(await formation.deploy(replacing(), ONCE)).toBe(false);
      expect(formation.lastError).toContain('the table is throttled');
      expect(world.slot).toEqual(before);
      expect(world.state).toMatchObject({ owners: [] });
      expect(world.previous).toBeUndefined();
      expect(world.installation.takes(wanted.url)).toBe(true);
    },
  );

  it.each<[string, () => unknown]>([
    ['its URL secret was deleted meanwhile', () => world.installation.secrets.delete('url-secret')],
    [
      'its endpoint does not answer any more',
      () => Object.assign(world.installation.endpoint, { status: 503 }),
    ],
  ])(
    'one that was killed after its POST and repeated leaves nothing behind although %s',
    async (_why, trouble) => {
      const event = world.installation.event('Create', world.installation.properties());
      // The token, two reads, and the POST.
      const killed = world.installation.killAfter(4);
      void world.installation.invoke(event);
      await killed;
      expect(world.slot).toEqual(wanted);
      world.installation.spare();
      trouble();
      await expect(world.installation.invoke(event)).rejects.toThrow();
      expect(world.slot).toBeUndefined();
    },
  );
});
