import type * as logs from 'aws-cdk-lib/aws-logs';
import type { MonitoringOptions } from './options';

/** What can be seen of an installation: logs, traces, alarms and a dashboard. */
export interface ObservabilityOptions {
  /**
   * The dashboard, the alarms and what they do, the saved log queries.
   * @default - all of them; the alarms tell nobody until they are given actions
   */
  readonly monitoring?: MonitoringOptions;

  /**
   * How long the logs of the functions are kept, and the access logs.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * Whether the consumer's log lines carry what a postback said: its query string without our
   * secret, with order ids, amounts and `u1`. Meant for a time of search: what was logged stays for
   * `logRetention`.
   * @default false
   */
  readonly logPayloads?: boolean;

  /**
   * Whether X-Ray records traces of the endpoint and the functions, for about $5 a million. The
   * trace of a GET ends at the queue.
   * @default false
   */
  readonly tracing?: boolean;
}
