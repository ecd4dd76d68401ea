import * as fc from 'fast-check';
import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import { postbackUrl } from '../../../core/rakuten/postback/url';
import { parseProperties } from '../../../core/registration/properties';
import { isSameSlot, markOf } from '../../../core/registration/slot-url';
import { sha256 } from '../../../core/sha256';
import type { Behaviour, Fault, Slot } from '../../../fake-rakuten';
import { CloudFormation, type DeliveryPlan, sidIn } from '../../support/cloudformation';
import { CLIENT_SECRET, Installation, World } from '../../support/registration-world';

/**
 * Random histories of deployments, updates, failures with rollback, removals, takeovers by others
 * and faults, through the real state machine against the fake Rakuten in virtual time. After each
 * step the slots must be as CloudFormation, and the owners of other URLs, may expect. More runs:
 * `REGISTRATION_RUNS=20000 npx jest test/core/registration-model.test.ts`.
 */
const RUNS = Number(process.env.REGISTRATION_RUNS ?? 400);
const SIDS = ['3900112', '3900113'];
const TRACKER_SECRET = 'tracker-secret-4711';

/** What the test expects, beside what the system shows. */
class Expectation {
  /** URLs of others that must never be lost, by SID. */
  readonly claims = new Map<string, Slot>();
  /** SIDs where ours stands in the place of such a URL. */
  readonly displaced = new Set<string>();
  /**
   * SIDs whose slot could not be put in order because Rakuten failed for too long; said so in an
   * error.
   */
  readonly disordered = new Set<string>();
  /** Whether Rakuten or the endpoint is made to fail at the moment. */
  faulty = false;
}

class System {
  readonly world = new World();
  readonly installation = new Installation(this.world);
  readonly formation = new CloudFormation(this.installation);
  readonly urlSecrets = new Set<string>();
  private changes = 0;
  private last: Record<string, string> = {};

  constructor() {
    this.world.afterCall = () => this.observe();
    this.useNewSecret();
  }

  slot(sid: string): Slot | undefined {
    return this.world.rakuten.slots.get(sid);
  }

  isOurs(slot: Slot | undefined): boolean {
    const hash = slot === undefined ? undefined : markOf(slot.url)?.secretSha256;
    return [...this.urlSecrets].some((secret) => sha256(secret) === hash);
  }

  useNewSecret(): void {
    const secret = this.installation.newUrlSecret();
    this.urlSecrets.add(secret);
    this.installation.secrets.set('url-secret', secret);
  }

  wanted(properties: Record<string, unknown>): Slot {
    const desired = parseProperties(properties);
    const secret = this.installation.secrets.get('url-secret') ?? '';
    return {
      url: postbackUrl(desired.endpointUrl, secret, desired.fields),
      active: desired.enabled,
    };
  }

  previous(sid: string): Slot | undefined {
    const state = this.installation.store.states.get(sid);
    return state && this.installation.previousSlot(state);
  }

  /** Changes of any slot through Rakuten's API since the last call of this method. */
  countChanges(): number {
    const { changes } = this;
    this.changes = 0;
    // Between two requests enough time passes for the status call to show what is there.
    this.world.rakuten.slots.settle();
    return changes;
  }

  /** As another program would: the change shows at once. */
  setSlot(sid: string, slot: Slot | undefined): void {
    const { behaviour, slots } = this.world.rakuten;
    const { staleReads } = behaviour;
    behaviour.staleReads = 0;
    slots.set(sid, slot);
    behaviour.staleReads = staleReads;
    this.last[sid] = JSON.stringify(slot);
  }

  private observe(): void {
    for (const sid of SIDS) {
      const slot = this.slot(sid);
      const shown = JSON.stringify(slot);
      if (shown !== this.last[sid]) this.changes += 1;
      this.last[sid] = shown;
      // From the moment Rakuten can send, the consumer must take what it sends.
      if (slot?.active && this.isOurs(slot)) expect(this.installation.takes(slot.url)).toBe(true);
    }
  }
}

