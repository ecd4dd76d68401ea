import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSBatchItemFailure, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { TransactionEvent } from 'cdk-rakuten-postback/client';
import { Book } from './book';

const { LEDGER_TABLE_NAME = '', CASH_BACK_PERCENT = '' } = process.env;
const book = new Book(new DynamoDBClient(), LEDGER_TABLE_NAME, CASH_BACK_PERCENT);

/** Books a batch of events. SQS delivers the events again that could not be booked. */
export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const batchItemFailures: SQSBatchItemFailure[] = [];
  for (const { messageId, body } of Records) {
    try {
      const event = JSON.parse(body) as TransactionEvent;
      if (event.version !== '1')
        throw new Error(`The event has the unknown version ${event.version}.`);
      const isNew = await book.book(event);
      console.log(
        JSON.stringify({
          message: isNew ? 'booked' : 'not newer',
          eventID: event.eventID,
          reasons: event.reasons,
        }),
      );
    } catch (error) {
      console.error(JSON.stringify({ message: 'not booked', messageId, reason: String(error) }));
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
}
