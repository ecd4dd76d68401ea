import { Readable } from 'node:stream';
import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { HttpResponse } from '@smithy/core/protocols';
import type { SQSEvent } from 'aws-lambda';
import { dynamoDb } from '../../../../../lambda/consumer/dynamodb';
import { itemOf } from '../parse-alone';

/** Answers at once, without a network. */
export const nowhere = {
  handle: async () => ({
    response: new HttpResponse({
      statusCode: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: Readable.from([Buffer.from('{}')]),
    }),
  }),
};

/** Reads each message and makes the SDK's signed call of its row, without sending it. */
export const marshalWith =
  (client: DynamoDBClient) =>
  async (event: SQSEvent): Promise<void> => {
    await Promise.all(
      event.Records.map(({ body }) =>
        client.send(
          new PutItemCommand({
            TableName: process.env.TRANSACTION_TABLE_NAME,
            Item: itemOf(body),
            ConditionExpression: 'attribute_not_exists(#key)',
            ExpressionAttributeNames: { '#key': 'line_id' },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
      ),
    );
  };

export const handler = marshalWith(dynamoDb(nowhere));
