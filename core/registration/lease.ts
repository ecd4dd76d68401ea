import type { RegistrationPorts } from './ports';

/** A holder that was killed keeps others waiting for this long at most. */
const LEASE_MILLIS = 90_000;
const RENEW_AFTER_MILLIS = 20_000;
const POLL_MILLIS = 2_000;

/** Another run works on the slot. */
export class SlotBusyError extends Error {
  public constructor(sid: string, problem: string) {
    super(
      `Another run works on the postback slot of SID ${sid}: ${problem}. Nothing more was changed by this one. Next step: wait until it has ended and try again.`,
    );
    this.name = 'SlotBusyError';
  }
}

/**
 * Runs the work while nobody else of this installation changes the slot: CloudFormation may deliver an event twice at once, or a Delete while the
 * Create still runs, and the watch and the command line change the slot too. The work gets ports that prolong the lease as it goes.
 */
export async function withLease<T>(
  ports: RegistrationPorts,
  sid: string,
  waitUntil: number,
  work: (ports: RegistrationPorts) => Promise<T>,
): Promise<T> {
  const { store, clock } = ports;
  const holder = ports.randomId();
  const take = (): Promise<boolean> => store.takeLease(sid, holder, clock.now(), clock.now() + LEASE_MILLIS);
  while (!(await take())) {
    if (clock.now() + POLL_MILLIS >= waitUntil) throw new SlotBusyError(sid, 'it did not end in time');
    await clock.sleep(POLL_MILLIS);
  }
  try {
    return await work(renewing(ports, sid, take));
  } finally {
    // Losing this only makes the next run wait until the lease ends by itself.
    await store
      .releaseLease(sid, holder)
      .catch((error: unknown) => ports.log('lease not given back', { sid, reason: (error as Error).name }));
  }
}

function renewing(ports: RegistrationPorts, sid: string, take: () => Promise<boolean>): RegistrationPorts {
  const { clock } = ports;
  let renewedAt = clock.now();
  const keep = async (): Promise<void> => {
    if (clock.now() - renewedAt < RENEW_AFTER_MILLIS) return;
    if (!(await take())) throw new SlotBusyError(sid, 'it took over because this one was too slow');
    renewedAt = clock.now();
  };
  const sleep = async (millis: number): Promise<void> => {
    for (let left = millis; left > 0; left -= RENEW_AFTER_MILLIS) {
      await clock.sleep(Math.min(left, RENEW_AFTER_MILLIS));
      await keep();
    }
  };
  return {
    ...ports,
    clock: { ...clock, now: () => clock.now(), random: () => clock.random(), sleep },
    send: async (request) => {
      await keep();
      return ports.send(request);
    },
    probe: async (url, timeoutMillis) => {
      await keep();
      return ports.probe(url, timeoutMillis);
    },
  };
}
