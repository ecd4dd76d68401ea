import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { queueDepth, untilEmpty } from '../../../local/drain';
import { sqsClient } from '../../../local/embedded/clients';
import type { FaultyServer } from '../../../local/embedded/server-thread';
import { startSqs } from '../../../local/embedded/sqs';
import { EventSource, type EventSourceDefinition } from '../../../local/lambda/event-source';
import { LocalFunction } from '../../../local/lambda/local-function';

let folder: string;
const functions: LocalFunction[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-function-'));
});
afterAll(async () => {
  await Promise.all(functions.map((fn) => fn.close()));
  await rm(folder, { recursive: true });
});

/** A function with this body of a handler `(event, context)`. */
async function functionOf(
  body: string,
  options: { timeoutSeconds?: number; onOutput?: (line: string) => void } = {},
): Promise<LocalFunction> {
  const file = `handler-${functions.length}`;
  await writeFile(
    join(folder, `${file}.js`),
    `exports.handler = async (event, context) => { ${body} };`,
  );
  const fn = new LocalFunction({
    name: file,
    taskRoot: folder,
    handler: `${file}.handler`,
    timeoutSeconds: options.timeoutSeconds ?? 10,
    memoryMegabytes: 256,
    variables: { TABLE: 'things', NODE_OPTIONS: '--enable-source-maps' },
    endpoints: {
      dynamodb: 'http://127.0.0.1:11',
      sqs: 'http://127.0.0.1:12',
      secretsManager: 'http://127.0.0.1:13',
    },
    onOutput: options.onOutput,
  });
  functions.push(fn);
  return fn;
}

describe('a local function', () => {
  it('sees its own variables, the local endpoints, and nothing of the developer', async () => {
    process.env.AWS_PROFILE = 'production';
    process.env.HTTPS_PROXY = 'http://proxy.example.com';
    const fn = await functionOf('return process.env');
    const seen = (await fn.invoke({})) as Record<string, string>;
    delete process.env.AWS_PROFILE;
    delete process.env.HTTPS_PROXY;
    expect(seen).toMatchObject({
      TABLE: 'things',
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:11',
      AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:12',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:13',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    });
    const others = Object.keys(seen).filter(
      (name) => !/^(AWS_|LAMBDA_|TABLE$|NODE_|TZ$|LANG$|TMPDIR$|TEMP$|SystemRoot$)/.test(name),
    );
    expect(others).toEqual([]);
    expect(seen).not.toHaveProperty('AWS_PROFILE');
    expect(
      new Set(
        Object.keys(seen)
          .filter((name) => name.includes('ENDPOINT'))
          .map((name) => new URL(seen[name] ?? '').hostname),
      ),
    ).toEqual(new Set(['127.0.0.1']));
  });

  it('gets the event and a context, keeps its process for the next invocation and shows what it writes', async () => {
    const lines: string[] = [];
    const fn = await functionOf(
      'console.log("line", event.n); globalThis.n = (globalThis.n ?? 0) + event.n; return { n: globalThis.n, left: context.getRemainingTimeInMillis() };',
      { onOutput: (line) => lines.push(line) },
    );
    await fn.invoke({ n: 1 });
    const { n, left } = (await fn.invoke({ n: 2 })) as { n: number; left: number };
    expect(n).toBe(3);
    expect(left).toBeGreaterThan(8000);
    expect(left).toBeLessThanOrEqual(10_000);
    await fn.close();
    expect(lines).toEqual(['line 1', 'line 2']);
  });

  it('fails an invocation with the error that the handler threw, and goes on', async () => {
    const fn = await functionOf(
      'if (event.bad) throw new TypeError("no such thing"); return "fine";',
    );
    await expect(fn.invoke({ bad: true })).rejects.toMatchObject({
      errorType: 'TypeError',
      message: expect.stringContaining('no such thing'),
    });
    expect(await fn.invoke({})).toBe('fine');
    expect(fn.statistics).toEqual({ invocations: 2, errors: 1 });
  });

  it.each([
    ['that hangs', 'await new Promise(() => {}); setInterval(() => {}, 1000)', 'Sandbox.Timedout'],
    ['that ends its process', 'process.exit(3)', 'Runtime.ExitError'],
  ])('fails an invocation %s, and starts again', async (_, body, errorType) => {
    const fn = await functionOf(`if (event.bad) { ${body} } return "fine";`, { timeoutSeconds: 1 });
    await expect(fn.invoke({ bad: true })).rejects.toMatchObject({ errorType });
    expect(await fn.invoke({})).toBe('fine');
  });

  it('can be killed at work', async () => {
    const fn = await functionOf(
      'if (event.slow) await new Promise((resolve) => setTimeout(resolve, 5000)); return "fine";',
    );
    const slow = fn.invoke({ slow: true });
    expect(fn.atWork).toBe(1);
    expect(fn.kill()).toBe(1);
    await expect(slow).rejects.toMatchObject({ errorType: 'Runtime.ExitError' });
    expect(await fn.invoke({})).toBe('fine');
  });
});

