import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { environment } from '../shared/environment';
import { Log } from '../shared/log';
import { PATIENT } from '../shared/patience';
import { Relay } from './relay';

const relay = new Relay({
  client: new SQSClient({ ...PATIENT, region: environment(ENVIRONMENT.queueRegion) }),
  queueUrl: environment(ENVIRONMENT.queueUrl),
  log: new Log(environment(ENVIRONMENT.metricsService)),
});

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => relay.handle(event, context);
