import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition, AlarmRule } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';

const {
  GREATER_THAN_OR_EQUAL_TO_THRESHOLD: AT_LEAST,
  GREATER_THAN_THRESHOLD: ABOVE,
  LESS_THAN_THRESHOLD: BELOW,
} = ComparisonOperator;
const HOUR = Duration.hours(1);
/** Between a run that has just succeeded and one that failed an hour after the last success. */
const HALF_AN_HOUR = 0.5;

/** In alarm until a day has passed without it, as only the daily run may see the cause. */
const withinADay = (metric: IMetric): AlarmRule => ({
  metric,
  comparisonOperator: AT_LEAST,
  evaluationPeriods: 24,
  datapointsToAlarm: 1,
  // It is only counted when it happens.
  treatMissingData: TreatMissingData.NOT_BREACHING,
});

/** Whether lost postbacks are recovered, and whether the rows agree with the Events API. */
export const RECONCILIATION_ALARMS: readonly AlarmDefinition[] = [
  {
    kind: AlarmKind.PUSHES_LOST,
    title: 'Postbacks are lost on the way',
    means:
      'The Events API returned lines that no postback had delivered. The reconciliation wrote them to the table.',
    atStake:
      'Such lines arrive up to an hour late. The cause may get worse, and Rakuten disables a postback that often fails.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 95, min: 1, max: 100, unit: '% of the lines delivered by a postback' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        metric: own.deliveryRate({ period: HOUR }),
        comparisonOperator: BELOW,
        // Where few lines come, one that was late makes a bad hour. Two of them in a day are no
        // chance.
        evaluationPeriods: 24,
        datapointsToAlarm: 2,
        // A run that met no new line says nothing.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.RECONCILIATION_STALE,
    title: 'No reconciliation succeeds',
    means: 'No reconciliation has succeeded for hours, or none runs at all.',
    atStake:
      'Lines that are lost on the way stay lost meanwhile, and nothing gets verified. Rakuten tells lines for 29 days, so all of it can still be fetched.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 3, min: 2, max: 48, unit: 'hours' },
    rule: ({ parts: { reconciliation }, own }, hours) =>
      reconciliation?.hasPublisher
        ? {
            metric: own.hoursSinceReconciliation({ period: HOUR }),
            comparisonOperator: AT_LEAST,
            // A run that succeeds says 0, one that fails how long it has been, an hour or more. So
            // many hours of that come to so many without a success.
            threshold: HALF_AN_HOUR,
            evaluationPeriods: hours,
            // What does not run publishes nothing: that is the very thing to be told.
            treatMissingData: TreatMissingData.BREACHING,
          }
        : undefined,
  },
  {
    kind: AlarmKind.RECONCILIATION_FAILED,
    title: 'Reconciliations fail',
    means: 'Reconciliations fail, again and again for two hours.',
    atStake:
      'Lines that are lost on the way stay lost meanwhile. The next run that succeeds covers the whole time.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 1000, unit: 'failed runs in an hour' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        metric: own.reconciliationsFailed({ period: HOUR }),
        comparisonOperator: AT_LEAST,
        evaluationPeriods: 2,
        // It is only counted when one fails; RECONCILIATION_STALE tells of runs that do not take
        // place.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.LINES_UNVERIFIED,
    title: 'Rows missing from the Events API',
    means:
      'Postbacks delivered confirmed lines that the Events API still does not return a day later. Events (`Y`) do not count.',
    atStake:
      'The lines are forged, or the advertiser eliminated them. Only a payout on rows without `verified_at` pays for them.',
    next: 'query --day yesterday --json',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 10, min: 1, max: 10_000_000, unit: 'rows of the last 29 days' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        metric: own.linesUnverified({ period: Duration.days(1) }),
        comparisonOperator: ABOVE,
        evaluationPeriods: 1,
        // They are counted once a day, and between two counts what was last known holds.
        treatMissingData: TreatMissingData.IGNORE,
      },
  },
  {
    kind: AlarmKind.BRAKE,
    title: 'A reconciliation was held back',
    means:
      'A reconciliation would have changed or withdrawn more than 2 % (at least five) of the verified lines that it read, so it changed none.',
    atStake:
      'Verified rows keep their last values until an operator accepts the changes. New lines are still written and verified.',
    next: 'reconcile --from DAY --dry-run',
    severity: AlarmSeverity.TICKET,
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        ...withinADay(own.reconciliationsBraked({ period: HOUR })),
        threshold: 1,
      },
  },
  {
    kind: AlarmKind.UNREADABLE_ANSWERS,
    title: 'Unreadable answers of the Events API',
    means:
      'The Events API returned an amount, a date or another checked field that this package cannot read.',
    atStake:
      'Such an answer verifies nothing: the row keeps its last values. Rakuten may have changed a format.',
    next: 'reconcile --from yesterday --dry-run',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'answers in an hour' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && withinADay(own.unreadableAnswers({ period: HOUR })),
  },
  {
    kind: AlarmKind.REUSED_IDS,
    title: 'Rakuten reused a transaction ID',
    means:
      'The Events API returned a known transaction ID with another advertiser, order or SKU than before.',
    atStake:
      'The row keeps the first line. The second one is only in `other_pushes` of that row, and in no sum.',
    next: 'reconcile --from yesterday --dry-run',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'answers in an hour' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && withinADay(own.reusedIds({ period: HOUR })),
  },
];
