import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createConsumer } from './create-consumer';

const consumer = createConsumer();

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  consumer.handle(event, context);
