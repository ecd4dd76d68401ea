import { REGISTRATION_PROPERTIES as P, REGISTRATION_ATTRIBUTES } from '../../../core/names';
import type { Slot } from '../../../core/rakuten/api/client';
import {
  handleRegistrationEvent,
  physicalIdOf,
  type RegistrationAnswer,
  type RegistrationEvent,
} from '../../../core/registration/events';
import { registerByHand } from '../../../core/registration/operations';
import type { PublisherState } from '../../../core/state/publisher-state';
import { problemOf, SID, SlotRun } from '../../support/slot-run';

type Properties = Record<string, unknown>;

const OTHER_SID = '3900113';
const FOR_EVER = 10_000;
const SECONDS = 1000;
const MINUTES = 60 * SECONDS;
const TRACKER: Slot = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};
const NOT_VERIFIED = 'as before the failed update, not verified';

let world: SlotRun;
let ours: Slot;
beforeEach(() => {
  world = new SlotRun();
  ours = world.ours();
});

const properties = (changes: Properties = {}): Properties => world.installation.properties(changes);
const invoke = (event: RegistrationEvent): Promise<RegistrationAnswer> =>
  world.installation.invoke(event);
const create = (changes: Properties = {}): Promise<RegistrationAnswer> =>
  invoke(world.installation.event('Create', properties(changes)));
const update = (
  from: Properties,
  to: Properties,
  more: Partial<RegistrationEvent> = {},
): Promise<RegistrationAnswer> =>
  invoke(
    world.installation.event('Update', properties(to), {
      OldResourceProperties: properties(from),
      PhysicalResourceId: idIn(from),
      ...more,
    }),
  );
const remove = (
  changes: Properties = {},
  more: Partial<RegistrationEvent> = {},
): Promise<RegistrationAnswer> =>
  invoke(world.installation.event('Delete', properties(changes), more));
const idIn = (changes: Properties): string => physicalIdOf(String(changes[P.sid] ?? SID));
const statusOf = ({ Data }: RegistrationAnswer): string | undefined =>
  Data[REGISTRATION_ATTRIBUTES.status];
const slotOf = (sid: string): Slot | undefined => world.world.rakuten.slots.get(sid);
const stateOf = (sid: string): PublisherState | undefined =>
  world.installation.store.states.get(sid);
const oursAt = (sid: string): Slot => world.ours({ [P.sid]: sid });
const RAKUTEN_IS_DOWN = { status: 503, times: FOR_EVER };
const mend = (): void => world.world.rakuten.faults.clear();
const lastLogs = (): unknown[] =>
  world.world.texts.map((text) =>
    text.startsWith('["') ? (JSON.parse(text) as unknown) : undefined,
  );

describe('an answer', () => {
  it('has the publisher in its id, and tells how it stands', async () => {
    expect(await create({ [P.enabled]: 'false' })).toEqual({
      PhysicalResourceId: 'rakuten-postback-3900112',
      Data: {
        [REGISTRATION_ATTRIBUTES.status]: 'registered, switched off',
        [REGISTRATION_ATTRIBUTES.selfTestP50Millis]: '42',
        [REGISTRATION_ATTRIBUTES.selfTestMaxMillis]: '42',
      },
    });
  });

  it('keeps the id while the publisher stays, whatever it is, and makes one where there is none', async () => {
    await create();
    expect(
      (await update({}, { [P.enabled]: 'false' }, { PhysicalResourceId: 'of an older version' }))
        .PhysicalResourceId,
    ).toBe('of an older version');
    const without = await update({ [P.enabled]: 'false' }, {}, { PhysicalResourceId: undefined });
    expect(without.PhysicalResourceId).toBe('rakuten-postback-3900112');
    expect((await remove({}, { PhysicalResourceId: undefined })).PhysicalResourceId).toBe(
      'rakuten-postback-3900112',
    );
  });

  it('says so where nothing was measured', async () => {
    expect((await create({ [P.selfTest]: 'false' })).Data).toEqual({
      [REGISTRATION_ATTRIBUTES.status]: 'registered, active',
      [REGISTRATION_ATTRIBUTES.selfTestP50Millis]: 'not measured',
      [REGISTRATION_ATTRIBUTES.selfTestMaxMillis]: 'not measured',
    });
  });

  it('to a failure is logged with what was asked and the kind of error only', async () => {
    world.slot = TRACKER;
    await problemOf(create());
    expect(lastLogs()).toContainEqual([
      'request failed',
      { requestType: 'Create', reason: 'RegistrationFailure' },
    ]);
  });
});

