import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS, METRICS_NAMESPACE } from '../../core/names';
import { METRIC_CATALOGUE, type OwnMetric } from './metric-catalogue';

/**
 * The metrics of one installation that its functions publish, in the namespace `RakutenPostback` with the dimension `service`. Those of API Gateway, SQS, Lambda and
 * DynamoDB are methods of `api`, `queue`, `deadLetterQueue`, `consumer` and `table`.
 *
 * Each method takes what `cloudwatch.Metric` takes, to read the metric by another statistic or period than the usual one.
 */
export class RakutenPostbackMetrics {
  /**
   * @param installation value of the dimension `service`; of a RakutenPostback in the same app it is `postback.metrics.installation`
   */
  constructor(public readonly installation: string) {}

  /**
   * Lines that became a new row.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public linesStored(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('stored', options);
  }

  /**
   * Deliveries that brought nothing new.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public duplicatesAbsorbed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('duplicate', options);
  }

  /**
   * Deliveries that brought other content of a line that was there; the row keeps both.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public linesChanged(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('changed', options);
  }

  /**
   * Deliveries that confirmed or completed a row without changing what it said.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public linesCompleted(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('completed', options);
  }

  /**
   * Deliveries without a valid secret; none becomes a row.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public forgedRejected(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('forged', options);
  }

  /**
   * GETs that carry no postback: a bare hit, an uptime check.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public notAPostback(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('notAPostback', options);
  }

  /**
   * Rows in which something could not be read. The row says what, in `parse_problems`.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public parseProblems(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('parseProblems', options);
  }

  /**
   * Attempts to process a message that failed. It is tried five times, then waits in the dead-letter queue.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public messagesFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('failed', options);
  }

  /**
   * Test GETs of the self-test and the status watch that came through the queue.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public probesSeen(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('probes', options);
  }

  /**
   * Lines that a postback brought first. With the status watch's probe on there is a value, 0, for every 5 minutes without any.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public linesDeliveredByPush(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('deliveredByPush', options);
  }

  /**
   * Lines that no postback brought: the reconciliation fetched them.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public linesRecovered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('recovered', options);
  }

  /**
   * Lines from before the installation, which the first reconciliation fetched.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public linesBackfilled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('backfilled', options);
  }

  /**
   * Lines that a postback brought and the Events API then told too.
   * @param options another statistic, period, label or colour
   * @default - Sum over 1 hour
   */
  public linesVerified(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('verified', options);
  }

  /**
   * Lines that a postback brought and the Events API does not tell, as the daily reconciliation counts them: forged, or eliminated by the advertiser.
   * @param options another statistic, period, label or colour
   * @default - Maximum over 1 day
   */
  public linesUnverified(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('unverified', options);
  }

  /**
   * Lines that reconciliations read from the Events API, those included that were compared before.
   * @param options another statistic, period, label or colour
   * @default - Sum over 1 hour
   */
  public linesReconciled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reconciled', options);
  }

  /**
   * Percent of the lines a reconciliation met for the first time which a postback had brought. No value from a run without such lines.
   * @param options another statistic, period, label or colour
   * @default - Minimum over 1 hour
   */
  public deliveryRate(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('deliveryRate', options);
  }

  /**
   * Hours since a reconciliation last succeeded: 0 from each that does, what has passed from each that fails, nothing when none runs.
   * @param options another statistic, period, label or colour
   * @default - Maximum over 1 hour
   */
  public hoursSinceReconciliation(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reconciliationAge', options);
  }

  /**
   * Reconciliations that failed. The next one covers their time too.
   * @param options another statistic, period, label or colour
   * @default - Sum over 1 hour
   */
  public reconciliationsFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reconciliationFailed', options);
  }

  /**
   * How much of the first reconciliation is done, in percent.
   * @param options another statistic, period, label or colour
   * @default - Maximum over 1 hour
   */
  public backfillProgress(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('backfillProgress', options);
  }

  /**
   * 1 for each publisher and status check whose postback is on at Rakuten, 0 where it is not. No value from a check that failed.
   * @param options another statistic, period, label or colour
   * @default - Minimum over 5 minutes
   */
  public postbackActive(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('active', options);
  }

  /**
   * Status checks that found the postback switched off.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public postbackDisabled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('disabled', options);
  }

  /**
   * Status checks that found no postback.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public postbackMissing(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('missing', options);
  }

  /**
   * Status checks that found a URL of somebody else.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public postbackTakenOver(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('takenOver', options);
  }

  /**
   * Status checks that found a URL of ours whose postbacks are lost: an old endpoint or secret.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public postbackOutdated(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('outdated', options);
  }

  /**
   * Status checks of a postback that had to be put right again and again.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public postbackFlapping(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('flapping', options);
  }

  /**
   * Postbacks that the status watch enabled or registered again.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public postbackRestored(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('restored', options);
  }

  /**
   * Status checks that could not be made.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public statusCheckFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('statusCheckFailed', options);
  }

  /**
   * Milliseconds until the endpoint acknowledged the status watch's own GET, DNS and TLS handshake included.
   * @param options another statistic, period, label or colour
   * @default - Median over 5 minutes
   */
  public probeLatency(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('probeLatency', options);
  }

  /**
   * GETs of the status watch that the endpoint did not acknowledge.
   * @param options another statistic, period, label or colour
   * @default - Sum over 5 minutes
   */
  public probeFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('probeFailed', options);
  }

  private own(key: OwnMetric, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    const { label, statistic, period } = METRIC_CATALOGUE[key];
    return new cloudwatch.Metric({
      namespace: METRICS_NAMESPACE,
      metricName: METRICS[key],
      dimensionsMap: { service: this.installation },
      label,
      statistic,
      period,
      ...options,
    });
  }
}
