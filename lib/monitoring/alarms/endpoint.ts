import { Duration } from 'aws-cdk-lib';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition, EndpointSources } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';

const {
  GREATER_THAN_OR_EQUAL_TO_THRESHOLD: AT_LEAST,
  GREATER_THAN_THRESHOLD: ABOVE,
  LESS_THAN_THRESHOLD: BELOW,
} = ComparisonOperator;

const HOUR = Duration.hours(1);

/** Whether API Gateway acknowledges postbacks. A PostbackRelay has these alarms too. */
export const API_ALARMS: readonly AlarmDefinition<EndpointSources>[] = [
  {
    kind: AlarmKind.ENDPOINT_ERRORS,
    title: 'The endpoint fails',
    means: 'The endpoint answered 5xx: API Gateway could not hand a GET over to SQS.',
    atStake:
      'Each such answer is a line that Rakuten does not send again; an endpoint that fails often is switched off. The reconciliation fetches what was lost within the hour.',
    next: 'doctor',
    severity: AlarmSeverity.PAGE,
    threshold: { default: 1, min: 1, max: 100_000, unit: 'answers in 5 minutes' },
    rule: ({ endpoint }) =>
      endpoint && {
        metric: endpoint.serverErrors(),
        comparisonOperator: AT_LEAST,
        evaluationPeriods: 1,
        // No request, no failure. That requests stop is told by other alarms.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
  {
    kind: AlarmKind.SLOW_ACKNOWLEDGEMENT,
    title: 'The endpoint is slow',
    means:
      'One GET in a hundred takes API Gateway so long that little of the 400 ms which Rakuten waits is left for the network.',
    atStake:
      'A GET that is acknowledged too late counts as failed at Rakuten. Its line is stored all the same, but a postback that often fails is switched off.',
    next: 'test',
    severity: AlarmSeverity.TICKET,
    // API Gateway's Latency begins when the request is there: a new TLS connection across the
    // United States takes the other half of the 400 ms.
    threshold: { default: 200, min: 20, max: 400, unit: 'ms (p99)' },
    rule: ({ endpoint }) =>
      endpoint && {
        // With few GETs a percentile is one of them, and is taken as it is: told to ignore small
        // samples, CloudWatch would wait for a thousand GETs a minute.
        metric: endpoint.latency(99),
        comparisonOperator: ABOVE,
        evaluationPeriods: 5,
        datapointsToAlarm: 3,
        // A minute without a GET is not slow.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
];

/** Whether postbacks come in. */
export const ENDPOINT_ALARMS: readonly AlarmDefinition[] = [
  ...API_ALARMS,
  {
    kind: AlarmKind.PROBE_FAILED,
    title: 'The endpoint cannot be reached',
    means:
      "The endpoint did not acknowledge the status watch's own GET, on a new connection, under the registered URL.",
    atStake:
      "Rakuten's GETs likely fail as well, before they reach API Gateway: a domain, a certificate, a firewall. The reconciliation fetches what was lost.",
    next: 'test',
    severity: AlarmSeverity.PAGE,
    threshold: { default: 1, min: 1, max: 5, unit: 'GETs between two looks' },
    rule: ({ parts: { statusWatch }, own }) =>
      statusWatch?.selfProbe
        ? {
            metric: own.probeFailed({ period: statusWatch.period }),
            comparisonOperator: AT_LEAST,
            // One GET may meet a bad moment of the network.
            evaluationPeriods: 3,
            datapointsToAlarm: 2,
            // It is only counted when it fails. That the watch itself has stopped is told by
            // STATUS_WATCH_BLIND.
            treatMissingData: TreatMissingData.NOT_BREACHING,
          }
        : undefined,
  },
  {
    kind: AlarmKind.SILENCE,
    title: 'No line has come',
    means: 'No postback has brought a line for a long time.',
    atStake:
      'Either nothing was sold, or links no longer lead to Rakuten, or the postbacks stay away for a reason that no other alarm knows.',
    next: 'status',
    severity: AlarmSeverity.TICKET,
    threshold: { default: 24, min: 1, max: 168, unit: 'hours' },
    rule: ({ parts: { statusWatch }, own }, hours) => ({
      // Not API Gateway's Count, in which the status watch's own GETs are.
      metric: own.linesDeliveredByPush({ statistic: 'Sum', period: HOUR }),
      comparisonOperator: BELOW,
      threshold: 1,
      evaluationPeriods: hours,
      // The watch's probe has the consumer say 0 every few minutes, so that silence is a number;
      // hours from before the deployment are then not held against it. What keeps the probe from
      // coming through has alarms of its own. Without a probe nobody says 0, and nothing is what
      // silence looks like.
      treatMissingData: statusWatch?.selfProbe
        ? TreatMissingData.NOT_BREACHING
        : TreatMissingData.BREACHING,
    }),
  },
];
