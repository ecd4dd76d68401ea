import { Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Problem } from '../private/checks';
import { checkLocation } from '../private/location';
import { ALARM_CATALOGUE } from './alarm-catalogue';
import type { AlarmDefinition } from './alarm-definition';
import { type AlarmKind, AlarmSeverity } from './alarm-kind';
import type { AlarmTuning, MonitoringOptions } from './options';

/** What is wrong with the options, and how to mend it. */
export function optionProblems({ alarms = [], runbookUrl }: MonitoringOptions): Problem[] {
  return [...alarms.map(tuningProblem), twiceProblem(alarms), runbookProblem(runbookUrl)];
}

function tuningProblem({ kind, threshold }: AlarmTuning): Problem {
  const definition = ALARM_CATALOGUE.find((alarm) => alarm.kind === kind);
  if (definition === undefined) {
    return `monitoring.alarms has '${kind}', which is no alarm; there are ${ALARM_CATALOGUE.map((alarm) => alarm.kind).join(', ')}`;
  }
  return threshold === undefined || Token.isUnresolved(threshold)
    ? undefined
    : thresholdProblem(definition, threshold);
}

function thresholdProblem({ kind, threshold: range }: AlarmDefinition, threshold: number): Problem {
  if (range === undefined)
    return `monitoring.alarms gives ${kind} a threshold, and there is nothing to be set; leave it out`;
  const { min, max, unit } = range;
  if (Number.isInteger(threshold) && threshold >= min && threshold <= max) return undefined;
  return `the threshold of ${kind} in monitoring.alarms is ${threshold}; give a whole number from ${min} to ${max} (${unit})`;
}

function twiceProblem(alarms: readonly AlarmTuning[]): Problem {
  const kinds = alarms.map(({ kind }) => kind);
  const twice = kinds.find((kind, i) => kinds.indexOf(kind) !== i);
  return twice === undefined
    ? undefined
    : `monitoring.alarms has ${twice} twice; put both into one`;
}

function runbookProblem(url: string | undefined): Problem {
  if (url === undefined || Token.isUnresolved(url) || URL.canParse(url)) return undefined;
  return `monitoring.runbookUrl is '${url}'; give the URL of a folder, such as https://wiki.example.com/postbacks`;
}

export const tuningOf = (options: MonitoringOptions, kind: AlarmKind): AlarmTuning =>
  options.alarms?.find((tuning) => tuning.kind === kind) ?? { kind };

/** What an alarm does. */
export function actionsOf(
  options: MonitoringOptions,
  { kind, severity }: Pick<AlarmDefinition, 'kind' | 'severity'>,
): NonNullable<MonitoringOptions['alarmActions']> {
  const tuning = tuningOf(options, kind);
  const ofSeverity =
    (tuning.severity ?? severity) === AlarmSeverity.PAGE
      ? options.pageActions
      : options.ticketActions;
  return tuning.actions ?? [...(options.alarmActions ?? []), ...(ofSeverity ?? [])];
}

/**
 * The action, which rejects a topic or function of another region.
 *
 * Only a bound action has an ARN.
 *
 * @param scope for the error and the warning
 */
export function checked(
  scope: Construct,
  action: cloudwatch.IAlarmAction,
): cloudwatch.IAlarmAction {
  return {
    bind(alarmScope, alarm) {
      const bound = action.bind(alarmScope, alarm);
      checkLocation(
        scope,
        { name: 'an alarm action', arn: bound.alarmActionArn },
        {
          usedBy: 'the alarm',
          permission:
            'the policy of a topic has to allow cloudwatch.amazonaws.com sns:Publish, that of a function lambda.alarms.cloudwatch.amazonaws.com lambda:InvokeFunction',
        },
      );
      return bound;
    },
  };
}
