import { METRICS } from '../../core/names';
import { comparedCount, deliveryRate } from '../../core/reconciliation/counts';
import type { JobOutcome, JobProgress } from '../../core/reconciliation/job';

type Values = ReadonlyMap<string, number>;

const given = (values: Readonly<Record<string, number | undefined>>): Values =>
  new Map(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined));

export function countMetrics(outcome: JobOutcome): Values {
  return given({ [METRICS.reconciled]: 'counts' in outcome ? comparedCount(outcome.counts) : undefined });
}

/** What is not a count but a state. */
export function gaugeMetrics(outcome: JobOutcome, unverified: number | undefined): Values {
  const isDone = outcome.outcome === 'done' || outcome.outcome === 'empty';
  // No postback could have brought what is older than the installation.
  const rate = 'counts' in outcome && outcome.job.reason !== 'backfill' ? deliveryRate(outcome.counts) : undefined;
  return given({
    [METRICS.deliveryRate]: rate === undefined ? undefined : rate * 100,
    [METRICS.unverified]: unverified,
    [METRICS.reconciliationAge]: isDone ? 0 : undefined,
  });
}

export const progressMetrics = ({ job, done }: JobProgress): Values =>
  given({ [METRICS.backfillProgress]: job.reason === 'backfill' ? Math.floor(done * 100) : undefined });

export const failureMetrics = (): Values => given({ [METRICS.reconciliationFailed]: 1 });

export const ageMetrics = (hours: number): Values => given({ [METRICS.reconciliationAge]: hours });
