import { CloudWatchClient, GetMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import type { Examination } from './examination';

/** A number of CloudWatch. */
export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: 'Sum' | 'Maximum';
}

const MINUTE_SECONDS = 60;
const MOST_POINTS = 30;

/** Each metric over the time up to now, as one number; undefined where CloudWatch has none. */
export async function metricsOver(
  examination: Examination,
  millis: number,
  metrics: readonly Metric[],
): Promise<(number | undefined)[]> {
  const client = new CloudWatchClient(await examination.aws('cloudWatch'));
  const now = examination.now();
  const Period = Math.ceil(millis / 1000 / MOST_POINTS / MINUTE_SECONDS) * MINUTE_SECONDS;
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now - millis),
      EndTime: new Date(now),
      MetricDataQueries: metrics.map(({ namespace, name, dimensions, statistic }, index) => ({
        Id: `m${index}`,
        MetricStat: {
          Metric: {
            Namespace: namespace,
            MetricName: name,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period,
          Stat: statistic,
        },
      })),
    }),
  );
  return metrics.map(({ statistic }, index) => {
    const values = MetricDataResults.find(({ Id }) => Id === `m${index}`)?.Values ?? [];
    if (values.length === 0) return undefined;
    return statistic === 'Sum'
      ? values.reduce((sum, value) => sum + value, 0)
      : Math.max(...values);
  });
}
