import { REGISTRATION_PROPERTIES as P, REGISTRATION_ATTRIBUTES } from '../../../core/names';
import { postbackUrl } from '../../../core/rakuten/postback/url';
import { unregisterByHand } from '../../../core/registration/operations';
import { PROBES_IN_A_ROW } from '../../../core/registration/self-test';
import { isSameSlot, isSameUrl, markOf, ownerOf } from '../../../core/registration/slot-url';
import {
  accepting,
  accepts,
  emptyState,
  givenUp,
  markFor,
  otherOwners,
  retiring,
  retiringAllBut,
  withOwner,
  withoutOwner,
} from '../../../core/registration/state';
import { sha256 } from '../../../core/sha256';
import type { Fault } from '../../../fake-rakuten';
import { CloudFormation, type DeliveryPlan } from '../../support/cloudformation';
import { CLIENT_SECRET, CREDENTIALS, Installation, World } from '../../support/registration-world';

const SID = '3900112';
const ONCE: DeliveryPlan = { how: 'once', calls: 0 };
const TRACKER = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: true,
};

let world: World;
let installation: Installation;
let formation: CloudFormation;
beforeEach(() => {
  world = new World();
  installation = new Installation(world);
  formation = new CloudFormation(installation);
});

const slot = (sid = SID) => world.rakuten.slots.get(sid);
const methods = (): string[] =>
  world.rakuten.calls.filter((c) => c.path.startsWith('/v1/')).map((c) => c.method);
const writes = (): string[] => methods().filter((m) => m !== 'GET');
const fault = (f: Fault): void => world.rakuten.faults.add(f);
const deploy = (changes: Record<string, unknown> = {}, othersFail = false): Promise<boolean> =>
  formation.deploy(installation.properties(changes), ONCE, othersFail);

/** Deploys, and gives the reason that CloudFormation shows for the failure. */
async function failing(changes: Record<string, unknown> = {}): Promise<string> {
  expect(await deploy(changes)).toBe(false);
  expect(formation.lastError).not.toContain('\n');
  expect(formation.lastError).toContain('Next step: ');
  expect(Buffer.byteLength(formation.lastError)).toBeLessThanOrEqual(3500);
  return formation.lastError;
}

describe('a first deployment', () => {
  it('registers the URL with the secret, after the self-test, and says so without a secret', async () => {
    const answer = await installation.invoke(
      installation.event('Create', installation.properties()),
    );
    const secret = installation.secrets.get('url-secret') ?? '';
    expect(slot()?.active).toBe(true);
    expect(slot()?.url).toContain(`k=${secret}`);
    expect(writes()).toEqual(['POST']);
    expect(answer).toEqual({
      PhysicalResourceId: `rakuten-postback-${SID}`,
      Data: {
        [REGISTRATION_ATTRIBUTES.status]: 'registered, active',
        [REGISTRATION_ATTRIBUTES.selfTestP50Millis]: '42',
        [REGISTRATION_ATTRIBUTES.selfTestMaxMillis]: '42',
      },
    });
    expect(world.texts.join()).not.toContain(secret);
  });

  it('registers it switched off when it is not enabled, and updates with one PUT when it is', async () => {
    await deploy({ [P.enabled]: 'false' });
    expect(slot()?.active).toBe(false);
    await deploy({ [P.enabled]: 'TRUE' });
    expect(slot()?.active).toBe(true);
    expect(writes()).toEqual(['POST', 'PUT']);
  });

  it.each([
    ['a status of 404', { absent: 'not-found' }],
    ['200 with empty data', { absent: 'empty' }],
    ['200 with a message', { absent: 'message' }],
    ['a token call that takes Bearer only', { tokenHeader: 'bearer' }],
    ['a token call that takes Basic only', { tokenHeader: 'basic' }],
    ['a status call that lags', { staleReads: 3 }],
  ] as const)('understands %s', async (_name, behaviour) => {
    Object.assign(world.rakuten.behaviour, behaviour);
    expect(await deploy()).toBe(true);
    expect(writes()).toEqual(['POST']);
  });

  it.each<[string, Fault, string[]]>([
    ['a 401 once', { operation: 'read', status: 401 }, ['POST']],
    [
      'a rate limit for a while',
      { operation: 'create', status: 403, times: 3 },
      ['POST', 'POST', 'POST', 'POST'],
    ],
    [
      '429 with Retry-After',
      { operation: 'read', status: 429, headers: { 'retry-after': '30' } },
      ['POST'],
    ],
    ['500s', { operation: 'read', status: 500, times: 3 }, ['POST']],
    ['dropped connections', { connection: 'drop', times: 2 }, ['POST']],
    ['a hanging token call', { operation: 'token', connection: 'hang' }, ['POST']],
    ['half a body', { operation: 'read', connection: 'truncate' }, ['POST']],
    [
      'HTML in place of JSON',
      { operation: 'read', status: 200, body: '<!DOCTYPE html><html><body>Sorry</body></html>' },
      ['POST'],
    ],
    // The slot is looked at before anything is sent again, so the POST stands alone.
    [
      'an answer lost after the effect',
      { operation: 'create', connection: 'drop', afterEffect: true },
      ['POST'],
    ],
    ['a 502 after the effect', { operation: 'create', status: 502, afterEffect: true }, ['POST']],
    [
      'an answer lost before the effect',
      { operation: 'create', connection: 'drop' },
      ['POST', 'POST'],
    ],
  ])('gets over %s', async (_name, trouble, expected) => {
    fault(trouble);
    expect(await deploy()).toBe(true);
    expect(slot()?.active).toBe(true);
    expect(writes()).toEqual(expected);
  });

  it('waits as long as Retry-After says', async () => {
    fault({ operation: 'token', status: 429, headers: { 'retry-after': '45' } });
    const started = world.clock.now();
    await deploy({ [P.selfTest]: 'false' });
    expect(world.clock.now() - started).toBeGreaterThanOrEqual(45_000);
    expect(world.clock.now() - started).toBeLessThan(50_000);
  });
});

