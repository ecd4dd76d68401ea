import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent } from 'aws-lambda';

const client = new DynamoDBClient({});

/**
 * A simple handler: one PutItem after the other, each value a text. Any failure fails the batch.
 */
export const handler = async (event: SQSEvent): Promise<void> => {
  for (const record of event.Records) {
    const query = new URLSearchParams(new URLSearchParams(record.body).get('q') ?? '');
    const Item = Object.fromEntries(
      [...query].filter(([, value]) => value !== '').map(([name, S]) => [name, { S }]),
    );
    const line_id = { S: `${query.get('sid')}#${query.get('etransaction_id')}` };
    await client.send(
      new PutItemCommand({
        TableName: process.env.TRANSACTION_TABLE_NAME,
        Item: { ...Item, line_id },
      }),
    );
  }
};
