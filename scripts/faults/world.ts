import { join } from 'node:path';
import { CreateTableCommand, DeleteItemCommand, type DynamoDBClient, paginateScan, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { ENVIRONMENT } from '../../core/names';
import { createStateTableInput, createTableInput } from '../../core/store/table';
import { Cleanup } from '../../local/cleanup';
import { dynamoDbClient, secretsManagerClient, sqsClient } from '../../local/embedded/clients';
import { startDynamoDb } from '../../local/embedded/dynamodb';
import { startSecretsManager } from '../../local/embedded/secrets-manager';
import { startSqs } from '../../local/embedded/sqs';
import { type FakeRakuten, startFakeRakuten } from '../../local/fake-rakuten';
import { LocalFunction } from '../../local/lambda/local-function';
import { Faults } from './proxy';

export const CLIENT = { clientId: 'client-id-of-the-faults', clientSecret: 'client-secret-of-the-faults' };
export const URL_SECRET = 'UrlSecretOfTheFaults0123456789abcdefghij';
/** None of these may be seen in anything that a function writes. */
export const SECRETS = [
  CLIENT.clientSecret,
  URL_SECRET,
  'fake-access-',
  Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64'),
];
export const TABLE = 'transactions';
export const STATE_TABLE = 'state';

/** The embedded services, and the way to them that can be disturbed. A test reads and writes by the undisturbed clients. */
export interface Services {
  readonly faults: Faults;
  readonly rakuten: FakeRakuten;
  /** As the functions see it. */
  readonly rakutenUrl: string;
  readonly client: DynamoDBClient;
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  /** What was put on the event bus, and whom the functions invoked. */
  readonly said: string[];
  readonly invoked: string[];
  readonly output: string[];
  /** A function of its own, with nothing remembered from an earlier run. */
  fresh(bundle: string, timeoutSeconds: number, variables?: Readonly<Record<string, string>>): LocalFunction;
  close(): Promise<void>;
}

/** Empties the state table: a case knows of no other. */
export async function forgetAll(client: DynamoDBClient): Promise<void> {
  for await (const { Items = [] } of paginateScan({ client }, { TableName: STATE_TABLE, ConsistentRead: true })) {
    for (const { kind, id } of Items) {
      if (kind !== undefined && id !== undefined) await client.send(new DeleteItemCommand({ TableName: STATE_TABLE, Key: { kind, id } }));
    }
  }
}

export async function startServices(): Promise<Services> {
  const cleanup = new Cleanup();
  const [dynamodb, sqs, secretsManager] = await Promise.all([startDynamoDb(), startSqs(), startSecretsManager()]);
  const rakuten = await startFakeRakuten(CLIENT);
  const faults = new Faults();
  const output: string[] = [];
  const said: string[] = [];
  const invoked: string[] = [];
  const client = dynamoDbClient(dynamodb.endpoint);
  const sqsOf = sqsClient(sqs.endpoint);
  const secrets = secretsManagerClient(secretsManager.endpoint);
  for (const [what, part] of Object.entries({ dynamodb, sqs, secretsManager, rakuten, faults })) cleanup.add(what, () => part.close());
  cleanup.add('the clients', () => {
    for (const each of [client, sqsOf, secrets]) each.destroy();
  });

  for (const input of [createTableInput(TABLE), createStateTableInput(STATE_TABLE)]) {
    await client.send(new CreateTableCommand(input));
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 0.01 }, { TableName: input.TableName });
  }
  await secrets.send(new CreateSecretCommand({ Name: 'credentials', SecretString: JSON.stringify(CLIENT) }));
  await secrets.send(new CreateSecretCommand({ Name: 'url-secret', SecretString: URL_SECRET }));
  const ok = (body: object) => ({
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: Buffer.from(JSON.stringify(body)),
  });
  const [dynamodbUrl, sqsUrl, secretsUrl, rakutenUrl, eventsUrl, lambdaUrl] = await Promise.all([
    faults.front('dynamodb', dynamodb.endpoint),
    faults.front('sqs', sqs.endpoint),
    faults.front('secretsmanager', secretsManager.endpoint),
    faults.front('rakuten', rakuten.url),
    faults.front('events', ({ body }) => {
      const { Entries } = JSON.parse(body.toString()) as { Entries: { DetailType: string }[] };
      said.push(...Entries.map(({ DetailType }) => DetailType));
      return ok({ FailedEntryCount: 0, Entries: Entries.map((_, index) => ({ EventId: String(index) })) });
    }),
    faults.front('lambda', ({ body }) => {
      invoked.push(body.toString());
      return { status: 202, headers: {}, body: Buffer.alloc(0) };
    }),
  ]);
  const { QueueUrl = '' } = await sqsOf.send(new CreateQueueCommand({ QueueName: 'postbacks' }));
  const queuePath = new URL(QueueUrl).pathname;
  const fresh: Services['fresh'] = (bundle, timeoutSeconds, variables = {}) =>
    new LocalFunction({
      name: bundle,
      taskRoot: join(__dirname, '..', '..', 'lambda-dist', bundle),
      handler: 'index.handler',
      timeoutSeconds,
      memoryMegabytes: 512,
      variables: {
        [ENVIRONMENT.tableName]: TABLE,
        [ENVIRONMENT.stateTableName]: STATE_TABLE,
        [ENVIRONMENT.dayShards]: '1',
        [ENVIRONMENT.metricsNamespace]: 'RakutenPostback',
        [ENVIRONMENT.metricsService]: 'faults',
        [ENVIRONMENT.queueUrl]: `${sqsUrl}${queuePath}`,
        AWS_ENDPOINT_URL_EVENTBRIDGE: eventsUrl,
        AWS_ENDPOINT_URL_LAMBDA: lambdaUrl,
        ...variables,
      },
      endpoints: { dynamodb: dynamodbUrl, sqs: sqsUrl, secretsManager: secretsUrl },
      onOutput: (line) => output.push(line),
    });
  return {
    faults,
    rakuten,
    rakutenUrl,
    client,
    sqs: sqsOf,
    queueUrl: `${sqs.endpoint}${queuePath}`,
    said,
    invoked,
    output,
    fresh,
    close: () => cleanup.run(),
  };
}
