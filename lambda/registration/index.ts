import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Context } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { sendHttp } from '../../core/rakuten/api/http';
import { systemClock } from '../../core/rakuten/api/request-with-retry';
import {
  handleRegistrationEvent,
  type RegistrationAnswer,
  type RegistrationEvent,
} from '../../core/registration/events';
import { handlePrecheckEvent, isPrecheckEvent } from '../../core/registration/precheck';
import { DynamoRegistrationStore } from '../../core/registration/registration-store';
import {
  isRotationEvent,
  type RotationAnswer,
  type RotationEvent,
  rotateUrlSecret,
} from '../../core/registration/rotate';
import { sendProbe } from '../../core/registration/self-test';
import { newUrlSecret, readSecret, SecretsManagerVersions } from '../../core/state/secrets';

import { allowedUrls } from '../shared/allowed-urls';
import { requireEnv } from '../shared/environment';
import { Log } from '../shared/log';
import { PATIENT } from '../shared/patience';
import { stateTableClient } from './state-table';

/** CloudFormation gets its answer well before the function's ten minutes are over. */
const LONGEST_RUN_MILLIS = 8 * 60_000;
const MARGIN_MILLIS = 20_000;

/**
 * A deployment has minutes: a state table that throttles for a while must not fail it. Seven tries
 * take up to half a minute, so that even giving up and giving the lease back end before the
 * function does.
 */
const STATE_TABLE_TRIES = 7;

const stateTable = requireEnv(ENVIRONMENT.stateTableName);
const store = new DynamoRegistrationStore(
  stateTableClient(new DynamoDBClient({ ...PATIENT, maxAttempts: STATE_TABLE_TRIES }), stateTable),
  stateTable,
);
const secretsManager = new SecretsManagerClient(PATIENT);
const secrets = { secretsManager, ssm: () => new SSMClient(PATIENT) };
const versions = new SecretsManagerVersions(secretsManager);
const log = new Log('registration');
const urls = allowedUrls();

/**
 * Answers the provider framework's `onEvent`, and a direct invocation that asks for a rotation of
 * the URL secret. The event of CloudFormation is never logged: it carries CloudFormation's answer
 * URL.
 */
export const handler = (
  event: RegistrationEvent | RotationEvent,
  context: Context,
): Promise<RegistrationAnswer | RotationAnswer> => {
  const runLog = log.of(context);
  const endUntil =
    Date.now() + Math.min(LONGEST_RUN_MILLIS, context.getRemainingTimeInMillis() - MARGIN_MILLIS);
  const ports = {
    store,
    readSecret: (id: string, versionId?: string) => readSecret(secrets, id, versionId),
    saveSecretVersion: (id: string, text: string, label: string) => versions.save(id, text, label),
    urls,
    send: sendHttp,
    probe: sendProbe,
    clock: systemClock,
    randomId: randomUUID,
    log: (
      message: string,
      fields?: Readonly<Record<string, string | number | boolean | undefined>>,
    ) => runLog.info(message, fields),
  };
  if (isRotationEvent(event)) {
    runLog.info('rotation', { sid: event.sid });
    return rotateUrlSecret({ ...ports, versions, newSecret: newUrlSecret }, event, endUntil);
  }
  runLog.info('request', {
    requestType: event.RequestType,
    requestId: event.RequestId,
    logicalResourceId: event.LogicalResourceId,
  });
  return isPrecheckEvent(event)
    ? handlePrecheckEvent(ports, event, endUntil)
    : handleRegistrationEvent(ports, event, endUntil);
};
