/**
 * Published on-demand prices of us-east-1 in US dollars, first tier, without the free tier, gathered on 23 November 2026. Where no published source was at
 * hand the price is from memory and says so: look those up before you rely on the sum.
 */
export const PRICES_AS_OF = '2026-11-23';

export interface Price {
  readonly of: string;
  readonly dollars: number;
  /** What costs so much. */
  readonly unit: string;
  readonly source: string;
}

/** What others wrote down of AWS's price page. */
const LAMBDA = 'git.mcrn.ar/mariano/lambda_local_runner, "Cost" (third party, 2026)';
const MEMORY = 'assumed: check it against the price page';
const DYNAMODB = 'airbyte.com/data-engineering-resources/dynamodb-pricing (third party, after the cut of November 2024)';

export const PRICES = {
  restRequest: {
    of: 'API Gateway, REST',
    dollars: 3.5,
    unit: 'a million requests',
    source:
      'AWS white paper "Best Practices for Designing Amazon API Gateway Private APIs", cost optimization; go-cloud.io/aws-api-gateway-pricing',
  },
  queueRequest: { of: 'SQS, standard queue', dollars: 0.4, unit: 'a million requests', source: MEMORY },
  functionRequest: { of: 'Lambda', dollars: 0.2, unit: 'a million invocations', source: LAMBDA },
  functionSecond: { of: 'Lambda, memory', dollars: 0.0000133334, unit: 'a GB-second (arm64)', source: LAMBDA },
  readUnit: { of: 'DynamoDB, read', dollars: 0.125, unit: 'a million read units', source: DYNAMODB },
  writeUnit: { of: 'DynamoDB, written', dollars: 0.625, unit: 'a million write units', source: DYNAMODB },
  logIngestion: { of: 'CloudWatch Logs, taken in', dollars: 0.5, unit: 'a GB', source: MEMORY },
  tableStorage: { of: 'DynamoDB, kept', dollars: 0.25, unit: 'a GB and month', source: MEMORY },
  tableRecovery: { of: 'DynamoDB, point-in-time recovery', dollars: 0.2, unit: 'a GB and month', source: MEMORY },
  secret: { of: 'Secrets Manager', dollars: 0.4, unit: 'a secret and month', source: MEMORY },
  metric: { of: 'CloudWatch, metric of our own', dollars: 0.3, unit: 'a metric and month', source: MEMORY },
  alarm: { of: 'CloudWatch, alarm', dollars: 0.1, unit: 'a metric that it looks at and month', source: MEMORY },
  dashboard: { of: 'CloudWatch, dashboard beyond the three free ones', dollars: 3, unit: 'a dashboard and month', source: MEMORY },
  trace: { of: 'X-Ray, recorded', dollars: 5, unit: 'a million traces', source: MEMORY },
} as const satisfies Record<string, Price>;
