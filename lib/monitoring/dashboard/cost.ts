import { Duration } from 'aws-cdk-lib';
import { type IMetric, type IWidget, MathExpression, type Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { INDEXES } from '../../../core/names';
import { PRICES, PRICES_AS_OF, type Price } from '../../../core/prices';
import type { BundledFunction } from '../../private/bundled-function';
import type { AlarmSources } from '../alarm-definition';
import { BLUE, BROWN, GREEN, graph, ORANGE, PURPLE, question, totals } from './widgets';

const HOUR = Duration.hours(1);
const MILLION = 1e6;
const GIGABYTE = 1e9;

/** What does it cost? Requests as AWS counts them, times the published prices. */
export function cost(sources: AlarmSources): IWidget[][] {
  const shares = sharesOf(sources);
  const total = new MathExpression({
    expression: `SUM([${shares.map(({ id }) => id).join(', ')}])`,
    usingMetrics: Object.fromEntries(shares.map(({ id, dollars }) => [id, dollars])),
    label: 'together',
    period: HOUR,
  });
  return [
    [
      question(
        'What does it cost?',
        `An estimate: what AWS counted, times the on-demand prices of us-east-1 of ${PRICES_AS_OF}, without the free tier. Not in it: what is kept (rows, secrets, metrics, alarms, this dashboard).`,
      ),
    ],
    [totals('Dollars, in the time shown', 24, [total, ...shares.map(({ dollars }) => dollars)])],
    [graph({ title: 'Dollars an hour', width: 24, left: shares.map(({ dollars }) => dollars), stacked: true, leftUnit: '$' })],
  ];
}

interface Share {
  readonly id: string;
  readonly dollars: IMetric;
}

/** Something that is counted, and what a piece of it costs. */
interface Charged {
  readonly metric: Metric;
  readonly price: Price;
  /** Pieces that the price is for: a million requests, a gigabyte. */
  readonly per: number;
}

function sharesOf({ parts, aws, endpoint }: AlarmSources): Share[] {
  const functions = [parts.consumer, parts.registration, parts.reconciliation?.function, parts.statusWatch?.function].filter(
    (fn) => fn !== undefined,
  );
  const queues = [parts.queue, parts.deadLetterQueue];
  const tables = [parts.stateTableName, ...(parts.tableName === undefined ? [] : [parts.tableName])];
  const indexes = parts.tableName === undefined ? [] : Object.values(INDEXES);
  const requests = (metric: Metric, price: Price): Charged => ({ metric, price, per: MILLION });
  return [
    ...(endpoint ? [share('gateway', 'API Gateway', BLUE, [requests(endpoint.requests(), PRICES.restRequest)])] : []),
    share(
      'queues',
      'SQS',
      ORANGE,
      queues.flatMap((queue) => aws.queueRequests(queue)).map((metric) => requests(metric, PRICES.queueRequest)),
    ),
    share(
      'functions',
      'Lambda',
      PURPLE,
      functions.flatMap((fn) => [
        requests(aws.invocations(fn), PRICES.functionRequest),
        { metric: aws.duration(fn, 'Sum', 'duration'), price: PRICES.functionSecond, per: millisecondsPerGigabyteSecond(fn) },
      ]),
    ),
    share('tables', 'DynamoDB', GREEN, [
      ...tables.flatMap((table) => [
        requests(aws.consumed('Write', table), PRICES.writeUnit),
        requests(aws.consumed('Read', table), PRICES.readUnit),
      ]),
      ...indexes.map((index) => requests(aws.consumed('Write', String(parts.tableName), index), PRICES.writeUnit)),
    ]),
    share(
      'logs',
      'CloudWatch Logs',
      BROWN,
      functions.map((fn) => ({ metric: aws.logBytes(fn.logGroup), price: PRICES.logIngestion, per: GIGABYTE })),
    ),
  ];
}

/** One service's share. A metric that has no value is left out of the sum, which a sum of `+` would not survive. */
function share(id: string, label: string, color: string, charged: readonly Charged[]): Share {
  const ids = charged.map((_, i) => `${id}${i}`);
  const terms = charged.map(({ price, per }, i) => `${ids[i]} * ${price.dollars} / ${per}`);
  const dollars = new MathExpression({
    expression: terms.length === 1 ? String(terms[0]) : `SUM([${terms.join(', ')}])`,
    usingMetrics: Object.fromEntries(charged.map(({ metric }, i) => [String(ids[i]), metric.with({ period: HOUR })])),
    label,
    color,
    period: HOUR,
  });
  return { id, dollars };
}

/** How many milliseconds of a function make a GB-second. */
const millisecondsPerGigabyteSecond = (fn: BundledFunction): number => (1000 * 1024) / fn.memoryMegabytes;
