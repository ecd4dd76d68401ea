import type { HttpResponse } from '../../core/rakuten/http';
import { SlotBusyError, withLease } from '../../core/registration/lease';
import type { RegistrationPorts } from '../../core/registration/ports';
import { Installation, World } from '../support/registration-world';
import { problemOf } from '../support/slot-run';

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
const work = <T>(what: (leased: RegistrationPorts) => Promise<T>, waitUntil = FOR_EVER): Promise<T> =>
  withLease(ports, SID, waitUntil, what);
/** Somebody else, who holds the slot from now on for so long. */
const holdFor = (seconds: number, holder = 'somebody'): Promise<boolean> =>
  installation.store.takeLease(SID, holder, world.clock.now(), world.clock.now() + seconds * SECONDS);

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
    expect((await problemOf(work(() => Promise.reject(new Error('the work failed'))))).message).toBe('the work failed');
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

  it('never waits longer than a minute and a half for one that was killed', async () => {
    void work(() => new Promise(() => {}));
    await world.clock.sleep(0);
    await work(async () => {});
    expect(elapsedSeconds()).toBe(90);
  });

  it.each([
    [10, 8],
    [9, 8],
    [2, 0],
    [0, 0],
  ])('gives up where it may wait for %d s only, rather than to come too late', async (seconds, after) => {
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
  });

  it('ends well although the lease cannot be given back, which only makes the next one wait', async () => {
    jest.spyOn(installation.store, 'releaseLease').mockRejectedValue(new RangeError('throttled'));
    expect(await work(async () => 'done')).toBe('done');
    expect(world.texts).toEqual([JSON.stringify(['lease not given back', { sid: SID, reason: 'RangeError' }])]);
  });

  it('does not begin where the lease cannot be asked for', async () => {
    jest.spyOn(installation.store, 'takeLease').mockRejectedValue(new Error('throttled'));
    const begun = jest.fn();
    expect((await problemOf(work(begun))).message).toBe('throttled');
    expect(begun).not.toHaveBeenCalled();
  });
});

describe('work that takes its time', () => {
  const DOINGS: [string, (leased: RegistrationPorts) => Promise<unknown>][] = [
    ['calls Rakuten', (leased) => leased.send({} as never)],
    ['sends a probe', (leased) => leased.probe('https://endpoint.example/?probe=1', 5_000)],
    ['waits', (leased) => leased.clock.sleep(1)],
  ];

  it.each(DOINGS)('prolongs its lease when it %s after twenty seconds', async (_what, doing) => {
    await work(async (leased) => {
      await world.clock.sleep(20 * SECONDS);
      await doing(leased);
      await world.clock.sleep(85 * SECONDS);
      expect(await holdFor(1)).toBe(false);
    });
  });

  it.each(DOINGS)('does not ask again for the lease when it %s before that', async (_what, doing) => {
    const take = jest.spyOn(installation.store, 'takeLease');
    await work(async (leased) => {
      await world.clock.sleep(19 * SECONDS);
      await doing(leased);
    });
    expect(take).toHaveBeenCalledTimes(1);
  });

  it.each(DOINGS)('ends when it %s and another has taken over', async (_what, doing) => {
    const problem = await problemOf(
      work(async (leased) => {
        await world.clock.sleep(90 * SECONDS);
        expect(await holdFor(90)).toBe(true);
        await doing(leased);
      }),
    );
    expect(problem).toBeInstanceOf(SlotBusyError);
    expect(problem.message).toContain('it took over because this one was too slow');
    // What the other holds stays its own.
    expect(await holdFor(1, 'a third')).toBe(false);
  });

  it('does not send what it was about to when another has taken over', async () => {
    const sent = jest.fn();
    ports = { ...ports, send: sent, probe: sent };
    for (const [, doing] of DOINGS.slice(0, 2)) {
      await problemOf(
        work(async (leased) => {
          await world.clock.sleep(90 * SECONDS);
          await holdFor(90);
          await doing(leased);
        }),
      );
    }
    expect(sent).not.toHaveBeenCalled();
  });

  it('asks for its lease every twenty seconds, however often it calls', async () => {
    const take = jest.spyOn(installation.store, 'takeLease');
    await work(async (leased) => {
      for (let call = 0; call < 10; call += 1) {
        await world.clock.sleep(5 * SECONDS);
        await leased.send({} as never);
      }
    });
    expect(take).toHaveBeenCalledTimes(1 + 2);
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
    ports = { ...ports, send: async ({ url }) => ({ url }) as never, probe: async (url, millis) => ({ status: 200, millis, error: url }) };
    await work(async (leased) => {
      expect(await leased.send({ url: 'https://x' } as never)).toEqual({ url: 'https://x' });
      expect(await leased.probe('https://y', 7)).toEqual({ status: 200, millis: 7, error: 'https://y' });
      expect(await leased.readSecret('credentials')).toContain('clientId');
      expect(leased.clock.random()).toBeLessThan(1);
    });
  });
});
