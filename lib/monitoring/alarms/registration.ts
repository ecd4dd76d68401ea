import { ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';

const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD: AT_LEAST, LESS_THAN_THRESHOLD: BELOW } =
  ComparisonOperator;

/** Whether Rakuten goes on sending. */
export const REGISTRATION_ALARMS: readonly AlarmDefinition[] = [
  {
    kind: AlarmKind.POSTBACK_NOT_ACTIVE,
    title: 'The postback is off',
    means:
      'The postback is switched off, missing or not ours at Rakuten, and the status watch could not, or may not, put it right.',
    atStake: 'Rakuten sends nothing. Lines come from the Events API alone, up to an hour late.',
    next: 'watch',
    severity: AlarmSeverity.PAGE,
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch && {
        metric: own.postbackActive({ period: statusWatch.period }),
        comparisonOperator: BELOW,
        threshold: 1,
        // The watch puts most of it right in the same look, which then says 1.
        evaluationPeriods: 2,
        // A look that failed says nothing of the slot, so what was last known holds. That no look
        // succeeds is told by two other alarms.
        treatMissingData: TreatMissingData.IGNORE,
      },
  },
  {
    kind: AlarmKind.POSTBACK_TAKEN_OVER,
    title: "Somebody else's URL is in the slot",
    means:
      "The publisher's one slot at Rakuten holds a URL that is not of this installation: often of a tracker that was set up later.",
    atStake:
      'Rakuten sends everything there. Lines come from the Events API alone, up to an hour late, until somebody decides whose the slot is.',
    next: 'status',
    severity: AlarmSeverity.PAGE,
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch && {
        metric: own.postbackTakenOver({ period: statusWatch.period }),
        comparisonOperator: AT_LEAST,
        threshold: 1,
        evaluationPeriods: 1,
        // It is only counted when it is found.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.POSTBACK_OUTDATED,
    title: 'The slot holds an outdated URL',
    means:
      'The slot at Rakuten holds a URL of this installation whose postbacks are lost, to an old endpoint or under an old secret, and that stays so.',
    atStake:
      'Postbacks are lost until the URL is registered anew; the reconciliation fetches them within the hour.',
    next: 'register',
    severity: AlarmSeverity.PAGE,
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch && {
        metric: own.postbackOutdated({ period: statusWatch.period }),
        comparisonOperator: AT_LEAST,
        threshold: 1,
        // The watch registers it anew with the first look, unless a deployment was cut off and has
        // yet to end.
        evaluationPeriods: 3,
        datapointsToAlarm: 2,
        // It is only counted when it is found.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.POSTBACK_FLAPPING,
    title: 'The postback is switched off again and again',
    means:
      'The status watch has put the postback right several times within a day, and now takes its time between two attempts.',
    atStake:
      'Something switches it off that putting it right does not mend: an endpoint that fails, a second installation, a tracker. Lines come late meanwhile.',
    next: 'status',
    severity: AlarmSeverity.TICKET,
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch && {
        metric: own.postbackFlapping({ period: statusWatch.period }),
        comparisonOperator: AT_LEAST,
        threshold: 1,
        evaluationPeriods: 1,
        // It is only counted while it flaps.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.STATUS_WATCH_BLIND,
    title: 'Nobody looks at the slot',
    means: 'The status watch has not run, or each run has ended in an error.',
    atStake:
      'A postback that Rakuten switches off stays off, and the alarms that go by the watch stay silent.',
    next: 'watch',
    severity: AlarmSeverity.TICKET,
    rule: ({ parts: { statusWatch }, aws }) =>
      statusWatch && {
        metric: new MathExpression({
          expression: 'invocations - errors',
          usingMetrics: {
            invocations: aws.invocations(statusWatch.function, statusWatch.period),
            errors: aws.errors(statusWatch.function, statusWatch.period),
          },
          label: 'looks that came to an end',
          period: statusWatch.period,
        }),
        comparisonOperator: BELOW,
        threshold: 1,
        evaluationPeriods: 3,
        // What does not run publishes nothing: that is the very thing to be told.
        treatMissingData: TreatMissingData.BREACHING,
      },
  },
  {
    kind: AlarmKind.STATUS_CHECK_FAILED,
    title: 'The slot cannot be looked at',
    means:
      "The status watch runs, but cannot look at a publisher's slot: Rakuten does not answer, or refuses the credentials.",
    atStake:
      'Whether the postback is on is not known. With credentials that are refused, the reconciliation fails as well.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100, unit: 'failed looks between two schedules' },
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch && {
        metric: own.statusCheckFailed({ period: statusWatch.period }),
        comparisonOperator: AT_LEAST,
        // Rakuten's API has its bad minutes, and a look may fall between two periods.
        evaluationPeriods: 4,
        datapointsToAlarm: 3,
        // It is only counted when it fails; STATUS_WATCH_BLIND tells of a watch that does nothing.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.WATCH_TASK_FAILED,
    title: 'The status watch cannot report',
    means:
      'The status watch checks the slot, but cannot send a change event, a reconciliation request or its probe.',
    atStake:
      'Rules on its change events do not run, or lost lines wait for the hourly reconciliation, or silence is not noticed.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100, unit: 'failed tasks between two schedules' },
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch && {
        metric: own.watchTasksFailed({ period: statusWatch.period }),
        comparisonOperator: AT_LEAST,
        // The next check sends what could not be sent.
        evaluationPeriods: 3,
        datapointsToAlarm: 2,
        // It is only counted when a task fails.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.ROTATION_FAILED,
    title: "The URL's secret was not rotated",
    means: "The function that registers at Rakuten and rotates the URL's secret ended in an error.",
    atStake:
      'The secret is older than wanted. Postbacks are received all the same: until a rotation has ended, the old and the new secret are both accepted.',
    next: 'rotate-secret',
    severity: AlarmSeverity.TICKET,
    rule: ({ parts: { registration, rotates }, aws }) =>
      rotates
        ? {
            metric: aws.errors(registration),
            comparisonOperator: AT_LEAST,
            threshold: 1,
            evaluationPeriods: 1,
            // It runs at deployments and rotations only.
            treatMissingData: TreatMissingData.NOT_BREACHING,
          }
        : undefined,
  },
];
