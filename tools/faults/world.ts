import { join } from 'node:path';
import { DeleteItemCommand, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { ENVIRONMENT } from '../../core/names';
import { createStateTableInput, createTableInput } from '../../core/state/table';
import { type FakeRakuten, startFakeRakuten } from '../../fake-rakuten';
import { Cleanup } from '../../local/cleanup';
import { LOCAL_REGION } from '../../local/embedded/clients';
import { type EmbeddedServices, startEmbeddedServices } from '../../local/embedded/services';
import { LocalFunction } from '../../local/lambda/local-function';
import { CLIENT, SECRETS, STATE_TABLE, TABLE, URL_SECRET } from './names';
import { Faults } from './proxy';
import { StandIns } from './stand-ins';

/** The services of one case at a time, behind a proxy. A case itself uses undisturbed clients. */
export interface World {
  readonly faults: Faults;
  readonly rakuten: FakeRakuten;
  /** As the functions see it. */
  readonly rakutenUrl: string;
  readonly clients: EmbeddedServices['clients'];
  readonly standIns: StandIns;
  /** Log lines of the functions. */
  readonly output: string[];
  /** Texts that must not be in them. */
  readonly secrets: Set<string>;
  /** A function of its own, with nothing remembered from an earlier run. */
  fresh(
    bundle: string,
    timeoutSeconds: number,
    variables?: Readonly<Record<string, string>>,
  ): LocalFunction;
  /** Receives and deletes what is in the queue. */
  takeMessages(): Promise<string[]>;
  /** Removes what earlier cases left in the state, the queue and the stand-ins. */
  forgetAll(): Promise<void>;
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const cleanup = new Cleanup();
  const services = await startEmbeddedServices();
  cleanup.add('the services', () => services.close());
  const rakuten = await startFakeRakuten(CLIENT);
  cleanup.add('the fake Rakuten', () => rakuten.close());
  const faults = new Faults();
  cleanup.add('the proxy', () => faults.close());
  const { clients, endpoints } = services;
  await services.createTables(createTableInput(TABLE), createStateTableInput(STATE_TABLE));
  for (const [Name, SecretString] of [
    ['credentials', JSON.stringify(CLIENT)],
    ['url-secret', URL_SECRET],
  ])
    await clients.secretsManager.send(new CreateSecretCommand({ Name, SecretString }));
  const { QueueUrl = '' } = await clients.sqs.send(
    new CreateQueueCommand({ QueueName: 'postbacks' }),
  );

  const standIns = new StandIns();
  const front = {
    dynamodb: await faults.front('dynamodb', endpoints.dynamodb),
    sqs: await faults.front('sqs', endpoints.sqs),
    secretsManager: await faults.front('secretsmanager', endpoints.secretsManager),
  };
  const rakutenUrl = await faults.front('rakuten', rakuten.url);
  const variables = {
    ...COMMON_VARIABLES,
    [ENVIRONMENT.queueUrl]: QueueUrl.replace(endpoints.sqs, front.sqs),
    [ENVIRONMENT.rakutenApiUrl]: rakutenUrl,
    AWS_ENDPOINT_URL_EVENTBRIDGE: await faults.front('events', standIns.handles.events),
    AWS_ENDPOINT_URL_LAMBDA: await faults.front('lambda', standIns.handles.lambda),
    AWS_ENDPOINT_URL_FIREHOSE: await faults.front('firehose', standIns.handles.firehose),
    AWS_ENDPOINT_URL_SSM: await faults.front('ssm', standIns.handles.ssm),
  };
  const output: string[] = [];
  const takeMessages = (): Promise<string[]> => takeAll(clients.sqs, QueueUrl);
  return {
    faults,
    rakuten,
    rakutenUrl,
    clients,
    standIns,
    output,
    secrets: new Set(SECRETS),
    fresh: (bundle, timeoutSeconds, more = {}) =>
      new LocalFunction({
        name: bundle,
        taskRoot: join(__dirname, '..', '..', 'lambda-dist', bundle),
        handler: 'index.handler',
        timeoutSeconds,
        memoryMegabytes: 512,
        variables: { ...variables, ...more },
        endpoints: front,
        onOutput: (line) => output.push(line),
      }),
    takeMessages,
    forgetAll: async () => {
      standIns.forget();
      await emptyState(clients.dynamodb);
      await takeMessages();
    },
    close: () => cleanup.run(),
  };
}

const COMMON_VARIABLES = {
  [ENVIRONMENT.tableName]: TABLE,
  [ENVIRONMENT.stateTableName]: STATE_TABLE,
  [ENVIRONMENT.dayShards]: '1',
  [ENVIRONMENT.metricsNamespace]: 'RakutenPostback',
  [ENVIRONMENT.metricsService]: 'faults',
  [ENVIRONMENT.queueRegion]: LOCAL_REGION,
  [ENVIRONMENT.archiveStreamName]: 'archive',
};

async function emptyState(client: DynamoDBClient): Promise<void> {
  for await (const { Items = [] } of paginateScan(
    { client },
    { TableName: STATE_TABLE, ConsistentRead: true },
  )) {
    for (const { kind, id } of Items) {
      if (kind !== undefined && id !== undefined)
        await client.send(new DeleteItemCommand({ TableName: STATE_TABLE, Key: { kind, id } }));
    }
  }
}

async function takeAll(
  client: EmbeddedServices['clients']['sqs'],
  QueueUrl: string,
): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return bodies;
    for (const { Body = '', ReceiptHandle } of Messages) {
      bodies.push(Body);
      await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
  }
}
