import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { Slot } from '../../../core/rakuten/api/client';
import { markFor } from '../../../core/registration/state';
import { type Removal, unregister } from '../../../core/registration/unregister';
import type { PublisherState } from '../../../core/state/publisher-state';
import type { Fault } from '../../../fake-rakuten';
import { CREDENTIALS } from '../../support/registration-world';
import { kindOf, OWNER, problemOf, SID, SlotRun } from '../../support/slot-run';

type Rule = 'DELETE' | 'DISABLE' | 'RESTORE';

const FOR_EVER = 10_000;
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
const FIELDS = [
  { name: 'is_event', field: 'is_event' },
  { name: 'etransaction_id', field: 'etransaction_id' },
  { name: 'sale_amount', field: 'sale_amount' },
] as const;

let world: SlotRun;
let ours: Slot;
beforeEach(() => {
  world = new SlotRun();
  ours = world.ours();
});

const now = (): number => world.world.clock.now();
const previously = (slot: Slot | undefined): Partial<PublisherState> =>
  slot === undefined ? {} : { previousUrl: slot.url, previousActive: slot.active };

/** As a registration leaves it. */
async function registered(more: Partial<PublisherState> = {}): Promise<PublisherState> {
  const accepted = [{ ...markFor(world.secret(), FIELDS), fields: FIELDS }];
  const properties = { [P.sid]: SID };
  const state: PublisherState = { sid: SID, accepted, owners: [OWNER], properties, ...more };
  world.installation.store.seed(state);
  return state;
}

const remove = async (rule: Rule): Promise<Removal> => unregister(await world.open(), rule);

describe('the URL to restore', () => {
  it('comes back out of Secrets Manager', async () => {
    const versionId = await (await world.open()).ports.saveSecretVersion(
      'url-secret',
      PAUSED.url,
      'PREVIOUS_SLOT',
    );
    const shown = { host: 'tracker.example', fields: ['u1' as const] };
    await registered({
      previousSlot: { versionId, label: 'PREVIOUS_SLOT', active: false, ...shown },
    });
    world.slot = ours;
    expect(await remove('RESTORE')).toBe('restored');
    expect([world.slot, world.state?.previousSlot]).toEqual([PAUSED, undefined]);
  });

  it('that was in an earlier URL secret of the publisher, which is gone, does not stop the removal; the log names it', async () => {
    const shown = { host: 'tracker.example', fields: ['u1' as const] };
    await registered({
      previousSlot: {
        secret: 'former-secret',
        versionId: 'gone',
        label: 'PREVIOUS_SLOT',
        active: true,
        ...shown,
      },
    });
    world.slot = ours;
    expect(await remove('RESTORE')).toBe('removed');
    expect([world.slot, world.state?.previousSlot]).toEqual([undefined, undefined]);
    expect(world.world.texts).toContain(
      JSON.stringify([
        'the URL to restore was in a URL secret that the publisher no longer has: ours is removed, nothing is restored',
        { sid: SID, host: 'tracker.example', fields: 'u1', reason: 'Error' },
      ]),
    );
  });

  it.each(['credentials', 'url-secret'])(
    'is never the text of credentials, whatever the state names: in the secret %s',
    async (secret) => {
      const versionId = await (await world.open()).ports.saveSecretVersion(
        secret,
        CREDENTIALS,
        'PREVIOUS_SLOT',
      );
      await registered({
        previousSlot: {
          secret,
          versionId,
          label: 'PREVIOUS_SLOT',
          active: true,
          host: undefined,
          fields: [],
        },
      });
      world.slot = ours;
      await remove('RESTORE').catch(() => undefined);
      expect([undefined, ours]).toContainEqual(world.slot);
      expect(world.world.rakuten.calls.filter(({ method }) => method === 'PUT')).toEqual([]);
    },
  );

  it('that cannot be read stops the removal before ours is gone, with what to do; DELETE does without it', async () => {
    const previousSlot = {
      versionId: 'gone',
      label: 'PREVIOUS_SLOT',
      active: true,
      host: 'tracker.example',
      fields: [],
    };
    await registered({ previousSlot });
    world.slot = ours;
    await expect(remove('RESTORE')).rejects.toThrow(
      /^The URL that the slot of SID 3900112 had before \(tracker\.example\) cannot be read.*the version gone of the secret url-secret\. Next step: .*--rule DELETE/,
    );
    expect([world.slot, world.writes(), world.state?.previousSlot]).toEqual([
      ours,
      [],
      previousSlot,
    ]);
    expect(await remove('DELETE')).toBe('removed');
  });
});

