import { Duration } from 'aws-cdk-lib';
import {
  type IMetric,
  type IWidget,
  MathExpression,
  type Metric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { INDEXES } from '../../../core/names';
import type { BundledFunction } from '../../private/bundled-function';
import type { AlarmSources } from '../alarm-definition';
import { BLUE, BROWN, GREEN, GREY, graph, ORANGE, PINK, PURPLE, question, totals } from './widgets';

const HOUR = Duration.hours(1);
const MEGABYTE = 1e6;
const COST_PAGE =
  'https://github.com/cdk-rakuten-postback/cdk-rakuten-postback/blob/main/docs/performance.md#cost';

/** What is billed? The quantities that AWS counts; what they cost depends on region and account. */
export function cost(sources: AlarmSources): IWidget[][] {
  const { requests, units, work } = billedQuantities(sources);
  return [
    [
      question(
        'What is billed?',
        `The quantities that AWS counts and bills. [The cost page](${COST_PAGE}) has a price for each. Not included: what is stored (rows, secrets, metrics, alarms, this dashboard).`,
      ),
    ],
    [totals('Billed, in the time shown', 24, [...requests, ...units, ...work])],
    [
      graph({ title: 'Requests an hour', width: 8, left: requests }),
      graph({ title: 'DynamoDB units an hour', width: 8, left: units }),
      graph({ title: 'Compute and logs an hour', width: 8, left: work }),
    ],
  ];
}

function billedQuantities({ parts, aws, endpoint }: AlarmSources) {
  const functions = [
    parts.consumer,
    parts.registration,
    parts.reconciliation?.function,
    parts.statusWatch?.function,
  ].filter((fn) => fn !== undefined);
  const tables = [
    parts.stateTableName,
    ...(parts.tableName === undefined ? [] : [parts.tableName]),
  ];
  const indexes = parts.tableName === undefined ? [] : Object.values(INDEXES);
  return {
    requests: [
      ...(endpoint ? [sum('gateway', 'API Gateway requests', BLUE, [endpoint.requests()])] : []),
      sum(
        'queues',
        'SQS requests',
        ORANGE,
        [parts.queue, parts.deadLetterQueue].flatMap((queue) => aws.queueRequests(queue)),
      ),
      sum(
        'invocations',
        'Lambda invocations',
        PURPLE,
        functions.map((fn) => aws.invocations(fn)),
      ),
    ],
    units: [
      sum('writes', 'DynamoDB write units', GREEN, [
        ...tables.map((table) => aws.consumed('Write', table)),
        ...indexes.map((index) => aws.consumed('Write', String(parts.tableName), index)),
      ]),
      sum('reads', 'DynamoDB read units', GREY, [
        ...tables.map((table) => aws.consumed('Read', table)),
        ...indexes.map((index) => aws.consumed('Read', String(parts.tableName), index)),
      ]),
    ],
    work: [
      sum(
        'compute',
        'Lambda GB-seconds',
        PINK,
        functions.map((fn) => aws.duration(fn, 'Sum', 'duration')),
        functions.map(millisPerGigabyteSecond),
      ),
      sum(
        'logs',
        'CloudWatch Logs MB',
        BROWN,
        functions.map((fn) => aws.logBytes(fn.logGroup)),
        functions.map(() => MEGABYTE),
      ),
    ],
  };
}

/**
 * Sum of metrics, each divided by its divisor. A sum of `+` would have no value if one has none.
 */
function sum(
  id: string,
  label: string,
  color: string,
  metrics: readonly Metric[],
  divisors: readonly number[] = [],
): IMetric {
  const ids = metrics.map((_, i) => `${id}${i}`);
  const terms = ids.map((term, i) =>
    divisors[i] === undefined ? term : `${term} / ${divisors[i]}`,
  );
  return new MathExpression({
    expression: terms.length === 1 ? String(terms[0]) : `SUM([${terms.join(', ')}])`,
    usingMetrics: Object.fromEntries(
      metrics.map((metric, i) => [String(ids[i]), metric.with({ period: HOUR })]),
    ),
    label,
    color,
    period: HOUR,
  });
}

const millisPerGigabyteSecond = (fn: BundledFunction): number => (1000 * 1024) / fn.memoryMegabytes;