/** What must hold whatever happened. */
function checkOthers(expected: Expectation, system: System, replaces: boolean): void {
  for (const [sid, claim] of expected.claims) {
    const slot = system.slot(sid);
    if (isSameSlot(slot, claim)) {
      expected.displaced.delete(sid);
      continue;
    }
    expect({ sid, mayReplace: replaces || expected.displaced.has(sid) }).toEqual({
      sid,
      mayReplace: true,
    });
    expected.displaced.add(sid);
    // In its place is ours, and it is remembered.
    expect({ sid, ours: system.isOurs(slot) }).toEqual({ sid, ours: true });
    expect(system.previous(sid)).toEqual(claim);
  }
  const texts = system.world.texts.splice(0).join('\n');
  for (const secret of [
    ...system.urlSecrets,
    CLIENT_SECRET,
    TRACKER_SECRET,
    'fake-access-',
    'fake-refresh-',
  ])
    expect(texts).not.toContain(secret);
}

/** A removal by the rule DELETE that failed may have had its effect all the same. */
function forgetGivenUp(
  expected: Expectation,
  system: System,
  ...properties: Record<string, unknown>[]
): void {
  for (const given of properties) {
    if (ruleOf(given) === 'DELETE' && system.slot(sidIn(given)) === undefined)
      expected.claims.delete(sidIn(given));
  }
}

const mayReplace = (properties: Record<string, unknown>): boolean =>
  properties[P.existingPostback] === 'REPLACE';

const ruleOf = (properties: Record<string, unknown>): string =>
  String(properties[P.onRemoval]) || 'RESTORE';

interface Before {
  readonly slot: Slot | undefined;
  /** The URL that is to come back on removal. */
  readonly remembered: Slot | undefined;
}

const lookAt = (system: System, sid: string): Before => ({
  slot: system.slot(sid),
  remembered: system.previous(sid),
});

/** After a registration was taken away. */
function checkRemoved(
  expected: Expectation,
  system: System,
  sid: string,
  rule: string,
  { slot: before, remembered }: Before,
): void {
  const slot = system.slot(sid);
  if (rule === 'RETAIN' || !system.isOurs(before)) {
    expect(slot).toEqual(before);
    return;
  }
  if (rule === 'DISABLE') {
    expect(slot).toEqual({ url: before?.url, active: false });
    return;
  }
  // Whoever says DELETE gives up what was there before.
  if (rule === 'DELETE') expected.claims.delete(sid);
  expect(slot).toEqual(rule === 'RESTORE' ? remembered : undefined);
}

class Deploy implements fc.AsyncCommand<Expectation, System> {
  constructor(
    readonly changes: Record<string, string>,
    readonly plan: DeliveryPlan,
    readonly othersFail: boolean,
    readonly newSecret: boolean,
  ) {}
  check = (): boolean => true;
  toString = (): string =>
    `deploy(${JSON.stringify({ ...this.changes, ...this.plan, othersFail: this.othersFail, newSecret: this.newSecret })})`;

