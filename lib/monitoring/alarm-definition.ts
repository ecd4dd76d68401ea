import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmKind, AlarmSeverity } from './alarm-kind';
import type { AwsMetrics } from './aws-metrics';
import type { RakutenPostbackMetrics } from './metrics';
import type { MonitoredParts, MonitoredPipe } from './monitored-parts';

/** From which value on an alarm goes off, and between which it may be set. Whole numbers. */
export interface Threshold {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** What is counted, to be read behind the number: `answers in 5 minutes`. */
  readonly unit: string;
}

/** What an alarm looks at. Every one of them says why missing data means what it says. */
export interface AlarmRule {
  readonly metric: cloudwatch.IMetric;
  readonly comparisonOperator: cloudwatch.ComparisonOperator;
  /** Where it is none that may be set. */
  readonly threshold?: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm?: number;
  readonly treatMissingData: cloudwatch.TreatMissingData;
}

/** What there is to look at. */
export interface AlarmSources {
  readonly parts: MonitoredParts;
  readonly own: RakutenPostbackMetrics;
  readonly aws: AwsMetrics;
  /** The target of `onTransaction` that is looked at, where it is one. */
  readonly pipe?: MonitoredPipe;
}

/** An alarm in words and in numbers. Its page in the runbook says the same at greater length. */
export interface AlarmDefinition {
  readonly kind: AlarmKind;
  /** What has happened, in a few words. */
  readonly title: string;
  readonly means: string;
  readonly atStake: string;
  /** What to run next, behind `npx rakuten-postback`. */
  readonly next: string;
  readonly severity: AlarmSeverity;
  /** Whether each target of `onTransaction` has one. @default false */
  readonly forEachPipe?: boolean;
  /** Absent where there is nothing to be set. */
  readonly threshold?: Threshold;
  /** Undefined where the part that it watches is off. */
  rule(sources: AlarmSources, threshold: number): AlarmRule | undefined;
}
