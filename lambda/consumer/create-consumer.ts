import { setTimeout as pause } from 'node:timers/promises';
import type { Archive } from '../../core/archive/archive';
import { ENVIRONMENT } from '../../core/names';
import { RowStore } from '../../core/store/row-store';
import { environment, optionalEnvironment } from '../runtime/environment';
import { itemOptions } from '../runtime/item-options';
import { Log } from '../runtime/log';
import { Metrics } from '../runtime/metrics';
import { Consumer } from './consumer';
import { dynamoDb } from './dynamodb';

/** The consumer of a function, as configured by its environment. */
export function createConsumer(archive?: Archive): Consumer {
  const client = dynamoDb();
  const service = environment(ENVIRONMENT.metricsService);
  const clock = { now: Date.now, pause };
  return new Consumer({
    client,
    stateTableName: environment(ENVIRONMENT.stateTableName),
    rows: new RowStore({ client, tableName: environment(ENVIRONMENT.tableName), clock, ...itemOptions() }),
    log: new Log(service),
    metrics: new Metrics(environment(ENVIRONMENT.metricsNamespace), service),
    logPayloads: optionalEnvironment(ENVIRONMENT.logPayloads) === 'true',
    ...clock,
    archive,
  });
}
