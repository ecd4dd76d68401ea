import { Readable } from 'node:stream';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { HttpResponse } from '@smithy/core/protocols';
import type { SQSEvent } from 'aws-lambda';
import { itemOf } from '../parse-alone/index';

/** Answers at once, without a network. */
const nowhere = {
  handle: async () => ({
    response: new HttpResponse({
      statusCode: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: Readable.from([Buffer.from('{}')]),
    }),
  }),
};
const client = new DynamoDBClient({ requestHandler: nowhere });

/** Reads each message and makes the SDK's signed call of its row, as many at once as the consumer; nothing is sent. */
export const handler = async (event: SQSEvent): Promise<void> => {
  await Promise.all(
    event.Records.map(({ body }) =>
      client.send(
        new PutItemCommand({
          TableName: process.env.TRANSACTION_TABLE_NAME,
          Item: itemOf(body),
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': 'order_key' },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    ),
  );
};
