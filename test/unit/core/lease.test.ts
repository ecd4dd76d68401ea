import type { HttpResponse } from '../../../core/rakuten/api/http';
import { SlotBusyError, withLease } from '../../../core/registration/lease';
import type { LeasedPorts, RegistrationPorts } from '../../../core/registration/ports';
import { Installation, World } from '../../support/registration-world';
import { problemOf } from '../../support/slot-run';

const SID = '3900112';
const SECONDS = 1000;
const FOR_EVER = Number.POSITIVE_INFINITY;

let world: World;
let installation: Installation;
let ports: RegistrationPorts;
beforeEach(() => {
  world = new World();
  installation = new Installation(world);
  ports = { ...installation.ports(), send: async () => ({}) as HttpResponse };
});

const startedAt = new World().clock.now();
const elapsedSeconds = (): number => (world.clock.now() - startedAt) / SECONDS;
const work = <T>(what: (leased: LeasedPorts) => Promise<T>, waitUntil = FOR_EVER): Promise<T> =>
  withLease(ports, SID, waitUntil, what);
/** Somebody else, who holds the slot from now on for so long. */
const holdFor = (seconds: number, holder = 'somebody'): Promise<boolean> =>
  installation.holdLease(SID, seconds * SECONDS, holder);

describe('work on a slot', () => {
  it('begins at once where nobody is at it, and brings its result', async () => {
    expect(await work(async () => 'done')).toBe('done');
    expect(elapsedSeconds()).toBe(0);
  });

  it('keeps others out while it runs, and lets them in when it has ended', async () => {
    expect(await work(() => holdFor(90))).toBe(false);
    expect(await holdFor(90)).toBe(true);
  });

  it('lets others in when it has failed, with its own error', async () => {
    expect(
      (await problemOf(work(() => Promise.reject(new Error('the work failed'))))).message,
    ).toBe('the work failed');
    expect(await holdFor(90)).toBe(true);
  });

  it('on another slot runs beside it', async () => {
    await work(() => withLease(ports, '3900113', startedAt, async () => {}));
    expect(elapsedSeconds()).toBe(0);
  });

  it('waits until the other has ended, and looks every two seconds', async () => {
    await holdFor(5);
    await work(async () => {});
    expect(elapsedSeconds()).toBe(6);
  });

  it('waits 46 seconds for one that was killed', async () => {
    void work(() => new Promise(() => {}));
    await world.clock.sleep(0);
    await work(async () => {});
    expect(elapsedSeconds()).toBe(46);
  });

  it.each([
    [10, 8],
    [9, 8],
    [2, 0],
    [0, 0],
  ])(
    'gives up where it may wait for %d s only, rather than to come too late',
    async (seconds, after) => {
      await holdFor(90);
      const begun = jest.fn();
      const problem = await problemOf(work(begun, startedAt + seconds * SECONDS));
      expect(problem).toBeInstanceOf(SlotBusyError);
      expect([problem.name, problem.message]).toEqual([
        'SlotBusyError',
        'Another run works on the postback slot of SID 3900112: it did not end in time. Nothing more was changed by this one. Next step: wait until it has ended and try again.',
      ]);
      expect([elapsedSeconds(), begun.mock.calls]).toEqual([after, []]);
      // Nor does it take the lease of the other away.
      expect(await holdFor(1, 'a third')).toBe(false);
    },
  );

  it('ends well although the lease cannot be given back, which only makes the next one wait', async () => {
    jest.spyOn(installation.store, 'releaseLease').mockRejectedValue(new RangeError('throttled'));
    expect(await work(async () => 'done')).toBe('done');
    expect(world.texts).toEqual([
      JSON.stringify(['lease not given back', { sid: SID, reason: 'RangeError' }]),
    ]);
  });

  it('does not begin where the lease cannot be asked for', async () => {
    jest.spyOn(installation.store, 'acquireLease').mockRejectedValue(new Error('throttled'));
    const begun = jest.fn();
    expect((await problemOf(work(begun))).message).toBe('throttled');
    expect(begun).not.toHaveBeenCalled();
  });
});

