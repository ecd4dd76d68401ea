import { setTimeout as pause } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ENVIRONMENT } from '../../core/names';
import { TransactionWriter } from '../../core/store/write';
import { environment, optionalEnvironment } from '../runtime/environment';
import { Log } from '../runtime/log';
import { Metrics } from '../runtime/metrics';
import type { Archive } from './archive';
import { Consumer } from './consumer';
import { leaveThrottlingToCaller } from './own-tries';

/** The consumer of a function, as its environment says. */
export function consumerOf(archive?: Archive): Consumer {
  const client = dynamoDbClient();
  const expiry = optionalEnvironment(ENVIRONMENT.preliminaryExpiry);
  const service = environment(ENVIRONMENT.metricsService);
  return new Consumer({
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
    logPayloads: optionalEnvironment(ENVIRONMENT.logPayloads) === 'true',
    now: Date.now,
    pause,
    archive,
  });
}

/** A client for one small call after the other, many times a second. */
function dynamoDbClient(): DynamoDBClient {
  const client = new DynamoDBClient({
    maxAttempts: 4,
    // A stuck call must not take the whole batch's 30 seconds: it is cut off and tried again well inside them.
    requestHandler: { connectionTimeout: 1000, requestTimeout: 4000, throwOnRequestTimeout: true },
    // The SDK would sort its own steps anew for each call. Nothing changes them here after this function.
    cacheMiddleware: true,
  });
  // It copies each input and output, without what is secret in them, for a logger that this client does not have.
  client.middlewareStack.remove('loggerMiddleware');
  return leaveThrottlingToCaller(client);
}