describe('a failure that nobody foresaw', () => {
  const LOG = 'if it fails in the same way, look into the log of the registration function.';

  it.each<[string, () => Promise<unknown>, string]>([
    ['a first deployment', () => create(), 'deploy again'],
    ['a removal', () => remove({}), 'delete the stack again'],
  ])('is told with its kind and what to do: of %s', async (_what, work, next) => {
    jest
      .spyOn(world.installation.store, 'readOutcome')
      .mockRejectedValue(new RangeError('out of order'));
    expect((await problemOf(work())).message).toBe(
      `RangeError: out of order. Next step: ${next}; ${LOG}`,
    );
  });
});

describe('who wants the slot', () => {
  const failing = (): void => {
    world.installation.endpoint = { status: 500, millis: 1 };
  };

  it('is not a first deployment that failed', async () => {
    failing();
    await problemOf(create());
    expect(world.state?.owners).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['failed', () => {}],
    [
      'failed, of which nothing was known any more',
      () => void world.installation.store.states.clear(),
    ],
  ])('is still a resource whose update %s', async (_what, forget) => {
    await create();
    forget();
    failing();
    await problemOf(update({}, { [P.fieldList]: '[{"name":"u","field":"u1"}]' }));
    expect([world.slot, world.state?.owners?.length]).toEqual([ours, 1]);
  });
});

describe('a request without a publisher id', () => {
  it.each<[RegistrationEvent['RequestType']]>([['Create'], ['Update']])(
    'to %s is refused, with the property named',
    async (type) => {
      const event = world.installation.event(type, properties({ [P.sid]: '' }), {
        OldResourceProperties: properties(),
      });
      expect((await problemOf(invoke(event))).message).toContain(
        `Property ${P.sid} of the registration is '', not a publisher id`,
      );
      expect(world.world.rakuten.calls).toEqual([]);
    },
  );

  it('to update is remembered as failed, so that its rollback does not get stuck', async () => {
    await create();
    await problemOf(update({}, { [P.sid]: 'abc' }));
    world.fault(RAKUTEN_IS_DOWN);
    const rollback = await update(
      { [P.sid]: 'abc' },
      {},
      { PhysicalResourceId: 'of an older version' },
    );
    expect([statusOf(rollback), world.slot]).toEqual([NOT_VERIFIED, ours]);
    expect(rollback.PhysicalResourceId).toBe('of an older version');
  });

  it('to create is not remembered as a failed update of anything', async () => {
    const event = {
      ...world.installation.event('Create', properties({ [P.sid]: '' })),
      OldResourceProperties: properties(),
    };
    await problemOf(invoke(event));
    expect(world.state).toBeUndefined();
  });

  it('to delete has nothing to do, and waits for nobody', async () => {
    const take = jest.spyOn(world.installation.store, 'acquireLease');
    const answers = [
      await remove({ [P.sid]: '' }, { PhysicalResourceId: 'invented' }),
      await remove({ [P.sid]: '' }, { PhysicalResourceId: undefined }),
    ];
    expect(answers).toEqual([
      { PhysicalResourceId: 'invented', Data: {} },
      { PhysicalResourceId: 'rakuten-postback-none', Data: {} },
    ]);
    expect(take).not.toHaveBeenCalled();
    expect(world.world.rakuten.calls).toEqual([]);
  });
});