describe('a slot that is taken', () => {
  it('stops, names the host of the other URL, and changes nothing', async () => {
    world.rakuten.slots.set(SID, TRACKER);
    const reason = await failing();
    expect(reason).toContain(`SID ${SID}`);
    expect(reason).toContain('is taken: tracker.example, 1 field (u1), active.');
    expect(reason).not.toContain('tracker-secret-4711');
    expect(reason).toContain('existingPostback to REPLACE');
    expect(slot()).toEqual(TRACKER);
    expect(writes()).toEqual([]);
  });

  it('is taken over on demand, and given back on removal', async () => {
    world.rakuten.slots.set(SID, { ...TRACKER, active: false });
    await deploy({ [P.existingPostback]: 'REPLACE' });
    expect(slot()?.url).toContain(installation.endpointUrl);
    expect(await formation.destroy(ONCE)).toBe(true);
    expect(slot()).toEqual({ ...TRACKER, active: false });
    expect(writes()).toEqual(['PUT', 'PUT']);
  });

  it.each([
    ['DELETE', undefined],
    ['RESTORE', TRACKER],
  ])('ends as %s says', async (rule, expected) => {
    world.rakuten.slots.set(SID, TRACKER);
    await deploy({ [P.existingPostback]: 'REPLACE', [P.onRemoval]: rule });
    await formation.destroy(ONCE);
    expect(slot()).toEqual(expected);
  });

  it('is told apart when two stacks fight for one SID, and the loser leaves it alone', async () => {
    await deploy();
    const other = new Installation(world);
    const otherFormation = new CloudFormation(other);
    expect(await otherFormation.deploy(other.properties(), ONCE)).toBe(false);
    expect(otherFormation.lastError).toContain('two stacks');
    expect(otherFormation.lastError).not.toContain(installation.secrets.get('url-secret'));
    expect(slot()?.url).toContain(installation.endpointUrl);

    expect(
      await otherFormation.deploy(other.properties({ [P.existingPostback]: 'REPLACE' }), ONCE),
    ).toBe(true);
    expect(await formation.destroy(ONCE)).toBe(true);
    expect(slot()?.url).toContain(other.endpointUrl);
  });

  it('is left to a stack that took over the domain as well', async () => {
    await deploy();
    const heir = new Installation(world, installation.endpointUrl);
    expect(await new CloudFormation(heir).deploy(heir.properties(), ONCE)).toBe(true);
    expect(await formation.destroy(ONCE)).toBe(true);
    expect(slot()?.url).toContain(heir.secrets.get('url-secret'));
  });
});

