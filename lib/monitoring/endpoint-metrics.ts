import { Duration } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = { statistic: cloudwatch.Stats.SUM, period: Duration.minutes(5) };

/**
 * What API Gateway counts of the endpoint, under the dimension `ApiName`: the construct gives its
 * API a name that no other has.
 */
export class EndpointMetrics {
  constructor(private readonly api: apigateway.RestApiBase) {}

  /** The status watch's own GETs are among them. */
  requests(): cloudwatch.Metric {
    return this.api.metricCount({ ...FIVE_MINUTES, label: 'GETs' });
  }

  /** 403, 413, 415, 429: mostly strangers, but a 415 or 429 to Rakuten is a line that is lost. */
  refusals(): cloudwatch.Metric {
    return this.api.metricClientError({ ...FIVE_MINUTES, label: 'refused (4xx)' });
  }

  serverErrors(): cloudwatch.Metric {
    return this.api.metricServerError({ ...FIVE_MINUTES, label: 'failed (5xx)' });
  }

  /**
   * From the arrival of the request to the answer. DNS, TCP, TLS and the way itself come on top of
   * it.
   */
  latency(percentile: number): cloudwatch.Metric {
    return this.api.metricLatency({
      statistic: cloudwatch.Stats.p(percentile),
      period: MINUTE,
      label: `p${percentile}`,
    });
  }

  /** SQS's share of the latency. */
  integrationLatency(percentile: number): cloudwatch.Metric {
    const statistic = cloudwatch.Stats.p(percentile);
    return this.api.metricIntegrationLatency({
      statistic,
      period: MINUTE,
      label: `p${percentile}, SQS's share`,
    });
  }
}
