import { UserError } from '../errors';
import { type LeaseStore, waitForLease } from '../state/lease';
import type { LeasedPorts, RegistrationPorts } from './ports';

/**
 * Milliseconds without a renewal after which a holder counts as dead. Longer than a call to Rakuten
 * with its secret.
 */
const ABANDONED_AFTER_MILLIS = 45_000;
const RENEW_AFTER_MILLIS = 10_000;
const POLL_MILLIS = 2_000;
/** Milliseconds within which a run that waits has the lease of a dead holder. */
export const TAKEOVER_MILLIS = ABANDONED_AFTER_MILLIS + 2 * POLL_MILLIS;

const UNCHANGED = 'Nothing more was changed by this one';

/** Another run works on the slot. */
export class SlotBusyError extends UserError {
  public constructor(sid: string, problem: string) {
    super({
      name: 'SlotBusyError',
      problem: `Another run works on the postback slot of SID ${sid}: ${problem}. ${UNCHANGED}`,
      nextStep: 'wait until it has ended and try again',
    });
  }
}

/**
 * Runs the work while nobody else of this installation changes the slot.
 *
 * CloudFormation may deliver an event twice at once, or a Delete while the Create still runs, and
 * the watch and the command line change the slot too. The work gets ports that renew the lease
 * before each call, and whose writes fail once another run has taken over.
 *
 * @param waitUntil milliseconds since 1970
 */
export async function withLease<T>(
  ports: RegistrationPorts,
  sid: string,
  waitUntil: number,
  work: (leased: LeasedPorts) => Promise<T>,
  acquireLease: LeaseStore['acquireLease'] = (...args) => ports.store.acquireLease(...args),
): Promise<T> {
  const { store, clock } = ports;
  const holder = ports.randomId();
  const isHeld = await waitForLease({ acquireLease }, sid, holder, {
    pollMillis: POLL_MILLIS,
    abandonedAfterMillis: ABANDONED_AFTER_MILLIS,
    mayWait: () => clock.now() + POLL_MILLIS < waitUntil,
    sleep: (millis) => clock.sleep(millis),
  });
  if (!isHeld) throw new SlotBusyError(sid, 'it did not end in time');
  try {
    return await work(leasedPorts(ports, sid, holder));
  } finally {
    // Losing this only makes the next run wait until the lease counts as abandoned.
    await store
      .releaseLease(sid, holder)
      .catch((error: unknown) =>
        ports.log('lease not given back', { sid, reason: (error as Error).name }),
      );
  }
}

/** Ports of the lease's holder. */
export function leasedPorts(ports: RegistrationPorts, sid: string, holder: string): LeasedPorts {
  const { clock, store } = ports;
  const check = (isHeld: boolean): void => {
    if (!isHeld) throw new SlotBusyError(sid, 'it took over because this one was too slow');
  };
  const renewLease = async (): Promise<void> => check(await store.renewLease(sid, holder));
  const sleep = async (millis: number): Promise<void> => {
    for (let left = millis; left > 0; left -= RENEW_AFTER_MILLIS) {
      await clock.sleep(Math.min(left, RENEW_AFTER_MILLIS));
      if (left > RENEW_AFTER_MILLIS) await renewLease();
    }
  };
  return {
    ...ports,
    renewLease,
    clock: { now: () => clock.now(), random: () => clock.random(), sleep },
    store: {
      readState: (id) => store.readState(id),
      probeSeen: (probe) => store.probeSeen(probe),
      readOutcome: (requestId) => store.readOutcome(requestId),
      writeOutcome: async (requestId, outcome, now) => {
        await renewLease();
        await store.writeOutcome(requestId, outcome, now);
      },
      writeState: async (state) => check(await store.writeState(state, holder)),
    },
    saveSecretVersion: async (id, text, label) => {
      await renewLease();
      return ports.saveSecretVersion(id, text, label);
    },
    send: async (request) => {
      await renewLease();
      return ports.send(request);
    },
    probe: async (url, timeoutMillis) => {
      await renewLease();
      return ports.probe(url, timeoutMillis);
    },
  };
}

/** A permission that CloudFormation has just granted takes this long to be effective, at most. */
const PROPAGATION_MILLIS = 60_000;
const PAUSE_MILLIS = 5_000;

type Retry = <Args extends unknown[], Result>(
  work: (...args: Args) => Promise<Result>,
) => (...args: Args) => Promise<Result>;

/**
 * Retries while access is denied.
 *
 * @param beforeRetry called after each pause
 */
export function retryWhileDenied(
  { clock, log }: Pick<RegistrationPorts, 'clock' | 'log'>,
  beforeRetry: () => Promise<void> = async () => {},
): Retry {
  const until = clock.now() + PROPAGATION_MILLIS;
  return (work) =>
    async (...args) => {
      for (;;) {
        try {
          return await work(...args);
        } catch (error) {
          if (!isAccessDenied(error) || clock.now() + PAUSE_MILLIS > until) throw error;
          log('access denied, trying again: the permission may be new', {
            reason: (error as Error).name,
          });
          await clock.sleep(PAUSE_MILLIS);
          await beforeRetry();
        }
      }
    };
}

/** The ports of a deployment: secrets and the state are tried again while access is denied. */
export function withFreshPermissions(ports: LeasedPorts): LeasedPorts {
  const { store } = ports;
  const retry = retryWhileDenied(ports, ports.renewLease);
  return {
    ...ports,
    readSecret: retry(ports.readSecret),
    saveSecretVersion: retry(ports.saveSecretVersion),
    store: {
      readState: retry(store.readState),
      writeState: retry(store.writeState),
      probeSeen: retry(store.probeSeen),
      readOutcome: retry(store.readOutcome),
      writeOutcome: retry(store.writeOutcome),
    },
  };
}

/** Whether AWS denied access: to the caller, or to what the error was caused by. */
export function isAccessDenied(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'AccessDeniedException') return true;
  }
  return false;
}
