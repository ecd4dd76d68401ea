import { METRICS } from '../../core/names';
import type { Check } from '../../core/status-watch/check';
import { isTrouble, type Trouble } from '../../core/status-watch/finding';
import type { WatchResult } from '../../core/status-watch/watch';

type Values = ReadonlyMap<string, number>;

const METRIC_OF: Record<Trouble, string> = {
  disabled: METRICS.disabled,
  missing: METRICS.missing,
  'taken-over': METRICS.takenOver,
  outdated: METRICS.outdated,
};

const trouble = ({ finding }: Check): Trouble | undefined =>
  finding !== 'busy' && finding !== 'not-registered' && finding !== 'unknown' && isTrouble(finding)
    ? finding
    : undefined;

/**
 * Whether a postback that is to be on was on when the check came to its end. Nothing where that is
 * not known or not wanted.
 */
export function activeMetrics(check: Check): Values {
  if (trouble(check) !== undefined) return new Map([[METRICS.active, check.restored ? 1 : 0]]);
  return new Map(check.finding === 'active' ? [[METRICS.active, 1]] : []);
}

/** By metric. What did not happen is left out. */
export function checkMetrics({ checks, probe }: WatchResult, failedTasks: number): Values {
  const counts = new Map<string, number>();
  const count = (metric: string): void => void counts.set(metric, (counts.get(metric) ?? 0) + 1);
  for (const check of checks) {
    const found = trouble(check);
    if (found !== undefined) count(METRIC_OF[found]);
    if (check.restored) count(METRICS.restored);
    if (check.flapping) count(METRICS.flapping);
    if (check.problem !== undefined) count(METRICS.statusCheckFailed);
  }
  if (failedTasks > 0) counts.set(METRICS.watchTaskFailed, failedTasks);
  if (probe !== undefined && probe.status !== 200) count(METRICS.probeFailed);
  return counts;
}

/** Of an acknowledged probe only: how long a refusal took says nothing about acknowledgements. */
export const latencyMetrics = ({ probe }: WatchResult): Values =>
  new Map(probe?.status === 200 ? [[METRICS.probeLatency, probe.millis]] : []);