describe('our URL in the slot', () => {
  it.each<[Rule, string, Slot | undefined, () => Slot | undefined, string, Removal]>([
    ['DELETE', 'nothing was there before', undefined, () => undefined, 'DELETE', 'removed'],
    ['DELETE', 'a tracker was there before', TRACKER, () => undefined, 'DELETE', 'removed'],
    ['RESTORE', 'nothing was there before', undefined, () => undefined, 'DELETE', 'removed'],
    ['RESTORE', 'a tracker was there before', TRACKER, () => TRACKER, 'PUT', 'restored'],
    [
      'RESTORE',
      'a tracker that was switched off was there before',
      PAUSED,
      () => PAUSED,
      'PUT',
      'restored',
    ],
    [
      'DISABLE',
      'nothing was there before',
      undefined,
      () => ({ ...ours, active: false }),
      'PUT',
      'switched off',
    ],
    [
      'DISABLE',
      'a tracker was there before',
      TRACKER,
      () => ({ ...ours, active: false }),
      'PUT',
      'switched off',
    ],
  ])('goes by %s where %s', async (rule, _what, previous, after, method, removal) => {
    await registered(previously(previous));
    world.slot = ours;
    expect(await remove(rule)).toBe(removal);
    expect([world.slot, world.writes()]).toEqual([after(), [method]]);
    // What came back or was given up is forgotten; what still waits to come back is not.
    expect([world.state?.previousUrl, world.state?.previousActive]).toEqual(
      rule === 'DISABLE' ? [previous?.url, previous?.active] : [undefined, undefined],
    );
  });

  it.each<[Rule, Removal]>([
    ['DELETE', 'nothing to do'],
    ['RESTORE', 'nothing to do'],
    ['DISABLE', 'switched off'],
  ])('changes nothing more when %s is asked for again', async (rule, removal) => {
    await registered(previously(TRACKER));
    world.slot = ours;
    await remove(rule);
    const [slot, state, writes] = [world.slot, world.state, world.writes()];
    expect(await remove(rule)).toBe(removal);
    expect([world.slot, world.state, world.writes()]).toEqual([slot, state, writes]);
  });

  it('is taken for an hour more; nothing else is left of the registration but who wants it', async () => {
    const { accepted } = await registered({
      ...previously(TRACKER),
      failedUpdate: { from: 'a', to: 'b', slotUntouched: true },
      unsettled: true,
      leaving: { owner: OWNER, properties: {} },
      selfTest: { p50Millis: 42, maxMillis: 44, at: '2026-02-28T12:00:00.000Z' },
    });
    world.slot = ours;
    await remove('RESTORE');
    expect(world.state).toEqual({
      sid: SID,
      accepted: accepted.map((entry) => ({
        ...entry,
        acceptedUntil: new Date(now() + 60 * 60_000).toISOString(),
      })),
      owners: [OWNER],
      selfTest: { p50Millis: 42, maxMillis: 44, at: '2026-02-28T12:00:00.000Z' },
    });
  });

  it.each<[string, () => Slot]>([
    ['with a secret of an earlier registration', () => world.ours({}, 'an-earlier-secret-0123')],
    [
      'with an endpoint of an earlier registration',
      () => ({ ...ours, url: ours.url.replace('stack-', 'former-') }),
    ],
    [
      'at our endpoint, without any secret',
      () => ({ url: world.installation.endpointUrl, active: true }),
    ],
    ['switched off', () => ({ ...ours, active: false })],
  ])('is known %s', async (_how, there) => {
    await registered({
      accepted: [world.secret(), 'an-earlier-secret-0123'].map((secret) => ({
        ...markFor(secret, FIELDS),
        fields: FIELDS,
      })),
    });
    world.slot = there();
    expect(await remove('DELETE')).toBe('removed');
    expect(world.slot).toBeUndefined();
  });

  it('is known by what the state says when its secret is gone, which is logged', async () => {
    await registered();
    world.slot = ours;
    world.installation.secrets.delete('url-secret');
    expect(await remove('DELETE')).toBe('removed');
    expect(world.slot).toBeUndefined();
    expect(world.world.texts).toContain(
      JSON.stringify([
        'the URL secret cannot be read; going on with what the state knows',
        { sid: SID, reason: 'Error' },
      ]),
    );
  });

  it('is known by its secret when the state is gone', async () => {
    world.slot = world.ours({ [P.endpointUrl]: 'https://former.example/postback' });
    expect(await remove('RESTORE')).toBe('removed');
    expect(world.slot).toBeUndefined();
  });

  it('is known by the endpoint when secret and state are gone', async () => {
    world.slot = ours;
    world.installation.secrets.delete('url-secret');
    expect(await remove('RESTORE')).toBe('removed');
    expect(world.slot).toBeUndefined();
  });
});

