import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { type FakeRakuten, startFakeRakuten } from '../fake-rakuten';
import { Cleanup } from './cleanup';
import { dynamoDbClient, LOCAL_REGION, secretsManagerClient, sqsClient } from './embedded/clients';
import { startDynamoDb } from './embedded/dynamodb';
import { startSecretsManager } from './embedded/secrets-manager';
import type { FaultyServer } from './embedded/server-thread';
import { startSqs } from './embedded/sqs';
import { type Gateway, startGateway } from './gateway/gateway';
import { startInvokeApi } from './lambda/invoke-api';
import type { LocalFunction } from './lambda/local-function';
import { synthesize } from './template/assembly';
import type { BatchOutcome, ProvisionContext } from './template/context';
import { provision } from './template/provision';

export const LOCAL_SID = '3900112';
const CREDENTIALS_SECRET_NAME = 'rakuten/api';

export interface LocalStackOptions {
  /** Port of the endpoint on 127.0.0.1. @default - a free one */
  readonly port?: number;
  /** Folder of the synthesized app. @default - a temporary folder that is removed at the end */
  readonly outDir?: string;
  /** More context for the app, as `-c name=value` gives it. */
  readonly context?: Readonly<Record<string, string>>;
  /** @default '3900112' */
  readonly sid?: string;
  /** Visibility timeout of the queue. @default - as in the template */
  readonly visibilityTimeoutSeconds?: number;
  /** Maximum number of batches at once. @default - as in the template, at most one per processor */
  readonly maxConcurrency?: number;
  /**
   * Failures in a row after which the fake Rakuten disables the postback. @default - the fake's own
   * number
   */
  readonly autoDisableAfter?: number;
  /** Milliseconds that the fake Rakuten waits for a response. @default 400 */
  readonly pushTimeoutMillis?: number;
  /** Called before each step of the start. */
  readonly onProgress?: (step: string) => void;
  /** Called with each line that a function writes. */
  readonly onOutput?: (functionName: string, line: string) => void;
  /** Called after each batch of the consumer. */
  readonly onBatch?: (outcome: BatchOutcome) => void;
  /** Called if the queue could not be read, or a batch not deleted from it. */
  readonly onTrouble?: (message: string) => void;
  /** Cancels the start and stops the parts that are running. */
  readonly signal?: AbortSignal;
}

/** The whole stack on embedded parts: fake Rakuten, endpoint, queue, functions, tables. */
export interface LocalStack {
  readonly sid: string;
  /** The URL that is registered at the fake Rakuten: with the secret, and tokens such as `<u1>`. */
  readonly registeredUrl: string;
  readonly gateway: Gateway;
  readonly rakuten: FakeRakuten;
  readonly dynamodb: FaultyServer;
  readonly sqs: FaultyServer;
  readonly secretsManagerEndpoint: string;
  /** Lambda's Invoke API for the functions of the template. */
  readonly lambdaEndpoint: string;
  readonly region: string;
  readonly tableName: string;
  readonly stateTableName: string;
  readonly queueUrl: string;
  readonly deadLetterQueueUrl: string;
  /** The template's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly consumer: LocalFunction;
  /**
   * Every function of the template, by ARN. Schedules do not run here: only the consumer is invoked
   * by itself.
   */
  readonly functions: ReadonlyMap<string, LocalFunction>;
  readonly clients: ProvisionContext['clients'];
  close(): Promise<void>;
}

