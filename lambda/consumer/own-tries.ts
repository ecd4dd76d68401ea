import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/**
 * Has the client hand on at once that DynamoDB throttles; all else that passes it tries again as
 * before. Its own way with throttling is made for single calls: pauses of up to seconds, and after
 * a hundred refusals in all no further try of any call. The caller has the time of an invocation,
 * see `whileThrottled`.
 */
export function leaveThrottlingToCaller(client: DynamoDBClient): DynamoDBClient {
  const { config } = client;
  const asMade = config.retryStrategy;
  config.retryStrategy = async () => {
    const strategy = await asMade();
    if (!('refreshRetryTokenForRetry' in strategy)) return strategy;
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      async refreshRetryTokenForRetry(token, info) {
        // The SDK then rejects with what DynamoDB said.
        if (info.errorType === 'THROTTLING') throw new Error('left to the caller');
        return strategy.refreshRetryTokenForRetry(token, info);
      },
      recordSuccess: (token) => strategy.recordSuccess(token),
    };
  };
  return client;
}
