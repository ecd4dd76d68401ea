import { setTimeout as pause } from 'node:timers/promises';
import { ENVIRONMENT } from '../../core/names';
import { TransactionWriter } from '../../core/store/write';
import { environment, optionalEnvironment } from '../runtime/environment';
import { Log } from '../runtime/log';
import { Metrics } from '../runtime/metrics';
import type { Archive } from './archive';
import { Consumer } from './consumer';
import { dynamoDb } from './dynamodb';

/** The consumer of a function, as its environment says. */
export function consumerOf(archive?: Archive): Consumer {
  const client = dynamoDb();
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
