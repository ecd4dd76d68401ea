import { FirehoseClient } from '@aws-sdk/client-firehose';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { ENVIRONMENT } from '../../core/names';
import { createConsumer } from '../consumer/create-consumer';
import { requireEnv } from '../shared/environment';
import { FirehoseArchive } from '../shared/firehose-archive';

// A bundle of its own: whoever keeps no archive does not load Firehose's client at each cold start.
const firehose = new FirehoseClient({
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 4000, throwOnRequestTimeout: true },
});
const consumer = createConsumer(
  new FirehoseArchive(firehose, requireEnv(ENVIRONMENT.archiveStreamName)),
);

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  consumer.handle(event, context);
