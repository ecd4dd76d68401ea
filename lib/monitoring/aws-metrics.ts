import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { MonitoredParts, MonitoredPipe } from './monitored-parts';

const { MAXIMUM, SUM } = cloudwatch.Stats;
const FIVE_MINUTES = Duration.minutes(5);

/** Every metric of AWS's own that is graphed or alarmed, once. */
export class AwsMetrics {
  constructor(private readonly parts: MonitoredParts) {}

  /**
   * A message that fails again and again is left out of it by SQS: the dead-letter queue tells of
   * those.
   */
  oldestMessage(): cloudwatch.Metric {
    return oldestMessage(this.parts.queue);
  }

  waiting(): cloudwatch.Metric {
    return visible(this.parts.queue, 'waiting');
  }

  /**
   * Visible ones: `NotVisible` can be 1 on an empty queue, and `NumberOfMessagesSent` does not
   * count what SQS itself moves here.
   */
  deadLetters(): cloudwatch.Metric {
    return visible(this.parts.deadLetterQueue, 'in the dead-letter queue');
  }

  /** Each note tells of one event or of several. */
  givenUp({ name, deadLetterQueueName }: MonitoredPipe): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/SQS',
      metricName: 'ApproximateNumberOfMessagesVisible',
      dimensionsMap: { QueueName: deadLetterQueueName },
      statistic: MAXIMUM,
      period: FIVE_MINUTES,
      label: `given up by ${name}`,
    });
  }

  /**
   * Executions of a pipe that failed, at its enrichment or at its target. The pipe repeats them.
   */
  pipeFailures({ name, pipeName }: MonitoredPipe): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/EventBridge/Pipes',
      metricName: 'ExecutionFailed',
      dimensionsMap: { PipeName: pipeName },
      statistic: SUM,
      period: FIVE_MINUTES,
      label: `failed executions of ${name}`,
    });
  }

  /**
   * Requests to a queue, as far as SQS counts them: what is received and deleted in one request of
   * up to ten is counted as so many.
   */
  queueRequests(queue: sqs.IQueue): cloudwatch.Metric[] {
    const names = [
      'NumberOfMessagesSent',
      'NumberOfMessagesReceived',
      'NumberOfMessagesDeleted',
      'NumberOfEmptyReceives',
    ];
    return names.map((name) => queue.metric(name, { statistic: SUM, period: FIVE_MINUTES }));
  }

  invocations(fn: lambda.IFunction, period = FIVE_MINUTES): cloudwatch.Metric {
    return fn.metricInvocations({ statistic: SUM, period, label: 'invocations' });
  }

  errors(fn: lambda.IFunction, period = FIVE_MINUTES): cloudwatch.Metric {
    return fn.metricErrors({ statistic: SUM, period, label: 'failed invocations' });
  }

  throttles(fn: lambda.IFunction): cloudwatch.Metric {
    return fn.metricThrottles({
      statistic: SUM,
      period: FIVE_MINUTES,
      label: 'throttled invocations',
    });
  }

  duration(fn: lambda.IFunction, statistic: string, label: string): cloudwatch.Metric {
    return fn.metricDuration({ statistic, period: FIVE_MINUTES, label });
  }

  /**
   * Writes that DynamoDB throttled, because of the table or of an index. `SUM` needs no value of
   * each operation.
   */
  throttledWrites(tableName: string): cloudwatch.MathExpression {
    const throttled = (Operation: string): cloudwatch.Metric =>
      dynamodb('ThrottledRequests', { TableName: tableName, Operation }, `throttled ${Operation}`);
    return new cloudwatch.MathExpression({
      expression: 'SUM([throttledPuts, throttledUpdates])',
      usingMetrics: {
        throttledPuts: throttled('PutItem'),
        throttledUpdates: throttled('UpdateItem'),
      },
      label: 'throttled writes',
      period: FIVE_MINUTES,
    });
  }

  /** Of a table, or of one of its indexes, which DynamoDB counts apart. */
  consumed(what: 'Read' | 'Write', tableName: string, index?: string): cloudwatch.Metric {
    const dimensions = {
      TableName: tableName,
      ...(index === undefined ? {} : { GlobalSecondaryIndexName: index }),
    };
    return dynamodb(
      `Consumed${what}CapacityUnits`,
      dimensions,
      `${index ?? 'table'}, ${what.toLowerCase()} units`,
    );
  }

  logBytes(logGroup: logs.ILogGroup): cloudwatch.Metric {
    return new cloudwatch.Metric({
      namespace: 'AWS/Logs',
      metricName: 'IncomingBytes',
      dimensionsMap: { LogGroupName: logGroup.logGroupName },
      statistic: SUM,
      period: FIVE_MINUTES,
    });
  }
}

/** Age of the oldest message in seconds, without those that failed several times. */
export const oldestMessage = (queue: sqs.IQueue): cloudwatch.Metric =>
  queue.metricApproximateAgeOfOldestMessage({
    statistic: MAXIMUM,
    period: FIVE_MINUTES,
    label: 'oldest message, seconds',
  });

const visible = (queue: sqs.IQueue, label: string): cloudwatch.Metric =>
  queue.metricApproximateNumberOfMessagesVisible({
    statistic: MAXIMUM,
    period: FIVE_MINUTES,
    label,
  });

const dynamodb = (
  metricName: string,
  dimensionsMap: Record<string, string>,
  label: string,
): cloudwatch.Metric =>
  new cloudwatch.Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap,
    statistic: SUM,
    period: FIVE_MINUTES,
    label,
  });
