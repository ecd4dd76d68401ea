import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';

/**
 * Whether new and changed lines reach the targets of `onTransaction`: an alarm for each of them.
 */
export const DOWNSTREAM_ALARMS: readonly AlarmDefinition[] = [
  {
    kind: AlarmKind.TARGET_FAILING,
    title: 'A target does not accept events',
    means:
      'A target of onTransaction fails, or the pipe is denied access to it. The pipe repeats the oldest events.',
    atStake:
      'Your code does not receive new and changed lines. The pipe discards an event at the age of maxEventAge, 12 hours by default.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    forEachPipe: true,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'failed executions in 5 minutes' },
    rule: ({ pipe, aws }) =>
      pipe && {
        metric: aws.pipeFailures(pipe),
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        // A pipe repeats a batch at growing intervals, so not every period has a failure.
        evaluationPeriods: 6,
        datapointsToAlarm: 3,
        // No execution, no failure.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.EVENTS_GIVEN_UP,
    title: 'Events were given up',
    means: 'A target of onTransaction did not take events for as long as its pipe tries.',
    atStake:
      'Your code does not know of these new and changed lines. The rows are in the table; what was given up is in the stream for 24 hours from the change.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    forEachPipe: true,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'notes of a pipe' },
    rule: ({ pipe, aws }) =>
      pipe && {
        metric: aws.givenUp(pipe),
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        // SQS's number is an approximation: one value alone proves nothing.
        evaluationPeriods: 2,
        // SQS publishes nothing of a queue that has been empty for long.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
];
