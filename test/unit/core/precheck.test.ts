import { REGISTRATION_PROPERTIES as P, PRECHECK_RESOURCE_TYPE } from '../../../core/names';
import { handleRegistrationEvent } from '../../../core/registration/events';
import type { RegistrationPorts } from '../../../core/registration/ports';
import { handlePrecheckEvent, isPrecheckEvent } from '../../../core/registration/precheck';
import { secretUnreadableError } from '../../../core/state/secrets';
import { CLIENT_SECRET, Installation, World } from '../../support/registration-world';

const SID = '3900112';
const TRACKER = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};

let world: World;
let installation: Installation;
beforeEach(() => {
  world = new World();
  installation = new Installation(world);
});
afterEach(() => {
  for (const text of world.texts)
    for (const secret of [CLIENT_SECRET, 'tracker-secret-4711']) expect(text).not.toContain(secret);
});

/**
 * What the template has for the precheck: the endpoint only where it can be in the slot already.
 */
const properties = (changes: Record<string, unknown> = {}): Record<string, unknown> => {
  const {
    [P.sid]: sid,
    [P.credentialsSecretArn]: credentials,
    [P.existingPostback]: existing,
    [P.rakutenApiUrl]: url,
  } = installation.properties();
  return {
    [P.sid]: sid,
    [P.credentialsSecretArn]: credentials,
    [P.existingPostback]: existing,
    [P.rakutenApiUrl]: url,
    ...changes,
  };
};

async function check(
  changes: Record<string, unknown> = {},
  type: 'Create' | 'Update' | 'Delete' = 'Create',
  ports: Partial<RegistrationPorts> = {},
): Promise<string> {
  const event = installation.event(type, properties(changes), {
    ResourceType: PRECHECK_RESOURCE_TYPE,
    LogicalResourceId: 'Precheck',
    PhysicalResourceId: type === 'Create' ? undefined : 'the-precheck',
  });
  expect(isPrecheckEvent(event)).toBe(true);
  const until = world.clock.now() + 8 * 60_000;
  try {
    return (await handlePrecheckEvent({ ...installation.ports(), ...ports }, event, until))
      .PhysicalResourceId;
  } catch (error) {
    world.texts.push((error as Error).message);
    throw error;
  }
}

describe('the check before the table is created', () => {
  it('passes with an empty slot, and changes nothing at Rakuten or in the state', async () => {
    expect(await check()).toBe('rakuten-postback-precheck-Precheck');
    expect(
      world.rakuten.calls.filter(
        ({ method, path }) => method !== 'GET' && !path.startsWith('/token'),
      ),
    ).toEqual([]);
    expect(world.rakuten.calls.length).toBeGreaterThan(0);
    expect(installation.store.states.size).toBe(0);
  });

  it('fails where the registration would fail: the slot is taken by a tracker or by another installation', async () => {
    world.rakuten.slots.set(SID, TRACKER);
    await expect(check()).rejects.toThrow(
      /slot of SID 3900112 is taken: tracker\.example, .*set existingPostback to REPLACE/,
    );
    const other = new Installation(world);
    await other.invoke(
      other.event('Create', other.properties({ [P.existingPostback]: 'REPLACE' })),
    );
    await expect(check()).rejects.toThrow('of another installation of this construct');
    await expect(
      installation.invoke(installation.event('Create', installation.properties())),
    ).rejects.toThrow('of another installation of this construct');
  });

  it('passes where the registration would pass: the slot may be taken over, or holds a URL of this endpoint', async () => {
    world.rakuten.slots.set(SID, TRACKER);
    await expect(check({ [P.existingPostback]: 'REPLACE' })).resolves.toBeDefined();
    for (const query of ['', `?k=${'x'.repeat(43)}&f=01234567`]) {
      world.rakuten.slots.set(SID, { url: installation.endpointUrl + query, active: true });
      await expect(check({ [P.endpointUrl]: installation.endpointUrl })).resolves.toBeDefined();
    }
    await expect(
      installation.invoke(installation.event('Create', installation.properties())),
    ).resolves.toBeDefined();
  });

  it('fails with credentials that are missing, unreadable or wrong, even where the slot may be taken over', async () => {
    const replace = { [P.existingPostback]: 'REPLACE' };
    await expect(check({ ...replace, [P.credentialsSecretArn]: 'none' })).rejects.toThrow(
      /The secret none does not exist\..*Next step: deploy again/,
    );
    installation.secrets.set('credentials', 'hunter2');
    await expect(check(replace)).rejects.toThrow(/^(?!.*hunter2).*Next step: /);
    installation.secrets.set(
      'credentials',
      JSON.stringify({ clientId: 'wrong', clientSecret: CLIENT_SECRET }),
    );
    await expect(check(replace)).rejects.toThrow('Next step: ');
    await expect(check({ [P.sid]: 'abc' })).rejects.toThrow(
      "Property Sid of the registration is 'abc'",
    );
  });

  it('leaves an installation alone that is registered, whatever the slot holds, as an update can add the check', async () => {
    await installation.invoke(installation.event('Create', installation.properties()));
    world.rakuten.slots.set(SID, TRACKER);
    const calls = world.rakuten.calls.length;
    await expect(check()).resolves.toBeDefined();
    expect(world.rakuten.calls).toHaveLength(calls);
  });

  it.each(['Update', 'Delete'] as const)(
    'answers an %s without a look at anything',
    async (type) => {
      const refused = () => Promise.reject(new Error('not to be called'));
      expect(await check({ [P.sid]: 'abc' }, type, { readSecret: refused, send: refused })).toBe(
        'the-precheck',
      );
    },
  );
});