  async run(expected: Expectation, system: System): Promise<void> {
    const { formation } = system;
    const resource = formation.resource;
    if (formation.stuck !== undefined || formation.deleteFailed) return;
    if (this.newSecret) system.useNewSecret();
    const properties = system.installation.properties(this.changes);
    // CloudFormation sends no update that changes nothing.
    if (
      resource !== undefined &&
      JSON.stringify(resource.properties) === JSON.stringify(properties)
    )
      return;
    const sid = sidIn(properties);
    const oldSid = resource === undefined ? sid : sidIn(resource.properties);
    const seen = Object.fromEntries(SIDS.map((s) => [s, lookAt(system, s)]));
    const before = Object.fromEntries(SIDS.map((s) => [s, system.slot(s)]));
    const wasDisordered = new Set(expected.disordered);
    system.countChanges();
    const failedRemovals = formation.failedRemovals.length;
    formation.lastError = '';
    const succeeded = await formation.deploy(properties, this.plan, this.othersFail);

    const changes = system.countChanges();
    if (/could not be put back/.test(formation.lastError)) expected.disordered.add(sid);
    for (const { properties: left } of formation.failedRemovals.slice(failedRemovals))
      expected.disordered.add(sidIn(left));
    if (formation.stuck !== undefined) {
      expect(expected.faulty).toBe(true);
      for (const s of [sid, oldSid]) expected.disordered.add(s);
    }
    const free =
      before[sid] === undefined ||
      system.isOurs(before[sid]) ||
      properties[P.existingPostback] === 'REPLACE';
    if (!expected.faulty && !this.othersFail && free)
      expect({ succeeded, error: formation.lastError }).toEqual({ succeeded: true, error: '' });
    if (succeeded) {
      expected.disordered.delete(sid);
      expect(system.slot(sid)).toEqual(system.wanted(properties));
      // A postback that is on its way to the URL before is still taken.
      const replaced = before[sid];
      if (replaced !== undefined && system.isOurs(replaced))
        expect(system.installation.takes(replaced.url)).toBe(true);
      if (oldSid !== sid && !expected.disordered.has(oldSid))
        checkRemoved(
          expected,
          system,
          oldSid,
          ruleOf(resource?.properties ?? {}),
          seen[oldSid] as Before,
        );
      // Whatever was in the slot is now the one to come back.
      const displaced = before[sid];
      if (displaced !== undefined && !system.isOurs(displaced))
        expect(system.previous(sid)).toEqual(displaced);
      if (resource === undefined && displaced === undefined && !wasDisordered.has(sid))
        expected.claims.delete(sid);
      // A run that failed, put things back and was killed on the way is the only one that may be
      // followed by another effect.
      const cutOff = expected.faulty && this.plan.how === 'killed and invoked again';
      if (!cutOff && !wasDisordered.has(sid) && !wasDisordered.has(oldSid))
        expect(changes).toBeLessThanOrEqual(oldSid === sid ? 1 : 2);
    } else if (!expected.disordered.has(sid) && !wasDisordered.has(sid)) {
      checkFailed(
        system,
        resource,
        sid,
        before,
        this.othersFail ? { expected, rule: ruleOf(properties) } : undefined,
      );
    }
    forgetGivenUp(expected, system, properties, resource?.properties ?? {});
    checkOthers(expected, system, mayReplace(properties) || mayReplace(resource?.properties ?? {}));
  }
}

function checkFailed(
  system: System,
  resource: CloudFormation['resource'],
  sid: string,
  before: Record<string, Slot | undefined>,
  rolledBack: { expected: Expectation; rule: string } | undefined,
): void {
  const slot = system.slot(sid);
  if (resource === undefined || sidIn(resource.properties) !== sid) {
    if (
      rolledBack !== undefined &&
      (rolledBack.rule === 'RETAIN' ||
        rolledBack.rule === 'DISABLE' ||
        rolledBack.rule === 'DELETE')
    ) {
      // It was registered, and then removed by its own rule.
      if (rolledBack.rule === 'DELETE' && !isSameSlot(slot, before[sid]))
        rolledBack.expected.claims.delete(sid);
      if (rolledBack.rule === 'DISABLE' && !isSameSlot(slot, before[sid]))
        expect(system.isOurs(slot) && slot?.active).not.toBe(true);
      return;
    }
    if (!system.isOurs(before[sid])) expect(slot).toEqual(before[sid]);
    else
      expect(system.isOurs(slot) && slot?.active && slot.url !== before[sid]?.url).not.toBe(true);
    return;
  }
  // The old template's registration is back, or what was there when it could not be verified.
  const asBefore = isSameSlot(slot, before[sid]);
  const asWanted = isSameSlot(slot, system.wanted(resource.properties));
  expect(asBefore || asWanted).toBe(true);
}

class Destroy implements fc.AsyncCommand<Expectation, System> {
  constructor(readonly plan: DeliveryPlan) {}
  check = (): boolean => true;
  toString = (): string => `destroy(${JSON.stringify(this.plan)})`;

