import { join } from 'node:path';
import { CreateQueueCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';
import { ENVIRONMENT } from '../../../core/names';
import { sqsClient } from '../../../local/embedded/clients';
import type { FaultyServer } from '../../../local/embedded/server-thread';
import { startSqs } from '../../../local/embedded/sqs';
import { ExecutionEnvironment } from '../../../local/lambda/environment';
import { messageBody } from '../../support/messages';

/** The queue of the other region, and the bundle that sends to it. */
let server: FaultyServer;
let client: SQSClient;
let queueUrl: string;
let relay: ExecutionEnvironment;
const output: string[] = [];

beforeAll(async () => {
  server = await startSqs();
  client = sqsClient(server.endpoint);
  queueUrl = String(
    (await client.send(new CreateQueueCommand({ QueueName: 'postbacks' }))).QueueUrl,
  );
  relay = new ExecutionEnvironment({
    name: 'relay',
    taskRoot: join(__dirname, '../../../lambda-dist/relay'),
    handler: 'index.handler',
    timeoutSeconds: 30,
    memoryMegabytes: 256,
    variables: {
      [ENVIRONMENT.queueUrl]: queueUrl,
      [ENVIRONMENT.queueRegion]: 'us-east-1',
      [ENVIRONMENT.metricsService]: 'relay',
    },
    endpoints: {
      dynamodb: 'http://127.0.0.1:1',
      sqs: server.endpoint,
      secretsManager: 'http://127.0.0.1:1',
    },
    onOutput: (line) => output.push(line),
  });
});
afterAll(async () => {
  await relay?.close();
  client?.destroy();
  await server?.close();
});
afterEach(() => server.accept());

const handOn = async (...bodies: string[]): Promise<SQSBatchResponse> => {
  const Records = bodies.map((body, index) => ({ messageId: `m-${index}`, body }));
  return (await relay.invoke({ Records })) as SQSBatchResponse;
};

/** What has arrived, in any order, and takes it out. */
async function arrived(): Promise<string[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
  );
  return Messages.map(({ Body }) => String(Body)).sort();
}

it('hands every message on as it is', async () => {
  const bodies = Array.from({ length: 10 }, (_, i) =>
    messageBody(`k=secret&u1=member-${i}&product_name=Gr%C3%B6%C3%9Fe+%26+%22blau%22`),
  );
  expect(await handOn(...bodies)).toEqual({ batchItemFailures: [] });
  expect(await arrived()).toEqual([...bodies].sort());
});

it('reports those alone that were not taken', async () => {
  const [one, other] = [messageBody('u1=a'), messageBody('u1=b')];
  // A sign that no message of the endpoint has, and that SQS refuses.
  expect(await handOn(one, 'u1=\u0001', other)).toEqual({
    batchItemFailures: [{ itemIdentifier: 'm-1' }],
  });
  expect(await arrived()).toEqual([one, other].sort());
});

it('fails as a whole when nothing was taken, so that Lambda counts an error and slows down', async () => {
  await server.refuse({
    operations: ['SendMessageBatch'],
    status: 403,
    type: 'AccessDenied',
    message: 'no',
  });
  await expect(handOn(messageBody('u1=c'))).rejects.toThrow();
  await server.accept();
  await expect(handOn('\u0001')).rejects.toThrow(
    'no message was taken by the queue of the other region',
  );
  expect(await arrived()).toEqual([]);
});

it('writes nothing of a message into its log', () => {
  expect(output.length).toBeGreaterThan(0);
  expect(output.join()).not.toMatch(/secret|member|u1=/);
});