describe('work that takes its time', () => {
  const DOINGS: [string, (leased: LeasedPorts) => Promise<unknown>][] = [
    ['calls Rakuten', (leased) => leased.send({} as never)],
    ['sends a probe', (leased) => leased.probe('https://endpoint.example/?probe=1', 5_000)],
    ['waits for more than ten seconds', (leased) => leased.clock.sleep(10_001)],
    ['writes the state', (leased) => leased.store.writeState({ sid: SID, accepted: [] })],
    [
      'remembers an outcome',
      (leased) => leased.store.writeOutcome('request', { succeeded: false, message: '' }, 0),
    ],
  ];
  /** Another run waits until the lease counts as abandoned, and keeps it. */
  const takeOver = async (): Promise<void> => {
    void withLease(ports, SID, FOR_EVER, () => new Promise(() => {})).catch(() => {});
    await world.clock.sleep(60 * SECONDS);
  };

  it.each(DOINGS)('renews its lease when it %s', async (_what, doing) => {
    await work(async (leased) => {
      const begun = jest.fn(async () => {});
      void withLease(ports, SID, FOR_EVER, begun);
      for (let i = 0; i < 5; i += 1) {
        await world.clock.sleep(30 * SECONDS);
        await doing(leased);
      }
      expect(begun).not.toHaveBeenCalled();
    });
  });

  it.each(DOINGS)('ends when it %s and another has taken over', async (_what, doing) => {
    const problem = await problemOf(
      work(async (leased) => {
        await takeOver();
        await doing(leased);
      }),
    );
    expect(problem).toBeInstanceOf(SlotBusyError);
    expect(problem.message).toContain('it took over because this one was too slow');
    // What the other holds stays its own.
    expect(await holdFor(1, 'a third')).toBe(false);
  });

  it.each(DOINGS)('does not do it when it %s and another has taken over', async (_what, doing) => {
    const done = jest.fn();
    ports = { ...ports, send: done, probe: done };
    installation.store.seed = done;
    installation.store.writeOutcome = done;
    await problemOf(
      work(async (leased) => {
        await takeOver();
        await doing(leased);
      }),
    );
    expect(done).not.toHaveBeenCalled();
  });

  it('does not write the state of another SID', async () => {
    expect(
      await problemOf(work((leased) => leased.store.writeState({ sid: '3900113', accepted: [] }))),
    ).toBeInstanceOf(SlotBusyError);
    expect(installation.store.states.size).toBe(0);
  });

  it('keeps its lease through a wait of minutes, which takes as long as it is asked to', async () => {
    await work(async (leased) => {
      const other = (async () => {
        await world.clock.sleep(200 * SECONDS);
        return holdFor(1);
      })();
      await leased.clock.sleep(250 * SECONDS);
      expect(await other).toBe(false);
      expect([elapsedSeconds(), leased.clock.now()]).toEqual([250, world.clock.now()]);
    });
  });

  it('has the answers, the secrets and the chance that it had before', async () => {
    ports = {
      ...ports,
      send: async ({ url }) => ({ url }) as never,
      probe: async (url, millis) => ({ status: 200, millis, error: url }),
    };
    await work(async (leased) => {
      expect(await leased.send({ url: 'https://x' } as never)).toEqual({ url: 'https://x' });
      expect(await leased.probe('https://y', 7)).toEqual({
        status: 200,
        millis: 7,
        error: 'https://y',
      });
      expect(await leased.readSecret('credentials')).toContain('clientId');
      expect(leased.clock.random()).toBeLessThan(1);
    });
  });
});

describe('clocks that differ by two minutes', () => {
  /** The ports of a machine whose clock is ahead by so many seconds. */
  const portsAt = (seconds: number): RegistrationPorts => {
    const clock = { ...ports.clock, now: () => ports.clock.now() + seconds * SECONDS };
    return { ...ports, clock };
  };

  it.each([
    ['the run that waits', 0, 120],
    ['the run that works', 120, 0],
    ['the run that waits is behind, not', 0, -120],
  ])('never give two runs the lease: ahead is %s', async (_which, first, second) => {
    const order: string[] = [];
    const writing = (name: string) => async (leased: LeasedPorts) => {
      for (let i = 0; i < 20; i += 1) {
        await leased.clock.sleep(5 * SECONDS);
        await leased.store.writeState({ sid: SID, accepted: [] });
        order.push(name);
      }
    };
    await Promise.all([
      withLease(portsAt(first), SID, FOR_EVER, writing('first')),
      withLease(portsAt(second), SID, FOR_EVER, writing('second')),
    ]);
    expect(order).toEqual([...Array(20).fill('first'), ...Array(20).fill('second')]);
  });

  it.each([120, -120])(
    'never let a holder write that stood still while another took over (%d s)',
    async (skew) => {
      const written: string[] = [];
      const stood = problemOf(
        withLease(portsAt(skew), SID, FOR_EVER, async (leased) => {
          await world.clock.sleep(60 * SECONDS);
          await leased.store.writeState({
            sid: SID,
            accepted: [],
            registeredBy: 'the one that stood still',
          });
        }),
      );
      await withLease(ports, SID, FOR_EVER, async (leased) => {
        await leased.store.writeState({ sid: SID, accepted: [], registeredBy: 'the other' });
        written.push(String(installation.store.states.get(SID)?.registeredBy));
        await leased.clock.sleep(30 * SECONDS);
      });
      expect(await stood).toBeInstanceOf(SlotBusyError);
      expect([...written, installation.store.states.get(SID)?.registeredBy]).toEqual([
        'the other',
        'the other',
      ]);
    },
  );
});
