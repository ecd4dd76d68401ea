import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import { assertAllowed } from '../../../core/registration/allowed-urls';
import {
  registerByHand,
  slotStatus,
  testByHand,
  unregisterByHand,
} from '../../../core/registration/operations';
import { handlePrecheckEvent } from '../../../core/registration/precheck';
import { rotateUrlSecret } from '../../../core/registration/rotate';
import { Installation, World } from '../../support/registration-world';
import { MemoryVersions } from '../../support/secret-versions';
import { Watch } from '../../support/watch-world';

/**
 * Credentials and the URL secret are sent to what the stack was deployed with, whatever a request
 * or the state table says.
 */

const SID = '3900112';
const EVIL_API = { [P.rakutenApiUrl]: 'https://evil.example/api' };
const EVIL_ENDPOINT = { [P.endpointUrl]: 'https://evil.example/postback' };

let world: World;
let installation: Installation;
let sent: string[];
beforeEach(() => {
  world = new World();
  installation = new Installation(world);
  installation.urls = {
    rakutenApiUrl: 'https://api.linksynergy.com',
    endpointUrl: installation.endpointUrl,
  };
  sent = [];
  const ports = installation.ports.bind(installation);
  installation.ports = () => {
    const real = ports();
    return {
      ...real,
      send: (request) => {
        sent.push(new URL(request.url).host);
        return real.send(request);
      },
      probe: (url, timeout) => {
        sent.push(new URL(url).host);
        return real.probe(url, timeout);
      },
    };
  };
});
afterEach(() => expect(sent).not.toContain('evil.example'));

const request = (type: 'Create' | 'Update' | 'Delete', changes: Record<string, unknown>) =>
  installation.invoke(
    installation.event(type, installation.properties(changes), {
      OldResourceProperties: installation.properties(),
    }),
  );
const register = () => request('Create', {});
/** What a person with the right to write the state table does. */
const changeState = (changes: Record<string, string>): void => {
  const state = installation.store.states.get(SID);
  if (state === undefined) throw new Error('not registered');
  installation.store.seed({ ...state, properties: { ...state.properties, ...changes } });
};
const slot = () => world.rakuten.slots.get(SID);

describe.each([
  ["Rakuten's API", EVIL_API],
  ['the endpoint', EVIL_ENDPOINT],
])('another URL of %s', (_what, evil) => {
  it('in a made-up Create is rejected before any secret is read', async () => {
    const read = jest.spyOn(installation.secrets, 'get');
    await expect(request('Create', evil)).rejects.toThrow(
      / is at evil\.example, which is not what this stack was deployed with.*Next step: /,
    );
    expect([read.mock.calls.filter(([id]) => id === 'credentials'), slot(), sent]).toEqual([
      [],
      undefined,
      [],
    ]);
  });

  it('in a made-up Update leaves the slot as it was', async () => {
    await register();
    const before = slot();
    sent.length = 0;
    await expect(request('Update', evil)).rejects.toThrow('is at evil.example');
    expect([slot(), sent]).toEqual([before, []]);
  });

  it('in a Delete is ignored: the deployed one is used, so that a removal does not fail', async () => {
    await register();
    await request('Delete', evil);
    expect(slot()).toBeUndefined();
  });

  it('in the state table is ignored by `unregister`, as by a Delete', async () => {
    await register();
    changeState(evil);
    expect(await unregisterByHand(installation.ports(), SID)).toBe('removed');
    expect(slot()).toBeUndefined();
  });

  it('in the state table is rejected by the watch, by a rotation and by the command line', async () => {
    await register();
    const before = slot();
    changeState(evil);
    const watch = new Watch(installation);
    expect((await watch.run()).checks).toMatchObject([
      { finding: 'unknown', problem: expect.stringContaining('is at evil.example') },
    ]);
    expect(watch.failedTasks).toMatchObject([
      { message: 'probe not sent', reason: expect.stringContaining('UrlNotAllowedError') },
    ]);
    const rotation = {
      ...installation.ports(),
      versions: new MemoryVersions(installation),
      newSecret: () => installation.newUrlSecret(),
    };
    const event = { operation: 'rotate-secret', sid: SID } as const;
    for (const run of [
      () => rotateUrlSecret(rotation, event, world.clock.now() + 480_000),
      () => registerByHand(installation.ports(), SID, {}),
      () => testByHand(installation.ports(), SID, false),
      () => slotStatus(installation.ports(), SID),
    ])
      await expect(run()).rejects.toThrow('is at evil.example');
    expect(slot()).toEqual(before);
  });
});

describe('the credentials as the URL secret', () => {
  const SAME = { [P.urlSecretArn]: 'credentials' };

  it('in a made-up Create are rejected before any secret is read', async () => {
    const read = jest.spyOn(installation.secrets, 'get');
    await expect(request('Create', SAME)).rejects.toThrow(
      'UrlSecretArn of the registration is the secret of the credentials',
    );
    expect([read.mock.calls, slot(), sent]).toEqual([[], undefined, []]);
  });

  it('under another name of the same secret never get into the slot', async () => {
    installation.secrets.set('credentials-by-arn', installation.secrets.get('credentials') ?? '');
    await expect(request('Create', { [P.urlSecretArn]: 'credentials-by-arn' })).rejects.toThrow(
      'is a JSON object, as credentials are',
    );
    expect(slot()).toBeUndefined();
  });

  it('in a Delete are ignored: what was registered is removed', async () => {
    await register();
    await request('Delete', SAME);
    expect(slot()).toBeUndefined();
  });
});

it("another URL of Rakuten's API in a made-up precheck is rejected", async () => {
  const event = installation.event('Create', installation.properties(EVIL_API));
  await expect(
    handlePrecheckEvent(installation.ports(), event, world.clock.now() + 480_000),
  ).rejects.toThrow('is at evil.example');
  expect(sent).toEqual([]);
});

describe('a URL is allowed', () => {
  const allows = (
    allowed: Parameters<typeof assertAllowed>[0],
    urls: Parameters<typeof assertAllowed>[1],
  ): boolean => {
    try {
      assertAllowed(allowed, urls);
      return true;
    } catch (error) {
      expect((error as Error).name).toBe('UrlNotAllowedError');
      return false;
    }
  };
  const API = 'https://api.linksynergy.com';

  it.each([
    [API, true],
    [`${API}/`, true],
    ['http://api.linksynergy.com', false],
    ['https://api.linksynergy.com.evil.example', false],
    ['https://api.linksynergy.com/other', false],
    ['https://api.linksynergy.com:444', false],
    ['http://127.0.0.1:8080', false],
  ])('in a deployed function if it is the deployed one: %s %p', (rakutenApiUrl, isAllowed) => {
    expect(allows({ rakutenApiUrl: API }, { rakutenApiUrl })).toBe(isAllowed);
  });

  it.each([
    ['http://127.0.0.1:8080', true],
    ['http://localhost:1', true],
    ['http://[::1]:1', true],
    ['http://127.0.0.1.evil.example', false],
    ['http://evil.localhost', false],
    [API, false],
  ])('in the local run if it is of this machine: %s %p', (rakutenApiUrl, isAllowed) => {
    expect(allows({}, { rakutenApiUrl })).toBe(isAllowed);
  });
});
