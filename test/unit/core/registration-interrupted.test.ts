import { REGISTRATION_PROPERTIES as P } from '../../../core/names';
import type { Slot } from '../../../core/rakuten/api/client';
import { handleRegistrationEvent, type RegistrationEvent } from '../../../core/registration/events';
import type { RegistrationPorts } from '../../../core/registration/ports';
import { ACCEPT_PREVIOUS_FOR_MILLIS } from '../../../core/state/publisher-state';
import { InterruptiblePorts, type Interruption } from '../../support/interruption';
import { SID, SlotRun } from '../../support/slot-run';

const OTHER_SID = '3900113';
const MINUTES = 60_000;
/** How long a killed run keeps others from the slot. */
const LEASE_MILLIS = 90_000;
const TRACKER: Slot = {
  url: 'https://tracker.example/in?token=tracker-secret-4711&click=<u1>',
  active: false,
};
const HOW: Interruption['how'][] = [
  'killed before',
  'killed after',
  'fails',
  'fails after its effect',
];
/** Without the ten probes of a self-test, which the first story has: they are all alike. */
const REPLACE = { [P.existingPostback]: 'REPLACE', [P.selfTest]: 'false' };
const OTHER_FIELDS = { ...REPLACE, [P.fieldList]: '[{"name":"u","field":"u1"}]' };
const MOVED = { ...REPLACE, [P.sid]: OTHER_SID };

type Changes = Record<string, unknown>;

/** One stack, whose requests may be interrupted, and a Rakuten that sends all the while. */
class System {
  readonly run = new SlotRun();
  readonly installation = this.run.installation;
  /**
   * When a URL of ours last stood in a slot: until an hour later a postback may come that was sent
   * to it.
   */
  private readonly seen = new Map<string, number>();
  readonly lost = new Set<string>();
  calls = 0;

  constructor() {
    this.run.world.afterCall = () => this.observe();
  }

  slot = (sid = SID): Slot | undefined => this.run.world.rakuten.slots.get(sid);
  event = (
    type: RegistrationEvent['RequestType'],
    to: Changes,
    from: Changes = {},
  ): RegistrationEvent =>
    this.installation.event(type, this.installation.properties(to), {
      ...(type === 'Update' ? { OldResourceProperties: this.installation.properties(from) } : {}),
      ...(type === 'Create'
        ? {}
        : {
            PhysicalResourceId: `rakuten-postback-${String((type === 'Update' ? from : to)[P.sid] ?? SID)}`,
          }),
    });

  /** How it ended. */
  async request(
    event: RegistrationEvent,
    interruption?: Interruption,
  ): Promise<'done' | 'failed' | 'killed'> {
    const interruptible = new InterruptiblePorts(interruption, () => this.observe());
    const ports: RegistrationPorts = interruptible.wrap(
      this.installation.ports(),
      ['store'],
      ['clock', 'randomId', 'log'],
    );
    const end = this.run.world.clock.now() + 8 * MINUTES;
    const ended = handleRegistrationEvent(ports, event, end).then(
      () => 'done' as const,
      () => 'failed' as const,
    );
    const how = await Promise.race([ended, interruptible.killed]);
    this.calls = interruptible.calls;
    this.observe();
    if (how === 'killed') await this.run.world.clock.sleep(LEASE_MILLIS);
    return how;
  }

  /**
   * What Rakuten sends now, and what it sent a while ago and is still on its way, must be taken.
   */
  private observe(): void {
    const now = this.run.world.clock.now();
    for (const slot of [this.slot(), this.slot(OTHER_SID)])
      if (slot?.active && slot.url !== TRACKER.url) this.seen.set(slot.url, now);
    for (const [url, at] of this.seen) {
      if (now - at > ACCEPT_PREVIOUS_FOR_MILLIS - MINUTES) this.seen.delete(url);
      else if (!this.installation.takes(url)) this.lost.add('a postback was turned away');
    }
  }
}

interface Story {
  readonly prepare: (system: System) => Promise<unknown>;
  readonly request: (system: System) => RegistrationEvent;
  /** What CloudFormation sends after a failure. */
  readonly afterFailure: (system: System) => RegistrationEvent | undefined;
}

const create = (system: System, changes: Changes): Promise<unknown> =>
  system.request(system.event('Create', changes));
const takeOver = async (system: System): Promise<void> => {
  system.run.slot = TRACKER;
  await create(system, REPLACE);
};

const STORIES: Record<string, Story> = {
  'a first deployment': {
    prepare: async () => {},
    request: (system) => system.event('Create', {}),
    afterFailure: () => undefined,
  },
  'a first deployment over a tracker': {
    prepare: async ({ run }) => {
      run.slot = TRACKER;
    },
    request: (system) => system.event('Create', REPLACE),
    afterFailure: () => undefined,
  },
  'an update': {
    prepare: takeOver,
    request: (system) => system.event('Update', OTHER_FIELDS, REPLACE),
    afterFailure: (system) => system.event('Update', REPLACE, OTHER_FIELDS),
  },
  'an update to another publisher id': {
    prepare: takeOver,
    request: (system) => system.event('Update', MOVED, REPLACE),
    afterFailure: (system) => ({
      ...system.event('Update', REPLACE, MOVED),
      PhysicalResourceId: `rakuten-postback-${SID}`,
    }),
  },
  'a removal': {
    prepare: takeOver,
    request: (system) => system.event('Delete', REPLACE),
    afterFailure: (system) => system.event('Delete', REPLACE),
  },
};

describe.each(Object.entries(STORIES))(
  '%s that is interrupted at any of its calls, to whomever,',
  (_name, { prepare, request, afterFailure }) => {
    it('leaves both slots as they were or as they shall be, and no postback is turned away', async () => {
      const undisturbed = new System();
      await prepare(undisturbed);
      const slots = ({ slot }: System): unknown =>
        JSON.parse(
          JSON.stringify([slot() ?? null, slot(OTHER_SID) ?? null]).replaceAll(
            /k=[\w-]+|stack-\d+/g,
            '',
          ),
        );
      const before = slots(undisturbed);
      expect(await undisturbed.request(request(undisturbed))).toBe('done');
      const after = slots(undisturbed);
      expect(undisturbed.calls).toBeGreaterThan(9);
      for (let call = 0; call < undisturbed.calls; call += 1) {
        for (const how of HOW) {
          const system = new System();
          await prepare(system);
          const event = request(system);
          let ended = await system.request(event, { call, how });
          // The framework invokes a function again that was killed.
          if (ended === 'killed') ended = await system.request(event);
          const next = ended === 'failed' ? afterFailure(system) : undefined;
          const rolledBack = next !== undefined && next.RequestType !== 'Delete';
          if (next !== undefined) ended = await system.request(next);
          const expected = ended === 'done' && !rolledBack ? after : before;
          expect({ call, how, ended, slots: slots(system), lost: [...system.lost] }).toEqual({
            call,
            how,
            ended: next === undefined ? ended : 'done',
            slots: expected,
            lost: [],
          });
        }
      }
    });
  },
);