describe('the self-test', () => {
  it('goes on while a fresh API refuses, until ten in a row pass', async () => {
    let answers = 0;
    const endpoint = [
      ...Array.from({ length: 6 }, () => ({ status: 403, millis: 20 })),
      ...Array.from({ length: 9 }, () => ({ status: 200, millis: 100 })),
      { status: 200, millis: 401 },
      ...Array.from({ length: 10 }, (_, i) => ({ status: 200, millis: 50 + i })),
    ];
    Object.defineProperty(installation, 'endpoint', { get: () => endpoint[answers++] });
    const answer = await installation.invoke(
      installation.event('Create', installation.properties()),
    );
    expect(answers).toBe(6 + 10 + PROBES_IN_A_ROW);
    expect(Number(answer.Data[REGISTRATION_ATTRIBUTES.selfTestMaxMillis])).toBeLessThan(401);
  });

  it.each([
    ['slow', { status: 200, millis: 730 }, /730 ms/, /REGIONAL endpoint/],
    ['refusing', { status: 403, millis: 12 }, /HTTP 403 in 12 ms/, /base path mapping/],
    ['failing', { status: 500, millis: 12 }, /HTTP 500/, /role of the API/],
    ['unreachable', { error: 'ENOTFOUND', millis: 3 }, /ENOTFOUND after 3 ms/, /host resolves/],
  ])(
    'stops a deployment whose endpoint is %s, says each time and what to try',
    async (_name, endpoint, seen, advice) => {
      installation.endpoint = endpoint;
      const started = world.clock.now();
      const reason = await failing();
      expect(reason).toMatch(seen);
      expect(reason).toMatch(advice);
      expect(world.clock.now() - started).toBeLessThan(135_000);
      expect(slot()).toBeUndefined();
      expect(writes()).toEqual([]);
    },
  );

  it('waits until a probe has come out of the queue', async () => {
    installation.consumerRuns = false;
    expect(await failing()).toContain('came out of the queue');
    expect(slot()).toBeUndefined();
  });

  it('takes the limit from the properties', async () => {
    installation.endpoint = { status: 200, millis: 730 };
    expect(await deploy({ [P.acknowledgementLimitMillis]: '800' })).toBe(true);
  });

  it.each(['false', 'False', false])('can be left out with %p', async (value) => {
    installation.endpoint = { status: 500, millis: 1 };
    const answer = await installation.invoke(
      installation.event('Create', installation.properties({ [P.selfTest]: value })),
    );
    expect(answer.Data[REGISTRATION_ATTRIBUTES.selfTestP50Millis]).toBe('not measured');
    expect(slot()?.active).toBe(true);
  });

  it('keeps the old URL when the new one does not pass', async () => {
    await deploy();
    const before = slot();
    installation.endpoint = { status: 500, millis: 1 };
    await failing({ [P.fieldList]: '[{"name":"is_event","field":"is_event"}]' });
    expect(slot()).toEqual(before);
    expect(writes()).toEqual(['POST']);
  });
});

describe('credentials', () => {
  it.each([
    ['empty', '  ', /is empty/],
    ['not JSON', 'id:secret', /is not JSON/],
    ['a list', '["a"]', /not an object/],
    [
      'without the secret',
      '{"clientId":"a","Secret":"b"}',
      /no value for clientSecret \(its keys: clientId, Secret\)/,
    ],
    ['a placeholder', '{"clientId":"<client id>","clientSecret":"b"}', /placeholder as clientId/],
    [
      'badly copied',
      '{"clientId":"a","clientSecret":"b c"}',
      /special character inside clientSecret/,
    ],
  ])('that are %s are told apart, with how to fill them', async (_name, value, problem) => {
    installation.secrets.set('credentials', value);
    const reason = await failing();
    expect(reason).toMatch(problem);
    expect(reason).toContain('{"clientId": "…", "clientSecret": "…"}');
    expect(world.rakuten.calls).toEqual([]);
  });

  it('that are wrong are named as such after both header forms', async () => {
    installation.secrets.set(
      'credentials',
      CREDENTIALS.replace(CLIENT_SECRET, 'another-secret-123'),
    );
    const reason = await failing();
    expect(reason).toMatch(
      /could not get an access token of SID 3900112: HTTP 401.*client id and secret are not accepted/,
    );
    expect(reason).not.toContain('another-secret-123');
    expect(world.rakuten.calls.map((c) => c.operation)).toEqual(['token', 'token']);
  });

  it('may be a ready access token; one that is refused is not tried again', async () => {
    installation.secrets.set('credentials', '{"accessToken":"ready-made-token-1"}');
    const reason = await failing();
    expect(reason).toContain('make a new one in the portal');
    expect(reason).not.toContain('ready-made-token-1');
    expect(methods()).toEqual(['GET']);
  });

  it('whose URL secret is too short to be safe are refused', async () => {
    installation.secrets.set('url-secret', 'short');
    expect(await failing()).toContain('could be guessed');
  });
});

