import { METRICS } from '../../core/names';
import { comparedCount, deliveryRate } from '../../core/reconciliation/counts';
import type { JobOutcome, JobProgress } from '../../core/reconciliation/job';

type Values = ReadonlyMap<string, number>;

/** Rows that the Events API has not confirmed. */
export interface UnverifiedCount {
  readonly confirmed: number;
  readonly events: number;
}

const defined = (values: Readonly<Record<string, number | undefined>>): Values =>
  new Map(
    Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );

/** Counts of a run. Zero is left out, except for the lines that were read. */
export function countMetrics(outcome: JobOutcome): Values {
  if (!('counts' in outcome)) return new Map();
  const { counts, job, braked } = outcome;
  const written = (count: number): number | undefined =>
    count === 0 || job.dryRun === true ? undefined : count;
  return defined({
    [METRICS.reconciled]: comparedCount(counts),
    [job.reason === 'backfill' ? METRICS.backfilled : METRICS.recovered]: written(counts.missing),
    [METRICS.verified]: written(counts.unverified),
    [METRICS.corrected]: written(braked > 0 ? 0 : counts.different),
    [METRICS.withdrawn]: written(counts.withdrawn),
    [METRICS.unreadableAnswers]: written(counts.unreadable),
    [METRICS.reusedIds]: written(counts.reused),
    [METRICS.brake]: written(braked > 0 ? 1 : 0),
  });
}

/** What is not a count but a state. */
export function gaugeMetrics(outcome: JobOutcome, unverified: UnverifiedCount | undefined): Values {
  const isDone =
    (outcome.outcome === 'done' || outcome.outcome === 'empty') && outcome.job?.dryRun !== true;
  // No postback could have delivered what is older than the installation.
  const rate =
    'counts' in outcome && outcome.job.reason !== 'backfill'
      ? deliveryRate(outcome.counts)
      : undefined;
  return defined({
    [METRICS.deliveryRate]: rate === undefined ? undefined : rate * 100,
    [METRICS.unverified]: unverified?.confirmed,
    [METRICS.unverifiedEvents]: unverified?.events,
    [METRICS.reconciliationAge]: isDone ? 0 : undefined,
  });
}

export const progressMetrics = ({ job, done }: JobProgress): Values =>
  defined({
    [METRICS.backfillProgress]: job.reason === 'backfill' ? Math.floor(done * 100) : undefined,
  });

export const failureMetrics = (): Values => defined({ [METRICS.reconciliationFailed]: 1 });

export const ageMetrics = (hours: number): Values =>
  defined({ [METRICS.reconciliationAge]: hours });
