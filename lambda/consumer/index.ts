import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { consumerOf } from './consumer-of';

const consumer = consumerOf();

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> => consumer.handle(event, context);
