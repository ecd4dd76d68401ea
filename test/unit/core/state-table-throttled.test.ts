import { ProvisionedThroughputExceededException } from '@aws-sdk/client-dynamodb';
import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { RegistrationPorts, RegistrationStore } from '../../../core/registration/ports';
import { stateTableError } from '../../../lambda/registration/state-table';
import { Installation, World } from '../../support/registration-world';

/**
 * A state table that throttles while the registration works with it, in simulated time. The
 * function's client tries a call seven times, in half a minute by and large: a shorter throttling
 * only takes time, a longer one fails the request, at whichever call it began.
 */

const SID = '3900112';
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** When the client tries, counted from the first time. */
const TRIES = [0, 0.5, 1.5, 3.5, 7.5, 15.5, 28].map((seconds) => seconds * SECOND);

class ThrottledInstallation extends Installation {
  /** Calls to the state table so far. */
  calls = 0;
  private from = Number.POSITIVE_INFINITY;
  private lasts = 0;
  private until = 0;

  /** From that call on (the first is 0) the table throttles, for so long. */
  throttle(from: number, lasts: number): void {
    Object.assign(this, { calls: 0, from, lasts, until: Number.POSITIVE_INFINITY });
  }

  recover(): void {
    this.throttle(Number.POSITIVE_INFINITY, 0);
  }

  override ports(): RegistrationPorts {
    const ports = super.ports();
    const through = async (call: () => Promise<unknown>): Promise<unknown> => {
      const { clock } = this.world;
      if (this.calls === this.from) this.until = clock.now() + this.lasts;
      this.calls += 1;
      if (this.calls <= this.from) return call();
      const began = clock.now();
      for (const after of TRIES) {
        await clock.sleep(Math.max(0, began + after - clock.now()));
        if (clock.now() >= this.until) return call();
      }
      throw stateTableError(
        'state',
        new ProvisionedThroughputExceededException({ $metadata: {}, message: 'slow down' }),
      );
    };
    const store = new Proxy(ports.store, {
      get: (target, name: keyof RegistrationStore) => {
        const method = target[name] as (...values: unknown[]) => Promise<unknown>;
        return (...values: unknown[]) => through(() => method.apply(target, values));
      },
    });
    return { ...ports, store };
  }
}

let world: World;
let installation: ThrottledInstallation;
beforeEach(() => {
  world = new World();
  installation = new ThrottledInstallation(world);
});

const slot = () => world.rakuten.slots.get(SID);
/** Rakuten sends to us, and what it sends becomes rows. */
const isReceived = (): boolean => slot()?.active === true && installation.takes(slot()?.url ?? '');
const create = () => installation.invoke(installation.event('Create', installation.properties()));
const remove = () => installation.invoke(installation.event('Delete', installation.properties()));
const renamed = () =>
  installation.properties({
    [P.fieldList]: JSON.stringify([
      { name: 'is_event', field: 'is_event' },
      { name: 'id', field: 'etransaction_id' },
    ]),
  });
const update = (wanted: Record<string, unknown>, old: Record<string, unknown>) =>
  installation.invoke(installation.event('Update', wanted, { OldResourceProperties: old }));

/**
 * How a request ends when the table throttles from its first call on, from its second one and so
 * on.
 */
async function atEachCall(
  lasts: number,
  begin: () => Promise<unknown>,
  request: () => Promise<unknown>,
  then: (error?: Error) => Promise<void>,
) {
  let failures = 0;
  for (let from = 0; ; from += 1) {
    world = new World();
    installation = new ThrottledInstallation(world);
    await begin();
    installation.throttle(from, lasts);
    const error = await request().then(
      () => undefined,
      (reason: Error) => reason,
    );
    const wasThrottled = installation.calls > from;
    installation.recover();
    if (!wasThrottled) return { calls: from, failures };
    if (error !== undefined) failures += 1;
    await then(error);
  }
}

const nothing = async (): Promise<void> => {};
const NEXT_STEP =
  /^.*The state table state cannot be used: ProvisionedThroughputExceededException: slow down\. Next step: wait for a few minutes/s;

describe('a state table that throttles for twenty seconds', () => {
  it('delays a first deployment, an update and a removal, and fails none of them', async () => {
    const first = await atEachCall(20 * SECOND, nothing, create, async () =>
      expect(isReceived()).toBe(true),
    );
    const changed = await atEachCall(
      20 * SECOND,
      create,
      () => update(renamed(), installation.properties()),
      async () => expect(isReceived()).toBe(true),
    );
    const removed = await atEachCall(20 * SECOND, create, remove, async () =>
      expect(slot()).toBeUndefined(),
    );
    for (const { calls, failures } of [first, changed, removed]) {
      expect(calls).toBeGreaterThan(4);
      expect(failures).toBe(0);
    }
  });
});

describe('a state table that throttles for ten minutes', () => {
  it('fails a first deployment with the next step; the rollback clears the slot, and the next deployment succeeds', async () => {
    const { calls, failures } = await atEachCall(10 * MINUTE, nothing, create, async (error) => {
      if (error === undefined) {
        expect(isReceived()).toBe(true);
        return;
      }
      expect(error.message).toMatch(NEXT_STEP);
      expect(slot() === undefined || isReceived()).toBe(true);
      await world.clock.sleep(10 * MINUTE);
      await remove();
      expect(slot()).toBeUndefined();
      await create();
      expect(isReceived()).toBe(true);
    });
    expect(failures).toBeGreaterThan(calls / 2);
  });

  it('fails an update with the next step; before and after the rollback what Rakuten sends is received', async () => {
    const { failures } = await atEachCall(
      10 * MINUTE,
      create,
      () => update(renamed(), installation.properties()),
      async (error) => {
        expect(isReceived()).toBe(true);
        if (error === undefined) return;
        expect(error.message).toMatch(NEXT_STEP);
        await world.clock.sleep(10 * MINUTE);
        await update(installation.properties(), renamed());
        expect(isReceived()).toBe(true);
        expect(slot()?.url).toContain('etransaction_id=');
      },
    );
    expect(failures).toBeGreaterThan(3);
  });

  it('fails a removal with the next step, and it can be done again', async () => {
    const { failures } = await atEachCall(10 * MINUTE, create, remove, async (error) => {
      if (error === undefined) return;
      expect(error.message).toMatch(NEXT_STEP);
      await world.clock.sleep(10 * MINUTE);
      await remove();
      expect(slot()).toBeUndefined();
    });
    expect(failures).toBeGreaterThan(1);
  });
});
