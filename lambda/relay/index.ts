import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { requireEnv } from '../shared/environment';
import { Log } from '../shared/log';
import { PATIENT } from '../shared/patience';
import { Relay } from './relay';

const relay = new Relay({
  client: new SQSClient({ ...PATIENT, region: requireEnv(ENVIRONMENT.queueRegion) }),
  queueUrl: requireEnv(ENVIRONMENT.queueUrl),
  log: new Log(requireEnv(ENVIRONMENT.metricsService)),
});

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  relay.handle(event, context);