describe('an error', () => {
  it('says operation, SID, status, what Rakuten said, its request id, the meaning and the next step', async () => {
    fault({
      operation: 'create',
      status: 400,
      times: 100,
      body: '{"message":"url is not allowed","error":"REQUEST_PARAM_INVALID"}',
    });
    const reason = await failing();
    expect(reason).toContain('could not create the postback of SID 3900112: HTTP 400');
    expect(reason).toContain('url is not allowed');
    expect(reason).toMatch(/Request id: fake-\d+/);
    expect(reason).toMatch(/Meaning: .*Next step: /);
    expect(slot()).toBeUndefined();
  });

  it('repeats nothing secret that Rakuten echoes, and stays short', async () => {
    fault({ status: 400, times: 100, echo: true });
    const reason = await failing();
    expect(reason).toContain('HTTP 400');
    const secrets = [
      CLIENT_SECRET,
      Buffer.from(CLIENT_SECRET).toString('base64').slice(0, 12),
      installation.secrets.get('url-secret'),
    ];
    for (const secret of secrets) expect(world.texts.join()).not.toContain(secret);
  });

  it('about rights or a rate limit comes after minutes, not hours', async () => {
    fault({ operation: 'read', status: 403, times: 10_000, body: '' });
    const started = world.clock.now();
    expect(await failing()).toMatch(/calls allowed per minute.*no right to this SID/);
    expect(world.clock.now() - started).toBeLessThan(140_000);
  });

  it('about Rakuten being down comes in time', async () => {
    fault({ connection: 'hang', times: 10_000 });
    const started = world.clock.now();
    expect(await failing()).toContain('no answer within 15 s after');
    expect(world.clock.now() - started).toBeLessThan(8 * 60_000);
  });

  it('about a change that does not show names what is there', async () => {
    world.rakuten.behaviour.staleReads = 100_000;
    expect(await failing()).toMatch(
      /accepted the change for SID 3900112, but \d+ s later its status call still shows no postback/,
    );
  });

  it('about a wrong address says so', async () => {
    fault({
      operation: 'token',
      status: 404,
      times: 2,
      body: '{"message":"no Route matched with those values"}',
    });
    expect(await failing()).toContain('check rakutenApiUrl');
  });

  it.each([
    [P.sid, 'abc', 'not a publisher id'],
    [P.enabled, 'perhaps', 'not true or false'],
    [P.endpointUrl, 'ftp://x', 'not an http or https URL'],
    [P.fieldList, '[{"name":"x","field":"nothing"}]', 'not a field list'],
    [P.existingPostback, 'STEAL', 'not one of FAIL, REPLACE'],
  ])('about property %s names it', async (property, value, problem) => {
    const reason = await failing({ [property]: value });
    expect(reason).toContain(property);
    expect(reason).toContain(problem);
  });
});

