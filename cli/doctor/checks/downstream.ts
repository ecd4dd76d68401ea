import type { Output, StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DISCARDED_EVENTS_OUTPUT } from '../../../core/names';
import { type Check, type Finding, ok, problem } from '../finding';

/** What the targets of `onTransaction` did not take. */
export const downstream: Check = {
  area: 'Downstream',
  name: 'Events given up',
  permissions: [
    'cloudformation:ListStackResources',
    'cloudformation:DescribeStacks',
    'sqs:GetQueueAttributes',
  ],
  stackOnly: true,
  run: async (examination) => {
    const pipes = [
      ...pipesIn(await examination.stackSummaries()),
      ...pipesElsewhere(await examination.stackOutputs()),
    ];
    if (pipes.length === 0) return ok('the stack has no target of onTransaction');
    const client = new SQSClient(await examination.aws('sqs'));
    const judged = pipes.map(async ({ name, queueUrl }) => {
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: queueUrl,
          AttributeNames: ['ApproximateNumberOfMessages'],
        }),
      );
      return judgeGivenUp(name, Number(Attributes?.ApproximateNumberOfMessages ?? 0));
    });
    return Promise.all(judged);
  },
};

/** A pipe of `onTransaction`. */
export interface TransactionPipe {
  /** Prefix of the logical IDs: `PostbackTransactionsLedger`. */
  readonly name: string;
  /** URL of its dead-letter queue. */
  readonly queueUrl: string;
}

/**
 * The pipes of `onTransaction` in the stack: a pipe and a dead-letter queue whose logical ids begin
 * alike.
 */
export function pipesIn(summaries: readonly StackResourceSummary[]): TransactionPipe[] {
  const begins = (type: string, end: string): Map<string, string> =>
    new Map(
      summaries
        .filter(({ ResourceType }) => ResourceType === type)
        .flatMap(({ LogicalResourceId = '', PhysicalResourceId = '' }) => {
          const [, begin] =
            new RegExp(`^(\\w*Transactions\\w+)${end}[0-9A-F]{8}$`).exec(LogicalResourceId) ?? [];
          return begin === undefined ? [] : [[begin, PhysicalResourceId] as const];
        }),
    );
  const queues = begins('AWS::SQS::Queue', 'DeadLetterQueue');
  return [...begins('AWS::Pipes::Pipe', 'Pipe').keys()].flatMap((name) => {
    const queueUrl = queues.get(name);
    return queueUrl === undefined ? [] : [{ name, queueUrl }];
  });
}

/** The pipes that `pipeScope` puts into other stacks. The stack has an output for each. */
export function pipesElsewhere(outputs: readonly Output[]): TransactionPipe[] {
  return outputs.flatMap(({ OutputKey = '', OutputValue: queueUrl }) => {
    const [, name] =
      new RegExp(`^(\\w*Transactions\\w+)${DISCARDED_EVENTS_OUTPUT}[0-9A-F]{8}$`).exec(OutputKey) ??
      [];
    return name === undefined || queueUrl === undefined ? [] : [{ name, queueUrl }];
  });
}

export function judgeGivenUp(name: string, notes: number): Finding {
  const what = `Events given up, ${name.replace(/^.*Transactions/, '')}`;
  if (notes === 0) return { ...ok('none'), what };
  return {
    ...problem(
      `about ${notes} ${notes === 1 ? 'note' : 'notes'} of events that the target did not take`,
      "see why in the pipe's log group, mend the target, then send again what it missed: docs/runbook/events-given-up.md",
    ),
    what,
  };
}
