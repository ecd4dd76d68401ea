import { METRICS } from '../../core/names';
import { PRICES } from '../../core/prices';
import { numberOf, type Template } from './count';

/** Lambda's pollers ask an idle queue for messages all the time: five of them, each waiting up to 20 seconds. */
const IDLE_RECEIVES_PER_MONTH = (5 * 30 * 24 * 60 * 60) / 20;

/** What is paid a month whatever comes, counted in the template. */
export function fixedCosts(template: Template): [what: string, dollars: number][] {
  const secrets = numberOf(template, 'AWS::SecretsManager::Secret') + 1;
  const alarms = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  // AWS counts the metrics that an alarm looks at, rather than the alarms.
  const watched = alarms.reduce(
    (total, { Properties: { Metrics } }) => total + (Metrics?.filter((m: { MetricStat?: unknown }) => m.MetricStat).length ?? 1),
    0,
  );
  const dashboards = numberOf(template, 'AWS::CloudWatch::Dashboard');
  const metrics = Object.keys(METRICS).length;
  return [
    [`${secrets} secrets: the one in the URL, and Rakuten's credentials`, secrets * PRICES.secret.dollars],
    ['asking an idle queue', (IDLE_RECEIVES_PER_MONTH / 1e6) * PRICES.queueRequest.dollars],
    [`${alarms.length} alarms, which look at ${watched} metrics`, watched * PRICES.alarm.dollars],
    [`${dashboards} dashboard, where the account has its three free ones already`, dashboards * PRICES.dashboard.dollars],
    [`at most ${metrics} metrics of its own (one that is not written in an hour costs nothing for it)`, metrics * PRICES.metric.dollars],
  ];
}
