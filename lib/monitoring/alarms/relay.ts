import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmDefinition, EndpointSources } from '../alarm-definition';
import { AlarmKind, AlarmSeverity } from '../alarm-kind';
import { oldestMessage } from '../aws-metrics';
import { API_ALARMS } from './endpoint';

/** Whether a PostbackRelay forwards its messages to the region of the RakutenPostback. */
export const FORWARDING_ALARMS: readonly AlarmDefinition<EndpointSources>[] = [
  {
    kind: AlarmKind.RELAY_STALLED,
    title: 'The relay does not forward',
    means:
      'Messages wait in the queue of a PostbackRelay: the other region does not accept them, or the function of the relay fails.',
    atStake: 'Rows come late. Nothing is lost for 14 days.',
    next: 'doctor',
    severity: AlarmSeverity.PAGE,
    threshold: { default: 900, min: 60, max: 1_000_000, unit: 'seconds' },
    rule: ({ relayQueue }) =>
      relayQueue && {
        metric: oldestMessage(relayQueue),
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 2,
        // SQS publishes nothing of a queue that is not in use.
        treatMissingData: TreatMissingData.NOT_BREACHING,
      },
  },
];

/** Every alarm of a PostbackRelay. */
export const RELAY_ALARMS: readonly AlarmDefinition<EndpointSources>[] = [
  ...API_ALARMS,
  ...FORWARDING_ALARMS,
];