describe('an event source', () => {
  let sqs: FaultyServer;
  let client: SQSClient;
  beforeAll(async () => {
    sqs = await startSqs();
    client = sqsClient(sqs.endpoint);
  });
  afterAll(async () => {
    client.destroy();
    await sqs.close();
  });

  /**
   * Sends messages, feeds them to a handler until `until` is met, and returns each batch's outcome
   * with what is left in the queue.
   */
  async function feed(
    bodies: string[],
    handler: string,
    definition: Partial<EventSourceDefinition> = {},
  ) {
    const QueueName = `queue-${functions.length}`;
    const { QueueUrl = '' } = await client.send(
      new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '60' } }),
    );
    for (const MessageBody of bodies)
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const outcomes: { deleted: number; left: number; errorType?: string }[] = [];
    const done = new Promise<void>((resolve) => {
      const handled = () => outcomes.reduce((sum, { deleted, left }) => sum + deleted + left, 0);
      definition = {
        ...definition,
        onBatch: ({ deleted, left, error }) => {
          outcomes.push({ deleted, left, errorType: error?.errorType });
          if (handled() >= bodies.length) resolve();
        },
      };
    });
    const source = new EventSource(client, await functionOf(handler), {
      queueUrl: QueueUrl,
      queueArn: 'arn:queue',
      batchSize: 50,
      batchingWindowSeconds: 0,
      reportBatchItemFailures: true,
      concurrency: 1,
      ...definition,
    });
    await done;
    await source.close();
    return { outcomes, left: await queueDepth(client, QueueUrl), QueueUrl };
  }
  const numbers = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => String(index));

  it('deletes what was acknowledged and leaves what was not', async () => {
    const failing =
      'return { batchItemFailures: event.Records.filter((r) => r.body === "3").map((r) => ({ itemIdentifier: r.messageId })) };';
    const { outcomes, left } = await feed(numbers(5), failing);
    expect(outcomes).toEqual([{ deleted: 4, left: 1 }]);
    expect(left).toBe(1);
  });

  it('deletes everything when the handler returns nothing', async () => {
    expect((await feed(numbers(3), 'return undefined;')).left).toBe(0);
  });

  it('deletes nothing when the handler throws', async () => {
    const { outcomes, left } = await feed(numbers(3), 'throw new Error("no");');
    expect(outcomes).toEqual([{ deleted: 0, left: 3, errorType: 'Error' }]);
    expect(left).toBe(3);
  });

  it.each([
    ['a message that is not in the batch', '[{ itemIdentifier: "nobody" }]'],
    ['an empty identifier', '[{ itemIdentifier: "" }]'],
    ['something that is no list', '"all"'],
  ])('deletes nothing when the handler names %s', async (_, failures) => {
    expect((await feed(numbers(2), `return { batchItemFailures: ${failures} };`)).left).toBe(2);
  });

  it('ignores named failures when the mapping does not ask for them', async () => {
    const all =
      'return { batchItemFailures: event.Records.map((r) => ({ itemIdentifier: r.messageId })) };';
    expect((await feed(numbers(2), all, { reportBatchItemFailures: false })).left).toBe(0);
  });

  it('fills a batch beyond what SQS hands out at once', async () => {
    const { outcomes } = await feed(numbers(35), 'return {};', { batchSize: 30 });
    expect(outcomes.map(({ deleted }) => deleted)).toEqual([30, 5]);
  });

  it('waits the window for more', async () => {
    const QueueName = 'slow-queue';
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName }));
    const sizes: number[] = [];
    const source = new EventSource(client, await functionOf('return {};'), {
      queueUrl: QueueUrl,
      queueArn: 'arn:queue',
      batchSize: 3,
      batchingWindowSeconds: 20,
      reportBatchItemFailures: true,
      concurrency: 1,
      onBatch: ({ deleted }) => sizes.push(deleted),
    });
    for (const MessageBody of numbers(3))
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    await untilEmpty(client, QueueUrl, 10);
    await source.close();
    expect(sizes).toEqual([3]);
  });

  it('gives the handler what Lambda gives it', async () => {
    const { outcomes } = await feed(
      ['hello'],
      `const [r] = event.Records;
       const ok = r.body === 'hello' && r.eventSource === 'aws:sqs' && r.eventSourceARN === 'arn:queue' && r.awsRegion === 'us-east-1'
         && r.messageId && r.receiptHandle && r.attributes.ApproximateReceiveCount === '1' && r.attributes.SentTimestamp > 0;
       if (!ok) throw new Error(JSON.stringify(r));`,
    );
    expect(outcomes).toEqual([{ deleted: 1, left: 0 }]);
  });
});
