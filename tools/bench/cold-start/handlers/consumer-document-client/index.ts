import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as consumer from '../../../../../lambda/consumer';

export const documents = DynamoDBDocumentClient.from(new DynamoDBClient({}));
export const { handler } = consumer;
export { PutCommand };