describe('the orders in which CloudFormation sends requests', () => {
  it('a failed update, then the reverted one, leaves the slot as it was', async () => {
    await deploy();
    const before = slot();
    fault({ operation: 'update', status: 400 });
    await failing({ [P.enabled]: 'false' });
    expect(slot()).toEqual(before);
    expect(formation.stuck).toBeUndefined();
  });

  it('a rollback does not get stuck because Rakuten is down or the slot was taken', async () => {
    await deploy();
    world.rakuten.slots.set(SID, TRACKER);
    await failing({ [P.enabled]: 'false' });
    expect(formation.stuck).toBeUndefined();
    fault({ status: 503, times: 10_000 });
    await failing({ [P.enabled]: 'false', [P.existingPostback]: 'REPLACE' });
    expect(formation.stuck).toBeUndefined();
    expect(slot()).toEqual(TRACKER);
  });

  it('a rollback is known as one although the failure before it could not be noted', async () => {
    const old = installation.properties();
    await installation.invoke(installation.event('Create', old));
    const { store } = installation;
    const wanted = installation.properties({ [P.enabled]: 'false' });
    const writeState = jest.spyOn(store, 'writeState').mockRejectedValue(new Error('throttled'));
    await expect(
      installation.invoke(installation.event('Update', wanted, { OldResourceProperties: old })),
    ).rejects.toThrow('throttled');
    writeState.mockRestore();

    world.rakuten.slots.set(SID, TRACKER);
    const rollback = await installation.invoke(
      installation.event('Update', old, { OldResourceProperties: wanted }),
    );
    expect(rollback.Data[REGISTRATION_ATTRIBUTES.status]).toBe(
      'as before the failed update, not verified',
    );
    expect(slot()).toEqual(TRACKER);
    // Not so an update that goes on: what it wants never stood.
    await expect(
      installation.invoke(installation.event('Update', wanted, { OldResourceProperties: old })),
    ).rejects.toThrow('is taken');
  });

  it('another SID is a replacement, and a rollback of it comes back', async () => {
    await deploy();
    const before = slot();
    expect(await deploy({ [P.sid]: '3900113' }, true)).toBe(false);
    expect([slot(), slot('3900113')]).toEqual([before, undefined]);
    expect(await deploy({ [P.sid]: '3900113' })).toBe(true);
    expect(slot()).toBeUndefined();
    expect(slot('3900113')?.active).toBe(true);
    expect(formation.resource?.physicalId).toBe('rakuten-postback-3900113');
  });

  it('a delete with an invented id during a create waits for it and then removes what it registered', async () => {
    const create = installation.invoke(installation.event('Create', installation.properties()));
    const remove = installation.invoke(
      installation.event('Delete', installation.properties(), {
        PhysicalResourceId: 'stack-Registration-1ABCDEF',
      }),
    );
    await create;
    expect((await remove).PhysicalResourceId).toBe('stack-Registration-1ABCDEF');
    expect(slot()).toBeUndefined();
  });

  it('a delete of what never was changes nothing, even with broken credentials or properties', async () => {
    world.rakuten.slots.set(SID, TRACKER);
    installation.secrets.set('credentials', '');
    const bad = [installation.properties(), installation.properties({ [P.sid]: 'abc' }), {}];
    for (const properties of bad) {
      const event = installation.event('Delete', properties, { PhysicalResourceId: 'invented' });
      expect(await installation.invoke(event)).toEqual({
        PhysicalResourceId: 'invented',
        Data: {},
      });
    }
    expect(slot()).toEqual(TRACKER);
  });

  it('a delete that cannot be done says how to go on, and can be tried again', async () => {
    await deploy();
    installation.secrets.set('credentials', '');
    expect(await formation.destroy(ONCE)).toBe(false);
    expect(formation.lastError).toContain('was not removed at Rakuten');
    installation.secrets.set('credentials', CREDENTIALS);
    expect(await formation.destroy(ONCE)).toBe(true);
    expect(slot()).toBeUndefined();
  });

  it.each([
    ['Create', 'deploy again'],
    ['Delete', 'delete the stack again'],
  ] as const)(
    'a %s that ends by what nobody foresaw says what to do, once, and says the same when it is repeated',
    async (type, next) => {
      await deploy();
      const event = installation.event(type, installation.properties());
      const read = jest
        .spyOn(installation.store, 'readState')
        .mockRejectedValue(new TypeError('state is not a function'));
      const told = await installation.invoke(event).catch((error: Error) => error.message);
      expect(told).toContain(`TypeError: state is not a function. Next step: ${next}`);
      read.mockRestore();
      expect(await installation.invoke(event).catch((error: Error) => error.message)).toBe(told);
    },
  );

  it('a delete works from what the state knows when the URL secret is gone', async () => {
    await deploy();
    installation.secrets.delete('url-secret');
    expect(await formation.destroy(ONCE)).toBe(true);
    expect(slot()).toBeUndefined();
  });

  it.each([
    ['DISABLE', false],
    ['RETAIN', true],
  ])('%s leaves our URL there', async (rule, active) => {
    await deploy({ [P.onRemoval]: rule });
    await formation.destroy(ONCE);
    expect(slot()?.active).toBe(active);
  });

  it('a renamed resource keeps the slot, whether the deployment ends well or is rolled back', async () => {
    await deploy();
    const renamed = new CloudFormation(installation, 'Renamed');
    await renamed.deploy(installation.properties(), ONCE, true);
    expect(slot()?.active).toBe(true);
    await renamed.deploy(installation.properties(), ONCE);
    await formation.destroy(ONCE);
    expect(slot()?.active).toBe(true);
    await renamed.destroy(ONCE);
    expect(slot()).toBeUndefined();
  });

  describe('a renamed resource has another URL secret, and', () => {
    const NEW = { [P.urlSecretArn]: 'new-url-secret' };
    const renamed = (): CloudFormation => new CloudFormation(installation, 'Renamed');
    beforeEach(async () => {
      world.rakuten.slots.set(SID, TRACKER);
      await deploy({ [P.existingPostback]: 'REPLACE' });
      installation.secrets.set('new-url-secret', installation.newUrlSecret());
    });

    it('a removal still restores the tracker that was there before', async () => {
      const other = renamed();
      expect(await other.deploy(installation.properties(NEW), ONCE)).toBe(true);
      await formation.destroy(ONCE);
      installation.secrets.delete('url-secret');
      expect(await other.destroy(ONCE)).toBe(true);
      expect(slot()).toEqual(TRACKER);
    });

    it('a removal restores the tracker after the renaming was rolled back, and after another one', async () => {
      expect(await renamed().deploy(installation.properties(NEW), ONCE, true)).toBe(false);
      installation.secrets.delete('new-url-secret');
      await deploy({
        [P.existingPostback]: 'REPLACE',
        [P.fieldList]: '[{"name":"e","field":"is_event"}]',
      });
      installation.secrets.set('third-url-secret', installation.newUrlSecret());
      const other = renamed();
      expect(
        await other.deploy(installation.properties({ [P.urlSecretArn]: 'third-url-secret' }), ONCE),
      ).toBe(true);
      await formation.destroy(ONCE);
      installation.secrets.delete('url-secret');
      expect(await other.destroy(ONCE)).toBe(true);
      expect(slot()).toEqual(TRACKER);
    });

    it('the deployment fails before it changes anything where the old secret cannot be read, with a next step that restores the tracker', async () => {
      const text = installation.secrets.get('url-secret') ?? '';
      const before = slot();
      installation.secrets.delete('url-secret');
      const other = renamed();
      expect(await other.deploy(installation.properties(NEW), ONCE)).toBe(false);
      expect(other.lastError).toMatch(
        /before \(tracker\.example\) cannot be read from the secret url-secret.*Next step: .* unregister --rule RESTORE/,
      );
      expect(slot()).toEqual(before);
      installation.secrets.set('url-secret', text);
      expect(await unregisterByHand(installation.ports(), SID, 'RESTORE')).toBe('restored');
      expect(slot()).toEqual(TRACKER);
      installation.secrets.delete('url-secret');
      expect(
        await other.deploy(
          installation.properties({ ...NEW, [P.existingPostback]: 'REPLACE' }),
          ONCE,
        ),
      ).toBe(true);
      await formation.destroy(ONCE);
      expect(await other.destroy(ONCE)).toBe(true);
      expect(slot()).toEqual(TRACKER);
    });
  });

  it('properties of an older or a newer format are understood', async () => {
    const {
      [P.enabled]: _e,
      [P.selfTest]: _s,
      [P.onRemoval]: _o,
      [P.formatVersion]: _f,
      [P.existingPostback]: _x,
      ...old
    } = installation.properties();
    expect(await formation.deploy(old, ONCE)).toBe(true);
    expect(
      await formation.deploy(
        { ...installation.properties(), [P.formatVersion]: '2', Unheard: 'of' },
        ONCE,
      ),
    ).toBe(true);
    expect(slot()?.active).toBe(true);
  });

  it('what was sent under a replaced secret is accepted for an hour, then no more', async () => {
    await deploy();
    const before = slot()?.url ?? '';
    installation.secrets.set('url-secret', installation.newUrlSecret());
    await deploy({ [P.enabled]: 'true', [P.fieldList]: '[{"name":"e","field":"is_event"}]' });
    expect(slot()?.url).not.toBe(before);
    expect([installation.takes(before), installation.takes(slot()?.url ?? '')]).toEqual([
      true,
      true,
    ]);
    await world.clock.sleep(61 * 60_000);
    expect([installation.takes(before), installation.takes(slot()?.url ?? '')]).toEqual([
      false,
      true,
    ]);
  });

  it('several publishers of one stack keep to their own slots', async () => {
    const second = new CloudFormation(installation, 'Second');
    await deploy();
    await second.deploy(installation.properties({ [P.sid]: '3900113' }), ONCE);
    await second.destroy(ONCE);
    expect([slot()?.active, slot('3900113')]).toEqual([true, undefined]);
  });
});