/**
 * Starts the embedded parts, synthesizes the app and creates its resources. Resolves when the
 * postback is registered.
 */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const cleanup = new Cleanup();
  try {
    return await start(options, cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function start(options: LocalStackOptions, cleanup: Cleanup): Promise<LocalStack> {
  const sid = options.sid ?? LOCAL_SID;
  const step = (text: string): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.(text);
  };

  step('starting DynamoDB, SQS, Secrets Manager, the endpoint and a fake Rakuten');
  const parts = await startParts(options, cleanup);
  const { dynamodb, sqs, secretsManager, lambda, gateway, rakuten, clients, functions } = parts;
  await clients.secretsManager.send(
    new CreateSecretCommand({
      Name: CREDENTIALS_SECRET_NAME,
      SecretString: JSON.stringify(parts.rakutenCredentials),
    }),
  );

  step('synthesizing the app');
  const outDir = options.outDir ?? (await temporaryFolder(cleanup));
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  const context = {
    sid,
    credentialsSecretName: CREDENTIALS_SECRET_NAME,
    rakutenApiUrl: rakuten.url,
    endpointBaseUrl: `${gateway.url}/{stage}`,
    ...options.context,
  };
  const assembly = await synthesize(outDir, context, options.signal);

  step('creating the resources of the template and registering the postback');
  const provisionContext: Omit<ProvisionContext, 'assetPath'> = {
    stackName: assembly.stackName,
    endpoints: {
      dynamodb: dynamodb.endpoint,
      sqs: sqs.endpoint,
      secretsManager: secretsManager.endpoint,
      lambda: lambda.endpoint,
    },
    clients,
    gateway,
    functions,
    eventSources: [],
    queues: new Map(),
    visibilityTimeoutSeconds: options.visibilityTimeoutSeconds,
    maxConcurrency: options.maxConcurrency ?? availableParallelism(),
    onOutput: options.onOutput,
    onBatch: options.onBatch,
    onTrouble: options.onTrouble,
    signal: options.signal,
  };
  cleanup.add('the functions', () => closeFunctions(provisionContext));
  const stopOnAbort = () => void closeFunctions(provisionContext);
  options.signal?.addEventListener('abort', stopOnAbort, { once: true });
  const { outputs } = await provision(assembly, provisionContext);
  options.signal?.removeEventListener('abort', stopOnAbort);

  const registered = rakuten.slot(sid);
  if (registered === undefined)
    throw new Error('the registration succeeded, but nothing is registered at the fake Rakuten');
  return {
    sid,
    registeredUrl: registered.url,
    gateway,
    rakuten,
    dynamodb,
    sqs,
    secretsManagerEndpoint: secretsManager.endpoint,
    lambdaEndpoint: lambda.endpoint,
    region: LOCAL_REGION,
    tableName: output(outputs, 'TableName'),
    stateTableName: output(outputs, 'StateTableName'),
    queueUrl: output(outputs, 'QueueUrl'),
    deadLetterQueueUrl: output(outputs, 'DeadLetterQueueUrl'),
    outputs,
    consumer: consumerOf(provisionContext),
    functions,
    clients,
    close: () => cleanup.run(),
  };
}

/** The endpoint starts first: a used port is the most likely reason for a failure. */
async function startParts(
  { port, autoDisableAfter, pushTimeoutMillis }: LocalStackOptions,
  cleanup: Cleanup,
) {
  const sqs = await startSqs();
  cleanup.add('SQS', () => sqs.close());
  const gateway = await startGateway({ port, sqsEndpoint: sqs.endpoint });
  cleanup.add('the endpoint', () => gateway.close());
  const rakutenCredentials = {
    clientId: 'local-client',
    clientSecret: randomBytes(16).toString('hex'),
  };
  const rakuten = await startFakeRakuten({
    ...rakutenCredentials,
    autoDisableAfter,
    timeoutMillis: pushTimeoutMillis,
  });
  cleanup.add('the fake Rakuten', () => rakuten.close());
  const dynamodb = await startDynamoDb();
  cleanup.add('DynamoDB', () => dynamodb.close());
  const secretsManager = await startSecretsManager();
  cleanup.add('Secrets Manager', () => secretsManager.close());
  const functions = new Map<string, LocalFunction>();
  const lambda = await startInvokeApi(() => functions.values());
  cleanup.add('the Invoke API', () => lambda.close());
  const clients = {
    dynamodb: dynamoDbClient(dynamodb.endpoint),
    sqs: sqsClient(sqs.endpoint),
    secretsManager: secretsManagerClient(secretsManager.endpoint),
  };
  cleanup.add('the SDK clients', () => {
    for (const client of Object.values(clients)) client.destroy();
  });
  return {
    sqs,
    gateway,
    rakuten,
    rakutenCredentials,
    dynamodb,
    secretsManager,
    lambda,
    clients,
    functions,
  };
}

async function temporaryFolder(cleanup: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rakuten-postback-'));
  cleanup.add('the synthesized app', () => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function closeFunctions({
  eventSources,
  functions,
}: Pick<ProvisionContext, 'eventSources' | 'functions'>): Promise<void> {
  const closed = eventSources.map((source) => source.close());
  // A running batch fails at once when its process ends, and its messages stay in the queue.
  await Promise.all([...functions.values()].map((fn) => fn.close()));
  await Promise.all(closed);
}

/** The function that the queue feeds. */
function consumerOf({
  eventSources,
  stackName,
}: Pick<ProvisionContext, 'eventSources' | 'stackName'>): LocalFunction {
  const [source] = eventSources;
  if (source === undefined)
    throw new Error(`the stack ${stackName} has no function that reads the queue`);
  return source.target;
}

function output(outputs: Readonly<Record<string, string>>, name: string): string {
  const value = outputs[name];
  if (value === undefined) throw new Error(`the app's template has no output ${name}`);
  return value;
}