describe('a slot that is not ours', () => {
  it.each<[string, () => Slot | undefined]>([
    ['nothing', () => undefined],
    ['a tracker', () => ELSEWHERE],
    ['another installation of this construct', () => OTHER_STACK],
    [
      'our endpoint under the secret of a stack that took our domain over',
      () => world.ours({}, 'the-secret-of-the-heir'),
    ],
  ])('stays as it is: %s; what was there before ours stays remembered', async (_what, there) => {
    await registered(previously(TRACKER));
    const before = there();
    world.slot = before;
    for (const rule of ['DELETE', 'RESTORE', 'DISABLE'] as const)
      expect(await remove(rule)).toBe('nothing to do');
    expect([world.slot, world.writes()]).toEqual([before, []]);
    expect([world.state?.previousUrl, world.state?.properties]).toEqual([TRACKER.url, undefined]);
  });

  it('is not taken for ours at the endpoint of another, though secret and state are gone', async () => {
    world.slot = OTHER_STACK;
    world.installation.secrets.delete('url-secret');
    expect(await remove('DELETE')).toBe('nothing to do');
    expect(world.slot).toEqual(OTHER_STACK);
  });

  it.each([1, 3])(
    'is looked at longer after a registration that was cut off: its write may show late, by %d reads',
    async (lag) => {
      await registered({ unsettled: true });
      world.world.rakuten.behaviour.staleReads = lag;
      world.slot = ours;
      world.world.rakuten.behaviour.staleReads = 0;
      expect(await remove('DELETE')).toBe('removed');
      expect(world.slot).toBeUndefined();
    },
  );

  it('is looked at once where everything ended well', async () => {
    await registered();
    await remove('DELETE');
    expect(world.calls()).toEqual(['GET']);
  });

  it.each<[string, Slot | undefined]>([
    ['another URL', ELSEWHERE],
    ['nothing', undefined],
  ])(
    'stays when %s takes the place of ours during the removal, which then has restored nothing',
    async (_what, there) => {
      await registered(previously(TRACKER));
      world.slot = ours;
      world.after('GET', 1, () => {
        world.slot = there;
      });
      expect(await remove('RESTORE')).toBe('nothing to do');
      expect([world.slot, world.writes()]).toEqual([there, []]);
      expect([world.state?.previousUrl, world.state?.properties]).toEqual([TRACKER.url, undefined]);
    },
  );
});

describe('a removal that fails', () => {
  it.each<[string, Rule, Fault, string]>([
    ['the slot cannot be read', 'DELETE', { operation: 'read', status: 400 }, 'refused'],
    ['the DELETE is refused', 'DELETE', { operation: 'delete', status: 400 }, 'refused'],
    ['the PUT is refused', 'RESTORE', { operation: 'update', status: 400 }, 'refused'],
    ['Rakuten is down', 'DISABLE', { operation: 'update', status: 503 }, 'uncertain'],
    ['no answer comes', 'DELETE', { operation: 'delete', connection: 'hang' }, 'uncertain'],
  ])(
    'because %s leaves slot and state as they were, and can be made again',
    async (_why, rule, fault, kind) => {
      const state = await registered(previously(TRACKER));
      world.slot = ours;
      world.fault({ ...fault, times: FOR_EVER });
      expect(kindOf(await problemOf(remove(rule)))).toBe(kind);
      expect([world.slot, world.state]).toEqual([ours, state]);
      world.world.rakuten.faults.clear();
      expect(await unregister(await world.open(60 * 60_000), rule)).not.toBe('nothing to do');
    },
  );

  it('because the state cannot be written has taken the URL out, and finds it out when it is made again', async () => {
    await registered(previously(TRACKER));
    world.slot = ours;
    const write = jest
      .spyOn(world.installation.store, 'writeState')
      .mockRejectedValue(new Error('throttled'));
    expect((await problemOf(remove('RESTORE'))).message).toBe('throttled');
    expect(world.slot).toEqual(TRACKER);
    write.mockRestore();
    expect(await remove('RESTORE')).toBe('nothing to do');
    expect([world.slot, world.state?.properties]).toEqual([TRACKER, undefined]);
  });

  it('leaves the time that is kept for others', async () => {
    await registered();
    world.slot = ours;
    world.fault({ operation: 'delete', connection: 'drop', times: FOR_EVER });
    const run = await world.open(30_000, 10_000);
    expect(kindOf(await problemOf(unregister(run, 'DELETE')))).toBe('uncertain');
    expect(world.elapsedMillis()).toBeLessThan(20_000);
  });
});