  async run(expected: Expectation, system: System): Promise<void> {
    const { resource } = system.formation;
    if (resource === undefined) return;
    if (system.formation.stuck !== undefined) return this.destroyStuck(expected, system);
    const sid = sidIn(resource.properties);
    const before = lookAt(system, sid);
    system.countChanges();
    const succeeded = await system.formation.destroy(this.plan);
    if (succeeded) {
      checkRemoved(expected, system, sid, ruleOf(resource.properties), before);
      expect(system.countChanges()).toBeLessThanOrEqual(1);
      if (ruleOf(resource.properties) !== 'RETAIN' && ruleOf(resource.properties) !== 'DISABLE')
        expected.disordered.delete(sid);
    } else {
      expect(expected.faulty).toBe(true);
      forgetGivenUp(expected, system, resource.properties);
    }
    checkOthers(expected, system, false);
  }

  private async destroyStuck(expected: Expectation, system: System): Promise<void> {
    const { stuck, resource } = system.formation;
    if (!(await system.formation.destroy(this.plan))) expect(expected.faulty).toBe(true);
    forgetGivenUp(expected, system, stuck?.from ?? {}, resource?.properties ?? {});
    checkOthers(expected, system, false);
  }
}

class TakeOver implements fc.AsyncCommand<Expectation, System> {
  constructor(
    readonly sid: string,
    readonly slot: Slot | undefined,
  ) {}
  check = (): boolean => true;
  toString = (): string => `others set ${this.sid} to ${JSON.stringify(this.slot)}`;

  async run(expected: Expectation, system: System): Promise<void> {
    system.setSlot(this.sid, this.slot);
    expected.displaced.delete(this.sid);
    if (this.slot !== undefined) expected.claims.set(this.sid, this.slot);
    else expected.claims.delete(this.sid);
  }
}

class Change implements fc.AsyncCommand<Expectation, System> {
  constructor(
    readonly name: string,
    readonly apply: (system: System, expected: Expectation) => void,
  ) {}
  check = (): boolean => true;
  toString = (): string => this.name;
  async run(expected: Expectation, system: System): Promise<void> {
    this.apply(system, expected);
  }
}

class ContinueRollback implements fc.AsyncCommand<Expectation, System> {
  check = (): boolean => true;
  toString = (): string => 'continue the rollback';
  async run(expected: Expectation, system: System): Promise<void> {
    if (system.formation.stuck === undefined || system.formation.deleteFailed) return;
    const { from, to } = system.formation.stuck;
    const replaces = mayReplace(to.properties);
    const succeeded = await system.formation.continueRollback({ how: 'once', calls: 0 });
    // Somebody took the slot while the rollback waited: that is for a person to decide.
    if (!succeeded && !/slot of SID \d+ is taken/.test(system.formation.lastError))
      expect(expected.faulty).toBe(true);
    // The end of a rollback removes what the failed update had registered for another SID, by the
    // rule given for that.
    forgetGivenUp(expected, system, from, to.properties);
    checkOthers(expected, system, replaces);
  }
}

function mend(system: System, expected: Expectation): void {
  system.world.rakuten.faults.clear();
  system.installation.endpoint = { status: 200, millis: 42 };
  system.installation.consumerRuns = true;
  expected.faulty = false;
}

const plans = fc.oneof(
  { weight: 4, arbitrary: fc.constant<DeliveryPlan>({ how: 'once', calls: 0 }) },
  { weight: 1, arbitrary: fc.constant<DeliveryPlan>({ how: 'repeated', calls: 0 }) },
  { weight: 1, arbitrary: fc.constant<DeliveryPlan>({ how: 'twice at once', calls: 0 }) },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: 0, max: 8 })
      .map((calls): DeliveryPlan => ({ how: 'killed and invoked again', calls })),
  },
);

