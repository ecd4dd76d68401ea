/** How an installation's status watch is set. The construct writes it, the function reads it. */
export interface WatchSettings {
  /** Whether a slot that somebody else has taken is only reported, or taken back. */
  readonly onTakeover: 'REPORT' | 'RECLAIM';
  /** Whether each run sends a GET of its own to the endpoint. */
  readonly selfProbe: boolean;
  /** So many restorations within the window make a postback a flapping one. */
  readonly flappingAfter: number;
  readonly flappingWindowSeconds: number;
  /** Name or ARN of the function that is asked to fetch what a spell without postbacks lost. */
  readonly reconciliationFunction?: string;
}
