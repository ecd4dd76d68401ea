/** Measurements that must not grow, made when queue and table are empty again. */
export interface Sample {
  /** Since the beginning of the run. */
  readonly seconds: number;
  /** Postbacks sent until then. */
  readonly sent: number;
  /** Used by sender, endpoint and fake Rakuten after a collection, in bytes. */
  readonly heap: number;
  /**
   * Bytes that the threads of the embedded DynamoDB and SQS hold after a collection. Those of
   * DynamoDB are not judged: dynalite keeps, for each query, the tables as they were then.
   */
  readonly dynamodb: number;
  readonly sqs: number;
  /** Resident memory of this process without what the embedded DynamoDB holds, in bytes. */
  readonly process: number;
  /** Resident memory of the consumer's largest process, in bytes. */
  readonly consumer: number;
  /** Open files and sockets of this process and of the consumer's. 0 if the system reports none. */
  readonly files: number;
  readonly consumerFiles: number;
  /** Timers, sockets and requests that keep this process alive. */
  readonly resources: number;
}

export type Measure = Exclude<keyof Sample, 'seconds' | 'sent'>;

const MB = 1e6;

/** Allowed growth: the larger of a share of the first value and an amount. */
export const ALLOWED: Readonly<
  Record<Measure, { readonly share: number; readonly amount: number }>
> = {
  heap: { share: 0.1, amount: 10 * MB },
  dynamodb: { share: 0.1, amount: 10 * MB },
  sqs: { share: 0.1, amount: 10 * MB },
  process: { share: 0.15, amount: 60 * MB },
  // Node collects garbage of short runs late; how late depends on the machine.
  consumer: { share: 0.15, amount: 100 * MB },
  files: { share: 0, amount: 30 },
  consumerFiles: { share: 0, amount: 20 },
  resources: { share: 0, amount: 10 },
};

export interface Trend {
  /** Median of the first third after the warm-up, and of the last third. */
  readonly early: number;
  readonly late: number;
  /** Of the line through all samples after the warm-up. */
  readonly perHour: number;
  readonly isFlat: boolean;
}

/** Caches fill and code is compiled in the first fifth of a run, which is therefore left out. */
const WARM_UP = 0.2;

export function trendOf(samples: readonly Sample[], measure: Measure): Trend {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  if (warm.length < 3)
    throw new Error(`${samples.length} samples say nothing about a trend; let it run longer`);
  const third = Math.max(1, Math.floor(warm.length / 3));
  const early = median(warm.slice(0, third).map((sample) => sample[measure]));
  const late = median(warm.slice(-third).map((sample) => sample[measure]));
  const { share, amount } = ALLOWED[measure];
  return {
    early,
    late,
    perHour: 3600 * slope(warm, measure),
    isFlat: late - early <= Math.max(share * early, amount),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Least squares: how much a measure grows in a second. */
function slope(samples: readonly Sample[], measure: Measure): number {
  const mean = (pick: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean((sample) => sample[measure])];
  const spread = samples.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0);
  return (
    samples.reduce((sum, sample) => sum + (sample.seconds - x) * (sample[measure] - y), 0) / spread
  );
}
