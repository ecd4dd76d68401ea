/**
 * Published on-demand prices of us-east-1 in US dollars, first tier, without the free tier,
 * gathered on 27 November 2026 from what AWS published and, where its page shows no numbers without
 * a browser, from what others wrote down of it: look those up before you rely on the sum.
 */
export const PRICES_AS_OF = '2026-11-27';

export interface Price {
  readonly of: string;
  readonly dollars: number;
  /** What costs so much. */
  readonly unit: string;
  readonly source: string;
}

/** What others wrote down of AWS's price pages. */
const LAMBDA = 'cloudchipr.com/blog/aws-lambda-pricing (third party, us-east-1)';
const DYNAMODB =
  'airbyte.com/data-engineering-resources/dynamodb-pricing (third party, after the cut of November 2024)';
const BACKUPS = 'finops.com.py/services/dynamodb/backups (third party)';
const QUEUES = 'cloudburn.io/blog/amazon-sqs-pricing (third party, us-east-1, March 2026)';
const SECRETS =
  'hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms (third party)';
const METRICS = 'signoz.io/guides/cloudwatch-pricing (third party, February 2026)';
const CLOUDWATCH =
  'factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards (third party, June 2026)';
const ALARMS = 'c3x.dev/resources/aws/aws_cloudwatch_metric_alarm (third party)';

export const PRICES = {
  restRequest: {
    of: 'API Gateway, REST',
    dollars: 3.5,
    unit: 'a million requests',
    source:
      'AWS white paper "Best Practices for Designing Amazon API Gateway Private APIs", cost optimization; go-cloud.io/aws-api-gateway-pricing',
  },
  queueRequest: {
    of: 'SQS, standard queue',
    dollars: 0.4,
    unit: 'a million requests',
    source: QUEUES,
  },
  functionRequest: { of: 'Lambda', dollars: 0.2, unit: 'a million invocations', source: LAMBDA },
  functionSecond: {
    of: 'Lambda, memory',
    dollars: 0.0000133334,
    unit: 'a GB-second (arm64)',
    source: LAMBDA,
  },
  readUnit: {
    of: 'DynamoDB, read',
    dollars: 0.125,
    unit: 'a million read units',
    source: DYNAMODB,
  },
  writeUnit: {
    of: 'DynamoDB, written',
    dollars: 0.625,
    unit: 'a million write units',
    source: DYNAMODB,
  },
  logIngestion: { of: 'CloudWatch Logs, taken in', dollars: 0.5, unit: 'a GB', source: CLOUDWATCH },
  tableStorage: {
    of: 'DynamoDB, kept',
    dollars: 0.25,
    unit: 'a GB and month',
    source: 'aws.amazon.com/dynamodb/pricing',
  },
  tableRecovery: {
    of: 'DynamoDB, point-in-time recovery',
    dollars: 0.2,
    unit: 'a GB and month',
    source: BACKUPS,
  },
  secret: { of: 'Secrets Manager', dollars: 0.4, unit: 'a secret and month', source: SECRETS },
  secretRead: {
    of: 'Secrets Manager, read',
    dollars: 5,
    unit: 'a million requests',
    source: SECRETS,
  },
  metric: {
    of: 'CloudWatch, metric of our own',
    dollars: 0.3,
    unit: 'a metric and month',
    source: METRICS,
  },
  alarm: {
    of: 'CloudWatch, alarm',
    dollars: 0.1,
    unit: 'a metric that it looks at and month',
    source: ALARMS,
  },
  dashboard: {
    of: 'CloudWatch, dashboard beyond the three free ones',
    dollars: 3,
    unit: 'a dashboard and month',
    source: CLOUDWATCH,
  },
  trace: {
    of: 'X-Ray, recorded',
    dollars: 5,
    unit: 'a million traces',
    source: 'aws.amazon.com/xray/pricing',
  },
} as const satisfies Record<string, Price>;