describe('a permission that was granted a moment ago', () => {
  const denied = (error: Error): Error => Object.assign(error, { name: 'AccessDeniedException' });
  const unreadable = () =>
    secretUnreadableError(
      'credentials',
      'access is denied',
      'grant it',
      denied(new Error('not authorized')),
    );

  /** Ports on which secrets and the state table are denied for some seconds. */
  function deniedFor(seconds: number): RegistrationPorts {
    const ports = installation.ports();
    const from = world.clock.now() + seconds * 1000;
    const gate = <T>(error: () => Error, work: () => Promise<T>): Promise<T> =>
      world.clock.now() < from ? Promise.reject(error()) : work();
    return {
      ...ports,
      readSecret: (id) => gate(unreadable, () => ports.readSecret(id)),
      store: Object.assign(Object.create(ports.store), {
        acquireLease: (...args: Parameters<RegistrationPorts['store']['acquireLease']>) =>
          gate(
            () => new Error('The state table cannot be used', { cause: denied(new Error()) }),
            () => ports.store.acquireLease(...args),
          ),
      }),
    };
  }

  it('is tried again for up to a minute, by the precheck and by the registration', async () => {
    await expect(
      check({}, 'Create', { readSecret: deniedFor(50).readSecret }),
    ).resolves.toBeDefined();
    const event = installation.event('Create', installation.properties());
    const answer = await handleRegistrationEvent(
      deniedFor(50),
      event,
      world.clock.now() + 8 * 60_000,
    );
    expect(answer.Data.Status).toBe('registered, active');
  });

  it('fails after a minute, with the reason', async () => {
    const before = world.clock.now();
    await expect(check({}, 'Create', { readSecret: deniedFor(90).readSecret })).rejects.toThrow(
      /access is denied.*Next step: grant it/,
    );
    expect(world.clock.now() - before).toBeLessThanOrEqual(60_000);
  });

  it('is not waited for in a removal, nor where the error is another one', async () => {
    const before = world.clock.now();
    const removal = installation.event('Delete', installation.properties());
    await handleRegistrationEvent(
      { ...deniedFor(90), store: installation.store },
      removal,
      before + 8 * 60_000,
    );
    await expect(check({ [P.credentialsSecretArn]: 'none' })).rejects.toThrow('does not exist');
    expect(world.clock.now() - before).toBeLessThan(5_000);
  });
});
