import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import {
  failedUpdateThatThisReverts,
  rememberFailedUpdate,
} from '../../../core/registration/failed-update';
import { withLease } from '../../../core/registration/lease';
import { parseProperties } from '../../../core/registration/properties';
import type { PublisherState } from '../../../core/state/publisher-state';
import { Installation, World } from '../../support/registration-world';

type Properties = Record<string, unknown>;

const SID = '3900112';
const OTHER_SID = '3900113';

let world: World;
let installation: Installation;
let before: Properties;
let after: Properties;
beforeEach(() => {
  world = new World();
  installation = new Installation(world);
  before = installation.properties();
  after = installation.properties({ [P.enabled]: 'false' });
});

const state = (sid = SID): PublisherState | undefined => installation.store.states.get(sid);
const known = (more: Partial<PublisherState> = {}): void =>
  installation.store.seed({ sid: SID, accepted: [], ...more });
const failed = (
  from: Properties | undefined,
  to: Properties,
  slotUntouched = true,
): Promise<void> =>
  rememberFailedUpdate(
    { OldResourceProperties: from, ResourceProperties: to },
    slotUntouched,
    installation.ports().log,
    (sid, work) => withLease(installation.ports(), sid, Number.POSITIVE_INFINITY, work),
  );
/**
 * The update from one to the other: does it take a failed one back, and if so, did that leave the
 * slot alone?
 */
const reverts = async (
  from: Properties | undefined,
  to: Properties,
): Promise<boolean | undefined> =>
  (
    await failedUpdateThatThisReverts(installation.ports(), {
      OldResourceProperties: from,
      ResourceProperties: to,
    })
  )?.slotUntouched;
const withToken = (properties: Properties): Properties => ({
  ...properties,
  ServiceToken: 'arn:another',
  ServiceTimeout: '60',
});
const reversed = (properties: Properties): Properties =>
  Object.fromEntries(Object.entries(properties).reverse());

describe('an update that failed', () => {
  it.each([true, false])(
    'is known by the one that takes it back, with whether it left the slot alone: %p',
    async (slotUntouched) => {
      await failed(before, after, slotUntouched);
      expect(await reverts(after, before)).toBe(slotUntouched);
    },
  );

  it('is remembered beside what else is known of the publisher, or of one that is not known yet', async () => {
    await known({ owners: ['one'] });
    await failed(before, after);
    expect(state()).toEqual({
      sid: SID,
      accepted: [],
      owners: ['one'],
      failedUpdate: { from: expect.any(String), to: expect.any(String), slotUntouched: true },
    });
    await failed(installation.properties({ [P.sid]: OTHER_SID }), after);
    expect(state(OTHER_SID)).toEqual({
      sid: OTHER_SID,
      accepted: [],
      failedUpdate: expect.any(Object),
    });
  });

  it('is remembered by its hashes only', async () => {
    await failed(before, after);
    expect(JSON.stringify(state())).not.toContain('credentials');
    expect(state()?.failedUpdate?.from).toMatch(/^[0-9a-f]{64}$/);
  });

  it('to another SID is looked for at the old one, which the reverting update is about', async () => {
    const moved = installation.properties({ [P.sid]: OTHER_SID });
    await failed(before, moved);
    expect([state()?.failedUpdate, state(OTHER_SID)]).toEqual([expect.any(Object), undefined]);
    expect(await reverts(moved, before)).toBe(true);
  });

  it.each<[string, () => [Properties | undefined, Properties]]>([
    ['the same update again', () => [before, after]],
    ['back from another one', () => [installation.properties({ [P.selfTest]: 'false' }), before]],
    ['on to another one', () => [after, installation.properties({ [P.selfTest]: 'false' })]],
    ['an update that changes nothing', () => [before, before]],
    ['one that changes only what CloudFormation adds', () => [before, withToken(before)]],
    ['the same without old properties', () => [undefined, before]],
  ])('is not taken back by %s', async (_what, update) => {
    await known({ owners: ['one'] });
    await failed(before, after);
    expect(await reverts(...update())).toBeUndefined();
  });

  it('that changes only what CloudFormation adds is not told from the one that takes it back, so neither counts as that', async () => {
    await failed(before, withToken(before));
    expect(await reverts(withToken(before), before)).toBeUndefined();
  });

  it('is known whatever the order of the properties, their types and what CloudFormation adds', async () => {
    await failed(
      { ...withToken(before), [P.enabled]: true },
      reversed({ ...after, [P.enabled]: false }),
    );
    expect(await reverts(withToken(after), reversed(before))).toBe(true);
  });

  it('is not one that is told apart by what stands beside another property', async () => {
    await failed({ ...before, A: 'b', C: '' }, after);
    expect(await reverts(after, { ...before, A: '', C: 'b' })).toBeUndefined();
  });

  it('without a SID before it is not remembered, as there was nothing', async () => {
    for (const nothing of [undefined, {}, { [P.sid]: 'none' }]) await failed(nothing, after);
    expect([...installation.store.states]).toEqual([]);
  });

  it('that cannot be remembered is logged, and does not hide why it failed', async () => {
    jest.spyOn(installation.store, 'writeState').mockRejectedValue(new RangeError('throttled'));
    await failed(before, after);
    expect(world.texts).toEqual([
      JSON.stringify(['failed update not remembered', { sid: SID, reason: 'RangeError' }]),
    ]);
  });
});

describe('an update that failed and could not be remembered', () => {
  const registered = (properties: Properties, more: Partial<PublisherState> = {}): void =>
    known({ properties: parseProperties(properties).raw, ...more });

  it.each([
    [undefined, true],
    [true, false],
  ])(
    'shows: what is wanted stands, what CloudFormation takes for the state before never did (unsettled: %p)',
    async (unsettled, untouched) => {
      await registered(before, { unsettled });
      expect(await reverts(withToken(after), withToken(before))).toBe(untouched);
    },
  );

  it('shows though its properties could not even be read', async () => {
    await registered(before);
    expect(await reverts({ ...before, [P.enabled]: 'perhaps' }, before)).toBe(true);
  });

  it.each<[string, Properties, Properties]>([
    ['what is wanted does not stand', { [P.enabled]: 'false' }, { [P.selfTest]: 'false' }],
    ['what was before stands', {}, { [P.enabled]: 'false' }],
    ['what was before is of another SID', { [P.sid]: OTHER_SID }, {}],
    ['what is wanted cannot be read', {}, { [P.enabled]: 'perhaps' }],
  ])('does not show where %s', async (_why, from, to) => {
    await registered(before);
    expect(await reverts({ ...before, ...from }, { ...before, ...to })).toBeUndefined();
  });

  it('does not show where nothing was registered, or nothing is known', async () => {
    expect(await reverts(after, before)).toBeUndefined();
    await known();
    expect(await reverts(after, before)).toBeUndefined();
  });

  it.each(['', 'none'])('does not show to one without a SID (%p)', async (sid) => {
    await registered(before);
    const read = jest.spyOn(installation.store, 'readState');
    expect(await reverts(after, { ...before, [P.sid]: sid })).toBeUndefined();
    expect(read).not.toHaveBeenCalled();
  });

  it('is not guessed at where the state cannot be read', async () => {
    jest.spyOn(installation.store, 'readState').mockRejectedValue(new Error('throttled'));
    await expect(reverts(after, before)).rejects.toThrow('throttled');
  });
});
