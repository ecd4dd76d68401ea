const BUCKETS_PER_MILLI = 10;
const MAX_MILLIS = 2000;

/** Counts durations in buckets of 0.1 ms, so that its size does not grow with their number. */
export class LatencyHistogram {
  private readonly buckets = new Uint32Array(MAX_MILLIS * BUCKETS_PER_MILLI + 1);
  private total = 0;
  private longest = 0;

  public record(millis: number): void {
    const bucket = Math.min(Math.floor(millis * BUCKETS_PER_MILLI), this.buckets.length - 1);
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.total += 1;
    this.longest = Math.max(this.longest, millis);
  }

  public get count(): number {
    return this.total;
  }

  /** The longest duration, in milliseconds. */
  public get max(): number {
    return this.longest;
  }

  /**
   * The duration that this share (0 to 1) of all did not exceed, in milliseconds; 0 when there were
   * none.
   */
  public percentile(share: number): number {
    const wanted = Math.ceil(this.total * share);
    let seen = 0;
    for (const [bucket, count] of this.buckets.entries()) {
      seen += count;
      if (count > 0 && seen >= wanted)
        return Math.min((bucket + 1) / BUCKETS_PER_MILLI, this.longest);
    }
    return 0;
  }
}
