import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshalWith, nowhere } from '../marshal-alone';

/** The same with a client as the SDK makes it. */
export const handler = marshalWith(new DynamoDBClient({ requestHandler: nowhere }));