describe('a URL in the slot', () => {
  const ENDPOINT = 'https://api.example/prod/postback';
  const mine = {
    endpoints: ['https://old.example/postback', ENDPOINT],
    secretHashes: [sha256('old'), sha256('secret')],
  };

  it.each<[string, string | undefined, string]>([
    ['nothing', undefined, 'empty'],
    [
      'a secret that is known, wherever it goes',
      'https://elsewhere.example/?k=secret&f=0a1b2c3d',
      'ours',
    ],
    ['our endpoint without a secret', `${ENDPOINT}?u=<u1>`, 'ours'],
    ['our endpoint with a secret that nobody knows', `${ENDPOINT}?k=other&f=0a1b2c3d`, 'endpoint'],
    [
      'another endpoint with such a secret',
      'https://elsewhere.example/?k=other&f=0a1b2c3d',
      'installation',
    ],
    ['a tracker', TRACKER.url, 'foreign'],
  ])('is known for what it is: %s', (_, url, owner) => {
    expect(ownerOf(url === undefined ? undefined : { url, active: true }, mine)).toBe(owner);
  });

  it.each([
    ['https://api.example/?f=0a1b2c3d&k=a', 'a', '0a1b2c3d'],
    ['  https://api.example/?k=a&amp;f=0a1b2c3d', 'a', '0a1b2c3d'],
    ['https://api.example/?k=&f=0a1b2c3d', '', '0a1b2c3d'],
  ])('%s has the mark of an installation', (url, secret, fieldListId) => {
    expect(markOf(url)).toEqual({ secretSha256: sha256(secret), fieldListId });
  });

  it.each([
    'https://api.example/',
    'https://api.example/?k=a',
    'https://api.example/?f=0a1b2c3d',
    'https://api.example/?k=a&f=0a1b2c3',
    'https://api.example/?k=a&f=0a1b2c3d0',
    'https://api.example/?k=a&f=x0a1b2c3d',
    'https://api.example/?k=a&f=0A1B2C3D',
  ])('%s has none', (url) => {
    expect(markOf(url)).toBeUndefined();
  });

  it('is the one that was registered however Rakuten escapes it', () => {
    const url = postbackUrl(ENDPOINT, 'secret', [
      { name: 'u', field: 'u1' },
      { name: 'o', field: 'order_id' },
    ]);
    const shown = [
      url.replaceAll('<', '%3C').replaceAll('>', '%3E'),
      url.replaceAll('<', '%3c').replaceAll('>', '%3e'),
      url.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
      url.replaceAll('&', '&AMP;').replaceAll('<', '&LT;').replaceAll('>', '&GT;'),
      ` ${url}\n`,
    ];
    expect(shown.map((other) => isSameUrl(url, other))).toEqual(shown.map(() => true));
    expect(isSameUrl(url, url.replace('<u1>', '<order_id>'))).toBe(false);
    expect(isSameUrl(url, url.replace('&', ''))).toBe(false);
  });

  it('is as it was only when it is as active as it was', () => {
    expect(isSameSlot(undefined, undefined)).toBe(true);
    expect(isSameSlot(TRACKER, undefined)).toBe(false);
    expect(isSameSlot(undefined, TRACKER)).toBe(false);
    expect(isSameSlot(TRACKER, { ...TRACKER, url: ` ${TRACKER.url}` })).toBe(true);
    expect(isSameSlot(TRACKER, { ...TRACKER, active: false })).toBe(false);
    expect(isSameSlot(TRACKER, { ...TRACKER, url: ENDPOINT })).toBe(false);
  });
});

