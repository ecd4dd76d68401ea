import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import { handleRegistrationEvent } from '../../../core/registration/events';
import { type RotationPorts, rotateUrlSecret } from '../../../core/registration/rotate';
import { CloudFormation, type DeliveryPlan } from '../../support/cloudformation';
import { Installation, World } from '../../support/registration-world';
import { MemoryVersions } from '../../support/secret-versions';
import { Watch } from '../../support/watch-world';

/** Runs that stand still at any of their calls, while another run takes their lease over. */

const SID = '3900112';
const ONCE: DeliveryPlan = { how: 'once', calls: 0 };
const MINUTES = 60_000;
/** Longer than the lease lasts, and than the other run takes. */
const STALL_MILLIS = 3 * MINUTES;

type Run = (system: System, ports: RotationPorts) => Promise<unknown>;

const rotate: Run = (system, ports) =>
  rotateUrlSecret(
    ports,
    { operation: 'rotate-secret', sid: SID },
    system.world.clock.now() + 8 * MINUTES,
  );
const deployFields: Run = ({ installation, world }, ports) => {
  const properties = installation.properties({
    [P.fieldList]: '[{"name":"is_event","field":"is_event"},{"name":"u","field":"u1"}]',
  });
  const event = installation.event('Update', properties, {
    OldResourceProperties: installation.properties(),
  });
  return handleRegistrationEvent(ports, event, world.clock.now() + 8 * MINUTES);
};

class System {
  readonly world = new World();
  readonly installation = new Installation(this.world);
  readonly versions = new MemoryVersions(this.installation);
  readonly lost: string[] = [];
  calls = 0;

  constructor() {
    this.world.afterCall = () => this.observe();
    const { store } = this.installation;
    const seed = store.seed.bind(store);
    store.seed = (state) => {
      seed(state);
      this.observe();
    };
  }

  /** What Rakuten would send now is accepted. */
  observe(): void {
    const slot = this.world.rakuten.slots.get(SID);
    if (slot !== undefined && !this.installation.takes(slot.url))
      this.lost.push(`after ${this.calls} calls`);
  }

  ports(stallAt = 0): RotationPorts {
    const raw = this.installation.ports();
    const stalling = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (_target, name) => {
          const member = Reflect.get(target, name) as unknown;
          if (typeof member !== 'function') return member;
          return async (...args: unknown[]) => {
            this.calls += stallAt === 0 ? 0 : 1;
            if (stallAt > 0 && this.calls === stallAt) await this.world.clock.sleep(STALL_MILLIS);
            return (member as (...given: unknown[]) => unknown).apply(target, args);
          };
        },
      });
    const { store, send, probe } = raw;
    const calls = stalling({ send, probe });
    return {
      ...raw,
      store: stalling(store),
      send: (request) => calls.send(request),
      probe: (url, timeout) => calls.probe(url, timeout),
      versions: stalling(this.versions),
      newSecret: () => this.installation.newUrlSecret(),
    };
  }
}

/** Returns how many calls the run made that stood still. */
async function playOut(stallAt: number, slow: Run, quick: Run): Promise<number> {
  const system = new System();
  const { installation, world, versions } = system;
  await new CloudFormation(installation).deploy(installation.properties(), ONCE);
  // Which of them fails is not important here.
  await Promise.allSettled([
    slow(system, system.ports(stallAt)),
    world.clock.sleep(1).then(() => quick(system, system.ports())),
  ]);
  const { calls } = system;
  expect(system.lost).toEqual([]);
  // The slot may hold the URL of a call that was on its way when the run stood still; the next
  // check sees to that.
  await new Watch(installation).run();
  await deployFields(system, system.ports());
  await rotateUrlSecret(
    system.ports(),
    { operation: 'rotate-secret', sid: SID },
    world.clock.now() + 8 * MINUTES,
  );
  const secret = new URL(world.rakuten.slots.get(SID)?.url ?? '').searchParams.get('k');
  expect(secret).toBe((await versions.current('url-secret')).text);
  expect(
    installation.store.states
      .get(SID)
      ?.accepted.filter((entry) => entry.acceptedUntil === undefined),
  ).toHaveLength(1);
  expect(system.lost).toEqual([]);
  return calls;
}

it.each<[string, Run, Run]>([
  ['a rotation, by a rotation', rotate, rotate],
  ['a rotation, by a deployment', rotate, deployFields],
  ['a deployment, by a rotation', deployFields, rotate],
  ['a deployment, by a deployment', deployFields, deployFields],
])(
  'no secret that Rakuten sends is ever rejected where a run is taken over: %s',
  async (_who, slow, quick) => {
    let stallAt = 1;
    while ((await playOut(stallAt, slow, quick)) >= stallAt) stallAt += 1;
    expect(stallAt).toBeGreaterThan(30);
  },
  60_000,
);
