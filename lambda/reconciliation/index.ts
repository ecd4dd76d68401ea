import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { sendHttp } from '../../core/rakuten/http';
import { systemClock } from '../../core/rakuten/retry';
import { NoteTable } from '../../core/reconciliation/note-table';
import { sqsOutbox } from '../../core/reconciliation/outbox';
import { TableRows } from '../../core/reconciliation/rows';
import type { ReconciliationSettings } from '../../core/reconciliation/settings';
import { unverifiedRows } from '../../core/reconciliation/unverified';
import { DynamoRegistrationStore } from '../../core/store/registration-store';
import { readSecret } from '../../core/store/secrets';
import { environment } from '../runtime/environment';
import { Log } from '../runtime/log';
import { Metrics } from '../runtime/metrics';
import { onDemand } from '../runtime/on-demand';
import { Reconciler, type ReconciliationResult } from './reconciler';

// A stuck call is cut off and tried again.
const patience = { maxAttempts: 5, requestHandler: { connectionTimeout: 2000, requestTimeout: 8000, throwOnRequestTimeout: true } };
const dynamodb = new DynamoDBClient(patience);
const secrets = { secretsManager: new SecretsManagerClient(patience), ssm: () => new SSMClient(patience) };
const lambda = onDemand(() => new LambdaClient(patience));
const tableName = environment(ENVIRONMENT.tableName);
const stateTableName = environment(ENVIRONMENT.stateTableName);
const dayShards = Number(environment(ENVIRONMENT.dayShards));
const service = environment(ENVIRONMENT.metricsService);

const reconciler = new Reconciler({
  settings: JSON.parse(environment(ENVIRONMENT.reconciliation)) as ReconciliationSettings,
  readState: (sid) => new DynamoRegistrationStore(dynamodb, stateTableName).readState(sid),
  readSecret: (id) => readSecret(secrets, id),
  notes: new NoteTable(dynamodb, stateTableName),
  rows: new TableRows(dynamodb, tableName),
  send: sqsOutbox(
    onDemand(() => new SQSClient(patience)),
    environment(ENVIRONMENT.queueUrl),
  ),
  unverifiedRows: (query) => unverifiedRows(dynamodb, { tableName, dayShards, ...query }),
  invokeSelf: async (event, { functionName }) => {
    await lambda.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: JSON.stringify(event) }));
  },
  log: new Log(service),
  metrics: new Metrics(environment(ENVIRONMENT.metricsNamespace), service),
  clock: systemClock,
  http: sendHttp,
});

export const handler = (event: unknown, context: Context): Promise<ReconciliationResult> => reconciler.handle(event, context);
