import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { TransactionWriter } from '../../core/store/write';
import { environment, optionalEnvironment } from '../runtime/environment';
import { Log } from '../runtime/log';
import { Metrics } from '../runtime/metrics';
import { Consumer } from './consumer';

// A stuck call must not take the whole batch's 30 seconds: it is cut off and tried again well inside them.
const client = new DynamoDBClient({
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 4000, throwOnRequestTimeout: true },
});
const expiry = optionalEnvironment(ENVIRONMENT.preliminaryExpiry);
const service = environment(ENVIRONMENT.metricsService);
const consumer = new Consumer({
  client,
  stateTableName: environment(ENVIRONMENT.stateTableName),
  writer: new TransactionWriter(
    client,
    environment(ENVIRONMENT.tableName),
    Number(environment(ENVIRONMENT.dayShards)),
    expiry === undefined ? undefined : Number(expiry),
  ),
  log: new Log(service),
  metrics: new Metrics(environment(ENVIRONMENT.metricsNamespace), service),
  now: Date.now,
});

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => consumer.handle(event, context);
