import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { AlarmKind, AlarmSeverity } from './alarm-kind';

/** One alarm otherwise than by default. */
export interface AlarmTuning {
  /** Which alarm. */
  readonly kind: AlarmKind;

  /**
   * Whether the alarm exists.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * From which value on it alarms, in the unit that its AlarmKind names. `docs/monitoring.md` lists
   * defaults and ranges.
   * @default - the alarm's own
   */
  readonly threshold?: number;

  /**
   * Whose actions it takes.
   * @default - the alarm's own
   */
  readonly severity?: AlarmSeverity;

  /**
   * What it does instead of the actions of its severity.
   * @default - the actions of its severity
   */
  readonly actions?: cloudwatch.IAlarmAction[];
}

/**
 * Dashboard, alarms and saved log queries. They are there by default, and the alarms tell nobody
 * until they are given actions.
 */
export interface MonitoringOptions {
  /**
   * Whether there are a dashboard, alarms and saved queries at all. The metrics, and the methods
   * that read them, are there in any case.
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * Whether there is a dashboard. Beyond an account's three free ones it costs about $3 a month.
   * @default true
   */
  readonly dashboard?: boolean;

  /**
   * Whether queries are saved in CloudWatch Logs Insights. They cost nothing.
   * @default true
   */
  readonly savedQueries?: boolean;

  /**
   * What every alarm does: `new SnsAction(topic)`, an OpsItem, a function (see
   * `aws-cdk-lib/aws-cloudwatch-actions`).
   *
   * Topics and functions have to be in the region of the stack.
   * @default - nothing; the alarms are seen on the dashboard and in the console
   */
  readonly alarmActions?: cloudwatch.IAlarmAction[];

  /**
   * What alarms of severity PAGE do, besides `alarmActions`.
   * @default - nothing more
   */
  readonly pageActions?: cloudwatch.IAlarmAction[];

  /**
   * What alarms of severity TICKET do, besides `alarmActions`.
   * @default - nothing more
   */
  readonly ticketActions?: cloudwatch.IAlarmAction[];

  /**
   * What every alarm does when it is over.
   * @default - nothing
   */
  readonly okActions?: cloudwatch.IAlarmAction[];

  /**
   * Alarms otherwise than by default, each at most once.
   * @default - all as they are
   */
  readonly alarms?: AlarmTuning[];

  /**
   * Where your own copy of the runbook stands, when alarms should link to that: a URL of the folder
   * with its pages.
   * @default - the one of this project
   */
  readonly runbookUrl?: string;
}
