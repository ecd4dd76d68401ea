import { setTimeout as pause } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { FirehoseClient } from '@aws-sdk/client-firehose';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { sendHttp } from '../../core/rakuten/api/http';
import { systemClock } from '../../core/rakuten/api/request-with-retry';
import { NoteTable } from '../../core/reconciliation/checkpoint';
import { TableDayIndex, unverifiedRows } from '../../core/reconciliation/day-index';
import { MissingLinesTable } from '../../core/reconciliation/missing-lines';
import { TableRows } from '../../core/reconciliation/rows';
import type { ReconciliationSettings } from '../../core/reconciliation/window';
import { CachedForgottenMembers } from '../../core/state/forgotten-members';
import { readPublisherStates } from '../../core/state/publishers';
import { readSecret } from '../../core/state/secrets';
import { RowStore } from '../../core/transactions/row-store';
import { optionalEnv, requireEnv, requireJsonEnv } from '../shared/environment';
import { FirehoseArchive } from '../shared/firehose-archive';
import { itemOptions } from '../shared/item-options';
import { Log } from '../shared/log';
import { Metrics } from '../shared/metrics';
import { onDemand } from '../shared/on-demand';
import { Reconciler, type ReconciliationResult } from './reconciler';

// A stuck call is cut off and retried.
const clientConfig = {
  maxAttempts: 5,
  requestHandler: { connectionTimeout: 2000, requestTimeout: 8000, throwOnRequestTimeout: true },
};
const dynamodb = new DynamoDBClient(clientConfig);
const secrets = {
  secretsManager: new SecretsManagerClient(clientConfig),
  ssm: () => new SSMClient(clientConfig),
};
const lambda = onDemand(() => new LambdaClient(clientConfig));
const tableName = requireEnv(ENVIRONMENT.tableName);
const stateTableName = requireEnv(ENVIRONMENT.stateTableName);
const archiveStreamName = optionalEnv(ENVIRONMENT.archiveStreamName);
const service = requireEnv(ENVIRONMENT.metricsService);
const options = itemOptions();
const { dayShards } = options;
const forgotten = new CachedForgottenMembers(dynamodb, stateTableName, Date.now);

const reconciler = new Reconciler({
  settings: requireJsonEnv<ReconciliationSettings>(ENVIRONMENT.reconciliation),
  readStates: () => readPublisherStates(dynamodb, stateTableName),
  readSecret: (id) => readSecret(secrets, id),
  rakutenApiUrl: requireEnv(ENVIRONMENT.rakutenApiUrl),
  notes: new NoteTable(dynamodb, stateTableName),
  rows: new TableRows(dynamodb, tableName),
  dayIndex: new TableDayIndex(dynamodb, tableName, dayShards),
  store: new RowStore({
    client: dynamodb,
    tableName,
    clock: { now: Date.now, pause },
    forgotten,
    ...options,
  }),
  missingLines: new MissingLinesTable(dynamodb, stateTableName),
  forgotten,
  archive:
    archiveStreamName === undefined
      ? undefined
      : new FirehoseArchive(new FirehoseClient(clientConfig), archiveStreamName),
  unverifiedRows: (query) => unverifiedRows(dynamodb, { tableName, dayShards, ...query }),
  invokeSelf: async (event, { functionName }) => {
    await lambda.send(
      new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'Event',
        Payload: JSON.stringify(event),
      }),
    );
  },
  log: new Log(service),
  metrics: new Metrics(requireEnv(ENVIRONMENT.metricsNamespace), service),
  clock: systemClock,
  http: sendHttp,
});

export const handler = (event: unknown, context: Context): Promise<ReconciliationResult> =>
  reconciler.handle(event, context);
