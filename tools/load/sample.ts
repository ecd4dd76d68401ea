import { readdir } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LocalStack } from '../../local/stack';
import type { Sample } from './series';

/** Measures this process, its threads and the consumer's processes. */
export async function takeSample(
  started: number,
  sent: number,
  { consumer, dynamodb, sqs }: LocalStack,
): Promise<Sample> {
  const [dynamodbMemory, sqsMemory] = await Promise.all([dynamodb.memory(), sqs.memory()]);
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    seconds: (performance.now() - started) / 1000,
    sent,
    heap: heapUsed,
    dynamodb: dynamodbMemory,
    sqs: sqsMemory,
    process: rss - dynamodbMemory,
    consumer: Math.max(0, ...consumer.memory),
    files: await openFiles('self'),
    consumerFiles: Math.max(0, ...(await Promise.all(consumer.processIds.map(openFiles)))),
    resources: process.getActiveResourcesInfo().length,
  };
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** Linux lists them; elsewhere 0, and a leak shows in `resources` alone. */
async function openFiles(processId: number | 'self'): Promise<number> {
  try {
    return (await readdir(`/proc/${processId}/fd`)).length;
  } catch {
    return 0;
  }
}
