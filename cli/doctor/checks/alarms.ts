import {
  CloudWatchClient,
  type CompositeAlarm,
  DescribeAlarmsCommand,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import { type Check, type Finding, ok, problem, together, warning } from '../finding';

const NAMES_PER_CALL = 100;
const ALARM_TYPES = ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm'];
const SHOWN = 5;

type Alarm = Pick<
  MetricAlarm & CompositeAlarm,
  'AlarmName' | 'StateValue' | 'ActionsEnabled' | 'AlarmActions'
>;

export const alarms: Check = {
  area: 'Alarms',
  name: 'Alarms',
  permissions: ['cloudformation:ListStackResources', 'cloudwatch:DescribeAlarms'],
  stackOnly: true,
  run: async (examination) => {
    const names = await examination.stackResources(ALARM_TYPES);
    if (names.length === 0)
      return warning(
        'the stack has none, so nobody is told when something goes wrong',
        "leave the construct's alarms on",
      );
    const client = new CloudWatchClient(await examination.aws('cloudWatch'));
    const found: Alarm[] = [];
    for (let start = 0; start < names.length; start += NAMES_PER_CALL) {
      const { MetricAlarms = [], CompositeAlarms = [] } = await client.send(
        new DescribeAlarmsCommand({
          AlarmNames: names.slice(start, start + NAMES_PER_CALL),
          AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
        }),
      );
      found.push(...MetricAlarms, ...CompositeAlarms);
    }
    return judgeAlarms(found, names.length);
  },
};

export function judgeAlarms(found: readonly Alarm[], expected: number): Finding {
  const inState = (state: string): string[] =>
    found.filter(({ StateValue }) => StateValue === state).map(({ AlarmName = '' }) => AlarmName);
  const [ringing, unknown] = [inState('ALARM'), inState('INSUFFICIENT_DATA')];
  const silent = found.filter(
    ({ ActionsEnabled, AlarmActions = [] }) =>
      ActionsEnabled === false || AlarmActions.length === 0,
  );
  return together(
    ringing.length > 0
      ? problem(
          `in alarm: ${listed(ringing)}`,
          "each alarm's description says what it means and what to run next",
        )
      : ok(`${inState('OK').length} of ${expected} are well`),
    ...(unknown.length > 0
      ? [
          warning(
            `without data yet: ${listed(unknown)}`,
            'usual right after a deployment; after an hour see whether the metrics are published',
          ),
        ]
      : []),
    ...(found.length < expected
      ? [warning(`${expected - found.length} are not there`, 'deploy again, which restores them')]
      : []),
    ...(silent.length > 0 && silent.length === found.length
      ? [
          warning(
            'none of them tells anybody',
            'give the construct alarm actions, for example an SNS topic',
          ),
        ]
      : []),
  );
}

const listed = (names: readonly string[]): string =>
  names.length <= SHOWN
    ? names.join(', ')
    : `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`;
