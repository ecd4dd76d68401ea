import { Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { ALARM_CATALOGUE } from './alarm-catalogue';
import type { AlarmDefinition, AlarmSources } from './alarm-definition';
import type { AlarmKind } from './alarm-kind';
import { actionsOf, tuningOf } from './alarm-options';
import type { MonitoringOptions } from './options';
import { runbookLink, runbookPage } from './runbook';

/** The alarms of an installation, as its options want them. */
export class Alarms extends Construct {
  /** In the catalogue's order. It grows when a publisher is added that needs another one. */
  public readonly all: cloudwatch.Alarm[] = [];
  private readonly byKind = new Map<AlarmKind, cloudwatch.Alarm>();

  constructor(
    scope: Construct,
    id: string,
    private readonly options: MonitoringOptions,
  ) {
    super(scope, id);
  }

  public get kinds(): AlarmKind[] {
    return [...this.byKind.keys()];
  }

  public get(kind: AlarmKind): cloudwatch.Alarm | undefined {
    return this.byKind.get(kind);
  }

  /** The value from which on an alarm goes off; nothing where it is none that may be set, or the alarm is not there. */
  public thresholdOf(kind: AlarmKind): number | undefined {
    const definition = ALARM_CATALOGUE.find((alarm) => alarm.kind === kind);
    return this.byKind.has(kind) && definition?.threshold ? this.threshold(definition) : undefined;
  }

  /** Makes what is not there yet of what the sources have something to look at for. Sources with a pipe are for the alarms that each pipe has. */
  public make(sources: AlarmSources): void {
    for (const definition of ALARM_CATALOGUE) {
      const { kind, forEachPipe = false } = definition;
      if (forEachPipe !== (sources.pipe !== undefined)) continue;
      if ((this.byKind.has(kind) && !forEachPipe) || tuningOf(this.options, kind).enabled === false) continue;
      const alarm = this.makeOne(definition, sources);
      if (alarm === undefined) continue;
      if (!this.byKind.has(kind)) this.byKind.set(kind, alarm);
      this.all.push(alarm);
    }
  }

  private makeOne(definition: AlarmDefinition, sources: AlarmSources): cloudwatch.Alarm | undefined {
    const threshold = this.threshold(definition);
    const rule = definition.rule(sources, threshold);
    if (rule === undefined) return undefined;
    // No name of our own: a second stack, or a replacement, would collide with it.
    const alarm = new cloudwatch.Alarm(this, `${constructId(definition.kind)}${sources.pipe?.name ?? ''}`, {
      threshold,
      ...rule,
      metric: unlabelled(rule.metric),
      alarmDescription: this.describe(definition, sources),
    });
    alarm.addAlarmAction(...actionsOf(this.options, definition));
    alarm.addOkAction(...(this.options.okActions ?? []));
    return alarm;
  }

  private threshold({ kind, threshold }: AlarmDefinition): number {
    return tuningOf(this.options, kind).threshold ?? threshold?.default ?? 0;
  }

  /** CloudWatch shows it in the mail and, as Markdown, in the console. It takes 1,024 characters. */
  private describe({ kind, title, means, atStake, next }: AlarmDefinition, { pipe }: AlarmSources): string {
    return [
      `**${title}${pipe === undefined ? '' : ` by the pipe ${pipe.name}`}.** ${means}`,
      `At stake: ${atStake}`,
      `Next: \`npx rakuten-postback ${next} --stack ${Stack.of(this).stackName}\``,
      runbookLink(kind, this.options.runbookUrl),
    ].join('\n\n');
  }
}

/** A graph wants a label; of an alarm it makes the long form of a query, which is harder to read for people and programs. */
function unlabelled(metric: cloudwatch.IMetric): cloudwatch.IMetric {
  if (!(metric instanceof cloudwatch.Metric)) return metric;
  const { namespace, metricName, dimensions, statistic, period } = metric;
  return new cloudwatch.Metric({ namespace, metricName, dimensionsMap: dimensions, statistic, period });
}

/** `OldestMessage` for OLDEST_MESSAGE. */
const constructId = (kind: AlarmKind): string =>
  runbookPage(kind)
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
