import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { sendHttp } from '../../core/rakuten/api/http';
import { systemClock } from '../../core/rakuten/api/request-with-retry';
import { sendProbe } from '../../core/registration/self-test';
import { readSecret, SecretsManagerVersions } from '../../core/state/secrets';

import type { WatchSettings } from '../../core/status-watch/record';
import type { WatchResult } from '../../core/status-watch/watch';
import { DynamoWatchStore } from '../../core/status-watch/watch-store';
import { allowedUrls } from '../shared/allowed-urls';
import { requireEnv, requireJsonEnv } from '../shared/environment';
import { Log } from '../shared/log';
import { Metrics } from '../shared/metrics';
import { onDemand } from '../shared/on-demand';
import { PATIENT } from '../shared/patience';
import { onEventBus } from './event-bus';
import { askReconciliation } from './reconciliation';
import { StatusWatch } from './status-watch';

const secrets = {
  secretsManager: new SecretsManagerClient(PATIENT),
  ssm: () => new SSMClient(PATIENT),
};
const service = requireEnv(ENVIRONMENT.metricsService);
const settings = requireJsonEnv<WatchSettings>(ENVIRONMENT.statusWatch);

const store = new DynamoWatchStore(
  new DynamoDBClient(PATIENT),
  requireEnv(ENVIRONMENT.stateTableName),
);
const { reconciliationFunction } = settings;

const statusWatch = new StatusWatch({
  settings,
  ports: {
    store,
    readSecret: (id, versionId) => readSecret(secrets, id, versionId),
    saveSecretVersion: (id, text, label) =>
      new SecretsManagerVersions(secrets.secretsManager).save(id, text, label),
    urls: allowedUrls(),
    send: sendHttp,
    probe: sendProbe,
    clock: systemClock,
    randomId: randomUUID,
    announce: onEventBus(
      onDemand(() => new EventBridgeClient(PATIENT)),
      service,
    ),
    reconcile:
      reconciliationFunction === undefined
        ? undefined
        : askReconciliation(
            onDemand(() => new LambdaClient(PATIENT)),
            reconciliationFunction,
            (sid) => store.readState(sid),
          ),
  },
  log: new Log(service),
  metrics: new Metrics(requireEnv(ENVIRONMENT.metricsNamespace), service),
});

export const handler = (_event: unknown, context: Context): Promise<WatchResult> =>
  statusWatch.handle(context);