describe('a request that comes again', () => {
  it('after it went well is answered the same, without a call', async () => {
    const event = world.installation.event('Create', properties());
    const answer = await invoke(event);
    world.slot = undefined;
    world.world.rakuten.calls.length = 0;
    expect(await invoke(event)).toEqual(answer);
    expect([world.slot, world.world.rakuten.calls]).toEqual([undefined, []]);
  });

  it('after it failed fails for the same reason, although it would go well now', async () => {
    world.slot = TRACKER;
    const event = world.installation.event('Create', properties());
    const { message } = await problemOf(invoke(event));
    world.slot = undefined;
    expect((await problemOf(invoke(event))).message).toBe(message);
    expect(world.slot).toBeUndefined();
  });

  it('while it runs is answered the same, with one effect', async () => {
    const event = world.installation.event('Create', properties());
    const [first, second] = await Promise.all([invoke(event), invoke(event)]);
    expect([second, world.writes()]).toEqual([first, ['POST']]);
  });

  it('is worked through again where its end could not be remembered, which is logged and does not fail it', async () => {
    const event = world.installation.event('Create', properties());
    const write = jest
      .spyOn(world.installation.store, 'writeOutcome')
      .mockRejectedValueOnce(new RangeError('throttled'));
    await invoke(event);
    expect(lastLogs()).toContainEqual(['outcome not remembered', { reason: 'RangeError' }]);
    world.slot = undefined;
    await invoke(event);
    expect([world.slot, write.mock.calls.length]).toEqual([ours, 2]);
  });
});

describe('a request that has to wait for another run', () => {
  const holdFor = (millis: number): Promise<boolean> => world.installation.holdLease(SID, millis);
  const invokeFor = (minutes: number, event: RegistrationEvent): Promise<RegistrationAnswer> =>
    world.installation.invoke(event, minutes);

  it('does its work when two minutes are left', async () => {
    await holdFor(2 * MINUTES);
    await invokeFor(4.1, world.installation.event('Create', properties()));
    expect(world.slot).toEqual(ours);
  });

  it('does not begin what it could not end, and is not remembered as failed: it may come again', async () => {
    const event = world.installation.event('Create', properties());
    await holdFor(2 * MINUTES);
    expect((await problemOf(invokeFor(3.9, event))).message).toContain(
      'SID 3900112: it ended too late for this one to begin',
    );
    expect([world.slot, world.world.rakuten.calls]).toEqual([undefined, []]);
    await invoke(event);
    expect(world.slot).toEqual(ours);
  });

  it('begins although less is left where it had not to wait', async () => {
    await invokeFor(1.9, world.installation.event('Create', properties({ [P.selfTest]: 'false' })));
    expect(world.slot).toEqual(ours);
  });

  it('waits almost to its own end where only the answer is missing', async () => {
    const event = world.installation.event('Create', properties());
    const answer = await invoke(event);
    await holdFor(100 * SECONDS);
    expect(await invokeFor(110 / 60, event)).toEqual(answer);
  });

  it('gives up in time to say so', async () => {
    await holdFor(60 * MINUTES);
    const started = world.world.clock.now();
    expect(
      (await problemOf(invokeFor(3, world.installation.event('Create', properties())))).message,
    ).toContain('it did not end in time');
    const left = started + 3 * MINUTES - world.world.clock.now();
    expect([left >= 5 * SECONDS, left <= 8 * SECONDS]).toEqual([true, true]);
  });

  /**
   * The lease gets lost, as that of a run which stood still for a minute: another has taken over.
   */
  const losingTheLease = async (work: () => Promise<unknown>, renewals = 0): Promise<string> => {
    const { store } = world.installation;
    const renew = store.renewLease.bind(store);
    let left = renewals;
    const spy = jest.spyOn(store, 'renewLease').mockImplementation(async (sid, holder) => {
      left -= 1;
      return left >= 0 && renew(sid, holder);
    });
    const { message } = await problemOf(work());
    spy.mockRestore();
    return message;
  };
  const tooSlow = (): void => {
    world.installation.endpoint = { status: 503, millis: 10 };
  };
  const atWork = (): void => {
    world.installation.endpoint = { status: 200, millis: 10 };
  };

  it('which took over from it: that one decides, and the slow one is not remembered as failed', async () => {
    const event = world.installation.event('Create', properties());
    tooSlow();
    expect(await losingTheLease(() => invoke(event))).toContain(
      'it took over because this one was too slow',
    );
    atWork();
    await invoke(event);
    expect(world.slot).toEqual(ours);
  });

  it('which took over from it and registered: the slow one takes nothing of that back', async () => {
    tooSlow();
    // It has asked for a token, read the slot and written the state.
    await losingTheLease(() => create(), 3);
    // As it stood when it was taken over: accepted for good, wanted by its owner.
    expect(world.state?.accepted.map(({ acceptedUntil }) => acceptedUntil)).toEqual([undefined]);
    expect(world.state?.owners).toHaveLength(1);
  });

  it('which took over from an update: that is not remembered as failed either', async () => {
    await create();
    tooSlow();
    world.slot = undefined;
    await losingTheLease(() => update({}, { [P.enabled]: 'false' }));
    expect(world.state?.failedUpdate).toBeUndefined();
  });

  it('which took over from a Delete: that may come again', async () => {
    await create();
    const event = world.installation.event('Delete', properties());
    world.fault({ operation: 'read', status: 503, times: 7 });
    await losingTheLease(() => invoke(event));
    expect(world.slot).toEqual(ours);
    await invoke(event);
    expect(world.slot).toBeUndefined();
  });

  it('which took over from a rollback: it is not passed off as done', async () => {
    await create();
    world.fault({ operation: 'update', status: 400 });
    await problemOf(update({}, { [P.enabled]: 'false' }));
    tooSlow();
    world.slot = undefined;
    expect(await losingTheLease(() => update({ [P.enabled]: 'false' }, {}))).toContain(
      'it took over because this one was too slow',
    );
  });
});

