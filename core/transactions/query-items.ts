import {
  type DynamoDBClient,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { Item } from './attributes';

/**
 * The items of a query, page after page. The next page is read when it is needed.
 *
 * The SDK's own paginator refuses a client of another copy of the SDK, which an application may
 * have.
 */
export async function* queryItems(
  client: Pick<DynamoDBClient, 'send'>,
  input: QueryCommandInput,
): AsyncGenerator<Item, void, undefined> {
  let startKey = input.ExclusiveStartKey;
  do {
    const page: QueryCommandOutput = await client.send(
      new QueryCommand({ ...input, ExclusiveStartKey: startKey }),
    );
    yield* page.Items ?? [];
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined);
}
