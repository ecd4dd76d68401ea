import {
  type EventSourceMappingConfiguration,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda';
import { FailureNotes } from '../../../core/dead-letters/notes';
import { reasonOf } from '../../../core/dead-letters/reasons';
import { CheckSkippedError } from '../../errors';
import type { Examination } from '../examination';
import { type Check, type Finding, ok, problem, together, warning } from '../finding';
import { judgeFunction } from '../function-state';
import { metricsOver } from '../metrics';
import { spanText } from '../span';

const HOUR_MILLIS = 3_600_000;
const DAY_MILLIS = 24 * HOUR_MILLIS;

export const consumer: Check = {
  area: 'Consumer',
  name: 'Consumer',
  permissions: [
    'lambda:ListEventSourceMappings',
    'lambda:GetFunctionConfiguration',
    'lambda:GetFunctionConcurrency',
  ],
  stackOnly: true,
  run: async (examination) => {
    const mapping = await mappingOf(examination);
    if (mapping === undefined)
      return problem(
        'no function reads the queue',
        'deploy again, which restores the event source mapping',
      );
    return together(
      await judgeFunction(examination, mapping.FunctionArn ?? ''),
      judgeMapping(mapping),
    );
  },
};

/** What reads the queue. Looked up once. */
function mappingOf(examination: Examination): Promise<EventSourceMappingConfiguration | undefined> {
  return examination.once('mapping', async () => {
    const EventSourceArn = await examination.queueArn();
    const client = new LambdaClient(await examination.aws('lambda'));
    const { EventSourceMappings = [] } = await client.send(
      new ListEventSourceMappingsCommand({ EventSourceArn }),
    );
    return EventSourceMappings.find((mapping) => mapping.EventSourceArn === EventSourceArn);
  });
}

export function judgeMapping({
  State,
  LastProcessingResult,
  ScalingConfig,
  UUID,
}: EventSourceMappingConfiguration): Finding {
  const concurrency = ScalingConfig?.MaximumConcurrency;
  const found = `reads the queue${concurrency === undefined ? '' : `, up to ${concurrency} at once`}`;
  if (State === 'Disabled' || State === 'Disabling') {
    return problem(
      'does not read the queue: its event source mapping is disabled',
      `aws lambda update-event-source-mapping --uuid ${UUID} --enabled`,
    );
  }
  if (/^PROBLEM/.test(LastProcessingResult ?? '')) {
    return problem(
      `Lambda cannot read the queue: ${LastProcessingResult}`,
      "check the consumer's role and the queue's policy and key; deploy again",
    );
  }
  return State === 'Enabled'
    ? ok(found)
    : warning(`its event source mapping is ${State}`, 'look again in a minute');
}

export const consumerErrors: Check = {
  area: 'Consumer',
  name: 'Errors, 24 hours',
  permissions: ['cloudwatch:GetMetricData', 'lambda:ListEventSourceMappings'],
  stackOnly: true,
  run: async (examination) => {
    const mapping = await mappingOf(examination).catch(() => undefined);
    if (mapping?.FunctionArn === undefined)
      throw new CheckSkippedError('not looked at, as the function is not known');
    const dimensions = { FunctionName: mapping.FunctionArn.split(':')[6] ?? '' };
    const names = ['Invocations', 'Errors', 'Throttles'] as const;
    const [invocations = 0, errors = 0, throttles = 0] = await metricsOver(
      examination,
      DAY_MILLIS,
      names.map((name) => ({
        namespace: 'AWS/Lambda',
        name,
        dimensions,
        statistic: 'Sum' as const,
      })),
    );
    const found = `${invocations} batches, ${errors} cut off or crashed, ${throttles} throttled`;
    if (errors > 0)
      return warning(
        found,
        "look into the function's log; what failed is tried again, and is in the dead-letter queue after five times",
      );
    return throttles > 0
      ? warning(
          found,
          "the account's concurrency is used up, or the function's is reserved too low: see Lambda's quotas",
        )
      : ok(found);
  },
};

/** What the consumer itself noted, from the state table: it needs no log. */
export const failureNotes: Check = {
  area: 'Consumer',
  name: 'Messages that failed',
  permissions: ['dynamodb:Query on the state table'],
  run: async (examination) => {
    const notes = new FailureNotes(
      await examination.dynamodb(),
      await examination.resource('stateTableName', 'StateTableName'),
    );
    const recent = await notes.latest();
    if (recent === undefined) return ok('none is noted in the last 14 days');
    const { why, next } = reasonOf(recent.reason, 'postback');
    const ago = Math.max(0, examination.now() - recent.failedAt);
    const found = `the last one ${spanText(ago)} ago: ${why}`;
    return ago < HOUR_MILLIS ? warning(found, `if it goes on: ${next}`) : ok(found);
  },
};