describe('an update that is taken back', () => {
  /** After an update that failed for this reason, the update back, with Rakuten as it then is. */
  async function takenBack(
    whileFailing: () => void,
    whileRollingBack: () => void,
  ): Promise<RegistrationAnswer> {
    await create();
    whileFailing();
    await problemOf(update({}, { [P.enabled]: 'false' }));
    mend();
    whileRollingBack();
    return update({ [P.enabled]: 'false' }, {});
  }
  const refused = (): void => world.fault({ operation: 'update', status: 400 });
  const notPutBack = (): void => {
    // The change arrives, and from then on nothing does.
    world.fault(
      { operation: 'update', connection: 'drop', afterEffect: true },
      { operation: 'update', skip: 1, status: 503, times: FOR_EVER },
    );
    world.fault({ operation: 'read', skip: 2, status: 503, times: FOR_EVER });
  };
  const down = (): void => world.fault(RAKUTEN_IS_DOWN);
  const taken = (): void => {
    world.slot = TRACKER;
  };

  it('is registered again where that goes well', async () => {
    expect(statusOf(await takenBack(refused, () => {}))).toBe('registered, active');
    expect(world.slot).toEqual(ours);
  });

  it.each<[string, () => void, () => Slot]>([
    ['Rakuten is down', down, () => ours],
    ['somebody took the slot', taken, () => TRACKER],
  ])(
    'ends well although %s, where it had left the slot alone, and says that this is not verified',
    async (_why, trouble, there) => {
      const answer = await takenBack(refused, trouble);
      expect(answer.Data).toEqual({
        [REGISTRATION_ATTRIBUTES.status]: NOT_VERIFIED,
        [REGISTRATION_ATTRIBUTES.selfTestP50Millis]: '42',
        [REGISTRATION_ATTRIBUTES.selfTestMaxMillis]: '42',
      });
      expect(world.slot).toEqual(there());
      expect(lastLogs()).toContainEqual([
        'rolling back: the slot stays as it was before the failed update',
        { sid: SID, reason: expect.stringMatching(/^(RakutenError|SlotTakenError)$/) },
      ]);
    },
  );

  it('is verified where it may have changed the slot: with Rakuten down the rollback fails', async () => {
    await expect(takenBack(notPutBack, down)).rejects.toThrow('could not');
    expect(world.slot).toEqual({ ...ours, active: false });
  });

  it('fails where it may have changed the slot and cannot even begin', async () => {
    await expect(
      takenBack(notPutBack, () => void world.installation.secrets.delete('credentials')),
    ).rejects.toThrow('credentials');
  });

  it('is known as such although the postback was switched off by hand in between', async () => {
    await create();
    await registerByHand(world.installation.ports(), SID, { enabled: false });
    refused();
    await problemOf(update({}, { [P.fieldList]: '[{"name":"u","field":"u1"}]' }));
    mend();
    down();
    expect(statusOf(await update({ [P.fieldList]: '[{"name":"u","field":"u1"}]' }, {}))).toBe(
      NOT_VERIFIED,
    );
    expect(world.slot).toEqual({ ...ours, active: false });
  });

  it('fails where the rollback itself changed the slot and could not put it back', async () => {
    await create();
    refused();
    await problemOf(update({}, { [P.enabled]: 'false' }));
    world.slot = { ...ours, active: false };
    notPutBack();
    await expect(update({ [P.enabled]: 'false' }, {})).rejects.toThrow(
      'could not be put back as it was',
    );
  });

  it('fails as any other where no update had failed', async () => {
    await create();
    down();
    await expect(update({}, { [P.enabled]: 'false' })).rejects.toThrow('Rakuten');
  });

  it('ends well although its own properties cannot be used any more', async () => {
    await create();
    refused();
    await problemOf(update({}, { [P.enabled]: 'false' }));
    world.installation.secrets.delete('credentials');
    expect(statusOf(await update({ [P.enabled]: 'false' }, {}))).toBe(NOT_VERIFIED);
  });
});

