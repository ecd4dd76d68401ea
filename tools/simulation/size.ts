export interface CampaignSize {
  /** Simulated days. */
  readonly days: number;
  /** Lines that Rakuten pushes. */
  readonly lines: number;
}

/** The campaign of the promise: a month of a busy publisher. */
export const LONG: CampaignSize = { days: 30, lines: 100_000 };
/** The one that runs with the tests. */
export const SHORT: CampaignSize = { days: 3, lines: 1_500 };
