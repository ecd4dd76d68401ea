import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';

const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD: AT_LEAST, GREATER_THAN_THRESHOLD: ABOVE, LESS_THAN_THRESHOLD: BELOW } = ComparisonOperator;
const HOUR = Duration.hours(1);
/** Between a run that has just succeeded and one that failed an hour after the last success. */
const HALF_AN_HOUR = 0.5;

/** Whether what was lost comes back, and what came is true. */
export const RECONCILIATION_ALARMS: readonly AlarmDefinition[] = [
  {
    kind: AlarmKind.PUSHES_LOST,
    title: 'Postbacks are lost on the way',
    means: 'The Events API tells lines that no postback has brought. They are in the table now, fetched by the reconciliation.',
    atStake: 'Such lines come up to an hour late. What loses them may become worse, and Rakuten switches off a postback that often fails.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 95, min: 1, max: 100, unit: '% of the lines brought by a postback' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        metric: own.deliveryRate({ period: HOUR }),
        comparisonOperator: BELOW,
        // Where few lines come, one that was late makes a bad hour. Two of them in a day are no chance.
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
            // A run that succeeds says 0, one that fails how long it has been, an hour or more. So many hours of that come to so many without a success.
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
    atStake: 'Lines that are lost on the way stay lost meanwhile. The next run that succeeds covers the whole time.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 1000, unit: 'failed runs in an hour' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        metric: own.reconciliationsFailed({ period: HOUR }),
        comparisonOperator: AT_LEAST,
        evaluationPeriods: 2,
        // It is only counted when one fails; RECONCILIATION_STALE tells of runs that do not take place.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.LINES_UNVERIFIED,
    title: 'Rows that Rakuten does not tell',
    means: 'Rows that postbacks brought are not told by the Events API, a day later and more.',
    atStake: 'They are forged, or the advertiser has eliminated the lines. Whoever pays out on them may pay for nothing.',
    next: 'query --day yesterday --json',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 10, min: 1, max: 10_000_000, unit: 'rows of the last 14 days' },
    rule: ({ parts: { reconciliation }, own }) =>
      reconciliation && {
        metric: own.linesUnverified({ period: Duration.days(1) }),
        comparisonOperator: ABOVE,
        evaluationPeriods: 1,
        // They are counted once a day, and between two counts what was last known holds.
        treatMissingData: TreatMissingData.IGNORE,
      },
  },
];