describe('an update to another publisher id', () => {
  const MOVED = { [P.sid]: OTHER_SID };

  it('registers the new one under a new id; the Delete of the old one follows', async () => {
    await create();
    expect((await update({}, MOVED)).PhysicalResourceId).toBe('rakuten-postback-3900113');
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, oursAt(OTHER_SID)]);
    await remove();
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, oursAt(OTHER_SID)]);
  });

  it('that fails leaves nothing at the new one', async () => {
    await create();
    world.fault({ operation: 'read', skip: 1, status: 400 });
    await problemOf(update({}, MOVED));
    expect([slotOf(SID), slotOf(OTHER_SID), stateOf(OTHER_SID)?.owners]).toEqual([
      ours,
      undefined,
      [],
    ]);
  });

  describe('that fails and leaves its URL in the new slot', () => {
    beforeEach(async () => {
      await create();
      world.fault(
        { operation: 'create', connection: 'drop', afterEffect: true },
        { operation: 'read', skip: 2, status: 400, times: FOR_EVER },
      );
      expect((await problemOf(update({}, MOVED))).message).toContain('could not be put back');
      expect(slotOf(OTHER_SID)).toEqual(oursAt(OTHER_SID));
      mend();
    });
    const rollBack = (): Promise<RegistrationAnswer> =>
      update(MOVED, {}, { PhysicalResourceId: idIn({}) });

    it('is rolled back, which takes that out', async () => {
      expect(statusOf(await rollBack())).toBe('registered, active');
      expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, undefined]);
    });

    it('is rolled back although somebody took the old slot, which it never touched', async () => {
      world.slot = TRACKER;
      expect(statusOf(await rollBack())).toBe(NOT_VERIFIED);
      expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([TRACKER, undefined]);
    });

    it('is rolled back when Rakuten works again, as its URL cannot be taken out before', async () => {
      world.fault(RAKUTEN_IS_DOWN);
      expect((await problemOf(rollBack())).message).toContain(
        'The postback of SID 3900113 was not removed at Rakuten',
      );
      mend();
      await rollBack();
      expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, undefined]);
    });
  });

  it('that fails because the new slot is taken leaves both alone', async () => {
    await create();
    world.world.rakuten.slots.set(OTHER_SID, TRACKER);
    await problemOf(update({}, MOVED));
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, TRACKER]);
  });

  it('is rolled back by an update to the first, which finds it as it was; the Delete of the second follows', async () => {
    await create();
    await update({}, MOVED);
    world.world.rakuten.calls.length = 0;
    const answer = await update(MOVED, {});
    expect([answer.PhysicalResourceId, statusOf(answer), world.writes()]).toEqual([
      'rakuten-postback-3900112',
      'registered, active',
      [],
    ]);
    await remove(MOVED);
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, undefined]);
  });

  it('is rolled back although Rakuten is down: the first was not given up', async () => {
    await create();
    await update({}, MOVED);
    world.fault(RAKUTEN_IS_DOWN);
    expect(statusOf(await update(MOVED, {}))).toBe(NOT_VERIFIED);
    expect(slotOf(SID)).toEqual(ours);
  });

  it('is no rollback where the first was given up: with Rakuten down it fails', async () => {
    await create();
    await update({}, MOVED);
    await remove();
    world.fault(RAKUTEN_IS_DOWN);
    await expect(update(MOVED, {})).rejects.toThrow('Rakuten');
  });

  it('is no rollback where the first is of another resource', async () => {
    await create();
    await invoke(
      world.installation.event('Create', properties(MOVED), { LogicalResourceId: 'Other' }),
    );
    world.fault(RAKUTEN_IS_DOWN);
    await expect(update({}, MOVED)).rejects.toThrow('Rakuten');
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, oursAt(OTHER_SID)]);
  });

  it('whose id is that of the new one already removes the old one itself, as no Delete will follow', async () => {
    await create();
    const answer = await update({}, MOVED, { PhysicalResourceId: idIn(MOVED) });
    expect([answer.PhysicalResourceId, slotOf(SID), slotOf(OTHER_SID)]).toEqual([
      idIn(MOVED),
      undefined,
      oursAt(OTHER_SID),
    ]);
    expect(stateOf(SID)?.owners).toEqual([]);
  });

  it('whose id is that of the new one leaves the old one alone where another resource wants it', async () => {
    await invoke(world.installation.event('Create', properties(), { LogicalResourceId: 'Other' }));
    await update({}, MOVED, { PhysicalResourceId: idIn(MOVED) });
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([ours, oursAt(OTHER_SID)]);
  });
});

