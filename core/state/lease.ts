/**
 * A lease: the right of one run at a time to work on something.
 *
 * No clock is ever compared with another one. A holder renews its lease while it works. A run that
 * waits takes the lease over when it has seen no renewal for a while of its own waiting. Each write
 * names its holder, and a holder that lost the lease can write no more.
 */

/** A lease as its store shows it. */
export interface SeenLease {
  readonly holder: string;
  /** Another value after each renewal. */
  readonly renewal: string;
}

/** Keeps leases. Reads are consistent. */
export interface LeaseStore {
  /**
   * Takes a lease that is free, or one that nobody has renewed since it was seen as `abandoned`.
   *
   * Returns the lease of another holder where there is one; undefined when the lease is taken.
   */
  acquireLease(id: string, holder: string, abandoned?: SeenLease): Promise<SeenLease | undefined>;
  /** Shows that the holder still works. False when it has lost the lease. */
  renewLease(id: string, holder: string): Promise<boolean>;
  /** Gives the lease back, if it is still held. */
  releaseLease(id: string, holder: string): Promise<void>;
}

export interface LeaseWait {
  /** Milliseconds between two tries. */
  readonly pollMillis: number;
  /** Milliseconds without a renewal after which the holder counts as dead. */
  readonly abandonedAfterMillis: number;
  /** Whether there is time for another try. */
  readonly mayWait: () => boolean;
  /** A timer, whose speed does not depend on the time of day. */
  readonly sleep: (millis: number) => Promise<void>;
}

/** Waits for a lease. False when there was no more time. */
export async function waitForLease(store: Pick<LeaseStore, 'acquireLease'>, id: string, holder: string, wait: LeaseWait): Promise<boolean> {
  let seen: SeenLease | undefined;
  let unchangedMillis = 0;
  for (;;) {
    const abandoned = unchangedMillis >= wait.abandonedAfterMillis ? seen : undefined;
    const current = await store.acquireLease(id, holder, abandoned);
    if (current === undefined) return true;
    if (seen === undefined || !isSame(seen, current)) unchangedMillis = 0;
    seen = current;
    if (!wait.mayWait()) return false;
    await wait.sleep(wait.pollMillis);
    unchangedMillis += wait.pollMillis;
  }
}

const isSame = (a: SeenLease, b: SeenLease): boolean => a.holder === b.holder && a.renewal === b.renewal;
