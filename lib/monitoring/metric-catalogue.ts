import { Duration } from 'aws-cdk-lib';
import { Stats, Unit } from 'aws-cdk-lib/aws-cloudwatch';
import type { METRICS } from '../../core/names';

export type OwnMetric = keyof typeof METRICS;

/** The part that makes a metric happen. Where it is off there is no such metric. */
export type Part = 'consumer' | 'reconciliation' | 'status-watch' | 'self-probe';

/** How a metric of our own is read unless somebody says otherwise. */
export interface MetricDeclaration {
  /** What a graph calls it. */
  readonly label: string;
  readonly part: Part;
  readonly statistic: string;
  readonly unit: Unit;
  readonly period: Duration;
}

const FIVE_MINUTES = Duration.minutes(5);
const HOUR = Duration.hours(1);
const DAY = Duration.days(1);

const count = (part: Part, label: string, period = FIVE_MINUTES): MetricDeclaration => ({
  label,
  part,
  statistic: Stats.SUM,
  unit: Unit.COUNT,
  period,
});

/** A state rather than a count: adding two values says nothing, the worse of them does. */
const gauge = (part: Part, label: string, statistic: string, period = HOUR): MetricDeclaration => ({
  label,
  part,
  statistic,
  unit: Unit.NONE,
  period,
});

/** Every metric of our own, once. Methods, graphs and alarms are made from this. */
export const METRIC_CATALOGUE: Readonly<Record<OwnMetric, MetricDeclaration>> = {
  stored: count('consumer', 'new rows'),
  duplicate: count('consumer', 'duplicates absorbed'),
  changed: count('consumer', 'replaced by an earlier postback'),
  otherPushes: count('consumer', 'later postbacks with other content'),
  differingPushes: count('consumer', 'postbacks that differ from the Events API'),
  foreignSid: count('consumer', 'with the SID of another publisher'),
  forged: count('consumer', 'without a valid secret'),
  notAPostback: count('consumer', 'no postback at all'),
  parseProblems: count('consumer', 'rows with something unreadable'),
  failed: count('consumer', 'attempts that failed'),
  probes: count('consumer', 'probes of our own'),
  deliveredByPush: count('consumer', 'delivered by a postback'),
  recovered: count('reconciliation', 'recovered: no postback delivered them'),
  backfilled: count('reconciliation', 'from before the installation'),
  verified: count('reconciliation', 'verified by the Events API', HOUR),
  corrected: count('reconciliation', 'verified lines corrected', HOUR),
  withdrawn: count('reconciliation', 'verified lines withdrawn', HOUR),
  brake: count('reconciliation', 'runs held back by the brake', HOUR),
  unreadableAnswers: count('reconciliation', 'unreadable answers', HOUR),
  reusedIds: count('reconciliation', 'reused IDs', HOUR),
  unverified: gauge('reconciliation', 'confirmed, missing from the Events API', Stats.MAXIMUM, DAY),
  unverifiedEvents: gauge(
    'reconciliation',
    'events, missing from the Events API',
    Stats.MAXIMUM,
    DAY,
  ),
  reconciled: count('reconciliation', 'lines compared', HOUR),
  deliveryRate: gauge(
    'reconciliation',
    'delivered by a postback, of all that Rakuten has (%)',
    Stats.MINIMUM,
  ),
  reconciliationAge: gauge('reconciliation', 'hours since the last success', Stats.MAXIMUM),
  reconciliationFailed: count('reconciliation', 'failed runs', HOUR),
  backfillProgress: gauge('reconciliation', 'first run, percent done', Stats.MAXIMUM),
  active: gauge('status-watch', 'on at Rakuten (1) or not (0)', Stats.MINIMUM, FIVE_MINUTES),
  disabled: count('status-watch', 'found switched off'),
  missing: count('status-watch', 'found missing'),
  takenOver: count('status-watch', "found somebody else's URL"),
  outdated: count('status-watch', 'found a URL that loses postbacks'),
  flapping: count('status-watch', 'put right again and again'),
  restored: count('status-watch', 'put right'),
  statusCheckFailed: count('status-watch', 'could not look'),
  watchTaskFailed: count('status-watch', 'failed tasks of the watch'),
  probeLatency: {
    label: 'a GET of our own, new connection',
    part: 'self-probe',
    statistic: Stats.p(50),
    unit: Unit.MILLISECONDS,
    period: FIVE_MINUTES,
  },
  probeFailed: count('self-probe', 'own GETs not acknowledged'),
};
