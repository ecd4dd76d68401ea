import {
  CreateTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { dynamoDbClient, secretsManagerClient, sqsClient } from '../../../local/embedded/clients';
import { startDynamoDb } from '../../../local/embedded/dynamodb';
import { startSecretsManager } from '../../../local/embedded/secrets-manager';
import type { EmbeddedServer, FaultyServer } from '../../../local/embedded/server-thread';
import { startSqs } from '../../../local/embedded/sqs';

describe('the embedded DynamoDB', () => {
  let server: FaultyServer;
  let client: DynamoDBClient;
  beforeAll(async () => {
    server = await startDynamoDb();
    client = dynamoDbClient(server.endpoint);
    await client.send(
      new CreateTableCommand({
        TableName: 'things',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );
  });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });

  it('listens on the loopback address and keeps what it is given', async () => {
    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await client.send(
      new PutItemCommand({ TableName: 'things', Item: { id: { S: 'a' }, n: { N: '-180.0' } } }),
    );
    const { Item } = await client.send(
      new GetItemCommand({ TableName: 'things', Key: { id: { S: 'a' } } }),
    );
    expect(Item).toEqual({ id: { S: 'a' }, n: { N: '-180' } });
  });

  it('throttles the operations it is told to, as often as it is told (the SDK tries again by itself)', async () => {
    await server.refuse({
      operations: ['PutItem'],
      status: 400,
      type: 'ProvisionedThroughputExceededException',
      times: 1,
    });
    const put = () =>
      client.send(new PutItemCommand({ TableName: 'things', Item: { id: { S: 'b' } } }));
    await client.send(new ListTablesCommand({}));
    expect(server.refusals()).toBe(0);
    await expect(put()).resolves.toMatchObject({ $metadata: { attempts: 2 } });
    expect(server.refusals()).toBe(1);
    await server.accept();
  });
});

describe('the embedded SQS', () => {
  let server: FaultyServer;
  let client: SQSClient;
  let QueueUrl: string;
  beforeAll(async () => {
    server = await startSqs();
    client = sqsClient(server.endpoint);
    QueueUrl = (await client.send(new CreateQueueCommand({ QueueName: 'q' }))).QueueUrl ?? '';
  });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });

  it('names its queues by an address that needs no name resolution', () => {
    expect(QueueUrl).toBe(`${server.endpoint}/000000000000/q`);
  });

  it('hands out what was sent', async () => {
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'at=1&q=%26a%3D1' }));
    const { Messages } = await client.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }),
    );
    expect(Messages?.map((m) => m.Body)).toEqual(['at=1&q=%26a%3D1']);
  });

  it.each([
    [403, 'AccessDenied'],
    [503, 'ServiceUnavailable'],
  ])('refuses with %i when told to and recovers', async (status, type) => {
    await server.refuse({ operations: ['SendMessage'], status, type });
    const send = () => client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }));
    await expect(send()).rejects.toMatchObject({
      name: type,
      $metadata: { httpStatusCode: status },
    });
    await server.accept();
    await expect(send()).resolves.toMatchObject({ $metadata: { httpStatusCode: 200 } });
  });
});

describe('the embedded Secrets Manager', () => {
  let server: EmbeddedServer;
  let client: SecretsManagerClient;
  beforeAll(async () => {
    server = await startSecretsManager();
    client = secretsManagerClient(server.endpoint);
  });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });
  const value = async (SecretId: string, VersionStage?: string) =>
    (await client.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;

  it('keeps current, pending and previous versions apart', async () => {
    const { ARN = '', VersionId: first } = await client.send(
      new CreateSecretCommand({ Name: 'rakuten/api', SecretString: 'one' }),
    );
    expect(await value('rakuten/api')).toBe('one');
    expect(await value(ARN.replace(/-[^-]+$/, ''))).toBe('one');
    const { VersionId: second } = await client.send(
      new PutSecretValueCommand({
        SecretId: ARN,
        SecretString: 'two',
        VersionStages: ['AWSPENDING'],
      }),
    );
    expect([await value(ARN), await value(ARN, 'AWSPENDING')]).toEqual(['one', 'two']);
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: ARN,
        VersionStage: 'AWSCURRENT',
        MoveToVersionId: second,
        RemoveFromVersionId: first,
      }),
    );
    expect([await value(ARN), await value(ARN, 'AWSPREVIOUS')]).toEqual(['two', 'one']);
    const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId: ARN }));
    expect(VersionIdsToStages).toEqual({
      [String(first)]: ['AWSPREVIOUS'],
      [String(second)]: ['AWSPENDING', 'AWSCURRENT'],
    });
  });

  it('says that a secret is missing', async () => {
    await expect(value('nope')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
