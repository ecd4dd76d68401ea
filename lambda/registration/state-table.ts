import { ConditionalCheckFailedException, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { UserError } from '../../core/errors';

/** A call to the state table that failed for good. The message says what to do. */
export const stateTableError = (tableName: string, cause: Error): UserError =>
  new UserError({
    name: 'StateTableError',
    problem: `The state table ${tableName} cannot be used: ${cause.name}: ${cause.message || 'no answer'}`,
    nextStep: `${fixFor(cause)}, and try again`,
    cause,
  });

function fixFor({ name }: Error): string {
  switch (name) {
    case 'AccessDeniedException':
      return "grant the registration function's role what it was refused, including its rights on the table's key if that is a key of your own";
    case 'ResourceNotFoundException':
      return 'bring the table back (from its backups), as a deployment does not make it again';
    case 'ThrottlingException':
    case 'ProvisionedThroughputExceededException':
      return "wait for a few minutes; if it stays, raise the table's capacity";
    default:
      return 'see whether DynamoDB works in this region (the AWS Health Dashboard tells) and can be reached from the function';
  }
}

/**
 * The client with its errors explained. That a condition did not hold is an answer rather than an
 * error.
 */
export function stateTableClient(
  client: DynamoDBClient,
  tableName: string,
): Pick<DynamoDBClient, 'send'> {
  const send = async (...parameters: Parameters<DynamoDBClient['send']>): Promise<unknown> => {
    try {
      return await client.send(...parameters);
    } catch (error) {
      throw error instanceof ConditionalCheckFailedException
        ? error
        : stateTableError(tableName, error as Error);
    }
  };
  return { send: send as DynamoDBClient['send'] };
}
