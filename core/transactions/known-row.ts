import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { TABLE_KEYS, UNKNOWN_IS_EVENT } from './keys';

/** Whether a line has a row other than `-`. Costs half a read unit. */
export async function hasKnownRow(
  client: Pick<DynamoDBClient, 'send'>,
  tableName: string,
  lineId: string,
): Promise<boolean> {
  const { Count = 0 } = await client.send(
    new QueryCommand({
      TableName: tableName,
      KeyConditionExpression: '#line = :line AND #event > :unknown',
      ExpressionAttributeNames: { '#line': TABLE_KEYS.partition, '#event': TABLE_KEYS.sort },
      ExpressionAttributeValues: { ':line': { S: lineId }, ':unknown': { S: UNKNOWN_IS_EVENT } },
      Select: 'COUNT',
      Limit: 1,
    }),
  );
  return Count > 0;
}
