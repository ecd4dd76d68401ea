import { Stack } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { ALARM_CATALOGUE } from './monitoring/alarm-catalogue';
import type { AlarmSources } from './monitoring/alarm-definition';
import type { AlarmKind } from './monitoring/alarm-kind';
import { optionProblems } from './monitoring/alarm-options';
import { Alarms } from './monitoring/alarms';
import { AwsMetrics } from './monitoring/aws-metrics';
import { type MadeDashboard, makeDashboard } from './monitoring/dashboard/dashboard';
import { showPipe } from './monitoring/dashboard/loss';
import { EndpointMetrics } from './monitoring/endpoint-metrics';
import type { RakutenPostbackMetrics } from './monitoring/metrics';
import type { MonitoredParts, MonitoredPipe } from './monitoring/monitored-parts';
import type { MonitoringOptions } from './monitoring/options';
import { saveQueries } from './monitoring/queries';
import { rejectProblems } from './private/checks';

export interface MonitoringProps {
  readonly options: MonitoringOptions;
  readonly metrics: RakutenPostbackMetrics;
  readonly parts: MonitoredParts;
}

/**
 * What is seen of an installation: alarms, a dashboard and saved log queries, all made from the
 * same declarations of its metrics.
 */
export class Monitoring extends Construct {
  private readonly made?: Alarms;
  private readonly shown?: MadeDashboard;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: MonitoringProps,
  ) {
    super(scope, id);
    const { options, parts, metrics } = props;
    rejectProblems(this, optionProblems(options));
    if (options.enabled === false) return;
    const alarms = new Alarms(this, 'Alarms', {
      installation: metrics.installation,
      catalogue: ALARM_CATALOGUE,
      options,
      commandOptions: `--stack ${Stack.of(this).stackName}`,
    });
    alarms.make(this.sources());
    this.made = alarms;
    if (options.dashboard ?? true) {
      this.shown = makeDashboard(this, 'Dashboard', this.sources(), alarms, options.runbookUrl);
    }
    if (options.savedQueries ?? true) saveQueries(this, metrics.installation, parts);
  }

  public get dashboard(): cloudwatch.Dashboard | undefined {
    return this.shown?.dashboard;
  }

  public get alarms(): cloudwatch.Alarm[] {
    return [...(this.made?.all ?? [])];
  }

  public alarm(kind: AlarmKind): cloudwatch.Alarm {
    const alarm = this.made?.get(kind);
    if (alarm !== undefined) return alarm;
    const there =
      this.alarms.length === 0
        ? 'there are none'
        : `there are ${(this.made?.kinds ?? []).join(', ')}`;
    throw new Error(
      `${this.node.path}: there is no alarm ${kind}, as it is left out or the part that it watches is off; ${there}`,
    );
  }

  /** A publisher may be the first one that an alarm is for. */
  public publisherAdded(): void {
    this.made?.make(this.sources());
  }

  /** A target of `onTransaction` has an alarm of its own, and a line on the dashboard. */
  public pipeAdded(pipe: MonitoredPipe): void {
    const sources = this.sources(pipe);
    this.made?.make(sources);
    if (this.shown) showPipe(this.shown.unprocessed, sources);
  }

  private sources(pipe?: MonitoredPipe): AlarmSources {
    const { parts, metrics } = this.props;
    const endpoint = parts.api && new EndpointMetrics(parts.api);
    return { parts, own: metrics, aws: new AwsMetrics(parts), endpoint, pipe };
  }
}
