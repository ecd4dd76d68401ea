import type { ReconciliationSettings } from '../../core/reconciliation/settings';
import type { WatchSettings } from '../../core/status-watch/settings';

/** What the construct sets on AWS. A test compares it with the synthesized template. */
export const AS_DEPLOYED = {
  batchSize: 50,
  batchingWindowMillis: 1_000,
  /** The consumer's. */
  timeoutMillis: 30_000,
  maxConcurrency: 10,
  visibilityTimeoutMillis: 181_000,
  maxReceiveCount: 5,
  dayShards: 1,
} as const;

/** The campaign of the promise: a month of a busy publisher. */
export const LONG = { days: 30, lines: 100_000 } as const;
/** The one that runs with the tests. */
export const SHORT = { days: 3, lines: 1_500 } as const;

export const TABLES = { transactions: 'transactions', state: 'state' } as const;

export const SID = '3900112';
/** A publisher of another installation whose lines some tokens cover too. */
export const OTHER_SID = '3900999';

export const RECONCILIATION: ReconciliationSettings = {
  hourlyWindowSeconds: 3 * 3600,
  dailyWindowSeconds: 29 * 86_400,
  backfillSeconds: 29 * 86_400,
  unverifiedAfterSeconds: 24 * 3600,
};

export const WATCH: WatchSettings = {
  onTakeover: 'REPORT',
  selfProbe: true,
  flappingAfter: 3,
  flappingWindowSeconds: 24 * 3600,
  reconciliationFunction: 'reconciliation',
};
