import type { RegistrationPorts } from './ports';

/** A permission that CloudFormation has just granted takes this long to be effective, at most. */
const PROPAGATION_MILLIS = 60_000;
const PAUSE_MILLIS = 5_000;

/** The ports of a deployment: secrets and the state table are tried again while access is denied. */
export function retryWhileDenied(ports: RegistrationPorts): RegistrationPorts {
  const { clock, log, store } = ports;
  const until = clock.now() + PROPAGATION_MILLIS;
  const retrying =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      for (;;) {
        try {
          return await work(...args);
        } catch (error) {
          if (!isAccessDenied(error) || clock.now() + PAUSE_MILLIS > until) throw error;
          log('access denied, trying again: the permission may be new', { reason: (error as Error).name });
          await clock.sleep(PAUSE_MILLIS);
        }
      }
    };
  return {
    ...ports,
    readSecret: retrying(ports.readSecret),
    store: {
      readState: retrying((sid) => store.readState(sid)),
      writeState: retrying((state) => store.writeState(state)),
      probeSeen: retrying((probe) => store.probeSeen(probe)),
      readOutcome: retrying((requestId) => store.readOutcome(requestId)),
      writeOutcome: retrying((requestId, outcome, now) => store.writeOutcome(requestId, outcome, now)),
      takeLease: retrying((sid, holder, now, end) => store.takeLease(sid, holder, now, end)),
      releaseLease: retrying((sid, holder) => store.releaseLease(sid, holder)),
    },
  };
}

function isAccessDenied(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'AccessDeniedException') return true;
  }
  return false;
}