describe('a Delete', () => {
  it('names the publisher in its id as well: what was left there by a failed move goes too', async () => {
    await create();
    await create({ [P.sid]: OTHER_SID });
    const answer = await remove({}, { PhysicalResourceId: idIn({ [P.sid]: OTHER_SID }) });
    expect(answer).toEqual({ PhysicalResourceId: 'rakuten-postback-3900113', Data: {} });
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, undefined]);
  });

  it('that could not take out what was left by a failed move does so when it is made again', async () => {
    await create();
    await create({ [P.sid]: OTHER_SID });
    world.fault({ operation: 'delete', skip: 1, status: 400 });
    const more = { PhysicalResourceId: idIn({ [P.sid]: OTHER_SID }) };
    await problemOf(remove({}, more));
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, oursAt(OTHER_SID)]);
    await remove({}, more);
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, undefined]);
  });

  it('leaves the publisher in its id alone where it was retained', async () => {
    await create();
    await create({ [P.sid]: OTHER_SID });
    await remove({ [P.sid]: OTHER_SID, [P.onRemoval]: 'RETAIN' });
    await remove({}, { PhysicalResourceId: idIn({ [P.sid]: OTHER_SID }) });
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, oursAt(OTHER_SID)]);
  });

  it('leaves the publisher in its id alone where another resource wants that', async () => {
    await create();
    await invoke(
      world.installation.event('Create', properties({ [P.sid]: OTHER_SID }), {
        LogicalResourceId: 'Other',
      }),
    );
    await remove({}, { PhysicalResourceId: idIn({ [P.sid]: OTHER_SID }) });
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, oursAt(OTHER_SID)]);
  });

  it('may name a publisher in its id that nothing is known of', async () => {
    await create();
    await remove({}, { PhysicalResourceId: idIn({ [P.sid]: OTHER_SID }) });
    expect([world.slot, stateOf(OTHER_SID)]).toEqual([undefined, undefined]);
  });

  it('waits for whoever works on the publisher in its id, and keeps a minute for what it has to do then', async () => {
    await create();
    await create({ [P.sid]: OTHER_SID });
    const { clock } = world.world;
    const end = clock.now() + 8 * MINUTES;
    await world.installation.holdLease(OTHER_SID, 8 * MINUTES);
    expect(
      (await problemOf(remove({}, { PhysicalResourceId: idIn({ [P.sid]: OTHER_SID }) }))).message,
    ).toContain('SID 3900113');
    expect(Math.round((end - clock.now()) / MINUTES)).toBe(1);
  });

  it('with an invented id that holds a number removes its own publisher only', async () => {
    await create();
    await create({ [P.sid]: OTHER_SID });
    const read = jest.spyOn(world.installation.store, 'readState');
    await remove({}, { PhysicalResourceId: `xxxxxxxxxxxxxxxxx${OTHER_SID}` });
    expect([slotOf(SID), slotOf(OTHER_SID)]).toEqual([undefined, oursAt(OTHER_SID)]);
    expect(new Set(read.mock.calls.flat())).toEqual(new Set([SID]));
  });

  it('by RETAIN calls nobody, and gives the publisher up', async () => {
    await create();
    world.world.rakuten.calls.length = 0;
    world.installation.secrets.clear();
    await remove({ [P.onRemoval]: 'RETAIN' });
    expect([
      world.slot,
      world.world.rakuten.calls,
      world.state?.owners,
      world.state?.properties,
    ]).toEqual([ours, [], [], undefined]);
    expect(world.world.texts.join()).not.toContain('as another resource');
  });

  it('leaves the slot to another resource of the stack that wants it, and logs why', async () => {
    await create();
    await invoke(world.installation.event('Create', properties(), { LogicalResourceId: 'Other' }));
    await remove();
    expect([world.slot, world.state?.owners?.length, world.state?.properties?.[P.sid]]).toEqual([
      ours,
      1,
      SID,
    ]);
    expect(lastLogs()).toContainEqual([
      'kept, as another resource of the stack wants it',
      { sid: SID },
    ]);
  });

  it('logs what it did', async () => {
    await create();
    await remove();
    expect(lastLogs()).toContainEqual(['removal', { sid: SID, removal: 'removed' }]);
  });

  it('whose properties cannot be read goes by what was registered', async () => {
    world.slot = TRACKER;
    await create({ [P.existingPostback]: 'REPLACE', [P.onRemoval]: 'DELETE' });
    await remove({ [P.enabled]: 'perhaps', [P.onRemoval]: 'RESTORE' });
    expect(world.slot).toBeUndefined();
  });

  it('of which nothing can be read and nothing is known has nothing to do, and logs that', async () => {
    world.slot = TRACKER;
    await remove({ [P.enabled]: 'perhaps' });
    expect([world.slot, world.calls()]).toEqual([TRACKER, []]);
    expect(lastLogs()).toContainEqual([
      'nothing was ever registered, so nothing is removed',
      { sid: SID, reason: 'PropertyError' },
    ]);
  });

  it('of which nothing can be read of a first deployment that failed says so', async () => {
    world.installation.endpoint = { status: 500, millis: 1 };
    await problemOf(create());
    expect((await problemOf(remove({ [P.enabled]: 'perhaps' }))).message).toContain(
      `Property ${P.enabled} of the registration is 'perhaps'`,
    );
  });

  it('of what never was ends well although Rakuten is down', async () => {
    world.fault(RAKUTEN_IS_DOWN);
    expect(await remove()).toEqual({ PhysicalResourceId: idIn({}), Data: {} });
  });

  it('of which only a failed update is known ends well although Rakuten is down, without waiting for itself', async () => {
    await problemOf(update({}, { [P.enabled]: 'perhaps' }));
    expect(world.state?.failedUpdate).toBeDefined();
    world.fault({ operation: 'token', status: 400, times: FOR_EVER });
    const began = world.world.clock.now();
    await remove();
    expect(world.world.clock.now() - began).toBeLessThan(SECONDS);
  });

  it('of what never was fails where another run may be registering it at this moment', async () => {
    jest.spyOn(world.installation.store, 'renewLease').mockResolvedValue(false);
    world.fault({ operation: 'read', status: 503, times: FOR_EVER });
    expect((await problemOf(remove())).message).toContain(
      'it took over because this one was too slow',
    );
  });

  it('that fails says what stays and how to go on without it; the publisher is given up all the same', async () => {
    await create();
    world.fault({ operation: 'delete', status: 400, times: FOR_EVER });
    const { message } = await problemOf(remove());
    expect(message).toMatch(
      /^Rakuten: could not delete the postback .* The postback of SID 3900112 was not removed at Rakuten\. To go on without removing it, delete the stack again and keep \(retain\) this resource\.$/,
    );
    expect([world.slot, world.state?.owners, world.state?.properties]).toEqual([
      ours,
      [],
      undefined,
    ]);
    mend();
    await remove();
    expect(world.slot).toBeUndefined();
  });

  it('leaves a few seconds of its time to say that it failed', async () => {
    await create();
    world.fault({ operation: 'delete', connection: 'drop', times: FOR_EVER });
    const end = world.world.clock.now() + MINUTES;
    await problemOf(
      handleRegistrationEvent(
        world.installation.ports(),
        world.installation.event('Delete', properties()),
        end,
      ),
    );
    expect(end - world.world.clock.now()).toBeGreaterThanOrEqual(5 * SECONDS);
  });
});