const deploys = fc
  .tuple(
    fc.record({
      [P.sid]: fc.oneof(
        { weight: 4, arbitrary: fc.constant(SIDS[0] as string) },
        { weight: 1, arbitrary: fc.constant(SIDS[1] as string) },
      ),
      [P.enabled]: fc.constantFrom('true', 'true', 'false'),
      [P.existingPostback]: fc.constantFrom('FAIL', 'REPLACE'),
      [P.onRemoval]: fc.constantFrom('', '', 'DELETE', 'RESTORE', 'DISABLE', 'RETAIN'),
      [P.selfTest]: fc.constantFrom('true', 'false'),
      [P.fieldList]: fc.constantFrom(
        '[{"name":"is_event","field":"is_event"}]',
        '[{"name":"event","field":"is_event"},{"name":"u","field":"u1"}]',
      ),
    }),
    plans,
    fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  )
  .map(
    ([changes, plan, othersFail, newSecret]) => new Deploy(changes, plan, othersFail, newSecret),
  );

const takeovers = fc
  .tuple(fc.constantFrom(...SIDS), fc.integer({ min: 0, max: 9 }), fc.boolean())
  .map(([sid, n, active]) =>
    n === 0
      ? new TakeOver(sid, undefined)
      : new TakeOver(sid, {
          url: `https://tracker-${n}.example/in?token=${TRACKER_SECRET}&click=<u1>`,
          active,
        }),
  );

const operations = fc.constantFrom<Fault['operation'][]>(
  'token',
  'read',
  'create',
  'update',
  'delete',
  undefined,
);
const faults = fc
  .record<Fault>({
    operation: operations as fc.Arbitrary<NonNullable<Fault['operation']>>,
    skip: fc.integer({ min: 0, max: 3 }),
    times: fc.constantFrom(1, 1, 2, 1000),
    status: fc.constantFrom(
      undefined,
      undefined,
      400,
      401,
      403,
      404,
      429,
      500,
      503,
    ) as fc.Arbitrary<number>,
    connection: fc.constantFrom(undefined, 'drop', 'hang', 'truncate') as fc.Arbitrary<'drop'>,
    afterEffect: fc.boolean(),
    echo: fc.boolean(),
    body: fc.constantFrom(
      undefined,
      '',
      '<html><body>502</body></html>',
      '{"message":"no',
    ) as fc.Arbitrary<string>,
  })
  // A read that says there is no postback while there is one cannot be seen through.
  .filter(
    ({ operation, status }) => status !== 404 || (operation !== undefined && operation !== 'read'),
  )
  .map(
    (fault) =>
      new Change(`fault ${JSON.stringify(fault)}`, (system, expected) => {
        system.world.rakuten.faults.add(fault);
        expected.faulty = true;
      }),
  );

const behaviours = fc
  .record<Partial<Behaviour>>({
    absent: fc.constantFrom('not-found', 'empty', 'message'),
    createOnTaken: fc.constantFrom('refuse', 'overwrite'),
    deleteAbsent: fc.constantFrom('ok', 'not-found'),
    staleReads: fc.constantFrom(0, 0, 1, 2),
    tokenHeader: fc.constantFrom('both', 'bearer', 'basic'),
  })
  .map(
    (behaviour) =>
      new Change(`behaviour ${JSON.stringify(behaviour)}`, (system) =>
        Object.assign(system.world.rakuten.behaviour, behaviour),
      ),
  );

const commands = fc.commands(
  [
    deploys,
    deploys,
    plans.map((plan) => new Destroy(plan)),
    takeovers,
    faults,
    behaviours,
    fc.constant(new Change('mend everything', mend)),
    fc.constant(new ContinueRollback()),
    fc.constantFrom(503, 403).map(
      (status) =>
        new Change(`the endpoint answers ${status}`, (system, expected) => {
          system.installation.endpoint = { status, millis: 30 };
          expected.faulty = true;
        }),
    ),
  ],
  { maxCommands: 25, size: 'max' },
);

test('in every order of events the slot ends as the template says and no URL of others is lost', async () => {
  const property = fc.asyncProperty(commands, async (history) => {
    const system = new System();
    const expected = new Expectation();
    await fc.asyncModelRun(
      () => ({ model: expected, real: system }),
      [
        ...history,
        new Change('mend everything', mend),
        new ContinueRollback(),
        new Destroy({ how: 'once', calls: 0 }),
      ],
    );
    expect(system.formation.resource).toBeUndefined();
  });
  await fc.assert(property, { numRuns: RUNS });
}, 600_000);
