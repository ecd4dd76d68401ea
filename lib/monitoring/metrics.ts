import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS, METRICS_NAMESPACE } from '../../core/names';
import { METRIC_CATALOGUE, type OwnMetric } from './metric-catalogue';

/**
 * Metrics of one installation.
 *
 * Its functions publish them in the namespace `RakutenPostback` with the dimension `service`. Use
 * `api`, `queue`, `deadLetterQueue`, `consumer` and `table` for the metrics of AWS services.
 *
 * Each method accepts the options of `cloudwatch.Metric`, such as another statistic, period, label
 * or color. The end of each description names the default statistic and period.
 */
export class RakutenPostbackMetrics {
  /** @param installation value of the dimension `service`, such as `metrics.installation` */
  constructor(public readonly installation: string) {}

  /** Postbacks that became a new row. Sum over 5 minutes. */
  public linesStored(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('stored', options);
  }

  /** Postbacks that brought nothing new. Sum over 5 minutes. */
  public duplicatesAbsorbed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('duplicate', options);
  }

  /**
   * Postbacks that arrived before the first one known and took its place.
   *
   * That happens after a redrive of the dead-letter queue. Sum over 5 minutes.
   */
  public linesChanged(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('changed', options);
  }

  /**
   * Later postbacks with other content for a known line.
   *
   * They change nothing that a row shows. The row keeps five of them in `other_pushes`. Sum over 5
   * minutes.
   */
  public otherPushesKept(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('otherPushes', options);
  }

  /**
   * Rows with a postback that differs from the Events API in an amount, the currency or `u1`.
   *
   * The row shows the values of the Events API, and the fields in `differing_fields`. Sum over 5
   * minutes.
   */
  public pushesDiffering(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('differingPushes', options);
  }

  /**
   * Postbacks whose `sid` is not the publisher of the URL secret.
   *
   * The row belongs to the publisher of the secret. Sum over 5 minutes.
   */
  public foreignSids(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('foreignSid', options);
  }

  /** Deliveries without a valid secret; none becomes a row. Sum over 5 minutes. */
  public forgedRejected(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('forged', options);
  }

  /** GETs that carry no postback: a bare hit, an uptime check. Sum over 5 minutes. */
  public notAPostback(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('notAPostback', options);
  }

  /**
   * Rows in which something could not be read. The row says what, in `parse_problems`. Sum over 5
   * minutes.
   */
  public parseProblems(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('parseProblems', options);
  }

  /**
   * Attempts to process a message that failed. It is tried five times, then waits in the dead-
   * letter queue. Sum over 5 minutes.
   */
  public messagesFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('failed', options);
  }

  /**
   * Test GETs of the self-test and the status watch that came through the queue. Sum over 5
   * minutes.
   */
  public probesSeen(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('probes', options);
  }

  /**
   * Lines that a postback delivered first.
   *
   * With the probe of the status watch there is a value, 0, for every 5 minutes without any. Sum
   * over 5 minutes.
   */
  public linesDeliveredByPush(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('deliveredByPush', options);
  }

  /** Lines that no postback delivered: the reconciliation fetched them. Sum over 5 minutes. */
  public linesRecovered(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('recovered', options);
  }

  /**
   * Lines from before the installation, which the first reconciliation fetched. Sum over 5 minutes.
   */
  public linesBackfilled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('backfilled', options);
  }

  /** Lines that a postback delivered and the Events API then returned. Sum over 1 hour. */
  public linesVerified(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('verified', options);
  }

  /**
   * Verified lines whose checked values a newer answer of the Events API replaced. Sum over 1 hour.
   */
  public linesCorrected(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('corrected', options);
  }

  /**
   * Verified lines that complete reads of the Events API lacked.
   *
   * The advertiser eliminated them. They are in no sum. Sum over 1 hour.
   */
  public linesWithdrawn(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('withdrawn', options);
  }

  /**
   * Runs that changed no verified line, as they would have changed too many of them. Sum over 1
   * hour.
   */
  public reconciliationsBraked(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('brake', options);
  }

  /**
   * Answers of the Events API with an unreadable checked field. They verify nothing. Sum over 1
   * hour.
   */
  public unreadableAnswers(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('unreadableAnswers', options);
  }

  /**
   * Answers with another advertiser, order or SKU than the line had.
   *
   * Rakuten reused an ID. Such an answer verifies nothing. Sum over 1 hour.
   */
  public reusedIds(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reusedIds', options);
  }

  /**
   * Confirmed lines (`N`) that a postback delivered and the Events API does not return.
   *
   * Counted by the daily run. They are forged, or the advertiser eliminated them. Maximum over 1
   * day.
   */
  public linesUnverified(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('unverified', options);
  }

  /**
   * Events (`Y`) that a postback delivered and the Events API does not return.
   *
   * Counted by the daily run. The Events API may not keep events. Maximum over 1 day.
   */
  public eventsUnverified(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('unverifiedEvents', options);
  }

  /**
   * Lines that reconciliations read from the Events API, those included that were compared before.
   * Sum over 1 hour.
   */
  public linesReconciled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reconciled', options);
  }

  /**
   * Percent of the lines a reconciliation met for the first time which a postback had brought. No
   * value from a run without such lines. Minimum over 1 hour.
   */
  public deliveryRate(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('deliveryRate', options);
  }

  /**
   * Hours since a reconciliation last succeeded: 0 from each that does, what has passed from each
   * that fails, nothing when none runs. Maximum over 1 hour.
   */
  public hoursSinceReconciliation(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reconciliationAge', options);
  }

  /** Reconciliations that failed. The next one covers their time too. Sum over 1 hour. */
  public reconciliationsFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('reconciliationFailed', options);
  }

  /** How much of the first reconciliation is done, in percent. Maximum over 1 hour. */
  public backfillProgress(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('backfillProgress', options);
  }

  /**
   * 1 for each publisher and status check whose postback is on at Rakuten, 0 where it is not. No
   * value from a check that failed. Minimum over 5 minutes.
   */
  public postbackActive(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('active', options);
  }

  /** Status checks that found the postback switched off. Sum over 5 minutes. */
  public postbackDisabled(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('disabled', options);
  }

  /** Status checks that found no postback. Sum over 5 minutes. */
  public postbackMissing(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('missing', options);
  }

  /** Status checks that found a URL of somebody else. Sum over 5 minutes. */
  public postbackTakenOver(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('takenOver', options);
  }

  /**
   * Status checks that found a URL of ours whose postbacks are lost: an old endpoint or secret. Sum
   * over 5 minutes.
   */
  public postbackOutdated(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('outdated', options);
  }

  /** Status checks of a postback that had to be put right again and again. Sum over 5 minutes. */
  public postbackFlapping(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('flapping', options);
  }

  /** Postbacks that the status watch enabled or registered again. Sum over 5 minutes. */
  public postbackRestored(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('restored', options);
  }

  /** Status checks that could not be made. Sum over 5 minutes. */
  public statusCheckFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('statusCheckFailed', options);
  }

  /**
   * Failed tasks of the status watch: a change event or a reconciliation request that was not sent.
   * Sum over 5 minutes.
   */
  public watchTasksFailed(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('watchTaskFailed', options);
  }

  /**
   * Milliseconds until the endpoint acknowledged the status watch's own GET, DNS and TLS handshake
   * included. Median over 5 minutes.
   */
  public probeLatency(options?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return this.own('probeLatency', options);
  }

  /** GETs of the status watch that the endpoint did not acknowledge. Sum over 5 minutes. */
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