describe('what is remembered of a publisher', () => {
  const FIELDS = [{ name: 'u', field: 'u1' }] as const;
  const NOW = Date.parse('2026-04-18T09:00:00.000Z');
  const IN_AN_HOUR = '2026-04-18T10:00:00.000Z';
  const mark = (secret: string) => markFor(secret, FIELDS);
  /** Accepts the URLs with these secrets, of which the last is the newest. */
  const publisherWith = (...secrets: string[]) =>
    secrets.reduce((state, secret) => accepting(state, mark(secret), FIELDS), emptyState(SID));
  const untils = (state: ReturnType<typeof publisherWith>) =>
    state.accepted.map(({ acceptedUntil }) => acceptedUntil);

  it('is nothing at first, then the newest URL before the older ones, each once, of those that are retired twelve at most', () => {
    expect(emptyState(SID)).toEqual({ sid: SID, accepted: [] });
    expect(publisherWith('a', 'b', 'a').accepted).toEqual([
      { ...mark('a'), fields: FIELDS },
      { ...mark('b'), fields: FIELDS },
    ]);
    const secrets = Array.from({ length: 13 }, (_, i) => `s${i}`);
    const known = (state: ReturnType<typeof publisherWith>) =>
      state.accepted.map(({ secretSha256 }) => secretSha256);
    expect(known(publisherWith(...secrets))).toEqual(secrets.toReversed().map(sha256));
    const retired = retiringAllBut(publisherWith(...secrets.slice(0, 12)), undefined, NOW);
    expect(known(accepting(retired, mark('s12'), FIELDS))).toEqual(
      secrets.slice(1).reverse().map(sha256),
    );
    // One secret under two field lists is two URLs.
    expect(accepting(publisherWith('a'), markFor('a', []), []).accepted).toHaveLength(2);
  });

  it('is accepted for ever until it is retired, then for an hour, which nothing prolongs', () => {
    const retired = retiring(publisherWith('a', 'b'), mark('a'), NOW);
    expect(untils(retired)).toEqual([undefined, IN_AN_HOUR]);
    expect(untils(retiring(retired, mark('a'), NOW + 1))).toEqual([undefined, IN_AN_HOUR]);
    expect([
      accepts(retired, mark('a')),
      accepts(retired, mark('b')),
      accepts(retired, mark('c')),
    ]).toEqual([false, true, false]);
    expect(accepts(accepting(retired, mark('a'), FIELDS), mark('a'))).toBe(true);
  });

  it('stays accepted beyond the hour when it is in the slot, and nothing else does', () => {
    const inSlot = { url: postbackUrl('https://api.example/', 'a', FIELDS), active: true };
    const state = publisherWith('a', 'b');
    expect(untils(retiringAllBut(state, inSlot, NOW))).toEqual([IN_AN_HOUR, undefined]);
    expect(untils(retiringAllBut(state, TRACKER, NOW))).toEqual([IN_AN_HOUR, IN_AN_HOUR]);
    expect(untils(retiringAllBut(state, undefined, NOW))).toEqual([IN_AN_HOUR, IN_AN_HOUR]);
    expect(untils(retiringAllBut(retiring(state, mark('b'), NOW), undefined, NOW + 1))).toEqual([
      IN_AN_HOUR,
      '2026-04-18T10:00:00.001Z',
    ]);
    expect(retiringAllBut(state, undefined, NOW).sid).toBe(SID);
  });

  it('is who wants it, and by what properties until the last has given it up', () => {
    const one = withOwner({ ...publisherWith('a'), properties: { sid: SID } }, 'one');
    const both = withOwner(withOwner(one, 'two'), 'one');
    expect(both.owners).toEqual(['two', 'one']);
    expect(withOwner(one, undefined)).toBe(one);
    expect(otherOwners(both, 'one')).toEqual(['two']);
    expect(otherOwners(publisherWith('a'), 'one')).toEqual([]);
    expect(withoutOwner(both, 'two').owners).toEqual(['one']);
    expect(givenUp(both, 'one')).toEqual({ ...one, owners: ['two'] });
    expect(givenUp(one, 'one')).toEqual({ ...publisherWith('a'), owners: [] });
  });
});
