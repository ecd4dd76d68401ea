import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent } from 'aws-lambda';

const client = new DynamoDBClient({});

/** What is written on an afternoon: one PutItem after the other, every value a text, and whatever fails takes the batch with it. */
export const handler = async (event: SQSEvent): Promise<void> => {
  for (const record of event.Records) {
    const query = new URLSearchParams(new URLSearchParams(record.body).get('q') ?? '');
    const Item = Object.fromEntries([...query].filter(([, value]) => value !== '').map(([name, S]) => [name, { S }]));
    const order_key = { S: `${query.get('sid')}#${query.get('advertiser_id')}#${query.get('order_id')}` };
    const line_key = { S: `${query.get('etransaction_id')}#${query.get('is_event')}` };
    await client.send(new PutItemCommand({ TableName: process.env.TRANSACTION_TABLE_NAME, Item: { ...Item, order_key, line_key } }));
  }
};
