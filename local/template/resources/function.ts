import { LOCAL_ACCOUNT, LOCAL_REGION } from '../../embedded/clients';
import { EventSource } from '../../lambda/event-source';
import { LocalFunction } from '../../lambda/local-function';
import { type Maker, physicalName } from '../context';

export const makeFunction: Maker = (resource, context) => {
  const { logicalId, properties } = resource;
  const name = physicalName(resource, context, properties.FunctionName);
  const arn = `arn:aws:lambda:${LOCAL_REGION}:${LOCAL_ACCOUNT}:function:${name}`;
  const objectKey = String((properties.Code as { S3Key?: unknown } | undefined)?.S3Key);
  const taskRoot = context.assetPath(objectKey);
  if (taskRoot === undefined)
    throw new Error(`${logicalId}: its code ${objectKey} is not among the assets of the assembly`);
  context.functions.set(
    arn,
    new LocalFunction({
      name,
      taskRoot,
      handler: String(properties.Handler),
      timeoutSeconds: Number(properties.Timeout ?? 3),
      memoryMegabytes: Number(properties.MemorySize ?? 128),
      variables: stringValues(
        (properties.Environment as { Variables?: object } | undefined)?.Variables ?? {},
      ),
      endpoints: context.endpoints,
      onOutput: (line) => context.onOutput?.(name, line),
    }),
  );
  return { ref: name, attributes: { Arn: arn } };
};

export const makeEventSourceMapping: Maker = ({ logicalId, properties }, context) => {
  const target = findFunction(context.functions, String(properties.FunctionName));
  const queueArn = String(properties.EventSourceArn);
  const queueUrl = context.queues.get(queueArn);
  if (target === undefined || queueUrl === undefined) {
    throw new Error(
      `${logicalId}: only a queue of the stack that feeds a function of the stack is run locally, not ${queueArn}`,
    );
  }
  const scaling = properties.ScalingConfig as { MaximumConcurrency?: number } | undefined;
  context.eventSources.push(
    new EventSource(context.clients.sqs, target, {
      queueUrl,
      queueArn,
      batchSize: Number(properties.BatchSize ?? 10),
      batchingWindowSeconds: Number(properties.MaximumBatchingWindowInSeconds ?? 0),
      reportBatchItemFailures: ((properties.FunctionResponseTypes ?? []) as string[]).includes(
        'ReportBatchItemFailures',
      ),
      concurrency: Math.min(
        scaling?.MaximumConcurrency ?? Number.POSITIVE_INFINITY,
        context.maxConcurrency,
      ),
      onTrouble: context.onTrouble,
      onBatch: (outcome) => context.onBatch?.({ functionName: target.name, ...outcome }),
    }),
  );
  return { ref: logicalId, attributes: { Id: logicalId } };
};

/** A function by ARN or name. */
export function findFunction(
  functions: ReadonlyMap<string, LocalFunction>,
  id: string,
): LocalFunction | undefined {
  return functions.get(id) ?? [...functions.values()].find(({ name }) => name === id);
}

const stringValues = (variables: object): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
