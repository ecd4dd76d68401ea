/** How an installation's reconciliation is set. The construct writes it, the function reads it. */
export interface ReconciliationSettings {
  /** How far back the hourly run looks at least. */
  readonly hourlyWindowSeconds: number;
  /** How far back the daily run looks at least. */
  readonly dailyWindowSeconds: number;
  /** How far back an installation's first run looks; 0: no further than any other. */
  readonly backfillSeconds: number;
  /** From what age on a line that the Events API does not tell is counted as unverified. */
  readonly unverifiedAfterSeconds: number;
  /** ISO 8601. Lines that Rakuten processed before are left alone. */
  readonly notBefore?: string;
}

/** Lines that Rakuten processed before this time are not compared. Milliseconds since 1970. */
export const notBefore = (settings: ReconciliationSettings, comparableSince: number): number =>
  Math.max(comparableSince, settings.notBefore === undefined ? 0 : Date.parse(settings.notBefore));
