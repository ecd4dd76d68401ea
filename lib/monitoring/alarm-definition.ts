import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { AlarmKind, AlarmSeverity } from './alarm-kind';
import type { AwsMetrics } from './aws-metrics';
import type { EndpointMetrics } from './endpoint-metrics';
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

/** The parts that every alarm can watch: those of a RakutenPostback. */
export interface AlarmSources extends EndpointSources {
  readonly parts: MonitoredParts;
  readonly own: RakutenPostbackMetrics;
  readonly aws: AwsMetrics;
}

/** The parts that the alarms of an endpoint watch. A PostbackRelay has them too. */
export interface EndpointSources {
  /** Absent where the endpoint shares an API with others. */
  readonly endpoint?: EndpointMetrics;
  /** The target of `onTransaction`, for the alarms that each target has. */
  readonly pipe?: MonitoredPipe;
  /** The queue of a PostbackRelay. */
  readonly relayQueue?: sqs.IQueue;
}

/** An alarm in words and in numbers. Its page in the runbook says the same at greater length. */
export interface AlarmDefinition<S extends EndpointSources = AlarmSources> {
  readonly kind: AlarmKind;
  /** What has happened, in a few words. */
  readonly title: string;
  readonly means: string;
  readonly atStake: string;
  /** What to run next, behind `npx cdk-rakuten-postback`. */
  readonly next: string;
  readonly severity: AlarmSeverity;
  /** Whether each target of `onTransaction` has one. @default false */
  readonly forEachPipe?: boolean;
  /** Absent where there is nothing to be set. */
  readonly threshold?: Threshold;
  /** Undefined where the part that it watches is off. */
  readonly rule: (sources: S, threshold: number) => AlarmRule | undefined;
}
