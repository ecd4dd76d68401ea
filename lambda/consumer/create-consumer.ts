import { setTimeout as pause } from 'node:timers/promises';
import type { Archive } from '../../core/archive/archive-record';
import { ENVIRONMENT } from '../../core/names';
import { CachedForgottenMembers } from '../../core/state/forgotten-members';
import { RowStore } from '../../core/transactions/row-store';
import { optionalEnv, requireEnv } from '../shared/environment';
import { itemOptions } from '../shared/item-options';
import { Log } from '../shared/log';
import { Metrics } from '../shared/metrics';
import { Consumer } from './consumer';
import { dynamoDb } from './dynamodb';

/** The consumer of a function, as configured by its environment. */
export function createConsumer(archive?: Archive): Consumer {
  const client = dynamoDb();
  const service = requireEnv(ENVIRONMENT.metricsService);
  const clock = { now: Date.now, pause };
  const stateTableName = requireEnv(ENVIRONMENT.stateTableName);
  const forgotten = new CachedForgottenMembers(client, stateTableName, clock.now);
  return new Consumer({
    client,
    stateTableName,
    rows: new RowStore({
      client,
      tableName: requireEnv(ENVIRONMENT.tableName),
      clock,
      forgotten,
      ...itemOptions(),
    }),
    forgotten,
    log: new Log(service),
    metrics: new Metrics(requireEnv(ENVIRONMENT.metricsNamespace), service),
    logPayloads: optionalEnv(ENVIRONMENT.logPayloads) === 'true',
    ...clock,
    archive,
  });
}
