import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { AlarmSources } from '../alarm-definition';
import type { Alarms } from '../alarms';
import { arriving } from './arriving';
import { cost } from './cost';
import { heading, help } from './help';
import { loss, unprocessed } from './loss';
import { speed } from './speed';

export interface MadeDashboard {
  readonly dashboard: cloudwatch.Dashboard;
  /** The graph of what could not be processed. */
  readonly unprocessed: cloudwatch.GraphWidget;
}

/**
 * One page that answers, from top to bottom: is money arriving, is anything lost, is it fast
 * enough, what is billed.
 */
export function makeDashboard(
  scope: Construct,
  id: string,
  sources: AlarmSources,
  alarms: Alarms,
  runbookUrl?: string,
): MadeDashboard {
  const behindTheEndpoint = unprocessed(sources, alarms);
  const dashboard = new cloudwatch.Dashboard(scope, id, {
    // An account has one list of dashboards for all regions.
    dashboardName: `${sources.own.installation}-${Stack.of(scope).region}`,
    // Today beside the days before: what is usual at this hour can be seen.
    defaultInterval: Duration.days(3),
    // What is graphed an hour or a day at a time stays so, whatever the time shown.
    periodOverride: cloudwatch.PeriodOverride.INHERIT,
    widgets: [
      ...heading(scope, sources, alarms),
      ...arriving(sources),
      ...loss(sources, alarms, behindTheEndpoint),
      ...speed(sources, alarms),
      ...cost(sources),
      ...help(scope, alarms, runbookUrl),
    ],
  });
  return { dashboard, unprocessed: behindTheEndpoint };
}
