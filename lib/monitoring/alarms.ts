import { ArnFormat, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { AlarmDefinition, AlarmSources, EndpointSources } from './alarm-definition';
import type { AlarmKind } from './alarm-kind';
import { actionsOf, checked, tuningOf } from './alarm-options';
import type { MonitoredPipe } from './monitored-parts';
import type { MonitoringOptions } from './options';
import { runbookLink, runbookPage } from './runbook';

/** The most characters of an alarm's name. */
const MAX_NAME_LENGTH = 255;

export interface AlarmsProps<S extends EndpointSources> {
  /** Name of the installation, with which the names of its alarms begin. */
  readonly installation: string;
  readonly catalogue: readonly AlarmDefinition<S>[];
  readonly options: MonitoringOptions;
  /** Follows the command in each description. @default - nothing */
  readonly commandOptions?: string;
}

/** The alarms of an installation, as its options want them. */
export class Alarms<S extends EndpointSources = AlarmSources> extends Construct {
  /** In the catalogue's order. It grows when a publisher is added that needs another one. */
  public readonly all: cloudwatch.Alarm[] = [];
  /** The same for the dashboard, which must not depend on another stack. */
  public readonly shown: cloudwatch.IAlarm[] = [];
  private readonly byKind = new Map<AlarmKind, cloudwatch.Alarm>();

  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps<S>,
  ) {
    super(scope, id);
  }

  public get kinds(): AlarmKind[] {
    return [...this.byKind.keys()];
  }

  public get(kind: AlarmKind): cloudwatch.Alarm | undefined {
    return this.byKind.get(kind);
  }

  /**
   * The value from which on an alarm goes off; nothing where it is none that may be set, or the
   * alarm is not there.
   */
  public thresholdOf(kind: AlarmKind): number | undefined {
    const definition = this.props.catalogue.find((alarm) => alarm.kind === kind);
    return this.byKind.has(kind) && definition?.threshold ? this.threshold(definition) : undefined;
  }

  /**
   * Makes what is not there yet of what the sources have something to look at for. Sources with a
   * pipe are for the alarms that each pipe has.
   */
  public make(sources: S): void {
    const { catalogue, options } = this.props;
    for (const definition of catalogue) {
      const { kind, forEachPipe = false } = definition;
      if (forEachPipe !== (sources.pipe !== undefined)) continue;
      if ((this.byKind.has(kind) && !forEachPipe) || tuningOf(options, kind).enabled === false)
        continue;
      const alarm = this.makeOne(definition, sources);
      if (alarm === undefined) continue;
      if (!this.byKind.has(kind)) this.byKind.set(kind, alarm);
      this.all.push(alarm);
      this.shown.push(this.withoutDependency(alarm));
    }
  }

  private makeOne(definition: AlarmDefinition<S>, sources: S): cloudwatch.Alarm | undefined {
    const { options } = this.props;
    const { kind } = definition;
    const { pipe } = sources;
    const threshold = this.threshold(definition);
    const rule = definition.rule(sources, threshold);
    if (rule === undefined) return undefined;
    const alarm = new cloudwatch.Alarm(
      this.scopeFor(pipe),
      `${constructId(kind)}${pipe?.name ?? ''}`,
      {
        alarmName: this.nameOf(kind, pipe),
        threshold,
        ...rule,
        metric: unlabelled(rule.metric),
        alarmDescription: this.describe(definition, sources),
      },
    );
    alarm.addAlarmAction(...actionsOf(options, definition).map((action) => checked(this, action)));
    alarm.addOkAction(...(options.okActions ?? []).map((action) => checked(this, action)));
    return alarm;
  }

  /**
   * The subject of an alarm's email: the installation and the kind. The installation's name is
   * unique in account and region.
   */
  private nameOf(kind: AlarmKind, pipe: MonitoredPipe | undefined): string {
    return [this.props.installation, kind, ...(pipe === undefined ? [] : [pipe.name])]
      .join('-')
      .slice(0, MAX_NAME_LENGTH);
  }

  /**
   * An alarm here of a pipe in another stack would make this stack depend on that one, which
   * depends on this one.
   */
  private scopeFor(pipe: MonitoredPipe | undefined): Construct {
    return pipe === undefined || Stack.of(pipe.construct) === Stack.of(this)
      ? this
      : pipe.construct;
  }

  private withoutDependency(alarm: cloudwatch.Alarm): cloudwatch.IAlarm {
    const stack = Stack.of(this);
    if (Stack.of(alarm) === stack) return alarm;
    const arn = stack.formatArn({
      service: 'cloudwatch',
      resource: 'alarm',
      resourceName: (alarm.node.defaultChild as cloudwatch.CfnAlarm).alarmName,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return cloudwatch.Alarm.fromAlarmArn(this, `Shown${alarm.node.id}`, arn);
  }

  private threshold({ kind, threshold }: AlarmDefinition<S>): number {
    return tuningOf(this.props.options, kind).threshold ?? threshold?.default ?? 0;
  }

  /**
   * CloudWatch shows it in the mail and, as Markdown, in the console. It takes 1,024 characters.
   */
  private describe({ kind, title, means, atStake, next }: AlarmDefinition<S>, { pipe }: S): string {
    const { commandOptions, options } = this.props;
    return [
      `**${title}${pipe === undefined ? '' : ` (pipe ${pipe.name})`}.** ${means}`,
      `At stake: ${atStake}`,
      `Next: \`npx cdk-rakuten-postback ${next}${commandOptions === undefined ? '' : ` ${commandOptions}`}\``,
      runbookLink(kind, options.runbookUrl),
    ].join('\n\n');
  }
}

/**
 * A graph wants a label; of an alarm it makes the long form of a query, which is harder to read for
 * people and programs.
 */
function unlabelled(metric: cloudwatch.IMetric): cloudwatch.IMetric {
  if (!isPlain(metric)) return metric;
  const { namespace, metricName, dimensions, statistic, period } = metric;
  return new cloudwatch.Metric({
    namespace,
    metricName,
    dimensionsMap: dimensions,
    statistic,
    period,
  });
}

/** No expression. Not by `instanceof`, which fails where an app has two copies of aws-cdk-lib. */
const isPlain = (metric: cloudwatch.IMetric): metric is cloudwatch.Metric => 'metricName' in metric;

/** `OldestMessage` for OLDEST_MESSAGE. */
const constructId = (kind: AlarmKind): string =>
  runbookPage(kind)
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
