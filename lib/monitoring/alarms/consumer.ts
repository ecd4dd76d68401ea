import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';

const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD: AT_LEAST, GREATER_THAN_THRESHOLD: ABOVE } =
  ComparisonOperator;
const HOUR = Duration.hours(1);

/** Whether messages become rows. */
export const CONSUMER_ALARMS: readonly AlarmDefinition[] = [
  {
    kind: AlarmKind.OLDEST_MESSAGE,
    title: 'Rows come late',
    means: 'Messages wait in the queue instead of becoming rows.',
    atStake: 'Members see their purchases late. Nothing is lost for 14 days.',
    next: 'doctor',
    severity: AlarmSeverity.PAGE,
    threshold: { default: 900, min: 60, max: 1_000_000, unit: 'seconds' },
    rule: ({ aws }) => ({
      metric: aws.oldestMessage(),
      comparisonOperator: ABOVE,
      // One that failed once waits three minutes by itself.
      evaluationPeriods: 2,
      // SQS publishes nothing of a queue that is not in use.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }),
  },
  {
    kind: AlarmKind.DEAD_LETTERS,
    title: 'Messages could not be processed',
    means: 'Messages failed five times and wait in the dead-letter queue.',
    atStake:
      'Their lines are in no row. They are kept for 14 days from their arrival, then they are gone.',
    next: 'dlq list',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'messages' },
    rule: ({ aws }) => ({
      metric: aws.deadLetters(),
      comparisonOperator: AT_LEAST,
      // SQS's number is an approximation: one value alone proves nothing.
      evaluationPeriods: 2,
      // SQS publishes nothing of a queue that has been empty for long.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }),
  },
  {
    kind: AlarmKind.CONSUMER_ERRORS,
    title: 'The consumer fails',
    means:
      'Invocations of the consumer failed as a whole: it crashed, ran out of time or memory, or could not start.',
    atStake:
      'Their messages are tried again, five times in all, and then wait in the dead-letter queue. Rows come late.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'invocations in 5 minutes' },
    rule: ({ parts, aws }) => ({
      metric: aws.errors(parts.consumer),
      comparisonOperator: AT_LEAST,
      // A single crash is repeated by the queue.
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      // No invocation, no error.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }),
  },
  {
    kind: AlarmKind.CONSUMER_THROTTLED,
    title: 'The consumer is not let run',
    means: "Lambda refused to run the consumer: other functions use up the account's concurrency.",
    atStake:
      'Rows come late. The attempts count: messages that were refused five times wait in the dead-letter queue.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'invocations in 5 minutes' },
    rule: ({ parts, aws }) => ({
      metric: aws.throttles(parts.consumer),
      comparisonOperator: AT_LEAST,
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      // No invocation, none refused.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }),
  },
  {
    kind: AlarmKind.TABLE_THROTTLED,
    title: 'DynamoDB refuses writes',
    means: 'DynamoDB throttled writes to the transaction table or one of its indexes.',
    atStake:
      'Rows come late: they wait in the queue. What is throttled through five invocations in a row waits in the dead-letter queue.',
    next: 'doctor',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 10, min: 1, max: 100_000, unit: 'writes in 5 minutes' },
    rule: ({ parts: { tableName }, aws }) =>
      tableName === undefined
        ? undefined
        : {
            metric: aws.throttledWrites(tableName),
            comparisonOperator: AT_LEAST,
            // The consumer tries a throttled write again by itself.
            evaluationPeriods: 3,
            datapointsToAlarm: 2,
            // DynamoDB publishes it only when it throttles.
            treatMissingData: TreatMissingData.NOT_BREACHING,
          },
  },
  {
    kind: AlarmKind.PARSE_PROBLEMS,
    title: 'Something could not be read',
    means: 'Rows were stored in which a value could not be read: a date, an amount, a currency.',
    atStake:
      'The text is kept as it came, but the field is not in the row, so sums are without it. Often Rakuten or an advertiser has changed something.',
    next: 'query --day today --json',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'rows in an hour' },
    rule: ({ own }) => ({
      metric: own.parseProblems({ period: HOUR }),
      comparisonOperator: AT_LEAST,
      evaluationPeriods: 1,
      // It is only counted when it happens.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }),
  },
  {
    kind: AlarmKind.FORGED_POSTBACKS,
    title: 'Postbacks are forged',
    means: 'Many GETs came without a valid secret. None of them became a row.',
    atStake:
      'Someone has found the endpoint, or Rakuten still uses an old URL. In the second case lines are missing until the reconciliation fetches them.',
    next: 'status',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 100, min: 1, max: 1_000_000, unit: 'GETs in an hour' },
    rule: ({ own }) => ({
      metric: own.forgedRejected({ period: HOUR }),
      comparisonOperator: AT_LEAST,
      evaluationPeriods: 1,
      // It is only counted when it happens.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    }),
  },
];
