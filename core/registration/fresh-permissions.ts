import type { LeasedPorts, RegistrationPorts } from './ports';

/** A permission that CloudFormation has just granted takes this long to be effective, at most. */
const PROPAGATION_MILLIS = 60_000;
const PAUSE_MILLIS = 5_000;

type Retry = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => (...args: Args) => Promise<Result>;

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
          log('access denied, trying again: the permission may be new', { reason: (error as Error).name });
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
